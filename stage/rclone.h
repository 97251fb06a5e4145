/*
 * rclone as a child process: which remotes there are, one run of it, what its failures mean.
 * Private to stage/; cloud.c is the transport that uses it.
 *
 * The configuration is the file that RCLONE_CONFIG names, else /etc/rclone.conf, else the user's.
 * Settings that the environment has for rclone (RCLONE_...) stay in effect.
 */
#ifndef STAGE_RCLONE_H
#define STAGE_RCLONE_H

#include "base/arena.h"
#include "stage/stage.h"

/* The name of the configured remote that is called so but for upper and lower case; NULL: none. */
const char *rclone_remote(const char *scheme, struct arena *arena);

struct rclone_run {
	const char *subject;      /* the URI, for messages */
	const char *const *words; /* behind "rclone", NULL-ended */
	const char *const *extra; /* "NAME=value" of the environment, NULL-ended; NULL: none */
	const char *input;        /* for its stdin; NULL: none */
	struct str *out;          /* gets its stdout; NULL: dropped */
};

/* STAGE_OK, or a line in `error` with what rclone said last. */
enum stage_result rclone_run(struct stage *s, const struct rclone_run *run, struct str *error);

#endif
