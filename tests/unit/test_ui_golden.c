/* Whole screens from canned snapshots, compared with the files in goldens/.  GENERATE=1 writes them again;
 * look at what changed before committing it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "test_ui_snapshots.h"
#include "ui/panels.h"
#include "ui/ui.h"
#include "ui/view.h"

static char *slurp(const char *path)
{
    FILE *f = fopen(path, "r");
    if (f == NULL)
        return NULL;
    char *text = xcalloc(1, 1 << 20);
    size_t n = fread(text, 1, (1 << 20) - 1, f);
    text[n] = '\0';
    fclose(f);
    return text;
}

static void compare(const char *name, const char *got)
{
    const char *dir = getenv("TESTS_DIR");
    char path[512];
    snprintf(path, sizeof path, "%s/goldens/%s.txt", dir != NULL ? dir : "tests", name);
    if (getenv("GENERATE") != NULL) {
        FILE *f = fopen(path, "w");
        assert_non_null(f);
        fputs(got, f);
        fclose(f);
        return;
    }
    char *wanted = slurp(path);
    if (wanted == NULL)
        fail_msg("no golden '%s'", path);
    if (strcmp(wanted, got) != 0)
        print_error("-- %s: wanted --\n%s-- got --\n%s", name, wanted, got);
    assert_true(strcmp(wanted, got) == 0);
    free(wanted);
}

static void shoot(const char *name, const struct snapshot *s, const struct ui_state *given, int w, int h,
                  enum glyph_set glyphs)
{
    struct ui_state st = *given;
    struct canvas c;
    char *text = NULL, full[128];
    size_t n = 0;
    canvas_init(&c, w, h, glyphs);
    frame_update(&st, s, w, h, glyphs);
    frame_draw(&c, s, &st);
    FILE *f = open_memstream(&text, &n);
    canvas_dump_text(&c, f);
    fclose(f);
    snprintf(full, sizeof full, "%s-%dx%d%s", name, w, h,
             glyphs == GLYPHS_ASCII   ? "-ascii"
             : glyphs == GLYPHS_BLOCK ? "-block"
                                      : "");
    compare(full, text);
    free(text);
    canvas_release(&c);
}

static void test_overview(void **state)
{
    (void)state;
    static const int sizes[][2] = {{60, 16}, {80, 24}, {120, 40}, {200, 60}};
    static const char *const names[] = {"overview-empty", "overview-busy", "overview-trouble",
                                        "overview-done"};
    struct snapshot *snaps[] = {canned_empty(), canned_busy(), canned_trouble(), canned_done()};
    struct ui_state st;
    frame_init(&st);
    for (size_t i = 0; i < ARRAY_LEN(snaps); i++) {
        for (size_t k = 0; k < ARRAY_LEN(sizes); k++) {
            shoot(names[i], snaps[i], &st, sizes[k][0], sizes[k][1], GLYPHS_BRAILLE);
            shoot(names[i], snaps[i], &st, sizes[k][0], sizes[k][1], GLYPHS_ASCII);
        }
        free(snaps[i]);
    }
}

/* All of a long run: the mean as an area, the highest values over it, hours on the axis. */
static void test_zoomed(void **state)
{
    (void)state;
    struct snapshot *s = canned_busy_at(9000, 6);
    struct ui_state st;
    frame_init(&st);
    st.zoom = ZOOM_WHOLE;
    shoot("overview-whole-run", s, &st, 120, 40, GLYPHS_BRAILLE);
    shoot("overview-whole-run", s, &st, 80, 24, GLYPHS_ASCII);
    st.zoom = ZOOM_5_MIN;
    shoot("overview-5-min", s, &st, 120, 40, GLYPHS_BRAILLE);
    s->since_s = 8000;
    st.view = &view_latency;
    shoot("latency-since", s, &st, 80, 24, GLYPHS_BRAILLE);
    free(s);
}

