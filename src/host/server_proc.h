/* server_proc: the process behind a port of this machine, those it started, its command line and what that limits. */
#ifndef TG_SERVER_PROC_H
#define TG_SERVER_PROC_H

#include <stdbool.h>
#include <stddef.h>

#define SERVER_PIDS 64

struct server_proc {
    int pid;               /* 0: unknown */
    int pids[SERVER_PIDS]; /* pid, then its descendants, the near ones first */
    size_t pids_n;
    char why[96];          /* where the pid is unknown: one line */
    char proxy[32];        /* the listener only hands on to a container ("docker-proxy"): the server is not in pids */
    bool elsewhere;        /* … or to another machine ("ssh"): there is no pid, and why says so */
    char command[1024];    /* sanitised, quoted, secrets as "***"; empty: unknown */
    /* From the command line; NAN: not said there. */
    double max_num_seqs;   /* --max-num-seqs; llama.cpp's --parallel */
    double max_model_len;  /* --max-model-len; llama.cpp's --ctx-size, which its slots may have to share */
    double gpu_memory_utilization;
};

/* proc: usually "/proc".  Takes the listeners on the port at any local address, IPv4 and IPv6.  False, with the reason
 * in out->why, where no process was found. */
bool server_proc_find(const char *proc, int port, struct server_proc *out);

/* Pure: n bytes of /proc/PID/cmdline into command and limits; cut: there is more that was not read. */
void server_proc_read_command(const char *cmdline, size_t n, bool cut, struct server_proc *out);

#endif
