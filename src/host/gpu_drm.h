/* gpu_drm: an AMD GPU by libdrm and its render node.  Opening the node and every call on it wake a sleeping GPU: the
 * caller looks at its state first. */
#ifndef TG_GPU_DRM_H
#define TG_GPU_DRM_H

#include "host/gpu.h"

struct gpu_drm;

/* NULL with the reason (WHY_SIZE bytes): no such node, no permission, not amdgpu's.  Completes name and apu of the id. */
struct gpu_drm *gpu_drm_open(const char *dev_root, struct gpu_id *id, char *why);
void gpu_drm_close(struct gpu_drm *d); /* NULL: nothing */

/* Fills those values that are still unknown. */
void gpu_drm_memory(struct gpu_drm *d, struct gpu_reading *out);
void gpu_drm_sensors(struct gpu_drm *d, struct gpu_reading *out);

#endif
