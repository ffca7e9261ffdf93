/* fakegpu_sysfs: the files, links and nodes of the GPU in the testbed. */
#include "tools/fakegpu.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define SLOT "0000:c5:00.0"
#define DEVICE "/sys/devices/pci0000:00/" SLOT
#define HWMON DEVICE "/hwmon/hwmon3"

static UMockdevTestbed *bed; /* not ours */

/* The testbed puts a new file in place of the old one, but a program may keep a file of sysfs open and read it again:
 * what is there already is written over.  (Where it becomes shorter, a reader can catch both lines for a moment.) */
static bool write_over(const char *device, const char *name, const void *data, size_t n)
{
    g_autofree char *root = umockdev_testbed_get_root_dir(bed);
    g_autofree char *path = g_build_filename(root, device, name, NULL);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool done = pwrite(fd, data, n, 0) == (ssize_t)n && ftruncate(fd, (off_t)n) == 0;
    if (!done)
        fail(path, g_strerror(errno));
    close(fd);
    return true;
}

static void set_text(const char *device, const char *name, const char *text)
{
    if (!write_over(device, name, text, strlen(text)))
        umockdev_testbed_set_attribute(bed, device, name, text);
}

static void set_number(const char *name, guint64 value)
{
    g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT "\n", value);
    set_text(DEVICE, name, text);
}

static void put_le(guint8 *at, guint64 value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        at[i] = (guint8)(value >> (8 * i));
}

/* gpu_metrics version 3.0 (offsets of the kernel's struct); all ones: not known. */
static void set_metrics(void)
{
    guint8 m[264];
    memset(m, 0xff, sizeof m);
    put_le(m, sizeof m, 2);
    m[2] = 3;
    m[3] = 0;
    put_le(m + 4, gpu.temp_mc / 10, 2);       /* temperature_gfx, 0.01 °C */
    put_le(m + 6, gpu.temp_mc / 10 + 150, 2); /* temperature_soc */
    put_le(m + 42, gpu.busy, 2);              /* average_gfx_activity, % */
    put_le(m + 104, 3600000000000, 8);        /* system_clock_counter, ns */
    put_le(m + 112, gpu.power_w * 1000 + 670, 4); /* average_socket_power, mW */
    put_le(m + 120, 31250, 4);                    /* average_apu_power */
    put_le(m + 124, 52400, 4);                    /* average_gfx_power */
    put_le(m + 174, gpu.sclk_mhz, 2);             /* average_gfxclk_frequency */
    put_le(m + 186, gpu.mclk_mhz, 2);             /* average_uclk_frequency */
    memset(m + 228, 0, 28);                       /* throttle_residency_*, ms */
    if (!write_over(DEVICE, "gpu_metrics", m, sizeof m))
        umockdev_testbed_set_attribute_binary(bed, DEVICE, "gpu_metrics", m, (int)sizeof m);
}

static void set_memory(void)
{
    set_number("mem_info_gtt_total", gpu.gtt_total);
    set_number("mem_info_gtt_used", gpu.gtt_used);
    set_number("mem_info_vram_total", gpu.vram_total);
    set_number("mem_info_vram_used", gpu.vram_used);
    set_number("mem_info_vis_vram_total", gpu.vram_total);
    set_number("mem_info_vis_vram_used", gpu.vram_used);
}

static void set_runtime_status(void)
{
    g_autofree char *text = g_strconcat(gpu.runtime_status, "\n", NULL);
    set_text(DEVICE, "power/runtime_status", text);
}

static void set_hwmon(void)
{
    g_autofree char *temp = g_strdup_printf("%u\n", gpu.temp_mc);
    g_autofree char *power = g_strdup_printf("%u000000\n", gpu.power_w);
    g_autofree char *clock = g_strdup_printf("%u000000\n", gpu.sclk_mhz);
    g_autofree char *gfx = g_strdup_printf("%u\n", gpu.gfx_mv);
    g_autofree char *nb = g_strdup_printf("%u\n", gpu.nb_mv);
    const char *const files[][2] = {
        {"name", "amdgpu\n"},     {"temp1_label", "edge\n"}, {"temp1_input", temp},    {"power1_label", "PPT\n"},
        {"power1_average", power}, {"freq1_label", "sclk\n"}, {"freq1_input", clock},   {"in0_label", "vddgfx\n"},
        {"in0_input", gfx},        {"in1_label", "vddnb\n"},  {"in1_input", nb},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(files); i++)
        set_text(HWMON, files[i][0], files[i][1]);
}

