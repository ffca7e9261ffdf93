/* The sampler on a made-up machine: whose GPU is watched, and what becomes of values that go. */
#include "check.h"
#include "clock.h"
#include "gpu_tree.h"
#include "watch/sampler.h"

#include <stdatomic.h>
#include <time.h>

#define APU "0000:c5:00.0"
#define CARD "0000:03:00.0"
#define GIB (1024.0 * 1024 * 1024)

static void two_gpus(struct tree *t)
{
    tree_make(t);
    tree_put(t, "proc/meminfo", "MemTotal: 64382567 kB\nMemFree: 10000000 kB\nMemAvailable: 15728640 kB\nAnonPages: 5000000 kB\n");
    tree_gpu(t, 1, APU, "1586");
    tree_gpu_number(t, APU, "mem_info_vram_total", 536870912);
    tree_gpu_number(t, APU, "mem_info_vram_used", 1000);
    tree_gpu_number(t, APU, "mem_info_gtt_total", 53 * GIB);
    tree_gpu_number(t, APU, "mem_info_gtt_used", 9 * GIB);
    tree_gpu(t, 0, CARD, "7590");
    tree_gpu_number(t, CARD, "mem_info_vram_total", 16 * GIB);
    tree_gpu_number(t, CARD, "mem_info_vram_used", 8 * GIB);
}

/* The server listens on 8000; its child has the model on the discrete GPU. */
static void server(const struct tree *t)
{
    tree_put(t, "proc/net/tcp", "  sl  local_address rem_address st\n"
                                "   0: 0100007F:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 4001 1 0 100 0 0 10 0\n");
    tree_put(t, "proc/500/stat", "500 (vllm) S 1 1 1\n");
    tree_put(t, "proc/500/comm", "vllm\n");
    tree_put_bytes(t, "proc/500/cmdline", "vllm\0serve\0--max-num-seqs\0006\0--api-key\0canary\0", 46);
    tree_link(t, "proc/500/fd/3", "socket:[4001]");
    tree_put(t, "proc/510/stat", "510 (VLLM::EngineCor) S 500 1 1\n");
    tree_put(t, "proc/510/comm", "VLLM::EngineCor\n");
    tree_link(t, "proc/510/fd/9", "/dev/dri/renderD127");
    tree_put(t, "proc/510/fdinfo/9", "drm-driver:\tamdgpu\ndrm-pdev:\t" CARD "\ndrm-client-id:\t7\ndrm-memory-vram:\t8000000 KiB\ndrm-memory-gtt:\t100 KiB\n");
}

/* Looks until the condition is true; false after ten seconds. */
static bool until(struct sampler *s, struct host_sample *h, bool (*so)(const struct host_sample *))
{
    struct timespec nap = {0, 20 * 1000 * 1000};
    for (int64_t end = clock_ns() + 10 * NS_PER_SEC; clock_ns() < end; nanosleep(&nap, NULL)) {
        sampler_get(s, h);
        if (so(h))
            return true;
    }
    return false;
}

static bool on_card(const struct host_sample *h)
{
    return strcmp(h->gpu.pci, CARD) == 0 && h->procs_at != 0 && h->procs_n > 0;
}

static bool looked(const struct host_sample *h)
{
    return h->procs_at != 0;
}

static void test_follows_server(void **state)
{
    (void)state;
    struct tree t;
    struct host_sample h;
    struct err e;
    two_gpus(&t);
    server(&t);
    struct sampler *s = sampler_start(&(struct sampler_config){.roots = t.roots, .memory_ns = 20 * NS_PER_MS}, &e);
    sampler_get(s, &h);
    assert_string_equal(h.gpu.pci, APU); /* more is in use there, as long as nothing is known of a server */
    assert_near(h.reading.v[GPU_GTT_USED].value, 9 * GIB, 0);
    assert_string_equal(h.others, CARD " AMD GPU");
    struct server_proc found;
    sampler_server(s, 8000, &found);
    assert_int_equal(found.pid, 500);
    sampler_get(s, &h);
    assert_string_equal(h.gpu.pci, CARD); /* at once: a load must not begin with another one's figures */
    assert_near(h.reading.v[GPU_VRAM_USED].value, 8 * GIB, 0);
    assert_true(until(s, &h, on_card));
    assert_near(h.reading.v[GPU_VRAM_USED].value, 8 * GIB, 0);
    assert_int_equal(h.server.pid, 500);
    assert_int_equal(h.server.pids_n, 2);
    assert_near(h.server.max_num_seqs, 6, 0);
    assert_null(strstr(h.server.command, "canary"));
    assert_int_equal(h.procs_n, 1);
    assert_int_equal(h.procs[0].pid, 510);
    assert_true(h.procs[0].server);
    assert_near(h.procs[0].vram, 8000000 * 1024.0, 0);
    assert_string_equal(h.others, APU " Radeon 8060S");
    sampler_stop(s);
    tree_remove(&t);
}

/* What nobody is seen to have is the device's figure of the moment of the look, not of now. */
static bool moved_on(const struct host_sample *h)
{
    return h->reading.v[GPU_VRAM_USED].value > 9 * GIB;
}

