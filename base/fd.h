/*
 * File descriptors and whole files: partial reads and writes, EINTR, O_CLOEXEC
 * and durable replacement handled in one place. Errors are -errno.
 */
#ifndef BASE_FD_H
#define BASE_FD_H

#include "base/str.h"

#include <stddef.h>
#include <sys/types.h>

/* All n bytes, or -errno. */
int fd_write_all(int fd, const void *data, size_t n);
/* The same from that place of the file on, whatever the position of fd. */
int fd_write_all_at(int fd, const void *data, size_t n, off_t at);
/* Append everything up to end of file. */
int fd_read_all(int fd, struct str *out);
/* Up to n bytes, restarting on EINTR: bytes read, 0 at the end, or -errno. */
ssize_t fd_read(int fd, void *buf, size_t n);

int file_read(const char *path, struct str *out);
/*
 * Replace the file: written beside it, synced, renamed over it, directory synced.
 * A reader sees the old bytes or the new ones, also after a power cut.
 */
int file_replace(const char *path, const void *data, size_t n, mode_t mode);
/* mkdir -p. */
int dir_make(const char *path, mode_t mode);
/* What was made, renamed or removed in the directory is so after a power cut too. */
int dir_sync(const char *path);
/* The same of the directory that holds the path. */
int dir_sync_of(const char *path);
/* Where what is needed for a moment is put: TMPDIR, else /tmp. Borrowed from the environment. */
const char *temporary_place(void);
/* rm -rf without following symbolic links; missing is success. */
int tree_remove(const char *path);

#endif
