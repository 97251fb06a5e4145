#include "runtime/carry.h"

#include "base/clock.h"
#include "model/member.h"
#include "runtime/follow.h"
#include "runtime/results.h"
#include "runtime/summary.h"

#include <string.h>
#include <unistd.h>

/* What following wants to know of a plan, told by the server: who waits for whom is not. */
struct told {
	struct arena arena;
	struct submission plan;
};

/* The batch of what the server makes at the run's end: no step, and not counted. */
static bool is_hook(const json_t *run, const char *step)
{
	static const char *const words[] = {"on_success", "on_failure"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(step, words[i]) == 0)
			return json_is_string(json_object_get(run, words[i]));
	}
	return false;
}

static void read_steps(struct told *t, const json_t *run)
{
	static const char *const counts[] = {"waiting", "pending", "running", "succeeded",
	                                     "failed",  "paused",  "debug"};
	const json_t *steps = json_object_get(run, "steps");
	size_t prefix = strlen(t->plan.workflow) + 1, i;
	struct submission_step *list =
	        arena_array(&t->arena, struct submission_step, json_array_size(steps) + 1);
	json_t *one;

	json_array_foreach(steps, i, one)
	{
		struct submission_step *step = &list[t->plan.step_count];

		step->batch = arena_strdup(&t->arena, member_text(one, "batch"));
		/* WORKFLOW.STEP */
		step->name = step->batch + (strlen(step->batch) > prefix ? prefix : 0);
		for (size_t k = 0; k < sizeof(counts) / sizeof(counts[0]); k++)
			step->task_count += (uint32_t)member_int(one, counts[k]);
		t->plan.step_count += is_hook(run, step->name) ? 0 : 1;
	}
	t->plan.steps = list;
}

static void told_init(struct told *t, const json_t *run)
{
	memset(t, 0, sizeof(*t));
	arena_init(&t->arena);
	t->plan.workflow = arena_strdup(&t->arena, member_text(run, "name"));
	read_steps(t, run);
}

/* Somebody has to see to it, and nobody does. */
static bool wants_us(struct session *s, const json_t *run, const char *workflow)
{
	const char *status = member_text(run, "status");
	bool live = strcmp(status, "running") == 0 || strcmp(status, "submitting") == 0;
	bool followed = member_int(run, "followers") > 0;

	/* What was left of one that is debugged has no workers. */
	bool kept = json_is_true(json_object_get(run, "detached")) &&
	            !json_is_true(json_object_get(run, "debug"));

	/* A follower is counted for a while after it has gone; its lock goes with it. */
	return live && !kept && !(followed && !local_is_left(&s->local, workflow));
}

static void add_result(void *context, json_t *task)
{
	results_add_row(context, task);
}

/* With where the results are, once it has ended. */
static bool tell(struct session *s, const struct told *t, struct follow *f, int64_t started_ns)
{
	struct results results;
	bool ended = !f->detached && !f->left, ok;

	results_init(&results, &t->plan);
	/* Where its tasks write. */
	ok = !ended ||
	     session_rows(s, "/tasks/", "task_id",
	                  json_pack("{s:I, s:s}", "run_id", (json_int_t)f->run_id, "view", "full"),
	                  add_result, &results);
	if (ok)
		summary_tell(f, &results, started_ns);
	results_release(&results);
	return ok;
}

static enum exit_code follow(struct session *s, const struct told *t, const json_t *run)
{
	int64_t started_ns = clock_monotonic_ns();
	enum exit_code code = EXIT_CODE_OK;
	struct follow f;

	follow_init(&f, s, &t->plan, member_int(run, "run_id"));
	f.brief = true;
	f.reused_before = member_int(run, "reused_count");
	if (!follow_run(&f) || !tell(s, t, &f, started_ns)) {
		code = (enum exit_code)s->exit_code;
	} else {
		if (s->interrupted)
			code = EXIT_CODE_INTERRUPTED;
		else if (!f.detached && !f.left && f.status != RUN_SUCCEEDED)
			code = EXIT_CODE_TASKS_FAILED;
	}
	follow_release(&f);
	return code;
}

static enum exit_code detach(struct session *s, const struct told *t, const json_t *run)
{
	int64_t id = member_int(run, "run_id");

	if (!session_set_run(s, id, json_pack("{s:b}", "detached", 1)))
		return (enum exit_code)s->exit_code;
	progress_say(s->progress, "%s run %lld goes on", t->plan.workflow, (long long)id);
	return EXIT_CODE_OK;
}

static enum exit_code carry_run(struct session *s, const struct carry_options *options, int64_t id)
{
	enum exit_code code = EXIT_CODE_OK;
	json_t *run = NULL;
	char path[48];
	struct told t;
	int err;

	snprintf(path, sizeof(path), "/runs/%lld", (long long)id);
	if (!session_call(s, "GET", path, NULL, &run))
		return (enum exit_code)s->exit_code;
	told_init(&t, run);
	if (wants_us(s, run, t.plan.workflow)) {
		err = local_hold(&s->local, t.plan.workflow);
		if (err != 0) {
			session_fail(s, EXIT_CODE_INFRASTRUCTURE, "cannot lock %s/run/%s.lock: %s",
			             s->local.state, t.plan.workflow, strerror(-err));
			code = EXIT_CODE_INFRASTRUCTURE;
		} else {
			code = options->detach ? detach(s, &t, run) : follow(s, &t, run);
		}
	}
	arena_release(&t.arena);
	json_decref(run);
	return code;
}

enum exit_code carry_runs(const struct carry_options *options, const int64_t *runs, size_t n)
{
	const struct server_access nobody = {.server = NULL};
	const struct session_private own = {.state = options->state, .workers = -1};
	enum exit_code worst = EXIT_CODE_OK;
	struct progress progress;
	struct session s;

	progress_init(&progress, STDERR_FILENO);
	if (session_open(&s, &nobody, &own, &progress) && session_watch(&s)) {
		for (size_t i = 0; i < n && !s.interrupted && s.error.len == 0; i++) {
			enum exit_code code = carry_run(&s, options, runs[i]);

			worst = code > worst ? code : worst;
		}
	} else {
		worst = (enum exit_code)s.exit_code;
	}
	if (s.error.len > 0)
		progress_say(&progress, "%s: %s", options->program, s.error.p);
	session_close(&s);
	progress_close(&progress);
	return worst;
}
