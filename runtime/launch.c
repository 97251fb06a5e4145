#include "runtime/launch.h"

#include "base/clock.h"
#include "base/engine.h"
#include "base/gpus.h"
#include "runtime/difference.h"
#include "runtime/follow.h"
#include "runtime/reuse.h"
#include "runtime/submit.h"
#include "runtime/summary.h"
#include "stage/uri.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct launch {
	const struct launch_options *options;
	const struct submission *submission;
	struct progress progress;
	struct session session;
	struct digests digests;
	struct identities ids;
	struct reuse reuse;
	struct submitted submitted;
	int64_t started_ns;
	enum launch_end end;
	int64_t run_id; /* of launch_difference, and what it found */
	struct str *difference;
};

static bool identify(struct launch *l)
{
	struct str path = STR_INIT, why = STR_INIT;
	bool ok;

	str_addf(&path, "%s/digests", l->session.local.state);
	digests_open(&l->digests, path.p);
	ok = identities_compute(&l->ids, l->submission, &l->digests, &why);
	if (!ok)
		session_fail(&l->session, EXIT_CODE_COMPILE, "%s", why.p);
	str_release(&path);
	str_release(&why);
	return ok;
}

static int64_t gpus_here(void)
{
	struct str list = STR_INIT;
	size_t n = gpus_find(&list);

	str_release(&list);
	return (int64_t)n;
}

/* Of a step whose tasks ask for more than this machine has: cpus are told, memory and GPUs cannot
   be had. */
static bool fits_here(struct launch *l, const struct submission_step *step, const struct task *row)
{
	int64_t ram = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
	int64_t gpus = gpus_here();

	if (row->memory != INT_NULL && ram > 0 && row->memory > ram)
		return session_fail(&l->session, EXIT_CODE_INFRASTRUCTURE,
		                    "%s: step %s asks for %.1f GB of memory, and this machine has "
		                    "%.1f; lower its `memory`, or run it on a server with -s",
		                    step->source, step->name, (double)row->memory / 1e9,
		                    (double)ram / 1e9);
	if (step->gpus > gpus)
		return session_fail(
		        &l->session, EXIT_CODE_INFRASTRUCTURE,
		        "%s: step %s asks for %lld GPU%s, and this machine has %lld; run "
		        "it on a server with -s",
		        step->source, step->name, (long long)step->gpus, step->gpus == 1 ? "" : "s",
		        (long long)gpus);
	if (row->cpu > l->session.cpus)
		progress_say(&l->progress,
		             "! step %s asks for %.6g cpus, and this machine has %d: its tasks run "
		             "one at a time, with $CPU=%d",
		             step->name, row->cpu, l->session.cpus, l->session.cpus);
	return true;
}

/* Every worker that there will be is our own. */
static bool is_all_here(const struct launch_options *options)
{
	return options->team.server == NULL && options->own.recruit == NULL;
}

/*
 * Our own worker runs on this machine: what it lacks is said now, not after an hour of waiting
 * tasks.
 */
static bool can_run_here(struct launch *l)
{
	struct str why = STR_INIT;
	struct engine engine;
	struct arena arena;
	bool ok = engine_init(&engine, &why);

	if (!ok)
		session_fail(&l->session, EXIT_CODE_INFRASTRUCTURE, "%s", why.p);
	arena_init(&arena);
	for (uint32_t i = 0; ok && is_all_here(l->options) && i < l->submission->step_count; i++) {
		const struct submission_step *step = &l->submission->steps[i];
		struct submission_task task = {0};

		if (step->task_count == 0)
			continue;
		l->submission->task(l->submission, step->first_task, &arena, &task);
		if (task.row.container != NULL && engine.program.len == 0)
			ok = session_fail(&l->session, EXIT_CODE_INFRASTRUCTURE,
			                  "%s: step %s runs in the container %s, but %s",
			                  step->source, step->name, task.row.container,
			                  engine.missing.p);
		else
			ok = fits_here(l, step, &task.row);
	}
	arena_release(&arena);
	engine_release(&engine);
	str_release(&why);
	return ok;
}

