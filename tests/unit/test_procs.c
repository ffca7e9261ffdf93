/* Who uses the GPU: what the driver tells of its files, made-up trees of /proc and /sys. */
#include "proc_tree.h"

#include "buf.h"
#include "host/fdinfo.h"
#include "host/procfs.h"
#include "host/procs.h"

#define KIB 1024.0
#define MIB (1024.0 * 1024.0)

/* ---- fdinfo ---- */

/* From the kernel's own description of the format, and from machines. */
static const char sample_new[] =
    "pos:\t0\nflags:\t02100002\nmnt_id:\t24\nino:\t525\n"
    "drm-driver:\tamdgpu\ndrm-client-id:\t4\ndrm-pdev:\t0000:04:00.0\npasid:\t32771\n"
    "drm-total-cpu:\t0\ndrm-shared-cpu:\t0\ndrm-active-cpu:\t0\ndrm-resident-cpu:\t0\ndrm-purgeable-cpu:\t0\n"
    "drm-total-gtt:\t2392 KiB\ndrm-shared-gtt:\t0\ndrm-active-gtt:\t0\ndrm-resident-gtt:\t2392 KiB\ndrm-purgeable-gtt:\t0\n"
    "drm-total-vram:\t44564 KiB\ndrm-shared-vram:\t31952 KiB\ndrm-active-vram:\t0\ndrm-resident-vram:\t44564 KiB\n"
    "drm-purgeable-vram:\t0\ndrm-memory-vram:\t44564 KiB\ndrm-memory-gtt: \t2392 KiB\ndrm-memory-cpu: \t0 KiB\n"
    "amd-memory-visible-vram:\t44564 KiB\namd-evicted-vram:\t0 KiB\namd-requested-vram:\t44564 KiB\n"
    "amd-requested-gtt:\t2392 KiB\ndrm-engine-compute:\t46464671 ns\n";

#define CLIENT "drm-driver:\tamdgpu\ndrm-client-id:\t7\ndrm-pdev:\t0000:C5:00.0\n"

static void test_fdinfo(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double vram, gtt, cpu, evicted;
    } cases[] = {
        {sample_new, 44564 * KIB, 2392 * KIB, 0, 0},
        {CLIENT "drm-memory-vram:\t2208 KiB\ndrm-memory-gtt: \t34286572 KiB\ndrm-memory-cpu: \t0 KiB\n", 2208 * KIB, 34286572 * KIB, 0, UNKNOWN},
        {CLIENT "drm-memory-gtt:\t25144840 KiB\n", UNKNOWN, 25144840 * KIB, UNKNOWN, UNKNOWN},
        {CLIENT "drm-memory-gtt: 25258000 KiB\ndrm-memory-vram:  5348 KiB\n", 5348 * KIB, 25258000 * KIB, UNKNOWN, UNKNOWN},
        {CLIENT "drm-total-gtt:  20 MiB\ndrm-resident-gtt:  19 MiB\ndrm-memory-gtt:\t1 KiB\n", UNKNOWN, 19 * MIB, UNKNOWN, UNKNOWN},
        {CLIENT "drm-resident-vram:\t4097\namd-evicted-vram:\t3 MiB\n", 4097, UNKNOWN, UNKNOWN, 3 * MIB},
        {CLIENT "drm-resident-vram:\tmuch\ndrm-memory-vram:\t5 KiB\r\n", 5 * KIB, UNKNOWN, UNKNOWN, UNKNOWN},
        {CLIENT "drm-resident-vram:\t-5 KiB\ndrm-memory-gtt:\t0x10\ndrm-memory-cpu:\t1e3\namd-evicted-vram:\tnan\n", UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN},
        {CLIENT "drm-resident-vram:\t18446744073709551615\ndrm-memory-gtt:\t99999999999999999999999 KiB\n"
                "drm-resident-cpu:\t18014398509481983 KiB\n", UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN},
        {CLIENT "drm-resident-vram:\t5 parsecs\ndrm-memory-gtt:\t5 KiB!\ndrm-memory-cpu:\t\namd-evicted-vram:", UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN},
        {CLIENT "drm-memory-vram:\t22", UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN}, /* of what may be 2208 KiB */
        {CLIENT "Xdrm-memory-vram:\t1 KiB\ndrm-memory-vram-x:\t1 KiB\n:\n\n", UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN},
    };
    struct fdinfo f;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_true(fdinfo_parse(cases[i].text, &f));
        assert_string_equal(f.driver, "amdgpu");
        assert_string_equal(f.pdev, i == 0 ? "0000:04:00.0" : "0000:c5:00.0");
        assert_int_equal(f.client, i == 0 ? 4 : 7);
        assert_false(f.client_is_pasid);
        same(f.vram, cases[i].vram);
        same(f.gtt, cases[i].gtt);
        same(f.cpu, cases[i].cpu);
        same(f.evicted, cases[i].evicted);
    }
}

