/* An execution whose command ended well: what it promised, and what it wrote on its way out. */
#include "worker/life_inside.h"

#include "worker/promise.h"
#include "worker/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Output files that are told by name. */
#define OUTPUTS_MAX ((size_t)200000)

static void published(struct job *job, void *ctx);

/* Publish once the outputs are listed and the server has agreed. */
void life_upload_if_ready(struct agent *a, struct execution *e)
{
	struct staging *s;

	if (e->phase != PHASE_OUTPUT || !e->listed || !e->permitted || e->job != NULL)
		return;
	if (e->output == NULL) { /* it was looked at for the promise alone */
		e->outcome.succeeded = true;
		e->deadline_ns = 0;
		life_end(a, e);
		return;
	}
	e->phase = PHASE_UPLOAD;
	s = staging_new(STAGING_OUT, e, published);
	s->resumed = e->resumed;
	life_add_job(a, e, s, e->upload_timeout);
}

/* The command exited well and did not write what its task said. */
static void break_promise(struct agent *a, struct execution *e, const char *why)
{
	e->deadline_ns = 0;
	life_fail(a, e, 0, "output", "%s", why);
}

static void listed(struct job *job, void *ctx)
{
	struct staging *s = (struct staging *)job;
	struct agent *a = ctx;
	struct execution *e = life_job_returned(a, s);
	struct str note = STR_INIT;

	if (e != NULL && (s->result != STAGE_OK || e->job_cause != NULL)) {
		life_job_failed(a, e, s);
	} else if (e != NULL && s->broken.len > 0) {
		break_promise(a, e, s->broken.p);
	} else if (e != NULL) {
		e->outcome.outputs = s->outputs;
		s->outputs = NULL;
		e->listed = true;
		/* Before anything is published, so that an agent that follows knows the whole list.
		 */
		execution_note(e, &note);
		holder_note(&a->holder, (uint64_t)e->id, &note);
		(void)holder_flush(&a->holder, false);
		life_upload_if_ready(a, e);
	}
	str_release(&note);
	staging_free(s);
}

/* A call has its limit: of so many files the rest is said to be there, not named. */
static void cut_outputs(struct execution *e)
{
	size_t n = json_array_size(e->outcome.outputs);
	struct str message = STR_INIT;

	if (n <= OUTPUTS_MAX)
		return;
	str_addf(&message, "%zu files were published; the first %zu are named here", n,
	         OUTPUTS_MAX);
	if (e->outcome.message != NULL)
		str_addf(&message, "\n%s", e->outcome.message);
	free(e->outcome.message);
	e->outcome.message = str_detach(&message);
	while (n > OUTPUTS_MAX)
		json_array_remove(e->outcome.outputs, --n);
}

static void published(struct job *job, void *ctx)
{
	struct staging *s = (struct staging *)job;
	struct agent *a = ctx;
	struct execution *e = life_job_returned(a, s);

	if (e != NULL && (s->result != STAGE_OK || e->job_cause != NULL)) {
		life_job_failed(a, e, s);
	} else if (e != NULL) {
		json_decref(e->outcome.outputs);
		e->outcome.outputs = s->outputs;
		s->outputs = NULL;
		if (s->warnings.len > 0) {
			free(e->outcome.message);
			e->outcome.message = str_detach(&s->warnings);
		}
		cut_outputs(e);
		e->outcome.succeeded = true;
		e->deadline_ns = 0;
		life_end(a, e);
	}
	staging_free(s);
}

void life_succeeded(struct agent *a, struct execution *e)
{
	bool looked_at = e->output != NULL || e->yields != NULL;
	int empty = e->listed ? 0 : looked_at ? place_output_is_empty(e->place) : 1;
	const struct stage_listing nothing = {0};
	struct str why = STR_INIT;
	bool whole;

	/* A command may also remove the folder. */
	if ((empty == 1 || empty == -ENOENT) && e->yields != NULL &&
	    !promise_kept(e->yields, &nothing, &why)) {
		break_promise(a, e, why.p);
		str_release(&why);
		return;
	}
	whole = (empty == 1 || empty == -ENOENT) && e->output != NULL &&
	        promise_of_whole(e->yields);
	if (whole && empty == -ENOENT) {
		empty = place_make_output(e->place);
		whole = empty == 0;
	}
	if ((empty == 1 || empty == -ENOENT) && !whole) {
		e->outcome.succeeded = true;
		if (e->output != NULL)
			e->outcome.outputs = json_array();
		life_end(a, e);
		return;
	}
	if (empty < 0) {
		life_fail(a, e, CODE_UPLOAD, "upload", "cannot read $OUTPUT: %s", strerror(-empty));
		return;
	}
	e->phase = PHASE_OUTPUT;
	life_tell_event(a, e, EVENT_UPLOADING);
	if (!e->listed)
		life_add_job(a, e, staging_new(STAGING_LIST, e, listed), e->upload_timeout);
}
