/*
 * The edges of state.h: which task waits for which.
 *
 * Of those that a task waits with, the edges whose task failed are the last, in the order in which
 * they did: so it is seen at the first whether there is something to wait for, and at the last
 * whether too many of a gather have failed, however many there are.
 */
#include "server/state.h"

uint32_t state_unmet(const struct state *state, const struct task_node *task)
{
	uint32_t n = 0;

	for (uint32_t e = task->requires; e != 0; e = state->edges.v[e].next_required)
		n++;
	return n;
}

static uint32_t clamp(int64_t n)
{
	return n < 0 ? 0 : n >= UINT32_MAX ? UINT32_MAX - 1 : (uint32_t)n;
}

struct edge_rule edge_rule_of(const struct requirement *row)
{
	struct edge_rule rule = {0};

	if (row->gather != INT_NULL && row->may_fail != INT_NULL)
		rule = (struct edge_rule){clamp(row->gather) + 1, clamp(row->may_fail), 0};
	return rule;
}

struct edge_rule state_edge_rule(const struct state *state, uint32_t edge)
{
	const struct edge_rule none = {0};

	return edge < state->edge_rules.n ? state->edge_rules.v[edge] : none;
}

/* The last edge of those with which the task waits; the first one knows it. */
static uint32_t last_of(const struct state *state, const struct task_node *task)
{
	return state->edges.v[task->requires].prev_required;
}

static void link_required(struct state *state, struct task_node *task, uint32_t i, bool last)
{
	struct edge *edges = state->edges.v;
	uint32_t first = task->requires;

	if (first == 0) {
		edges[i].next_required = 0;
		edges[i].prev_required = i;
		task->requires = i;
		return;
	}
	edges[i].prev_required = edges[first].prev_required;
	if (last) {
		edges[i].next_required = 0;
		edges[edges[first].prev_required].next_required = i;
		edges[first].prev_required = i;
	} else {
		edges[i].next_required = first;
		edges[first].prev_required = i;
		task->requires = i;
	}
}

static void unlink_required(struct state *state, struct task_node *task, uint32_t i)
{
	struct edge *edges = state->edges.v;
	uint32_t next = edges[i].next_required, last = last_of(state, task);

	if (task->requires == i)
	task->requires = next;
	else edges[edges[i].prev_required].next_required = next;
	if (next != 0)
		edges[next].prev_required = edges[i].prev_required;
	else
		last = edges[i].prev_required;
	if (task->requires != 0)
		edges[task->requires].prev_required = last;
}

/* How many of its gather have failed so far, as the list goes. */
static uint32_t failed_before(const struct state *state, const struct task_node *task,
                              uint32_t gather)
{
	uint32_t e = task->requires != 0 ? last_of(state, task) : 0;

	while (e != 0 && state_edge_rule(state, e).failed > 0) {
		if (state_edge_rule(state, e).gather == gather)
			return state_edge_rule(state, e).failed;
		e = e != task->requires ? state->edges.v[e].prev_required : 0;
	}
	return 0;
}

/* Those behind it are one less. */
static void forget_failure(struct state *state, uint32_t i)
{
	uint32_t gather = state->edge_rules.v[i].gather;

	for (uint32_t e = state->edges.v[i].next_required; e != 0;
	     e = state->edges.v[e].next_required)
		state->edge_rules.v[e].failed -= state->edge_rules.v[e].gather == gather;
	state->edge_rules.v[i].failed = 0;
}

/* Put it where it belongs as its task stands. */
static void place(struct state *state, uint32_t i)
{
	struct task_node *task = state_task(state, state->edges.v[i].task);
	bool failed = state_task(state, state->edges.v[i].other)->status == TASK_FAILED;
	uint32_t gather = state_edge_rule(state, i).gather;

	if (failed && gather != 0)
		state->edge_rules.v[i].failed = failed_before(state, task, gather) + 1;
	link_required(state, task, i, failed);
}

void state_edge_settle(struct state *state, uint32_t i)
{
	if (state_edge_rule(state, i).failed > 0)
		forget_failure(state, i);
	unlink_required(state, state_task(state, state->edges.v[i].task), i);
	place(state, i);
}

bool state_edges_hopeless(const struct state *state, const struct task_node *task)
{
	uint32_t e = task->requires != 0 ? last_of(state, task) : 0;

	while (e != 0) {
		struct edge_rule rule = state_edge_rule(state, e);

		if (rule.gather == 0
		            ? state_task(state, state->edges.v[e].other)->status == TASK_FAILED
		            : rule.failed > rule.may_fail)
			return true;
		e = e != task->requires ? state->edges.v[e].prev_required : 0;
	}
	return false;
}

bool state_edges_over(const struct state *state, const struct task_node *task)
{
	return task->requires == 0 || (state_edge_rule(state, task->requires).failed > 0 &&
	                               !state_edges_hopeless(state, task));
}

void state_edge_add(struct state *state, uint32_t task_id, uint32_t other_id, struct edge_rule rule)
{
	struct task_node *task = state_task(state, task_id);
	struct task_node *other = state_task(state, other_id);
	struct edge edge = {
	        .task = task_id, .other = other_id, .next_dependent = other->dependents};
	uint32_t i = state->free_edge;

	if (i != 0) {
		state->free_edge = state->edges.v[i].next_dependent;
		state->edges.v[i] = edge;
	} else {
		i = (uint32_t)state->edges.n;
		vec_push(&state->edges, edge);
	}
	if (other->dependents != 0)
		state->edges.v[other->dependents].prev_dependent = i;
	other->dependents = i;
	if (rule.gather != 0) {
		const struct edge_rule none = {0};

		task->flags |= TASK_GATHERS;
		while (state->edge_rules.n <= i)
			vec_push(&state->edge_rules, none);
	}
	if (i < state->edge_rules.n)
		state->edge_rules.v[i] = rule;
	place(state, i);
}

bool state_edge_find(const struct state *state, uint32_t task, uint32_t other, uint32_t *edge)
{
	for (uint32_t i = state_task(state, task)->requires; i != 0;
	     i = state->edges.v[i].next_required) {
		if (state->edges.v[i].other == other) {
			*edge = i;
			return true;
		}
	}
	return false;
}

static void drop(struct state *state, uint32_t i)
{
	struct edge *edge = &state->edges.v[i];
	struct task_node *other = state_task(state, edge->other);

	if (edge->prev_dependent != 0)
		state->edges.v[edge->prev_dependent].next_dependent = edge->next_dependent;
	else
		other->dependents = edge->next_dependent;
	if (edge->next_dependent != 0)
		state->edges.v[edge->next_dependent].prev_dependent = edge->prev_dependent;
	unlink_required(state, state_task(state, edge->task), i);
	if (other->dependents == 0 && task_is_done(other->status))
		state_task_leaving(state, edge->other);
	*edge = (struct edge){.next_dependent = state->free_edge};
	state->free_edge = i;
}

void state_edge_remove(struct state *state, uint32_t i)
{
	if (state_edge_rule(state, i).failed > 0)
		forget_failure(state, i);
	drop(state, i);
}

void state_edges_drop(struct state *state, uint32_t task)
{
	struct task_node *node = state_task(state, task);

	while (node->requires != 0)
		drop(state, node->requires);
}
