/* The Streams view: its orders, the bar, what is opened, the trails of rates, and text wrapped in a box. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fmt.h"
#include "test_ui_snapshots.h"
#include "ui/control.h"
#include "ui/layout.h"
#include "ui/panels.h"
#include "ui/view.h"
#include "ui/wrap.h"

#define W 80
#define H 24
#define ROWS 18 /* of the list at that size, from line 4 on */

/* ---- orders ---- */

/* What the list is ordered by; NAN: not known. */
static double value_of(const struct stream_row *r, enum stream_sort by)
{
    bool decoding = r->state == STREAM_DECODE, queued = r->state == STREAM_QUEUED;
    double nan = (double)NAN;
    if (r->id < 1)
        return nan;
    switch (by) {
    case SORT_OUTPUT:
        return decoding || queued ? r->output : nan;
    case SORT_TTFT:
        return decoding ? r->ttft_ms : nan;
    case SORT_RATE:
        return decoding ? r->rate : nan;
    case SORT_WAIT:
        return queued ? r->wait_s : decoding ? r->ttft_ms / 1000 : nan;
    default:
        return 0;
    }
}

static void test_orders(void **state)
{
    (void)state;
    struct snapshot *s = canned_busy_at(192, SNAP_STREAMS);
    uint16_t order[SNAP_STREAMS];
    uint64_t seed = 11;
    for (size_t i = 0; i < SNAP_STREAMS; i++) {
        struct stream_row *r = &s->streams[i];
        r->state = (enum stream_state)(rng_next(&seed) % 5);
        r->output = (int)(rng_next(&seed) % 20); /* many are equal */
        r->rate = rng_next(&seed) % 7 == 0 ? (double)NAN : (double)(rng_next(&seed) % 30);
        r->ttft_ms = r->state == STREAM_DECODE ? (double)(rng_next(&seed) % 400) : (double)NAN;
        r->wait_s = (double)(rng_next(&seed) % 9);
        if (rng_next(&seed) % 50 == 0)
            r->id = 0;
    }
    for (enum stream_sort by = SORT_NUMBER; by < SORT_COUNT; by++) {
        bool seen[SNAP_STREAMS] = {false};
        streams_sort(order, SNAP_STREAMS, s->streams, by);
        for (size_t i = 0; i < SNAP_STREAMS; i++) {
            assert_false(seen[order[i]]);
            seen[order[i]] = true;
            if (i == 0 || by == SORT_STATE)
                continue;
            double before = value_of(&s->streams[order[i - 1]], by), here = value_of(&s->streams[order[i]], by);
            bool equal = before == here || (!isfinite(before) && !isfinite(here)) || by == SORT_NUMBER;
            if (equal)
                assert_true(order[i - 1] < order[i]); /* stable */
            else
                assert_true(!isfinite(here) || before > here); /* not known: last */
        }
    }
    streams_sort(order, SNAP_STREAMS, s->streams, SORT_STATE);
    assert_int_equal(s->streams[order[0]].state, STREAM_BACKOFF);
    assert_int_equal(s->streams[order[SNAP_STREAMS - 1]].id, 0);
    streams_sort(order, 0, s->streams, SORT_RATE);
    free(s);
}

/* ---- the bar ---- */

static struct ui_state st;

static void update(const struct snapshot *s)
{
    frame_update(&st, s, W, H, GLYPHS_BRAILLE);
    const struct stream_list *l = &st.streams;
    assert_true(l->n == 0 || (l->at >= l->top && l->at < l->top + ROWS)); /* always seen */
    assert_true(l->n == 0 || l->order[l->at] == l->row);
}

static void begin(const struct snapshot *s)
{
    frame_init(&st);
    st.view = &view_streams;
    update(s);
}

static void act(const struct snapshot *s, enum action a)
{
    assert_true(frame_act(&st, s, a, W, H));
    update(s);
}