static void test_fdinfo_old(void **state)
{
    (void)state;
    struct fdinfo f;
    assert_true(fdinfo_parse("pos:\t0\npdev:\t0000:06:00.0\npasid:\t32770\nvram mem:\t4520 kB\ngtt mem:\t2052 kB\ncpu mem:\t0 kB\n"
                             "gfx0:\t12.34%\n", &f));
    assert_string_equal(f.driver, "amdgpu");
    assert_string_equal(f.pdev, "0000:06:00.0");
    assert_int_equal(f.client, 32770);
    assert_true(f.client_is_pasid);
    same(f.vram, 4520 * KIB);
    same(f.gtt, 2052 * KIB);
    same(f.cpu, 0);
    same(f.evicted, UNKNOWN);
}

static void test_fdinfo_foreign(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "\n",
        "pos:\t0\nflags:\t02\n",
        "drm-driver:\ti915\ndrm-client-id:\t4\ndrm-memory-vram:\t1 KiB\n",
        "drm-driver:\ti915\ndrm-client-id:\t4\nvram mem:\t1 kB\n",
        "drm-driver:\tamdgpu\ndrm-memory-vram:\t1 KiB\n",
        "drm-driver:\tamdgpu\ndrm-client-id:\t-4\n",
        "drm-driver:\tamdgpu\ndrm-client-id:\t99999999999999999999\n",
        "drm-driver:\tamdgpu and so on and so on\ndrm-client-id:\t4\n",
        "pasid:\t4\npdev:\t0000:06:00.0\n",
        "drm-driver:\tamdgpu\ndrm-client-id:\t4",
    };
    struct fdinfo f;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        assert_false(fdinfo_parse(texts[i], &f));
        same(f.vram, UNKNOWN);
        same(f.gtt, UNKNOWN);
        assert_int_equal(f.driver[0], 0);
    }
}

/* Whatever comes: the value or unknown, and no byte behind the end is looked at. */
static void test_fdinfo_hostile(void **state)
{
    (void)state;
    struct fdinfo f;
    for (size_t cut = 0; cut < sizeof sample_new; cut++) {
        char *copy = malloc(cut + 1);
        memcpy(copy, sample_new, cut);
        copy[cut] = '\0';
        fdinfo_parse(copy, &f);
        assert_true(isnan(f.vram) || f.vram == 44564 * KIB);
        assert_true(isnan(f.gtt) || f.gtt == 2392 * KIB);
        free(copy);
    }
    uint64_t seed = 1;
    for (int round = 0; round < 3000; round++) { /* nonsense, and the sample with a few bytes changed */
        size_t n = round % 2 == 0 ? rng_next(&seed) % 300 : sizeof sample_new - 1;
        char *copy = malloc(n + 1);
        memcpy(copy, sample_new, MIN_OF(n, sizeof sample_new));
        for (size_t i = 0; i < n; i++)
            if (round % 2 == 0 || rng_next(&seed) % 100 == 0)
                copy[i] = (char)rng_next(&seed);
        copy[n] = '\0';
        fdinfo_parse(copy, &f);
        assert_true(isnan(f.vram) || (f.vram >= 0 && f.vram < 0x1p60));
        free(copy);
    }
    struct buf b; /* one line of a megabyte */
    buf_init(&b, 2 << 20);
    buf_adds(&b, CLIENT "drm-memory-gtt:\t");
    while (b.len < 1 << 20)
        buf_adds(&b, "0000000001");
    assert_true(fdinfo_parse(b.data, &f));
    same(f.gtt, UNKNOWN);
    buf_adds(&b, "\ndrm-memory-vram:\t1 KiB\n");
    assert_true(fdinfo_parse(b.data, &f));
    same(f.gtt, UNKNOWN);
    same(f.vram, KIB);
    buf_release(&b);
}

