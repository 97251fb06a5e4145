/*
 * The threads that run the programs of providers, so that the core never waits for one. Each
 * takes an order, runs its program and reports (program.h). A program is the file of the
 * provider's name in one directory; only those that a setting names are run.
 */
#ifndef SERVER_PROVIDER_RUNNER_H
#define SERVER_PROVIDER_RUNNER_H

#include "base/log.h"
#include "model/problem.h"
#include "server/provider/order.h"

struct runner_options {
	const char *names;     /* of the providers, with commas between them */
	const char *directory; /* of their programs; NULL: ../libexec/scitq/providers from ours */
	const char *state;     /* each keeps files in STATE/provider/NAME */
	int64_t seconds;       /* that one program may take */
};

struct runner;

/* NULL with *problem set where a name is none, or has no program. The texts of the options are
   borrowed until runner_free(). */
struct runner *runner_new(const struct runner_options *options, const struct log *log,
                          struct problem *problem);
/* What core_options.provider takes; lives as long as the runner. */
const struct provider *runner_provider(struct runner *runner);
/* Begin to run what was ordered. Workers reach this server at `url`; `ca` is the file of who
   vouches for its certificate, or NULL. Both are borrowed. */
bool runner_start(struct runner *runner, const char *url, const char *ca, struct problem *problem);
/* End what is under way, and the threads. The core is stopped, and not freed yet. */
void runner_stop(struct runner *runner);
void runner_free(struct runner *runner);

#endif
