/* The GPU's memory and sensors: trees of files in the shapes of real machines, and the real libdrm over an ioctl() of this
 * program's own.  open() is this program's too: it keeps a list, and fails where it is told to. */
#include "check.h"
#include "gpu_tree.h"
#include "host/gpu.h"
#include "host/host.h"
#include "host/limits.h"
#include "host/system.h"

#include <amdgpu.h>
#include <amdgpu_drm.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <xf86drm.h>

#define PCI "0000:c5:00.0"
#define GIB (1024.0 * 1024 * 1024)
#define UNKNOWN ((double)NAN)

/* ---- open() and ioctl() ---- */

static char opened[65536]; /* paths, one a line */
static const char *deny;   /* a path that has this in it … */
static int deny_with;      /* … fails with this */

int open(const char *path, int flags, ...)
{
    va_list ap;
    va_start(ap, flags);
    int mode = va_arg(ap, int);
    va_end(ap);
    size_t used = strlen(opened);
    snprintf(opened + used, sizeof opened - used, "%s\n", path);
    if (deny != NULL && strstr(path, deny) != NULL) {
        errno = deny_with;
        return -1;
    }
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

/* What is open already is refused in the read, as the driver does it. */
ssize_t pread(int fd, void *to, size_t n, off_t at)
{
    char name[32], path[512] = "";
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    ssize_t got = readlink(name, path, sizeof path - 1);
    if (deny != NULL && got > 0 && strstr(path, deny) != NULL) {
        errno = deny_with;
        return -1;
    }
    return (ssize_t)syscall(SYS_pread64, fd, to, n, at);
}

static struct {
    bool version_fails, accel_fails;
    int sensor_fails; /* 0: none */
    uint32_t load;    /* 0: 97 % */
    int calls;
} card;

static int answer_version(struct drm_version *v)
{
    const char *text[] = {"amdgpu", "20150101", "AMD GPU"};
    char *to[] = {v->name, v->date, v->desc};
    __kernel_size_t *len[] = {&v->name_len, &v->date_len, &v->desc_len};
    if (card.version_fails) {
        errno = EINVAL;
        return -1;
    }
    for (int i = 0; i < 3; i++) {
        if (to[i] != NULL)
            memcpy(to[i], text[i], MIN_OF(*len[i], strlen(text[i])));
        *len[i] = strlen(text[i]);
    }
    v->version_major = 3;
    v->version_minor = 64;
    return 0;
}

static int answer_sensor(unsigned sensor, uint32_t *v)
{
    const uint32_t values[] = {[1] = 2900, [2] = 1000, [3] = 61000, [4] = card.load != 0 ? card.load : 97, [5] = 84};
    if ((int)sensor == card.sensor_fails || sensor < 1 || sensor > 5) {
        errno = EINVAL;
        return -1;
    }
    *v = values[sensor];
    return 0;
}

static int answer_info(const struct drm_amdgpu_info *q)
{
    void *out = (void *)(uintptr_t)q->return_pointer;
    size_t size = q->return_size;
    const struct drm_amdgpu_info_device device = {.device_id = 0x1586, .pci_rev = 0xc1, .family = 150, .ids_flags = AMDGPU_IDS_FLAGS_FUSION,
                                                  .virtual_address_offset = 0x200000, .virtual_address_max = 1ull << 47,
                                                  .virtual_address_alignment = 4096, .high_va_offset = 0xffff800000000000ull,
                                                  .high_va_max = 0xffffffffffe00000ull};
    struct drm_amdgpu_memory_info memory = {.vram = {.total_heap_size = 536870912, .heap_usage = 1 << 20},
                                            .cpu_accessible_vram = {.total_heap_size = 536870912, .heap_usage = 1 << 19},
                                            .gtt = {.total_heap_size = 53ull << 30, .heap_usage = 7ull << 30}};
    memset(out, 0, size);
    switch (q->query) {
    case AMDGPU_INFO_ACCEL_WORKING: *(uint32_t *)out = !card.accel_fails; return 0;
    case AMDGPU_INFO_DEV_INFO: memcpy(out, &device, MIN_OF(size, sizeof device)); return 0;
    case AMDGPU_INFO_MEMORY: memcpy(out, &memory, MIN_OF(size, sizeof memory)); return 0;
    case AMDGPU_INFO_SENSOR: return answer_sensor(q->sensor_info.type, out);
    default: return 0;
    }
}

int ioctl(int fd, unsigned long request, ...)
{
    va_list ap;
    va_start(ap, request);
    void *arg = va_arg(ap, void *);
    va_end(ap);
    if (_IOC_TYPE(request) != 'd')
        return (int)syscall(SYS_ioctl, fd, request, arg);
    card.calls++;
    switch (_IOC_NR(request)) {
    case 0x00: return answer_version(arg);
    case 0x05: ((struct drm_client *)arg)->auth = 1; return 0;
    case DRM_COMMAND_BASE + DRM_AMDGPU_INFO: return answer_info(arg);
    default: errno = ENOTTY; return -1;
    }
}

static void reset(void)
{
    opened[0] = '\0';
    deny = NULL;
    memset(&card, 0, sizeof card);
}

/* ---- machines ---- */

/* Strix Halo, as the kernel shows it, with no render node that could be opened. */
static void strix_halo(struct tree *t)
{
    reset();
    tree_make(t);
    tree_gpu(t, 1, PCI, "1586");
    tree_gpu_number(t, PCI, "mem_info_vram_total", 536870912);
    tree_gpu_number(t, PCI, "mem_info_vram_used", 314572800);
    tree_gpu_number(t, PCI, "mem_info_vis_vram_total", 536870912);
    tree_gpu_number(t, PCI, "mem_info_vis_vram_used", 314572800);
    tree_gpu_number(t, PCI, "mem_info_gtt_total", 56908316672);
    tree_gpu_number(t, PCI, "mem_info_gtt_used", 42627399680);
    tree_gpu_file(t, PCI, "gpu_busy_percent", "97\n");
    tree_gpu_file(t, PCI, "pp_dpm_mclk", "0: 400Mhz\n1: 800Mhz\n2: 1000Mhz *\n");
    tree_gpu_file(t, PCI, "hwmon/hwmon3/temp1_input", "71000\n");
    tree_gpu_file(t, PCI, "hwmon/hwmon3/power1_average", "45067000\n");
    tree_gpu_file(t, PCI, "hwmon/hwmon3/freq1_input", "2800000000\n");
    tree_gpu_file(t, PCI, "hwmon/hwmon3/in1_label", "vddnb\n");
}

static struct gpu *open_first(const struct tree *t)
{
    struct gpu_id list[GPUS_MAX];
    assert_int_equal(gpu_list(&t->roots, list, GPUS_MAX), 1);
    return gpu_open(&t->roots, &list[0]);
}

static struct gpu_reading look(struct gpu *g, double second)
{
    struct gpu_reading r;
    gpu_reading_clear(&r);
    gpu_memory(g, &r);
    gpu_sensors(g, (int64_t)(second * 1e9), &r);
    return r;
}

/* ---- which GPUs there are ---- */

static void test_list(void **state)
{
    (void)state;
    struct tree t;
    struct gpu_id list[GPUS_MAX];
    struct err e;
    strix_halo(&t);
    assert_int_equal(gpu_list(&t.roots, list, GPUS_MAX), 1);
    tree_gpu(&t, 0, "0000:03:00.0", "7590"); /* a discrete one */
    tree_gpu_number(&t, "0000:03:00.0", "mem_info_vram_total", 17095983104);
    tree_gpu_number(&t, "0000:03:00.0", "mem_info_gtt_total", 67095983104);
    tree_put(&t, "sys/class/drm/card3/device/uevent", "DRIVER=i915\nPCI_ID=8086:1\nPCI_SLOT_NAME=0000:00:02.0\n");
    tree_put(&t, "sys/class/drm/card1-DP-1/device/uevent", "DRIVER=amdgpu\nPCI_ID=1:1\nPCI_SLOT_NAME=0000:c5:00.0\n");
    tree_put(&t, "sys/class/drm/card4/device/uevent", "DRIVER=amdgpu\nPCI_ID=1:1\nPCI_SLOT_NAME=../../../etc\n");
    assert_int_equal(gpu_list(&t.roots, list, GPUS_MAX), 2);
    assert_string_equal(list[0].pci, "0000:03:00.0");
    assert_false(list[0].apu);
    assert_string_equal(list[1].pci, PCI);
    assert_string_equal(list[1].name, "Radeon 8060S");
    assert_string_equal(list[1].gfx, "gfx1151");
    assert_string_equal(list[1].node, "dri/renderD128");
    assert_true(list[1].apu);
    assert_ptr_equal(gpu_default(&t.roots, list, 2), &list[1]); /* a model's GTT counts on an APU alone */
    tree_gpu_number(&t, "0000:03:00.0", "mem_info_vram_used", 9e9);
    assert_ptr_equal(gpu_default(&t.roots, list, 2), &list[1]); /* more is in use there */
    tree_gpu_number(&t, PCI, "mem_info_gtt_used", 1e8);
    assert_ptr_equal(gpu_default(&t.roots, list, 2), &list[0]); /* a model is here, not there */
    tree_gpu_number(&t, "0000:03:00.0", "mem_info_vram_used", 1e8);
    assert_ptr_equal(gpu_default(&t.roots, list, 2), &list[1]); /* nowhere: the larger */
    char others[64];
    gpu_others(list, 2, &list[1], others, sizeof others);
    assert_string_equal(others, "0000:03:00.0 AMD GPU");
    assert_ptr_equal(gpu_find(list, 2, "1", &e), &list[1]);
    assert_ptr_equal(gpu_find(list, 2, "0000:C5:00.0", &e), &list[1]);
    assert_ptr_equal(gpu_find(list, 2, "03:00.0", &e), &list[0]);
    const char *wrong[] = {"2", "", "-1", "c5", "0000:c6:00.0"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        assert_null(gpu_find(list, 2, wrong[i], &e));
        assert_non_null(strstr(e.msg, "1 0000:c5:00.0 Radeon 8060S"));
    }
    assert_null(gpu_find(list, 0, "0", &e));
    assert_non_null(strstr(e.msg, "none that can be read"));
    tree_put(&t, "sys/class/kfd/kfd/topology/nodes/0/properties", "simd_count 0\ngfx_target_version 0\ndrm_render_minor 0\n");
    tree_put(&t, "sys/class/kfd/kfd/topology/nodes/1/properties", "simd_count 80\ngfx_target_version 110501\ndrm_render_minor 127\n");
    struct gpu *g = gpu_open(&t.roots, &list[0]);
    assert_string_equal(gpu_identity(g)->gfx, "gfx1151");
    gpu_close(g);
    struct system_facts s;
    tree_put(&t, "sys/module/ttm/parameters/pages_limit", "13893632\n");
    system_read(&t.roots, &list[1], &s);
    assert_string_equal(s.gpu, "Radeon 8060S (gfx1151), 1002:1586 at 0000:c5:00.0");
    assert_near(s.gtt, 56908316672.0, 0);
    assert_near(s.vram, 536870912.0, 0);
    assert_near(s.ttm, 13893632.0 * (double)sysconf(_SC_PAGESIZE), 0);
    tree_remove(&t);
    tree_make(&t);
    assert_int_equal(gpu_list(&t.roots, list, GPUS_MAX), 0); /* nothing there: nothing known */
    system_read(&t.roots, NULL, &s);
    assert_string_equal(s.gpu, "");
    assert_true(isnan(s.gtt) && isnan(s.vram) && isnan(s.ttm));
    tree_remove(&t);
}

/* ---- values ---- */

static void test_values(void **state)
{
    (void)state;
    struct tree t;
    strix_halo(&t);
    struct gpu *g = open_first(&t);
    assert_non_null(strstr(gpu_identity(g)->note, "/dev/dri/renderD128: no such file or directory: values from sysfs only"));
    struct gpu_reading r = look(g, 1);
    assert_int_equal(r.state, GPU_AWAKE);
    const double wanted[GPU_VALUES] = {536870912, 314572800, 536870912, 314572800, 56908316672, 42627399680, 97, 2800, 1000,
                                       45 /* the fraction is none */, UNKNOWN, 71};
    for (int i = 0; i < GPU_VALUES; i++) {
        if (isnan(wanted[i])) {
            assert_unknown(r.v[i].value);
            assert_string_not_equal(r.v[i].why, "");
            continue;
        }
        assert_near(r.v[i].value, wanted[i], 0);
        assert_string_equal(r.v[i].from, "sysfs");
        assert_string_equal(r.v[i].why, "");
    }
    assert_true(r.power_is_package);
    gpu_close(g);
    tree_remove(&t);
}

static const struct {
    const char *file;
    int value;
} files[] = {{"mem_info_vram_total", GPU_VRAM_TOTAL},   {"mem_info_vram_used", GPU_VRAM_USED},
             {"mem_info_vis_vram_total", GPU_VIS_TOTAL}, {"mem_info_vis_vram_used", GPU_VIS_USED},
             {"mem_info_gtt_total", GPU_GTT_TOTAL},      {"mem_info_gtt_used", GPU_GTT_USED},
             {"gpu_busy_percent", GPU_BUSY},             {"hwmon/hwmon3/freq1_input", GPU_SCLK},
             {"pp_dpm_mclk", GPU_MCLK},                  {"hwmon/hwmon3/power1_average", GPU_POWER},
             {"hwmon/hwmon3/temp1_input", GPU_TEMPERATURE}};

static void check_others(const struct gpu_reading *r, size_t broken)
{
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        if (i == broken) {
            assert_unknown(r->v[files[i].value].value);
            assert_string_not_equal(r->v[files[i].value].why, "");
        } else {
            assert_true(isfinite(r->v[files[i].value].value));
        }
    }
}