static void test_bar(void **state)
{
    (void)state;
    struct snapshot *s = canned_busy_at(192, 40);
    struct stream_list *l = &st.streams;
    begin(s);
    static const struct {
        enum action act;
        int at, top;
    } moves[] = {{ACT_UP, 0, 0},          {ACT_DOWN, 1, 0},      {ACT_PAGE_DOWN, 19, 2}, {ACT_PAGE_DOWN, 37, 20}, {ACT_PAGE_DOWN, 39, 22},
                 {ACT_PAGE_UP, 21, 21},   {ACT_END, 39, 22},     {ACT_DOWN, 39, 22},     {ACT_HOME, 0, 0}};
    for (size_t i = 0; i < ARRAY_LEN(moves); i++) {
        act(s, moves[i].act);
        assert_int_equal(l->at, moves[i].at);
        assert_int_equal(l->top, moves[i].top);
    }
    act(s, ACT_END);
    s->streams_n = 5; /* streams were taken away */
    s->streams_total = 5;
    update(s);
    assert_int_equal(l->at, 4);
    assert_int_equal(l->top, 0);
    s->streams_n = 0;
    update(s);
    act(s, ACT_DOWN);
    act(s, ACT_ENTER);
    assert_false(l->open); /* there is none */
    act(s, ACT_SORT);
    free(s);
}

static void test_sorting_keys(void **state)
{
    (void)state;
    struct snapshot *s = canned_busy_at(192, 40);
    struct stream_list *l = &st.streams;
    begin(s);
    act(s, ACT_END);
    for (int i = 0; i < 4; i++)
        act(s, ACT_SORT);
    assert_int_equal(l->by, SORT_RATE);
    assert_int_equal(l->at, 0); /* what one looks for is in front */
    int fastest = l->row, second = l->order[1];
    act(s, ACT_DOWN);
    assert_int_equal(l->row, second);
    s->streams[second].rate = 1; /* not at once … */
    s->clock_s += 0.5;
    update(s);
    assert_int_equal(l->at, 1);
    s->clock_s += 0.6; /* … and the bar goes with its stream */
    update(s);
    assert_int_equal(l->row, second);
    assert_true(l->at > ROWS);
    act(s, ACT_HOME);
    assert_int_equal(l->row, fastest);
    s->streams[fastest].rate = 1;
    s->clock_s += 1.1;
    update(s);
    assert_int_equal(l->at, 0); /* but in the first place it stays there */
    assert_int_not_equal(l->row, fastest);
    s->clock_s = 3; /* another run */
    update(s);
    assert_true(l->sorted_s == 3);
    act(s, ACT_SORT);
    act(s, ACT_SORT);
    assert_int_equal(l->by, SORT_NUMBER);
    free(s);
}

static void test_open(void **state)
{
    (void)state;
    struct snapshot *s = canned_busy_at(192, 40);
    struct stream_list *l = &st.streams;
    begin(s);
    act(s, ACT_DOWN);
    act(s, ACT_ENTER);
    assert_true(l->open);
    assert_int_equal(l->row, 1);
    act(s, ACT_DOWN);
    assert_int_equal(l->row, 2);
    act(s, ACT_SORT); /* it stays open, wherever it stands then */
    assert_true(l->open);
    assert_int_equal(l->row, 2);
    s->streams[2].state = STREAM_BACKOFF;
    s->clock_s += 2;
    update(s);
    assert_int_equal(l->row, 2);
    assert_int_equal(l->at, 0);
    s->streams[2].state = STREAM_IDLE; /* open, it is followed from the first place too */
    s->clock_s += 2;
    update(s);
    assert_int_equal(l->row, 2);
    act(s, ACT_CLOSE);
    assert_false(l->open);
    act(s, ACT_ENTER);
    act(s, ACT_ENTER);
    assert_false(l->open);
    act(s, ACT_ENTER);
    s->streams_n = 2; /* gone */
    update(s);
    assert_false(l->open);
    free(s);
}

static struct command sent[8];
static int sent_n;

static void record(void *ctx, const struct command *c)
{
    (void)ctx;
    sent[sent_n++] = *c;
}

