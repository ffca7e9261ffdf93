/* The key table, and that dispatch, footer, help and man page are all made from it; and what keys do to the
 * run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "test_ui_snapshots.h"
#include "ui/control.h"
#include "ui/keys.h"
#include "ui/note.h"
#include "ui/search.h"
#include "ui/view.h"

static void test_table(void **state)
{
    (void)state;
    bool reachable[ACT_COUNT] = {false};
    for (size_t i = 0; i < key_table_n; i++) {
        assert_non_null(key_table[i].help);
        assert_non_null(key_table[i].group);
        for (size_t k = 0; k < ARRAY_LEN(key_table[i].codes) && key_table[i].codes[k] != 0; k++) {
            int code = key_table[i].codes[k];
            assert_int_equal(keys_action(code), key_table[i].action); /* so no key stands twice */
            for (const struct view *const *v = view_table; *v != NULL; v++)
                assert_int_not_equal((*v)->key, code);
            reachable[key_table[i].action] = true;
        }
    }
    for (int a = ACT_NONE + 1; a < ACT_COUNT; a++)
        assert_true(reachable[a]);
    assert_int_equal(keys_action('~'), ACT_NONE);
    assert_int_equal(keys_action(KEYCODE_NONE), ACT_NONE);
}

static char *picture(struct snapshot *s, bool help, bool replay, int w, int h)
{
    s->open_loop = true;
    if (!(s->target_rate > 0))
        s->target_rate = 12.5;
    s->replay = (struct replay_view){.on = replay, .speed = 2, .end_s = 300};
    struct ui_state st;
    struct canvas c;
    char *text = NULL;
    size_t n = 0;
    frame_init(&st);
    st.help = help;
    canvas_init(&c, w, h, GLYPHS_BRAILLE);
    frame_update(&st, s, w, h, c.glyphs);
    frame_draw(&c, s, &st);
    FILE *f = open_memstream(&text, &n);
    canvas_dump_text(&c, f);
    fclose(f);
    canvas_release(&c);
    free(s);
    return text;
}

/* One request in minutes is not none. */
static void test_few_requests(void **state)
{
    (void)state;
    struct snapshot *s = canned_busy();
    s->target_rate = 0.003;
    s->sent_rate = 0.0031;
    s->goodput = 0.0028;
    str_copy(s->slo, sizeof s->slo, "ttft ≤ 500 ms");
    char *text = picture(s, false, false, 160, 60);
    assert_non_null(strstr(text, "rate 0.003/s"));
    assert_non_null(strstr(text, " 0.0031 sent/s"));
    assert_non_null(strstr(text, "goodput 0.0028/s"));
    free(text);
}

static char *screen(bool help, bool replay, int w, int h)
{
    return picture(canned_busy(), help, replay, w, h);
}

static void test_help_and_footer(void **state)
{
    (void)state;
    char *help = screen(true, false, 160, 60), *plain = screen(false, false, 160, 60), *replay = screen(false, true, 160, 60), *man = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&man, &n);
    keys_print_man(f);
    fclose(f);
    for (size_t i = 0; i < key_table_n; i++) {
        char line[128];
        snprintf(line, sizeof line, "%s  %s", key_table[i].name, key_table[i].help);
        assert_non_null(strstr(help, line)); /* whole, not cut */
        if (key_table[i].footer != NULL)
            assert_non_null(strstr(strcmp(key_table[i].group, "Replay") == 0 ? replay : plain, key_table[i].footer));
    }
    for (const struct view *const *v = view_table; *v != NULL; v++)
        assert_non_null(strstr(help, (*v)->help));
    for (size_t i = 0; i < mouse_table_n; i++) {
        char line[128];
        snprintf(line, sizeof line, "%s  %s", mouse_table[i].name, mouse_table[i].help);
        assert_non_null(strstr(help, line));
        assert_non_null(strstr(man, mouse_table[i].help));
    }
    assert_non_null(strstr(plain, "-/+ streams 6"));
    assert_null(strstr(plain, "speed"));
    assert_non_null(strstr(replay, "</> speed 2×"));
    assert_null(strstr(replay, "-/+ streams")); /* what has been cannot be changed */
    assert_non_null(strstr(man, ".SH KEYS"));
    assert_non_null(strstr(man, "one stream more"));
    free(help);
    free(plain);
    free(replay);
    free(man);
}