/* Each file in turn is missing, or full of what is no number: that value is unknown, with a reason, and no other. */
static void test_bad_files(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t n;
    } bad[] = {{"", 0}, {"\0\0\0\0\0\0\0\0", 8}, {"-5\n", 3}, {"lots\n", 5}, {"99999999999999999999999999\n", 27}, {"0x10\n", 5},
               {"\xff\xfe\x80", 3}, {"12 13\n", 6}};
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        struct tree t;
        char path[256], huge[100000];
        strix_halo(&t);
        struct gpu *g = open_first(&t);
        snprintf(path, sizeof path, "sys/bus/pci/devices/" PCI "/%s", files[i].file);
        for (size_t k = 0; k < ARRAY_LEN(bad); k++) {
            tree_put_bytes(&t, path, bad[k].text, bad[k].n);
            struct gpu_reading r = look(g, 1);
            check_others(&r, i);
        }
        memset(huge, '7', sizeof huge);
        tree_put_bytes(&t, path, huge, sizeof huge);
        struct gpu_reading r = look(g, 1);
        check_others(&r, i);
        tree_delete(&t, path);
        r = look(g, 1);
        check_others(&r, i);
        gpu_close(g);
        tree_remove(&t);
    }
}

static void test_busy_range(void **state)
{
    (void)state;
    struct tree t;
    strix_halo(&t);
    struct gpu *g = open_first(&t);
    tree_gpu_file(&t, PCI, "gpu_busy_percent", "655\n"); /* 0xFFFF in hundredths */
    assert_unknown(look(g, 1).v[GPU_BUSY].value);
    deny = "gpu_busy_percent";
    deny_with = EPERM;
    struct gpu_reading r = look(g, 1);
    assert_string_equal(r.v[GPU_BUSY].why, "asleep"); /* the driver will not wake it for this */
    deny_with = EACCES;
    assert_string_equal(look(g, 1).v[GPU_BUSY].why, "permission denied");
    gpu_close(g);
    tree_remove(&t);
}

