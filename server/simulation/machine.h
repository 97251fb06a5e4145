/* Machines that are played: each has a worker that speaks the protocol of docs/protocol.md. */
#ifndef SERVER_SIMULATION_MACHINE_H
#define SERVER_SIMULATION_MACHINE_H

#include "server/simulation/simulation.h"

/* What a worker holds. */
struct held {
	struct machine_node *machine;
	int64_t execution, epoch;
	double weight;
	struct simulated_end end;
	bool begun;
	struct timer timer; /* its end */
};

struct machine_node {
	struct simulation *simulation;
	uint64_t number; /* by which calls of it are known */
	char *name;
	char *provider, *flavor, *region; /* NULL where nobody made it */
	bool is_made;                     /* by the provider */
	char *batch;                      /* what it asks for where nobody made it */
	int64_t concurrency;
	double cpus;
	int64_t gpus; /* INT_NULL: those of its flavor */
	struct timer boot;

	int64_t worker, epoch; /* 0: not registered yet */
	unsigned calls;        /* under way */
	VEC(struct held *) held;
	double used;
	json_t *events; /* to be told with the next call */
};

struct simulation {
	struct simulation_options options;
	struct store *store;
	struct core *core;
	char directory[64];
	int64_t now_ns;
	struct timers timers;
	struct provider *provider;
	VEC(struct machine_node *) machines;
	uint64_t last_machine;
	VEC(struct call *) answered;
	VEC(struct timed_order *) orders;
};

struct machine_node *machine_new(struct simulation *s, const char *name);
/* Timers are unset; calls of it that are under way lead nowhere. */
void machine_free(struct machine_node *machine);
/* Its worker speaks for the first time after so many seconds; infinite: never. */
void machine_boot(struct machine_node *machine, double seconds);
/* A call of it was answered. */
void machine_answered(struct machine_node *machine, struct call *call);

/* Submit a call of the machine; 0: of nobody. */
struct call *simulation_submit(struct simulation *s, uint64_t machine, call_handler *handler,
                               int64_t id, const char *name, json_t *body);

#endif