/* What no key changes is not offered. */
static void test_fixed_load(void **state)
{
    (void)state;
    struct snapshot *s = canned_busy();
    s->lengths_fixed = true;
    char *trace = picture(s, false, false, 160, 60);
    s = canned_busy();
    s->load_fixed = s->lengths_fixed = true;
    char *suite = picture(s, false, false, 160, 60);
    assert_non_null(strstr(trace, "-/+ streams"));
    assert_non_null(strstr(trace, "(/) rate"));
    assert_null(strstr(trace, "[/] context"));
    assert_null(strstr(trace, "{/} output"));
    assert_null(strstr(suite, "-/+ streams"));
    assert_null(strstr(suite, "(/) rate"));
    assert_null(strstr(suite, "[/] context"));
    assert_non_null(strstr(suite, "space pause"));
    s = canned_busy();
    s->agent = true;
    char *agent = picture(s, false, false, 160, 60);
    assert_null(strstr(agent, "space"));
    free(agent);
    free(trace);
    free(suite);
}

/* ---- what keys do ---- */

static struct command sent[16];
static int sent_n;

static void record(void *ctx, const struct command *c)
{
    (void)ctx;
    sent[sent_n++] = *c;
}

static const struct snapshot_source recorder = {.send = record};

static void test_targets(void **state)
{
    (void)state;
    struct snapshot *s = canned_busy();
    struct control ctl = {.source = &recorder};
    struct ui_state st;
    frame_init(&st);
    sent_n = 0;
    control_act(&ctl, &st, s, ACT_STREAMS_MORE, 10);
    control_act(&ctl, &st, s, ACT_STREAMS_MORE,
                10.1); /* counts from what was asked for, not from the snapshot */
    assert_int_equal(sent_n, 2);
    assert_int_equal(sent[1].kind, CMD_STREAMS);
    assert_int_equal(sent[1].value, 8);
    assert_int_equal(state_target(&st, s, TARGET_STREAMS), 8);
    assert_false(control_settle(&ctl, &st, s, 10.2)); /* not confirmed: still shown */
    assert_int_equal(state_target(&st, s, TARGET_STREAMS), 8);
    s->target_streams = 8;
    control_settle(&ctl, &st, s, 10.3);
    assert_false(st.target[TARGET_STREAMS].on);
    control_act(&ctl, &st, s, ACT_STREAMS_DOUBLE, 11);
    assert_int_equal(sent[2].value, 16);
    assert_true(control_settle(&ctl, &st, s, 20)); /* never confirmed: the truth again */
    assert_int_equal(state_target(&st, s, TARGET_STREAMS), 8);
    s->target_streams = 1;
    control_act(&ctl, &st, s, ACT_STREAMS_LESS, 21);
    control_act(&ctl, &st, s, ACT_STREAMS_HALF, 21);
    assert_int_equal(sent_n, 3); /* one is the least */
    free(s);
}

static void test_context_limit(void **state)
{
    (void)state;
    struct snapshot *s = canned_busy(); /* max_model_len 16384, output 128 */
    struct control ctl = {.source = &recorder};
    struct ui_state st;
    frame_init(&st);
    sent_n = 0;
    for (int i = 0; i < 4; i++)
        control_act(&ctl, &st, s, ACT_CONTEXT_DOUBLE, 1);
    assert_int_equal(sent[sent_n - 1].value, 16384 - 128);
    assert_true(st.toast[0] != '\0');
    control_act(&ctl, &st, s, ACT_CONTEXT_HALF, 1);
    assert_int_equal(sent[sent_n - 1].value, (16384 - 128) / 2);
    assert_true(control_settle(&ctl, &st, s, 100)); /* old messages go */
    assert_int_equal(st.toast[0], '\0');
    free(s);
}

static void test_pause_and_mark(void **state)
{
    (void)state;
    struct snapshot *s = canned_busy();
    struct control ctl = {.source = &recorder};
    struct ui_state st;
    frame_init(&st);
    sent_n = 0;
    assert_true(control_act(&ctl, &st, s, ACT_PAUSE, 1));
    assert_true(state_paused(&st, s));
    s->paused = true;
    control_settle(&ctl, &st, s, 1.1);
    assert_true(state_paused(&st, s));
    control_act(&ctl, &st, s, ACT_PAUSE, 2);
    assert_false(state_paused(&st, s));
    assert_true(control_act(&ctl, &st, s, ACT_MARK, 3));
    assert_int_equal(sent_n, 3);
    assert_int_equal(sent[2].kind, CMD_MARK);
    assert_false(control_act(&ctl, &st, s, ACT_HELP, 3)); /* not its business */
    assert_true(control_act(&ctl, &st, s, ACT_RESET, 4));
    assert_int_equal(sent[3].kind, CMD_RESET);
    s->state = RUN_WATCH; /* of probes */
    assert_true(control_act(&ctl, &st, s, ACT_RESET, 4));
    assert_int_equal(sent_n, 5);
    s->state = RUN_LOAD;
    s->agent = true;
    assert_true(control_act(&ctl, &st, s, ACT_PAUSE, 5)); /* refused, and said */
    assert_int_equal(sent_n, 5);
    assert_non_null(strstr(st.toast, "cannot be paused"));
    for (int zoom = 1; zoom <= ZOOM_COUNT; zoom++) { /* on every view, all the way round */
        assert_true(control_act(&ctl, &st, s, ACT_ZOOM, 5));
        assert_int_equal(st.zoom, zoom % ZOOM_COUNT);
    }
    free(s);
}

