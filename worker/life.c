#include "worker/life.h"

#include "worker/life_inside.h"
#include "worker/session.h"
#include "worker/watch.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A start is told with whatever comes soon after it, best with its own end: a report of its own
   would be in the way of that one. */
#define STARTED_NS (5 * MS_NS)
#define STARTED_MAX_NS (100 * MS_NS)
/* A task that this worker refuses and is granted all the same waits that long. */
#define REFUSED_NS (5 * SECOND_NS)

void life_tell(struct agent *a, struct execution *e)
{
	if (!e->queued && !e->forgotten) {
		e->queued = true;
		vec_push(&a->due, e);
	}
}

static int64_t started_delay(const struct agent *a)
{
	int64_t usual = slots_are_short(&a->pace) ? (int64_t)(4 * a->pace.mean_ns) : 0;

	return usual < STARTED_NS ? STARTED_NS : usual > STARTED_MAX_NS ? STARTED_MAX_NS : usual;
}

void life_tell_event(struct agent *a, struct execution *e, enum event_bit bit)
{
	if (e->due == 0)
		e->due_ns = a->now_ns;
	e->due |= bit;
	life_tell(a, e);
	session_urge(a, a->now_ns + (bit == EVENT_STARTED ? started_delay(a) : 0));
}

static void refuse(struct agent *a, struct execution *e)
{
	bool again = recent_has(&a->refused, e->task_id);
	struct str message = STR_INIT;

	e->phase = PHASE_DONE;
	str_addf(&message, "this worker runs no containers: %s", a->engine.missing.p);
	log_info(a->log, "execution %" PRId64 " refused: %s", e->id, message.p);
	e->outcome.message = str_detach(&message);
	recent_add(&a->refused, e->task_id);
	life_tell_event(a, e, EVENT_REFUSED);
	if (again)
		e->hold_ns = a->now_ns + REFUSED_NS;
}

bool life_grant(struct agent *a, json_t *grant)
{
	struct problem problem = {0};
	struct execution *e = execution_new(grant, &problem);
	struct place *place;
	int err;

	if (e == NULL) {
		log_error(a->log, "the server grants what cannot be read: %s", problem.message);
		return false;
	}
	if (executions_find(&a->executions, e->id) != NULL || recent_has(&a->ended, e->id)) {
		execution_free(e);
		return false;
	}
	vec_push(&a->executions, e);
	if (e->container != NULL && a->engine.program.len == 0) {
		refuse(a, e);
		return true;
	}
	place = places_take(&a->places, &err);
	if (place == NULL) {
		life_fail(a, e, CODE_NO_EXECUTION, outcome_reason(-err, "start"),
		          "cannot make a directory in %s: %s", a->places.root, strerror(-err));
		return true;
	}
	execution_settle(e, place, (uint64_t)a->options->max_output);
	if (life_is_removal(e))
		life_tell_event(a, e, EVENT_IDENTIFIED);
	else if (e->use_cache)
		life_identify(a, e);
	else
		life_stage_in(a, e);
	return true;
}

static void mark_started(struct agent *a, struct execution *e, pid_t pid)
{
	e->started = true;
	e->pid = pid;
	e->started_ns = a->now_ns;
	watch_begin(a);
	life_tell_event(a, e, EVENT_STARTED);
}

void life_started(struct agent *a, uint64_t id, pid_t pid)
{
	struct execution *e = executions_find(&a->executions, (int64_t)id);

	if (e != NULL && !e->forgotten)
		mark_started(a, e, pid);
}

static void exited(struct agent *a, struct execution *e, const struct ending *ending)
{
	struct outcome_task task = {.command = e->command,
	                            .directory = e->place->path,
	                            .contained = e->container != NULL,
	                            .work = a->places.root,
	                            .stop_signal = e->stop_signal,
	                            .run_timeout = e->run_timeout,
	                            .memory = e->memory,
	                            .revocable = a->options->revocable};

	e->strays = ending->strays;
	if (e->forgotten)
		life_drop(a, e);
	else if (outcome_of_ending(&e->outcome, ending, &task))
		life_succeeded(a, e);
	else
		life_end(a, e);
}

void life_exited(struct agent *a, uint64_t id, const struct ending *ending)
{
	struct execution *e = executions_find(&a->executions, (int64_t)id);

	if (e == NULL) {
		life_forget_held(a, id);
		return;
	}
	if (ending->started)
		slots_pace_add(&a->pace, ending->duration_ns);
	exited(a, e, ending);
}

/* Names of the resources that it uses, each with a blank behind it; NULL: none. */
static void adopt_resources(struct agent *a, struct execution *e, const char *names)
{
	while (names != NULL && *names != '\0') {
		size_t n = strcspn(names, " ");
		char *name = xstrndup(names, n);
		struct resource *resource = resources_adopt(a->resources, name);

		if (resource != NULL)
			vec_push(&e->resources, resource);
		free(name);
		names += n + (names[n] == ' ');
	}
}

void life_adopt(struct agent *a, const struct holder_task *task)
{
	const char *resources = NULL;
	unsigned number;
	struct execution *e =
	        execution_from_note(task->id, task->note, task->note_len, &number, &resources);

	if (e == NULL) {
		log_error(a->log, "execution %" PRIu64 " has a note that cannot be read", task->id);
		life_forget_held(a, task->id);
		return;
	}
	vec_push(&a->executions, e);
	adopt_resources(a, e, resources);
	execution_settle(e, places_adopt(&a->places, number), (uint64_t)a->options->max_output);
	for (int i = 0; i < STREAMS; i++)
		e->streams[i].unsure = true;
	e->held = true;
	e->phase = PHASE_HELD;
	if (task->pid != 0)
		mark_started(a, e, task->pid);
	if (task->state == HELD_ENDED)
		exited(a, e, &task->ending);
}

void life_acknowledged(struct agent *a, struct execution *e, enum event_bit bit)
{
	if (bit == EVENT_FINISHED || bit == EVENT_REFUSED) {
		life_drop(a, e);
	} else if (bit == EVENT_UPLOADING) {
		e->permitted = true;
		life_upload_if_ready(a, e);
	}
}

void life_listen(struct agent *a)
{
	for (size_t i = 0; i < a->executions.n; i++) {
		struct execution *e = a->executions.v[i];
		char *told = e->job != NULL ? job_take_told(e->job) : NULL;

		if (told == NULL)
			continue;
		free(e->progress);
		e->progress = told;
		if (e->phase == PHASE_STAGING && !e->forgotten)
			life_tell_event(a, e, EVENT_PROGRESS);
	}
}
