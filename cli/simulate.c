#include "cli/simulate.h"

#include "base/gpus.h"
#include "base/log.h"
#include "cli/io.h"
#include "cli/ndjson.h"
#include "cli/run_options.h"
#include "model/json.h"
#include "runtime/session.h"
#include "server/handlers.h"
#include "server/recruit/recruit.h"
#include "server/run.h"
#include "server/simulation/simulation.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BULK 5000
/* A plan on which nothing has moved for so long stands still. */
#define STILL_SECONDS (2 * 86400.0)
/* Rows of workers over time that are printed. */
#define ROWS 20

struct step_result {
	double begins, ends; /* of its first and last task; NaN: none */
	double busy;         /* seconds of its tasks */
	uint32_t workers;    /* at most, at one time */
	double cost, rate;   /* rate: of its workers as of the last look, for an hour */
	bool unpriced;       /* some worker of it has no price: cost is of the others */
	uint32_t done;
};

struct moment {
	double seconds;
	uint32_t workers;
};

struct watch {
	const struct submission *submission;
	struct forecast *forecast;
	struct simulation *simulation;
	double boot_seconds;
	struct step_result *steps;
	VEC(struct moment) moments;
	double looked; /* when costs were last added up */
	double moved;  /* when a task last began or ended */
	/* Flavors of which no price is known, each once; "" for workers that nobody made. */
	struct intern unpriced;
	uint32_t most;
};

static uint32_t step_of(const struct submission *s, const char *batch)
{
	uint32_t i = 0;

	while (i < s->step_count && strcmp(s->steps[i].batch, batch) != 0)
		i++;
	return i;
}

static struct simulated_end execute(void *context, const json_t *grant)
{
	struct watch *w = context;
	uint32_t step = step_of(w->submission, json_string_value(json_object_get(grant, "batch")));
	struct simulated_end end = {.seconds = 0};
	double now = simulation_seconds(w->simulation);

	w->moved = now;
	/* A hook of the run takes no time. */
	if (step == w->submission->step_count)
		return end;
	end.seconds = w->forecast->seconds[step];
	if (isnan(w->steps[step].begins))
		w->steps[step].begins = now;
	w->steps[step].busy += end.seconds;
	return end;
}

static double boot(void *context, const json_t *request)
{
	(void)request;
	return ((struct watch *)context)->boot_seconds;
}

static int64_t machines_of(const struct watch *w, const char *provider, const json_t *metrics)
{
	return (int64_t)simulation_machines_at(
	        w->simulation, provider, json_string_value(json_object_get(metrics, "flavor")),
	        json_string_value(json_object_get(metrics, "region")));
}

/* What is left of each quota by now. */
static json_t *offers(void *context, const char *provider)
{
	const struct watch *w = context;
	json_t *told = json_deep_copy(json_object_get(w->forecast->offers, provider)), *row;
	size_t i;

	json_array_foreach(json_object_get(told, "metrics"), i, row)
	{
		json_t *available = json_object_get(row, "available");
		json_int_t left = json_integer_value(available) - machines_of(w, provider, row);

		if (json_is_integer(available))
			json_object_set_new(row, "available", json_integer(left > 0 ? left : 0));
	}
	return told;
}

/* The submission, as runtime/submit.c sends it, without what says where files are. */

static json_t *run_body(const struct submission *s)
{
	json_t *body = json_pack("{s:s, s:s}", "name", s->workflow, "digest", "simulated"),
	       *batches = json_array(), *recruiters = json_array();

	if (s->maximum_workers != INT_NULL)
		json_object_set_new(body, "maximum_workers", json_integer(s->maximum_workers));
	if (!isnan(s->max_cost))
		json_object_set_new(body, "max_cost", json_real(s->max_cost));
	for (uint32_t i = 0; i < s->step_count; i++) {
		json_t *batch = json_pack("{s:s, s:i}", "batch", s->steps[i].batch, "depth",
		                          (int)s->steps[i].depth);

		if (s->steps[i].concurrency != INT_NULL)
			json_object_set_new(batch, "concurrency",
			                    json_integer(s->steps[i].concurrency));
		json_array_append_new(batches, batch);
	}
	for (size_t i = 0; i < s->recruiter_count; i++)
		json_array_append_new(
		        recruiters, row_to_request(table_get(TABLE_RECRUITER), &s->recruiters[i]));
	json_object_set_new(body, "batches", batches);
	json_object_set_new(body, "recruiters", recruiters);
	return body;
}

/* Task i of the plan: its id is i + 1; in its own bulk, which begins with `first`, its key is i. */
static json_t *task_body(const struct submission_task *task, uint32_t i, uint32_t first,
                         struct arena *arena)
{
	json_t *body = json_pack("{s:s, s:s, s:s, s:I}", "key", arena_printf(arena, "%u", i),
	                         "command", "true", "batch", task->row.batch, "priority",
	                         (json_int_t)task->row.priority),
	       *requires = json_array();

