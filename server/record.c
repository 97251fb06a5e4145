#include "server/record.h"

#include "server/news.h"
#include "server/recruit/recruit.h"
#include "server/tally.h"
#include "store/store.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A worker's contact alone is not worth a transaction; it travels with one, or after so long. */
#define CONTACT_ALONE_NS (300 * INT64_C(1000000000))
#define CONTACT_OFTEN_NS INT64_C(1000000000)
/* Workers whose reports were refused come again at least so often. */
#define REFUSED_NS (60 * INT64_C(1000000000))

static bool check(struct core *core, enum store_result result, const char *what)
{
	if (result == STORE_OK)
		return true;
	if (!core->group_failed) {
		log_error(core->log, "%s: %s", what, store_error(core->store));
		str_reset(&core->refusal);
		str_addf(&core->refusal, "the database did not take it: %s",
		         store_error(core->store));
	}
	if (result == STORE_FULL || result == STORE_IO)
		atomic_store(&core->refused_ns, core->now_ns);
	return core_failed(core, what);
}

bool core_has_room(const struct core *core)
{
	long long refused = atomic_load(&core->refused_ns);

	return refused == 0 || core_clock(core) - refused > REFUSED_NS;
}

static bool begin_write(struct core *core)
{
	if (core->group_failed)
		return false;
	if (!core->writing) {
		if (!check(core, store_begin(core->store), "begin"))
			return false;
		core->writing = true;
	}
	return true;
}

static int by_kind(const void *a, const void *b)
{
	const struct row_change *x = a, *y = b;

	if (x->mask != y->mask)
		return x->mask < y->mask ? -1 : 1;
	return x->before - y->before;
}

/* Those of one kind in one statement, where the database can. */
static bool write_changes(struct core *core, enum table_id table, struct row_change *changes,
                          size_t n)
{
	const void **rows = arena_array(&core->arena, const void *, n + 1);
	size_t end;

	if (n == 0)
		return !core->group_failed;
	if (!begin_write(core))
		return false;
	qsort(changes, n, sizeof(*changes), by_kind);
	for (size_t i = 0; i < n; i = end) {
		for (end = i; end < n && by_kind(&changes[i], &changes[end]) == 0; end++)
			rows[end] = changes[end].row;
		if (!check(core,
		           store_update_rows(core->store, table, rows + i, end - i, changes[i].mask,
		                             changes[i].before),
		           table == TABLE_TASK ? "update of tasks" : "update of executions"))
			return false;
	}
	return true;
}

/* Executions that were granted go to the database together, and so do the ends of others, before
   anything else is written or executions are read. */
static bool write_executions(struct core *core)
{
	const size_t granted = core->granted.n, ended = core->endings.n;

	core->granted.n = core->endings.n = 0;
	if (granted > 0 &&
	    (!begin_write(core) ||
	     !check(core, store_insert_rows(core->store, TABLE_EXECUTION, core->granted.v, granted),
	            "insert")))
		return false;
	return write_changes(core, TABLE_EXECUTION, core->endings.v, ended);
}

bool core_write(struct core *core)
{
	return write_executions(core) && begin_write(core);
}

bool core_write_log(struct core *core)
{
	if (core->group_failed)
		return false;
	if (!core->logging) {
		if (!check(core, store_log_begin(core->store), "begin of the log"))
			return false;
		core->logging = true;
	}
	return true;
}

bool record_find(struct core *core, enum table_id table, void *row)
{
	enum store_result result;

	if (core->group_failed || (table == TABLE_EXECUTION && !write_executions(core)))
		return false;
	result = store_get(store_own(core->store), table, row, STORE_ALL, &core->arena);
	return result != STORE_NONE && check(core, result, "read");
}

bool record_find_execution(struct core *core, int64_t id, struct execution *row)
{
	memset(row, 0, sizeof(*row));
	row->execution_id = id;
	return record_find(core, TABLE_EXECUTION, row);
}

bool record_task(struct core *core, uint32_t id, uint64_t columns, struct task *row)
{
	enum store_result result;

	if (core->group_failed)
		return false;
	row->task_id = id;
	result = store_get(store_own(core->store), TABLE_TASK, row, columns, &core->arena);
	return check(core, result, "read of a task");
}