/* Before and after the load its keys are answered, but nothing is sent that the engine would drop. */
static void test_no_load(void **state)
{
    (void)state;
    static const enum action load_keys[] = {ACT_STREAMS_MORE, ACT_CONTEXT_HALF, ACT_OUTPUT_DOUBLE, ACT_PAUSE,
                                            ACT_MARK, ACT_NOTE, ACT_RESTART, ACT_RESET};
    static const enum run_state idle[] = {RUN_PREFLIGHT, RUN_DRAIN, RUN_DONE};
    struct snapshot *s = canned_busy();
    for (size_t i = 0; i < ARRAY_LEN(idle); i++)
        for (size_t k = 0; k < ARRAY_LEN(load_keys); k++) {
            struct control ctl = {.source = &recorder};
            struct ui_state st;
            frame_init(&st);
            sent_n = 0;
            s->state = idle[i];
            assert_true(control_act(&ctl, &st, s, load_keys[k], 1));
            assert_int_equal(sent_n, 0);
            assert_true(st.toast[0] != '\0');
            assert_int_equal(state_target(&st, s, TARGET_STREAMS), s->target_streams);
            assert_false(state_paused(&st, s));
        }
    free(s);
}

/* The words of a mark: all keys are the line's while it is open, and the mark is of the moment when it was opened. */
static void test_note(void **state)
{
    (void)state;
    struct snapshot *s = canned_busy();
    struct control ctl = {.source = &recorder};
    struct ui_state st;
    static const int typed[] = {'q', ' ', 0xe4, 0x5168, KEYCODE_UP, KEYCODE_TAB, 'x', KEYCODE_BACKSPACE, 127, 'z'};
    frame_init(&st);
    sent_n = 0;
    assert_true(control_act(&ctl, &st, s, ACT_NOTE, 100));
    assert_true(st.note.on);
    for (size_t i = 0; i < ARRAY_LEN(typed); i++)
        assert_int_equal(note_key(&st, typed[i]), NOTE_TYPED);
    assert_string_equal(st.note.text, "q äz");
    assert_int_equal(note_key(&st, KEYCODE_ENTER), NOTE_KEPT);
    assert_false(st.note.on);
    control_mark(&ctl, &st, 102.5);
    assert_int_equal(sent_n, 1);
    assert_int_equal(sent[0].kind, CMD_MARK);
    assert_int_equal(sent[0].value, 2500);
    assert_string_equal(sent[0].text, "q äz");
    note_open(&st, 103);
    assert_int_equal(st.note.text[0], '\0');
    for (int i = 0; i < 200; i++)
        note_key(&st, 0x20ac); /* no more than fits, and whole characters */
    assert_int_equal(strlen(st.note.text) % 3, 0);
    assert_in_range(strlen(st.note.text), 54, sizeof st.note.text - 1);
    for (int i = 0; i < 100; i++)
        note_key(&st, 8);
    assert_string_equal(st.note.text, "");
    assert_int_equal(note_key(&st, KEYCODE_ESC), NOTE_DROPPED);
    assert_false(control_act(&ctl, &st, s, ACT_RESTART, 104)); /* the caller's: it ends the screen */
    s->state = RUN_DRAIN;
    assert_true(control_act(&ctl, &st, s, ACT_RESTART, 104)); /* too late */
    assert_int_equal(sent_n, 1);
    free(s);
}

