/* doc_style: the one style sheet of an HTML document. */
#ifndef TG_DOC_STYLE_H
#define TG_DOC_STYLE_H

extern const char doc_style[];

#endif
