/*
 * The identity of every task of a submission, in the order of their numbers: a
 * task's inputs count by the bytes of files that were there before, and by the
 * identity of the producer for what an upstream task writes.
 */
#ifndef RUNTIME_IDENTITIES_H
#define RUNTIME_IDENTITIES_H

#include "model/identity.h"
#include "model/submission.h"
#include "runtime/digests.h"
#include "runtime/results.h"

#include <stdbool.h>

struct identities {
	const struct submission *submission;
	struct digests *digests;
	char (*text)[DIGEST_TEXT_SIZE - 1]; /* by task number, not NUL-terminated */
	uint32_t *output_len;               /* by task number, of its output URI */
	char rules[DIGEST_TEXT_SIZE];       /* of what decides no result, but who runs and how */
	struct results results;             /* collected on the way */
};

/*
 * Computes them all. False with a sentence in `error` where an input cannot be
 * read; nothing is left to release then.
 */
bool identities_compute(struct identities *ids, const struct submission *s, struct digests *digests,
                        struct str *error);
void identities_release(struct identities *ids);
/* One of them again, with its parts. The task was filled by the submission. */
bool identities_parts(const struct identities *ids, const struct submission_task *task,
                      struct identity *out, struct str *error);
/*
 * Whose output a removal deletes is said by the identity of that task: put it into the command of
 * task number i, in the arena. Other tasks are whole as the submission makes them.
 */
void identities_complete(const struct identities *ids, uint32_t i, struct submission_task *task,
                         struct arena *arena);
/* Digest of the whole plan: what two submissions must share to be the same run. */
void identities_plan_digest(const struct identities *ids, char text[DIGEST_TEXT_SIZE]);

#endif