/* The search of the server's page: it asks for the page while it is open, and letters are typed, not obeyed. */
static void test_search(void **state)
{
    (void)state;
    struct snapshot *s = canned_busy();
    struct control ctl = {.source = &recorder};
    struct ui_state st;
    frame_init(&st);
    canned_page(s);
    sent_n = 0;
    assert_int_equal(keys_action('/'), ACT_SEARCH);
    assert_true(frame_act(&st, s, ACT_SEARCH, 80, 24)); /* from any view */
    assert_ptr_equal(st.view, &view_server);
    assert_true(st.search.on && st.search.typing);
    control_settle(&ctl, &st, s, 100);
    control_settle(&ctl, &st, s, 101);
    assert_int_equal(sent_n, 1);
    assert_int_equal(sent[0].kind, CMD_PAGE);
    assert_int_equal(sent[0].value, 1);
    for (const char *p = "q1 BUCKETx"; *p != '\0'; p++)
        search_key(&st, s, *p);
    search_key(&st, s, KEYCODE_BACKSPACE);
    assert_string_equal(st.search.text, "q1 BUCKET");
    assert_ptr_equal(st.view, &view_server);
    search_key(&st, s, KEYCODE_ENTER);
    assert_true(st.search.on && !st.search.typing);
    assert_true(frame_act(&st, s, ACT_CLOSE, 80, 24));
    assert_false(st.search.on);
    control_settle(&ctl, &st, s, 102);
    assert_int_equal(sent_n, 2);
    assert_int_equal(sent[1].kind, CMD_PAGE);
    assert_int_equal(sent[1].value, 0);
    free(s);
}

static void test_search_lines(void **state)
{
    (void)state;
    static const char page[] = "vllm:a{le=\"0.1\"} 1\n\nvllm:b_total 2\nother 3";
    static const struct {
        const char *filter;
        int lines;
    } cases[] = {{"", 3}, {"VLLM", 2}, {"vllm total", 1}, {"total  vllm ", 1}, {"zzz", 0}, {"3", 1}, {"le=\"0", 1}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t at = 0, n;
        int lines = 0;
        while (search_next(page, cases[i].filter, &at, &n) != NULL)
            lines++;
        assert_int_equal(lines, cases[i].lines);
    }
    /* Scrolling: never past the end, and what is typed begins at the top again. */
    struct snapshot *s = canned_busy();
    struct ui_state st;
    frame_init(&st);
    s->page.seq = 1;
    static const char line[] = "a_counter_total 1\n";
    for (size_t i = 0; i < 100; i++)
        memcpy(s->page.text + i * (sizeof line - 1), line, sizeof line);
    search_open(&st);
    frame_update(&st, s, 80, 24, GLYPHS_BRAILLE);
    int rows = st.search.rows;
    for (int i = 0; i < 50; i++)
        search_key(&st, s, KEYCODE_PAGE_DOWN);
    assert_int_equal(st.search.top, 100 - rows);
    search_key(&st, s, 'a');
    assert_int_equal(st.search.top, 0);
    search_key(&st, s, KEYCODE_UP);
    assert_int_equal(st.search.top, 0);
    free(s);
}

/* A replay moves in time and is changed by nothing; live it is the other way round. */
static void test_replay(void **state)
{
    (void)state;
    static const struct {
        enum action action;
        enum command_kind kind;
        int value;
    } moves[] = {{ACT_SEEK_BACK, CMD_SEEK, -10}, {ACT_SEEK_ON, CMD_SEEK, 10}, {ACT_SLOWER, CMD_SPEED, -1}, {ACT_FASTER, CMD_SPEED, 1}};
    struct snapshot *s = canned_busy();
    struct control ctl = {.source = &recorder};
    struct ui_state st;
    frame_init(&st);
    for (size_t i = 0; i < ARRAY_LEN(moves); i++) {
        sent_n = 0;
        s->replay.on = true;
        assert_true(control_act(&ctl, &st, s, moves[i].action, 1));
        assert_int_equal(sent_n, 1);
        assert_int_equal(sent[0].kind, moves[i].kind);
        assert_int_equal(sent[0].value, moves[i].value);
        s->replay.on = false;
        assert_true(control_act(&ctl, &st, s, moves[i].action, 1));
        assert_int_equal(sent_n, 1);
    }
    s->replay.on = true;
    s->state = RUN_DONE; /* as the file ends */
    sent_n = 0;
    control_act(&ctl, &st, s, ACT_STREAMS_MORE, 2);
    control_act(&ctl, &st, s, ACT_MARK, 2);
    assert_int_equal(sent_n, 0);
    assert_non_null(strstr(st.toast, "replay"));
    control_act(&ctl, &st, s, ACT_PAUSE, 2);
    assert_true(state_paused(&st, s));
    s->replay.paused = true;
    control_settle(&ctl, &st, s, 2.1);
    assert_false(st.pause.on);
    assert_true(state_paused(&st, s));
    free(s);
}