/* ---- gpu_metrics ---- */

static void put16(unsigned char *p, size_t at, unsigned v)
{
    p[at] = (unsigned char)v;
    p[at + 1] = (unsigned char)(v >> 8);
}

static void put32(unsigned char *p, size_t at, uint32_t v)
{
    put16(p, at, v & 0xffff);
    put16(p, at + 2, v >> 16);
}

static void table(unsigned char *p, size_t size, int format, int content)
{
    memset(p, 0xff, size);
    put16(p, 0, (unsigned)size);
    p[2] = (unsigned char)format;
    p[3] = (unsigned char)content;
}

static void test_metrics_versions(void **state)
{
    (void)state;
    unsigned char p[512];
    struct gpu_metrics m;
    table(p, 264, 3, 0);
    put16(p, 4, 7150);
    put32(p, 112, 88250);
    put32(p, 124, 61500);
    put16(p, 174, 2811);
    put16(p, 186, 1000);
    for (size_t i = 0; i < 7; i++)
        put32(p, 228 + 4 * i, (uint32_t)(1000 * i));
    assert_true(gpu_metrics_parse(p, 264, &m));
    assert_near(m.temperature_gfx, 71.5, 1e-9);
    assert_near(m.socket_power, 88.25, 1e-9);
    assert_false(m.whole_watts);
    assert_near(m.gfx_power, 61.5, 1e-9);
    assert_near(m.gfxclk, 2811, 0);
    assert_near(m.uclk, 1000, 0);
    assert_true(m.has_residency);
    assert_int_equal(m.residency[6], 6000);
    table(p, 264, 3, 0); /* nothing told */
    assert_true(gpu_metrics_parse(p, 264, &m));
    assert_true(isnan(m.temperature_gfx) && isnan(m.socket_power) && isnan(m.gfx_power) && isnan(m.gfxclk) && !m.has_residency);

    table(p, 120, 2, 1); /* a Raphael: 43 °C, 27 W in a field that should be mW */
    put16(p, 4, 4300);
    put16(p, 40, 27);
    put16(p, 76, 600);
    put16(p, 80, 3000);
    assert_true(gpu_metrics_parse(p, 120, &m));
    assert_near(m.temperature_gfx, 43, 1e-9);
    assert_near(m.socket_power, 27, 0);
    assert_true(m.whole_watts);
    assert_near(m.gfxclk, 600, 0);
    assert_near(m.uclk, 3000, 0);
    put16(p, 40, 27500);
    assert_true(gpu_metrics_parse(p, 120, &m));
    assert_near(m.socket_power, 27.5, 1e-9);
    table(p, 120, 2, 0); /* the clock counter comes first */
    put16(p, 16, 5000);
    put16(p, 44, 31000);
    put16(p, 80, 1100);
    assert_true(gpu_metrics_parse(p, 120, &m));
    assert_near(m.temperature_gfx, 50, 1e-9);
    assert_near(m.socket_power, 31, 1e-9);
    assert_near(m.gfxclk, 1100, 0);
    table(p, 128, 2, 2);
    memset(p + 120, 0, 8);
    p[120] = 1 << 5; /* FPPT */
    assert_true(gpu_metrics_parse(p, 128, &m));
    assert_true(m.has_limits && m.limits[LIMIT_FPPT] && !m.limits[LIMIT_SPL] && !m.limits[LIMIT_PROCHOT]);

    table(p, 120, 1, 3); /* a discrete RDNA3 */
    put16(p, 4, 55);
    put16(p, 22, 212);
    put16(p, 54, 2400);
    put16(p, 58, 1218);
    memset(p + 112, 0, 8);
    p[112 + 5] = 0x80; /* bit 47: PROCHOT of the GPU */
    assert_true(gpu_metrics_parse(p, 120, &m));
    assert_near(m.temperature_gfx, 55, 0);
    assert_near(m.socket_power, 212, 0);
    assert_near(m.gfxclk, 2400, 0);
    assert_near(m.uclk, 1218, 0);
    assert_true(m.has_limits && m.limits[LIMIT_PROCHOT]);
}