/* ---- processes ---- */

static void add_drm(int pid, int fd, const char *pdev, int client, int vram_mib, int gtt_mib)
{
    char text[300];
    add_fd(pid, fd, "/dev/dri/renderD128");
    snprintf(text, sizeof text, "pos:\t0\ndrm-driver:\tamdgpu\ndrm-client-id:\t%d\ndrm-pdev:\t%s\ndrm-memory-vram:\t%d MiB\n"
                                "drm-memory-gtt: \t%d MiB\n", client, pdev, vram_mib, gtt_mib);
    put(path_of("proc/%d/fdinfo/%d", pid, fd), text);
}

#define GPU "0000:c5:00.0"
#define OTHER "0000:03:00.0"

static struct proc_gpu rows[8];
static size_t rows_n;
static struct procs_total total;

static void scan(struct procs *p, const char *pci, int server)
{
    procs_scan(p, pci, &server, server != 0 ? 1 : 0, rows, ARRAY_LEN(rows), &rows_n, &total);
}

static void test_procs(void **state)
{
    (void)state;
    make_process(100, "vllm", 1);
    add_fd(100, 0, "/dev/null");
    add_fd(100, 4, "/dev/kfd");
    add_drm(100, 5, GPU, 9, 2, 33000);
    add_drm(100, 6, GPU, 9, 2, 33000);  /* a copy of the descriptor */
    add_drm(100, 7, GPU, 11, 0, 500);
    add_drm(100, 8, OTHER, 9, 1000, 0); /* the same number at another GPU is another client */
    make_process(200, "a) b (c\x1b[31m", 1);
    add_drm(200, 3, GPU, 20, 100, 50);
    make_process(300, "bash", 1);
    add_fd(300, 3, "socket:[5]");
    put(path_of("proc/meminfo"), "");
    put(path_of("proc/12x/comm"), "");
    struct procs *p = procs_new(proc, sys);
    scan(p, GPU, 0);
    assert_int_equal(rows_n, 2);
    assert_int_equal(rows[0].pid, 100);
    assert_string_equal(rows[0].name, "vllm");
    assert_true(rows[0].rocm);
    assert_false(rows[0].server);
    same(rows[0].vram, 2 * MIB);
    same(rows[0].gtt, 33500 * MIB);
    same(rows[0].rss, 250 * (double)sysconf(_SC_PAGESIZE));
    same(rows[0].kfd, UNKNOWN);
    assert_int_equal(rows[1].pid, 200);
    assert_string_equal(rows[1].name, "a) b (c\xef\xbf\xbd[31m");
    assert_false(rows[1].rocm);
    same(total.vram, 102 * MIB);
    same(total.gtt, 33550 * MIB);
    assert_int_equal(total.count, 2);
    assert_int_equal(total.hidden, 0);
    scan(p, NULL, 200); /* all GPUs */
    assert_int_equal(rows_n, 2);
    same(rows[0].vram, 1002 * MIB);
    assert_true(rows[1].server);
    procs_scan(p, GPU, NULL, 0, rows, 1, &rows_n, &total);
    assert_int_equal(rows_n, 1);
    assert_int_equal(total.count, 2);
    procs_free(p);
}

/* A child that was forked holds the same files: the memory is there once. */
static void test_procs_shared(void **state)
{
    (void)state;
    for (int pid = 50; pid <= 53; pid++) {
        make_process(pid, "worker", pid - 1);
        add_drm(pid, 3, GPU, 1, 10, 90);
    }
    add_drm(53, 4, GPU, 2, 0, 100);
    struct procs *p = procs_new(proc, sys);
    scan(p, GPU, 0);
    assert_int_equal(rows_n, 2);
    assert_int_equal(rows[0].pid, 50); /* as much as the other: by pid */
    assert_int_equal(rows[1].pid, 53);
    same(rows[1].gtt, 100 * MIB);
    same(total.gtt, 190 * MIB);
    procs_scan(p, GPU, (const int[]){52, 51}, 2, rows, 8, &rows_n, &total);
    assert_int_equal(rows_n, 2);
    assert_int_equal(rows[0].pid, 52); /* the first of the server's */
    assert_true(rows[0].server);
    assert_int_equal(rows[1].pid, 53);
    scan(p, GPU, 53);
    assert_int_equal(rows_n, 1);
    same(rows[0].gtt, 190 * MIB);
    procs_free(p);
}

