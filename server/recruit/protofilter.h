/*
 * Which machines are wanted: the flavor of a recruiter, and the protofilters of
 * GET /flavor/. A text is read once; what came of it is asked of any machine, one
 * that a provider offers as well as one that is there already.
 *
 * Conditions stand with ':' between them, such as cpu>=2:ram>4:name!~%metal%:tags#G,
 * of the columns of GET /flavor/. Operators: == = != >= <= > < of numbers, == = != and
 * ~ !~ (like and unlike: % stands for any text, case does not matter) and # !# (has
 * and lacks the text) of texts. What is not known of a machine fulfills nothing but
 * !=, !~ and !#.
 */
#ifndef SERVER_RECRUIT_PROTOFILTER_H
#define SERVER_RECRUIT_PROTOFILTER_H

#include "base/arena.h"
#include "model/problem.h"

#include <stdbool.h>
#include <stddef.h>

/* What is known of one; NULL and NaN where it is not. */
struct machine {
	const char *name, *provider, *region, *tags, *gpu;
	double cpu;
	double ram, disk, gpumem; /* GB */
	double gpus;
	double cost;      /* of an hour */
	double eviction;  /* percent */
	double available; /* that the quota still allows */
	double walltime;  /* seconds after which it ends */
	const char *pool; /* of its quota: see docs/providers.md */
};

/* One of which nothing is known. */
extern const struct machine machine_unknown;

/* Its columns, in the order in which GET /flavor/ has them. */
enum machine_kind { MACHINE_TEXT, MACHINE_INTEGER, MACHINE_REAL };
struct machine_column {
	const char *name;
	enum machine_kind kind;
	size_t offset;
};
#define MACHINE_COLUMNS 13
extern const struct machine_column machine_columns[MACHINE_COLUMNS];

struct condition;

struct protofilter {
	const struct condition *conditions; /* in the arena */
	size_t n;
	bool metal;    /* some condition speaks of metal, */
	bool eviction; /* of the column eviction: what is left out unless asked for is asked for */
};

/*
 * Read conditions. `field` names the text in messages, which say at which character of it the
 * error is; `from` is where in it the conditions begin. False with *problem set.
 */
bool protofilter_parse(struct protofilter *filter, const char *field, const char *text, size_t from,
                       struct arena *arena, struct problem *problem);
bool protofilter_holds(const struct protofilter *filter, const struct machine *machine);

/*
 * A machine that fulfills all of them and has no more than it must; for where nobody knows what is
 * offered. Of what they do not speak it has nothing; texts are in the arena.
 */
void protofilter_least(const struct protofilter *filter, struct machine *machine,
                       struct arena *arena);

/* The flavor of a recruiter: a name, auto for any, or auto: with conditions. */
struct wanted {
	const char *name; /* NULL: auto */
	struct protofilter filter;
};

bool wanted_parse(struct wanted *wanted, const char *field, const char *text, struct arena *arena,
                  struct problem *problem);
bool wanted_holds(const struct wanted *wanted, const struct machine *machine);
/* A region or provider of a recruiter that names none: NULL or auto. */
bool is_auto(const char *text);

#endif