static void test_metrics_hostile(void **state)
{
    (void)state;
    static const struct {
        int format, content;
        size_t size;
    } known[] = {{1, 3, 120}, {2, 0, 120}, {2, 1, 120}, {2, 2, 128}, {2, 3, 152}, {2, 4, 168}, {3, 0, 264}};
    for (size_t k = 0; k < ARRAY_LEN(known); k++)
        for (size_t n = 0; n <= known[k].size; n++) { /* cut anywhere; each copy has just its length, for the sanitizer */
            unsigned char whole[512], *cut = malloc(n + 1);
            struct gpu_metrics m;
            table(whole, known[k].size, known[k].format, known[k].content);
            memcpy(cut, whole, n);
            assert_int_equal(gpu_metrics_parse(cut, n, &m), n == known[k].size);
            free(cut);
        }
    unsigned char p[512];
    struct gpu_metrics m;
    table(p, 264, 3, 0);
    put16(p, 0, 12); /* says that it is shorter than its version */
    assert_false(gpu_metrics_parse(p, 264, &m));
    for (int format = 0; format < 256; format++)
        for (int content = 0; content < 256; content += 5) {
            table(p, 500, format, content);
            gpu_metrics_parse(p, 500, &m);
        }
}

static void test_limited(void **state)
{
    (void)state;
    struct tree t;
    unsigned char p[264];
    strix_halo(&t);
    struct gpu *g = open_first(&t);
    table(p, 264, 3, 0);
    put32(p, 112, 88250);
    for (size_t i = 0; i < 7; i++)
        put32(p, 228 + 4 * i, 5000);
    tree_put_bytes(&t, "sys/bus/pci/devices/" PCI "/gpu_metrics", p, sizeof p);
    struct gpu_reading r = look(g, 10);
    assert_unknown(r.limited_most); /* one reading is no share */
    assert_near(r.v[GPU_POWER].value, 88.25, 1e-9); /* more than the whole watts of hwmon */
    assert_string_equal(r.v[GPU_POWER].from, "metrics");
    put32(p, 228 + 4 * LIMIT_SPPT, 5040);
    tree_put_bytes(&t, "sys/bus/pci/devices/" PCI "/gpu_metrics", p, sizeof p);
    r = look(g, 11);
    assert_near(r.limited_most, 0.04, 1e-9);
    assert_string_equal(r.limited_by, "SPPT");
    assert_near(r.limited[LIMIT_SPL], 0, 0);
    for (size_t i = 0; i < 7; i++) /* the driver came back */
        put32(p, 228 + 4 * i, 3);
    tree_put_bytes(&t, "sys/bus/pci/devices/" PCI "/gpu_metrics", p, sizeof p);
    assert_unknown(look(g, 12).limited_most);
    gpu_close(g);
    tree_remove(&t);
}