static void test_matrix(void **state)
{
    (void)state;
    static const int sizes[][2] = {{60, 16}, {80, 24}, {120, 40}, {200, 60}};
    struct snapshot *s = canned_busy();
    struct ui_state st;
    frame_init(&st);
    st.view = &view_matrix;
    shoot("matrix-empty", s, &st, 80, 24, GLYPHS_BRAILLE);
    canned_matrix(s);
    for (size_t k = 0; k < ARRAY_LEN(sizes); k++) {
        shoot("matrix", s, &st, sizes[k][0], sizes[k][1], GLYPHS_BRAILLE);
        shoot("matrix", s, &st, sizes[k][0], sizes[k][1], GLYPHS_ASCII);
    }
    st.matrix_value = 1;
    shoot("matrix-ttft", s, &st, 80, 24, GLYPHS_BRAILLE);
    st.matrix_value = 0;
    matrix_put(&s->matrix, 6, 8192, 128, 0)->waiting = true;
    matrix_put(&s->matrix, 8, 8192, 128, 0)->left_out = true;
    shoot("matrix-planned", s, &st, 80, 24, GLYPHS_BRAILLE);
    s->matrix.n = 0;
    static const double rates[] = {0.5, 1, 2.5, 101.25};
    for (int k = 0; k < 4; k++) {
        struct matrix_cell *c = matrix_put(&s->matrix, 256, 2048, 128, rates[k]);
        c->output_rate = fmin(60 * rates[k], 140);
        c->ttft_p95 = 200 + 400 * rates[k];
        c->good_share = 1 / (1 + rates[k]);
        c->ok = 50;
    }
    shoot("matrix-rates", s, &st, 120, 40, GLYPHS_BRAILLE);
    free(s);
}

/* What takes the place of the footer and of the state. */
static void test_note_and_replay(void **state)
{
    (void)state;
    struct snapshot *s = canned_busy();
    struct ui_state st;
    frame_init(&st);
    st.note.on = true;
    str_copy(st.note.text, sizeof st.note.text, "fans at full speed");
    shoot("note", s, &st, 80, 24, GLYPHS_BRAILLE);
    st.note.on = false;
    s->replay = (struct replay_view){.on = true, .speed = 2, .end_s = 600};
    shoot("replay", s, &st, 120, 40, GLYPHS_BRAILLE);
    s->replay.paused = true;
    shoot("replay", s, &st, 60, 16, GLYPHS_ASCII);
    free(s);
}

/* Memory: a whole machine, one without a GPU, one with all that can be wrong. */
static void test_memory(void **state)
{
    (void)state;
    static const int sizes[][2] = {{60, 16}, {80, 24}, {120, 40}, {200, 60}};
    struct ui_state st;
    frame_init(&st);
    st.view = &view_memory;
    struct snapshot *s = canned_busy();
    canned_machine(s);
    for (size_t k = 0; k < ARRAY_LEN(sizes); k++) {
        shoot("memory", s, &st, sizes[k][0], sizes[k][1], GLYPHS_BRAILLE);
        shoot("memory", s, &st, sizes[k][0], sizes[k][1], GLYPHS_ASCII);
    }
    struct memory_view *m = &s->memory;
    m->limited = 1;
    m->limited_now = true;
    str_copy(m->limited_by, sizeof m->limited_by, "PPT and others");
    shoot("memory-limited", s, &st, 120, 40, GLYPHS_BRAILLE);
    str_copy(m->gpu_note, sizeof m->gpu_note, "/dev/dri/renderD128: permission denied: values from sysfs only");
    m->gpu_asleep = true;
    for (size_t i = 0; i < 3; i++)
        gauge_set(i == 0 ? &m->busy : i == 1 ? &m->power : &m->temperature, (double)NAN, "", "asleep");
    m->limited = (double)NAN;
    m->ceiling = 50 * CANNED_GIB;
    str_copy(m->container, sizeof m->container, "lxcfs");
    m->stack.gtt = 0;
    m->stack.other = 45.6 * CANNED_GIB;
    m->warnings_n = 2;
    str_copy(m->warnings[0], sizeof m->warnings[0], "the driver promises 53.0 GiB of GTT, but all graphics memory in RAM is limited to 50.0 GiB: raise ttm.pages_limit");
    str_copy(m->warnings[1], sizeof m->warnings[1], "the boot parameter amdgpu.gtt_size does not exist and is ignored: use ttm.pages_limit");
    str_copy(s->server.process_note, sizeof s->server.process_note, "behind docker-proxy: the server itself runs in a container");
    shoot("memory-trouble", s, &st, 80, 24, GLYPHS_BRAILLE);
    shoot("memory-trouble", s, &st, 120, 40, GLYPHS_BRAILLE);
    free(s);
    s = canned_busy();
    canned_machine(s);
    m = &s->memory;
    m->gpus = 3;
    str_copy(m->gpu_others, sizeof m->gpu_others, "0000:03:00.0 AMD GPU, 0000:0e:00.0 Radeon (Raphael)");
    str_copy(m->gpu_note, sizeof m->gpu_note, "/dev/dri/renderD128: permission denied: values from sysfs only");
    for (size_t k = 0; k < 3; k++)
        shoot("memory-gpus", s, &st, sizes[k][0], sizes[k][1], GLYPHS_BRAILLE);
    st.view = &view_overview;
    for (size_t k = 0; k < 3; k++)
        shoot("overview-gpus", s, &st, sizes[k][0], sizes[k][1], GLYPHS_BRAILLE);
    st.view = &view_memory;
    free(s);
    s = canned_empty();
    shoot("memory-empty", s, &st, 80, 24, GLYPHS_BRAILLE);
    s->state = RUN_WATCH;
    canned_memory(s, 5);
    s->memory.gpu_name[0] = '\0';
    shoot("memory-simulated", s, &st, 120, 40, GLYPHS_BRAILLE);
    free(s);
}