/* New processes are found by the fourth scan; the server's, and those known, are read each time. */
static void test_procs_index(void **state)
{
    (void)state;
    make_process(10, "old", 1);
    add_drm(10, 3, GPU, 1, 1, 1);
    struct procs *p = procs_new(proc, sys);
    scan(p, GPU, 0);
    assert_int_equal(rows_n, 1);
    make_process(20, "new", 1);
    add_drm(20, 3, GPU, 2, 5, 5);
    add_drm(10, 4, GPU, 3, 1, 1);
    scan(p, GPU, 0);
    assert_int_equal(rows_n, 1);
    same(rows[0].gtt, 2 * MIB);
    scan(p, GPU, 20);
    assert_int_equal(rows_n, 2);
    make_process(30, "newer", 1);
    add_drm(30, 3, GPU, 4, 9, 9);
    scan(p, GPU, 0);
    assert_int_equal(rows_n, 2);
    scan(p, GPU, 0);
    assert_int_equal(rows_n, 3);
    remove_tree(path_of("proc/30"));
    scan(p, GPU, 0);
    assert_int_equal(rows_n, 2);
    procs_free(p);
}

/* A process may end between any two steps; nothing of /proc may be there at all. */
static void test_procs_vanished(void **state)
{
    (void)state;
    struct procs *p = procs_new(proc, sys);
    scan(p, GPU, 7);
    assert_int_equal(rows_n + total.count + total.hidden, 0);
    same(total.gtt, 0); /* nobody is seen, and that is known */
    procs_free(p);
    make_process(10, "no fd", 1);
    remove_tree(path_of("proc/10/fd"));
    make_process(11, "no fdinfo", 1);
    add_drm(11, 3, GPU, 1, 1, 1);
    remove_tree(path_of("proc/11/fdinfo"));
    make_process(12, "empty fdinfo", 1);
    add_drm(12, 3, GPU, 2, 1, 1);
    put(path_of("proc/12/fdinfo/3"), "");
    make_process(13, "no comm", 1);
    add_drm(13, 3, GPU, 3, 1, 1);
    remove_tree(path_of("proc/13/comm"));
    remove_tree(path_of("proc/13/statm"));
    put(path_of("proc/14"), "no folder");
    p = procs_new(proc, sys);
    scan(p, GPU, 10);
    assert_int_equal(rows_n, 1);
    assert_int_equal(rows[0].pid, 13);
    assert_string_equal(rows[0].name, "");
    same(rows[0].rss, UNKNOWN);
    assert_int_equal(total.hidden, 0);
    procs_free(p);
}

static void test_procs_hidden(void **state)
{
    (void)state;
    make_process(10, "container", 1);
    add_drm(10, 3, GPU, 1, 1, 1);
    close_fds(10);
    make_process(11, "kworker/0:1", 2);
    put(path_of("proc/11/statm"), "0 0 0 0 0 0 0\n"); /* the kernel's own are nobody's secret */
    close_fds(11);
    make_process(12, "rocm in a container", 1);
    close_fds(12);
    put(path_of("sys/class/kfd/kfd/proc/12/vram_51234"), "4096\n");
    make_process(13, "mine", 1);
    add_drm(13, 3, GPU, 2, 1, 1);
    struct procs *p = procs_new(proc, sys);
    assert_true(as_nobody());
    scan(p, NULL, 0);
    as_before();
    assert_int_equal(rows_n, 2);
    assert_int_equal(rows[0].pid, 13);
    assert_int_equal(rows[1].pid, 12);
    assert_true(rows[1].rocm);
    same(rows[1].kfd, 4096);
    same(rows[1].gtt, UNKNOWN);
    assert_int_equal(total.hidden, 2);
    same(total.gtt, MIB);
    procs_free(p);
}

