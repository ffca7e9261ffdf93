#include "mask.h"
#include "secret.h"
#include "util.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define STARS SECRET_STARS
#define WORD_MAX (1u << 20)
#define HEADER_NAME 64 /* a "name" longer than this is none */

static const char name_chars[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

/* ---- what is a secret ---- */

static bool ends_in(const char *s, size_t n, const char *end)
{
    size_t k = strlen(end);
    return n >= k && strncasecmp(s + n - k, end, k) == 0;
}

/* The position of `part` in s[0..n) from `from` on, in any case of letters; n: it is not there. */
static size_t find_part(const char *s, size_t n, size_t from, const char *part)
{
    size_t k = strlen(part);
    for (size_t i = from; i + k <= n; i++)
        if (strncasecmp(s + i, part, k) == 0)
            return i;
    return n;
}

/* 8192, 16k, 0.5: a limit and not a secret. */
static bool is_short_number(const char *v)
{
    size_t n = strspn(v, "0123456789.kKmM");
    return n > 0 && n <= 9 && strchr(" \t,;&)}]'\"", v[n]) != NULL; /* or the end: strchr finds the NUL as well */
}

/* "token" is also what a model reads and writes: --tokenizer X, --max-num-batched-tokens 8192. */
static bool token_is_secret(const char *name, size_t n, const char *value)
{
    for (size_t i = find_part(name, n, 0, "token"); i < n; i = find_part(name, n, i + 5, "token")) {
        const char *rest = name + i + 5;
        size_t left = n - i - 5;
        bool model = left >= 2 && (strncasecmp(rest, "iz", 2) == 0 || strncasecmp(rest, "is", 2) == 0);
        if (!model && (left == 0 || !is_short_number(value)))
            return true;
    }
    return false;
}

static bool is_secret(const char *name, size_t n, const char *value)
{
    static const char *const parts[] = {"key", "secret", "password", "passwd", "passphrase", "auth", "credential"};
    static const char *const places[] = {"file", "-path", "_path", "-dir", "_dir", "-env", "_env"};
    for (size_t i = 0; i < ARRAY_LEN(places); i++) /* --api-key-file: where it is, not what it is */
        if (ends_in(name, n, places[i]))
            return false;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        if (find_part(name, n, 0, parts[i]) < n)
            return true;
    static const char *const short_names[] = {"pass", "pw", "pwd", "jwt", "sig", "signature", "hft", "api-k", "api-ke", "api_k", "api_ke"};
    size_t dashes = strspn(name, "-");
    for (size_t i = 0; i < ARRAY_LEN(short_names); i++) { /* as a name of its own, or as its last part: DB_PASS */
        size_t k = strlen(short_names[i]);
        if (ends_in(name, n, short_names[i]) && (n <= dashes + k || strchr("-_.", name[n - k - 1]) != NULL))
            return true;
    }
    return token_is_secret(name, n, value);
}

static bool is_header(const char *name, size_t n)
{
    return (n == 2 && strncmp(name, "-H", 2) == 0) || ((n == 8 || n == 9) && strncmp(name, "--headers", n) == 0);
}

static size_t key_length(const char *s)
{
    return strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
}

/* Length of the key of a known service at p, or 0.  hf_models/llama and sk-learn.py are none; behind a slash, where
 * names of files are, it must be long. */
static size_t service_key(const char *word, const char *p)
{
    static const char *const prefixes[] = {"hf_", "sk-", "nvapi-", "gsk_", "ghp_", "github_pat_", "glpat-"};
    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
        size_t k = strlen(prefixes[i]), n;
        if (strncmp(p, prefixes[i], k) != 0)
            continue;
        n = key_length(p);
        bool digit = strcspn(p, "0123456789") < n;
        bool alone = (p == word || strchr("/.", p[-1]) == NULL) && (p[n] == '\0' || strchr("/.", p[n]) == NULL);
        return (n >= k + 16 && digit) || (n >= k + 4 && alone) ? n : 0;
    }
    return 0;
}

/* ---- what stands instead ---- */

/* "NAME: value" → "NAME: ***". */
static void add_header(struct buf *out, const char *v)
{
    const char *colon = strchr(v, ':');
    if (colon != NULL && colon - v <= HEADER_NAME)
        buf_addf(out, "%.*s: ", (int)(colon - v), v);
    buf_adds(out, STARS);
}

/* Where the value at v ends: a quoted one before its quote, others at a space or, to be safe, at the end. */
static const char *add_value(struct buf *out, const char *v, bool to_the_end)
{
    if (!to_the_end && (*v == '"' || *v == '\'')) {
        const char *end = v + 1;
        while (*end != '\0' && *end != *v)
            end += *end == '\\' && end[1] != '\0' ? 2 : 1;
        buf_add(out, v, 1);
        buf_adds(out, STARS);
        return end;
    }
    buf_adds(out, STARS);
    return to_the_end || *v == '\\' ? v + strlen(v) : v + strcspn(v, " \t\n");
}