/* The pools' lines have a "!": all of them, the first one first. */
static void check_alarms(const struct snapshot *s, const char *wanted)
{
    struct pool pools[3];
    char got[4] = "";
    int n = pools_of(pools, s, ZOOM_1_MIN);
    for (int i = 0; i < n; i++) {
        struct canvas c;
        char *text = NULL;
        size_t size = 0;
        canvas_init(&c, 60, 1, GLYPHS_BRAILLE);
        pool_line(&c, 0, 0, 60, &pools[i], false, false);
        FILE *f = open_memstream(&text, &size);
        canvas_dump_text(&c, f);
        fclose(f);
        got[i] = strchr(text, '!') != NULL ? '!' : '-';
        got[i + 1] = '\0';
        free(text);
        canvas_release(&c);
    }
    assert_string_equal(got, wanted);
}

/* An APU's little VRAM is full because the driver fills it first; a pool where models live is not to be. */
static void test_alarms(void **state)
{
    (void)state;
    struct snapshot *s = canned_busy();
    struct memory_view *m = &s->memory;
    canned_machine(s);
    m->vram_used = canned_gauge(0.49 * CANNED_GIB, false);
    check_alarms(s, "---");
    m->gtt_used = canned_gauge(52 * CANNED_GIB, false);
    check_alarms(s, "!--");
    m->gtt_used = canned_gauge(39.7 * CANNED_GIB, false);
    m->primary_vram = true; /* comes first then */
    check_alarms(s, "!--");
    free(s);
}

static void test_latency(void **state)
{
    (void)state;
    static const int sizes[][2] = {{60, 16}, {80, 24}, {80, 50}, {120, 40}, {200, 60}};
    struct ui_state st;
    frame_init(&st);
    st.view = &view_latency;
    struct snapshot *s = canned_busy();
    for (size_t k = 0; k < ARRAY_LEN(sizes); k++) {
        shoot("latency", s, &st, sizes[k][0], sizes[k][1], GLYPHS_BRAILLE);
        shoot("latency", s, &st, sizes[k][0], sizes[k][1], GLYPHS_ASCII);
    }
    free(s);
    s = canned_empty();
    shoot("latency-empty", s, &st, 80, 24, GLYPHS_BRAILLE);
    free(s);
}

static void test_server(void **state)
{
    (void)state;
    static const int sizes[][2] = {{60, 16}, {80, 24}, {120, 40}, {200, 60}};
    struct ui_state st;
    frame_init(&st);
    st.view = &view_server;
    struct snapshot *s = canned_busy();
    s->server.simulated = false;
    s->server.pid = 4711;
    s->server.told_max_num_seqs = 4;
    s->server.told_memory_share = 0.85;
    str_copy(s->server.command, sizeof s->server.command,
             "/opt/vllm/bin/python3 /opt/vllm/bin/vllm serve Qwen3-Coder-30B-A3B-Instruct-gptq-4bit --max-num-seqs 4 --max-model-len "
             "16384 --gpu-memory-utilization 0.85 --api-key *** --enable-auto-tool-choice --tool-call-parser qwen3_coder");
    for (size_t k = 0; k < ARRAY_LEN(sizes); k++) {
        shoot("server", s, &st, sizes[k][0], sizes[k][1], GLYPHS_BRAILLE);
        shoot("server", s, &st, sizes[k][0], sizes[k][1], GLYPHS_ASCII);
    }
    s->server.unverified = true;
    shoot("server-unverified", s, &st, 80, 24, GLYPHS_BRAILLE);
    uint64_t failed = s->failed;
    s->failed = 3; /* there is one line for that and what is urgent */
    shoot("server-unverified-60", s, &st, 60, 16, GLYPHS_BRAILLE);
    s->failed = failed;
    s->server.unverified = false;
    canned_page(s);
    st.search = (struct page_search){.on = true, .typing = true, .text = "ttft"};
    shoot("server-search-nothing", s, &st, 80, 24, GLYPHS_BRAILLE);
    str_copy(st.search.text, sizeof st.search.text, "vllm FIRST");
    shoot("server-search", s, &st, 80, 24, GLYPHS_BRAILLE);
    st.search = (struct page_search){.on = true};
    shoot("server-page", s, &st, 120, 40, GLYPHS_BRAILLE);
    shoot("server-page", s, &st, 60, 16, GLYPHS_ASCII);
    st.search.on = false;
    s->server.told_max_num_seqs = (double)NAN;
    s->server.seems_max_num_seqs = 4;
    s->server.counts.restarts = 1;
    s->server.bad_lines = 3;
    s->server.pid = 0;
    shoot("server-restarted", s, &st, 120, 40, GLYPHS_BRAILLE);
    s->server.tokens_at_end = true;
    s->server.generated_rate = s->server.prompt_rate = (double)NAN;
    shoot("server-at-end", s, &st, 120, 40, GLYPHS_BRAILLE);
    free(s);
    s = canned_empty();
    shoot("server-empty", s, &st, 80, 24, GLYPHS_BRAILLE);
    free(s);
}

