/* scitq-run plan --simulate: the plan on the real scheduler, in virtual time. */
#ifndef CLI_SIMULATE_H
#define CLI_SIMULATE_H

#include "cli/forecast.h"

struct simulate_options {
	struct forecast_options forecast;
	double boot_seconds; /* from the order of a machine until its worker speaks */
	int workers;         /* local ones, where no recruiter may deploy */
	bool json;
};

/* An exit code; what was found, or is wrong, has been printed. */
int simulate(const struct submission *s, const struct simulate_options *options);

#endif
