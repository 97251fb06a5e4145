/*
 * Who does which job when: open jobs become orders (order.h), as many at a time as a provider
 * may have, and reports become what the rows of the jobs say. Jobs of one kind that wait
 * together travel in one order.
 *
 * core.c calls it once per group: jobs_run() decides, jobs_launch() hands the orders out once
 * the group is kept. All of it belongs to the core thread.
 */
#ifndef SERVER_PROVIDER_DISPATCH_H
#define SERVER_PROVIDER_DISPATCH_H

#include "server/core_inside.h"
#include "server/job.h"
#include "server/provider/order.h"

struct jobs *jobs_new(const struct provider *provider);
void jobs_free(struct core *core, struct jobs *jobs);

/* In a group, before COMMIT: start what can be started. */
void jobs_run(struct core *core);
/* After COMMIT. */
void jobs_launch(struct core *core);
/* The group failed: what was to be launched is not. */
void jobs_forget(struct core *core);
/* The private server ends: no worker is made any more. */
void jobs_end(struct core *core);
/* Whether a provider is still to do something, or does. */
bool jobs_are_open(const struct core *core);
/* Another server leads: what is under way is its business. */
void jobs_deposed(struct core *core);

/* Something changed: jobs_run() is to look. */
void dispatch_look(struct core *core);
bool dispatch_knows(const struct core *core, const char *provider);
/* The i-th, NULL behind the last. */
const char *dispatch_provider(const struct core *core, size_t i);
/* The order under way that the job is of; 0: none. */
uint64_t dispatch_order_of(const struct core *core, uint32_t job);

/* For watch.c. Its own: */
struct watch *dispatch_watch(const struct core *core);
/* How the tags of this database begin. */
const char *dispatch_owner(const struct core *core);
/* Have the provider asked, with the orders of this group. */
void dispatch_ask(struct core *core, enum order_verb verb, const char *provider);
/* The job has failed, for now or, `final` or without attempts left, for ever. */
void dispatch_fail(struct core *core, struct job_node *job, const char *why, bool final);

#endif