static void test_others(void **state)
{
    (void)state;
    struct snapshot *s = canned_trouble();
    struct ui_state st;
    frame_init(&st);
    shoot("overview-trouble", s, &st, 80, 24, GLYPHS_BLOCK);
    struct snapshot *big = canned_extreme();
    shoot("overview-extreme", big, &st, 60, 16, GLYPHS_BRAILLE);
    shoot("overview-extreme", big, &st, 80, 24, GLYPHS_BRAILLE);
    shoot("overview-extreme", big, &st, 120, 40, GLYPHS_BRAILLE);
    free(big);
    shoot("too-small", s, &st, 50, 10, GLYPHS_BRAILLE);
    static const int sizes[][2] = {{60, 16}, {80, 24}, {120, 40}, {200, 60}};
    for (int help = 0; help < 2; help++) {
        st.help = help;
        st.view = help ? &view_overview : &view_log;
        for (size_t k = 0; k < ARRAY_LEN(sizes); k++) {
            shoot(help ? "help" : "log", s, &st, sizes[k][0], sizes[k][1], GLYPHS_BRAILLE);
            shoot(help ? "help" : "log", s, &st, sizes[k][0], sizes[k][1], GLYPHS_ASCII);
        }
    }
    free(s);
}

/* Streams: the list in two orders, with what the trails saw; and one of them alone, decoding and queued. */
static void test_streams(void **state)
{
    (void)state;
    static const int sizes[][2] = {{60, 16}, {80, 24}, {120, 40}, {200, 60}};
    struct snapshot *s = canned_trouble();
    static struct ui_state st;
    frame_init(&st);
    st.view = &view_streams;
    double end = s->clock_s;
    for (int i = 0; i <= 12; i++) {
        s->clock_s = end - 12 + i;
        for (size_t k = 0; k < s->streams_n; k++)
            if (s->streams[k].state == STREAM_DECODE) {
                s->streams[k].output += k == 0 && i > 8 ? 2 : 30 + (int)(k + (size_t)i) % 5;
                s->streams[k].wait_s = 3 + i;
            }
        frame_update(&st, s, 120, 40, GLYPHS_BRAILLE);
    }
    for (size_t k = 0; k < s->streams_n; k++)
        s->streams[k].measured = k != 3;
    for (size_t k = 0; k < ARRAY_LEN(sizes); k++) {
        int w = sizes[k][0], h = sizes[k][1];
        st.streams.open = false;
        st.streams.by = k == 0 ? SORT_WAIT : k == 1 ? SORT_NUMBER : SORT_RATE;
        st.streams.sorted = false;
        streams_move(&st.streams, 2);
        shoot("streams", s, &st, w, h, GLYPHS_BRAILLE);
        shoot("streams", s, &st, w, h, GLYPHS_ASCII);
        st.streams.by = SORT_NUMBER;
        st.streams.open = true;
        st.streams.row = k >= 2 ? 0 : 2;
        shoot("stream", s, &st, w, h, GLYPHS_BRAILLE);
        shoot("stream", s, &st, w, h, GLYPHS_ASCII);
    }
    st.streams.row = 0;
    s->text_stream = 2; /* of another one: not shown */
    str_copy(s->text, sizeof s->text, "NEVER");
    shoot("stream", s, &st, 120, 40, GLYPHS_BRAILLE);
    s->text_stream = 1;
    s->text[0] = '\0';
    for (int i = 0; i < 12; i++) {
        size_t n = strlen(s->text);
        snprintf(s->text + n, sizeof s->text - n, "%s%s", i > 0 ? " " : "", canned_texts[i % 4]);
    }
    shoot("stream-text", s, &st, 80, 24, GLYPHS_BRAILLE);
    shoot("stream-text", s, &st, 60, 16, GLYPHS_BRAILLE);
    st.streams.row = 4;
    shoot("stream-queued", s, &st, 80, 24, GLYPHS_BRAILLE);
    s->streams[4].state = STREAM_IDLE;
    shoot("stream-idle", s, &st, 60, 16, GLYPHS_BRAILLE);
    free(s);
}

