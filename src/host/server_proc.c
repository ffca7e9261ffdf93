#include "host/server_proc.h"
#include "buf.h"
#include "fmt.h"
#include "host/procfs.h"
#include "mask.h"
#include "util.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SOCKETS_MAX 64  /* workers may have a listening socket each */
#define HOLDERS_MAX 256
#define WORDS_MAX 4096
#define COMMAND_BYTES 65536

/* ---- the command line ---- */

/* The value that word i gives to the option, or NULL.  Underscores are as good as hyphens (vLLM takes both). */
static const char *value_of(char *const *words, size_t n, size_t i, const char *option)
{
    const char *w = words[i];
    for (; *option != '\0'; option++, w++)
        if (*w != *option && !(*w == '_' && *option == '-'))
            return NULL;
    if (*w == '=')
        return w + 1;
    return *w == '\0' && i + 1 < n ? words[i + 1] : NULL;
}

/* "256", and as vLLM counts them: "32k" is 32 000 and "32K" 32 768.  NAN for "auto", 0 and −1: the server decides. */
static double whole(const char *value)
{
    static const struct {
        char letter;
        double factor;
    } units[] = {{'k', 1e3}, {'m', 1e6}, {'g', 1e9}, {'K', 0x1p10}, {'M', 0x1p20}, {'G', 0x1p30}};
    char digits[32];
    size_t n = strlen(value);
    double factor = 1, v;
    for (size_t i = 0; n > 0 && factor < 2 && i < ARRAY_LEN(units); i++)
        if (value[n - 1] == units[i].letter) {
            factor = units[i].factor;
            n--;
        }
    if (n >= sizeof digits)
        return (double)NAN;
    memcpy(digits, value, n);
    digits[n] = '\0';
    if (!parse_double(digits, &v) || v <= 0 || v * factor > 1e12 || v * factor != floor(v * factor))
        return (double)NAN;
    return v * factor;
}

static double share(const char *value)
{
    double v;
    return parse_double(value, &v) && v > 0 && v <= 1 ? v : (double)NAN;
}

/* Its short options are other things elsewhere: python -c, slirp4netns -c. */
static bool is_llama(const char *program)
{
    const char *slash = strrchr(program, '/');
    const char *name = slash != NULL ? slash + 1 : program;
    return str_starts(name, "llama") || strcmp(name, "server") == 0;
}

/* Of an option that is given twice the last one counts. */
static void read_limits(char *const *words, size_t n, struct server_proc *out)
{
    static const struct {
        const char *option;
        bool llama;
        size_t offset;
    } table[] = {{"--max-num-seqs", false, offsetof(struct server_proc, max_num_seqs)},
                 {"--parallel", true, offsetof(struct server_proc, max_num_seqs)},
                 {"-np", true, offsetof(struct server_proc, max_num_seqs)},
                 {"--max-model-len", false, offsetof(struct server_proc, max_model_len)},
                 {"--ctx-size", true, offsetof(struct server_proc, max_model_len)},
                 {"-c", true, offsetof(struct server_proc, max_model_len)}};
    bool llama = n > 0 && is_llama(words[0]);
    for (size_t i = 1; i < n; i++) {
        for (size_t k = 0; k < ARRAY_LEN(table); k++) {
            const char *v = !table[k].llama || llama ? value_of(words, n, i, table[k].option) : NULL;
            void *limit = (char *)out + table[k].offset;
            if (v != NULL)
                *(double *)limit = whole(v);
        }
        const char *v = value_of(words, n, i, "--gpu-memory-utilization");
        if (v != NULL)
            out->gpu_memory_utilization = share(v);
    }
}

void server_proc_read_command(const char *cmdline, size_t n, bool cut, struct server_proc *out)
{
    out->max_num_seqs = out->max_model_len = out->gpu_memory_utilization = (double)NAN;
    while (n > 0 && cmdline[n - 1] == '\0') /* programs that write a title over their arguments leave many */
        n--;
    size_t room = 3 * n + WORDS_MAX; /* a byte that is no UTF-8 becomes three */
    char *text = xmalloc(room), **words = xmalloc(WORDS_MAX * sizeof *words), *to = text;
    size_t count = 0;
    for (size_t i = 0; i < n && count < WORDS_MAX; count++) {
        size_t length = strnlen(cmdline + i, n - i);
        words[count] = to;
        str_sanitise(to, room - (size_t)(to - text), cmdline + i, length);
        to += strlen(to) + 1;
        i += length + 1;
    }
    mask_command_line(words, count, out->command, sizeof out->command);
    read_limits(words, cut && count > 0 ? count - 1 : count, out);
    free(words);
    free(text);
}

static void read_command(const char *proc, int pid, struct server_proc *out)
{
    char path[512], *text = xmalloc(COMMAND_BYTES + 1);
    snprintf(path, sizeof path, "%s/%d/cmdline", proc, pid);
    ssize_t n = procfs_read(AT_FDCWD, path, text, COMMAND_BYTES + 1);
    server_proc_read_command(text, n > 0 ? (size_t)n : 0, n == COMMAND_BYTES, out);
    free(text);
}

