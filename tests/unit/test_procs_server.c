/* Which process is the server, its command line without secrets, and what that limits. */
#include "proc_tree.h"

#include "host/server_proc.h"
#include "mask.h"

#define TCP_HEAD "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"

static const char tcp4[] = TCP_HEAD
    "   0: 0100007F:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4001 1 0000000000000000 100 0 0 10 0\n"
    "   1: 0100007F:1F41 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4002 1 0 100 0 0 10 0\n"
    "   2: 0100007F:1F42 0100007F:1F40 01 00000000:00000000 00:00000000 00000000     0        0 4003 1 0 100 0 0 10 0\n"
    "   3: 0100007F:C000 0100007F:1F43 0A\n"
    "nonsense\n\n   4: 0100007F1F44 0 0A 0 0 0 0 0 0 4004\n   5: 0:1F45 0:0 0A 0:0 0:0 0 0 0 99999999999999999999 1\n";

static const char tcp6[] = TCP_HEAD
    "   0: 00000000000000000000000000000000:2328 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000"
    "  1000        0 6001 1 0000000000000000 100 0 0 10 0\n";

static void make_sockets(void)
{
    put(path_of("proc/net/tcp"), tcp4);
    put(path_of("proc/net/tcp6"), tcp6);
}

static void test_server_found(void **state)
{
    (void)state;
    struct server_proc s;
    make_sockets();
    make_process(1, "init", 0);
    make_process(500, "vllm) R 1 (", 1); /* a name like the text that follows it */
    add_fd(500, 0, "/dev/null");
    add_fd(500, 7, "socket:[4001]");
    make_process(510, "VLLM::EngineCor", 500);
    make_process(520, "a b", 510);
    make_process(505, "c", 510);
    make_process(600, "other", 1);
    add_fd(600, 3, "socket:[40010]");
    add_fd(600, 4, "socket:[4001] ");
    add_fd(600, 5, "anon_inode:[eventpoll]");
    make_process(700, "llama-server", 1);
    add_fd(700, 3, "socket:[6001]");
    put_bytes(path_of("proc/700/cmdline"), "llama-server\0-c\0008192", 20);
    put(path_of("proc/520/stat"), "520 (a b) S 510"); /* cut short: no child of anyone */
    assert_true(server_proc_find(proc, 8000, &s));
    assert_int_equal(s.pid, 500);
    assert_int_equal(s.pids_n, 3);
    assert_int_equal(s.pids[0], 500);
    assert_int_equal(s.pids[1], 510);
    assert_int_equal(s.pids[2], 505);
    assert_string_equal(s.why, "");
    assert_string_equal(s.proxy, "");
    assert_string_equal(s.command, "'vllm) R 1 ('");
    assert_true(server_proc_find(proc, 9000, &s)); /* IPv6 */
    assert_int_equal(s.pid, 700);
    assert_int_equal(s.pids_n, 1);
    assert_string_equal(s.command, "llama-server -c 8192");
    same(s.max_model_len, 8192);
}

