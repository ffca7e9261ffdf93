/* Replay: what the screen shows at a moment of a made-up run, however one got there, and of files that are cut or broken. */
#include "check.h"

#include "replay/replay.h"
#include "report/memory_json.h"
#include "ui/view.h"

#include <stdlib.h>
#include <unistd.h>

#define S "000000000" /* seconds to nanoseconds */

/* Two streams: 1 asks at 2, has its first token at 3, its last at 7; asks again at 8 and waits for the rest of the run.  2 asks
 * at 2 and fails at 4. */
static const char made[] =
    "{\"type\":\"header\",\"format\":1,\"tokgauge\":\"0\",\"simulated\":false,\"url\":\"https://me@box:8443/v1\",\"model\":\"m\",\"server\":\"vLLM 1\","
    "\"max_model_len\":16384,\"texts\":true,\"server_process\":{\"pid\":77,\"command\":\"vllm serve m\",\"max_num_seqs\":6},"
    "\"system\":{\"is_the_servers\":true}}\n"
    "{\"type\":\"request\",\"stream\":0,\"part\":\"preflight\",\"phase\":-1,\"outcome\":\"ok\",\"http\":200,\"sent\":100000000,"
    "\"first_token\":1300000000,\"last_token\":1400000000,\"end\":1400000000,\"output_tokens\":2,\"events\":2,\"tokens_from\":\"usage\"}\n"
    "{\"type\":\"phase\",\"t\":2" S ",\"phase\":0,\"max_num_seqs\":2,\"context\":2048,\"max_tokens\":41,\"part\":\"stability\",\"what\":\"2k\"}\n"
    "{\"type\":\"event\",\"t\":2" S ",\"level\":\"info\",\"text\":\"the load begins\"}\n"
    "{\"type\":\"sample\",\"t\":2100000000,\"state\":\"load\",\"phase\":0,\"max_num_seqs\":2,\"context\":2048,\"max_tokens\":41,\"in_flight\":2,"
    "\"queued\":2,\"decoding\":0,\"sent\":2,\"live_tokens\":0,\"output_tok_s\":0,\"ram_total\":1000,\"ram_used\":600,\"gtt_total\":500,"
    "\"gtt_used\":400,\"server_running\":1,\"server_waiting\":1,\"gpu_processes\":[{\"pid\":77,\"name\":\"vllm\",\"gtt\":390,\"server\":true}],"
    "\"gtt_other\":10,\"ended\":[]}\n"
    "{\"type\":\"sample\",\"t\":3100000000,\"state\":\"load\",\"phase\":0,\"max_num_seqs\":2,\"context\":2048,\"max_tokens\":41,\"in_flight\":2,"
    "\"queued\":1,\"decoding\":1,\"sent\":2,\"live_tokens\":1,\"output_tok_s\":9.5,\"ram_total\":1000,\"ram_used\":610,\"gtt_total\":500,"
    "\"gtt_used\":410,\"server_running\":1,\"server_waiting\":1,\"ended\":[]}\n"
    "{\"type\":\"request\",\"seq\":1,\"stream\":2,\"part\":\"load\",\"phase\":0,\"outcome\":\"http_429\",\"http\":429,\"context\":2048,"
    "\"max_tokens\":41,\"due\":2" S ",\"started\":2" S ",\"sent\":2" S ",\"end\":4" S ",\"events\":0,\"tokens_from\":\"none\",\"error\":\"too many\"}\n"
    "{\"type\":\"mark\",\"t\":4500000000,\"text\":\"here\"}\n"
    "{\"type\":\"sample\",\"t\":4600000000,\"state\":\"load\",\"phase\":0,\"max_num_seqs\":2,\"context\":2048,\"max_tokens\":41,\"in_flight\":1,"
    "\"queued\":0,\"decoding\":1,\"sent\":2,\"live_tokens\":16,\"output_tok_s\":10,\"ram_total\":1000,\"ram_used\":620,\"gtt_total\":500,"
    "\"gtt_used\":420,\"server_running\":1,\"server_waiting\":0,\"ended\":[]}\n"
    "{\"type\":\"request\",\"seq\":0,\"stream\":1,\"part\":\"load\",\"phase\":0,\"outcome\":\"ok\",\"http\":200,\"context\":2048,\"max_tokens\":41,"
    "\"due\":2" S ",\"started\":2" S ",\"sent\":2" S ",\"first_byte\":3" S ",\"first_event\":3" S ",\"first_token\":3" S ",\"first_answer\":3" S ","
    "\"last_token\":7" S ",\"end\":7" S ",\"prompt_tokens\":2048,\"cached_tokens\":0,\"output_tokens\":41,\"first_event_tokens\":1,\"events\":41,"
    "\"tokens_from\":\"usage\",\"text\":\"abcdefghijklmnopqrstuvwxyzäöüß0123456789\"}\n"
    "{\"type\":\"sample\",\"t\":7100000000,\"state\":\"paused\",\"phase\":0,\"max_num_seqs\":2,\"context\":2048,\"max_tokens\":41,\"in_flight\":0,"
    "\"queued\":0,\"decoding\":0,\"sent\":2,\"live_tokens\":41,\"output_tok_s\":8,\"ram_total\":1000,\"ram_used\":630,\"gtt_total\":500,"
    "\"gtt_used\":430,\"server_running\":0,\"server_waiting\":0,\"ended\":[{\"phase\":0,\"outcomes\":{\"ok\":1},\"output_tokens\":41,"
    "\"itl\":[[1500,40]]}]}\n"
    "{\"type\":\"process\",\"t\":8" S ",\"server_process\":{\"pid\":78,\"command\":\"vllm serve m --max-num-seqs 12\",\"max_num_seqs\":12}}\n"
    "{\"type\":\"request\",\"seq\":2,\"stream\":1,\"part\":\"load\",\"phase\":0,\"outcome\":\"cancelled\",\"http\":0,\"context\":2048,\"max_tokens\":41,"
    "\"due\":8" S ",\"started\":8" S ",\"sent\":8" S ",\"end\":10" S ",\"events\":0,\"tokens_from\":\"none\"}\n"
    "{\"type\":\"sample\",\"t\":10" S ",\"state\":\"done\",\"phase\":0,\"max_num_seqs\":2,\"context\":2048,\"max_tokens\":41,\"in_flight\":0,\"sent\":3,"
    "\"live_tokens\":41,\"output_tok_s\":0,\"ram_total\":1000,\"ram_used\":640,\"gtt_total\":500,\"gtt_used\":440,\"ended\":[]}\n";