/* ---- the sockets ---- */

struct sockets {
    uint64_t inode[SOCKETS_MAX];
    size_t n;
    uint64_t uid; /* of the first */
};

/* One line of net/tcp: "0: 0100007F:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000 1000 0 12345 …". */
static void see_socket(char *line, int port, struct sockets *s)
{
    enum { LOCAL = 1, STATE = 3, UID = 7, INODE = 9, FIELDS };
    char *field[FIELDS] = {0}, *rest = line;
    for (size_t i = 0; i < FIELDS; i++)
        if ((field[i] = strtok_r(i == 0 ? line : NULL, " \n", &rest)) == NULL)
            return;
    const char *colon = strchr(field[LOCAL], ':'), *uid = field[UID], *inode = field[INODE];
    char wanted[8];
    uint64_t owner, number;
    snprintf(wanted, sizeof wanted, "%04X", (unsigned)port);
    if (colon == NULL || strcmp(colon + 1, wanted) != 0 || strcmp(field[STATE], "0A") != 0 /* listens */ ||
        !procfs_take_number(&uid, &owner) || !procfs_take_number(&inode, &number) || number == 0 || s->n == SOCKETS_MAX)
        return;
    if (s->n == 0)
        s->uid = owner;
    s->inode[s->n++] = number;
}

static bool find_sockets(const char *proc, int port, struct sockets *s)
{
    static const char *const tables[] = {"tcp", "tcp6"};
    struct buf line;
    bool read = false;
    buf_init(&line, 1024);
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        char path[512];
        bool whole, whole_before = true;
        snprintf(path, sizeof path, "%s/net/%s", proc, tables[i]);
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* not to be held up by what is no file of the kernel */
        FILE *f = fd >= 0 ? fdopen(fd, "r") : NULL;
        if (f == NULL) {
            if (fd >= 0)
                close(fd);
            continue;
        }
        read = true;
        for (; buf_read_line(f, &line, &whole); whole_before = whole)
            if (whole && whole_before)
                see_socket(line.data, port, s);
        fclose(f);
    }
    buf_release(&line);
    return read;
}

/* ---- the processes ---- */

struct kin {
    int pid, parent;
};

/* All processes as they were at one moment, ascending. */
struct family {
    struct kin *v;
    size_t n;
};

static void family_read(const char *proc, struct family *f)
{
    int *pids;
    size_t n = procfs_pids(proc, &pids);
    f->v = xcalloc(n, sizeof *f->v);
    f->n = 0;
    for (size_t i = 0; i < n; i++) {
        char path[512], text[512];
        snprintf(path, sizeof path, "%s/%d/stat", proc, pids[i]);
        procfs_read(AT_FDCWD, path, text, sizeof text);
        f->v[f->n++] = (struct kin){pids[i], procfs_parent(text)};
    }
    free(pids);
}

static int compare_kin(const void *key, const void *kin)
{
    int pid = *(const int *)key, other = ((const struct kin *)kin)->pid;
    return (pid > other) - (pid < other);
}

static bool descends(const struct family *f, int pid, int from)
{
    for (size_t steps = 0; steps < f->n; steps++) { /* pids are used again: what was read may hold a circle */
        const struct kin *k = bsearch(&pid, f->v, f->n, sizeof *k, compare_kin);
        if (k == NULL || k->parent <= 0)
            return false;
        if (k->parent == from)
            return true;
        pid = k->parent;
    }
    return false;
}

static void add_descendants(const struct family *f, struct server_proc *out)
{
    out->pids[0] = out->pid;
    out->pids_n = 1;
    for (size_t at = 0; at < out->pids_n; at++)
        for (size_t i = 0; i < f->n && out->pids_n < SERVER_PIDS; i++) {
            bool had = f->v[i].parent != out->pids[at];
            for (size_t k = 0; k < out->pids_n && !had; k++)
                had = out->pids[k] == f->v[i].pid;
            if (!had)
                out->pids[out->pids_n++] = f->v[i].pid;
        }
}

struct search {
    const struct sockets *sockets;
    bool found;
};

static bool see_fd(void *ctx, const char *number, const char *target)
{
    (void)number;
    struct search *s = ctx;
    static const char intro[] = "socket:[";
    const char *p = target + sizeof intro - 1;
    uint64_t inode;
    if (!str_starts(target, intro) || !procfs_take_number(&p, &inode) || strcmp(p, "]") != 0)
        return true;
    for (size_t i = 0; i < s->sockets->n && !s->found; i++)
        s->found = s->sockets->inode[i] == inode;
    return !s->found;
}

/* Those that hold one of the sockets, ascending. */
static size_t find_holders(const char *proc, const struct family *f, const struct sockets *sockets, int holders[HOLDERS_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < f->n && n < HOLDERS_MAX; i++) {
        struct search s = {.sockets = sockets};
        int process = procfs_open(proc, f->v[i].pid);
        if (process < 0)
            continue;
        procfs_each_fd(process, see_fd, &s);
        close(process);
        if (s.found)
            holders[n++] = f->v[i].pid;
    }
    return n;
}

