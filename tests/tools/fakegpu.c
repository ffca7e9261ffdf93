/* fakegpu: runs a command on a machine with one AMD APU, in a umockdev testbed: sysfs, /dev/dri nodes, and the answers
 * of the amdgpu driver to what the real libdrm_amdgpu asks.
 *
 *     umockdev-wrapper build/tests/tools/fakegpu [OPTIONS] -- COMMAND [ARGS…]
 *
 * The GPU is 0000:c5:00.0, 1002:1586 revision c1: card1, renderD128, hwmon3.  The command has our stdin, stdout, stderr
 * and terminal; its exit status is ours, 128 + N where signal N ended it.  TERM, INT, HUP, QUIT, USR1 and USR2 that a
 * process sends us go on to it (those of the terminal reach it anyway).
 *
 *     --gtt-total BYTES  --gtt-used BYTES  --vram-total BYTES  --vram-used BYTES
 *     --no-sysfs-memory    no mem_info_* files: only libdrm tells
 *     --no-sysfs-sensors   no files of sensors: hwmon, load, clocks, gpu_metrics
 *     --no-render          the nodes are there and may not be opened (EACCES)
 *     --version-fails      DRM_IOCTL_VERSION fails with EINVAL
 *     --accel-fails        acceleration does not work: amdgpu_device_initialize fails
 *     --sensor-fails N     sensor N of AMDGPU_INFO_SENSOR fails with EINVAL; can be repeated
 *     --control FILE       looked at every 50 ms; where it changed, all its whole lines hold again, from the first on:
 *                          gtt_used=BYTES vram_used=BYTES gpu_busy=PERCENT runtime_status=WORD remove restore
 *                          hang (ioctls do not return until) go-on
 *     --log FILE           a line is added for each "open NODE" (a duplicate is one, too), each AMDGPU_INFO query
 *                          ("info 0x19", "sensor 1") and each change that holds now ("control remove")
 *
 * Files change before the log says so, and all at once for an ioctl.  A descriptor from before "remove" stays dead
 * (ENODEV), also after "restore", as with a real unplug.
 *
 * FAKEGPU_PRELOAD_FIRST names a library to load before all others: libasan for a command that was built with it. */
#include "tools/fakegpu.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define CONTROL_MS 50

struct fake_gpu gpu = {
    .gtt_total = 56908316672, /* 53.0 GiB */
    .gtt_used = 42627399680,  /* 39.7 GiB */
    .vram_total = 536870912,
    .vram_used = 314572800,
    .busy = 97,
    .sclk_mhz = 2900,
    .mclk_mhz = 1000,
    .temp_mc = 61000,
    .power_w = 84,
    .gfx_mv = 1012,
    .nb_mv = 871,
};
struct fake_options opt;

static UMockdevTestbed *bed;
static char *control_seen; /* what the control file said last */

void fail(const char *what, const char *why)
{
    fprintf(stderr, "fakegpu: %s: %s\n", what, why);
    exit(1);
}

void log_line(const char *format, ...)
{
    if (gpu.log == NULL)
        return;
    va_list list;
    va_start(list, format);
    vfprintf(gpu.log, format, list);
    va_end(list);
    fputc('\n', gpu.log);
    fflush(gpu.log);
}

/* Under the lock. */
static void hang(bool on)
{
    gpu.hanging = on;
    if (!on)
        g_cond_broadcast(&gpu.goes_on);
}

/* ---- the control file ---- */

static bool apply_word(const char *line)
{
    if (strcmp(line, "remove") == 0) {
        if (gpu.there)
            sysfs_unplug();
        return true;
    }
    if (strcmp(line, "restore") == 0) {
        if (!gpu.there)
            sysfs_plug_in(bed);
        return true;
    }
    if (strcmp(line, "hang") == 0 || strcmp(line, "go-on") == 0) {
        hang(line[0] == 'h');
        return true;
    }
    return false;
}

/* A number that is wanted, and nothing behind it. */
static bool parse_number(const char *text, guint64 most, guint64 *value)
{
    return g_ascii_string_to_unsigned(text, 10, 0, most, value, NULL);
}

static bool apply_setting(const char *name, const char *value)
{
    guint64 number;
    if (strcmp(name, "runtime_status") == 0) {
        g_free(gpu.runtime_status);
        gpu.runtime_status = g_strdup(value);
        sysfs_refresh();
        return true;
    }
    if (!parse_number(value, G_MAXINT64, &number))
        return false;
    if (strcmp(name, "gtt_used") == 0)
        gpu.gtt_used = number;
    else if (strcmp(name, "vram_used") == 0)
        gpu.vram_used = number;
    else if (strcmp(name, "gpu_busy") == 0)
        gpu.busy = (guint32)number;
    else
        return false;
    sysfs_refresh();
    return true;
}