static char path[64];

static struct replay *open_made(const void *data, size_t n, struct err *e)
{
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
    return replay_open(path, e);
}

/* What a container is told of RAM has no GTT in it, however much the machine's GPU holds. */
static void test_container(void **state)
{
    (void)state;
    static const char *const views[] = {"", ",\"ram_container_view\":\"lxcfs\""};
    for (int in = 0; in < 2; in++) {
        char text[256];
        struct memory_view m;
        snprintf(text, sizeof text, "{\"ram_total\":16,\"ram_used\":5,\"ram_unaccounted\":0,\"ram_cache\":3,\"gtt_used\":60%s}", views[in]);
        cJSON *o = cJSON_Parse(text);
        assert_non_null(o);
        memory_read(o, &m);
        cJSON_Delete(o);
        assert_near(m.stack.gtt, in ? 0 : 5, 0);
        assert_near(m.stack.other, in ? 5 : 0, 0);
        assert_near(m.stack.free, 8, 0);
    }
}

/* What is written of the limits is read back; what holds at the moment is no share of the time, for older readers neither. */
static void test_limited(void **state)
{
    (void)state;
    static struct snapshot s;
    static const struct {
        bool now;
        double limited;
        const char *says;
    } cases[] = {{false, 0.04, "\"gpu_limited_percent\":4,\"gpu_limited_by\":\"PPT\""},
                 {true, 1, "\"gpu_limited_percent\":null,\"gpu_limited_now\":true,\"gpu_limited_by\":\"PPT\""},
                 {true, 0, "\"gpu_limited_percent\":null,\"gpu_limited_now\":false"}};
    snapshot_clear(&s);
    str_copy(s.memory.gpu_name, sizeof s.memory.gpu_name, "a GPU");
    str_copy(s.memory.limited_by, sizeof s.memory.limited_by, "PPT");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf b;
        buf_init(&b, 1 << 16);
        struct jsonw j = {.out = &b};
        s.memory.limited_now = cases[i].now;
        s.memory.limited = cases[i].limited;
        jw_open(&j, NULL, '{');
        memory_json(&s.memory, &j);
        jw_close(&j, '}');
        assert_non_null(strstr(b.data, cases[i].says));
        cJSON *o = cJSON_Parse(b.data);
        struct memory_view m;
        memory_read(o, &m);
        assert_int_equal(m.limited_now, cases[i].now);
        assert_near(m.limited, cases[i].limited, 1e-9);
        cJSON_Delete(o);
        buf_release(&b);
    }
}

