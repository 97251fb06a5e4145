/*
 * Whom a recruiter takes: workers that are there, or machines that are offered. Nothing
 * is changed here; recruit.c does it.
 */
#ifndef SERVER_RECRUIT_CHOICE_H
#define SERVER_RECRUIT_CHOICE_H

#include "server/recruit/roster.h"

/*
 * Could the recruiter take the worker over? It runs, its flavor fits, it serves another batch by
 * name, none of whose tasks is pending, and lasts long enough. Where the recruiter could deploy as
 * well: it holds nothing.
 */
bool choice_could_take(const struct core *core, const struct roster_recruiter *node,
                       const struct worker_node *worker);

/* May it, as far as the limits of the run go? False also where the group failed. */
bool choice_may_take(struct core *core, const struct roster_recruiter *node,
                     const struct worker_node *worker);

struct takeover {
	struct worker_node *worker;
	bool of_run; /* it serves the run of the batch already: its limits are not touched */
};
/* All that it could, in the order in which they are taken; in the group's arena. */
size_t choice_takeovers(struct core *core, const struct roster_recruiter *node,
                        struct takeover **found);

struct placement {
	struct machine place; /* name, provider, region, cost */
	int64_t number;
};
/*
 * The best offers for so many workers, as far as quotas go; in the group's arena. *reason
 * says why they are fewer: NO_OFFER, QUOTA, SETBACK or WALLTIME, *detail more of the last one;
 * *retry_ns when a setback ends, or how short the last machine lasted is forgotten.
 */
size_t choice_deployments(struct core *core, const struct roster_recruiter *node, int64_t number,
                          struct placement **found, enum decision_reason *reason,
                          const char **detail, int64_t *retry_ns);

#endif