/* The text of the opened stream is asked for as long as it is seen. */
static void test_text_asked(void **state)
{
    (void)state;
    const struct snapshot_source source = {.send = record};
    struct control ctl = {.source = &source};
    struct snapshot *s = canned_busy_at(192, 40);
    static const struct {
        enum action act;
        int wanted; /* −1: nothing is sent */
    } steps[] = {{ACT_DOWN, -1}, {ACT_ENTER, 2}, {ACT_DOWN, 3}, {ACT_VIEW_NEXT, 0}, {ACT_VIEW_BACK, 3}, {ACT_CLOSE, 0}, {ACT_UP, -1}};
    begin(s);
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        sent_n = 0;
        act(s, steps[i].act);
        assert_false(control_settle(&ctl, &st, s, 1));
        control_settle(&ctl, &st, s, 1); /* once */
        assert_int_equal(sent_n, steps[i].wanted >= 0);
        if (sent_n > 0) {
            assert_int_equal(sent[0].kind, CMD_TEXT);
            assert_int_equal(sent[0].value, steps[i].wanted);
        }
    }
    free(s);
}

static void mouse(const struct snapshot *s, enum mouse_kind kind, int x, int y)
{
    struct canvas c = {.w = W, .h = H, .glyphs = GLYPHS_BRAILLE};
    const struct mouse m = {kind, x, y};
    assert_int_equal(frame_mouse(&st, s, &m, &c), ACT_NONE);
    update(s);
}

static void test_mouse(void **state)
{
    (void)state;
    struct snapshot *s = canned_busy_at(192, 40);
    struct stream_list *l = &st.streams;
    begin(s);
    mouse(s, MOUSE_CLICK, 30, 4 + 7);
    assert_int_equal(l->at, 7);
    assert_false(l->open);
    mouse(s, MOUSE_CLICK, 3, 3); /* the head */
    mouse(s, MOUSE_CLICK, 3, 4 + ROWS);
    assert_int_equal(l->at, 7);
    mouse(s, MOUSE_CLICK, 3, 4 + 7);
    assert_true(l->open);
    assert_int_equal(l->row, 7);
    mouse(s, MOUSE_WHEEL_DOWN, 3, 10);
    assert_int_equal(l->row, 7);
    mouse(s, MOUSE_CLICK, 3, 10);
    assert_false(l->open);
    mouse(s, MOUSE_WHEEL_DOWN, 3, 10);
    assert_int_equal(l->top, 3);
    assert_int_equal(l->at, 7); /* as long as it is seen */
    mouse(s, MOUSE_WHEEL_DOWN, 3, 10);
    mouse(s, MOUSE_WHEEL_DOWN, 3, 10);
    assert_int_equal(l->top, 9);
    assert_int_equal(l->at, 9);
    mouse(s, MOUSE_CLICK, 30, 4 + ROWS - 1);
    assert_int_equal(l->at, 9 + ROWS - 1);
    mouse(s, MOUSE_WHEEL_UP, 3, 10);
    assert_int_equal(l->at, 6 + ROWS - 1);
    for (int i = 0; i < 20; i++)
        mouse(s, MOUSE_WHEEL_DOWN, 3, 10);
    assert_int_equal(l->top, 40 - ROWS);
    s->streams_n = 3;
    update(s);
    mouse(s, MOUSE_CLICK, 30, 4 + 5); /* below the last row */
    assert_int_equal(l->at, 2);
    assert_false(l->open);
    free(s);
}

/* ---- trails ---- */

static void check_trail(const struct trails *t, size_t row, const double *wanted, int n)
{
    float got[TRAIL_POINTS];
    trails_of(t, row, got);
    for (int i = 0; i < n; i++) {
        double g = (double)got[TRAIL_POINTS - n + i];
        assert_true(isfinite(wanted[i]) ? fabs(g - wanted[i]) < 0.01 : !isfinite(g));
    }
    for (int i = 0; i < TRAIL_POINTS - n; i++)
        assert_false(isfinite(got[i]));
}