static void test_procs_kfd(void **state)
{
    (void)state;
    make_process(10, "python3", 1);
    add_fd(10, 3, "/dev/kfd");
    add_drm(10, 4, GPU, 1, 1, 10);
    put(path_of("sys/class/kfd/kfd/proc/10/vram_100"), "3000\n");
    put(path_of("sys/class/kfd/kfd/proc/10/vram_200"), "500\n");
    put(path_of("sys/class/kfd/kfd/proc/10/vram_300"), "-1\n");
    put(path_of("sys/class/kfd/kfd/proc/10/sdma_100"), "77\n");
    make_process(20, "namesake", 1); /* what KFD calls 20 is another process */
    add_drm(20, 4, GPU, 2, 1, 1);
    put(path_of("sys/class/kfd/kfd/proc/20/vram_100"), "3000\n");
    make_process(30, "only kfd", 1);
    add_fd(30, 3, "/dev/kfd");
    put(path_of("sys/class/kfd/kfd/proc/30/vram_200"), "60\n");
    make_process(40, "inherited", 1);
    add_fd(40, 3, "/dev/kfd");
    struct procs *p = procs_new(proc, sys);
    scan(p, GPU, 0);
    assert_int_equal(rows_n, 3);
    assert_int_equal(rows[0].pid, 10);
    same(rows[0].kfd, 3500);
    same(rows[1].kfd, UNKNOWN);
    same(rows[2].kfd, 60);
    same(rows[2].gtt, UNKNOWN);
    /* With the topology, only what is of this GPU. */
    put(path_of("sys/class/kfd/kfd/topology/nodes/0/properties"), "cpu_cores_count 32\nlocation_id 0\ndomain 0\n");
    put(path_of("sys/class/kfd/kfd/topology/nodes/0/gpu_id"), "0\n");
    put(path_of("sys/class/kfd/kfd/topology/nodes/1/properties"), "cpu_cores_count 0\nlocation_id 50432\ndomain 0\n"); /* c5:00.0 */
    put(path_of("sys/class/kfd/kfd/topology/nodes/1/gpu_id"), "100\n");
    put(path_of("sys/class/kfd/kfd/topology/nodes/2/properties"), "location_id 50432\ndomain 1\n");
    put(path_of("sys/class/kfd/kfd/topology/nodes/2/gpu_id"), "200\n");
    scan(p, GPU, 0);
    assert_int_equal(rows_n, 2);
    same(rows[0].kfd, 3000);
    scan(p, NULL, 0);
    assert_int_equal(rows_n, 3);
    same(rows[0].kfd, 3500);
    scan(p, "nonsense", 0);
    procs_free(p);
    procs_free(NULL);
}

static void test_procfs(void **state)
{
    (void)state;
    static const struct {
        const char *stat;
        int parent;
    } cases[] = {
        {"42 (a) S 7 1", 7},      {"42 (a ) R 1 (b)) S 8 1", 8}, {"42 (a) S 7", -1},         {"42 (a) S -7 1", -1}, {"42 (a", -1},
        {"", -1},                 {")", -1},                     {"42 (a) S", -1},           {"42 (a) S ", -1},     {"42 (a)  7 1", -1},
        {"42 (a) S 99999999999 1", -1}, {"42 (a) S 0 1", 0},     {"42 (a)S 7 1", -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(procfs_parent(cases[i].stat), cases[i].parent);
    const char *s = "18446744073709551615", *t = "18446744073709551616", *u = "-1";
    uint64_t v = 0;
    assert_true(procfs_take_number(&s, &v) && v == UINT64_MAX && *s == '\0');
    assert_false(procfs_take_number(&t, &v));
    assert_false(procfs_take_number(&u, &v));
    int *pids;
    assert_int_equal(procfs_pids("/nowhere", &pids), 0);
    assert_null(pids);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fdinfo),         cmocka_unit_test(test_fdinfo_old), cmocka_unit_test(test_fdinfo_foreign),
        cmocka_unit_test(test_fdinfo_hostile), IN_TREE(test_procs),               IN_TREE(test_procs_shared),
        IN_TREE(test_procs_index),             IN_TREE(test_procs_vanished),      IN_TREE(test_procs_hidden),
        IN_TREE(test_procs_kfd),               cmocka_unit_test(test_procfs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
