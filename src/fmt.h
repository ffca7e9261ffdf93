/* fmt: numbers to text and text to numbers.  One look for every number on screen and in reports; pure, layer 0.
 * Every printer writes "–" for NAN: unknown is not zero.  `out` is returned, always ends in NUL; 32 bytes are enough. */
#ifndef TG_FMT_H
#define TG_FMT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FMT_UNKNOWN "–"
#define FMT_SIZE 32

/* 0.412 → "412 µs", 118.2 → "118 ms", 1232 → "1.23 s", 95000 → "95.0 s", 1e6 → "16 m 40 s". */
char *fmt_ms(char out[FMT_SIZE], double ms);
/* Three figures: 0.42, 34.0, 131.8 → "131.8", 4567 → "4567". */
char *fmt_rate(char out[FMT_SIZE], double per_s);
/* Requests a second may be few: below 0.1 as fmt_number, for two decimals would leave a figure or none.  0.003, 0.25, 12.5. */
char *fmt_requests(char out[FMT_SIZE], double per_s);
/* Four figures where it has them, and never an exponent: 0.001, 2.5, 14.14, 1189, 100000. */
char *fmt_number(char out[FMT_SIZE], double v);
/* Thousands by spaces: 214, 2 048, 1 234 567. */
char *fmt_count(char out[FMT_SIZE], double n);
/* Bytes as GiB with one decimal, without the unit: "39.7". */
char *fmt_gib(char out[FMT_SIZE], double bytes);
/* 0.312 → "31 %".  0 % is none and 100 % is all: "0.4 %", "< 0.1 %", "99.6 %", "> 99.9 %". */
char *fmt_percent(char out[FMT_SIZE], double share);
/* … beside a limit that it is judged by: what is below it does not look like it (0.95): "94.6 %", "< 95 %". */
char *fmt_percent_below(char out[FMT_SIZE], double share, double limit);
/* … in five columns, beside a bar: "<1 %", ">99 %". */
char *fmt_percent_short(char out[FMT_SIZE], double share);
/* Tokens as a person writes them: 512, 2k (= 2048), 16k; anything that is not a whole k in figures. */
char *fmt_tokens(char out[FMT_SIZE], double n);
/* … of context that requests ask for; 0: unknown, for prompts of a file are as long as they are. */
char *fmt_context(char out[FMT_SIZE], double n);
/* Seconds as a clock: "00:03:12"; from 100 h on "123:00:00". */
char *fmt_clock(char out[FMT_SIZE], double s);
/* Seconds that are only a guess: "8 s", "35 s", "2 min", "1 h 20 min"; a whole number of what fits its size. */
char *fmt_about(char out[FMT_SIZE], double s);
/* A JSON number, or null for NAN and infinities; `decimals` (up to 14) at the most, trailing zeros cut.  No locale. */
char *fmt_json(char out[FMT_SIZE], double v, int decimals);

/* Parsers take the whole string, refuse anything left over, and leave *v alone where they return false. */
/* "30", "30s", "500ms", "200us", "5m", "24h", "1h30m" → ns; a bare number is seconds. */
bool parse_duration(const char *s, int64_t *ns);
/* As it takes it, in the largest unit of which it is a whole number. */
char *fmt_duration(char out[FMT_SIZE], int64_t ns);
/* Tokens: "4096", "4k" (× 1024). */
bool parse_tokens(const char *s, int64_t *n);
/* Plain whole number, "k" × 1000, "M" × 1 000 000. */
bool parse_count(const char *s, int64_t *n);
/* Bytes: "2GiB", "512MiB", "2G" (binary), "1000". */
bool parse_bytes(const char *s, int64_t *bytes);
bool parse_double(const char *s, double *v);

#endif