static void test_server_not_found(void **state)
{
    (void)state;
    struct server_proc s;
    assert_false(server_proc_find(proc, 8000, &s));
    assert_non_null(strstr(s.why, "cannot read the list of sockets in "));
    make_sockets();
    static const int quiet[] = {8002, 8003, 8004, 8005, 49152, 1, 65535};
    for (size_t i = 0; i < ARRAY_LEN(quiet); i++) {
        assert_false(server_proc_find(proc, quiet[i], &s));
        assert_int_equal(s.pid, 0);
        assert_int_equal(s.pids_n, 0);
        assert_unknown(s.max_num_seqs);
        char why[96];
        snprintf(why, sizeof why, "nothing on this machine listens on port %d", quiet[i]);
        assert_string_equal(s.why, why);
    }
    assert_false(server_proc_find(proc, -1, &s));
    assert_string_equal(s.why, "there is no port -1");
    assert_false(server_proc_find(proc, 65536 + 8000, &s));
    make_process(500, "vllm", 1);
    add_fd(500, 3, "socket:[4001]");
    close_fds(500);
    make_process(501, "docker-proxy", 1);
    put_bytes(path_of("proc/501/cmdline"), "docker-proxy\0-host-port\0" "8001\0-container-ip\0" "1", 45);
    close_fds(501);
    assert_true(as_nobody());
    bool found = server_proc_find(proc, 8000, &s);
    char why[96], proxy[32];
    snprintf(why, sizeof why, "%s", s.why);
    snprintf(proxy, sizeof proxy, "%s", s.proxy);
    bool found_proxy = server_proc_find(proc, 8001, &s);
    as_before();
    assert_false(found);
    assert_string_equal(why, "the process that listens on port 8000 belongs to another user (uid 1000)");
    assert_string_equal(proxy, "");
    assert_false(found_proxy);
    assert_string_equal(s.proxy, "docker-proxy");
    remove_tree(path_of("proc/500"));
    assert_false(server_proc_find(proc, 8000, &s)); /* in another namespace, or it ended just now */
    if (geteuid() == 0)
        assert_string_equal(s.why, "the process that listens on port 8000 cannot be seen from here");
}

static void test_server_workers(void **state)
{
    (void)state;
    struct server_proc s;
    make_sockets();
    /* Made before they listened: the elder has the higher number, as after a wrap of pids. */
    make_process(90, "gunicorn", 1);
    for (int pid = 30; pid < 33; pid++) {
        make_process(pid, "worker", pid == 32 ? 40 : 90);
        add_fd(pid, 5, "socket:[4001]");
    }
    make_process(40, "between", 90);
    add_fd(90, 5, "socket:[4001]");
    assert_true(server_proc_find(proc, 8000, &s));
    assert_int_equal(s.pid, 90);
    assert_int_equal(s.pids_n, 5);
    assert_int_equal(s.pids[4], 32);
    remove_tree(path_of("proc/90/fd")); /* it has closed its own */
    assert_true(server_proc_find(proc, 8000, &s));
    assert_int_equal(s.pid, 30);
    /* A circle of parents, and more descendants than there is room for. */
    make_process(30, "worker", 31);
    make_process(31, "worker", 30);
    for (int pid = 1000; pid < 1100; pid++)
        make_process(pid, "many", 30);
    assert_true(server_proc_find(proc, 8000, &s));
    assert_int_equal(s.pids_n, SERVER_PIDS);
    assert_int_equal(s.pids[0], s.pid);
}

static void test_server_proxy(void **state)
{
    (void)state;
    static const struct {
        const char *comm, *proxy;
    } cases[] = {
        {"docker-proxy", "docker-proxy"}, {"rootlessport", "rootlessport"}, {"rootlessport-ch", "rootlessport"}, {"slirp4netns", "slirp4netns"},
        {"pasta.avx2", "pasta"}, {"passt", "passt"}, {"conmon", "conmon"}, {"wslrelay", "wslrelay"}, {"pastasauce", ""}, {"python3", ""}, {"", ""},
    };
    make_sockets();
    make_process(77, "x", 1);
    add_fd(77, 3, "socket:[4001]");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct server_proc s;
        put(path_of("proc/77/comm"), cases[i].comm);
        assert_true(server_proc_find(proc, 8000, &s));
        assert_string_equal(s.proxy, cases[i].proxy);
    }
}

