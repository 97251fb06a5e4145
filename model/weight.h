/*
 * How much of a worker a task takes. A worker is full when the weights of its
 * tasks reach 1; the server counts so when it grants, the worker when it starts.
 */
#ifndef MODEL_WEIGHT_H
#define MODEL_WEIGHT_H

#include <stdint.h>

struct weight_input {
	double cpu;                /* of the task; NaN: not given */
	int64_t memory;            /* of the task, bytes; INT_NULL: not given */
	int64_t batch_concurrency; /* INT_NULL: not given */
	int64_t worker_concurrency;
	double worker_cpus; /* NaN: unknown */
	int64_t worker_ram; /* bytes; INT_NULL: unknown */
	double share; /* of the worker that each task of the batch takes; 0: 1/worker_concurrency */
};

/*
 * The task's own share of cpus or memory where it gives those and the worker's
 * are known (the larger of both), else 1/batch_concurrency, else the share, else
 * 1/worker_concurrency. Above 0, at most 1: a task larger than the worker still
 * runs, alone.
 */
double task_weight(const struct weight_input *in);

/* Room for rounding: three tasks of weight 1/3 fill a worker, they do not overflow it. */
#define WEIGHT_EPSILON 1e-9

#endif
