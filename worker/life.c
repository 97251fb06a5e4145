#include "worker/life.h"

#include "base/fd.h"
#include "worker/container.h"
#include "worker/promise.h"
#include "worker/runner.h"
#include "worker/session.h"
#include "worker/staging.h"
#include "worker/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A start is told with whatever comes soon after it, best with its own end: a report of its own
   would be in the way of that one. */
#define STARTED_NS (5 * MS_NS)
#define STARTED_MAX_NS (100 * MS_NS)
/* A task that this worker refuses and is granted all the same waits that long. */
#define REFUSED_NS (5 * SECOND_NS)
#define TRIM_NS SECOND_NS
#define SHUTDOWN_GRACE_S 5
/* A longer timeout is none. */
#define TIMEOUT_MAX_S INT64_C(1000000000)
/* Output files that are told by name. */
#define OUTPUTS_MAX ((size_t)200000)

static void staged_in(struct job *job, void *ctx);
static void listed(struct job *job, void *ctx);
static void published(struct job *job, void *ctx);
static void removed(struct job *job, void *ctx);

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

static void tell_event(struct agent *a, struct execution *e, enum event_bit bit)
{
	if (e->due == 0)
		e->due_ns = a->now_ns;
	e->due |= bit;
	life_tell(a, e);
	session_urge(a, a->now_ns + (bit == EVENT_STARTED ? started_delay(a) : 0));
}

static void end(struct agent *a, struct execution *e)
{
	if (e->forgotten)
		return;
	e->phase = PHASE_DONE;
	for (int i = 0; e->place != NULL && i < STREAMS; i++) {
		int err = stream_look(&e->streams[i]);

		if (err != 0)
			log_error(a->log, "cannot read %s: %s", e->streams[i].path, strerror(-err));
	}
	tell_event(a, e, EVENT_FINISHED);
}

/* The end of a task that did not succeed; fmt NULL: no message. */
static void fail(struct agent *a, struct execution *e, int64_t code, const char *reason,
                 const char *fmt, ...) __attribute__((format(printf, 5, 6)));

static void fail(struct agent *a, struct execution *e, int64_t code, const char *reason,
                 const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	outcome_fail(&e->outcome, code, reason, fmt, ap);
	va_end(ap);
	end(a, e);
}

static void fail_cancelled(struct agent *a, struct execution *e)
{
	outcome_cancel(&e->outcome, e->stop_signal);
	end(a, e);
}

/* Once it is quiet, what is kept for the next task is given up. */
static void trim_soon(struct agent *a)
{
	a->trim_at_ns = a->now_ns + TRIM_NS;
}

