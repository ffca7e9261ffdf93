/* drmprobe: says what libdrm_amdgpu and sysfs tell about the first AMD GPU, a line of JSON; the simplest client there
 * is, to prove fakegpu by.
 *
 *     drmprobe            one line; exits 0, or 1 where libdrm does not get at the GPU
 *     drmprobe --follow   a line whenever the answer differs from the last one, until it is stopped (60 s at the most)
 *
 * {"node":"/dev/dri/renderD128","name":"amdgpu 3.64","device":"1002:1586","apu":true,
 *  "memory":{"vram_total":…,"vram_used":…,"gtt_total":…,"gtt_used":…},"heaps":{the same, "visible_used":…},
 *  "sensors":{"1":…},"error":null,
 *  "sysfs":{"runtime_status":"active","mem_info_gtt_used":…}}
 * What could not be had is null, and "error" says what failed first.  A sensor's null is not an error. */
#include "jsonw.h"
#include "util.h"

#include <amdgpu.h>
#include <amdgpu_drm.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <xf86drm.h>

#define FOLLOW_S 60
#define PAUSE_MS 10
#define SYSFS "/sys/class/drm/card1/device/"

static struct {
    amdgpu_device_handle device; /* NULL: not open */
    int fd;
    char node[64], name[64], id[16];
    bool apu;
} gpu = {.fd = -1};

/* ---- libdrm ---- */

static void close_gpu(void)
{
    if (gpu.device != NULL)
        amdgpu_device_deinitialize(gpu.device);
    if (gpu.fd >= 0)
        close(gpu.fd);
    gpu.device = NULL;
    gpu.fd = -1;
}

/* The path of its render node; false: there is no AMD GPU. */
static bool find_node(struct err *e)
{
    drmDevicePtr list[8];
    int n = drmGetDevices2(DRM_DEVICE_GET_PCI_REVISION, list, (int)ARRAY_LEN(list));
    bool found = false;
    for (int i = 0; i < n && !found; i++) {
        const drmDevice *d = list[i];
        if (d->bustype != DRM_BUS_PCI || d->deviceinfo.pci->vendor_id != 0x1002 ||
            (d->available_nodes & 1 << DRM_NODE_RENDER) == 0)
            continue;
        snprintf(gpu.node, sizeof gpu.node, "%s", d->nodes[DRM_NODE_RENDER]);
        snprintf(gpu.id, sizeof gpu.id, "%04x:%04x", d->deviceinfo.pci->vendor_id, d->deviceinfo.pci->device_id);
        found = true;
    }
    if (n > 0)
        drmFreeDevices(list, n);
    return found || err_set(e, "no device");
}

/* Before amdgpu_device_initialize, which does not survive a driver without a version. */
static bool check_version(struct err *e)
{
    drmVersionPtr v = drmGetVersion(gpu.fd);
    if (v == NULL)
        return err_set(e, "no version");
    snprintf(gpu.name, sizeof gpu.name, "%s %d.%d", v->name, v->version_major, v->version_minor);
    bool right = strcmp(v->name, "amdgpu") == 0 && v->version_major == 3;
    drmFreeVersion(v);
    return right || err_set(e, "not amdgpu 3");
}

static bool open_gpu(struct err *e)
{
    uint32_t major, minor;
    struct amdgpu_gpu_info info = {0};
    gpu.node[0] = gpu.name[0] = gpu.id[0] = '\0';
    gpu.apu = false;
    if (!find_node(e))
        return false;
    gpu.fd = open(gpu.node, O_RDWR | O_CLOEXEC);
    if (gpu.fd < 0)
        return err_set(e, "open: %s", strerror(errno));
    if (!check_version(e))
        return false;
    int failed = amdgpu_device_initialize(gpu.fd, &major, &minor, &gpu.device);
    if (failed != 0) {
        gpu.device = NULL;
        return err_set(e, "initialize: %s", strerror(abs(failed)));
    }
    if (amdgpu_query_gpu_info(gpu.device, &info) != 0)
        return err_set(e, "no information");
    gpu.apu = (info.ids_flags & AMDGPU_IDS_FLAGS_FUSION) != 0;
    return true;
}

static bool print_memory(struct jsonw *j, struct err *e)
{
    struct drm_amdgpu_memory_info m = {0};
    int failed = amdgpu_query_info(gpu.device, AMDGPU_INFO_MEMORY, sizeof m, &m);
    if (failed != 0)
        return err_set(e, "memory: %s", strerror(abs(failed)));
    jw_open(j, "memory", '{');
    jw_int(j, "vram_total", (int64_t)m.vram.total_heap_size);
    jw_int(j, "vram_used", (int64_t)m.vram.heap_usage);
    jw_int(j, "gtt_total", (int64_t)m.gtt.total_heap_size);
    jw_int(j, "gtt_used", (int64_t)m.gtt.heap_usage);
    jw_close(j, '}');
    return true;
}