	if (!isnan(task->row.cpu))
		json_object_set_new(body, "cpu", json_real(task->row.cpu));
	if (task->row.memory != INT_NULL)
		json_object_set_new(body, "memory", json_integer(task->row.memory));
	if (task->row.gpu != INT_NULL)
		json_object_set_new(body, "gpu", json_integer(task->row.gpu));
	for (size_t k = 0; k < task->nrequires; k++) {
		uint32_t other = task->requires[k];

		json_array_append_new(
		        requires, other < first ? json_integer((json_int_t)other + 1)
		                                : json_string(arena_printf(arena, "%u", other)));
	}
	json_object_set_new(body, "requires", requires);
	return body;
}

/* 0, or an exit code. */
static int call(struct watch *w, call_handler *handler, int64_t id, json_t *body)
{
	json_t *reply = NULL;
	int status = simulation_call(w->simulation, handler, id, NULL, body, &reply);
	const char *message = json_string_value(json_object_get(reply, "message"));

	if (status >= 300)
		fprintf(stderr, "scitq-run: the plan cannot be simulated: %s\n",
		        message ? message : "it was refused");
	json_decref(reply);
	return status < 300 ? 0 : EXIT_CODE_INFRASTRUCTURE;
}

static int submit(struct watch *w)
{
	const struct submission *s = w->submission;
	struct arena arena;
	int code = call(w, handle_run_create, 0, run_body(s));

	arena_init(&arena);
	for (uint32_t i = 0; i < s->task_count && code == 0;) {
		json_t *tasks = json_array();
		uint32_t first = i;

		for (; i < s->task_count && json_array_size(tasks) < BULK; i++) {
			struct submission_task task = {0};

			arena_clear(&arena);
			s->task(s, i, &arena, &task);
			json_array_append_new(tasks, task_body(&task, i, first, &arena));
		}
		code = call(w, handle_task_bulk, 0,
		            json_pack("{s:i, s:o}", "run_id", 1, "tasks", tasks));
	}
	arena_release(&arena);
	return code ? code : call(w, handle_run_update, 1, json_pack("{s:s}", "status", "running"));
}

/* Workers that are there all the time: where no recruiter may have any made. */
static void add_local(struct watch *w, int workers)
{
	const struct submission *s = w->submission;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN) / (workers > 0 ? workers : 1);
	struct str batch = STR_INIT, gpus = STR_INIT;
	size_t n;

	for (size_t i = 0; i < s->recruiter_count; i++) {
		if (s->recruiters[i].worker_provider != NULL &&
		    s->recruiters[i].worker_region != NULL)
			return;
	}
	cpus = cpus > 0 ? cpus : 1;
	n = gpus_find(&gpus);
	str_addf(&batch, "%s.*", s->workflow);
	for (int i = 0; i < workers; i++) {
		char name[32];

		snprintf(name, sizeof(name), "local-%d", i + 1);
		simulation_worker(w->simulation, name, batch.p, cpus, (double)cpus,
		                  i == 0 ? (int64_t)n : 0);
	}
	str_release(&gpus);
	str_release(&batch);
}

/* Watching. */

/* Of its hour; NaN, noted, where nobody tells it. */
static double price_of(struct watch *w, const struct worker_node *worker)
{
	struct core *core = simulation_core(w->simulation);
	const struct roster_worker *row =
	        roster_workers(core) ? roster_worker(&core->recruit->roster, worker->id) : NULL;
	const char *name = row != NULL && row->machine.name != NULL ? row->machine.name : "";

	if (row != NULL && !isnan(row->machine.cost))
		return row->machine.cost;
	intern_add(&w->unpriced, name, strlen(name));
	return (double)NAN;
}

static void look_at_workers(struct watch *w, double passed)
{
	const struct submission *s = w->submission;
	struct core *core = simulation_core(w->simulation);
	const struct state *state = &core->state;
	uint32_t total = 0;
	struct moment moment;

	for (uint32_t i = 0; i < s->step_count; i++) {
		w->steps[i].cost += w->steps[i].rate * passed / 3600;
		w->steps[i].rate = 0;
	}
	for (size_t i = 0; i < state->workers.n; i++) {
		const struct worker_node *worker = state->workers.v[i];
		uint32_t step;
		double price;

		if (worker == NULL || !worker->present)
			continue;
		total++;
		step = step_of(s, worker_batch(worker));
		price = price_of(w, worker);
		if (step == s->step_count)
			continue;
		w->steps[step].unpriced |= isnan(price);
		if (!isnan(price))
			w->steps[step].rate += price;
	}
	w->most = total > w->most ? total : w->most;
	moment = (struct moment){simulation_seconds(w->simulation), total};
	if (w->moments.n > 0 && w->moments.v[w->moments.n - 1].workers == total)
		return;
	vec_push(&w->moments, moment);
}