static void forget_held(struct agent *a, uint64_t id)
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
static void drop(struct agent *a, struct execution *e)
{
	struct place *place = e->place;
	struct paths gone = {0};

	watch_end(a, e);
	if (e->held)
		forget_held(a, (uint64_t)e->id);
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

/* What its control group gives it: its memory where it states some, its share of the cpus. */
static struct cgroup_limits limits_of(const struct agent *a, const struct execution *e)
{
	return (struct cgroup_limits){
	        .memory = e->memory != INT_NULL && e->memory > 0 ? (uint64_t)e->memory : 0,
	        .cpus = isnan(e->cpu) ? e->weight * a->machine.cpus : e->cpu,
	};
}

/* Its command can go to the supervisor. */
static void hold(struct agent *a, struct execution *e)
{
	struct command_input in = {e->command,      e->script,      e->place->path,
	                           e->task_id,      e->id,          e->name,
	                           e->batch,        e->cpu,         e->weight,
	                           a->machine.cpus, a->plain_shell, e->container != NULL};
	struct container_input box = {
	        &a->engine,           e->container,
	        e->container_options, a->options->work.p,
	        &e->mounts,           e->memory != INT_NULL && e->memory > 0 ? e->memory : 0};
	struct str error = STR_INIT, note = STR_INIT;
	struct holder_start start;
	struct command command;
	struct arena arena;
	int err = 0;

	arena_init(&arena);
	if (!command_build(&in, &arena, &command, &error) ||
	    (e->container != NULL &&
	     !container_wrap(&box, e->place->path, e->id, &arena, &command, &error))) {
		fail(a, e, CODE_NO_EXECUTION, "start", "%s", error.p);
		goto out;
	}
	if (command.script != NULL) {
		int fd = open(command.script, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);

		err = fd < 0 ? -errno : fd_write_all(fd, e->script, strlen(e->script));
		if (fd >= 0 && close(fd) != 0 && err == 0)
			err = -errno;
	}
	if (err != 0) {
		fail(a, e, CODE_NO_EXECUTION, outcome_reason(-err, "start"), "cannot write %s: %s",
		     command.script, strerror(-err));
		goto out;
	}
	execution_note(e, &note);
	start = (struct holder_start){.id = (uint64_t)e->id,
	                              .weight = e->weight,
	                              .timeout_s = e->run_timeout != INT_NULL ? e->run_timeout : 0,
	                              .grace_s = a->options->grace_s,
	                              .limits = limits_of(a, e),
	                              .directory = e->place->path,
	                              .command = &command,
	                              .shield = a->shield,
	                              .lent = &e->lent,
	                              .note = &note};
	holder_start(&a->holder, &start);
	lent_release(&e->lent);
	e->phase = PHASE_HELD;
	e->held = true;
out:
	arena_release(&arena);
	str_release(&error);
	str_release(&note);
}

static void add_job(struct agent *a, struct execution *e, struct staging *s, int64_t timeout_s)
{
	if (!pool_add(a->pool, &s->job)) {
		staging_free(s);
		fail(a, e, e->phase == PHASE_STAGING ? CODE_DOWNLOAD : CODE_UPLOAD,
		     e->phase == PHASE_STAGING ? "download" : "upload",
		     "no thread could be started for it");
		return;
	}
	e->job = &s->job;
	if (e->deadline_ns == 0 && timeout_s > 0 && timeout_s < TIMEOUT_MAX_S)
		e->deadline_ns = a->now_ns + timeout_s * SECOND_NS;
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
	tell_event(a, e, EVENT_REFUSED);
	if (again)
		e->hold_ns = a->now_ns + REFUSED_NS;
}

static void stage_in(struct agent *a, struct execution *e)
{
	struct staging *s;
	int err = 0;

	if (e->container != NULL)
		err = containers_begin(a->options->work.p);
	if (err == 0 && e->container != NULL)
		err = place_open_up(e->place);
	if (err != 0) {
		fail(a, e, CODE_NO_EXECUTION, outcome_reason(-err, "start"),
		     "cannot prepare %s for a container: %s", e->place->path, strerror(-err));
		return;
	}
	e->phase = PHASE_STAGING;
	s = staging_new(STAGING_IN, e, staged_in);
	s->resources = a->resources;
	s->copies = e->container == NULL && a->shield == SHIELD_NONE;
	if (e->container != NULL)
		staging_contain(s, a->engine.program.p);
	add_job(a, e, s, e->download_timeout);
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
		fail(a, e, CODE_NO_EXECUTION, outcome_reason(-err, "start"),
		     "cannot make a directory in %s: %s", a->places.root, strerror(-err));
		return true;
	}
	execution_settle(e, place, (uint64_t)a->options->max_output);
	if (e->container == NULL && e->input == NULL && e->resource == NULL)
		hold(a, e);
	else
		stage_in(a, e);
	return true;
}

/* What every job of an execution has in common when it returns: NULL where nothing follows. */
static struct execution *job_returned(struct agent *a, struct staging *s)
{
	struct execution *e = s->execution;

	e->job = NULL;
	for (size_t i = 0; i < s->taken.n; i++)
		vec_push(&e->resources, s->taken.v[i]);
	s->taken.n = 0;
	if (s->warnings.len > 0)
		log_warn(a->log, "execution %" PRId64 ": %s", e->id, s->warnings.p);
	if (e->forgotten) {
		drop(a, e);
		return NULL;
	}
	return e;
}

/* It was stopped outside of its command, for e->job_cause. */
static void fail_stopped(struct agent *a, struct execution *e)
{
	bool in = e->phase == PHASE_STAGING;

	e->deadline_ns = 0;
	if (strcmp(e->job_cause, "cancelled") == 0)
		fail_cancelled(a, e);
	else if (strcmp(e->job_cause, "timeout") == 0)
		fail(a, e, in ? CODE_DOWNLOAD : CODE_UPLOAD, "timeout",
		     "%s took longer than %" PRId64 " s", in ? "staging in" : "publishing",
		     in ? e->download_timeout : e->upload_timeout);
	else
		fail(a, e, INT_NULL, e->job_cause, "the worker was stopped");
}

