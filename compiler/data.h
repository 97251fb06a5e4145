/*
 * What a task stages in: a walk over the node of `input`, `resource` or `after`
 * that calls back for every file, address and output of another task, in the
 * order in which they are written.
 */
#ifndef COMPILER_DATA_H
#define COMPILER_DATA_H

#include "compiler/compilation.h"
#include "compiler/node.h"

/*
 * How the instances of a producer are found from an instance of the consumer:
 * the levels that both stand in, then for each further level of the producer the
 * consumer's level over the same dimension, or none: collapsed by `gather`.
 */
struct pairing {
	unsigned shared; /* depth of the innermost level that both stand in */
	unsigned n;      /* levels of the producer below it */
	struct level **path;
	struct level **match; /* beside path; NULL: collapsed, or a condition */
	unsigned collapsed;
};

/* Requirements of one file, at most. */
#define EDGE_LIMIT 200000000u

/* Fill the pairing of every output in the node; reports E0207 and its relatives. */
void data_pair(struct compilation *c, const struct step *consumer, struct node *n);

struct data_item {
	struct span span;
	const char *actions; /* "|untar|mv:x", "" */
	/* A file or address: */
	struct value text;       /* kind BAD: an output */
	const struct node *node; /* that it came out of */
	/* An output: */
	struct step *producer;
	uint32_t tuple;
	const char *yield;         /* NULL: all of it */
	const struct node *gather; /* that it came out of; NULL: named by itself */
};

struct data_walk {
	struct env *env;   /* at the consumer's task, where `entered`; else entered on need */
	struct env *other; /* for values of producers */
	const struct step *step;
	uint32_t tuple;
	bool entered;
	/* Skip what depends only on outer loops and was seen for the same instance of them. */
	bool skip_seen;
	bool no_actions; /* leave `actions` empty: only who is meant matters */
	/* False stops the walk. */
	bool (*item)(void *context, const struct data_item *item);
	void *context;
};

/* False where the callback or an error stopped it. */
bool data_walk(struct data_walk *w, struct node *n);

#endif
