/*
 * What recruiters know of the rows: recruiters, workers, offers; and of jobs under way. Each is
 * read when it is asked for first, and again after a row of its table was written; after
 * a while in any case, since people change rows by SQL too.
 */
#ifndef SERVER_RECRUIT_ROSTER_H
#define SERVER_RECRUIT_ROSTER_H

#include "server/core_inside.h"
#include "server/recruit/decision.h"
#include "server/recruit/offers.h"

struct roster_recruiter {
	struct recruiter row;
	struct wanted wanted;
	const char *problem; /* why its flavor cannot be read; NULL: it can */
	struct decision last;
};

/* A worker, as far as memory does not hold it anyway. */
struct roster_worker {
	bool there;
	bool permanent;
	int64_t since;    /* date */
	const char *home; /* worker.home; NULL: it is there */
	struct machine machine;
};

/* What happened to workers of a place. */
struct setback {
	const char *place;  /* place_name() */
	unsigned failures;  /* deployments in a row */
	int64_t until_ns;   /* none is tried before */
	int64_t evicted_ns; /* when a machine was taken away there; 0: never */
	int64_t lasted;     /* seconds that a worker there had when it came; 0: none has said so */
	int64_t lasted_ns;  /* when that was */
};

struct roster {
	struct arena recruiter_arena, worker_arena, setback_arena;
	VEC(struct roster_recruiter) recruiters; /* by rank, then deeper batches first, then name */
	VEC(struct roster_worker) workers;       /* by number */
	VEC(struct setback) setbacks;
	struct intern names; /* that decisions speak of */
	struct offers offers;
	bool read[TABLE_COUNT]; /* nothing was written since */
	int64_t read_ns[TABLE_COUNT];
	int64_t refreshed; /* date: the metrics of offers were true then */
};

void roster_init(struct roster *roster);
void roster_release(struct roster *roster);
/* A row of the table was written. */
void roster_changed(struct core *core, enum table_id table);
/* Everything is read anew: memory was loaded. */
void roster_forget(struct core *core);

/* Bring it up to date. False: the group failed. */
bool roster_recruiters(struct core *core);
bool roster_workers(struct core *core); /* and offers */
bool roster_offers(struct core *core);

/* NULL: it has no row. */
const struct roster_worker *roster_worker(const struct roster *roster, uint32_t id);
/* Workers that are being made, without those that are there already: for a batch, and for all
   batches of a run (also without those that are there and silent). */
int64_t making_for_batch(const struct core *core, const char *batch);
int64_t making_for_run(const struct core *core, uint32_t run);
/* Machines at a place that are being made, and those that are not destroyed yet. */
int64_t jobs_at(const struct core *core, const struct machine *place);
/* Cpus that machines of other flavors take from the pool of the place: those being made or
   destroyed, and those that came since the quota was told. */
double pool_taken(const struct core *core, const struct machine *place);

/* What happened there; made where `make`. */
struct setback *roster_setback(struct roster *roster, const struct machine *place, bool make);

#endif