static void job_failed(struct agent *a, struct execution *e, const struct staging *s)
{
	bool in = s->kind == STAGING_IN;

	if (e->job_cause != NULL) {
		fail_stopped(a, e);
		return;
	}
	e->deadline_ns = 0;
	fail(a, e, in ? CODE_DOWNLOAD : CODE_UPLOAD,
	     s->result == STAGE_NO_SPACE ? "disk"
	     : in && !s->pulled          ? "container"
	     : in                        ? "download"
	                                 : "upload",
	     "%s", s->error.len > 0 ? s->error.p : stage_result_text(s->result));
}

static void staged_in(struct job *job, void *ctx)
{
	struct staging *s = (struct staging *)job;
	struct agent *a = ctx;
	struct execution *e = job_returned(a, s);

	if (e != NULL && (s->result != STAGE_OK || e->job_cause != NULL)) {
		job_failed(a, e, s);
	} else if (e != NULL) {
		e->deadline_ns = 0;
		e->mounts = s->mounts;
		s->mounts = (struct mounts){0};
		e->lent = s->lent;
		lent_init(&s->lent);
		hold(a, e);
	}
	staging_free(s);
}

/* Publish once the outputs are listed and the server has agreed. */
static void upload_if_ready(struct agent *a, struct execution *e)
{
	struct staging *s;

	if (e->phase != PHASE_OUTPUT || !e->listed || !e->permitted || e->job != NULL)
		return;
	if (e->output == NULL) { /* it was looked at for the promise alone */
		e->outcome.succeeded = true;
		e->deadline_ns = 0;
		end(a, e);
		return;
	}
	e->phase = PHASE_UPLOAD;
	s = staging_new(STAGING_OUT, e, published);
	s->resumed = e->resumed;
	add_job(a, e, s, e->upload_timeout);
}

/* The command exited well and did not write what its task said. */
static void break_promise(struct agent *a, struct execution *e, const char *why)
{
	e->deadline_ns = 0;
	fail(a, e, 0, "output", "%s", why);
}