static bool choose(struct launch *l)
{
	bool joins;

	if (!submit_joins(&l->session, &l->ids, &joins))
		return false;
	if (l->options->fresh) {
		reuse_none(&l->reuse, l->submission->task_count);
		l->reuse.fresh = true;
	} else if (!reuse_find(&l->reuse, &l->session, &l->ids)) {
		return false;
	}
	if (l->reuse.count > 0)
		progress_say(&l->progress, "%u of %u tasks %s", l->reuse.count,
		             l->submission->task_count, joins ? "done already" : "reused");
	/* What a run that goes on has written is not in the way of anybody. */
	return joins || l->reuse.count == l->submission->task_count ||
	       reuse_prepare(&l->reuse, &l->session, &l->ids, !l->options->fresh);
}

/* Whether the folder of this machine is there or can be made; else why not, and `path` is cut to
   the directory that is in the way. */
static int why_no_folder(char *path)
{
	struct stat st;
	bool there = true;

	while (stat(path, &st) != 0) {
		char *slash = strrchr(path, '/');

		if ((errno != ENOENT && errno != ENOTDIR) || slash == NULL || path[1] == '\0')
			return errno;
		slash[slash == path] = '\0';
		there = false;
	}
	if (!S_ISDIR(st.st_mode))
		return ENOTDIR;
	return there || access(path, W_OK | X_OK) == 0 ? 0 : errno;
}

static bool can_keep_results(struct launch *l, const struct submission_step *step, uint32_t task,
                             struct arena *arena)
{
	struct submission_task made = {0};
	struct uri uri;
	const char *error;
	char *path;
	int why;

	l->submission->task(l->submission, task, arena, &made);
	if (made.row.output == NULL || !uri_parse(arena, made.row.output, &uri, &error) ||
	    strcmp(uri.scheme, "file") != 0)
		return true;
	path = arena_strndup(arena, uri.place, strlen(uri.place));
	why = why_no_folder(path);
	return why == 0 ||
	       session_fail(
	               &l->session, EXIT_CODE_INFRASTRUCTURE,
	               "%s: step %s writes to %s, and %s: %s; `storage` in `workflow`, or --set "
	               "workflow.storage=DIR, names another place",
	               step->source, step->name, uri.place, path, strerror(why));
}

/* Results that cannot be kept are no use after a day of computing either. */
static bool can_write_here(struct launch *l)
{
	struct arena arena;
	bool ok = true;

	arena_init(&arena);
	for (uint32_t i = 0; ok && is_all_here(l->options) && i < l->submission->step_count; i++) {
		const struct submission_step *step = &l->submission->steps[i];
		uint32_t task = step->first_task, end = task + step->task_count;

		while (task < end && l->reuse.task_id[task] != 0)
			task++;
		if (task < end)
			ok = can_keep_results(l, step, task, &arena);
	}
	arena_release(&arena);
	return ok;
}

static bool detach(struct launch *l, struct follow *f)
{
	bool ok = session_detach(&l->session, l->submitted.run_id) && follow_look(f);

	progress_clear(&l->progress);
	f->detached = ok;
	return ok;
}

static enum exit_code finish(struct launch *l, struct follow *f)
{
	summary_tell(f, &l->ids.results, l->started_ns);
	l->end = f->left ? LAUNCH_LEFT : f->detached ? LAUNCH_DETACHED : LAUNCH_ENDED;
	if (f->detached || f->left)
		return l->session.interrupted ? EXIT_CODE_INTERRUPTED : EXIT_CODE_OK;
	if (f->status == RUN_SUCCEEDED)
		return summary_print_result(f, &l->reuse) ? EXIT_CODE_OK
		                                          : (enum exit_code)l->session.exit_code;
	return l->session.interrupted ? EXIT_CODE_INTERRUPTED : EXIT_CODE_TASKS_FAILED;
}

