/*
 * Which tasks of a submission need not run: an earlier task with the same
 * identity succeeded, wrote to the same place, and its files still stand there
 * unchanged. And for those that run again, why.
 *
 * Where the files are deleted once they are consumed, a task has done what it is for when all that
 * take from it need not run; it runs again with the first of them that does.
 */
#ifndef RUNTIME_REUSE_H
#define RUNTIME_REUSE_H

#include "runtime/identities.h"
#include "runtime/session.h"

/* Why a task is not even looked for. */
enum anew { ANEW_NOT, ANEW_ITSELF, ANEW_BELOW };

struct reuse {
	int64_t *task_id; /* by task number: the earlier task, 0 where it must run */
	uint32_t count;   /* tasks reused */
	bool fresh;       /* nor may use_cache take anything */
	uint8_t *anew;    /* by task number, of enum anew */
	/* By task number, whether or not its files still stand; NULL where nothing is removed. */
	int64_t *before;
};

/* False with the session's error set. */
bool reuse_find(struct reuse *r, struct session *s, const struct identities *ids);
/* None: as if nothing had run before. */
void reuse_none(struct reuse *r, uint32_t task_count);
void reuse_release(struct reuse *r);
/*
 * Before the others run: what an earlier run wrote where they will write is removed,
 * and, where `tell` is set, it is said per step which of them differ and in what. False
 * with the session's error set.
 */
bool reuse_prepare(const struct reuse *r, struct session *s, const struct identities *ids,
                   bool tell);

#endif