static void apply_line(char *line)
{
    g_autofree char *whole = g_strdup(line);
    char *equals = strchr(line, '=');
    if (equals != NULL)
        *equals = '\0';
    g_mutex_lock(&gpu.lock);
    if (equals != NULL ? apply_setting(line, equals + 1) : apply_word(line))
        log_line("control %s", whole);
    else
        fprintf(stderr, "fakegpu: control: no such line: %s\n", whole);
    g_mutex_unlock(&gpu.lock);
}

/* Looks at the bytes, not at the time of the file: two changes can have the same.  A line that has no end yet is still
 * being written. */
static gboolean on_control(gpointer user)
{
    (void)user;
    char *text;
    if (!g_file_get_contents(opt.control, &text, NULL, NULL))
        return G_SOURCE_CONTINUE;
    char *end = strrchr(text, '\n');
    *(end != NULL ? end + 1 : text) = '\0';
    if (g_strcmp0(text, control_seen) == 0) {
        g_free(text);
        return G_SOURCE_CONTINUE;
    }
    g_free(control_seen);
    control_seen = text;
    g_auto(GStrv) lines = g_strsplit(text, "\n", 0);
    for (char **line = lines; *line != NULL; line++)
        if (**line != '\0')
            apply_line(*line);
    return G_SOURCE_CONTINUE;
}

/* ---- the command ---- */

static volatile sig_atomic_t child; /* 0: there is none */
static const int passed_on[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};

/* The terminal sends its signals to the whole group, so to the command as well: those have SI_KERNEL. */
static void on_signal(int number, siginfo_t *info, void *context)
{
    (void)context;
    int kept = errno;
    if (child > 0 && info->si_code <= 0)
        kill(child, number);
    errno = kept;
}

static void on_exit_of_child(GPid pid, int status, gpointer user)
{
    (void)pid;
    child = 0;
    int *raw = ((void **)user)[0];
    *raw = status;
    g_main_loop_quit(((void **)user)[1]);
}

/* A sanitiser that opens its log before the testbed's library is ready spoils the testbed for the command: it reports to
 * stderr, and by its exit status. */
static char **without_log_path(char **env, const char *name)
{
    const char *options = g_environ_getenv(env, name);
    if (options == NULL)
        return env;
    g_auto(GStrv) words = g_strsplit(options, ":", -1);
    g_autoptr(GString) kept = g_string_new(NULL);
    for (char **w = words; *w != NULL; w++)
        if (!g_str_has_prefix(*w, "log_path="))
            g_string_append_printf(kept, "%s%s", kept->len > 0 ? ":" : "", *w);
    return g_environ_setenv(env, name, kept->str, TRUE);
}

/* The command's environment: it needs the shim as well, we do not. */
static char **command_environment(void)
{
    char **env = g_get_environ();
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *folder = self != NULL ? g_path_get_dirname(self) : g_strdup(".");
    g_autofree char *shim = g_build_filename(folder, "libdrmshim.so", NULL);
    const char *first = g_environ_getenv(env, "FAKEGPU_PRELOAD_FIRST");
    const char *before = g_environ_getenv(env, "LD_PRELOAD");
    if (access(shim, R_OK) != 0)
        fail(shim, g_strerror(errno));
    bool has_first = first != NULL && *first != '\0';
    g_autofree char *all =
        g_strconcat(has_first ? first : "", has_first ? ":" : "", shim, ":", before != NULL ? before : "", NULL);
    env = g_environ_setenv(env, "LD_PRELOAD", all, TRUE);
    env = without_log_path(env, "ASAN_OPTIONS");
    env = without_log_path(env, "TSAN_OPTIONS");
    if (opt.no_render)
        env = g_environ_setenv(env, "FAKEGPU_NO_RENDER", "1", TRUE);
    return env;
}