/* The list of themes over the view: one of the user's own, and one that has mistakes. */
static void test_themes(void **state)
{
    (void)state;
    static char own[] = "/home/somebody/.config/tokgauge/themes/dusk.theme";
    struct theme_entry at[5];
    struct snapshot *s = canned_busy();
    struct ui_state st;
    memset(at, 0, sizeof at);
    for (size_t i = 0; i < 3; i++) {
        theme_load(&at[i].theme, theme_builtin(i));
        str_copy(at[i].name, sizeof at[i].name, theme_builtin(i));
    }
    at[3] = at[4] = at[0];
    str_copy(at[3].name, sizeof at[3].name, "dusk");
    str_copy(at[3].theme.name, sizeof at[3].theme.name, "Dusk");
    at[3].path = own;
    str_copy(at[4].name, sizeof at[4].name, "a-theme-with-a-name-that-is-longer-than-its-column");
    at[4].found.warnings = 2;
    const struct theme_list list = {at, ARRAY_LEN(at)};
    frame_init(&st);
    st.themes = (struct theme_picker){.on = true, .list = &list, .at = 3, .kept = 0};
    shoot("themes", s, &st, 80, 24, GLYPHS_BRAILLE);
    st.themes.at = 4;
    shoot("themes", s, &st, 60, 16, GLYPHS_ASCII);
    free(s);
}

/* The simulated server: a model's name with a path in front, GTT known, VRAM not. */
static void test_demo(void **state)
{
    (void)state;
    struct snapshot *s = canned_busy();
    struct ui_state st;
    frame_init(&st);
    str_copy(s->server.model, sizeof s->server.model, "somebody/Qwen3-Coder-30B-A3B-Instruct-gptq-4bit");
    s->memory.vram_used.value = s->memory.vram_total.value = (double)NAN;
    s->memory.gpu_name[0] = s->status[0] = '\0';
    s->streams[2].id = 0; /* a row that its worker has not filled yet */
    shoot("overview-demo", s, &st, 60, 16, GLYPHS_BRAILLE);
    shoot("overview-demo", s, &st, 80, 24, GLYPHS_BRAILLE);
    shoot("overview-demo", s, &st, 120, 40, GLYPHS_BRAILLE);
    free(s);
}

static void test_render(void **state)
{
    (void)state;
    struct snapshot *s = canned_busy();
    char *a = NULL, *b = NULL;
    size_t n = 0, m = 0;
    FILE *f = open_memstream(&a, &n);
    assert_true(ui_render(s, &(struct ui_picture){120, 40, "svg", NULL, 0}, f));
    assert_false(ui_render(s, &(struct ui_picture){120, 40, "png", NULL, 0}, f));
    fclose(f);
    f = open_memstream(&b, &m);
    assert_true(ui_render(s, &(struct ui_picture){80, 24, "txt", NULL, '7'}, f));
    fclose(f);
    assert_true(strncmp(a, "<svg", 4) == 0);
    assert_non_null(strstr(b, "SIMULATED"));
    free(a);
    free(b);
    free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alarms),
        cmocka_unit_test(test_overview),
        cmocka_unit_test(test_demo),
        cmocka_unit_test(test_latency),
        cmocka_unit_test(test_matrix),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_note_and_replay),
        cmocka_unit_test(test_others),
        cmocka_unit_test(test_server),
        cmocka_unit_test(test_streams),
        cmocka_unit_test(test_themes),
        cmocka_unit_test(test_zoomed),
        cmocka_unit_test(test_render),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
