/*
 * A server without a machine: the real core, with its recruiters, dispatch and jobs, on a
 * clock that jumps from one event to the next, beside a provider and workers that are
 * played. What commands would take, and what machines do, the user of it says.
 *
 * One thread, which is the core thread too; the database is a file that is gone with it.
 */
#ifndef SERVER_SIMULATION_SIMULATION_H
#define SERVER_SIMULATION_SIMULATION_H

#include "base/log.h"
#include "model/problem.h"
#include "server/core_inside.h"

struct simulation;

/* What becomes of an execution. */
struct simulated_end {
	double seconds;
	bool failed;
};

struct simulation_options {
	struct core_options core; /* its clocks, provider and context are the simulation's */
	int64_t date_us;          /* when it begins */
	/* Of a grant, as docs/protocol.md has it. */
	struct simulated_end (*execute)(void *context, const json_t *grant);
	/* Seconds until the machine speaks that an order asks for (docs/providers.md); negative: it
	   cannot be made; infinite: it never speaks. */
	double (*boot)(void *context, const json_t *request);
	/* What a provider offers, as the verb flavors answers in docs/providers.md; a new
	   reference. */
	json_t *(*offers)(void *context, const char *provider);
	const char *const *providers; /* their names, NULL behind the last */
	void *context;
	const struct log *log;
};

/* NULL with *problem set. */
struct simulation *simulation_new(const struct simulation_options *options,
                                  struct problem *problem);
void simulation_free(struct simulation *s);
struct core *simulation_core(struct simulation *s);
/* Since the beginning. */
double simulation_seconds(const struct simulation *s);

/* Answered when it returns; the status, and the answer in *reply where that is not NULL (the
   caller's). The body is stolen, NULL is {}. For calls that do not wait. */
int simulation_call(struct simulation *s, call_handler *handler, int64_t id, const char *name,
                    json_t *body, json_t **reply);
/* A worker that nobody made, and that serves the batch or pattern. */
void simulation_worker(struct simulation *s, const char *name, const char *batch,
                       int64_t concurrency, double cpus, int64_t gpus);

/* One event, if there is one within so many seconds of the beginning (infinite: ever); else time
   goes there. False: there was none. */
bool simulation_step(struct simulation *s, double until);
/* kill -9 of the server, and a start. False with *problem set. */
bool simulation_restart(struct simulation *s, struct problem *problem);

/* Machines that are there, those that were made and nobody has destroyed. */
size_t simulation_machines(const struct simulation *s);
const char *simulation_machine(const struct simulation *s, size_t i);
/* How many of a flavor in a region of a provider. */
size_t simulation_machines_at(const struct simulation *s, const char *provider, const char *flavor,
                              const char *region);
/* It is gone from one moment to the next; `told`: the server hears of it. */
void simulation_evict(struct simulation *s, size_t i, bool told);

#endif
