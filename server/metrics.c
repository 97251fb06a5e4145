#include "server/metrics.h"

#include "base/alloc.h"
#include "server/core_inside.h"
#include "server/feed.h"
#include "server/flow.h"
#include "server/handlers.h"
#include "server/http.h"
#include "server/reader.h"
#include "server/recruit/recruit.h"
#include "server/route.h"
#include "server/run.h"
#include "server/server.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Those that we answer with; any other is counted as the last. */
static const int statuses[] = {200, 201, 302, 307, 308, 400, 401, 404,         405,
                               409, 413, 417, 422, 429, 500, 503, CALL_DROPPED};

#define STATUSES (sizeof(statuses) / sizeof(statuses[0]))

struct metrics {
	size_t n;
	atomic_uint_fast64_t requests[]; /* [route][status]; the last route: none */
};

struct metrics *metrics_new(void)
{
	size_t n = (route_count + 1) * STATUSES;
	struct metrics *metrics = xcalloc(1, sizeof(*metrics) + n * sizeof(metrics->requests[0]));

	metrics->n = n;
	return metrics;
}

void metrics_free(struct metrics *metrics)
{
	free(metrics);
}

void metrics_request(struct metrics *metrics, const struct route *route, int status)
{
	size_t r = route ? (size_t)(route - routes) : route_count, s = 0;

	assert(r * STATUSES < metrics->n);
	while (s < STATUSES - 1 && statuses[s] != status)
		s++;
	atomic_fetch_add_explicit(&metrics->requests[r * STATUSES + s], 1, memory_order_relaxed);
}

/* Printing. */

struct printer {
	struct core *core;
	struct server *server;
	const char *name; /* of the metric */
	struct str *out;
};

static void print_label(struct printer *p, const char *name, const char *value)
{
	str_addf(p->out, "%s=\"", name);
	for (; *value != '\0'; value++) {
		if (*value == '\\' || *value == '"')
			str_addc(p->out, '\\');
		if (*value == '\n')
			str_adds(p->out, "\\n");
		else
			str_addc(p->out, *value);
	}
	str_addc(p->out, '"');
}

/* A sample with up to two labels. */
static void sample(struct printer *p, const char *label, const char *value, const char *label2,
                   const char *value2, double number)
{
	str_addf(p->out, "scitq_%s", p->name);
	if (label != NULL) {
		str_addc(p->out, '{');
		print_label(p, label, value);
		if (label2 != NULL) {
			str_addc(p->out, ',');
			print_label(p, label2, value2);
		}
		str_addc(p->out, '}');
	}
	str_addf(p->out, " %.17g\n", number);
}

static void plain(struct printer *p, double number)
{
	sample(p, NULL, NULL, NULL, NULL, number);
}

static void print_histogram(struct printer *p, const struct histogram *h,
                            const double bounds[HISTOGRAM_BOUNDS])
{
	uint64_t n = 0;

	for (int i = 0; i < HISTOGRAM_BOUNDS; i++) {
		n += h->n[i];
		str_addf(p->out, "scitq_%s_bucket{le=\"%g\"} %llu\n", p->name, bounds[i],
		         (unsigned long long)n);
	}
	n += h->n[HISTOGRAM_BOUNDS];
	str_addf(p->out,
	         "scitq_%s_bucket{le=\"+Inf\"} %llu\nscitq_%s_sum %.17g\nscitq_%s_count %llu\n",
	         p->name, (unsigned long long)n, p->name, h->sum, p->name, (unsigned long long)n);
}

static void print_build_info(struct printer *p)
{
	sample(p, "version", SCITQ_VERSION, NULL, NULL, 1);
}

static void print_start_time_seconds(struct printer *p)
{
	plain(p, (double)p->core->counts.start_us / 1e6);
}

static void print_tasks(struct printer *p)
{
	const struct state *state = &p->core->state;

	for (size_t i = 0; i < state->batches.n; i++) {
		const struct batch_node *batch = state->batches.v[i];

		for (int s = 0; s < TASK_STATUS_COUNT; s++) {
			if (batch->counts[s] > 0 &&
			    (state->tasks_to == UINT32_MAX || !task_is_done((enum task_status)s)))
				sample(p, "batch", batch->name, "status", task_status_words[s],
				       batch->counts[s]);
		}
	}
}

static void print_tasks_ready(struct printer *p)
{
	const struct state *state = &p->core->state;

	for (size_t i = 0; i < state->batches.n; i++) {
		if (state->batches.v[i]->ready > 0)
			sample(p, "batch", state->batches.v[i]->name, NULL, NULL,
			       state->batches.v[i]->ready);
	}
}

static void print_workers(struct printer *p)
{
	const struct state *state = &p->core->state;
	uint32_t n[WORKER_STATUS_COUNT] = {0};

	for (size_t i = 0; i < state->workers.n; i++) {
		if (state->workers.v[i] != NULL)
			n[worker_status_of(state->workers.v[i])]++;
	}
	for (int s = 0; s < WORKER_STATUS_COUNT; s++)
		sample(p, "status", worker_status_words[s], NULL, NULL, n[s]);
}