static void test_gpus(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t gpus;
    } cases[] = {{"{\"gpus\":2}", 2}, {"{}", 0}, {"{\"gpus\":-1}", 0}, {"{\"gpus\":1e99}", 0}, {"{\"gpus\":\"2\"}", 0}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct memory_view m;
        cJSON *o = cJSON_Parse(cases[i].text);
        memory_read(o, &m);
        cJSON_Delete(o);
        assert_int_equal(m.gpus, cases[i].gpus);
    }
}

static void test_moments(void **state)
{
    (void)state;
    struct err e;
    struct replay *r = open_made(made, sizeof made - 1, &e);
    assert_non_null(r);
    assert_near(replay_end(r), 10, 1e-6);
    const struct snapshot *s = replay_at(r, 0.5); /* nothing yet */
    assert_true(s->replay.on);
    assert_unknown(s->elapsed_s);
    assert_unknown(s->output_rate);
    assert_string_equal(s->server.address, "box:8443"); /* without the login */
    assert_string_equal(s->server.command, "vllm serve m");
    assert_near(s->server.told_max_num_seqs, 6, 0);

    s = replay_at(r, 2.5);
    assert_int_equal(s->state, RUN_LOAD);
    assert_int_equal(s->streams_n, 2);
    assert_int_equal(s->streams[0].state, STREAM_QUEUED);
    assert_near(s->streams[0].wait_s, 0.5, 1e-6);
    assert_unknown(s->streams[0].ttft_ms);
    assert_near(s->elapsed_s, 0.5, 1e-6);
    assert_string_equal(s->status, "stability: 2k");
    assert_int_equal(s->events_n, 1);
    assert_near(s->memory.gtt_used.value, 400, 0);
    assert_unknown(s->memory.stack.free); /* the cache is not in the file */
    assert_true(s->memory.procs_known);
    assert_int_equal(s->memory.procs[0].pid, 77);
    assert_int_equal(s->ttft.n, 0);

    s = replay_at(r, 4.7); /* 1 decodes, 2 has failed */
    assert_int_equal(s->streams[0].state, STREAM_DECODE);
    assert_near(s->streams[0].ttft_ms, 1000, 1e-6);
    assert_int_equal(s->streams[0].output, 18); /* 1 + 40 · 1.7 / 4 */
    assert_near(s->streams[0].rate, 10, 0.1);
    assert_string_equal(s->streams[0].tail, "abcdefghijklmnopqr"); /* 1.7 of 4 s: 42 % of 44 bytes */
    assert_int_equal(s->streams[1].state, STREAM_IDLE);
    assert_int_equal(s->text_stream, 0);
    replay_text(r, 1);
    s = replay_at(r, 6.8);
    assert_int_equal(s->text_stream, 1);
    assert_non_null(strstr(s->text, "xyzäöüß01234"));
    s = replay_at(r, 4.7);
    assert_string_equal(s->text, "abcdefghijklmnopqr");
    assert_int_equal(s->failed, 1);
    assert_string_equal(s->last_error, "http_429 ×1: too many");
    assert_int_equal(s->marks_n, 1);
    assert_string_equal(s->events[s->events_n - 1].text, "▲ here");
    assert_int_equal(s->ttft.n, 1); /* it is there, though the request has not ended */
    assert_int_equal(s->e2e.n, 0);
    assert_true(s->memory.procs_known); /* of the sample but one before */

    s = replay_at(r, 8.5);
    assert_true(s->paused);
    assert_int_equal(s->ok, 1);
    assert_int_equal(s->e2e.n, 1);
    assert_near(s->e2e.p50, 5000, 50);
    assert_int_equal(s->itl.n, 40);
    assert_near(s->output_rate_peak, 10, 0);
    assert_int_equal(s->streams[0].state, STREAM_QUEUED);

    assert_int_equal(s->server.pid, 78); /* it was started again */
    assert_near(s->server.told_max_num_seqs, 12, 0);

    s = replay_at(r, 1e9); /* the end */
    assert_near(s->clock_s, 10, 1e-6);
    assert_int_equal(s->cancelled, 1);
    assert_int_equal(s->ok + s->failed, 2);
    assert_int_equal(s->hists.ttft_first.count, 1);

    assert_int_equal(s->matrix.n, 1);
    assert_int_equal(s->matrix.cell[0].streams, 2);
    assert_int_equal(s->matrix.cell[0].ok, 1);
    assert_int_equal(s->matrix.cell[0].failed, 1);
    assert_false(s->matrix.cell[0].running);

    s = replay_at(r, 3.5); /* back */
    assert_true(s->matrix.cell[0].running);
    assert_near(s->matrix.cell[0].output_rate, 1, 1e-6); /* a token in the second between two samples */
    assert_unknown(s->matrix.cell[0].ttft_p95);          /* of requests that end later */
    assert_int_equal(s->matrix.cell[0].ok, 0);
    assert_string_equal(s->server.command, "vllm serve m");
    assert_near(s->server.told_max_num_seqs, 6, 0);
    assert_int_equal(s->ok + s->failed + s->cancelled, 0);
    assert_int_equal(s->marks_n, 0);
    assert_int_equal(s->last_error[0], '\0');
    replay_reset(r);
    s = replay_at(r, 8);
    assert_near(s->since_s, 3.5, 0);
    assert_int_equal(s->e2e.n, 1); /* it ended behind that */
    s = replay_at(r, 3); /* before it there was no such thing */
    assert_unknown(s->since_s);
    replay_close(r);
}

