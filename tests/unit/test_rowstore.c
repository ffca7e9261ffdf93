/* Rows that were packed come out as they went in: all fields, in any order of asking, also while more are added. */
#include "check.h"

#include "report/rowstore.h"
#include "util.h"

#define ROWS 1000

static uint64_t rng = 1;

/* Of any size, near zero as often as far away, of either sign. */
static int64_t any(void)
{
    uint64_t v = rng_next(&rng) >> rng_next(&rng) % 64;
    return (int64_t)(rng_next(&rng) % 4 == 0 ? 0 - v : v);
}

static bool maybe(void)
{
    return rng_next(&rng) % 2 == 0;
}

static struct row any_row(void)
{
    static const char *const errors[] = {"", "", "no", "HTTP 500: the model is not loaded"};
    struct row r = {.seq = (uint64_t)any(), .stream = (int)any(), .phase = (int)any(), .turn = (int)any(), .warmup = maybe(), .fixed_length = maybe(),
                    .good = maybe(), .missed = (unsigned)any(), .context = any(), .max_tokens = any()};
    r.tl = (struct timeline){.due = any(), .started = any(), .sent = any(), .first_byte = any(), .first_event = any(), .first_token = any(),
                             .first_answer = any(), .last_token = any(), .end = any(), .free_at = any(), .connect_ns = any(), .tls_ns = any(),
                             .slept = maybe(), .retried = maybe(), .done = maybe(), .finish = maybe(), .error = maybe(), .malformed = maybe(),
                             .cut = maybe(), .usage_fell = maybe(), .http_status = (int)any(), .events = (uint64_t)any(), .counted = (uint64_t)any(),
                             .usage_seen = any(), .usage_given = any(), .first_tokens = any(), .prompt_tokens = any(), .cached_tokens = any(),
                             .output_tokens = any(), .source = (enum token_source)(rng_next(&rng) % 5),
                             .outcome = (enum outcome)(rng_next(&rng) % OUT_COUNT)};
    snprintf(r.error, sizeof r.error, "%s", errors[rng_next(&rng) % ARRAY_LEN(errors)]);
    if (rng_next(&rng) % 8 == 0)
        snprintf(r.error, sizeof r.error, "error %d", (int)any());
    return r;
}

#define SAME(field) assert_true(a->field == b->field)
static void assert_same(const struct row *a, const struct row *b)
{
    SAME(seq), SAME(stream), SAME(phase), SAME(turn), SAME(warmup), SAME(fixed_length), SAME(good), SAME(unjudged), SAME(missed), SAME(context), SAME(max_tokens);
    SAME(tl.due), SAME(tl.started), SAME(tl.sent), SAME(tl.first_byte), SAME(tl.first_event), SAME(tl.first_token), SAME(tl.first_answer);
    SAME(tl.last_token), SAME(tl.end), SAME(tl.free_at), SAME(tl.connect_ns), SAME(tl.tls_ns), SAME(tl.slept), SAME(tl.retried), SAME(tl.done);
    SAME(tl.finish), SAME(tl.error), SAME(tl.malformed), SAME(tl.cut), SAME(tl.usage_fell), SAME(tl.http_status), SAME(tl.events);
    SAME(tl.counted), SAME(tl.usage_seen), SAME(tl.usage_given), SAME(tl.first_tokens), SAME(tl.prompt_tokens), SAME(tl.cached_tokens);
    SAME(tl.output_tokens), SAME(tl.source), SAME(tl.outcome);
    assert_string_equal(a->error, b->error);
    assert_true(b->tl.gaps == NULL && b->text == NULL);
}

static void test_any_order(void **state)
{
    (void)state;
    static struct row rows[ROWS];
    struct rowstore *s = rowstore_new();
    for (size_t i = 0; i < ROWS; i++) {
        rows[i] = any_row();
        rowstore_add(s, &rows[i]);
        assert_same(&rows[i], rowstore_get(s, i)); /* its block has just grown */
        size_t back = rng_next(&rng) % (i + 1);
        assert_same(&rows[back], rowstore_get(s, back));
    }
    for (size_t i = 0; i < ROWS; i++)
        assert_same(&rows[i], rowstore_get(s, i));
    for (size_t i = ROWS; i-- > 0;)
        assert_same(&rows[i], rowstore_get(s, i));
    rowstore_free(s);
    rowstore_free(NULL);
}

/* What a store takes for requests as they are: the point of it. */
static void test_small(void **state)
{
    (void)state;
    struct rowstore *s = rowstore_new();
    int64_t now = 1;
    for (size_t i = 0; i < 20000; i++) {
        int64_t sent = now += 100000 + (int64_t)(rng_next(&rng) % 100000), first = sent + 9000000 + (int64_t)(rng_next(&rng) % 2000000);
        int64_t last = first + 70000000 + (int64_t)(rng_next(&rng) % 3000000);
        struct row r = {.seq = i, .stream = (int)(i % 8), .context = 1024, .max_tokens = 64};
        r.tl = (struct timeline){.due = sent - 30000, .started = sent - 30000, .sent = sent, .first_byte = first, .first_event = first,
                                 .first_token = first, .first_answer = first, .last_token = last, .end = last + 40000, .events = 64,
                                 .prompt_tokens = 1024, .cached_tokens = -1, .output_tokens = 64, .http_status = 200};
        rowstore_add(s, &r);
    }
    assert_in_range(rowstore_bytes(s) / 20000, 10, 32);
    rowstore_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_any_order), cmocka_unit_test(test_small)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
