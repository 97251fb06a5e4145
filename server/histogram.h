/*
 * Counts of observations by size, as Prometheus has them. One thread's.
 */
#ifndef SERVER_HISTOGRAM_H
#define SERVER_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_BOUNDS 13

struct histogram {
	uint64_t n[HISTOGRAM_BOUNDS + 1]; /* by bound, not cumulated; the last: above all bounds */
	double sum;
};

/* Bounds ascend. */
static inline void histogram_add(struct histogram *h, const double bounds[HISTOGRAM_BOUNDS],
                                 double value)
{
	int i = 0;

	while (i < HISTOGRAM_BOUNDS && value > bounds[i])
		i++;
	h->n[i]++;
	h->sum += value;
}

#endif
