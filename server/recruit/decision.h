/*
 * What a recruiter decides, from numbers alone: nothing here reads a row or a clock.
 * recruit.c finds the numbers and does what is decided.
 */
#ifndef SERVER_RECRUIT_DECISION_H
#define SERVER_RECRUIT_DECISION_H

#include "base/str.h"
#include "model/resources.h"

#include <jansson.h>

/* Why it recruits no more than it does. F(NAME, word). To add one: a row here, its sentence in
   decision.c, a line in docs/recruiters.md. */
#define DECISION_REASONS(F)                                                                        \
	F(SATISFIED, "satisfied") /* it recruits all that are needed */                            \
	F(NO_TASKS, "no_tasks")                                                                    \
	F(MINIMUM_TASKS, "minimum_tasks")                                                          \
	F(MAXIMUM_WORKERS, "maximum_workers")                                                      \
	F(ENOUGH, "enough")             /* the workers that are there will do */                   \
	F(STOPPED, "stopped")           /* nothing of the batch is granted */                      \
	F(INVALID, "invalid")           /* its flavor cannot be read */                            \
	F(RECYCLE_ONLY, "recycle_only") /* it only takes over, and nobody else is free */          \
	F(RUN_LIMIT, "run_limit")                                                                  \
	F(NO_PROVIDER, "no_provider") /* this server does not have the one that it names */        \
	F(NO_OFFER, "no_offer")       /* no provider has such a machine */                         \
	F(QUOTA, "quota")                                                                          \
	F(WALLTIME, "walltime") /* no machine lasts as long as its tasks may take */               \
	F(SETBACK, "setback")   /* a deployment of it has failed lately */

#define DECISION_REASON(name, word) DECISION_##name,
enum decision_reason { DECISION_REASONS(DECISION_REASON) DECISION_REASON_COUNT };
#undef DECISION_REASON

extern const char *const decision_words[DECISION_REASON_COUNT];

/* The batch as the recruiter finds it. */
struct demand {
	int64_t pending;
	int64_t workers;   /* that serve it, whoever hired them; without offline, failed, evicted */
	int64_t deploying; /* being made for it */
	bool stopped;
};

/* What is decided, and from what. */
struct decision {
	int64_t date; /* microseconds; DATE_NULL: none yet */
	struct demand demand;
	int64_t need; /* workers that are missing, after all caps of the recruiter */
	int64_t recycled, deployed;
	enum decision_reason reason;
	char detail[200]; /* a sentence for INVALID, RUN_LIMIT and WALLTIME */
	/* The last machine chosen for a deployment, or that was looked for; borrowed, may be
	   NULL. */
	const char *provider, *region, *flavor;
	double cost; /* of one of them for an hour; NaN: unknown */
};

/*
 * How many workers the recruiter calls for: ceil(pending / tasks_per_worker) less those that are
 * there or being made, and no more than bring the batch to maximum_workers. 0 with
 * the reason where it does not trigger.
 */
int64_t decision_need(const struct recruiter *rule, const struct demand *demand,
                      enum decision_reason *reason);

/* "recruiter 1 takes over 1 worker and deploys 2 of flavor f in r of p" and why no more. */
void decision_explain(const struct decision *decision, const struct recruiter *rule,
                      struct str *out);
/* The numbers as members of a new object, with the sentence. */
json_t *decision_json(const struct decision *decision, const struct recruiter *rule);
/* Is there nothing new in it, compared with the one before? */
bool decision_repeats(const struct decision *decision, const struct decision *before);

#endif
