/*
 * One log of an execution on a server of scitq v1, which takes text, not bytes, and counts
 * characters: what the server has, and what of the bytes is still to become a character.
 */
#ifndef WORKER_V1_LOG_H
#define WORKER_V1_LOG_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct v1_log {
	uint64_t bytes; /* that came from the agent and need not come again */
	uint64_t chars; /* that the server has */
	char part[4];   /* the beginning of a character whose end has not come */
	size_t npart;
	bool unsure;  /* the last text was not answered */
	size_t tried; /* then: bytes that it was made of */
};

/*
 * Append bytes as text, what is none as U+FFFD; the number of characters. An end that may
 * be completed is left in log->part unless `last`.
 */
uint64_t v1_log_text(struct v1_log *log, const char *data, size_t n, bool last, struct str *out);

#endif
