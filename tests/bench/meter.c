/* meter: runs a command and says what it cost, from outside, by the same ruler for every program.
 *
 *   meter [--out FILE] [--limit S] COMMAND…
 *       one JSON line (to FILE, else stderr): status, wall_s, cpu_s, rss_kb (peak of the process)
 *   meter --pty COLSxROWS [--until TEXT] [--keys TEXT] [--after S --over S] … COMMAND…
 *       the command gets a terminal whose output is read and thrown away.  first_ms: from fork to TEXT in the
 * output (without --until: to the first byte); then the keys are pressed; window_cpu_s: CPU time of the
 * process during `over` seconds that begin `after` seconds later.  The command is ended by SIGTERM when all
 * that is known.
 *   meter --request … COMMAND… http://127.0.0.1:PORT …
 *       a port is opened, whose number stands in for the word PORT.  first_ms: from fork to the first bytes that a client
 * writes there; then the command is ended.  Nobody answers it. */
#include "buf.h"
#include "clock.h"
#include "fmt.h"
#include "util.h"

#include <errno.h>
#include <arpa/inet.h>
#include <getopt.h>
#include <math.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define KEEP 65536 /* of the output, where the text is looked for */

static struct {
    const char *out, *until, *keys;
    struct winsize size; /* ws_col 0: no terminal */
    double limit_s, after_s, over_s;
    bool request;
} opt = {.limit_s = 600};

static pid_t child;

static double process_cpu_s(void)
{
    clockid_t id;
    struct timespec t;
    if (clock_getcpuclockid(child, &id) != 0 || clock_gettime(id, &t) != 0)
        return (double)NAN;
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* True when the text has been seen; what was read is thrown away but for its end. */
static bool look_for_text(struct buf *seen, const char *bytes, size_t n)
{
    if (seen->len + n > seen->max)
        buf_drop(seen, MIN_OF(seen->len, n));
    buf_add(seen, bytes, n);
    return opt.until == NULL || memmem(seen->data, seen->len, opt.until, strlen(opt.until)) != NULL;
}

struct result {
    double first_ms, window_s, window_cpu_s;
};

/* The terminal's side: reads until the child has gone, or until everything that was asked for is known. */
static void watch_terminal(int fd, int64_t begin, struct result *r)
{
    struct buf seen;
    buf_init(&seen, KEEP);
    int64_t first = 0, window = 0;
    double cpu = 0;
    for (;;) {
        char bytes[KEEP / 4];
        struct pollfd p = {.fd = fd, .events = POLLIN};
        ssize_t n = poll(&p, 1, 10) > 0 ? read(fd, bytes, sizeof bytes) : 0;
        int64_t now = clock_ns();
        if (n < 0 || (double)(now - begin) / 1e9 > opt.limit_s)
            break;
        if (first == 0 && n > 0 && look_for_text(&seen, bytes, (size_t)n)) {
            first = now;
            r->first_ms = (double)(now - begin) / 1e6;
            if (opt.keys != NULL && write(fd, opt.keys, strlen(opt.keys)) < 0)
                break;
        }
        double since = first > 0 ? (double)(now - first) / 1e9 : -1;
        if (window == 0 && since >= opt.after_s) {
            window = now;
            cpu = process_cpu_s();
        }
        if (window > 0 && (double)(now - window) / 1e9 >= opt.over_s) {
            r->window_s = (double)(now - window) / 1e9;
            r->window_cpu_s = process_cpu_s() - cpu;
            break;
        }
    }
    buf_release(&seen);
}

/* ---- the port ---- */

static int open_port(int *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(fd, 8) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) != 0)
        die("no port: %s", strerror(errno));
    *port = ntohs(at.sin_port);
    return fd;
}

/* PORT in the command's words becomes the number. */
static void name_port(char **words, int port)
{
    for (; *words != NULL; words++) {
        const char *at = strstr(*words, "PORT");
        if (at == NULL)
            continue;
        size_t size = strlen(*words) + 8;
        char *word = xmalloc(size);
        snprintf(word, size, "%.*s%d%s", (int)(at - *words), *words, port, at + 4);
        *words = word;
    }
}

/* Waits for who connects and writes first. */
static void watch_port(int fd, int64_t begin, struct result *r)
{
    struct pollfd p[8] = {{.fd = fd, .events = POLLIN}};
    nfds_t n = 1;
    while (isnan(r->first_ms) && (double)(clock_ns() - begin) / 1e9 < opt.limit_s) {
        if (poll(p, n, 100) <= 0)
            continue;
        int64_t now = clock_ns();
        for (nfds_t i = 1; i < n; i++)
            if (p[i].revents & POLLIN)
                r->first_ms = (double)(now - begin) / 1e6;
        if ((p[0].revents & POLLIN) && n < ARRAY_LEN(p))
            p[n++] = (struct pollfd){.fd = accept(fd, NULL, NULL), .events = POLLIN};
    }
    for (nfds_t i = 1; i < n; i++)
        close(p[i].fd);
    close(fd);
}