/* A view as text. */
static char *look(const struct view *v, const struct snapshot *s)
{
    struct ui_state st;
    struct canvas c;
    char *text = NULL;
    size_t n = 0;
    frame_init(&st);
    st.view = v;
    canvas_init(&c, 120, 40, GLYPHS_BRAILLE);
    frame_update(&st, s, 120, 40, c.glyphs);
    frame_draw(&c, s, &st);
    FILE *f = open_memstream(&text, &n);
    canvas_dump_text(&c, f);
    fclose(f);
    canvas_release(&c);
    return text;
}

/* However one gets to a moment, it looks the same there; also in a copy that the screen keeps. */
static void test_any_way(void **state)
{
    (void)state;
    struct err e;
    struct replay *walked = open_made(made, sizeof made - 1, &e);
    struct snapshot *copy = xcalloc(1, sizeof *copy);
    uint64_t seed = 3;
    assert_non_null(walked);
    for (int i = 0; i < 60; i++) {
        double t = rng_unit(&seed) * 11;
        struct replay *fresh = replay_open(path, &e);
        const struct snapshot *straight = replay_at(fresh, t);
        snapshot_copy(copy, replay_at(walked, t));
        for (const struct view *const *v = view_table; *v != NULL; v++) {
            char *a = look(*v, straight), *b = look(*v, copy);
            assert_string_equal(a, b);
            free(a);
            free(b);
        }
        replay_close(fresh);
    }
    free(copy);
    replay_close(walked);
}

/* A file that grows, however it is cut while it does, comes to what the whole one is. */
static void test_grows(void **state)
{
    (void)state;
    static const char over[] = "{\"type\":\"summary\",\"t\":10" S "}\n";
    struct err e;
    uint64_t seed = 21;
    struct snapshot *copy = xcalloc(1, sizeof *copy);
    size_t all = sizeof made - 1 + sizeof over - 1, header = (size_t)(strchr(made, '\n') - made) + 1;
    char *data = xmalloc(all + 1);
    snprintf(data, all + 1, "%s%s", made, over);
    for (int i = 0; i < 40; i++) {
        size_t n = header + (size_t)(rng_unit(&seed) * (double)(sizeof made - header));
        struct err why;
        FILE *f = fopen(path, "we");
        assert_int_equal(fwrite(data, 1, n, f), n);
        assert_int_equal(fflush(f), 0);
        struct replay *r = replay_open_growing(path, &e);
        assert_non_null(r);
        enum replay_growth g = REPLAY_SAME;
        while (n < all) {
            double end = replay_end(r);
            size_t more = (size_t)(rng_unit(&seed) * 900);
            more = MIN_OF(more, all - n);
            assert_int_equal(fwrite(data + n, 1, more, f), more);
            assert_int_equal(fflush(f), 0);
            n += more;
            g = replay_grow(r, &why);
            assert_true(g == REPLAY_SAME || g == REPLAY_GREW || (g == REPLAY_OVER && n == all));
            assert_true(replay_end(r) >= end);
            const struct snapshot *s = replay_at(r, i % 3 == 0 ? rng_unit(&seed) * 10 : replay_end(r)); /* back and forth */
            free(look(view_table[i % 5], s));
        }
        fclose(f);
        assert_int_equal(g, REPLAY_OVER);
        assert_int_equal(replay_grow(r, &why), REPLAY_OVER);
        struct replay *whole = replay_open(path, &e);
        memset(copy, 0, sizeof *copy); /* of another source */
        for (int k = 0; k < 4; k++) {
            double t = k == 0 ? 1e9 : rng_unit(&seed) * 11;
            snapshot_copy(copy, replay_at(r, t));
            for (const struct view *const *v = view_table; *v != NULL; v++) {
                char *a = look(*v, replay_at(whole, t)), *b = look(*v, copy);
                assert_string_equal(a, b);
                free(a);
                free(b);
            }
        }
        replay_close(whole);
        replay_close(r);
    }
    free(data);
    free(copy);
}