static void test_one_moment(void **state)
{
    (void)state;
    struct tree t;
    struct host_sample h;
    struct err e;
    two_gpus(&t);
    server(&t);
    struct sampler *s = sampler_start(&(struct sampler_config){.roots = t.roots, .memory_ns = 20 * NS_PER_MS, .gpu = CARD}, &e);
    struct server_proc found;
    sampler_server(s, 8000, &found);
    assert_true(until(s, &h, on_card));
    uint64_t looked_at = (uint64_t)h.procs_at;
    tree_gpu_number(&t, CARD, "mem_info_vram_used", 12 * GIB);
    assert_true(until(s, &h, moved_on));
    if ((uint64_t)h.procs_at == looked_at) /* else a machine so slow that it was looked at again */
        assert_near(h.procs_vram, 8 * GIB, 0);
    sampler_stop(s);
    tree_remove(&t);
}

static void test_chosen(void **state)
{
    (void)state;
    struct tree t;
    struct host_sample h;
    struct err e;
    two_gpus(&t);
    server(&t);
    assert_null(sampler_start(&(struct sampler_config){.roots = t.roots, .memory_ns = NS_PER_SEC, .gpu = "2"}, &e));
    struct sampler *s = sampler_start(&(struct sampler_config){.roots = t.roots, .memory_ns = NS_PER_SEC, .gpu = "c5:00.0"}, &e);
    struct server_proc found;
    sampler_server(s, 8000, &found);
    assert_true(until(s, &h, looked));
    assert_string_equal(h.gpu.pci, APU); /* what the user wants stays */
    sampler_stop(s);
    tree_remove(&t);
}

static bool simulated(const struct host_sample *h)
{
    return h->memory_simulated && h->reading.v[GPU_GTT_USED].simulated;
}

static void test_simulated(void **state)
{
    (void)state;
    struct tree t;
    struct host_sample h;
    struct err e;
    const double memory[GPU_MEMORY_VALUES_] = {[GPU_VRAM_TOTAL] = (double)NAN, [GPU_VRAM_USED] = (double)NAN, [GPU_VIS_TOTAL] = (double)NAN,
                                               [GPU_VIS_USED] = (double)NAN, [GPU_GTT_TOTAL] = 50 * GIB, [GPU_GTT_USED] = 40 * GIB};
    two_gpus(&t);
    struct sampler *s = sampler_start(&(struct sampler_config){.roots = t.roots, .memory_ns = 20 * NS_PER_MS}, &e);
    sampler_simulate(s, memory, 60 * GIB, 45 * GIB);
    assert_true(until(s, &h, simulated));
    assert_near(h.memory.available, 15 * GIB, 0);
    assert_near(h.reading.v[GPU_GTT_TOTAL].value, 50 * GIB, 0);
    assert_unknown(h.reading.v[GPU_VRAM_USED].value); /* nothing of the real one is left */
    sampler_stop(s);
    tree_remove(&t);
}

static bool unreadable(const struct host_sample *h)
{
    return h->why[0] != '\0';
}

static void test_meminfo_goes(void **state)
{
    (void)state;
    struct tree t;
    struct host_sample h;
    struct err e;
    two_gpus(&t);
    tree_put(&t, "sys/block/zram0/mm_stat", "4096 74 12288 0 12288 0 0 0 0\n");
    struct sampler *s = sampler_start(&(struct sampler_config){.roots = t.roots, .memory_ns = 20 * NS_PER_MS}, &e);
    sampler_get(s, &h);
    assert_near(h.memory.total, 64382567 * 1024.0, 0);
    assert_near(h.memory.processes, 5000000 * 1024.0 + 12288, 0); /* what zram holds is somebody's */
    tree_delete(&t, "proc/meminfo");
    assert_true(until(s, &h, unreadable));
    assert_unknown(h.memory.used);
    sampler_stop(s);
    tree_remove(&t);
}

static void count(void *ctx)
{
    atomic_fetch_add((atomic_int *)ctx, 1);
}

/* Each look at memory is told, what it has seen is there by then, and nobody is called after the end. */
static void test_told(void **state)
{
    (void)state;
    struct tree t;
    struct host_sample h;
    struct err e;
    atomic_int looks = 0;
    two_gpus(&t);
    struct sampler *s = sampler_start(&(struct sampler_config){.roots = t.roots, .memory_ns = 5 * NS_PER_MS, .looked = count, .ctx = &looks}, &e);
    int64_t deadline = clock_ns() + 30 * NS_PER_SEC;
    while (atomic_load(&looks) < 3 && clock_ns() < deadline)
        nanosleep(&(struct timespec){0, NS_PER_MS}, NULL);
    int told = atomic_load(&looks);
    sampler_get(s, &h);
    assert_true(told >= 3 && h.seq >= 2 + 2 * (uint64_t)told); /* RAM and the GPU; and the look before the thread's */
    sampler_stop(s);
    told = atomic_load(&looks);
    nanosleep(&(struct timespec){0, 20 * NS_PER_MS}, NULL);
    assert_int_equal(atomic_load(&looks), told);
    tree_remove(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_follows_server), cmocka_unit_test(test_one_moment),
                                       cmocka_unit_test(test_chosen), cmocka_unit_test(test_simulated),
                                       cmocka_unit_test(test_meminfo_goes), cmocka_unit_test(test_told)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
