/*
 * What a simulation is told of the world: how long tasks of each step take, and what providers
 * offer. From the command line, from a file, and from what a server has seen.
 */
#ifndef CLI_FORECAST_H
#define CLI_FORECAST_H

#include "base/vec.h"
#include "client/client.h"
#include "model/submission.h"

#include <jansson.h>
#include <stdbool.h>

/* As the command line has it. */
struct forecast_options {
	VEC(const char *) seconds;        /* STEP=N, or N for all other steps */
	const char *offers;               /* a file; NULL: none */
	const struct server_access *team; /* server NULL: none */
};

struct forecast {
	const struct submission *submission;
	double *seconds;         /* by step */
	const char **seconds_of; /* where that is from, for people */
	json_t *offers; /* by provider: what it would answer to flavors (docs/providers.md) */
	const char **providers; /* their names, NULL behind the last */
	bool made_up;           /* nobody said what a provider offers: what is asked for is there */
};

/* 0, or an exit code, where what is wrong has been said. */
int forecast_read(struct forecast *f, const struct submission *s,
                  const struct forecast_options *options);
void forecast_release(struct forecast *f);

#endif
