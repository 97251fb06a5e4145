/*
 * One run of a provider's program (docs/providers.md): the order's request goes to its standard
 * input, what it writes becomes reports.
 */
#ifndef SERVER_PROVIDER_PROGRAM_H
#define SERVER_PROVIDER_PROGRAM_H

#include "server/provider/order.h"

struct program {
	const char *path;
	int64_t seconds;                  /* that it may take */
	bool (*cancelled)(void *context); /* asked ten times a second */
	void *context;
};

/* Blocks until it has ended. Every job of the order gets an outcome, unless the run was cancelled;
   then, and in any case last, comes REPORT_END. */
void program_run(const struct program *program, struct core *core, const struct order *order);
/* It cannot be run: every job of the order fails so. */
void program_refuse(struct core *core, const struct order *order, const char *why);

#endif