/* Another file under that name, one that was cut, none at all: each is said. */
static void test_grows_no_more(void **state)
{
    (void)state;
    struct err e;
    char beside[80];
    snprintf(beside, sizeof beside, "%s.other", path);
    struct replay *r = open_made(made, sizeof made - 1, &e);
    replay_close(r);
    r = replay_open_growing(path, &e);
    assert_int_equal(replay_grow(r, &e), REPLAY_SAME);
    assert_int_equal(truncate(path, 100), 0);
    assert_int_equal(replay_grow(r, &e), REPLAY_BROKEN);
    assert_non_null(strstr(e.msg, "shorter than it was"));
    replay_close(r);
    replay_close(open_made(made, sizeof made - 1, &e));
    r = replay_open_growing(path, &e);
    FILE *f = fopen(beside, "we");
    assert_int_equal(fwrite(made, 1, sizeof made - 1, f), sizeof made - 1);
    fclose(f);
    assert_int_equal(rename(beside, path), 0);
    assert_int_equal(replay_grow(r, &e), REPLAY_BROKEN);
    assert_non_null(strstr(e.msg, "another file"));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(replay_grow(r, &e), REPLAY_BROKEN);
    assert_non_null(strstr(e.msg, "is gone"));
    assert_near(replay_at(r, 1e9)->clock_s, 10, 1e-6); /* what was read stays */
    replay_close(r);
}

/* Cut anywhere, and with bytes that are not as they were: an error in one line, or something that can be shown. */
static void test_broken(void **state)
{
    (void)state;
    struct err e;
    uint64_t seed = 9;
    char *data = xmalloc(sizeof made);
    for (size_t i = 0; i < 700; i++) {
        bool cut = i % 2 == 0;
        size_t n = cut ? (size_t)(rng_unit(&seed) * (double)sizeof made) : sizeof made - 1;
        memcpy(data, made, sizeof made);
        for (int k = 0; !cut && k < 8; k++)
            data[(size_t)(rng_unit(&seed) * (double)n)] = (char)rng_next(&seed);
        str_copy(e.msg, sizeof e.msg, "");
        struct replay *r = open_made(data, n, &e);
        if (r == NULL) {
            assert_true(e.msg[0] != '\0' && strchr(e.msg, '\n') == NULL);
            continue;
        }
        for (int k = 0; k < 5; k++) {
            const struct snapshot *s = replay_at(r, rng_unit(&seed) * 20 - 2);
            free(look(view_table[k], s));
        }
        replay_close(r);
    }
    free(data);
}

#define LOAD(t, phase, rest) "{\"type\":\"sample\",\"t\":" #t S ",\"state\":\"load\",\"phase\":" #phase ",\"max_num_seqs\":2,\"context\":64,\"max_tokens\":41," \
                             "\"in_flight\":1,\"live_tokens\":0,\"output_tok_s\":9," rest "}\n"
#define CELL(t, phase, streams) "{\"type\":\"phase\",\"t\":" #t S ",\"phase\":" #phase ",\"max_num_seqs\":" #streams ",\"context\":64,\"max_tokens\":41," \
                                "\"part\":\"capacity\",\"what\":\"x\"}\n"
#define ASKED(sent, end, phase) "{\"type\":\"request\",\"seq\":0,\"stream\":1,\"part\":\"load\",\"phase\":" #phase ",\"outcome\":\"ok\",\"http\":200," \
                                "\"sent\":" #sent S ",\"first_token\":" #sent S ",\"last_token\":" #end S ",\"end\":" #end S ",\"output_tokens\":41,\"events\":41}\n"
