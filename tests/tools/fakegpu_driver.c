/* fakegpu_driver: answers the ioctls that libdrm makes of a DRM node, as amdgpu does. */
#include "tools/fakegpu.h"

#include <amdgpu_drm.h>
#include <errno.h>
#include <string.h>
#include <xf86drm.h>

union answer {
    guint32 u32;
    guint64 u64;
    struct drm_amdgpu_info_device device;
    struct drm_amdgpu_memory_info memory;
    struct drm_amdgpu_info_vram_gtt sizes;
    guint32 registers[16];
};

static void answer_device(struct drm_amdgpu_info_device *d)
{
    d->device_id = 0x1586;
    d->pci_rev = 0xc1;
    d->external_rev = 0xc1;
    d->family = 150; /* GC 11.5 */
    d->ids_flags = AMDGPU_IDS_FLAGS_FUSION;
    d->num_shader_engines = 2;
    d->num_shader_arrays_per_engine = 2;
    d->cu_active_number = 40;
    d->max_engine_clock = 2900000;
    d->max_memory_clock = 1000000;
    /* libdrm makes its maps of addresses from these */
    d->virtual_address_offset = 0x200000;
    d->virtual_address_max = 0x800000000000;
    d->virtual_address_alignment = 4096;
    d->high_va_offset = 0xffff800000000000;
    d->high_va_max = 0xffffffffffe00000;
}

static void answer_heap(struct drm_amdgpu_heap_info *heap, guint64 total, guint64 used)
{
    heap->total_heap_size = heap->usable_heap_size = total;
    heap->heap_usage = used;
    heap->max_allocation = total / 4 * 3;
}

static bool answer_sensor(guint32 sensor, guint32 *value)
{
    log_line("sensor %u", sensor);
    if (sensor < SENSORS && (opt.failing_sensors >> sensor & 1) != 0)
        return false;
    switch (sensor) {
    case AMDGPU_INFO_SENSOR_GFX_SCLK:
        *value = gpu.sclk_mhz;
        return true;
    case AMDGPU_INFO_SENSOR_GFX_MCLK:
        *value = gpu.mclk_mhz;
        return true;
    case AMDGPU_INFO_SENSOR_GPU_TEMP:
        *value = gpu.temp_mc;
        return true;
    case AMDGPU_INFO_SENSOR_GPU_LOAD:
        *value = gpu.busy;
        return true;
    case AMDGPU_INFO_SENSOR_GPU_AVG_POWER:
        *value = gpu.power_w;
        return true;
    case AMDGPU_INFO_SENSOR_VDDNB:
        *value = gpu.nb_mv;
        return true;
    case AMDGPU_INFO_SENSOR_VDDGFX:
        *value = gpu.gfx_mv;
        return true;
    default:
        return false;
    }
}

/* Returns the size of the answer; 0: there is none. */
static size_t answer_info(const struct drm_amdgpu_info *question, union answer *a)
{
    if (question->query == AMDGPU_INFO_SENSOR)
        return answer_sensor(question->sensor_info.type, &a->u32) ? sizeof a->u32 : 0;
    log_line("info 0x%02x", question->query);
    switch (question->query) {
    case AMDGPU_INFO_ACCEL_WORKING:
        a->u32 = !opt.accel_fails;
        return sizeof a->u32;
    case AMDGPU_INFO_DEV_INFO:
        answer_device(&a->device);
        return sizeof a->device;
    case AMDGPU_INFO_READ_MMR_REG:
        return MIN(question->read_mmr_reg.count, G_N_ELEMENTS(a->registers)) * sizeof a->registers[0];
    case AMDGPU_INFO_MEMORY:
        answer_heap(&a->memory.vram, gpu.vram_total, gpu.vram_used);
        answer_heap(&a->memory.cpu_accessible_vram, gpu.vram_total, gpu.vram_used);
        answer_heap(&a->memory.gtt, gpu.gtt_total, gpu.gtt_used);
        return sizeof a->memory;
    case AMDGPU_INFO_VRAM_GTT:
        a->sizes.vram_size = a->sizes.vram_cpu_accessible_size = gpu.vram_total;
        a->sizes.gtt_size = gpu.gtt_total;
        return sizeof a->sizes;
    case AMDGPU_INFO_GTT_USAGE:
        a->u64 = gpu.gtt_used;
        return sizeof a->u64;
    case AMDGPU_INFO_VRAM_USAGE:
    case AMDGPU_INFO_VIS_VRAM_USAGE: /* an APU's CPU sees all of it */
        a->u64 = gpu.vram_used;
        return sizeof a->u64;
    default:
        return 0;
    }
}

