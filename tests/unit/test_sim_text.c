/* The simulated model's words, tokeniser and token ids. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "buf.h"
#include "sim/sim_text.h"
#include "util.h"

#include <stdio.h>
#include <string.h>

struct pieces {
    int n;
    struct buf whole, marked; /* concatenated; with bars between */
};

static void take(void *user, const char *piece, size_t n)
{
    struct pieces *p = user;
    assert_true(n > 0 && n < SIM_PIECE_MAX);
    p->n++;
    buf_add(&p->whole, piece, n);
    buf_add(&p->marked, piece, n);
    buf_adds(&p->marked, "|");
}

static struct pieces cut(const char *text, size_t n)
{
    struct pieces p = {0};
    buf_init(&p.whole, 1 << 20);
    buf_init(&p.marked, 1 << 20);
    sim_tokenise(text, n, take, &p);
    assert_int_equal(p.whole.len, n);
    if (n > 0)
        assert_memory_equal(p.whole.data, text, n);
    return p;
}

static void release(struct pieces *p)
{
    buf_release(&p->whole);
    buf_release(&p->marked);
}

static void pieces_are_as_the_header_says(void **state)
{
    (void)state;
    static const char *const row[][2] = {
        {"Hello world", "Hello| world|"},
        {"internationalisation", "internat|ionalisa|tion|"},
        {"a, b. (c)", "a|,| b|.| (|c|)|"},
        {"two  spaces", "two| | spaces|"},
        {"line\n\n  next", "line|\n\n | next|"},
        {" ", " |"},
        {"\t\tx", "\t\t|x|"},
        {"ünïcödé wörds", "ünïcödé| wörds|"},
        {"中文字符测试文本超长", "中文字符测试文本|超长|"},
    };
    for (size_t i = 0; i < ARRAY_LEN(row); i++) {
        struct pieces p = cut(row[i][0], strlen(row[i][0]));
        assert_string_equal(p.marked.data, row[i][1]);
        release(&p);
    }
}

static void any_bytes_survive(void **state)
{
    (void)state;
    uint64_t rng = 3;
    char bytes[512];
    for (int round = 0; round < 500; round++) {
        size_t n = (size_t)(rng_next(&rng) % sizeof bytes);
        for (size_t i = 0; i < n; i++)
            bytes[i] = (char)(rng_next(&rng) % (round % 2 == 0 ? 256 : 48));
        struct pieces p = cut(bytes, n);
        release(&p);
    }
}

static void an_answer_counts_the_same_again(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct buf text;
        char piece[SIM_PIECE_MAX];
        buf_init(&text, 1 << 16);
        for (int i = 0; i < 300; i++) {
            size_t n = sim_text_token(seed, i, piece);
            assert_int_equal(strlen(piece), n);
            assert_null(strpbrk(piece, "\"\\\n"));
            buf_add(&text, piece, n);
        }
        struct pieces p = cut(text.data, text.len);
        assert_int_equal(p.n, 300);
        release(&p);
        buf_release(&text);
    }
}

static void ids_give_their_text_back(void **state)
{
    (void)state;
    struct sim_vocab *v = sim_vocab_new();
    char word[16];
    uint32_t id[2000];
    for (int i = 0; i < 2000; i++) {
        snprintf(word, sizeof word, " w%d", i);
        id[i] = sim_vocab_id(v, word, strlen(word));
    }
    for (int i = 0; i < 2000; i++) {
        snprintf(word, sizeof word, " w%d", i);
        assert_int_equal(sim_vocab_id(v, word, strlen(word)), id[i]);
        assert_string_equal(sim_vocab_text(v, id[i]), word);
    }
    assert_null(sim_vocab_text(v, 0));
    assert_null(sim_vocab_text(v, UINT32_MAX));
    for (int i = 0; i < 300000; i++) { /* more than it can hold: older ones go, the newest is there */
        snprintf(word, sizeof word, "x%d", i);
        assert_string_equal(sim_vocab_text(v, sim_vocab_id(v, word, strlen(word))), word);
    }
    sim_vocab_free(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_as_the_header_says),
        cmocka_unit_test(any_bytes_survive),
        cmocka_unit_test(an_answer_counts_the_same_again),
        cmocka_unit_test(ids_give_their_text_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