static void test_trails(void **state)
{
    (void)state;
    static struct trails t;
    struct snapshot *s = canned_busy_at(192, 2);
    struct stream_row *r = &s->streams[0];
    const double nan = (double)NAN;
    memset(&t, 0, sizeof t);
    assert_false(isfinite(trails_most(&t)));
    r->state = STREAM_DECODE;
    r->rate = 20;
    r->output = 10;
    r->wait_s = 1;
    s->streams[1].state = STREAM_QUEUED;
    trails_take(&t, s); /* nothing before it: the mean of its request */
    s->clock_s += 0.5;
    r->output = 25;
    trails_take(&t, s); /* not yet */
    s->clock_s += 0.5;
    r->output = 40;
    r->wait_s = 2;
    trails_take(&t, s);
    s->clock_s += 2;
    r->output = 50;
    r->wait_s = 4;
    trails_take(&t, s); /* ten in two seconds */
    s->clock_s += 1;
    r->wait_s = 5;
    trails_take(&t, s); /* stalled is not the same as unknown */
    s->clock_s += 1;
    r->wait_s = 0.5; /* another request, which already has more tokens */
    r->output = 60;
    r->rate = 33;
    trails_take(&t, s);
    s->clock_s += 1;
    r->wait_s = 0.9; /* and another one, which has been there for longer than that one had */
    r->output = 77;
    trails_take(&t, s);
    s->clock_s += 1;
    r->wait_s = 1.8; /* told a little earlier */
    r->output = 97;
    trails_take(&t, s);
    s->clock_s += 1;
    r->state = STREAM_QUEUED;
    trails_take(&t, s);
    check_trail(&t, 0, (const double[]){20, 30, 5, 5, 0, 33, 33, 20, nan}, 9);
    check_trail(&t, 1, (const double[]){nan}, 1);
    assert_true(fabs(trails_most(&t) - 33) < 0.01);
    s->streams_n = 3; /* a stream more: it has no past */
    s->streams[2] = s->streams[0];
    s->streams[2].state = STREAM_DECODE;
    s->clock_s += 1;
    trails_take(&t, s);
    check_trail(&t, 2, (const double[]){33}, 1);
    for (int i = 0; i < 20; i++) { /* a ring */
        s->clock_s += 1;
        s->streams[2].output += i;
        s->streams[2].wait_s += 1;
        trails_take(&t, s);
    }
    double last[TRAIL_POINTS];
    for (int i = 0; i < TRAIL_POINTS; i++)
        last[i] = 4 + i;
    check_trail(&t, 2, last, TRAIL_POINTS);
    s->clock_s += 600; /* the program was stopped: what it drew before is no longer of the last seconds */
    s->streams[2].wait_s = 1;
    trails_take(&t, s);
    check_trail(&t, 2, (const double[]){33}, 1);
    s->clock_s -= 5; /* back in time: a replay */
    trails_take(&t, s);
    check_trail(&t, 2, (const double[]){33}, 1);
    s->streams_n = SNAP_STREAMS;
    s->clock_s += 1;
    trails_take(&t, s);
    s->streams_n = 0;
    s->clock_s += 1;
    trails_take(&t, s);
    check_trail(&t, SNAP_STREAMS - 1, (const double[]){nan}, 1);
    free(s);
}

/* ---- its output ---- */

/* A k of tokens is 1,024, in an output as in the context beside it; five columns have to do. */
static void test_output(void **state)
{
    (void)state;
    static const struct {
        int output;
        bool approx;
        const char *text;
    } cases[] = {{99999, false, "99999"},   {131072, false, "128k"},   {130000, false, "127k"}, {9999, true, "≈9999"},
                 {16384, true, "≈16k"},     {10752, true, "≈10k"},     {1023999, true, "≈1.0M"}, {3145728, true, "≈3.0M"}};
    struct canvas c;
    canvas_init(&c, 10, 2, GLYPHS_BRAILLE);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[FMT_SIZE];
        stream_output(&c, text, sizeof text, &(struct stream_row){.output = cases[i].output, .output_approx = cases[i].approx});
        assert_string_equal(text, cases[i].text);
    }
    canvas_release(&c);
}

/* ---- text ---- */