/* The server of a tunnel is on another machine: nothing of this process is its. */
static void test_server_elsewhere(void **state)
{
    (void)state;
    static const char *const tunnels[] = {"ssh", "sshd-session", "kubectl"};
    struct server_proc s;
    make_sockets();
    make_process(77, "x", 1);
    make_process(78, "vllm", 77);
    add_fd(77, 3, "socket:[4001]");
    put_bytes(path_of("proc/77/cmdline"), "ssh\0--max-num-seqs\0" "4", 21);
    for (size_t i = 0; i < ARRAY_LEN(tunnels); i++) {
        put(path_of("proc/77/comm"), tunnels[i]);
        assert_false(server_proc_find(proc, 8000, &s));
        assert_true(s.elsewhere);
        assert_int_equal(s.pid, 0);
        assert_int_equal(s.pids_n, 0);
        assert_true(strncmp(s.proxy, tunnels[i], strlen(s.proxy)) == 0);
        assert_non_null(strstr(s.why, " listens on port 8000: the server itself is on another machine"));
        assert_string_equal(s.command, "");
        assert_unknown(s.max_num_seqs);
    }
    put(path_of("proc/77/comm"), "sshuttle");
    assert_true(server_proc_find(proc, 8000, &s));
    assert_false(s.elsewhere);
}

/* ---- the command line ---- */

/* Words stand apart by '|'. */
static void read_line(struct server_proc *s, const char *line)
{
    size_t n = strlen(line);
    char *copy = malloc(n + 1);
    memcpy(copy, line, n + 1);
    for (size_t i = 0; i < n; i++)
        if (copy[i] == '|')
            copy[i] = '\0';
    server_proc_read_command(copy, n + 1, false, s);
    free(copy);
}

static void test_limits(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        double seqs, len, share;
    } cases[] = {
        {"/usr/bin/python3|/usr/bin/vllm|serve|m|--max-num-seqs|8|--max-model-len|32768|--gpu-memory-utilization|0.9", 8, 32768, 0.9},
        {"vllm|serve|--max_num_seqs=16|--max_model_len=32k|--gpu_memory_utilization=.85", 16, 32000, 0.85},
        {"vllm|serve|--max-model-len|32K|--max-num-seqs=1k", 1000, 32768, UNKNOWN},
        {"vllm|serve|--max-model-len|25.6k", UNKNOWN, 25600, UNKNOWN},
        {"vllm|serve|--max-model-len|1M|--max-model-len|4096", UNKNOWN, 4096, UNKNOWN},
        {"vllm|serve|--max-model-len|auto|--max-num-seqs|-1|--gpu-memory-utilization|1.5", UNKNOWN, UNKNOWN, UNKNOWN},
        {"vllm|serve|--max-model-len|99999999999999999999|--max-num-seqs|0|--gpu-memory-utilization|0", UNKNOWN, UNKNOWN, UNKNOWN},
        {"vllm|serve|--max-model-len||--max-num-seqs|k|--gpu-memory-utilization", UNKNOWN, UNKNOWN, UNKNOWN},
        {"vllm|serve|--max-model-length|5|--xmax-num-seqs|5|max-num-seqs|5|--max-num-seqs", UNKNOWN, UNKNOWN, UNKNOWN},
        {"/opt/llama.cpp/llama-server|-m|x.gguf|-np|4|-c|131072", 4, 131072, UNKNOWN},
        {"llama-server|--parallel|2|--ctx-size|0", 2, UNKNOWN, UNKNOWN},
        {"./server|--parallel=2|--ctx-size=8192", 2, 8192, UNKNOWN},
        {"python3|-c|4096|-np|3", UNKNOWN, UNKNOWN, UNKNOWN},
        {"", UNKNOWN, UNKNOWN, UNKNOWN},
    };
    struct server_proc s;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        read_line(&s, cases[i].line);
        same(s.max_num_seqs, cases[i].seqs);
        same(s.max_model_len, cases[i].len);
        same(s.gpu_memory_utilization, cases[i].share);
    }
    server_proc_read_command("vllm\0--max-num-seqs\0" "25", 22, true, &s); /* of 256, perhaps */
    same(s.max_num_seqs, UNKNOWN);
}