static void on_alarm(int sig)
{
    (void)sig;
    kill(child, SIGTERM);
}

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static void report(const struct result *r, int64_t wall_ns, int status, const struct rusage *ru)
{
    FILE *f = opt.out != NULL ? fopen(opt.out, "we") : stderr;
    if (f == NULL)
        die("%s: %s", opt.out, strerror(errno));
    char first[FMT_SIZE], window[FMT_SIZE], cpu[FMT_SIZE];
    fprintf(f,
            "{\"status\":%d,\"wall_s\":%.4f,\"cpu_s\":%.3f,\"rss_kb\":%ld,\"first_ms\":%s,\"window_s\":%s,"
            "\"window_cpu_s\":%s}\n",
            WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), (double)wall_ns / 1e9,
            seconds(ru->ru_utime) + seconds(ru->ru_stime), ru->ru_maxrss, fmt_json(first, r->first_ms, 2),
            fmt_json(window, r->window_s, 3), fmt_json(cpu, r->window_cpu_s, 6));
    if (f != stderr)
        fclose(f);
}

static void usage(void)
{
    fputs("usage: meter [--out FILE] [--limit S] [--pty COLSxROWS [--until TEXT] [--keys TEXT] [--after S] "
          "[--over S] | --request] "
          "COMMAND…\n",
          stderr);
    exit(2);
}

static void parse_options(int argc, char **argv)
{
    static const struct option table[] = {
        {"out", required_argument, NULL, 'o'},  {"limit", required_argument, NULL, 'l'},
        {"pty", required_argument, NULL, 'p'},  {"until", required_argument, NULL, 'u'},
        {"keys", required_argument, NULL, 'k'}, {"after", required_argument, NULL, 'a'},
        {"over", required_argument, NULL, 'w'}, {"request", no_argument, NULL, 'r'},
        {NULL, 0, NULL, 0},
    };
    for (int o; (o = getopt_long(argc, argv, "+", table, NULL)) != -1;) {
        double *number = o == 'l' ? &opt.limit_s : o == 'a' ? &opt.after_s : o == 'w' ? &opt.over_s : NULL;
        const char **text = o == 'o' ? &opt.out : o == 'u' ? &opt.until : o == 'k' ? &opt.keys : NULL;
        if (number != NULL && parse_double(optarg, number))
            continue;
        if (text != NULL) {
            *text = optarg;
            continue;
        }
        if (o == 'r') {
            opt.request = true;
            continue;
        }
        char *rows;
        if (o != 'p')
            usage();
        opt.size.ws_col = (unsigned short)strtoul(optarg, &rows, 10);
        opt.size.ws_row = (unsigned short)strtoul(*rows == 'x' ? rows + 1 : "", NULL, 10);
        if (opt.size.ws_col == 0 || opt.size.ws_row == 0)
            usage();
    }
    if (optind == argc)
        usage();
}

int main(int argc, char **argv)
{
    parse_options(argc, argv);
    struct result r = {(double)NAN, (double)NAN, (double)NAN};
    int terminal = -1, port = 0, listener = opt.request ? open_port(&port) : -1;
    if (opt.request)
        name_port(argv + optind, port);
    int64_t begin = clock_ns();
    child = opt.size.ws_col > 0 ? forkpty(&terminal, NULL, NULL, &opt.size) : fork();
    if (child < 0)
        die("fork: %s", strerror(errno));
    if (child == 0) {
        if (opt.size.ws_col > 0 && getenv("TERM") == NULL)
            setenv("TERM", "xterm-256color", 1);
        execvp(argv[optind], argv + optind);
        perror(argv[optind]);
        _exit(127);
    }
    if (terminal >= 0) {
        watch_terminal(terminal, begin, &r);
        kill(child, SIGTERM);
    } else if (opt.request) {
        watch_port(listener, begin, &r);
        kill(child, SIGTERM);
    } else {
        sigaction(SIGALRM, &(struct sigaction){.sa_handler = on_alarm, .sa_flags = SA_RESTART}, NULL);
        alarm((unsigned)ceil(opt.limit_s));
    }
    int status = 0;
    struct rusage ru;
    while (wait4(child, &status, terminal >= 0 ? WNOHANG : 0, &ru) == 0) {
        char bytes[4096]; /* a child that still writes to a full terminal would never end */
        struct pollfd p = {.fd = terminal, .events = POLLIN};
        if (poll(&p, 1, 10) > 0 && read(terminal, bytes, sizeof bytes) < 0)
            poll(NULL, 0, 10);
    }
    report(&r, clock_ns() - begin, status, &ru);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