static void look_at_steps(struct watch *w)
{
	const struct state *state = &simulation_core(w->simulation)->state;
	double now = simulation_seconds(w->simulation);

	for (uint32_t i = 0; i < w->submission->step_count; i++) {
		const struct batch_node *batch =
		        state_batch_find(state, w->submission->steps[i].batch);
		struct step_result *step = &w->steps[i];
		uint32_t workers = 0, done;

		if (batch == NULL)
			continue;
		for (size_t k = 0; k < batch->serves.n; k++)
			workers += batch->serves.v[k]->present;
		step->workers = workers > step->workers ? workers : step->workers;
		done = batch->counts[TASK_SUCCEEDED] + batch->counts[TASK_FAILED];
		if (done == step->done)
			continue;
		step->done = done;
		step->ends = w->moved = now;
	}
}

static bool run_over(const struct watch *w)
{
	const struct run_node *run = run_find(&simulation_core(w->simulation)->state, 1);

	return run == NULL || run_ended(run);
}

/* Until the run is over. False: it stands still. */
static bool play(struct watch *w)
{
	while (!run_over(w)) {
		double now;

		if (!simulation_step(w->simulation, INFINITY))
			return false;
		now = simulation_seconds(w->simulation);
		look_at_workers(w, now - w->looked);
		w->looked = now;
		look_at_steps(w);
		if (now - w->moved > STILL_SECONDS)
			return false;
	}
	return true;
}

/* Telling. */

static void add_time(struct str *out, int width, double seconds)
{
	char text[40] = "-";
	unsigned long long n;

	if (!isnan(seconds)) {
		n = (unsigned long long)(seconds + 0.5);
		snprintf(text, sizeof(text), "%llu:%02llu:%02llu", n / 3600, n / 60 % 60, n % 60);
	}
	str_addf(out, "%*s", width, text);
}

static void add_cost(const struct step_result *step, struct str *out)
{
	if (step->unpriced)
		str_addf(out, "%10s", "-");
	else
		str_addf(out, "%10.2f", step->cost);
}

/* Of all whose price is known. */
static double total_cost(const struct watch *w)
{
	double cost = 0;

	for (uint32_t i = 0; i < w->submission->step_count; i++)
		cost += w->steps[i].cost;
	return cost;
}

static void add_total(const struct watch *w, struct str *out)
{
	if (w->unpriced.n == 0) {
		str_addf(out, "cost %.2f\n", total_cost(w));
		return;
	}
	str_adds(out, "cost unknown: no price is known of ");
	for (uint32_t i = 0; i < w->unpriced.n; i++) {
		const char *name = intern_text(&w->unpriced, i);

		str_addf(out, "%s%s", i > 0 ? ", " : "", *name != '\0' ? name : "local workers");
	}
	if (total_cost(w) > 0)
		str_addf(out, "; the others cost %.2f", total_cost(w));
	str_addc(out, '\n');
}

static void add_moments(const struct watch *w, struct str *out)
{
	size_t stride = w->moments.n / ROWS + 1;

	str_addf(out, "\n%10s  workers\n", "time");
	for (size_t i = 0; i < w->moments.n; i += stride) {
		const struct moment *m = &w->moments.v[i];
		unsigned bar = w->most > 40 ? m->workers * 40 / w->most : m->workers;

		add_time(out, 10, m->seconds);
		str_addf(out, "  %7u%s", m->workers, bar > 0 ? "  " : "");
		while (bar-- > 0)
			str_addc(out, '#');
		str_addc(out, '\n');
	}
}

static void tell_text(const struct watch *w, struct str *out)
{
	const struct submission *s = w->submission;

	str_addf(out, "%-20s %8s %10s %10s %10s %10s %8s %10s\n", "step", "tasks", "seconds",
	         "begins", "ends", "busy", "workers", "cost");
	for (uint32_t i = 0; i < s->step_count; i++) {
		const struct step_result *step = &w->steps[i];

		str_addf(out, "%-20s %8u %10g ", s->steps[i].name, s->steps[i].task_count,
		         w->forecast->seconds[i]);
		add_time(out, 10, step->begins);
		str_addc(out, ' ');
		add_time(out, 10, step->ends);
		str_addc(out, ' ');
		add_time(out, 10, step->busy);
		str_addf(out, " %8u ", step->workers);
		add_cost(step, out);
		str_addf(out, "%s\n",
		         strcmp(w->forecast->seconds_of[i], "assumed") == 0 ? "  seconds assumed"
		                                                            : "");
	}
	add_moments(w, out);
	str_adds(out, "\nmakespan ");
	add_time(out, 0, simulation_seconds(w->simulation));
	str_addf(out, ", at most %u worker%s, ", w->most, w->most == 1 ? "" : "s");
	add_total(w, out);
	if (w->forecast->made_up)
		str_adds(out,
		         "the machines are made up to fit: --offers FILE, or a server, says what "
		         "there is, --price what it costs\n");
}