/* A table that tells only what is in force at the moment. */
static void test_limited_now(void **state)
{
    (void)state;
    static const struct {
        uint64_t bits;
        double most;
        const char *by; /* NULL: any */
        bool others;
    } cases[] = {{0, 0, NULL, false}, {1 << 2, 1, "PPT", false}, {1 << 2 | 1ull << 36, 1, "GPU temperature", true}};
    struct tree t;
    strix_halo(&t);
    struct gpu *g = open_first(&t);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        unsigned char p[120];
        table(p, sizeof p, 1, 3);
        put32(p, 112, (uint32_t)cases[i].bits);
        put32(p, 116, (uint32_t)(cases[i].bits >> 32));
        tree_put_bytes(&t, "sys/bus/pci/devices/" PCI "/gpu_metrics", p, sizeof p);
        struct gpu_reading r = look(g, 1);
        assert_true(r.limited_now);
        assert_near(r.limited_most, cases[i].most, 0);
        assert_int_equal(r.limited_others, cases[i].others);
        if (cases[i].by != NULL)
            assert_string_equal(r.limited_by, cases[i].by);
    }
    tree_delete(&t, "sys/bus/pci/devices/" PCI "/gpu_metrics");
    struct gpu_reading r = look(g, 2);
    assert_unknown(r.limited_most);
    assert_false(r.limited_now || r.limited_others);
    gpu_close(g);
    tree_remove(&t);
}

/* ---- asleep, gone ---- */

static void test_asleep(void **state)
{
    (void)state;
    struct tree t;
    strix_halo(&t);
    tree_link(&t, "dev/dri/renderD128", "/dev/null");
    tree_gpu_file(&t, PCI, "power/runtime_status", "suspended\n");
    struct gpu *g = open_first(&t);
    struct gpu_reading r = look(g, 1);
    assert_int_equal(r.state, GPU_ASLEEP);
    assert_near(r.v[GPU_GTT_USED].value, 42627399680, 0);
    for (int i = GPU_MEMORY_VALUES_; i < GPU_VALUES; i++) {
        assert_unknown(r.v[i].value);
        assert_string_equal(r.v[i].why, "asleep");
    }
    assert_int_equal(card.calls, 0);
    for (char *path = strtok(opened, "\n"); path != NULL; path = strtok(NULL, "\n")) { /* what may be opened, and no more */
        const char *name = strrchr(path, '/') + 1;
        bool harmless = str_starts(name, "mem_info_") || strcmp(name, "runtime_status") == 0 || strcmp(name, "uevent") == 0 ||
                        strcmp(name, "properties") == 0;
        if (!harmless)
            fail_msg("opened %s of a GPU that sleeps", path);
    }
    tree_gpu_file(&t, PCI, "power/runtime_status", "active\n");
    assert_near(look(g, 2).v[GPU_BUSY].value, 97, 0);
    gpu_close(g);
    tree_remove(&t);
}

static void test_gone_and_back(void **state)
{
    (void)state;
    struct tree t;
    strix_halo(&t);
    struct gpu *g = open_first(&t);
    struct gpu_reading r = look(g, 0);
    assert_near(r.v[GPU_TEMPERATURE].value, 71, 0);
    tree_shell("cp -r %s/bus/pci/devices/" PCI " %s/ && rm -r %s/bus/pci/devices/" PCI, t.sys, t.root, t.sys);
    r = look(g, 1);
    assert_int_equal(r.state, GPU_GONE);
    assert_string_equal(r.v[GPU_GTT_USED].why, "the device is gone");
    assert_string_equal(r.v[GPU_BUSY].why, "the device is gone");
    tree_shell("mv %s/" PCI " %s/bus/pci/devices/", t.root, t.sys);
    r = look(g, 2);
    assert_int_equal(r.state, GPU_AWAKE);
    assert_near(r.v[GPU_GTT_USED].value, 42627399680, 0);
    assert_near(r.v[GPU_TEMPERATURE].value, 71, 0);
    /* Its folder of sensors has another number. */
    tree_shell("cd %s/bus/pci/devices/" PCI "/hwmon && cp -r hwmon3 hwmon11 && rm -r hwmon3", t.sys);
    tree_gpu_file(&t, PCI, "hwmon/hwmon11/temp1_input", "55000\n");
    tree_gpu_file(&t, PCI, "hwmon/hwmon11/power1_average", "30000000\n");
    tree_gpu_file(&t, PCI, "hwmon/hwmon11/freq1_input", "1100000000\n");
    r = look(g, 3);
    assert_near(r.v[GPU_TEMPERATURE].value, 55, 0);
    assert_near(r.v[GPU_POWER].value, 30, 0);
    assert_near(r.v[GPU_SCLK].value, 1100, 0);
    gpu_close(g);
    tree_remove(&t);
}

/* ---- libdrm ---- */

/* As strix_halo, with a render node, and with no file in sysfs that tells anything. */
static void only_libdrm(struct tree *t)
{
    reset();
    tree_make(t);
    tree_gpu(t, 1, PCI, "1586");
    tree_link(t, "dev/dri/renderD128", "/dev/null");
}