static const char searched[] =
    "{\"type\":\"header\",\"format\":1,\"slo\":{\"ttft_ms\":1}}\n" CELL(2, 0, 1) LOAD(3, 0, "\"ended\":[]") ASKED(2, 4, 0)
    LOAD(5, 0, "\"ended\":[{\"phase\":0,\"itl\":[[1500,40]]}]") CELL(6, 1, 2) LOAD(7, 1, "\"ended\":[{\"phase\":0,\"itl\":[[1700,5]]}]") ASKED(6, 8, 1)
    LOAD(9, 1, "\"ended\":[{\"phase\":1,\"itl\":[[1500,10]]}]") LOAD(10, 1, "\"ended\":[]")
    "{\"type\":\"summary\",\"capacity\":{\"by\":\"streams\",\"tries\":[{\"load\":1,\"met\":3,\"judged\":4},{\"load\":2,\"met\":3,\"judged\":5}]}}\n";

/* Each load has distributions of its own, whether one jumps to a moment of it or plays up to it. */
static void test_loads(void **state)
{
    (void)state;
    struct err e;
    for (int step = 0; step < 2; step++) {
        struct replay *r = open_made(searched, sizeof searched - 1, &e);
        assert_non_null(r);
        for (int t = 0; step == 1 && t < 20; t++)
            replay_at(r, t / 2.0);
        const struct snapshot *s = replay_at(r, 10);
        assert_int_equal(s->itl.n, 10);
        assert_int_equal(s->e2e.n, 1);
        /* Of a load that was tried it is told how it was judged: with those that were broken off. */
        assert_int_equal(s->matrix.n, 2);
        assert_near(s->matrix.cell[0].good_share, 0.75, 1e-9);
        assert_near(s->matrix.cell[1].good_share, 0.6, 1e-9);
        s = replay_at(r, 5.5);
        assert_int_equal(s->itl.n, 40);
        replay_close(r);
    }
}

/* Without a row for each request all comes of the samples: what ended before a load began is in the first one after. */
static void test_loads_without_rows(void **state)
{
    (void)state;
    static const char none[] =
        "{\"type\":\"header\",\"format\":1,\"rows\":\"none\",\"slo\":{\"ttft_ms\":1}}\n" CELL(2, 0, 1)
        LOAD(5, 0, "\"ended\":[{\"phase\":0,\"outcomes\":{\"ok\":7},\"met\":7,\"ttft\":[[1500,7]],\"itl\":[[1500,40]]}]") CELL(6, 1, 2)
        LOAD(7, 1, "\"ended\":[{\"phase\":0,\"outcomes\":{\"ok\":2},\"met\":2,\"ttft\":[[1500,2]],\"itl\":[[1500,9]]},"
                   "{\"phase\":1,\"outcomes\":{\"ok\":4},\"met\":1,\"ttft\":[[1700,4]],\"itl\":[[1700,10]]}]");
    struct err e;
    struct replay *r = open_made(none, sizeof none - 1, &e);
    assert_non_null(r);
    const struct snapshot *s = replay_at(r, 5.5);
    assert_int_equal(s->itl.n, 40);
    assert_int_equal(s->ttft.n, 7);
    s = replay_at(r, 8);
    assert_int_equal(s->itl.n, 10);
    assert_int_equal(s->ttft.n, 4);
    assert_near(s->good_share, 0.25, 1e-9);
    assert_int_equal(s->ok, 13); /* of the run */
    replay_close(r);
}

static void test_refused(void **state)
{
    (void)state;
    struct err e;
    assert_null(replay_open("/nowhere/run.ndjson", &e));
    assert_non_null(strstr(e.msg, "/nowhere/run.ndjson"));
    static const char alone[] = "{\"type\":\"header\",\"format\":1}\n";
    assert_null(open_made(alone, sizeof alone - 1, &e));
    assert_non_null(strstr(e.msg, "has no samples"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_moments), cmocka_unit_test(test_any_way), cmocka_unit_test(test_grows),
                                       cmocka_unit_test(test_grows_no_more), cmocka_unit_test(test_broken), cmocka_unit_test(test_loads),
                                       cmocka_unit_test(test_loads_without_rows), cmocka_unit_test(test_refused), cmocka_unit_test(test_container),
                                       cmocka_unit_test(test_limited), cmocka_unit_test(test_gpus)};
    snprintf(path, sizeof path, "/tmp/tokgauge-replay-%d.ndjson", (int)getpid());
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}