/* Inside the text for a shell: everything up to the next option or command, for a shell may make several words of it, or
 * what it likes of a substitution. */
static const char *add_shell_values(struct buf *out, const char *v)
{
    char quote = '\0';
    const char *p = v;
    for (; *p != '\0'; p++) {
        if (*p == '`' || (p[0] == '$' && p[1] == '(')) {
            p += strlen(p);
            break;
        }
        if (quote != '\0') {
            quote = *p == quote ? '\0' : quote;
            continue;
        }
        if (*p == '"' || *p == '\'')
            quote = *p;
        else if (strchr(";|&\n", *p) != NULL || (strchr(" \t", *p) != NULL && p[1] == '-'))
            break;
    }
    while (p > v && strchr(" \t", p[-1]) != NULL)
        p--;
    buf_adds(out, STARS);
    return p;
}

/* After a name: the value that belongs to it ("name=value", "name": "value", --name value), or NULL. */
static const char *value_of(const char *name, size_t n, char *separator)
{
    const char *p = name + n;
    *separator = ' ';
    if (*p == '\\' && p[1] == '"')
        p++;
    if (*p == '"' || *p == '\'')
        p++;
    const char *q = p + strspn(p, " \t\n");
    if (*q == '=' || *q == ':') {
        *separator = *q++;
        return q + strspn(q, " \t\n");
    }
    bool option = name[0] == '-' || (n == 6 && strncasecmp(name, "bearer", 6) == 0);
    return option && q > p && *q != '\0' && strncmp(q, "--", 2) != 0 ? q : NULL;
}

/* Length of "user:password@" at p, or 0.  p stands at the begin of a word, or behind "://" (url). */
static size_t login_length(const char *p, bool url)
{
    size_t n = strcspn(p, url ? "/?# \t\n'\"" : " \t\n'\",=");
    const char *at = memrchr(p, '@', n);
    if (at == NULL || (!url && memchr(p, ':', (size_t)(at - p)) == NULL))
        return 0;
    return (size_t)(at - p) + 1;
}

/* A name at p, perhaps with its value; returns what comes next. */
static const char *add_named(struct buf *out, const char *word, const char *p, size_t n)
{
    char separator;
    if (strncmp(p + n, "://", 3) == 0) {
        buf_add(out, p, n + 3);
        p += n + 3;
        size_t login = login_length(p, true);
        if (login > 0)
            buf_adds(out, STARS "@");
        return p + login;
    }
    const char *v = value_of(p, n, &separator);
    bool header = v != NULL && is_header(p, n);
    bool bearer = n == 6 && strncasecmp(p, "bearer", 6) == 0;
    if (v == NULL || !(header || bearer || is_secret(p, n, v))) {
        buf_add(out, p, n);
        return p + n;
    }
    buf_add(out, p, (size_t)(v - p));
    if (header && p == word) {
        add_header(out, v);
        return v + strlen(v);
    }
    if (separator == ' ' && p != word && !bearer && !header)
        return add_shell_values(out, v);
    return add_value(out, v, separator == ':' ? *v != '"' && *v != '\'' : separator == '=' && p == word);
}

void mask_word(struct buf *out, const char *word)
{
    if (str_starts(word, "-H") && word[2] != '\0' && strchr(word, ':') != NULL) { /* -HName:value */
        add_header(out, word);
        return;
    }
    for (const char *p = word; *p != '\0';) {
        size_t n = strspn(p, name_chars), login = 0, key = service_key(word, p);
        bool begin = p == word || strchr(" \t\n'\",=", p[-1]) != NULL;
        if (begin && strncmp(p + n, "://", 3) != 0)
            login = login_length(p, false);
        if (login > 0) {
            buf_adds(out, STARS "@");
            p += login;
        } else if (key > 0) {
            buf_adds(out, STARS);
            p += key;
        } else if (n > 0) {
            p = add_named(out, word, p, n);
        } else {
            buf_add(out, p++, 1);
        }
    }
}

/* ---- the line ---- */

