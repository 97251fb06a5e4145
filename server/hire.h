/*
 * May a worker be hired for a batch? A run limits its workers (maximum_workers, all
 * of its batches together) and its spending (max_cost). Whoever hires or takes over
 * a worker for a batch asks here first; nothing else knows the limits.
 *
 * What a worker costs is charged to the run whose batch it serves by name, from when
 * it came until it goes, serves another batch or the run ends: the price of its flavor
 * in its region (flavor_metrics), nothing where there is none. run.cost holds what was
 * charged; what has come on top since is computed when somebody asks.
 */
#ifndef SERVER_HIRE_H
#define SERVER_HIRE_H

#include "server/core_inside.h"

enum hire_limit { HIRE_FREE, HIRE_WORKERS, HIRE_COST };

struct hire {
	uint32_t run;           /* 0: the batch is of none, and free */
	int64_t workers;        /* of all batches of the run: there, or being made */
	int64_t most_workers;   /* INT_NULL: no limit */
	double cost, most_cost; /* NaN: no limit */
	int64_t room;           /* how many more may be hired; INT64_MAX: any number */
	enum hire_limit limit;  /* what keeps them from being more */
};

/* As things stand now; writes nothing. False: the group failed. */
bool hire_look(struct core *core, const struct batch_node *batch, struct hire *hire);
/* "run 3 has 2 workers of at most 2", where there is a limit that has been reached. */
void hire_explain(const struct hire *hire, struct str *out);
/* The same as an object for replies; NULL where the batch is free of limits. */
json_t *hire_json(const struct hire *hire);
/* The worker goes, or is about to serve something else: what it has cost is charged. */
bool hire_charge(struct core *core, const struct worker_node *worker);
/* The run has ended: what all of its workers have cost until then. */
void hire_charge_run(struct core *core, uint32_t run);

#endif
