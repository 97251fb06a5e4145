/* An execution that may do with the result of an identical earlier task. */
#include "worker/life_inside.h"

#include "worker/session.h"

#include <inttypes.h>
#include <string.h>

/* The execution whose job returned; NULL where nothing follows, since it was stopped. */
static struct execution *returned(struct agent *a, struct staging *s)
{
	struct execution *e = life_job_returned(a, s);

	if (e == NULL || e->job_cause == NULL)
		return e;
	life_job_failed(a, e, s);
	return NULL;
}

static void identified(struct job *job, void *ctx)
{
	struct staging *s = (struct staging *)job;
	struct agent *a = ctx;
	struct execution *e = returned(a, s);

	if (e != NULL && s->result != STAGE_OK) {
		log_info(a->log, "execution %" PRId64 " has no identity: %s", e->id, s->error.p);
		life_stage_in(a, e);
	} else if (e != NULL) {
		e->identity = arena_strdup(&e->arena, s->identity);
		e->identity_parts = str_detach(&s->identity_parts);
		life_tell_event(a, e, EVENT_IDENTIFIED);
	}
	staging_free(s);
}

void life_identify(struct agent *a, struct execution *e)
{
	struct staging *s;

	e->phase = PHASE_STAGING;
	if (e->identity != NULL) {
		life_tell_event(a, e, EVENT_IDENTIFIED);
		return;
	}
	s = staging_new(STAGING_IDENTIFY, e, identified);
	s->task = (struct cached_task){e->command,           e->script, e->container,
	                               e->container_options, e->input,  e->resource};
	life_add_job(a, e, s, e->download_timeout);
}

/* The end of an execution for which nothing was run. */
static void succeed(struct agent *a, struct execution *e, const struct staging *s)
{
	struct str message = STR_INIT;

	str_addf(&message, "the result of task %" JSON_INTEGER_FORMAT " serves for it",
	         json_integer_value(json_object_get(s->found, "task_id")));
	e->outcome.message = str_detach(&message);
	e->outcome.return_code = 0;
	e->deadline_ns = 0;
	if (!s->in_place) {
		life_succeeded(a, e);
		return;
	}
	if (e->output != NULL)
		e->outcome.outputs = json_incref(json_object_get(s->found, "outputs"));
	e->outcome.succeeded = true;
	life_end(a, e);
}

static void taken(struct job *job, void *ctx)
{
	struct staging *s = (struct staging *)job;
	struct agent *a = ctx;
	struct execution *e = returned(a, s);

	if (e != NULL && s->result != STAGE_OK) {
		log_info(a->log,
		         "execution %" PRId64 " runs, an earlier result cannot be taken: %s", e->id,
		         s->error.p);
		life_stage_in(a, e);
	} else if (e != NULL) {
		succeed(a, e, s);
	}
	staging_free(s);
}

void life_identified(struct agent *a, struct execution *e, json_t *found)
{
	struct staging *s;

	/* Stopped meanwhile. */
	if (e->phase != PHASE_STAGING || e->job != NULL)
		return;
	if (e->removes != NULL) {
		life_remove(a, e, found);
		return;
	}
	if (!json_is_object(found)) {
		life_stage_in(a, e);
		return;
	}
	s = staging_new(STAGING_TAKE, e, taken);
	s->found = json_incref(found);
	life_add_job(a, e, s, e->download_timeout);
}
