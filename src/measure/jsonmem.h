/* jsonmem: memory for the JSON of one stream event.  A decoded event is some forty small pieces that live for a few
 * microseconds; taken from a block of the thread's own they cost a third of malloc and free.  What does not fit comes
 * from malloc.  cJSON's hooks are set when the program starts and serve every use of cJSON; outside of begin and end
 * they are malloc and free. */
#ifndef TG_JSONMEM_H
#define TG_JSONMEM_H

struct cJSON;

/* From here on cJSON objects that this thread makes come from its block … */
void jsonmem_begin(void);
/* … until here (between begin and end others may be nested).  All that was made since the outermost begin must have been
 * deleted by the outermost end. */
void jsonmem_end(void);
/* Deletes an object made since the outermost begin (NULL: nothing to do); what lies in the block needs no walk for that. */
void jsonmem_delete(struct cJSON *json);

#endif
