#include "tune/settings.h"

#include "buf.h"
#include "fmt.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool is_name(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!(islower((unsigned char)s[i]) || isdigit((unsigned char)s[i]) || s[i] == '_'))
            return false;
    return n > 0;
}

bool tune_add(struct tune_plan *p, const char *text, struct err *e)
{
    size_t name = strcspn(text, "=");
    if (text[name] != '=' || !is_name(text, name) || name >= sizeof p->param[0].name)
        return err_set(e, "'%s' is not NAME=VALUE,VALUE… with a name of small letters, digits and _", text);
    if (p->n == TUNE_PARAMS)
        return err_set(e, "%d parameters are the most", TUNE_PARAMS);
    struct tune_param *t = &p->param[p->n];
    *t = (struct tune_param){.n = 0};
    memcpy(t->name, text, name);
    for (size_t i = 0; i < p->n; i++)
        if (strcmp(p->param[i].name, t->name) == 0)
            return err_set(e, "'%s' is given twice", t->name);
    if (strcmp(t->name, "port") == 0)
        return err_set(e, "{port} is filled in by tokgauge: a free one");
    for (const char *s = text + name + 1; s != NULL;) {
        size_t n = strcspn(s, ",");
        if (n == 0 || n >= sizeof t->value[0] || t->n == TUNE_VALUES)
            return err_set(e, "'%s' has an empty value, one that is too long, or more than %d", text, TUNE_VALUES);
        memcpy(t->value[t->n], s, n);
        t->value[t->n++][n] = '\0';
        s = s[n] == ',' ? s + n + 1 : NULL;
    }
    p->n++;
    return true;
}

/* The next {name} of s: where it begins, its name and what is behind; NULL: there is none. */
static const char *next_name(const char *s, const char **name, size_t *n, const char **after)
{
    for (const char *open = strchr(s, '{'); open != NULL; open = strchr(open + 1, '{')) {
        *name = open + 1;
        *n = strcspn(*name, "}");
        if ((*name)[*n] == '}' && is_name(*name, *n)) { /* JSON in the command is none */
            *after = *name + *n + 1;
            return open;
        }
    }
    return NULL;
}

static size_t find(const struct tune_plan *p, const char *name, size_t n)
{
    for (size_t i = 0; i < p->n; i++)
        if (strlen(p->param[i].name) == n && strncmp(p->param[i].name, name, n) == 0)
            return i;
    return p->n;
}

static bool is_port(const char *name, size_t n)
{
    return n == 4 && strncmp(name, "port", 4) == 0;
}

bool tune_wants_port(const char *launch)
{
    const char *name, *after;
    size_t n;
    for (const char *s = launch; next_name(s, &name, &n, &after) != NULL; s = after)
        if (is_port(name, n))
            return true;
    return false;
}

size_t tune_settings(const struct tune_plan *p)
{
    size_t n = 1;
    for (size_t i = 0; i < p->n; i++)
        n *= p->param[i].n;
    return n;
}

bool tune_check(const struct tune_plan *p, const char *launch, struct err *e)
{
    bool used[TUNE_PARAMS] = {false};
    const char *name, *after;
    size_t n;
    for (const char *s = launch; next_name(s, &name, &n, &after) != NULL; s = after) {
        size_t i = find(p, name, n);
        if (i < p->n)
            used[i] = true;
        else if (!is_port(name, n))
            return err_set(e, "--launch has {%.*s}, which no --set gives values for", (int)n, name);
    }
    for (size_t i = 0; i < p->n; i++)
        if (!used[i])
            return err_set(e, "--set %s: {%s} is not in --launch", p->param[i].name, p->param[i].name);
    if (tune_settings(p) > TUNE_MOST)
        return err_set(e, "the values make %zu settings: %d are the most", tune_settings(p), TUNE_MOST);
    return true;
}

void tune_values(const struct tune_plan *p, size_t i, size_t at[TUNE_PARAMS])
{
    for (size_t k = p->n; k > 0; k--) {
        at[k - 1] = i % p->param[k - 1].n;
        i /= p->param[k - 1].n;
    }
}

void tune_name(const struct tune_plan *p, size_t i, char out[TUNE_TEXT])
{
    size_t at[TUNE_PARAMS], used = 0;
    tune_values(p, i, at);
    snprintf(out, TUNE_TEXT, "as it is");
    for (size_t k = 0; k < p->n && used < TUNE_TEXT; k++)
        used += (size_t)snprintf(out + used, TUNE_TEXT - used, "%s%s=%s", k > 0 ? " " : "", p->param[k].name, p->param[k].value[at[k]]);
}

/* "8k" → "8192"; anything else as it is. */
static void add_value(struct buf *b, const char *value)
{
    int64_t tokens;
    size_t n = strlen(value);
    if (n > 1 && value[n - 1] == 'k' && isdigit((unsigned char)value[0]) && parse_tokens(value, &tokens))
        buf_addf(b, "%" PRId64, tokens);
    else
        buf_adds(b, value);
}

char *tune_command(const struct tune_plan *p, const char *launch, size_t i, int port)
{
    struct buf b;
    size_t at[TUNE_PARAMS], n;
    const char *name, *after, *s = launch;
    buf_init(&b, 1u << 20);
    tune_values(p, i, at);
    for (const char *open; (open = next_name(s, &name, &n, &after)) != NULL; s = after) {
        size_t k = find(p, name, n);
        buf_add(&b, s, (size_t)(open - s));
        if (k < p->n)
            add_value(&b, p->param[k].value[at[k]]);
        else if (is_port(name, n))
            buf_addf(&b, "%d", port);
        else
            buf_add(&b, open, (size_t)(after - open));
    }
    buf_adds(&b, s);
    char *out = xstrdup(b.data);
    buf_release(&b);
    return out;
}