/* The older way: a query for each of them. */
static void print_heaps(struct jsonw *j)
{
    const uint64_t cpu_sees = AMDGPU_GEM_CREATE_CPU_ACCESS_REQUIRED;
    struct amdgpu_heap_info gtt, vram, visible;
    if (amdgpu_query_heap_info(gpu.device, AMDGPU_GEM_DOMAIN_GTT, 0, &gtt) != 0 ||
        amdgpu_query_heap_info(gpu.device, AMDGPU_GEM_DOMAIN_VRAM, 0, &vram) != 0 ||
        amdgpu_query_heap_info(gpu.device, AMDGPU_GEM_DOMAIN_VRAM, cpu_sees, &visible) != 0) {
        jw_str(j, "heaps", NULL);
        return;
    }
    jw_open(j, "heaps", '{');
    jw_int(j, "gtt_total", (int64_t)gtt.heap_size);
    jw_int(j, "gtt_used", (int64_t)gtt.heap_usage);
    jw_int(j, "vram_total", (int64_t)vram.heap_size);
    jw_int(j, "vram_used", (int64_t)vram.heap_usage);
    jw_int(j, "visible_used", (int64_t)visible.heap_usage);
    jw_close(j, '}');
}

static void print_sensors(struct jsonw *j)
{
    jw_open(j, "sensors", '{');
    for (unsigned i = AMDGPU_INFO_SENSOR_GFX_SCLK; i <= AMDGPU_INFO_SENSOR_VDDGFX; i++) {
        char key[8];
        uint32_t value = 0;
        snprintf(key, sizeof key, "%u", i);
        if (amdgpu_query_sensor_info(gpu.device, i, sizeof value, &value) == 0)
            jw_int(j, key, value);
        else
            jw_str(j, key, NULL);
    }
    jw_close(j, '}');
}

/* ---- sysfs ---- */

/* The first line of a file; false: it is not there. */
static bool read_line(const char *name, char *line, size_t size)
{
    char path[128];
    snprintf(path, sizeof path, SYSFS "%s", name);
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return false;
    bool had = fgets(line, (int)size, f) != NULL;
    fclose(f);
    line[had ? strcspn(line, "\n") : 0] = '\0';
    return had;
}

static void print_sysfs(struct jsonw *j)
{
    static const char *const numbers[] = {"mem_info_vram_total", "mem_info_vram_used", "mem_info_gtt_total",
                                          "mem_info_gtt_used",   "gpu_busy_percent",   "hwmon/hwmon3/temp1_input"};
    char line[64];
    jw_open(j, "sysfs", '{');
    jw_str(j, "runtime_status", read_line("power/runtime_status", line, sizeof line) ? line : NULL);
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        if (read_line(numbers[i], line, sizeof line))
            jw_int(j, numbers[i], strtoll(line, NULL, 10));
        else
            jw_str(j, numbers[i], NULL);
    jw_close(j, '}');
}

/* ---- */

/* False: libdrm does not get at the GPU. */
static bool probe(struct jsonw *j)
{
    struct err e = {0};
    jw_open(j, NULL, '{');
    bool ok = gpu.device != NULL || open_gpu(&e);
    jw_str(j, "node", gpu.node[0] != '\0' ? gpu.node : NULL);
    jw_str(j, "name", gpu.name[0] != '\0' ? gpu.name : NULL);
    jw_str(j, "device", gpu.id[0] != '\0' ? gpu.id : NULL);
    jw_bool(j, "apu", gpu.apu);
    ok = ok && print_memory(j, &e);
    if (ok) {
        print_heaps(j);
        print_sensors(j);
    } else {
        close_gpu();
    }
    jw_str(j, "error", ok ? NULL : e.msg);
    print_sysfs(j);
    jw_close(j, '}');
    return ok;
}

static volatile sig_atomic_t stopped;

static void on_stop(int number)
{
    stopped = number;
}

int main(int argc, char **argv)
{
    bool follow = argc > 1 && strcmp(argv[1], "--follow") == 0, ok = true;
    struct buf now, last;
    buf_init(&now, 1 << 16);
    buf_init(&last, 1 << 16);
    signal(SIGTERM, on_stop);
    signal(SIGINT, on_stop);
    for (time_t end = time(NULL) + FOLLOW_S; stopped == 0 && time(NULL) < end;) {
        struct jsonw j = {.out = &now};
        buf_clear(&now);
        ok = probe(&j);
        if (last.data == NULL || strcmp(now.data, last.data) != 0) {
            printf("%s\n", now.data);
            fflush(stdout);
            buf_clear(&last);
            buf_adds(&last, now.data);
        }
        if (!follow)
            break;
        nanosleep(&(struct timespec){.tv_nsec = PAUSE_MS * 1000000L}, NULL);
    }
    close_gpu();
    buf_release(&now);
    buf_release(&last);
    return stopped != 0 ? 40 + (int)stopped : !ok; /* so that a test sees which signal came */
}
