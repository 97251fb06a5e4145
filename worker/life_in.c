/* An execution on its way to the supervisor: its inputs, then its command. */
#include "worker/life_inside.h"

#include "base/fd.h"
#include "worker/container.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

static void staged_in(struct job *job, void *ctx);

/* What its control group gives it: its memory where it states some, its share of the cpus. */
static struct cgroup_limits limits_of(const struct agent *a, const struct execution *e)
{
	return (struct cgroup_limits){
	        .memory = (uint64_t)execution_memory(e),
	        .cpus = isnan(e->cpu) ? e->weight * a->machine.cpus : e->cpu,
	};
}

/* Its command can go to the supervisor. */
void life_hold(struct agent *a, struct execution *e)
{
	struct command_input in = execution_command(e, a->machine.cpus, a->plain_shell);
	struct container_input box = {&a->engine,
	                              e->container,
	                              e->container_options,
	                              a->options->work.p,
	                              &e->mounts,
	                              execution_memory(e),
	                              NULL};
	struct str error = STR_INIT, note = STR_INIT;
	struct holder_start start;
	struct command command;
	struct arena arena;
	int err = 0;

	arena_init(&arena);
	if (!command_build(&in, &arena, &command, &error) ||
	    (e->container != NULL &&
	     !container_wrap(&box, e->place->path, e->id, &arena, &command, &error))) {
		life_fail(a, e, CODE_NO_EXECUTION, "start", "%s", error.p);
		goto out;
	}
	if (command.script != NULL) {
		int fd = open(command.script, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);

		err = fd < 0 ? -errno : fd_write_all(fd, e->script, strlen(e->script));
		if (fd >= 0 && close(fd) != 0 && err == 0)
			err = -errno;
	}
	if (err != 0) {
		life_fail(a, e, CODE_NO_EXECUTION, outcome_reason(-err, "start"),
		          "cannot write %s: %s", command.script, strerror(-err));
		goto out;
	}
	execution_note(e, &note);
	start = (struct holder_start){.id = (uint64_t)e->id,
	                              .weight = e->weight,
	                              .gpus = e->gpu > 0 ? (unsigned)e->gpu : 0,
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

void life_stage_in(struct agent *a, struct execution *e)
{
	struct staging *s;
	int err = 0;

	if (e->container == NULL && e->input == NULL && e->resource == NULL) {
		life_hold(a, e);
		return;
	}
	if (e->container != NULL)
		err = containers_begin(a->options->work.p);
	if (err == 0 && e->container != NULL)
		err = place_open_up(e->place);
	if (err != 0) {
		life_fail(a, e, CODE_NO_EXECUTION, outcome_reason(-err, "start"),
		          "cannot prepare %s for a container: %s", e->place->path, strerror(-err));
		return;
	}
	e->phase = PHASE_STAGING;
	s = staging_in_new(e, a->resources, a->shield, a->engine.program.p, staged_in);
	life_add_job(a, e, s, e->download_timeout);
}

static void staged_in(struct job *job, void *ctx)
{
	struct staging *s = (struct staging *)job;
	struct agent *a = ctx;
	struct execution *e = life_job_returned(a, s);

	if (e != NULL && (s->result != STAGE_OK || e->job_cause != NULL)) {
		life_job_failed(a, e, s);
	} else if (e != NULL) {
		e->deadline_ns = 0;
		staging_in_give(s, e);
		life_hold(a, e);
	}
	staging_free(s);
}
