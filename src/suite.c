#include "suite.h"
#include "fmt.h"
#include "util.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const struct suite_part_info suite_parts[SUITE_PARTS] = {
    [SUITE_INTERACTIVE] = {"interactive", "Interactive speed", "how fast does one person see an answer?"},
    [SUITE_MEMORY] = {"memory", "Memory under load", "what does a load take beyond what the server holds already?"},
    [SUITE_STABILITY] = {"stability", "Stability", "does the same request take the same time, new and repeated?"},
    [SUITE_CONCURRENCY] = {"concurrency", "Concurrency", "how many streams at once, and from where on do they wait?"},
    [SUITE_AGENT] = {"agent", "Agent end to end", "how long does an agent take that uses this server?"},
};

enum suite_part suite_part_find(const char *s, size_t n)
{
    for (int p = 0; p < SUITE_PARTS; p++)
        if ((n == 1 && s[0] == 'a' + p) || (strlen(suite_parts[p].name) == n && memcmp(suite_parts[p].name, s, n) == 0))
            return (enum suite_part)p;
    return SUITE_PARTS;
}

#define SHORT_CONTEXT 64  /* tokens: a question */
#define STREAM_CONTEXT 512
#define STABLE_OUTPUT 48  /* the answers of the report that this suite is made after had 40 to 70 */

static void add(struct suite *s, enum suite_part part, const char *what, struct load_step step)
{
    if (s->n == SUITE_STEPS_MAX)
        return;
    str_copy(s->what[s->n], sizeof s->what[0], what);
    step.part = suite_parts[part].name;
    step.what = s->what[s->n];
    s->steps[s->n++] = step;
}

static void add_interactive(struct suite *s, int64_t runs, bool quick)
{
    static const int64_t outputs[3] = {32, 128, 512};
    for (size_t i = 0; i < (quick ? 2u : ARRAY_LEN(outputs)); i++) {
        char what[48];
        snprintf(what, sizeof what, "%" PRId64 " tokens", outputs[i]);
        add(s, SUITE_INTERACTIVE, what,
            (struct load_step){.streams = 1, .context = SHORT_CONTEXT, .max_tokens = outputs[i], .requests = runs});
    }
}

static void add_stability(struct suite *s, int64_t runs, const struct int_list *contexts)
{
    for (size_t i = 0; i < contexts->n; i++)
        for (int repeated = 0; repeated < 2; repeated++) {
            char what[48], n[FMT_SIZE];
            snprintf(what, sizeof what, "%s, %s", fmt_tokens(n, (double)contexts->v[i]), repeated ? "repeated" : "new");
            add(s, SUITE_STABILITY, what,
                (struct load_step){.streams = 1, .context = contexts->v[i], .max_tokens = STABLE_OUTPUT, .requests = runs,
                                   .repeated = repeated});
        }
}

static void add_concurrency(struct suite *s, int64_t runs, bool quick, const struct int_list *streams)
{
    for (size_t i = 0; i < streams->n; i++) {
        int64_t n = streams->v[i];
        char what[48];
        snprintf(what, sizeof what, "%" PRId64 " stream%s", n, n == 1 ? "" : "s");
        add(s, SUITE_CONCURRENCY, what,
            (struct load_step){.streams = n, .context = STREAM_CONTEXT, .max_tokens = quick ? 48 : 128, .requests = runs * n});
    }
}

void suite_build(struct suite *s, const struct suite_options *o)
{
    static const struct int_list contexts = {{1024, 2048, 4096}, 3}, few = {{1024, 4096}, 2}, streams = {{1, 2, 4, 8}, 4};
    unsigned parts = o->parts != 0 ? o->parts : (1u << SUITE_PARTS) - 1;
    int64_t runs = o->runs > 0 ? o->runs : o->quick ? 2 : 3;
    s->n = 0;
    if (parts & 1u << SUITE_INTERACTIVE)
        add_interactive(s, runs, o->quick);
    if (parts & 1u << SUITE_MEMORY)
        add(s, SUITE_MEMORY, "under load",
            (struct load_step){.streams = 2, .context = 1024, .max_tokens = o->quick ? 96 : 512, .requests = 2});
    if (parts & 1u << SUITE_STABILITY)
        add_stability(s, runs, o->contexts.n > 0 ? &o->contexts : o->quick ? &few : &contexts);
    if (parts & 1u << SUITE_CONCURRENCY)
        add_concurrency(s, runs, o->quick, o->streams.n > 0 ? &o->streams : &streams);
    if (o->agent && (parts & 1u << SUITE_AGENT))
        add(s, SUITE_AGENT, "", (struct load_step){.agent = true});
}

#define CI_GUESS_S 20.0

double suite_estimate(const struct load_step *s, const struct suite_speed *v)
{
    if (s->agent)
        return 0; /* nobody knows what an agent does */
    if (s->requests == 0) { /* until its time is over, or its rate is known */
        double most = (double)s->duration_ns / 1e9;
        return s->until_ci > 0 ? MIN_OF(most, CI_GUESS_S) : most;
    }
    int64_t all = (s->requests + s->streams - 1) / s->streams;
    double rounds = (double)all, streams = (double)s->streams;
    double prefill = (double)s->context * streams / v->prefill_tok_s;
    double prefills = s->repeated ? 1 : rounds;
    return prefills * prefill + rounds * (double)s->max_tokens * v->tpot_ms / 1000;
}