static void check_wrap(enum glyph_set glyphs, int w, int h, const char *text, const char *wanted)
{
    struct canvas c;
    char *got = NULL;
    size_t n = 0;
    canvas_init(&c, w + 2, h + 1, glyphs);
    wrap_text(&c, (struct rect){1, 0, w, h}, text, ROLE_TEXT);
    for (int y = 0; y <= h; y++) { /* nothing outside */
        assert_int_equal(canvas_at(&c, 0, y)->ch, ' ');
        assert_int_equal(canvas_at(&c, w + 1, y)->ch, ' ');
    }
    FILE *f = open_memstream(&got, &n);
    canvas_dump_text(&c, f);
    fclose(f);
    assert_string_equal(got, wanted);
    free(got);
    canvas_release(&c);
}

static void test_wrap(void **state)
{
    (void)state;
    check_wrap(GLYPHS_BRAILLE, 10, 3, "one two three four", " one two\n three four\n\n\n");
    check_wrap(GLYPHS_BRAILLE, 10, 2, "ten of ten and more", " ten of ten\n and more\n\n");
    check_wrap(GLYPHS_BRAILLE, 5, 3, "abcdefghijkl m", " abcde\n fghij\n kl m\n\n");
    check_wrap(GLYPHS_BRAILLE, 5, 2, "abcdefghijkl m", " …ghij\n kl m\n\n"); /* its end */
    check_wrap(GLYPHS_BRAILLE, 5, 2, "日本語日本語", " … 日\n 本語\n\n");
    check_wrap(GLYPHS_BRAILLE, 6, 2, "ee\xcc\x81\xcc\x82\xcc\x83""eeeee", " eeeeee\n e\n\n"); /* combining: no column */
    check_wrap(GLYPHS_BRAILLE, 4, 2, "\xff\xfe", " \xef\xbf\xbd\xef\xbf\xbd\n\n\n");
    check_wrap(GLYPHS_ASCII, 5, 2, "日本語日本語", " ?????\n ?\n\n");
    check_wrap(GLYPHS_BRAILLE, 4, 1, "", "\n\n");
    check_wrap(GLYPHS_BRAILLE, 1, 1, "abc", "\n\n"); /* too narrow for any */
    check_wrap(GLYPHS_BRAILLE, 4, 2, "a    b     c", " …\n c\n\n");
}

/* The opened stream's frame is whole, whatever its text and the size. */
static void test_frame(void **state)
{
    (void)state;
    struct snapshot *s = canned_extreme();
    static const char *const texts[] = {"日本語のテキストも幅を守って表示されます。全角文字は二桁です日本語のテキスト", "a\xcc\x81\xcc\x82 العربية 👨‍👩‍👧 \xff", "", "x"};
    for (int i = 0; i < 400; i++) {
        struct rect at[AREA_FRAME_COUNT];
        struct canvas c;
        int w = 60 + i % 97, h = 16 + i % 31;
        frame_init(&st);
        st.view = &view_streams;
        st.streams.open = i % 4 != 0;
        st.streams.by = (enum stream_sort)(i % SORT_COUNT);
        str_copy(s->streams[0].tail, sizeof s->streams[0].tail, texts[i % 4]);
        s->streams[0].state = (enum stream_state)(i % 5);
        s->streams[0].wait_s = i % 3 == 0 ? (double)NAN : i * 1000;
        canvas_init(&c, w, h, i % 2 ? GLYPHS_BRAILLE : GLYPHS_BLOCK);
        frame_update(&st, s, w, h, c.glyphs);
        frame_draw(&c, s, &st);
        layout_frame(w, h, at);
        for (int y = at[AREA_BODY].y + 1; y < at[AREA_BODY].y + at[AREA_BODY].h - 1; y++) {
            assert_int_equal(canvas_at(&c, 0, y)->ch, 0x2502);
            assert_int_equal(canvas_at(&c, w - 1, y)->ch, 0x2502);
        }
        canvas_release(&c);
    }
    free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_orders), cmocka_unit_test(test_bar),    cmocka_unit_test(test_sorting_keys),
        cmocka_unit_test(test_open),   cmocka_unit_test(test_mouse),  cmocka_unit_test(test_trails),
        cmocka_unit_test(test_wrap),   cmocka_unit_test(test_text_asked),   cmocka_unit_test(test_frame),
        cmocka_unit_test(test_output),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