static json_t *seconds_json(double seconds)
{
	return isnan(seconds) ? json_null() : json_real(seconds);
}

static void tell_json(const struct watch *w, struct str *out)
{
	const struct submission *s = w->submission;

	for (uint32_t i = 0; i < s->step_count; i++) {
		const struct step_result *step = &w->steps[i];

		ndjson_line(out, "simulated_step",
		            json_pack("{s:s, s:I, s:f, s:s, s:o, s:o, s:f, s:I, s:o}", "step",
		                      s->steps[i].name, "tasks", (json_int_t)s->steps[i].task_count,
		                      "seconds", w->forecast->seconds[i], "seconds_of",
		                      w->forecast->seconds_of[i], "begins",
		                      seconds_json(step->begins), "ends", seconds_json(step->ends),
		                      "busy", step->busy, "workers", (json_int_t)step->workers,
		                      "cost",
		                      step->unpriced ? json_null() : json_real(step->cost)));
	}
	for (size_t i = 0; i < w->moments.n; i++)
		ndjson_line(out, "simulated_workers",
		            json_pack("{s:f, s:I}", "at", w->moments.v[i].seconds, "workers",
		                      (json_int_t)w->moments.v[i].workers));
	ndjson_line(out, "simulation",
	            json_pack("{s:f, s:I, s:o}", "makespan", simulation_seconds(w->simulation),
	                      "workers", (json_int_t)w->most, "cost",
	                      w->unpriced.n > 0 ? json_null() : json_real(total_cost(w))));
}

/* Whose tasks are left, and why nobody takes them. */
static void tell_still(struct watch *w)
{
	struct core *core = simulation_core(w->simulation);

	fputs("scitq-run: the plan stands still:\n", stderr);
	for (uint32_t i = 0; i < w->submission->step_count; i++) {
		const struct submission_step *step = &w->submission->steps[i];
		const struct batch_node *batch = state_batch_find(&core->state, step->batch);

		if (batch == NULL || batch->counts[TASK_PENDING] == 0)
			continue;
		fprintf(stderr, "  %s: %u tasks are pending\n", step->name,
		        batch->counts[TASK_PENDING]);
		for (size_t k = 0; k < core->recruit->roster.recruiters.n; k++) {
			const struct roster_recruiter *r = &core->recruit->roster.recruiters.v[k];
			struct str why = STR_INIT;

			if (strcmp(r->row.batch, step->batch) != 0)
				continue;
			decision_explain(&r->last, &r->row, &why);
			fprintf(stderr, "    %s\n", why.p);
			str_release(&why);
		}
	}
}

static int play_and_tell(struct watch *w, const struct simulate_options *options)
{
	struct str out = STR_INIT;
	int code;

	add_local(w, options->workers);
	code = submit(w);
	if (code != 0)
		return code;
	if (!play(w)) {
		tell_still(w);
		return EXIT_CODE_TASKS_FAILED;
	}
	if (options->json)
		tell_json(w, &out);
	else
		tell_text(w, &out);
	return io_print(&out);
}

int simulate(const struct submission *s, const struct simulate_options *options)
{
	struct forecast forecast;
	struct watch w = {
	        .submission = s, .forecast = &forecast, .boot_seconds = options->boot_seconds};
	struct log log;
	struct problem problem = {0};
	struct simulation_options world = {.date_us = clock_date_us(),
	                                   .execute = execute,
	                                   .boot = boot,
	                                   .offers = offers,
	                                   .context = &w,
	                                   .log = &log};
	int code = forecast_read(&forecast, s, &options->forecast);

	intern_init(&w.unpriced);
	log_init(&log, "simulation", LOG_LEVEL_ERROR, STDERR_FILENO);
	w.steps = xcalloc(s->step_count + 1, sizeof(*w.steps));
	for (uint32_t i = 0; i < s->step_count; i++)
		w.steps[i].begins = w.steps[i].ends = (double)NAN;
	world.providers = forecast.providers;
	if (code == 0) {
		w.simulation = simulation_new(&world, &problem);
		if (w.simulation != NULL) {
			code = play_and_tell(&w, options);
			simulation_free(w.simulation);
		} else {
			fprintf(stderr, "scitq-run: %s\n", problem.message);
			code = EXIT_CODE_INFRASTRUCTURE;
		}
	}
	vec_release(&w.moments);
	intern_release(&w.unpriced);
	free(w.steps);
	forecast_release(&forecast);
	return code;
}
