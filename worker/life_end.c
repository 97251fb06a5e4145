/* The end of an execution, and what goes from memory and disk with it. */
#include "worker/life_inside.h"

#include "worker/container.h"
#include "worker/runner.h"
#include "worker/watch.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TRIM_NS SECOND_NS

static void removed(struct job *job, void *ctx);

void life_end(struct agent *a, struct execution *e)
{
	if (e->forgotten)
		return;
	e->phase = PHASE_DONE;
	for (int i = 0; e->place != NULL && i < STREAMS; i++) {
		int err = stream_look(&e->streams[i]);

		if (err != 0)
			log_error(a->log, "cannot read %s: %s", e->streams[i].path, strerror(-err));
	}
	life_tell_event(a, e, EVENT_FINISHED);
}

void life_fail(struct agent *a, struct execution *e, int64_t code, const char *reason,
               const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	outcome_fail(&e->outcome, code, reason, fmt, ap);
	va_end(ap);
	life_end(a, e);
}

void life_fail_cancelled(struct agent *a, struct execution *e)
{
	outcome_cancel(&e->outcome, e->stop_signal);
	life_end(a, e);
}

/* Once it is quiet, what is kept for the next task is given up. */
static void trim_soon(struct agent *a)
{
	a->trim_at_ns = a->now_ns + TRIM_NS;
}

void life_forget_held(struct agent *a, uint64_t id)
{
	holder_forget(&a->holder, id);
	trim_soon(a);
}

/* Its runner says that the container is gone, unless it was killed itself. */
static void remove_container(struct agent *a, const struct execution *e, struct removal *r)
{
	struct str path = STR_INIT, name = STR_INIT;

	str_addf(&path, "%s/" RUNNER_END_FILE, r->path);
	container_name(&name, a->options->work.p, e->id);
	r->engine = xstrdup(a->engine.program.p);
	if (e->started && access(path.p, F_OK) != 0)
		r->container = str_detach(&name);
	str_release(&path);
	str_release(&name);
}

static void remove_path(struct agent *a, struct removal *r)
{
	if (!pool_add(a->pool, &r->job)) {
		r->job.run(&r->job, NULL);
		removed(&r->job, a);
	}
}

static void remove_paths(struct agent *a, struct paths *gone)
{
	for (size_t i = 0; i < gone->n; i++) {
		remove_path(a, removal_new(gone->v[i], removed));
		free(gone->v[i]);
	}
	vec_release(gone);
}

/* Out of the agent's hands, and its place too. */
void life_drop(struct agent *a, struct execution *e)
{
	struct place *place = e->place;
	struct paths gone = {0};

	watch_end(a, e);
	if (e->held)
		life_forget_held(a, (uint64_t)e->id);
	recent_add(&a->ended, e->id);
	e->place = NULL;
	if (e->queued) {
		for (size_t i = 0; i < a->due.n; i++) {
			if (a->due.v[i] == e)
				a->due.v[i] = NULL;
		}
	}
	executions_remove(&a->executions, e);
	/* Of a container every directory was opened up. */
	if (place != NULL &&
	    (e->strays || e->container != NULL || !places_give_back(&a->places, place))) {
		struct removal *r = removal_new(place->path, removed);

		if (e->container != NULL && a->engine.program.len > 0)
			remove_container(a, e, r);
		remove_path(a, r);
		place_free(place);
	}
	for (size_t i = 0; i < e->resources.n; i++)
		resources_release(a->resources, e->resources.v[i], &gone);
	remove_paths(a, &gone);
	execution_free(e);
	trim_soon(a);
}

static void removed(struct job *job, void *ctx)
{
	struct removal *r = (struct removal *)job;
	struct agent *a = ctx;

	if (r->err != 0)
		log_error(a->log, "cannot remove %s: %s", r->path, strerror(-r->err));
	removal_free(r);
}

void life_forget_resources(struct agent *a)
{
	struct paths gone = {0};

	resources_forget(a->resources, &gone);
	remove_paths(a, &gone);
}

void life_clean(struct agent *a)
{
	life_forget_resources(a);
	places_trim(&a->places);
}