/* Words that a shell would split or expand stand in single quotes. */
static void add_quoted(struct buf *out, const char *word)
{
    if (out->len > 0)
        buf_adds(out, " ");
    static const char as_it_is[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=,@%+";
    size_t plain = strspn(word, as_it_is);
    while (str_starts(word + plain, STARS)) { /* of ours: --api-key=*** needs no quotes */
        plain += strlen(STARS);
        plain += strspn(word + plain, as_it_is);
    }
    if (plain > 0 && word[plain] == '\0') {
        buf_adds(out, word);
        return;
    }
    buf_adds(out, "'");
    for (const char *p = word; *p != '\0';) {
        size_t n = strcspn(p, "'");
        buf_add(out, p, n);
        p += n;
        if (*p == '\'') {
            buf_adds(out, "'\\''");
            p++;
        }
    }
    buf_adds(out, "'");
}

/* What the words before it say of a word. */
struct before {
    const char *option; /* the secret option whose values come now, or NULL */
    bool first;         /* none has come yet */
    bool header;
};

static void add_word(struct buf *out, const char *word, struct before *b)
{
    bool is_option = b->first ? str_starts(word, "--") : word[0] == '-';
    if (b->header && !is_option) {
        add_header(out, word);
        *b = (struct before){0};
        return;
    }
    /* Several values may follow one option (vLLM's --api-key does so). */
    if (b->option != NULL && !is_option && is_secret(b->option, strlen(b->option), word)) {
        buf_adds(out, STARS);
        b->first = false;
        return;
    }
    mask_word(out, word);
    bool option = word[0] == '-' && word[strspn(word, name_chars)] == '\0';
    bool header = is_header(word, strlen(word));
    *b = (struct before){.option = option && is_secret(word, strlen(word), "") ? word : NULL, .first = true, .header = header};
}

void mask_command_line(char *const *words, size_t n, char *out, size_t size)
{
    static const char more[] = "…";
    struct buf line, word;
    struct before before = {0};
    buf_init(&line, 8 * WORD_MAX);
    buf_init(&word, WORD_MAX);
    size_t i = 0;
    for (; i < n && line.len < size; i++) {
        buf_clear(&word);
        add_word(&word, words[i], &before);
        add_quoted(&line, word.data != NULL ? word.data : "");
    }
    const char *text = line.data != NULL ? line.data : "";
    str_copy(out, size, text);
    if ((i < n || line.len >= size) && size > sizeof more) {
        str_copy(out, size - (sizeof more - 1), text);
        memcpy(out + strlen(out), more, sizeof more);
    }
    buf_release(&line);
    buf_release(&word);
}

void mask_arguments(char *const *words, char **argv, size_t n)
{
    struct buf word;
    struct before before = {0};
    buf_init(&word, WORD_MAX);
    for (size_t i = 0; i < n; i++) {
        buf_clear(&word);
        size_t room = strlen(argv[i]);
        add_word(&word, words[i], &before);
        if (word.data != NULL && strcmp(word.data, words[i]) != 0) {
            explicit_bzero(argv[i], room);
            str_copy(argv[i], room + 1, word.data);
        }
    }
    buf_release(&word);
}

/* ---- as names, and as secrets to know ---- */

bool mask_is_secret(const char *name, const char *value)
{
    return is_secret(name, strlen(name), value);
}

/* The next word as a shell has it, without its quotes; what it would expand stays as it is.  NULL at the end. */
static const char *next_word(const char *p, struct buf *word)
{
    char quote = '\0';
    buf_clear(word);
    p += strspn(p, " \t\r\n");
    if (*p == '\0')
        return NULL;
    for (; *p != '\0' && (quote != '\0' || strchr(" \t\r\n", *p) == NULL); p++) {
        if (*p == quote)
            quote = '\0';
        else if (quote == '\0' && (*p == '\'' || *p == '"'))
            quote = *p;
        else if (*p == '\\' && quote != '\'' && p[1] != '\0')
            buf_add(word, ++p, 1);
        else
            buf_add(word, p, 1);
    }
    return p;
}

/* The parts of a word that are not in what stands for it. */
static void learn_parts(const char *word, const char *masked)
{
    static const char between[] = " \t\r\n'\"=,:;@[]{}()&|<>\\";
    for (size_t n; *word != '\0'; word += n) {
        word += strspn(word, between);
        n = strcspn(word, between);
        bool method = n == 6 && strncasecmp(word, "bearer", n) == 0;
        if (n > 0 && !method && memmem(masked, strlen(masked), word, n) == NULL)
            secret_add(word, n);
    }
}

void mask_learn(const char *command)
{
    enum { WORDS_MOST = 256 };
    char *words[WORDS_MOST]; /* what a word is, those before it say */
    size_t n = 0;
    struct buf word, masked;
    struct before before = {0};
    buf_init(&word, WORD_MAX);
    buf_init(&masked, WORD_MAX);
    for (; n < WORDS_MOST && (command = next_word(command, &word)) != NULL; n++) {
        words[n] = xstrdup(word.data != NULL ? word.data : "");
        buf_clear(&masked);
        add_word(&masked, words[n], &before);
        learn_parts(words[n], masked.data != NULL ? masked.data : "");
    }
    while (n > 0)
        free(words[--n]);
    buf_release(&word);
    buf_release(&masked);
}
