/* procfs: the shapes that /proc's folders and texts have in common.  A process may end at any moment: everything that
 * reads one says so by its return value, and nothing that was read before it ended belongs to another process. */
#ifndef TG_PROCFS_H
#define TG_PROCFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A plain whole number at *s, which then points behind it; false (and *s where it was) where there is none or it is
 * too large. */
bool procfs_take_number(const char **s, uint64_t *v);

/* The entries of a folder whose names are numbers, ascending; *list is the caller's to free, NULL where there are none. */
size_t procfs_pids(const char *folder, int **list);

/* The folder of one process, or −1. */
int procfs_open(const char *proc, int pid);

/* As much of a file below the folder `at` (or AT_FDCWD) as fits, with a NUL behind it; −1 (and "") where it cannot be read. */
ssize_t procfs_read(int at, const char *path, char *out, size_t size);

/* Calls fn for each open file of the process with its number and what it is a link to, until fn returns false.  Returns
 * 0, or the errno that kept it from looking: EACCES where it is somebody else's process. */
int procfs_each_fd(int process, bool (*fn)(void *ctx, const char *number, const char *target), void *ctx);

/* From the text of PID/stat: the parent, or −1. */
int procfs_parent(const char *stat);

#endif