static void listed(struct job *job, void *ctx)
{
	struct staging *s = (struct staging *)job;
	struct agent *a = ctx;
	struct execution *e = job_returned(a, s);
	struct str note = STR_INIT;

	if (e != NULL && (s->result != STAGE_OK || e->job_cause != NULL)) {
		job_failed(a, e, s);
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
		upload_if_ready(a, e);
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
	struct execution *e = job_returned(a, s);

	if (e != NULL && (s->result != STAGE_OK || e->job_cause != NULL)) {
		job_failed(a, e, s);
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
		end(a, e);
	}
	staging_free(s);
}

static void mark_started(struct agent *a, struct execution *e, pid_t pid)
{
	e->started = true;
	e->pid = pid;
	e->started_ns = a->now_ns;
	watch_begin(a);
	tell_event(a, e, EVENT_STARTED);
}

void life_started(struct agent *a, uint64_t id, pid_t pid)
{
	struct execution *e = executions_find(&a->executions, (int64_t)id);

	if (e != NULL && !e->forgotten)
		mark_started(a, e, pid);
}

static void succeeded(struct agent *a, struct execution *e)
{
	bool looked_at = e->output != NULL || e->yields != NULL;
	int empty = e->listed ? 0 : looked_at ? place_output_is_empty(e->place) : 1;
	const struct stage_listing nothing = {0};
	struct str why = STR_INIT;

	/* A command may also remove the folder. */
	if ((empty == 1 || empty == -ENOENT) && e->yields != NULL &&
	    !promise_kept(e->yields, &nothing, &why)) {
		break_promise(a, e, why.p);
		str_release(&why);
		return;
	}
	if (empty == 1 || empty == -ENOENT) {
		e->outcome.succeeded = true;
		if (e->output != NULL)
			e->outcome.outputs = json_array();
		end(a, e);
		return;
	}
	if (empty < 0) {
		fail(a, e, CODE_UPLOAD, "upload", "cannot read $OUTPUT: %s", strerror(-empty));
		return;
	}
	e->phase = PHASE_OUTPUT;
	tell_event(a, e, EVENT_UPLOADING);
	if (!e->listed)
		add_job(a, e, staging_new(STAGING_LIST, e, listed), e->upload_timeout);
}

static void exited(struct agent *a, struct execution *e, const struct ending *ending)
{
	struct outcome_task task = {e->command,     e->place->path, a->places.root,
	                            e->stop_signal, e->run_timeout, e->memory};

	e->strays = ending->strays;
	if (e->forgotten)
		drop(a, e);
	else if (outcome_of_ending(&e->outcome, ending, &task))
		succeeded(a, e);
	else
		end(a, e);
}

void life_exited(struct agent *a, uint64_t id, const struct ending *ending)
{
	struct execution *e = executions_find(&a->executions, (int64_t)id);

	if (e == NULL) {
		forget_held(a, id);
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
		forget_held(a, task->id);
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

/* End the job of the execution, or the execution itself where it has none. */
static void stop_job(struct agent *a, struct execution *e, const char *cause)
{
	if (e->job_cause == NULL)
		e->job_cause = cause;
	if (e->job != NULL)
		atomic_store(&e->job->cancelled, true);
	else
		fail_stopped(a, e);
}

void life_lose_held(struct agent *a)
{
	for (size_t i = 0; i < a->executions.n; i++) {
		struct execution *e = a->executions.v[i];

		e->held = false;
		if (e->phase == PHASE_HELD && e->forgotten) {
			drop(a, e);
			i--;
		} else if (e->phase == PHASE_HELD) {
			fail(a, e, INT_NULL, "lost", "the process that held it died");
		} else if (e->phase == PHASE_STAGING) {
			stop_job(a, e, "lost");
		}
	}
}

void life_signal(struct agent *a, int64_t id, int sig)
{
	struct execution *e = executions_find(&a->executions, id);
	bool ends = sig == SIGTERM || sig == SIGKILL || sig == SIGINT || sig == SIGQUIT;

	if (e == NULL || e->phase == PHASE_DONE || e->forgotten)
		return;
	if (ends)
		e->stop_signal = sig;
	if (e->phase != PHASE_HELD) {
		if (ends)
			stop_job(a, e, "cancelled");
		return;
	}
	/* SIGTSTP does nothing to a process without a terminal. */
	holder_signal(&a->holder, (uint64_t)id, sig == SIGTSTP ? SIGSTOP : sig,
	              ends ? STOP_CANCEL : STOP_NONE,
	              ends && sig != SIGKILL ? a->options->grace_s : 0);
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

void life_forget(struct agent *a, struct execution *e)
{
	if (e->forgotten)
		return;
	e->forgotten = true;
	e->due = 0;
	if (e->job != NULL)
		atomic_store(&e->job->cancelled, true);
	else if (e->phase == PHASE_HELD)
		holder_signal(&a->holder, (uint64_t)e->id, SIGKILL, STOP_CANCEL, 0);
	else
		drop(a, e);
}

void life_acknowledged(struct agent *a, struct execution *e, enum event_bit bit)
{
	if (bit == EVENT_FINISHED || bit == EVENT_REFUSED) {
		drop(a, e);
	} else if (bit == EVENT_UPLOADING) {
		e->permitted = true;
		upload_if_ready(a, e);
	}
}

void life_stop_all(struct agent *a)
{
	int64_t grace = a->options->grace_s;

	if (grace > SHUTDOWN_GRACE_S)
		grace = SHUTDOWN_GRACE_S;
	for (size_t i = 0; i < a->executions.n; i++) {
		struct execution *e = a->executions.v[i];

		if (e->forgotten || e->phase == PHASE_DONE)
			continue;
		if (e->phase == PHASE_HELD)
			holder_signal(&a->holder, (uint64_t)e->id, SIGTERM, STOP_SHUTDOWN, grace);
		else
			stop_job(a, e, "lost");
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
			tell_event(a, e, EVENT_PROGRESS);
	}
}

int64_t life_keep_time(struct agent *a)
{
	int64_t next = 0;

	for (size_t i = 0; i < a->executions.n; i++) {
		struct execution *e = a->executions.v[i];

		if (e->deadline_ns != 0 && e->deadline_ns <= a->now_ns) {
			e->deadline_ns = 0;
			stop_job(a, e, "timeout");
		} else {
			next = earlier(next, e->deadline_ns);
		}
	}
	return next;
}