bool record_add_task(struct core *core, uint32_t id, struct str *out)
{
	struct task row;

	if (!record_task(core, id, BIT(TASK_COL_name), &row))
		return false;
	str_addf(out, "task %u", id);
	if (row.name != NULL)
		str_addf(out, " %.80s", row.name);
	return true;
}

struct task_rows {
	struct arena *arena;
	struct map *rows;
};

static bool keep_task(void *context, const void *row_p)
{
	const struct table *table = table_get(TABLE_TASK);
	struct task_rows *kept = context;
	struct task *row = arena_new(kept->arena, struct task);

	*row = *(const struct task *)row_p;
	for (unsigned i = 0; i < table->nfields; i++) {
		const struct field *f = &table->fields[i];
		const char **text = field_at(f, row);

		if (f->kind == KIND_TEXT && *text != NULL)
			*text = arena_strdup(kept->arena, *text);
	}
	*map_put(kept->rows, (const char *)&row->task_id, sizeof(row->task_id), NULL) =
	        (uintptr_t)row;
	return true;
}

bool record_tasks(struct core *core, const int64_t *ids, size_t n, uint64_t columns,
                  struct map *rows)
{
	const struct store_filter filter = {
	        .field = TASK_COL_task_id, .op = STORE_IN, .list = ids, .n = n};
	const struct store_query query = {
	        .table = TABLE_TASK, .filters = &filter, .nfilters = 1, .mask = columns};
	struct task_rows kept = {&core->arena, rows};

	return !core->group_failed &&
	       check(core, store_select(store_own(core->store), &query, keep_task, &kept),
	             "read of tasks");
}

bool record_execution(struct core *core, uint32_t id, struct execution *row)
{
	return record_find_execution(core, id, row) || core_failed(core, "an execution has no row");
}

struct row_list {
	struct arena *arena;
	VEC(struct requirement) rows;
};

static bool add_edge(void *context, const struct requirement *row)
{
	struct row_list *list = context;

	vec_push(&list->rows, *row);
	return true;
}

static bool add_row(void *context, const void *row_p)
{
	struct row_list *list = context;
	struct requirement row = *(const struct requirement *)row_p;

	row.input = row.input ? arena_strdup(list->arena, row.input) : NULL;
	vec_push(&list->rows, row);
	return true;
}

static bool keep_list(struct core *core, enum store_result result, struct row_list *list,
                      struct requirement **rows, size_t *n)
{
	*n = list->rows.n;
	*rows = arena_array(&core->arena, struct requirement, *n + 1);
	if (*n > 0)
		memcpy(*rows, list->rows.v, *n * sizeof(**rows));
	vec_release(&list->rows);
	return check(core, result, "read of requirements");
}

bool record_required(struct core *core, uint32_t id, struct requirement **rows, size_t *n)
{
	struct row_list list = {.arena = &core->arena};
	int64_t task = id;

	if (core->group_failed)
		return false;
	return keep_list(core, store_required(store_own(core->store), &task, 1, add_edge, &list),
	                 &list, rows, n);
}

bool record_dependents(struct core *core, uint32_t id, struct requirement **rows, size_t *n)
{
	struct row_list list = {.arena = &core->arena};

	if (core->group_failed)
		return false;
	return keep_list(core, store_dependents(store_own(core->store), id, add_edge, &list), &list,
	                 rows, n);
}

bool record_requirements(struct core *core, uint32_t id, struct requirement **rows, size_t *n)
{
	const struct store_filter filter = {
	        .field = REQUIREMENT_COL_task_id, .op = STORE_EQ, .number = id};
	const struct store_query query = {
	        .table = TABLE_REQUIREMENT, .filters = &filter, .nfilters = 1};
	struct row_list list = {.arena = &core->arena};

	if (core->group_failed)
		return false;
	return keep_list(core, store_select(store_own(core->store), &query, add_row, &list), &list,
	                 rows, n);
}

bool record_insert(struct core *core, enum table_id table, const void *row)
{
	return record_insert_rows(core, table, row, 1);
}

