/* rowstore: the requests of a run file, packed.  A row as the engine has it takes half a kilobyte; here it takes about 25 bytes, so
 * that a million of them fit into the memory of a small machine.  Most of a row is what the row before had too: only what changed is
 * kept, as differences of variable length.  Gaps and texts are not kept.  Not thread-safe: reading unpacks into the store. */
#ifndef TG_ROWSTORE_H
#define TG_ROWSTORE_H

#include "measure/recorder.h"

#include <stddef.h>

struct rowstore;

struct rowstore *rowstore_new(void);
void rowstore_free(struct rowstore *s); /* NULL: nothing happens */
void rowstore_add(struct rowstore *s, const struct row *r);
/* Row i of those that were added, from 0; without gaps and text.  Valid until the next call on this store.  Rows near to each
 * other are cheap to read one after the other, in either direction; any other costs 64 of them. */
const struct row *rowstore_get(struct rowstore *s, size_t i);
/* What all rows take packed. */
size_t rowstore_bytes(const struct rowstore *s);

#endif
