#include "model/weight.h"

#include "model/field.h"

#include <math.h>

double task_weight(const struct weight_input *in)
{
	double w = 0;

	if (!isnan(in->cpu) && !isnan(in->worker_cpus) && in->worker_cpus > 0)
		w = in->cpu / in->worker_cpus;
	if (in->memory != INT_NULL && in->worker_ram != INT_NULL && in->worker_ram > 0)
		w = fmax(w, (double)in->memory / (double)in->worker_ram);
	if (in->gpu > 0 && in->worker_gpus > 0)
		w = fmax(w, (double)in->gpu / (double)in->worker_gpus);
	if (w <= 0 && in->batch_concurrency != INT_NULL && in->batch_concurrency > 0)
		w = 1.0 / (double)in->batch_concurrency;
	if (w <= 0)
		w = in->share;
	if (w <= 0 && in->worker_concurrency > 0)
		w = 1.0 / (double)in->worker_concurrency;
	return w > 0 && w < 1 ? w : 1;
}