static void start(char **argv)
{
    g_auto(GStrv) env = command_environment();
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigset_t ours, before;
    sigemptyset(&ours);
    for (size_t i = 0; i < G_N_ELEMENTS(passed_on); i++)
        sigaddset(&ours, passed_on[i]);
    pthread_sigmask(SIG_BLOCK, &ours, &before); /* none is lost, and none comes while there is no child yet */
    pid_t pid = fork();
    if (pid < 0)
        fail("cannot start a process", g_strerror(errno));
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM); /* without us nothing answers it any more */
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        execvpe(argv[0], argv, env);
        fprintf(stderr, "fakegpu: cannot run '%s': %s\n", argv[0], g_strerror(errno));
        _exit(127);
    }
    child = pid;
    for (size_t i = 0; i < G_N_ELEMENTS(passed_on); i++)
        sigaction(passed_on[i], &action, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* Returns the command's exit status. */
static int run(char **argv)
{
    GMainLoop *loop = g_main_loop_new(NULL, FALSE);
    int raw = 0;
    void *results[] = {&raw, loop};
    start(argv);
    g_child_watch_add(child, on_exit_of_child, (gpointer)results);
    if (opt.control != NULL)
        g_timeout_add(CONTROL_MS, on_control, NULL);
    g_main_loop_run(loop);
    g_main_loop_unref(loop);
    return WIFEXITED(raw) ? WEXITSTATUS(raw) : 128 + WTERMSIG(raw);
}

/* ---- start ---- */

static void usage(void)
{
    fputs("usage: umockdev-wrapper fakegpu [--gtt-total BYTES] [--gtt-used BYTES] [--vram-total BYTES]\n"
          "       [--vram-used BYTES] [--no-sysfs-memory] [--no-sysfs-sensors] [--no-render]\n"
          "       [--version-fails] [--accel-fails] [--sensor-fails N]… [--control FILE] [--log FILE] -- COMMAND [ARGS…]\n",
          stderr);
    exit(2);
}

static guint64 number_or_usage(const char *text, guint64 most)
{
    guint64 value;
    if (!parse_number(text, most, &value))
        usage();
    return value;
}

enum { GTT_TOTAL = 1, GTT_USED, VRAM_TOTAL, VRAM_USED, SENSOR_FAILS, CONTROL, LOG, FLAG };

static void take_option(int option, const char *value)
{
    switch (option) {
    case GTT_TOTAL:
        gpu.gtt_total = number_or_usage(value, G_MAXINT64);
        break;
    case GTT_USED:
        gpu.gtt_used = number_or_usage(value, G_MAXINT64);
        break;
    case VRAM_TOTAL:
        gpu.vram_total = number_or_usage(value, G_MAXINT64);
        break;
    case VRAM_USED:
        gpu.vram_used = number_or_usage(value, G_MAXINT64);
        break;
    case SENSOR_FAILS:
        opt.failing_sensors |= 1u << number_or_usage(value, SENSORS - 1);
        break;
    case CONTROL:
        opt.control = value;
        break;
    case LOG:
        opt.log = value;
        break;
    default:
        usage();
    }
}

static void take_options(int argc, char **argv)
{
    int no_memory = 0, no_sensors = 0, no_render = 0, version = 0, accel = 0, option;
    const struct option table[] = {
        {"gtt-total", required_argument, NULL, GTT_TOTAL},
        {"gtt-used", required_argument, NULL, GTT_USED},
        {"vram-total", required_argument, NULL, VRAM_TOTAL},
        {"vram-used", required_argument, NULL, VRAM_USED},
        {"no-sysfs-memory", no_argument, &no_memory, 1},
        {"no-sysfs-sensors", no_argument, &no_sensors, 1},
        {"no-render", no_argument, &no_render, 1},
        {"version-fails", no_argument, &version, 1},
        {"accel-fails", no_argument, &accel, 1},
        {"sensor-fails", required_argument, NULL, SENSOR_FAILS},
        {"control", required_argument, NULL, CONTROL},
        {"log", required_argument, NULL, LOG},
        {NULL, 0, NULL, 0},
    };
    while ((option = getopt_long(argc, argv, "+", table, NULL)) >= 0)
        if (option > 0)
            take_option(option, optarg);
    if (optind >= argc)
        usage();
    opt.no_sysfs_memory = no_memory != 0;
    opt.no_sysfs_sensors = no_sensors != 0;
    opt.no_render = no_render != 0;
    opt.version_fails = version != 0;
    opt.accel_fails = accel != 0;
}

int main(int argc, char **argv)
{
    take_options(argc, argv);
    if (opt.log != NULL && (gpu.log = fopen(opt.log, "ae")) == NULL)
        fail(opt.log, g_strerror(errno));
    bed = umockdev_testbed_new();
    if (!umockdev_in_mock_environment()) { /* only known now that there is a testbed */
        g_object_unref(bed);
        fail("not in a testbed", "run it by umockdev-wrapper");
    }
    gpu.runtime_status = g_strdup("active");
    sysfs_plug_in(bed);
    UMockdevIoctlBase *driver = driver_new();
    g_autoptr(GError) error = NULL;
    if (!umockdev_testbed_attach_ioctl(bed, "/dev/dri/card1", driver, &error) ||
        !umockdev_testbed_attach_ioctl(bed, "/dev/dri/renderD128", driver, &error))
        fail("cannot answer ioctls", error->message);
    if (opt.control != NULL)
        on_control(NULL);
    int status = run(argv + optind);
    g_mutex_lock(&gpu.lock);
    hang(false); /* nobody waits for it any more */
    g_mutex_unlock(&gpu.lock);
    g_object_unref(driver);
    g_object_unref(bed);
    g_free(gpu.runtime_status);
    g_free(control_seen);
    return status;
}