static void test_libdrm(void **state)
{
    (void)state;
    struct tree t;
    only_libdrm(&t);
    struct gpu *g = open_first(&t);
    assert_string_equal(gpu_identity(g)->note, "");
    assert_true(gpu_identity(g)->apu);
    struct gpu_reading r = look(g, 1);
    const double wanted[GPU_VALUES] = {536870912, 1 << 20, 536870912, 1 << 19, 53 * GIB, 7 * GIB, 97, 2900, 1000, 84, UNKNOWN, 61};
    for (int i = 0; i < GPU_VALUES; i++)
        if (isfinite(wanted[i])) {
            assert_near(r.v[i].value, wanted[i], 0);
            assert_string_equal(r.v[i].from, "libdrm");
        }
    for (int sensor = 1; sensor <= 5; sensor++) { /* each fails alone */
        static const int values[] = {0, GPU_SCLK, GPU_MCLK, GPU_TEMPERATURE, GPU_BUSY, GPU_POWER};
        card.sensor_fails = sensor;
        r = look(g, 2);
        for (int i = 1; i <= 5; i++)
            assert_int_equal(isfinite(r.v[values[i]].value), i != sensor);
        assert_string_equal(r.v[values[sensor]].why, "invalid argument");
    }
    gpu_close(g);
    tree_remove(&t);
}

/* What sysfs tells is not asked of libdrm: every call keeps the GPU from falling asleep. */
static void test_libdrm_rests(void **state)
{
    (void)state;
    struct tree t;
    strix_halo(&t);
    tree_link(&t, "dev/dri/renderD128", "/dev/null");
    struct gpu *g = open_first(&t);
    int before = card.calls;
    struct gpu_reading r = look(g, 1);
    assert_int_equal(card.calls, before);
    assert_string_equal(r.v[GPU_GTT_USED].from, "sysfs");
    tree_delete(&t, "sys/bus/pci/devices/" PCI "/mem_info_gtt_used");
    r = look(g, 2);
    assert_int_equal(card.calls, before + 1);
    assert_string_equal(r.v[GPU_GTT_USED].from, "libdrm");
    assert_string_equal(r.v[GPU_GTT_TOTAL].from, "sysfs");
    tree_gpu_file(&t, PCI, "power/runtime_status", "suspended\n");
    r = look(g, 3);
    assert_int_equal(card.calls, before + 1);
    assert_unknown(r.v[GPU_GTT_USED].value);
    gpu_close(g);
    tree_remove(&t);
}

/* What sysfs tells of the load cannot be: the driver's other answer is believed only where it can. */
static void test_libdrm_load(void **state)
{
    (void)state;
    struct tree t;
    strix_halo(&t);
    tree_link(&t, "dev/dri/renderD128", "/dev/null");
    tree_gpu_file(&t, PCI, "gpu_busy_percent", "655\n");
    struct gpu *g = open_first(&t);
    assert_near(look(g, 1).v[GPU_BUSY].value, 97, 0);
    card.load = 655;
    struct gpu_reading r = look(g, 2);
    assert_unknown(r.v[GPU_BUSY].value);
    assert_string_equal(r.v[GPU_BUSY].why, "more than 100 %");
    card.load = 100;
    assert_near(look(g, 3).v[GPU_BUSY].value, 100, 0);
    gpu_close(g);
    tree_remove(&t);
}

