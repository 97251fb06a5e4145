/*
 * What providers say of themselves, asked now and then: which machines run by their tags, and
 * what can be had.
 *
 * list: a machine that nobody knows is destroyed; a worker whose machine is gone or was taken
 * away is evicted, and a job whose machine is gone is done again. Asked for when the server
 * starts, and as long as there is something to see. What was said of a worker counts only where
 * it has been silent since it was asked, and a machine that was destroyed since then is gone.
 * flavors: the tables flavor, region and flavor_metrics; every ten minutes, and after each job.
 *
 * dispatch.c is its user; the core thread owns it.
 */
#ifndef SERVER_PROVIDER_WATCH_H
#define SERVER_PROVIDER_WATCH_H

#include "server/core_inside.h"
#include "server/provider/order.h"

struct watch;

struct watch *watch_new(void);
void watch_free(struct watch *watch);

/* Plan what is due (dispatch_ask()); when to look again. */
int64_t watch_run(struct core *core, struct watch *watch);
/* A job of the provider was begun or has ended. */
void watch_stir(struct core *core, struct watch *watch, const char *provider);
/* A worker of the provider has come: when its machine ends is asked soon. */
void watch_joined(struct core *core, struct watch *watch, const char *provider);
/* The machine of that name was destroyed. */
void watch_destroyed(struct core *core, struct watch *watch, const char *provider,
                     const char *name);
/* Memory was rebuilt: what was written last may not be there. */
void watch_forget(struct watch *watch);

/* The answers. `asked_ns` and `asked_us`: when it was asked. */
void watch_listed(struct core *core, struct watch *watch, const char *provider, json_t *value,
                  int64_t asked_ns, int64_t asked_us);
void watch_offered(struct core *core, struct watch *watch, const char *provider, json_t *value);
/* It does not answer. */
void watch_failed(struct core *core, const char *provider, enum order_verb verb, const char *why);

#endif
