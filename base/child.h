/*
 * Helper programs that a thread runs and waits for: a container engine's pull, rclone. In
 * a session of its own, so that what it started ends with it; the kernel kills it when the
 * thread that runs it dies. It has no descriptor of ours. What it writes is handed on as it comes.
 *
 * SIGCHLD must not be ignored in this process, or its status is lost (-ECHILD).
 */
#ifndef BASE_CHILD_H
#define BASE_CHILD_H

#include "base/str.h"

#include <stdbool.h>

typedef void child_output_fn(void *ctx, const char *data, size_t n);

struct child {
	char *const *argv;    /* argv[0] is a path; see child_find() */
	char *const *environ; /* NULL: ours */
	int input;            /* descriptor that becomes its stdin; 0: /dev/null */
	/* Bytes of its stdout and stderr; NULL: dropped. */
	child_output_fn *out, *err;
	void *output_ctx;
	/* Asked ten times a second; true ends it by TERM, and by KILL a little later. NULL: never.
	 */
	bool (*cancelled)(void *ctx);
	void *cancel_ctx;
	int timeout_ms; /* 0: none */
};

/*
 * 0 and *status of wait(2), or -errno: it could not be started (ENOENT...), ECANCELED,
 * ETIMEDOUT. Whatever it is, nothing of its session runs any more that did not leave it.
 */
int child_run(const struct child *c, int *status);

/* A descriptor for `input` that gives these bytes, or -errno. */
int child_input(const char *data, size_t n);

/* The executable that PATH has for the name, a path as it is; false where there is none. */
bool child_find(const char *name, struct str *path);

/* An output function that appends to the struct str that is its context. */
child_output_fn child_keep;

#endif
