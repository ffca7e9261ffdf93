/* sysfs: bounded reads of small files of the kernel, each from its beginning, with the reason where there is no value.
 * The roots are arguments so that tests can point at trees of files. */
#ifndef TG_SYSFS_H
#define TG_SYSFS_H

#include <stdbool.h>
#include <stddef.h>

#define WHY_SIZE 48

struct host_roots {
    const char *proc, *sys, *dev; /* usually "/proc", "/sys", "/dev" */
};
extern const struct host_roots host_roots_real;

/* Reads the file ROOT/PATH to its end, or until `size` bytes are full; returns how many bytes it has (may be binary), −1
 * with errno and with the reason in why (WHY_SIZE bytes; may be NULL). */
long sysfs_bytes(const char *root, const char *path, void *out, size_t size, char *why);
/* … as text: NUL behind it, cut at the first NUL byte. */
bool sysfs_text(const char *root, const char *path, char *out, size_t size, char *why);
/* A file that is read many times a second: it stays open in between.  All zero: not open yet. */
struct sysfs_file {
    bool is_open;
    int fd;
};
/* … as text, in one read: for what the kernel gives whole at the first (an attribute of sysfs, /proc/meminfo; kernel:
 * Documentation/filesystems/sysfs.rst, and fs/seq_file.c of a file with one record).  kept may be NULL; it must always be given
 * the same path, and is opened anew where that file has gone or is another one. */
bool sysfs_value(struct sysfs_file *kept, const char *root, const char *path, char *out, size_t size, char *why);
void sysfs_close(struct sysfs_file *kept);
/* One number that is not negative, with nothing but white space behind it; NAN with the reason where there is none. */
double sysfs_number(const char *root, const char *path, char *why);
double sysfs_number_kept(struct sysfs_file *kept, const char *root, const char *path, char *why);
/* The reason in few words: "no such file", "permission denied". */
void sysfs_why(char *why, int error);

#endif