static void test_mask(void **state)
{
    (void)state;
    static const struct {
        const char *line, *shown;
    } cases[] = {
        {"vllm|serve|org/m-7B|--port|8000|--max-num-batched-tokens|8192|--tokenizer|org/t",
         "vllm serve org/m-7B --port 8000 --max-num-batched-tokens 8192 --tokenizer org/t"},
        {"vllm|--api-key|canary|--port|8000", "vllm --api-key *** --port 8000"},
        {"vllm|--api-key|canary|canary2|--port|8000", "vllm --api-key *** *** --port 8000"},
        {"vllm|--api_key=canary two", "vllm --api_key=***"},
        {"x|--hf-token|-canary|--HF-Token=canary", "x --hf-token *** --HF-Token=***"},
        {"x|-api-key|canary", "x -api-key ***"},
        {"x|--password|1234|--secret|s|--passwd|p|--auth|a|--aws-credential|c", "x --password *** --secret *** --passwd *** --auth *** --aws-credential ***"},
        {"x|--allow-credentials|--port|8000", "x --allow-credentials --port 8000"},
        {"x|--api-key-file|/etc/key|--ssl-keyfile|k.pem|--ssl-keyfile-password|canary",
         "x --api-key-file /etc/key --ssl-keyfile k.pem --ssl-keyfile-password ***"},
        {"env|HF_TOKEN=canary|A=b|OPENAI_API_KEY=can ary|vllm", "env HF_TOKEN=*** A=b OPENAI_API_KEY=*** vllm"},
        {"x|http://user:canary@h:80/p", "x http://***@h:80/p"},
        {"x|--proxy=https://canary@h/?api_key=canary", "x '--proxy=https://***@h/?api_key=***'"},
        {"x|user:canary@h:8000", "x ***@h:8000"},
        {"x|http://h:80/a@b|mail@h", "x http://h:80/a@b mail@h"},
        {"x|hf_canaryCANARY|a=hf_canaryCANARY|sk-canary|/m/sk-canary-1234567890-abc", "x *** a=*** *** /m/***"},
        {"x|/data/hf_models/llama|sk-learn.py|task-force|/m/hf_cache", "x /data/hf_models/llama sk-learn.py task-force /m/hf_cache"},
        {"x|-H|Authorization: Bearer canary|--header|X-Key: canary|u", "x -H 'Authorization: ***' --header 'X-Key: ***' u"},
        {"x|-HAuthorization: canary|--header=X: canary|-H|canary", "x '-HAuthorization: ***' '--header=X: ***' -H ***"},
        {"x|Authorization: Bearer canary", "x 'Authorization: ***'"},
        {"x|say Bearer canary now", "x 'say Bearer *** now'"},
        {"sh|-c|vllm serve m --api-key canary --port 8000 && B_TOKEN='can ary' x",
         "sh -c 'vllm serve m --api-key *** --port 8000 && B_TOKEN='\\''***'\\'' x'"},
        {"sh|-c|vllm --api-key 'canary one' 'canary two' canary --port 8000", "sh -c 'vllm --api-key *** --port 8000'"},
        {"bash|-lc|vllm --api-key $(echo canary) --x canary; y", "bash -lc 'vllm --api-key ***'"},
        {"sh|-c|a --api-key canary; b -x 5", "sh -c 'a --api-key ***; b -x 5'"},
        {"llama-server|-hft|canary|--api-k|canary|--pass|canary|--pw|canary|--jwt|canary", "llama-server -hft *** --api-k *** --pass *** --pw *** --jwt ***"},
        {"x|DB_PASS=canary|https://h/x?sig=canary|--passes|3|--compass|north", "x DB_PASS=*** 'https://h/x?sig=***' --passes 3 --compass north"},
        {"sh|-c|curl -H 'X-A: canary' u", "sh -c 'curl -H '\\''***'\\'' u'"},
        {"x|--config|{\"api_key\": \"can \\\" ary\", \"n\": 5, \"max_tokens\": 100}", "x --config '{\"api_key\": \"***\", \"n\": 5, \"max_tokens\": 100}'"},
        {"x|{api_key: canary, b: canary}", "x '{api_key: ***'"},
        {"x||it's|$(id)|a;b|*", "x '' 'it'\\''s' '$(id)' 'a;b' '*'"},
        {"x|\x1b[31m\n\xff|\xe2\x80\xaelr", "x '\xef\xbf\xbd[31m \xef\xbf\xbd' lr"},
        {"x|--api\xe2\x80\x8b-key|canary", "x --api-key ***"}, /* invisible characters hide nothing */
    };
    struct server_proc s;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        read_line(&s, cases[i].line);
        assert_string_equal(s.command, cases[i].shown);
        assert_null(strstr(s.command, "canary"));
    }
}