/* Workers share the socket of the one that made them. */
static int eldest(const struct family *f, const int *holders, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bool all = true;
        for (size_t k = 0; k < n && all; k++)
            all = k == i || descends(f, holders[k], holders[i]);
        if (all)
            return holders[i];
    }
    return holders[0];
}

/* ---- ports of containers and of other machines ---- */

static const char *const proxies[] = {"docker-proxy", "rootlessport", "rootlesskit", "slirp4netns",
                                      "pasta",        "passt",        "conmon",      "wslrelay"};
/* ssh -L, ssh -R from the other side, kubectl port-forward, … */
static const char *const tunnels[] = {"ssh", "sshd", "dbclient", "kubectl", "oc", "k9s", "tsh", "session-manager"};

/* Which of the n names the process has, or NULL.  passt calls itself passt.avx2, the kernel cuts rootlessport-child. */
static const char *name_among(const char *proc, int pid, const char *const *names, size_t n)
{
    char path[512], comm[64];
    snprintf(path, sizeof path, "%s/%d/comm", proc, pid);
    procfs_read(AT_FDCWD, path, comm, sizeof comm);
    comm[strcspn(comm, "\n")] = '\0';
    for (size_t i = 0; i < n; i++) {
        size_t length = strlen(names[i]);
        if (strncmp(comm, names[i], length) == 0 && (comm[length] == '\0' || comm[length] == '.' || comm[length] == '-'))
            return names[i];
    }
    return NULL;
}

/* Docker's proxy belongs to root, but its command line is everybody's to read: "docker-proxy -host-port 8000 …". */
static void find_foreign_proxy(const char *proc, const struct family *f, int port, struct server_proc *out)
{
    for (size_t i = 0; i < f->n; i++) {
        const char *name = name_among(proc, f->v[i].pid, proxies, ARRAY_LEN(proxies));
        char path[512], text[1024], wanted[32];
        if (name == NULL || strcmp(name, "docker-proxy") != 0)
            continue;
        snprintf(path, sizeof path, "%s/%d/cmdline", proc, f->v[i].pid);
        ssize_t n = procfs_read(AT_FDCWD, path, text, sizeof text);
        int k = snprintf(wanted, sizeof wanted, "-host-port%c%d", '\0', port) + 1;
        if (n > 0 && memmem(text, (size_t)n + 1, wanted, (size_t)k) != NULL)
            str_copy(out->proxy, sizeof out->proxy, name);
    }
}

static void say_why(struct server_proc *out, int port, uint64_t uid)
{
    if (geteuid() != 0 && uid != geteuid())
        snprintf(out->why, sizeof out->why, "the process that listens on port %d belongs to another user (uid %llu)", port,
                 (unsigned long long)uid);
    else
        snprintf(out->why, sizeof out->why, "the process that listens on port %d cannot be seen from here", port);
}

/* The process that listens, or what it is that only hands on. */
static void see_listener(const char *proc, const struct family *f, int pid, int port, struct server_proc *out)
{
    const char *tunnel = name_among(proc, pid, tunnels, ARRAY_LEN(tunnels));
    const char *proxy = tunnel != NULL ? tunnel : name_among(proc, pid, proxies, ARRAY_LEN(proxies));
    str_copy(out->proxy, sizeof out->proxy, proxy != NULL ? proxy : "");
    out->elsewhere = tunnel != NULL;
    if (out->elsewhere) {
        snprintf(out->why, sizeof out->why, "%s listens on port %d: the server itself is on another machine", tunnel, port);
        return;
    }
    out->pid = pid;
    add_descendants(f, out);
    read_command(proc, pid, out);
}

static void find_process(const char *proc, int port, const struct sockets *sockets, struct server_proc *out)
{
    struct family f;
    int holders[HOLDERS_MAX];
    family_read(proc, &f);
    size_t n = find_holders(proc, &f, sockets, holders);
    if (n > 0) {
        see_listener(proc, &f, eldest(&f, holders, n), port, out);
    } else {
        find_foreign_proxy(proc, &f, port, out);
        say_why(out, port, sockets->uid);
    }
    free(f.v);
}

bool server_proc_find(const char *proc, int port, struct server_proc *out)
{
    struct sockets sockets = {0};
    *out = (struct server_proc){.max_num_seqs = (double)NAN, .max_model_len = (double)NAN, .gpu_memory_utilization = (double)NAN};
    if (port < 1 || port > 65535)
        snprintf(out->why, sizeof out->why, "there is no port %d", port);
    else if (!find_sockets(proc, port, &sockets))
        snprintf(out->why, sizeof out->why, "cannot read the list of sockets in %.40s/net/tcp", proc);
    else if (sockets.n == 0)
        snprintf(out->why, sizeof out->why, "nothing on this machine listens on port %d", port);
    else
        find_process(proc, port, &sockets, out);
    return out->pid != 0;
}
