#include "server/signals.h"

#include "server/columns.h"
#include "server/lease.h"
#include "server/record.h"

#include <signal.h>
#include <string.h>

void signal_add(struct core *core, struct worker_node *worker, uint32_t execution, int number)
{
	struct signal_node signal = {
	        .execution = execution, .signal = number, .delivered_ns = INT64_MIN};
	struct signal_row row = {.execution_id = execution ? execution : INT_NULL,
	                         .worker_id = worker->id,
	                         .signal = number,
	                         .creation_date = core->now_us,
	                         .delivered_date = DATE_NULL};

	/* The same signal twice has the effect of one. */
	for (size_t i = 0; i < worker->signals.n; i++) {
		if (worker->signals.v[i].execution == execution &&
		    worker->signals.v[i].signal == number)
			return;
	}
	signal.id = ++core->state.last_signal;
	row.signal_id = signal.id;
	if (!record_insert(core, TABLE_SIGNAL, &row))
		return;
	vec_push(&worker->signals, signal);
	lease_answer(core, worker);
}

static bool drop(struct core *core, struct worker_node *worker, size_t i)
{
	struct signal_row row = {.signal_id = worker->signals.v[i].id};

	memmove(&worker->signals.v[i], &worker->signals.v[i + 1],
	        (--worker->signals.n - i) * sizeof(worker->signals.v[0]));
	return record_delete(core, TABLE_SIGNAL, &row);
}

void signal_acknowledged(struct core *core, struct worker_node *worker, int64_t id)
{
	for (size_t i = 0; i < worker->signals.n; i++) {
		if (worker->signals.v[i].id == id) {
			drop(core, worker, i);
			return;
		}
	}
}

bool signals_ended(struct core *core, const struct execution_node *execution)
{
	struct worker_node *worker = execution->worker;

	for (size_t i = worker->signals.n; i-- > 0;) {
		if (worker->signals.v[i].execution == execution->id && !drop(core, worker, i))
			return false;
	}
	return !core->group_failed;
}

int64_t signals_next_ns(const struct worker_node *worker)
{
	int64_t next = INT64_MAX;

	for (size_t i = 0; i < worker->signals.n; i++) {
		int64_t at = worker->signals.v[i].delivered_ns;

		if (at != INT64_MIN)
			at += SIGNAL_AGAIN_NS;
		next = at < next ? at : next;
	}
	return next;
}

json_t *signal_json(const struct worker_node *worker, const struct signal_node *signal)
{
	json_t *value = json_object();

	if (worker->leases)
		json_object_set_new(value, "signal_id", json_integer(signal->id));
	json_object_set_new(value, "execution_id",
	                    signal->execution ? json_integer(signal->execution) : json_null());
	if (!worker->leases)
		json_object_set_new(value, "worker_id", json_integer(worker->id));
	json_object_set_new(value, "signal", json_integer(signal->signal));
	return value;
}

static void delivered(struct core *core, struct signal_node *signal)
{
	struct signal_row row = {.signal_id = signal->id, .delivered_date = core->now_us};
	bool first = signal->delivered_ns == INT64_MIN;

	signal->delivered_ns = core->now_ns;
	if (first)
		record_update(core, TABLE_SIGNAL, &row, BIT(SIGNAL_COL_delivered_date));
}

void signals_due(struct core *core, struct worker_node *worker, json_t *array)
{
	for (size_t i = 0; i < worker->signals.n && !core->group_failed; i++) {
		struct signal_node *signal = &worker->signals.v[i];

		if (signal->delivered_ns != INT64_MIN &&
		    signal->delivered_ns + SIGNAL_AGAIN_NS > core->now_ns)
			continue;
		json_array_append_new(array, signal_json(worker, signal));
		delivered(core, signal);
	}
}

void signals_hand_over(struct core *core, struct worker_node *worker, json_t *array)
{
	size_t i = 0;

	while (i < worker->signals.n && !core->group_failed) {
		struct signal_node *signal = &worker->signals.v[i];
		bool again = signal->execution != 0 &&
		             (signal->signal == SIGKILL || signal->signal == SIGTERM);

		if (signal->delivered_ns != INT64_MIN &&
		    signal->delivered_ns + SIGNAL_V1_AGAIN_NS > core->now_ns) {
			i++;
			continue;
		}
		json_array_append_new(array, signal_json(worker, signal));
		if (again) {
			delivered(core, signal);
			i++;
		} else {
			drop(core, worker, i);
		}
	}
}