static void set_identity(void)
{
    static const char *const files[][2] = {
        {"vendor", "0x1002\n"},           {"device", "0x1586\n"},           {"revision", "0xc1\n"},
        {"subsystem_vendor", "0x1002\n"}, {"subsystem_device", "0x1586\n"}, {"class", "0x038000\n"},
        {"boot_vga", "1\n"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(files); i++)
        set_text(DEVICE, files[i][0], files[i][1]);
    if (opt.no_sysfs_sensors)
        return;
    g_autofree char *sclk = g_strdup_printf("0: 600Mhz \n1: 1100Mhz \n2: %uMhz *\n", gpu.sclk_mhz);
    g_autofree char *mclk = g_strdup_printf("0: 400Mhz \n1: 800Mhz \n2: %uMhz *\n", gpu.mclk_mhz);
    set_text(DEVICE, "pp_dpm_sclk", sclk);
    set_text(DEVICE, "pp_dpm_mclk", mclk);
}

/* The driver's folder is no device, so the testbed does not make it: below its root, where nothing is redirected. */
static void link_driver(void)
{
    g_autofree char *root = umockdev_testbed_get_root_dir(bed);
    g_autofree char *folder = g_build_filename(root, "sys/bus/pci/drivers/amdgpu", NULL);
    g_autofree char *link = g_build_filename(folder, SLOT, NULL);
    if (g_mkdir_with_parents(folder, 0755) != 0)
        fail(folder, g_strerror(errno));
    unlink(link);
    if (gpu.there && symlink("../../../../devices/pci0000:00/" SLOT, link) != 0)
        fail(link, g_strerror(errno));
}

void sysfs_refresh(void)
{
    if (!gpu.there)
        return;
    if (!opt.no_sysfs_memory)
        set_memory();
    if (!opt.no_sysfs_sensors) {
        set_number("gpu_busy_percent", gpu.busy);
        set_metrics();
    }
    set_runtime_status();
}

/* "=00": the nodes are files with a byte in them; others would be terminals, and those answer ioctls themselves. */
void sysfs_plug_in(UMockdevTestbed *testbed)
{
    static const char devices[] =
        "P: /devices/pci0000:00/" SLOT "\n"
        "E: DRIVER=amdgpu\nE: PCI_CLASS=38000\nE: PCI_ID=1002:1586\nE: PCI_SUBSYS_ID=1002:1586\n"
        "E: PCI_SLOT_NAME=" SLOT "\nE: SUBSYSTEM=pci\n"
        "L: driver=../../../bus/pci/drivers/amdgpu\n\n"
        "P: /devices/pci0000:00/" SLOT "/drm/card1\n"
        "N: dri/card1=00\n"
        "E: MAJOR=226\nE: MINOR=1\nE: DEVNAME=/dev/dri/card1\nE: DEVTYPE=drm_minor\nE: SUBSYSTEM=drm\n"
        "A: dev=226:1\\n\nL: device=../../../" SLOT "\n\n"
        "P: /devices/pci0000:00/" SLOT "/drm/renderD128\n"
        "N: dri/renderD128=00\n"
        "E: MAJOR=226\nE: MINOR=128\nE: DEVNAME=/dev/dri/renderD128\nE: DEVTYPE=drm_minor\nE: SUBSYSTEM=drm\n"
        "A: dev=226:128\\n\nL: device=../../../" SLOT "\n\n"
        "P: /devices/pci0000:00/" SLOT "/hwmon/hwmon3\n"
        "E: SUBSYSTEM=hwmon\nL: device=../../../" SLOT "\n\n";
    g_autoptr(GError) error = NULL;
    bed = testbed;
    if (!umockdev_testbed_add_from_string(bed, devices, &error))
        fail("cannot add the device", error->message);
    gpu.there = true;
    gpu.plug++;
    link_driver();
    set_identity();
    if (!opt.no_sysfs_sensors)
        set_hwmon();
    sysfs_refresh();
}

void sysfs_unplug(void)
{
    /* The testbed drops the links of only the one device that it is told. */
    static const char *const devices[] = {HWMON, DEVICE "/drm/renderD128", DEVICE "/drm/card1", DEVICE};
    gpu.there = false;
    link_driver();
    for (size_t i = 0; i < G_N_ELEMENTS(devices); i++)
        umockdev_testbed_remove_device(bed, devices[i]);
}
