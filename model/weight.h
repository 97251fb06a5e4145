/*
 * How much of a worker a task takes. A worker is full when the weights of its
 * tasks reach 1; the server counts so when it grants, the worker when it starts.
 */
#ifndef MODEL_WEIGHT_H
#define MODEL_WEIGHT_H

#include <stdbool.h>
#include <stdint.h>

struct weight_input {
	double cpu;                /* of the task; NaN: not given */
	int64_t memory;            /* of the task, bytes; INT_NULL: not given */
	int64_t gpu;               /* of the task; 0, INT_NULL: none */
	int64_t batch_concurrency; /* INT_NULL: not given */
	int64_t worker_concurrency;
	double worker_cpus;  /* NaN: unknown */
	int64_t worker_ram;  /* bytes; INT_NULL: unknown */
	int64_t worker_gpus; /* 0, INT_NULL: none */
	double share; /* of the worker that each task of the batch takes; 0: 1/worker_concurrency */
};

/*
 * The task's own share of cpus, memory or GPUs where it gives those and the worker's
 * are known (the largest of them), else 1/batch_concurrency, else the share, else
 * 1/worker_concurrency. Above 0, at most 1: a task larger than the worker still
 * runs, alone; one that wants more GPUs never does, see gpus_suffice().
 *
 * Where weights add up to no more than 1, so do the shares of the GPUs: each has its own.
 */
double task_weight(const struct weight_input *in);

/* Can a worker with so many GPUs ever run a task that takes that many? */
static inline bool gpus_suffice(int64_t task, int64_t worker)
{
	return task <= 0 || task <= worker;
}

/* Room for rounding: three tasks of weight 1/3 fill a worker, they do not overflow it. */
#define WEIGHT_EPSILON 1e-9

#endif
