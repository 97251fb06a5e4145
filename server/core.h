/*
 * The core: one thread at a time owns all scheduling state and is the only writer of the
 * database: the core thread, or for a moment one that brings a call (core_run_here()). HTTP
 * threads submit calls; the core takes all that wait, runs their handlers inside one transaction,
 * commits, and only then sends the replies of the group. A commit that fails rolls everything
 * back: memory is rebuilt from the database and the whole group is answered 503 (a v1 caller's
 * connection is closed, which it retries).
 *
 * main makes it, server/server.c submits to it. Handlers (server/handlers.h) see
 * its inside through server/core_inside.h.
 */
#ifndef SERVER_CORE_H
#define SERVER_CORE_H

#include "base/log.h"
#include "server/call.h"

#include <stdbool.h>
#include <stdint.h>

struct store;
struct core;
struct feed;
struct known;
struct log_board;
struct provider;

/* Something that another thread has for the core: embedded in what it carries. */
struct core_message {
	struct core_message *next;
	/* In a group, which may fail: what was told is lost then, or is not even taken. */
	void (*take)(struct core *core, struct core_message *message);
	void (*free)(struct core_message *message);
};

struct core_options {
	int64_t lease_seconds;   /* of an execution; 0: 2400 */
	int64_t offline_seconds; /* without contact; 0: 60 */
	int64_t look_seconds;    /* between two looks at what runs at a provider; 0: 30 */
	int64_t join_seconds;    /* that a worker may take to register once its machine is there; 0:
	                            900 */
	/* A deployed worker is given back when it has been idle for so long, after its last task
	   (0: 300) or without one yet (0: 900). */
	int64_t worker_idle_seconds, worker_new_seconds;
	int64_t eviction_margin; /* percent that a machine may cost more than one that was evicted;
	                            0: none */
	bool private_mode;       /* end when nobody is attached */
	int64_t grace_seconds;   /* attached that long after the last word; 0: 60 */
	/* The private server may end now: nothing runs and nobody is attached. Called once, on the
	   core thread, which goes on until core_stop(). */
	void (*may_end)(void *context);
	/* Tokens were made or revoked, here or, as far as is known, elsewhere. Called on the core
	   thread, after COMMIT and before the answers leave; NULL: nobody wants to know. False:
	   they cannot be read, it is called again a little later. */
	bool (*tokens_changed)(void *context);
	int64_t (*clock_ns)(void *context); /* monotonic; NULL: the system's */
	int64_t (*date_us)(void *context);  /* NULL: the system's */
	/* Whether nobody is there any more to be answered. Called on the core thread, of a call
	   that waits; NULL: that is not known. */
	bool (*hung_up)(void *context, const struct call *call);
	/* Whether the token of a call that waits is still in force. On the core thread; NULL: it
	 * is. */
	bool (*admitted)(void *context, const struct call *call);
	struct feed *feed;                /* where events go; NULL: nowhere */
	struct log_board *board;          /* who follows logs; NULL: nobody does */
	void (*published)(void *context); /* something was put there; NULL: nobody waits for it */
	const struct provider *provider;  /* who runs jobs (provider/order.h); NULL: nobody */
	void *context;
};

/* The store, the log and what the options point to are borrowed until core_free(). */
struct core *core_new(struct store *store, const struct core_options *options,
                      const struct log *log);
/* Load memory from the database and start the thread. False, with *problem set, where the
   database cannot be read or the thread not be made. */
bool core_start(struct core *core, struct problem *problem);
/* Hand a call to the core thread, which runs the handler (the one that its route names); from
   any thread. After core_stop() it is answered unavailable. */
void core_submit(struct core *core, struct call *call, call_handler *handler);
/*
 * Run a call with ROUTE_SHORT on the caller's thread, which holds the core meanwhile, where it is
 * idle and its groups are short: two changes of thread less. True: it is answered. False: nothing
 * was done.
 */
bool core_run_here(struct core *core, struct call *call, call_handler *handler);
/* Hand it a message, which is its own from now on; from any thread, also before core_start() and
   after core_stop(). */
void core_tell(struct core *core, struct core_message *message);
/* How long the group at hand has taken, 0 between two; any thread. */
int64_t core_busy_ns(const struct core *core);
/* False while the database cannot be read: nothing is served then. Any thread. */
bool core_serves(const struct core *core);
/* False for a minute after the database's disk had no room for a change, or failed. Any thread. */
bool core_has_room(const struct core *core);
/* Whether this server leads its database; where it does not, core calls go to the one that does.
   Any thread. */
bool core_leads(struct core *core);
/* What it lets others see of memory; any thread, until core_free(). */
struct known *core_known(struct core *core);
/* Tell the other servers of the database where this one listens. Any thread. */
void core_announce(struct core *core, const char *url);
/* Commit what was taken, answer every waiting call (empty) and every queued one (unavailable),
   end the thread. */
void core_stop(struct core *core);
void core_free(struct core *core);

#endif