static bool follow_all(struct launch *l, struct follow *f)
{
	if (l->options->debug && !debug_run(f, l->options->editor))
		return false;
	return follow_ended(f) || f->detached || follow_run(f);
}

static enum exit_code run(struct launch *l)
{
	const struct launch_options *options = l->options;
	enum exit_code code;
	struct follow f;
	bool ok;

	if (!session_watch(&l->session) ||
	    !submit_run(&l->submitted, &l->session, &l->ids, &l->reuse, l->options->path,
	                l->options->arguments, l->options->debug))
		return (enum exit_code)l->session.exit_code;
	if (l->submitted.joined)
		progress_say(&l->progress, "joined run %lld, which has the same plan",
		             (long long)l->submitted.run_id);
	if (l->submitted.turned)
		progress_say(&l->progress, "%s",
		             l->options->debug
		                     ? "what waits of it waits for you from here on"
		                     : "it was debugged, and goes on by itself from here on");
	telling_line(options->telling, "run",
	             json_pack("{s:I, s:s, s:s, s:I, s:I, s:b}", "run_id",
	                       (json_int_t)l->submitted.run_id, "name", l->submission->workflow,
	                       "server", l->session.client.url.p, "tasks",
	                       (json_int_t)l->submission->task_count, "reused",
	                       (json_int_t)l->reuse.count, "joined", l->submitted.joined));
	follow_init(&f, &l->session, l->submission, l->submitted.run_id);
	f.released = l->submitted.turned && !l->options->debug;
	if (l->options->detach || l->session.hung_up)
		ok = detach(l, &f);
	else
		ok = follow_all(l, &f);
	code = ok ? finish(l, &f) : (enum exit_code)l->session.exit_code;
	follow_release(&f);
	return code;
}

/* What `work` does with a server, whose identities are known. An exit code. */
static enum exit_code with_session(struct launch *l, int workers,
                                   enum exit_code (*work)(struct launch *l))
{
	const struct launch_options *options = l->options;
	struct session_private own = options->own;
	enum exit_code code;
	int err;

	own.workers = workers;
	l->started_ns = clock_monotonic_ns();
	progress_init(&l->progress, STDERR_FILENO);
	if (session_open(&l->session, &options->team, &own, &l->progress)) {
		l->session.telling = options->telling;
		code = work(l);
		reuse_release(&l->reuse);
		identities_release(&l->ids);
		err = digests_close(&l->digests);
		if (err != 0)
			progress_say(&l->progress, "! input digests are not remembered: %s",
			             strerror(-err));
	} else {
		code = (enum exit_code)l->session.exit_code;
	}
	if (l->session.error.len > 0)
		progress_say(&l->progress, "scitq-run: %s", l->session.error.p);
	session_close(&l->session);
	progress_close(&l->progress);
	return code;
}

static enum exit_code run_all(struct launch *l)
{
	if (can_run_here(l) && identify(l) && choose(l) && can_write_here(l))
		return run(l);
	return (enum exit_code)l->session.exit_code;
}

enum exit_code launch(const struct launch_options *options, const struct submission *submission,
                      enum launch_end *end)
{
	struct launch l = {.options = options, .submission = submission};
	enum exit_code code = with_session(&l, options->own.workers, run_all);

	*end = l.end;
	return code;
}

static enum exit_code tell_difference(struct launch *l)
{
	if (identify(l) && difference_tell(&l->session, &l->ids, l->run_id, l->difference))
		return EXIT_CODE_OK;
	return (enum exit_code)l->session.exit_code;
}

enum exit_code launch_difference(const struct launch_options *options,
                                 const struct submission *submission, int64_t run_id,
                                 struct str *out)
{
	struct launch l = {
	        .options = options, .submission = submission, .run_id = run_id, .difference = out};

	return with_session(&l, 0, tell_difference);
}