bool record_insert_rows(struct core *core, enum table_id table, const void *rows, size_t n)
{
	const size_t size = table_get(table)->row_size;

	if (n == 0)
		return !core->group_failed;
	if (!core_write(core) ||
	    !check(core, store_insert_rows(core->store, table, rows, n), "insert"))
		return false;
	recruit_note(core, table, STORE_ALL);
	for (size_t i = 0; i < n; i++)
		news_row(core, table, (const char *)rows + i * size, STORE_ALL, FEED_CREATED);
	return true;
}

bool record_update(struct core *core, enum table_id table, const void *row, uint64_t mask)
{
	if (!core_write(core) ||
	    !check(core, store_update(core->store, table, row, mask, STORE_ANY_STATUS), "update"))
		return false;
	recruit_note(core, table, mask);
	news_row(core, table, row, mask, FEED_CHANGED);
	return true;
}

bool record_upsert(struct core *core, enum table_id table, const void *row, uint64_t mask)
{
	if (!core_write(core) ||
	    !check(core, store_upsert(core->store, table, row, mask), "upsert"))
		return false;
	recruit_note(core, table, mask);
	news_row(core, table, row, mask, FEED_CHANGED);
	return true;
}

bool record_delete(struct core *core, enum table_id table, const void *row)
{
	enum store_result result;

	if (!core_write(core))
		return false;
	result = store_delete(core->store, table, row);
	if (result == STORE_NONE)
		return true;
	if (!check(core, result, "delete"))
		return false;
	recruit_note(core, table, STORE_ALL);
	news_row(core, table, row, 0, FEED_DELETED);
	return true;
}

bool record_execution_insert(struct core *core, const struct execution *row, bool first)
{
	if ((!first &&
	     (!write_executions(core) || !tally_superseded(core, (uint32_t)row->task_id))) ||
	    !begin_write(core) ||
	    (!first && !check(core, store_supersede(core->store, row->task_id, row->execution_id),
	                      "supersede")))
		return false;
	vec_push(&core->granted, *row);
	news_execution(core, (uint32_t)row->execution_id, (uint32_t)row->task_id,
	               (uint32_t)row->worker_id, (enum execution_status)row->status, FEED_CREATED);
	return true;
}

struct execution *record_execution_row(struct core *core, struct execution_node *execution)
{
	if (!execution->dirty) {
		execution->dirty = true;
		execution->before = execution->status;
		execution->mask = BIT(EXECUTION_COL_modification_date);
		execution->row = arena_new(&core->arena, struct execution);
		row_clear(table_get(TABLE_EXECUTION), execution->row);
		execution->row->execution_id = execution->id;
		vec_push(&core->state.dirty_executions, execution);
		state_worker_changed(&core->state, execution->worker);
	}
	return execution->row;
}

void record_execution_set(struct core *core, struct execution_node *execution,
                          const struct execution *from, uint64_t mask)
{
	const struct table *table = table_get(TABLE_EXECUTION);
	struct execution *row = record_execution_row(core, execution);

	for (unsigned i = 0; i < table->nfields; i++) {
		const struct field *f = &table->fields[i];
		size_t end = i + 1 < table->nfields ? table->fields[i + 1].offset : table->row_size;

		if (mask & BIT(i))
			memcpy(field_at(f, row), field_in(f, from), end - f->offset);
	}
	execution->mask |= mask;
}

static struct row_change execution_change(struct core *core, struct execution_node *execution)
{
	execution->dirty = false;
	execution->row->modification_date = core->now_us;
	if (execution->mask & BIT(EXECUTION_COL_status)) {
		if (execution_is_done((enum execution_status)execution->status))
			tally_ended(core, execution);
		news_execution(core, execution->id, execution->task, execution->worker->id,
		               (enum execution_status)execution->status, FEED_CHANGED);
	}
	return (struct row_change){execution->row, execution->mask, execution->before};
}

void record_execution_ended(struct core *core, struct execution_node *execution)
{
	struct state *state = &core->state;

	if (!execution->dirty)
		return;
	for (size_t i = state->dirty_executions.n; i-- > 0;) {
		if (state->dirty_executions.v[i] == execution) {
			state->dirty_executions.v[i] =
			        state->dirty_executions.v[--state->dirty_executions.n];
			break;
		}
	}
	vec_push(&core->endings, execution_change(core, execution));
}

