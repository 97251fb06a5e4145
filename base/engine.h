/*
 * The program that runs containers on this machine, and what its operator allows tasks:
 * podman or docker, found on PATH or set in the worker's file,
 *
 *	# /etc/scitq-worker.conf, or the file that SCITQ_WORKER_CONF names
 *	container_engine = /usr/bin/podman
 *	container_allow = --volume=/scratch --privileged
 *
 * read by scitq-worker, and by scitq-run before it starts its own.
 */
#ifndef BASE_ENGINE_H
#define BASE_ENGINE_H

#include "base/str.h"

#include <stdbool.h>

#define ENGINE_CONF "/etc/scitq-worker.conf"

struct engine {
	struct str program; /* a path; "" where there is none */
	struct str missing; /* then: a sentence that says what was looked for */
	struct str allow;   /* container_allow: words, see worker/container_options.h */
};

/* False with a sentence in `why` where the file cannot be read or understood. No engine is no
 * error.
 */
bool engine_init(struct engine *e, struct str *why);
void engine_release(struct engine *e);
/* Whether the program has docker's command line; else podman's. */
bool engine_is_docker(const char *program);

#endif