static void test_libdrm_fails(void **state)
{
    (void)state;
    static const struct {
        bool version, accel;
        int open_error;
        const char *note;
    } cases[] = {{true, false, 0, "the driver does not tell its version"},
                 {false, true, 0, "/dev/dri/renderD128: "},
                 {false, false, EACCES, "/dev/dri/renderD128: permission denied: values from sysfs only"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct tree t;
        strix_halo(&t);
        tree_link(&t, "dev/dri/renderD128", "/dev/null");
        card.version_fails = cases[i].version;
        card.accel_fails = cases[i].accel;
        deny = cases[i].open_error != 0 ? "renderD128" : NULL;
        deny_with = cases[i].open_error;
        struct gpu *g = open_first(&t);
        assert_non_null(strstr(gpu_identity(g)->note, cases[i].note));
        struct gpu_reading r = look(g, 1);
        assert_near(r.v[GPU_GTT_USED].value, 42627399680, 0);
        assert_near(r.v[GPU_BUSY].value, 97, 0);
        gpu_close(g);
        tree_remove(&t);
    }
}

/* ---- limits: machines that people have ---- */

static void test_limits(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool apu;
        double vram, gtt, ram, pages; /* bytes, bytes, bytes, pages; 0: unknown */
        const char *boot;
        bool primary_gtt;
        double ceiling;
        const char *from;
        size_t warnings;
        const char *says;
    } machines[] = {
        {"Strix Halo, 124 GiB of GTT", true, 536870912, 133143986176, 134e9, 0, "", true, 133143986176, "GTT size", 0, NULL},
        {"GZ302EA", true, 4294967296, 103079215104, 133e9, 25165824, "ttm.pages_limit=25165824", true, 103079215104, "GTT size", 0, NULL},
        {"128 GiB of GTT on 124.9 GiB", true, 536870912, 137438953472, 124.92 * GIB, 33554432, "amdgpu.gttsize=131072", true,
         124.92 * GIB, "RAM", 2, "more than this machine's 124.9 GiB"},
        {"96 GiB carve-out", true, 103079215104, 103079215104, 31 * GIB, 16638816256.0 / 4096, "amdgpu.gttsize=98304", false,
         16638816256, "ttm.pages_limit", 2, "limited to 15.5 GiB: raise ttm.pages_limit"},
        {"8 GiB carve-out", true, 8589934592, 133143986176, 119e9, 0, "", true, 119e9, "RAM", 1, "more than this machine's"},
        {"Raphael", true, 536870912, 16360796160, 31 * GIB, 0, "", true, 16360796160, "GTT size", 0, NULL},
        {"Strix Point", true, 536870912, 48 * GIB, 96 * GIB, 12582912, "", true, 48 * GIB, "GTT size", 0, NULL},
        {"RX 9060 XT", false, 17095983104, 33e9, 64 * GIB, 0, "", false, 33e9, "GTT size", 0, NULL},
        {"a parameter that is none", true, 536870912, 60e9, 124 * GIB, 0, "quiet amdgpu.gtt_size=98304", true, 60e9, "GTT size", 1,
         "does not exist and is ignored"},
        {"only gttsize", true, 536870912, 60e9, 124 * GIB, 20000000, "amdgpu.gttsize=57220", true, 60e9, "GTT size", 1, "deprecated"},
    };
    for (size_t i = 0; i < ARRAY_LEN(machines); i++) {
        struct limits_facts f = {.apu = machines[i].apu, .gtt_total = machines[i].gtt, .gtt_used = 1, .vram_total = machines[i].vram,
                                 .ram_total = machines[i].ram, .ram_available = machines[i].ram / 2,
                                 .ttm = machines[i].pages > 0 ? machines[i].pages * 4096 : UNKNOWN, .boot = machines[i].boot};
        struct limits l;
        limits_find(&f, &l);
        if (l.primary_gtt != machines[i].primary_gtt || l.ceiling != machines[i].ceiling || strcmp(l.ceiling_from, machines[i].from) != 0 ||
            l.warnings_n != machines[i].warnings || (machines[i].says != NULL && strstr(l.warnings[0], machines[i].says) == NULL))
            fail_msg("%s: primary GTT %d, ceiling %.0f by %s, %zu warnings, first '%s'", machines[i].name, l.primary_gtt, l.ceiling,
                     l.ceiling_from, l.warnings_n, l.warnings[0]);
    }
    struct limits l;
    limits_find(&(struct limits_facts){.apu = true, .gtt_total = 100 * GIB, .gtt_used = 70 * GIB, .vram_total = GIB / 2,
                                       .ram_total = 124 * GIB, .ram_available = 2 * GIB, .ttm = UNKNOWN, .boot = NULL}, &l);
    assert_int_equal(l.warnings_n, 1);
    assert_non_null(strstr(l.warnings[0], "only 2.0 GiB are left"));
    limits_find(&(struct limits_facts){.apu = true, .gtt_total = 53 * GIB, .gtt_used = 40 * GIB, .vram_total = GIB / 2,
                                       .ram_total = 23 * GIB, .ram_available = 20 * GIB, .ttm = UNKNOWN}, &l);
    assert_near(l.ceiling, 53 * GIB, 0); /* not clamped to what cannot be so */
    assert_int_equal(l.warnings_n, 1);
    assert_non_null(strstr(l.warnings[0], "view of a container"));
    limits_find(&(struct limits_facts){.gtt_total = UNKNOWN, .gtt_used = UNKNOWN, .vram_total = UNKNOWN, .ram_total = UNKNOWN, .ram_available = UNKNOWN, .ttm = UNKNOWN},
                &l);
    assert_true(isnan(l.ceiling) && !l.primary_gtt && l.warnings_n == 0);
}

/* The module of the driver that runs tells, and 0 is a module that no driver has set up. */
static void test_ttm(void **state)
{
    (void)state;
    static const struct {
        const char *ttm, *amdttm; /* NULL: not loaded */
        double pages;             /* NAN: unknown */
    } cases[] = {{NULL, NULL, UNKNOWN}, {"13893632\n", NULL, 13893632}, {"0\n", NULL, UNKNOWN}, {NULL, "25165824\n", 25165824},
                 {"0\n", "25165824\n", 25165824}, {"13893632\n", "25165824\n", 25165824}, {"13893632\n", "0\n", UNKNOWN}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct tree t;
        tree_make(&t);
        if (cases[i].ttm != NULL)
            tree_put(&t, "sys/module/ttm/parameters/pages_limit", cases[i].ttm);
        if (cases[i].amdttm != NULL)
            tree_put(&t, "sys/module/amdttm/parameters/pages_limit", cases[i].amdttm);
        double limit = system_ttm_limit(t.sys);
        if (isnan(cases[i].pages))
            assert_unknown(limit);
        else
            assert_near(limit, cases[i].pages * (double)sysconf(_SC_PAGESIZE), 0);
        tree_remove(&t);
    }
}

/* ---- host ---- */

static void check_stack(const struct host_memory *m, double gtt, double in_gtt, double other, double unaccounted)
{
    struct host_stack s;
    host_stack(m, gtt, &s);
    assert_near(s.gtt / GIB, in_gtt, 0.01);
    assert_near(s.other / GIB, other, 0.01);
    assert_near(s.unaccounted / GIB, unaccounted, 0.01);
    assert_near(s.gtt + s.other + s.unaccounted + s.cache + s.free, m->total, 1);
}

static void test_zram(void **state)
{
    (void)state;
    struct tree t;
    tree_make(&t);
    assert_near(host_zram(t.sys), 0, 0);
    tree_put(&t, "sys/block/zram0/mm_stat", "  2147483648  536870912  545259520        0  600000000  1024  0  12  3\n");
    tree_put(&t, "sys/block/zram1/mm_stat", "4096 74 12288 0 12288 0 0 0 0\n");
    tree_put(&t, "sys/block/zram2/mm_stat", "nothing\n");
    tree_put(&t, "sys/block/sda/mm_stat", "1 2 3\n");
    assert_near(host_zram(t.sys), 545259520 + 12288, 0);
    tree_remove(&t);
}

