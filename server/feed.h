/*
 * The feed: what happened lately, in a ring of fixed size. The core publishes
 * after COMMIT (server/news.h); any number of readers go through it at their
 * own pace, each with the number of the last event that it saw. Who is slower
 * than the ring is told so and goes on from now: nothing is lost silently, and
 * nobody holds the core up.
 *
 * Numbers grow by one for each event and begin with the date of the start in
 * microseconds, so that a number from before a restart is recognized as too old.
 *
 * Counters of a batch are held once: an event of a batch that has a later one
 * is passed over, so that a slow reader gets only the newest counters.
 *
 * Every function may be called from any thread.
 */
#ifndef SERVER_FEED_H
#define SERVER_FEED_H

#include "base/str.h"
#include "model/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What events are about. F(NAME, word). To add one: a row here, one in `said` of feed.c, where it
   is told in news.c, a line in docs/rest.md. */
#define FEED_KINDS(F)                                                                              \
	F(TASK, "task")                                                                            \
	F(EXECUTION, "execution")                                                                  \
	F(WORKER, "worker")                                                                        \
	F(BATCH, "batch")                                                                          \
	F(JOB, "job")                                                                              \
	F(RECRUITER, "recruiter")                                                                  \
	F(RUN, "run")

#define FEED_KIND(name, word) FEED_##name,
enum feed_kind { FEED_KINDS(FEED_KIND) FEED_KIND_COUNT };
#undef FEED_KIND

extern const char *const feed_kind_words[FEED_KIND_COUNT];

/* Decided: of recruiters, by which nothing of their rows is changed. */
enum feed_change { FEED_CREATED, FEED_CHANGED, FEED_DELETED, FEED_DECIDED };

#define FEED_NO_STATUS 0xff

struct feed_event {
	int64_t date_us;
	uint32_t batch;  /* feed_batch(), 0: none */
	uint32_t run;    /* 0: none */
	uint32_t id;     /* of the task, execution, worker, job, run; rank of a recruiter */
	uint32_t other;  /* task: the last of those created together; execution: its task;
	                    decision: workers taken over */
	uint32_t worker; /* of an execution, 0: none; decision: workers deployed */
	uint8_t kind;    /* enum feed_kind */
	uint8_t change;  /* enum feed_change */
	uint8_t status;  /* of its kind, enum decision_reason; FEED_NO_STATUS: not said */
	uint8_t reason;  /* enum reason */
};

/* Counters of a batch. */
struct feed_batch {
	uint32_t counts[TASK_STATUS_COUNT];
	uint32_t run;
	bool stopped;
	bool counted; /* those of tasks that are done are known too */
};

struct feed;

/* A ring of `room` events. */
struct feed *feed_new(size_t room);
void feed_free(struct feed *feed);

/*
 * The number under which events name a batch, from 1, good for what is published next. Names are
 * kept while the ring has an event with them, and some longer: 2 * room of them at most.
 */
uint32_t feed_batch(struct feed *feed, const char *name);
void feed_publish(struct feed *feed, const struct feed_event *events, size_t n);
/* An event with the batch's counters of now. */
void feed_publish_batch(struct feed *feed, int64_t date_us, uint32_t batch,
                        const struct feed_batch *counters);
/* The number of the last event; of the first since the start, whether or not it is kept. */
uint64_t feed_last(struct feed *feed);
uint64_t feed_first(const struct feed *feed);

struct feed_filter {
	unsigned kinds;    /* 1 << FEED_TASK | ... */
	const char *batch; /* NULL: all */
	uint32_t run;      /* 0: all */
};

/*
 * Print events behind *since that pass the filter as server-sent events, until
 * there is none or about `most` bytes are there; *since moves on. False: some of
 * them are gone, or the number is none of ours; nothing is printed then and
 * *since is the last event.
 */
bool feed_print(struct feed *feed, const struct feed_filter *filter, uint64_t *since, size_t most,
                struct str *out);

#endif