static void test_views(void **state)
{
    (void)state;
    struct snapshot *s = canned_trouble();
    struct ui_state st;
    frame_init(&st);
    assert_true(frame_view_key(&st, '3'));
    assert_ptr_equal(st.view, &view_streams);
    assert_false(frame_view_key(&st, '9'));
    assert_true(frame_act(&st, s, ACT_END, 80, 24));
    assert_int_equal(st.streams.at, 39);
    assert_int_equal(st.streams.top, 40 - 18);
    assert_true(frame_act(&st, s, ACT_PAGE_UP, 80, 24));
    assert_int_equal(st.streams.at, 39 - 18);
    assert_int_equal(st.streams.top, 39 - 18);
    frame_act(&st, s, ACT_VIEW_NEXT, 80, 24);
    assert_ptr_equal(st.view, &view_memory);
    frame_act(&st, s, ACT_VIEW_NEXT, 80, 24);
    assert_ptr_equal(st.view, &view_server);
    frame_act(&st, s, ACT_VIEW_NEXT, 80, 24);
    assert_ptr_equal(st.view, &view_matrix);
    assert_true(frame_act(&st, s, ACT_VALUE, 80, 24));
    assert_int_equal(st.matrix_value, 1);
    frame_act(&st, s, ACT_VIEW_NEXT, 80, 24);
    assert_ptr_equal(st.view, &view_log);
    frame_act(&st, s, ACT_VIEW_NEXT, 80, 24);
    assert_ptr_equal(st.view, &view_overview);
    frame_act(&st, s, ACT_HELP, 80, 24);
    assert_true(st.help);
    frame_act(&st, s, ACT_CLOSE, 80, 24);
    assert_false(st.help);
    free(s);
}

/* In the list of themes keys move, Enter keeps, Esc goes back, and those of the load still work. */
static void test_themes(void **state)
{
    (void)state;
    static struct theme_entry at[30];
    const struct theme_list list = {at, ARRAY_LEN(at)};
    struct snapshot *s = canned_busy();
    struct ui_state st;
    frame_init(&st);
    st.themes = (struct theme_picker){.on = true, .list = &list};
    static const struct {
        enum action act;
        int at;
    } moves[] = {{ACT_UP, 0}, {ACT_DOWN, 1}, {ACT_THEMES, 2}, {ACT_END, 29}, {ACT_DOWN, 29}, {ACT_PAGE_UP, 11}, {ACT_PAGE_DOWN, 29},
                 {ACT_THEMES, 0}, {ACT_END, 29}};
    for (size_t i = 0; i < ARRAY_LEN(moves); i++) {
        assert_true(frame_act(&st, s, moves[i].act, 80, 24));
        assert_int_equal(st.themes.at, moves[i].at);
        frame_update(&st, s, 80, 24, GLYPHS_BRAILLE);
        assert_true(st.themes.at >= st.themes.top && st.themes.at < st.themes.top + 18); /* in sight */
    }
    assert_false(frame_act(&st, s, ACT_STREAMS_MORE, 80, 24));
    assert_true(frame_act(&st, s, ACT_ENTER, 80, 24));
    assert_false(st.themes.on);
    assert_int_equal(st.themes.kept, 29);
    st.themes.on = true;
    frame_act(&st, s, ACT_HOME, 80, 24);
    assert_int_equal(st.themes.at, 0);
    frame_act(&st, s, ACT_HELP, 80, 24); /* lies above it and is closed first */
    frame_act(&st, s, ACT_CLOSE, 80, 24);
    assert_true(st.themes.on);
    assert_true(frame_act(&st, s, ACT_CLOSE, 80, 24));
    assert_false(st.themes.on);
    assert_int_equal(st.themes.at, 29);
    assert_false(frame_act(&st, s, ACT_THEMES, 80, 24)); /* the caller opens it */
    free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),          cmocka_unit_test(test_help_and_footer), cmocka_unit_test(test_fixed_load),
        cmocka_unit_test(test_targets),        cmocka_unit_test(test_context_limit),   cmocka_unit_test(test_few_requests),
        cmocka_unit_test(test_pause_and_mark), cmocka_unit_test(test_views),
        cmocka_unit_test(test_no_load), cmocka_unit_test(test_note), cmocka_unit_test(test_search), cmocka_unit_test(test_search_lines), cmocka_unit_test(test_replay),        cmocka_unit_test(test_themes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