static void test_stack(void **state)
{
    (void)state;
    struct host_memory m;
    /* gpt-oss-120b by HIP: 63.5 GiB used, nearly all of it GTT */
    host_parse_meminfo("MemTotal: 131072000 kB\nMemFree: 50000000 kB\nMemAvailable: 64446464 kB\nAnonPages: 1000000 kB\nShmem: 100000 kB\n"
                       "SUnreclaim: 500000 kB\nKernelStack: 20000 kB\nPageTables: 30000 kB\n", &m);
    check_stack(&m, 61505.0 * 1024 * 1024, 60.06, 1.574, 1.904);
    /* after a run by Vulkan: 14 MiB of GTT, 62.7 GiB used that no process has: the driver's pool */
    host_parse_meminfo("MemTotal: 131072000 kB\nMemFree: 60000000 kB\nMemAvailable: 65304576 kB\nAnonPages: 1800000 kB\n", &m);
    check_stack(&m, 14.0 * 1024 * 1024, 0.0137, 1.7166, 60.99);
    check_stack(&m, 1e15, 62.72, 0, 0); /* it was looked at a moment later: the parts add up all the same */
    check_stack(&m, UNKNOWN, 0, 1.7166, 61.0);
    /* huge pages are somebody's, in use or kept for them; so is what zswap holds */
    host_parse_meminfo("MemTotal: 67108864 kB\nMemFree: 30000000 kB\nMemAvailable: 30408704 kB\nAnonPages: 1048576 kB\nZswap: 524288 kB\n"
                       "Zswapped: 2097152 kB\nHugePages_Total: 16384\nHugetlb: 33554432 kB\n", &m);
    check_stack(&m, UNKNOWN, 0, 33.5, 1.5);
    struct host_stack s;
    host_parse_meminfo("MemTotal: 1000 kB\nMemFree: 900 kB\nMemAvailable: 800 kB\nAnonPages: 5 kB\n", &m);
    host_stack(&m, UNKNOWN, &s);
    assert_near(s.cache, 0, 0);
    host_parse_meminfo("", &m);
    host_stack(&m, 5, &s);
    assert_true(isnan(s.free) && isnan(s.other));
}

static void test_host(void **state)
{
    (void)state;
    struct tree t;
    struct host_pressure p;
    struct host_cpu a, b;
    struct sysfs_file pressure = {.is_open = false}, stat = {.is_open = false};
    char view[16];
    tree_make(&t);
    host_read_pressure(t.proc, &pressure, &p);
    host_read_cpu(t.proc, &stat, &a);
    host_container(t.proc, view, sizeof view);
    assert_true(isnan(p.some) && isnan(p.full) && isnan(a.all));
    assert_string_equal(view, "");
    tree_put(&t, "proc/pressure/memory", "some avg10=1.53 avg60=0.3 avg300=0 total=5\nfull avg10=0.25 avg60=0 avg300=0 total=1\n");
    tree_put(&t, "proc/stat", "cpu  100 0 50 800 50 0 0 0 0 0\ncpu0 1 2 3 4\n");
    tree_put(&t, "proc/self/mounts", "proc /proc proc rw 0 0\nlxcfs /proc/meminfo fuse.lxcfs rw,nosuid 0 0\n");
    host_read_pressure(t.proc, &pressure, &p);
    host_read_cpu(t.proc, &stat, &a);
    host_container(t.proc, view, sizeof view);
    assert_near(p.some, 1.53, 1e-9);
    assert_near(p.full, 0.25, 1e-9);
    assert_string_equal(view, "lxcfs");
    tree_put(&t, "proc/self/mounts", "sandbox /proc/meminfo gofer ro 0 0\nproc /srv/proc/meminfo.d proc rw 0 0\n/dev/sda1\n");
    host_container(t.proc, view, sizeof view);
    assert_string_equal(view, "gofer"); /* whoever puts another file there */
    tree_put(&t, "proc/self/mounts", "proc /proc proc rw 0 0\nlxcfs /srv/proc/meminfo fuse.lxcfs rw 0 0\n");
    host_container(t.proc, view, sizeof view);
    assert_string_equal(view, ""); /* another one's */
    tree_put(&t, "proc/stat", "cpu  160 0 60 820 60 0 0 0 0 0\n");
    host_read_cpu(t.proc, &stat, &b);
    assert_near(host_cpu_share(&a, &b), 0.7, 1e-9);
    assert_unknown(host_cpu_share(&b, &a)); /* backwards */
    assert_unknown(host_cpu_share(&b, &b));
    tree_put(&t, "proc/stat", "cpu  nonsense\n");
    host_read_cpu(t.proc, &stat, &b);
    assert_unknown(host_cpu_share(&a, &b));
    tree_put(&t, "proc/pressure/memory", "some avg10=-1\nfull avg10=many\n");
    host_read_pressure(t.proc, &pressure, &p);
    assert_true(isnan(p.some) && isnan(p.full));
    sysfs_close(&pressure);
    sysfs_close(&stat);
    tree_remove(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list),          cmocka_unit_test(test_values),       cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_busy_range),    cmocka_unit_test(test_metrics_versions), cmocka_unit_test(test_metrics_hostile),
        cmocka_unit_test(test_limited),       cmocka_unit_test(test_limited_now),   cmocka_unit_test(test_asleep),       cmocka_unit_test(test_gone_and_back),
        cmocka_unit_test(test_libdrm),        cmocka_unit_test(test_libdrm_rests), cmocka_unit_test(test_libdrm_fails), cmocka_unit_test(test_libdrm_load),
        cmocka_unit_test(test_limits),        cmocka_unit_test(test_ttm), cmocka_unit_test(test_zram), cmocka_unit_test(test_stack),        cmocka_unit_test(test_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
