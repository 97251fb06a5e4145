/* The files of one control group. For those who make groups, and who look at those of others. */
#ifndef WORKER_CGROUP_FILE_H
#define WORKER_CGROUP_FILE_H

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

/* 0 or -errno. */
int cgroup_write_file(const char *dir, const char *name, const char *text);
int cgroup_write_number(const char *dir, const char *name, uint64_t value);
bool cgroup_read_text(const char *dir, const char *name, struct str *text);
/* The number in a file, behind `key` and a blank where there is a key; 0 where it is not there. */
uint64_t cgroup_read_number(const char *dir, const char *name, const char *key);
/* Bytes that its processes hold: not what the kernel only keeps of files. 0 where it does not say.
 */
uint64_t cgroup_read_held(const char *dir, bool unified);
/*
 * When to look again at a group of what began then: often at first, once a second later, so that
 * little of a short task escapes and a long one costs nothing. Monotonic nanoseconds.
 */
int64_t cgroup_sample_next(int64_t begun_ns, int64_t now_ns);

#endif
