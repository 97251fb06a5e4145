/*
 * Moving data between URIs and directories. A struct stage holds what its calls
 * share: a client for the network, limits, how to notice a cancellation. One
 * thread owns it.
 *
 * Calls return an enum stage_result and append one line per failed thing to
 * `error`: "file:///data/x.fq: no such file". The result tells whose fault it
 * is; the text is for people.
 */
#ifndef STAGE_STAGE_H
#define STAGE_STAGE_H

#include "base/str.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum stage_result {
	STAGE_OK = 0,
	STAGE_NOT_FOUND,   /* a file, folder or match that is not there; HTTP 404, 410 */
	STAGE_DENIED,      /* permissions; HTTP 401, 403 and other refusals; not writable */
	STAGE_BAD_URI,     /* cannot be parsed, no transport for its scheme, a folder without '/' */
	STAGE_BAD_ARCHIVE, /* not an archive, damaged, or with an entry that leads outside */
	STAGE_LIMIT,       /* an archive beyond the limits */
	STAGE_CONFLICT,    /* two things want the same name */
	STAGE_NO_SPACE,    /* disk or quota full */
	STAGE_NETWORK,     /* the other side or the way to it; may work later */
	STAGE_IO,          /* this machine's disks and directories */
	STAGE_CANCELLED
};

/* "not found" and the like. */
const char *stage_result_text(enum stage_result r);
/* True for NO_SPACE, NETWORK and IO: another try or another machine may succeed. */
bool stage_result_infrastructure(enum stage_result r);

struct http;

struct stage {
	/* True once the work should stop. Asked often, must be cheap; may be NULL. */
	bool (*cancelled)(void *ctx);
	void *cancel_ctx;
	/* Told of every file and folder of the user that STAGE_LINK made a symbolic link to, by its
	   absolute path; may be NULL. */
	void (*linked)(void *ctx, const char *path);
	void *linked_ctx;

	/* Told now and then how much of a transfer is done, in bytes; total 0: not known. May be
	   NULL. */
	void (*progress)(void *ctx, uint64_t done, uint64_t total);
	void *progress_ctx;

	/* Limits of one archive, by what it unpacks to. */
	uint64_t max_bytes;   /* 16 TiB */
	uint64_t max_entries; /* 10,000,000 */

	/* Network: attempts at one file, each resuming where the last one stopped; the wait
	   before the second, doubled for each further one up to a minute. */
	unsigned attempts;      /* 5 */
	int retry_wait_ms;      /* 1,000 */
	int connect_timeout_ms; /* 10,000 */
	int stall_seconds;      /* 60: a transfer that stands still for so long is an error */

	/* What was done so far, for progress and statistics. */
	uint64_t bytes; /* copied, downloaded or unpacked */
	uint64_t files; /* put in place, links too */

	/* Private. */
	struct http *http;
	pthread_mutex_t
	        *placing; /* held while files get their names; NULL: nobody else does that */
	dev_t no_reflink; /* the file system that refused one, so that it is not asked again */
	bool no_reflink_known;
};

/* The values that the comments above give. */
void stage_init(struct stage *s);
void stage_release(struct stage *s);

#endif
