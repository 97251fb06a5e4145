#include "worker/watch.h"

#include "base/fd.h"
#include "worker/life.h"
#include "worker/session.h"

#include <sys/inotify.h>

/* Output is looked at once a task has run for so long, and not again within LOOK_NS. */
#define WATCH_NS (10 * MS_NS)
#define LOOK_NS (30 * MS_NS)
/* Where the kernel gives no more watches. */
#define UNWATCHED_NS (250 * MS_NS)

void watch_begin(struct agent *a)
{
	a->look_at_ns = earlier(a->look_at_ns, a->now_ns + WATCH_NS);
}

void watch_end(struct agent *a, struct execution *e)
{
	for (int i = 0; i < STREAMS; i++) {
		/* The kernel drops the watch of a file that was removed by itself. */
		if (e->watches[i] >= 0)
			(void)inotify_rm_watch(a->inotify, e->watches[i]);
		e->watches[i] = -1;
	}
	e->watched = false;
}

/* Have the kernel tell when the task writes. */
static void watch(struct agent *a, struct execution *e)
{
	e->watched = true;
	for (int i = 0; i < STREAMS; i++) {
		e->watches[i] = inotify_add_watch(a->inotify, e->streams[i].path, IN_MODIFY);
		if (e->watches[i] < 0)
			e->watched = false;
	}
}

void watch_look(struct agent *a)
{
	char events[4096];

	a->look_at_ns = 0;
	/* First, so that what is written from now on is told again. */
	while (fd_read(a->inotify, events, sizeof(events)) > 0)
		;
	for (size_t i = 0; i < a->executions.n; i++) {
		struct execution *e = a->executions.v[i];

		if (e->phase != PHASE_HELD || !e->started || e->forgotten)
			continue;
		if (a->now_ns - e->started_ns < WATCH_NS) {
			a->look_at_ns = earlier(a->look_at_ns, e->started_ns + WATCH_NS);
			continue;
		}
		if (!e->watched)
			watch(a, e);
		if (!e->watched)
			a->look_at_ns = earlier(a->look_at_ns, a->now_ns + UNWATCHED_NS);
		for (int k = 0; k < STREAMS; k++) {
			struct stream *s = &e->streams[k];

			if (stream_look(s) == 0 && stream_is_due(s)) {
				life_tell(a, e);
				session_urge(a, a->now_ns);
			}
		}
	}
}

void watch_changed(struct agent *a)
{
	a->look_at_ns = earlier(a->look_at_ns, a->now_ns + LOOK_NS);
}
