/* fakegpu: the GPU as the parts of the tool share it: fakegpu.c has the command and the control file, fakegpu_driver.c
 * the answers to ioctls, fakegpu_sysfs.c the files. */
#ifndef TG_TESTS_FAKEGPU_H
#define TG_TESTS_FAKEGPU_H

#include <stdbool.h>
#include <stdio.h>
#include <umockdev.h>

#define SENSORS 32 /* sensor numbers below this can be made to fail */

/* Answers come from the testbed's own thread, changes from the main one: the lock is held for either. */
struct fake_gpu {
    GMutex lock;
    guint64 gtt_total, gtt_used, vram_total, vram_used;
    guint32 busy, sclk_mhz, mclk_mhz, temp_mc, power_w, gfx_mv, nb_mv;
    char *runtime_status;
    guint plug; /* how often the device was plugged in */
    bool there;
    bool hanging; /* ioctls do not return */
    GCond goes_on;
    FILE *log; /* NULL: none */
};

struct fake_options {
    bool no_sysfs_memory, no_sysfs_sensors, no_render, version_fails, accel_fails;
    guint32 failing_sensors; /* a bit each */
    const char *control, *log;
};

extern struct fake_gpu gpu;
extern struct fake_options opt; /* set before the testbed starts */

/* Prints both and exits 1. */
void fail(const char *what, const char *why) G_GNUC_NORETURN;
/* Under the lock. */
void log_line(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* Answers as the driver of the GPU; the caller attaches it to the nodes. */
UMockdevIoctlBase *driver_new(void);

/* Make and remove the device: files, links, nodes.  All of these under the lock, unless nothing else runs yet. */
void sysfs_plug_in(UMockdevTestbed *testbed);
void sysfs_unplug(void);
/* Write the state again where it can have changed; nothing where there is no device. */
void sysfs_refresh(void);

#endif