/* Copies to where the pointer at this offset of the argument points, as the kernel's copy_to_user does. */
static bool put_behind(UMockdevIoctlData *argument, size_t offset, size_t room, const void *data, size_t n)
{
    if (room == 0)
        return true;
    g_autoptr(UMockdevIoctlData) target = umockdev_ioctl_data_resolve(argument, offset, room, NULL);
    if (target == NULL)
        return false;
    memcpy(target->data, data, MIN(n, room));
    return true;
}

/* Each of these returns 0 or an errno. ---- */

static int do_info(UMockdevIoctlData *argument)
{
    struct drm_amdgpu_info question;
    union answer a;
    memcpy(&question, argument->data, sizeof question);
    memset(&a, 0, sizeof a);
    size_t n = answer_info(&question, &a);
    if (n == 0)
        return EINVAL;
    size_t place = offsetof(struct drm_amdgpu_info, return_pointer);
    return put_behind(argument, place, question.return_size, &a, n) ? 0 : EFAULT;
}

/* libdrm asks twice: for the lengths, then with room for so much. */
static int do_version(UMockdevIoctlData *argument)
{
    static const char name[] = "amdgpu", date[] = "20150101", what[] = "AMD GPU";
    struct drm_version v;
    if (opt.version_fails)
        return EINVAL;
    memcpy(&v, argument->data, sizeof v);
    if (!put_behind(argument, offsetof(struct drm_version, name), v.name_len, name, strlen(name)) ||
        !put_behind(argument, offsetof(struct drm_version, date), v.date_len, date, strlen(date)) ||
        !put_behind(argument, offsetof(struct drm_version, desc), v.desc_len, what, strlen(what)))
        return EFAULT;
    /* Only the numbers: the testbed looks after the pointers. */
    v.version_major = 3;
    v.version_minor = 64;
    v.version_patchlevel = 0;
    v.name_len = strlen(name);
    v.date_len = strlen(date);
    v.desc_len = strlen(what);
    struct drm_version *out = (void *)argument->data;
    v.name = out->name;
    v.date = out->date;
    v.desc = out->desc;
    memcpy(out, &v, sizeof v);
    return 0;
}

static int do_client(UMockdevIoctlData *argument)
{
    struct drm_client *client = (void *)argument->data;
    client->auth = 1;
    return 0;
}

static int do_ioctl(UMockdevIoctlClient *client, gulong request)
{
    if (GPOINTER_TO_UINT(g_object_get_data(G_OBJECT(client), "plug")) != gpu.plug || !gpu.there)
        return ENODEV;
    if (_IOC_TYPE(request) != DRM_IOCTL_BASE)
        return ENOTTY;
    g_autoptr(UMockdevIoctlData) argument =
        umockdev_ioctl_data_resolve(umockdev_ioctl_client_get_arg(client), 0, _IOC_SIZE(request), NULL);
    if (argument == NULL)
        return EFAULT;
    /* Sizes differ between the versions of the headers, but not of these. */
    if (request == DRM_IOCTL_VERSION)
        return do_version(argument);
    if (request == DRM_IOCTL_GET_CLIENT)
        return do_client(argument);
    if (request == DRM_IOCTL_AMDGPU_INFO)
        return do_info(argument);
    return EINVAL;
}

static gboolean on_ioctl(UMockdevIoctlBase *base, UMockdevIoctlClient *client, gpointer user)
{
    (void)base;
    (void)user;
    g_mutex_lock(&gpu.lock);
    while (gpu.hanging)
        g_cond_wait(&gpu.goes_on, &gpu.lock);
    int error = do_ioctl(client, umockdev_ioctl_client_get_request(client));
    g_mutex_unlock(&gpu.lock);
    umockdev_ioctl_client_complete(client, error == 0 ? 0 : -1, error);
    return TRUE;
}

static void on_open(UMockdevIoctlBase *base, UMockdevIoctlClient *client, gpointer user)
{
    (void)base;
    (void)user;
    g_mutex_lock(&gpu.lock);
    g_object_set_data(G_OBJECT(client), "plug", GUINT_TO_POINTER(gpu.plug));
    log_line("open %s", umockdev_ioctl_client_get_devnode(client));
    g_mutex_unlock(&gpu.lock);
}

UMockdevIoctlBase *driver_new(void)
{
    UMockdevIoctlBase *driver = umockdev_ioctl_base_new();
    g_signal_connect(driver, "handle-ioctl", G_CALLBACK(on_ioctl), NULL);
    g_signal_connect(driver, "client-connected", G_CALLBACK(on_open), NULL);
    return driver;
}