static void print_leases(struct printer *p)
{
	const struct state *state = &p->core->state;
	uint32_t n[EXECUTION_STATUS_COUNT] = {0};

	for (size_t i = 0; i < state->workers.n; i++) {
		const struct worker_node *worker = state->workers.v[i];
		const struct execution_node *e;

		if (worker == NULL)
			continue;
		TAILQ_FOREACH(e, &worker->running, held)
		{
			n[e->status]++;
		}
		TAILQ_FOREACH(e, &worker->spare, held)
		{
			n[e->status]++;
		}
	}
	for (int s = 0; s < EXECUTION_STATUS_COUNT; s++) {
		if (!execution_is_done((enum execution_status)s))
			sample(p, "status", execution_status_words[s], NULL, NULL, n[s]);
	}
}

static void print_lease_calls_waiting(struct printer *p)
{
	const struct state *state = &p->core->state;
	uint32_t n = 0;

	for (size_t i = 0; i < state->workers.n; i++)
		n += state->workers.v[i] != NULL && state->workers.v[i]->waiting != NULL;
	plain(p, n);
}

static void print_executions_total(struct printer *p)
{
	for (int s = 0; s < EXECUTION_STATUS_COUNT; s++) {
		if (execution_is_done((enum execution_status)s))
			sample(p, "status", execution_status_words[s], NULL, NULL,
			       (double)p->core->counts.executions[s]);
	}
}

static void print_jobs_total(struct printer *p)
{
	for (int s = 0; s < JOB_STATUS_COUNT; s++)
		sample(p, "status", job_status_words[s], NULL, NULL,
		       (double)p->core->counts.jobs[s]);
}

static void print_recruiter_decisions_total(struct printer *p)
{
	for (int r = 0; r < DECISION_REASON_COUNT; r++)
		sample(p, "state", decision_words[r], NULL, NULL,
		       (double)p->core->recruit->decisions[r]);
}

static void print_recruited_workers_total(struct printer *p)
{
	const struct recruit *recruit = p->core->recruit;

	sample(p, "how", "recycled", NULL, NULL, (double)recruit->recycled);
	sample(p, "how", "deployed", NULL, NULL, (double)recruit->deployed);
	sample(p, "how", "returned", NULL, NULL, (double)recruit->returned);
}

static void print_runs(struct printer *p)
{
	const struct state *state = &p->core->state;
	uint32_t n[RUN_STATUS_COUNT] = {0};

	for (size_t i = 0; i < state->runs.n; i++)
		n[state->runs.v[i]->status]++;
	for (int s = 0; s < RUN_STATUS_COUNT; s++)
		sample(p, "status", run_status_words[s], NULL, NULL, n[s]);
}

static void print_group_calls(struct printer *p)
{
	print_histogram(p, &p->core->counts.group, core_group_bounds);
}

static void print_commit_seconds(struct printer *p)
{
	print_histogram(p, &p->core->counts.commit, core_commit_bounds);
}

static void print_groups_failed_total(struct printer *p)
{
	plain(p, (double)p->core->counts.failed);
}

static void print_queue_depth(struct printer *p)
{
	size_t n;

	pthread_mutex_lock(&p->core->lock);
	n = p->core->queue.n;
	pthread_mutex_unlock(&p->core->lock);
	sample(p, "queue", "core", NULL, NULL, (double)n);
	sample(p, "queue", "readers", NULL, NULL, readers_waiting(p->server->readers));
}

static void print_http_requests_total(struct printer *p)
{
	struct metrics *metrics = p->server->metrics;

	for (size_t r = 0; r <= route_count; r++) {
		for (size_t s = 0; s < STATUSES; s++) {
			uint64_t n = atomic_load_explicit(&metrics->requests[r * STATUSES + s],
			                                  memory_order_relaxed);
			char status[16] = "dropped";

			if (n == 0)
				continue;
			if (statuses[s] != CALL_DROPPED)
				snprintf(status, sizeof(status), "%d", statuses[s]);
			str_addf(p->out, "scitq_%s{method=\"%s\",", p->name,
			         r < route_count ? routes[r].method : "");
			print_label(p, "route", r < route_count ? routes[r].pattern : "");
			str_addf(p->out, ",status=\"%s\"} %llu\n", status, (unsigned long long)n);
		}
	}
}

static void print_streams(struct printer *p)
{
	plain(p, flows_count(p->server->flows));
}

static void print_events_total(struct printer *p)
{
	plain(p, (double)(feed_last(p->server->feed) - feed_first(p->server->feed) + 1));
}

/* The table. */
static const struct {
	const char *name, *type, *help;
	void (*print)(struct printer *p);
} table[] = {
#define METRIC(name, type, help) {#name, #type, help, print_##name},
#include "server/metrics.def"
#undef METRIC
};

void handle_metrics(struct core *core, struct call *call)
{
	struct printer p = {core, call->server, NULL, &call->reply};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		p.name = table[i].name;
		str_addf(p.out, "# HELP scitq_%s %s\n# TYPE scitq_%s %s\n", p.name, table[i].help,
		         p.name, table[i].type);
		table[i].print(&p);
	}
	core_reply_bytes(core, call, 200, "text/plain; version=0.0.4; charset=utf-8");
}
