/*
 * What is known of the world in which a plan would run: how long tasks of each step take, and what
 * providers offer at which price. From the command line, from a file, and from what a server has
 * seen.
 */
#ifndef CLI_FORECAST_H
#define CLI_FORECAST_H

#include "base/vec.h"
#include "client/client.h"
#include "model/submission.h"
#include "server/recruit/offers.h"

#include <jansson.h>
#include <stdbool.h>

/* As the command line has it. */
struct forecast_options {
	VEC(const char *) seconds; /* STEP=N, or N for all other steps */
	VEC(const char *) prices;  /* of an hour: FLAVOR=N, or N for a cpu of all other machines */
	const char *offers;        /* a file; NULL: none */
	struct client *client;     /* of the server that is asked; NULL: none */
	bool named;    /* somebody means that server: what it does not know is not there */
	bool optional; /* where it does not answer that is told, and it knows nothing */
	/* Of what nobody knows something is assumed: 60 seconds, machines that fit. */
	bool assume;
};

enum offers_source { OFFERS_NONE, OFFERS_FILE, OFFERS_SERVER, OFFERS_MADE_UP };

struct forecast {
	const struct submission *submission;
	double *seconds;         /* by step; NaN: not known */
	const char **seconds_of; /* where that is from: given, past, assumed; NULL: not known */
	json_t *offers; /* by provider: what it would answer to flavors (docs/providers.md) */
	enum offers_source offers_of;
	bool made_up;           /* some machines, or all, are made up to fit */
	const char **providers; /* their names, NULL behind the last */
};

/* 0, or an exit code, where what is wrong has been said. To be released in any case. */
int forecast_read(struct forecast *f, const struct submission *s,
                  const struct forecast_options *options);
void forecast_release(struct forecast *f);

/* The offers as recruiters see them; `offers` has been initialized. Texts live as long as f. */
void forecast_offers(const struct forecast *f, struct offers *offers);

/* "file" and the like, for people and JSON; NULL: none. */
const char *offers_source_text(enum offers_source source);

#endif