/* False: there is nothing to write. */
static bool task_change(struct core *core, uint32_t id, struct row_change *change)
{
	/* Two sets of columns, each prepared once: most changes are only of the status. */
	const uint64_t moved = BIT(TASK_COL_status) | BIT(TASK_COL_status_date) |
	                       BIT(TASK_COL_modification_date) | BIT(TASK_COL_epoch);
	const uint64_t told = BIT(TASK_COL_attempts) | BIT(TASK_COL_losses) | BIT(TASK_COL_reason) |
	                      BIT(TASK_COL_evictions) | BIT(TASK_COL_resume_status) |
	                      BIT(TASK_COL_partial);
	struct task_node *task = state_task(&core->state, id);
	struct task *row;

	if (task == NULL || !(task->flags & TASK_DIRTY))
		return false;
	row = arena_new(&core->arena, struct task);
	change->row = row;
	change->before = task->before;
	change->mask = task->flags & TASK_TOLD ? moved | told : moved;
	/* The date of the status stays where that came back to what it was. */
	if (task->status == task->before)
		change->mask &= ~BIT(TASK_COL_status_date);
	else
		news_task(core, id, task, FEED_CHANGED);
	task->flags &= (uint8_t) ~(TASK_DIRTY | TASK_TOLD);
	row->task_id = id;
	row->status = (int8_t)task->status;
	row->status_date = row->modification_date = core->now_us;
	row->epoch = task->epoch;
	row->attempts = task->attempts;
	row->losses = task->losses;
	row->evictions = task->evictions;
	row->reason = reason_words[task->reason];
	row->partial = (task->flags & TASK_PARTIAL) != 0;
	row->resume_status = task->resume == TASK_ABSENT ? STATUS_NULL : (int8_t)task->resume;
	return true;
}

static bool flush_executions(struct core *core)
{
	struct state *state = &core->state;
	const size_t n = state->dirty_executions.n;
	struct row_change *changes = arena_array(&core->arena, struct row_change, n + 1);

	for (size_t i = 0; i < n; i++)
		changes[i] = execution_change(core, state->dirty_executions.v[i]);
	state->dirty_executions.n = 0;
	return write_changes(core, TABLE_EXECUTION, changes, n);
}

static bool flush_tasks(struct core *core)
{
	struct state *state = &core->state;
	struct row_change *changes =
	        arena_array(&core->arena, struct row_change, state->dirty_tasks.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < state->dirty_tasks.n; i++)
		n += task_change(core, state->dirty_tasks.v[i], &changes[n]);
	state->dirty_tasks.n = 0;
	return write_changes(core, TABLE_TASK, changes, n);
}

/* Nobody else reads the column to decide something: late is soon enough. */
static bool flush_contacts(struct core *core)
{
	struct state *state = &core->state;

	for (size_t i = 0; i < state->spoken.n && !core->group_failed; i++) {
		struct worker_node *worker = state->spoken.v[i];
		int64_t age = worker->heard_ns - worker->recorded_ns;
		struct worker row = {.worker_id = worker->id, .last_contact_date = core->now_us};

		worker->spoke = false;
		if (age < (core->writing ? CONTACT_OFTEN_NS : CONTACT_ALONE_NS))
			continue;
		worker->recorded_ns = worker->heard_ns;
		record_update(core, TABLE_WORKER, &row, BIT(WORKER_COL_last_contact_date));
	}
	state->spoken.n = 0;
	return !core->group_failed;
}

bool record_flush(struct core *core)
{
	return !core->group_failed && write_executions(core) && flush_executions(core) &&
	       flush_tasks(core);
}

void record_commit(struct core *core)
{
	if (!record_flush(core) || !flush_contacts(core))
		return;
	if (core->logging && !check(core, store_log_commit(core->store), "commit of the log"))
		return;
	if (core->writing && !check(core, store_commit(core->store), "commit"))
		return;
	/* What is answered from memory, is so by who leads. */
	if (!core->writing && !core->logging &&
	    !check(core, store_lead_check(core->store), "look at who leads"))
		return;
	core->logging = false;
	core->writing = false;
	news_commit(core);
}

void record_rollback(struct core *core)
{
	news_drop(core);
	core->granted.n = core->endings.n = 0;
	if (core->logging)
		store_log_rollback(core->store);
	if (core->writing)
		store_rollback(core->store);
	core->logging = core->writing = false;
}
