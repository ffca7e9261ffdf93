#include "report/doc_style.h"

const char doc_style[] =
    ":root{color-scheme:light dark}\n"
    "body{font:16px/1.5 system-ui,sans-serif;margin:2rem}\n"
    "th,td{text-align:left}.n{text-align:right}\n";