static void test_mask_room(void **state)
{
    (void)state;
    char a[] = "--label", b[] = "it's \xc3\xa9\xc3\xa9", c[] = "--api-key=canary";
    char *words[] = {a, b, c};
    for (size_t size = 1; size < 60; size++) {
        char *out = malloc(size);
        mask_command_line(words, 3, out, size);
        assert_true(strlen(out) < size);
        assert_null(strstr(out, "can"));
        assert_int_equal(utf8_count(out, strlen(out)) > 0, size > 1);
        if (size > 4 && size < 30)
            assert_string_equal(out + strlen(out) - 3, "…");
        free(out);
    }
    char out[8] = "x";
    mask_command_line(words, 0, out, sizeof out);
    assert_string_equal(out, "");
}

static void check_harmless(const struct server_proc *s)
{
    assert_true(strlen(s->command) < sizeof s->command);
    for (const char *p = s->command; *p != '\0';) {
        uint32_t cp;
        size_t n = utf8_decode(p, strlen(p), &cp);
        assert_true(n > 0 && cp >= 0x20 && cp != 0x7f);
        p += n;
    }
}

static void test_hostile_command(void **state)
{
    (void)state;
    struct server_proc s;
    size_t n = 1 << 20;
    char *text = malloc(n);
    memset(text, 0, n);
    server_proc_read_command(text, n, false, &s);
    assert_string_equal(s.command, "");
    snprintf(text, n, "VLLM::EngineCore"); /* a title, and nothing of the arguments is left */
    server_proc_read_command(text, n, false, &s);
    assert_string_equal(s.command, "VLLM::EngineCore");
    memset(text, 'a', n);
    server_proc_read_command(text, n, true, &s);
    check_harmless(&s);
    assert_string_equal(s.command + strlen(s.command) - 5, "aa…");
    for (size_t i = 0; i < n; i++)
        text[i] = i % 2 == 0 ? '\'' : '\0';
    server_proc_read_command(text, n, false, &s);
    check_harmless(&s);
    uint64_t seed = 5;
    for (int round = 0; round < 2000; round++) {
        size_t length = rng_next(&seed) % 1500;
        char *copy = malloc(length + 1);
        for (size_t i = 0; i < length; i++) {
            static const char some[] = "-H key=:token'\"\\ \0\0sk-hf_@://5k";
            copy[i] = rng_next(&seed) % 4 != 0 ? some[rng_next(&seed) % sizeof some] : (char)rng_next(&seed);
        }
        char *exact = malloc(MAX_OF(length, (size_t)1));
        memcpy(exact, copy, length);
        server_proc_read_command(exact, length, round % 2 == 0, &s);
        check_harmless(&s);
        free(exact);
        free(copy);
    }
    put_bytes(path_of("proc/9/cmdline"), text, n); /* by way of a file as well */
    make_sockets();
    add_fd(9, 3, "socket:[4001]");
    assert_true(server_proc_find(proc, 8000, &s));
    check_harmless(&s);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_TREE(test_server_found),    IN_TREE(test_server_not_found), IN_TREE(test_server_workers),
        IN_TREE(test_server_proxy),    IN_TREE(test_server_elsewhere), cmocka_unit_test(test_limits),
        cmocka_unit_test(test_mask),   cmocka_unit_test(test_mask_room), IN_TREE(test_hostile_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
