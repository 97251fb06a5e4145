/*
 * Sending a submission: the run with its batches and recruiters, then the tasks
 * that must run in bulks, each under an idempotency key, so that a bulk whose
 * answer was lost is sent again without creating anything twice.
 */
#ifndef RUNTIME_SUBMIT_H
#define RUNTIME_SUBMIT_H

#include "runtime/reuse.h"

struct submitted {
	int64_t run_id;
	bool joined;   /* a live run with the same plan was there */
	bool complete; /* of a joined run: all its tasks were there already */
	bool turned;   /* a joined run is debugged, or not any more, unlike before */
	uint32_t sent; /* tasks created now */
};

/* Whether a run with this plan goes on already, which submit_run() would join. False with the
   session's error set. */
bool submit_joins(struct session *s, const struct identities *ids, bool *joins);
/*
 * path is the file's absolute path; arguments as the run has them, NULL: none; debug: its tasks
 * wait for their user, as they do not otherwise, also where the run was there. False with the
 * session's error set.
 */
bool submit_run(struct submitted *out, struct session *s, const struct identities *ids,
                const struct reuse *reuse, const char *path, const char *arguments, bool debug);

#endif
