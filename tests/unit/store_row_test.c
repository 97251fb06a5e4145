/* Rows of every table written, changed and read again, and what deletions take with them. */
#include "tests/unit/store_place.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool is_column(const struct field *f)
{
	return !(f->flags & FIELD_VIRTUAL);
}

/* A value that no other field and no other `seed` has, of any kind. */
static void set_value(const struct field *f, unsigned number, int seed, void *row,
                      struct arena *arena)
{
	void *p = field_at(f, row);
	size_t n = 2;

	switch (f->kind) {
	case KIND_INT:
		*(int64_t *)p = (seed + 1) * INT64_C(5000000000) + number;
		break;
	case KIND_DATE:
		*(int64_t *)p = 1700000000000000 + seed * 100 + number;
		break;
	case KIND_REAL:
		*(double *)p = seed + number / 64.0 + 0.25;
		break;
	case KIND_BOOL:
		*(int8_t *)p = seed & 1;
		break;
	case KIND_TEXT:
		*(const char **)p = arena_printf(arena, "%s %d 'é\n\"", f->name, seed);
		break;
	case KIND_TASK_STATUS:
	case KIND_EXECUTION_STATUS:
	case KIND_WORKER_STATUS:
	case KIND_JOB_STATUS:
	case KIND_RUN_STATUS:
		field_words(f->kind, &n);
		*(int8_t *)p = (int8_t)((unsigned)seed % n);
		break;
	case KIND_INTS:
		break;
	}
}

static void fill(const struct table *t, int seed, void *row, struct arena *arena)
{
	row_clear(t, row);
	for (unsigned i = 0; i < t->nfields; i++) {
		if (is_column(&t->fields[i]))
			set_value(&t->fields[i], i, seed, row, arena);
	}
}

static void assert_field(const struct field *f, const void *a, const void *b)
{
	const void *x = field_in(f, a), *y = field_in(f, b);
	bool same = row_is_null(f, a) == row_is_null(f, b);

	if (same && !row_is_null(f, a)) {
		if (f->kind == KIND_TEXT)
			same = strcmp(*(const char *const *)x, *(const char *const *)y) == 0;
		else if (f->kind == KIND_INT || f->kind == KIND_DATE)
			same = *(const int64_t *)x == *(const int64_t *)y;
		else if (f->kind == KIND_REAL)
			same = *(const double *)x == *(const double *)y;
		else
			same = *(const int8_t *)x == *(const int8_t *)y;
	}
	if (!same)
		fail_msg("%s came back as another value", f->name);
}

static void assert_same(const struct table *t, const void *a, const void *b)
{
	for (unsigned i = 0; i < t->nfields; i++) {
		if (is_column(&t->fields[i]))
			assert_field(&t->fields[i], a, b);
	}
}

static void copy_keys(const struct table *t, const void *from, void *to)
{
	row_clear(t, to);
	for (unsigned i = 0; i < t->nfields; i++) {
		const struct field *f = &t->fields[i];

		if ((f->flags & FIELD_KEY) && f->kind == KIND_INT)
			*(int64_t *)field_at(f, to) = *(const int64_t *)field_in(f, from);
		else if (f->flags & FIELD_KEY)
			*(const char **)field_at(f, to) = *(const char *const *)field_in(f, from);
	}
}

static uint64_t all_but_keys(const struct table *t)
{
	uint64_t mask = 0;

	for (unsigned i = 0; i < t->nfields; i++) {
		if (is_column(&t->fields[i]) && !(t->fields[i].flags & FIELD_KEY))
			mask |= (uint64_t)1 << i;
	}
	return mask;
}

static void round_trip(struct store *s, enum table_id id, int seed, struct arena *arena)
{
	const struct table *t = table_get(id);
	void *row = xcalloc(1, t->row_size), *other = xcalloc(1, t->row_size),
	     *read = xcalloc(1, t->row_size);

	fill(t, seed, row, arena);
	fill(t, seed + 1, other, arena);
	copy_keys(t, row, read);
	assert_int_equal(store_get(store_own(s), id, read, STORE_ALL, arena), STORE_NONE);

	assert_int_equal(store_begin(s), STORE_OK);
	assert_int_equal(store_insert(s, id, row), STORE_OK);
	assert_int_equal(store_get(store_own(s), id, read, STORE_ALL, arena), STORE_OK);
	assert_same(t, row, read);
	assert_int_equal(store_commit(s), STORE_OK);
	assert_int_equal(store_begin(s), STORE_OK);
	assert_int_equal(store_insert(s, id, row), STORE_CONSTRAINT);
	store_rollback(s);

	/* Another row's values under this row's key. */
	for (unsigned i = 0; i < t->nfields; i++) {
		if (t->fields[i].flags & FIELD_KEY)
			memcpy(field_at(&t->fields[i], other), field_in(&t->fields[i], row),
			       sizeof(int64_t));
	}
	assert_int_equal(store_begin(s), STORE_OK);
	assert_int_equal(store_update(s, id, other, all_but_keys(t), STORE_ANY_STATUS), STORE_OK);
	copy_keys(t, row, read);
	assert_int_equal(store_get(store_own(s), id, read, STORE_ALL, arena), STORE_OK);
	assert_same(t, other, read);
	assert_int_equal(store_upsert(s, id, row, all_but_keys(t)), STORE_OK);
	copy_keys(t, row, read);
	assert_int_equal(store_get(store_own(s), id, read, STORE_ALL, arena), STORE_OK);
	assert_same(t, row, read);
	assert_int_equal(store_delete(s, id, row), STORE_OK);
	assert_int_equal(store_delete(s, id, row), STORE_NONE);
	assert_int_equal(store_update(s, id, other, all_but_keys(t), STORE_ANY_STATUS), STORE_NONE);
	assert_int_equal(store_upsert(s, id, other, 0), STORE_OK);
	assert_int_equal(store_commit(s), STORE_OK);
	free(row);
	free(other);
	free(read);
}

static void every_table_round_trips(void **state)
{
	struct place p;
	struct arena arena;
	struct store *s;

	(void)state;
	place_make(&p);
	arena_init(&arena);
	s = place_open(&p);
	for (int id = 0; id < TABLE_COUNT; id++) {
		for (int seed = 0; seed < 6; seed += 2)
			round_trip(s, (enum table_id)id, seed, &arena);
	}
	store_close(s);
	arena_release(&arena);
	place_remove(&p);
}

/* As many rows as make a bulk where there is one: every text comes through, a key only once. */
static void many_rows_at_once(void **state)
{
	static const char *const texts[] = {
	        "", "\\", "\\N", "a\tb\nc\rd", "\\.", "é\xe2\x82\xac", "\x01\x7f", "\"'$$?", NULL};
	enum { ROWS = 9 };
	struct task rows[ROWS], read;
	struct arena arena;
	struct place p;
	struct store *s;

	(void)state;
	place_make(&p);
	arena_init(&arena);
	s = place_open(&p);
	for (int i = 0; i < ROWS; i++) {
		rows[i] = some_task(i + 1);
		rows[i].name = texts[i];
		rows[i].cpu = i / 3.0;
	}
	assert_int_equal(store_begin(s), STORE_OK);
	assert_int_equal(store_insert_rows(s, TABLE_TASK, rows, ROWS), STORE_OK);
	for (int i = 0; i < ROWS; i++) {
		read.task_id = i + 1;
		assert_int_equal(store_get(store_own(s), TABLE_TASK, &read, STORE_ALL, &arena),
		                 STORE_OK);
		assert_same(table_get(TABLE_TASK), &rows[i], &read);
	}
	assert_int_equal(store_insert_rows(s, TABLE_TASK, rows, ROWS), STORE_CONSTRAINT);
	store_rollback(s);
	assert_int_equal(place_number(p.path.p, "SELECT count(*) FROM task"), 0);
	assert_int_equal(store_begin(s), STORE_OK);
	assert_int_equal(store_insert_rows(s, TABLE_TASK, rows, ROWS), STORE_OK);
	assert_int_equal(store_commit(s), STORE_OK);
	assert_int_equal(place_number(p.path.p, "SELECT count(*) FROM task"), ROWS);
	store_close(s);
	arena_release(&arena);
	place_remove(&p);
}

/* Every field that may be absent is, one at a time and all at once. */
static void absent_values_stay_absent(void **state)
{
	struct place p;
	struct arena arena;
	struct store *s;

	(void)state;
	place_make(&p);
	arena_init(&arena);
	s = place_open(&p);
	for (int id = 0; id < TABLE_COUNT; id++) {
		const struct table *t = table_get((enum table_id)id);
		void *row = xcalloc(1, t->row_size), *read = xcalloc(1, t->row_size);

		for (unsigned gone = 0; gone <= t->nfields; gone++) {
			fill(t, 2, row, &arena);
			for (unsigned i = 0; i < t->nfields; i++) {
				if ((t->fields[i].flags & FIELD_NULL) &&
				    (i == gone || gone == t->nfields))
					row_set_null(&t->fields[i], row);
			}
			copy_keys(t, row, read);
			assert_int_equal(store_begin(s), STORE_OK);
			assert_int_equal(store_insert(s, (enum table_id)id, row), STORE_OK);
			assert_int_equal(
			        store_get(store_own(s), (enum table_id)id, read, STORE_ALL, &arena),
			        STORE_OK);
			assert_same(t, row, read);
			store_rollback(s);
		}
		free(row);
		free(read);
	}
	store_close(s);
	arena_release(&arena);
	place_remove(&p);
}

static void a_mask_limits_what_is_read_and_written(void **state)
{
	struct place p;
	struct arena arena;
	struct store *s;
	struct task row = some_task(7), read = {.task_id = 7};

	(void)state;
	place_make(&p);
	arena_init(&arena);
	s = place_open(&p);
	row.name = "before";
	put(s, TABLE_TASK, &row);
	row.name = "after";
	row.command = "not written";
	assert_int_equal(store_begin(s), STORE_OK);
	assert_int_equal(
	        store_update(s, TABLE_TASK, &row, field_bit(TABLE_TASK, "name"), STORE_ANY_STATUS),
	        STORE_OK);
	assert_int_equal(store_commit(s), STORE_OK);
	assert_int_equal(store_get(store_own(s), TABLE_TASK, &read,
	                           field_bit(TABLE_TASK, "name") | field_bit(TABLE_TASK, "status"),
	                           &arena),
	                 STORE_OK);
	assert_string_equal(read.name, "after");
	assert_int_equal(read.status, TASK_PENDING);
	assert_null(read.command);
	assert_int_equal(read.creation_date, DATE_NULL);
	assert_int_equal(store_get(store_own(s), TABLE_TASK, &read,
	                           field_bit(TABLE_TASK, "command"), &arena),
	                 STORE_OK);
	assert_string_equal(read.command, "/bin/true");
	store_close(s);
	arena_release(&arena);
	place_remove(&p);
}

static void an_update_tests_the_old_status(void **state)
{
	uint64_t mask = field_bit(TABLE_TASK, "status");
	struct task row = some_task(1);
	struct place p;
	struct store *s;

	(void)state;
	place_make(&p);
	s = place_open(&p);
	put(s, TABLE_TASK, &row);
	assert_int_equal(store_begin(s), STORE_OK);
	for (int from = 0; from < TASK_STATUS_COUNT; from++) {
		row.status = TASK_PENDING;
		assert_int_equal(store_update(s, TABLE_TASK, &row, mask, STORE_ANY_STATUS),
		                 STORE_OK);
		row.status = TASK_FAILED;
		assert_int_equal(store_update(s, TABLE_TASK, &row, mask, from),
		                 from == TASK_PENDING ? STORE_OK : STORE_NONE);
	}
	assert_int_equal(store_commit(s), STORE_OK);
	store_close(s);
	place_remove(&p);
}

/* Many at once, with texts that need quoting: as one by one, and all as expected or not. */
static void many_rows_change_at_once(void **state)
{
	static const char *const texts[] = {"",        "NULL",  "a\"b\\c", "{x,y}",
	                                    " blank ", "é\n\t", NULL};
	enum { ROWS = 7 };
	const uint64_t mask = field_bit(TABLE_TASK, "status") | field_bit(TABLE_TASK, "name") |
	                      field_bit(TABLE_TASK, "cpu") | field_bit(TABLE_TASK, "run_id") |
	                      field_bit(TABLE_TASK, "use_cache") |
	                      field_bit(TABLE_TASK, "resume_status");
	struct task rows[ROWS], read;
	const void *pointers[ROWS];
	struct arena arena;
	struct place p;
	struct store *s;

	(void)state;
	place_make(&p);
	arena_init(&arena);
	s = place_open(&p);
	for (int i = 0; i < ROWS; i++) {
		rows[i] = some_task(i + 1);
		pointers[i] = &rows[i];
	}
	assert_int_equal(store_begin(s), STORE_OK);
	assert_int_equal(store_insert_rows(s, TABLE_TASK, rows, ROWS), STORE_OK);
	assert_int_equal(store_commit(s), STORE_OK);
	for (int i = 0; i < ROWS; i++) {
		rows[i].status = TASK_ASSIGNED;
		rows[i].name = texts[i];
		rows[i].cpu = i / 3.0;
		rows[i].run_id = i == 2 ? INT_NULL : i * INT64_C(5000000000);
		rows[i].use_cache = (int8_t)(i & 1);
		rows[i].resume_status = i == 3 ? TASK_PENDING : STATUS_NULL;
	}
	assert_int_equal(store_begin(s), STORE_OK);
	assert_int_equal(store_update_rows(s, TABLE_TASK, pointers, ROWS, mask, TASK_PENDING),
	                 STORE_OK);
	for (int i = 0; i < ROWS; i++) {
		read.task_id = i + 1;
		assert_int_equal(store_get(store_own(s), TABLE_TASK, &read, STORE_ALL, &arena),
		                 STORE_OK);
		assert_same(table_get(TABLE_TASK), &rows[i], &read);
	}
	assert_int_equal(store_commit(s), STORE_OK);
	/* One of them is another. */
	rows[4].task_id = 99;
	assert_int_equal(store_begin(s), STORE_OK);
	assert_int_equal(store_update_rows(s, TABLE_TASK, pointers, ROWS, mask, TASK_ASSIGNED),
	                 STORE_NONE);
	store_rollback(s);
	rows[4].task_id = 5;
	assert_int_equal(store_begin(s), STORE_OK);
	assert_int_equal(store_update_rows(s, TABLE_TASK, pointers, ROWS, mask, TASK_RUNNING),
	                 STORE_NONE);
	assert_int_equal(store_update_rows(s, TABLE_TASK, pointers, ROWS, mask, STORE_ANY_STATUS),
	                 STORE_OK);
	assert_int_equal(store_commit(s), STORE_OK);
	store_close(s);
	arena_release(&arena);
	place_remove(&p);
}

static void numbers_are_not_given_twice(void **state)
{
	int64_t ids[TABLE_COUNT];
	struct task task = some_task(1);
	struct requirement requirement = {9, 1, 2, INT_NULL, INT_NULL, NULL};
	struct execution execution = some_execution(70, 2);
	struct place p;
	struct store *s;

	(void)state;
	place_make(&p);
	s = place_open(&p);
	assert_int_equal(store_max_ids(s, ids), STORE_OK);
	for (int i = 0; i < TABLE_COUNT; i++)
		assert_int_equal(ids[i], 0);
	put(s, TABLE_TASK, &task);
	task.task_id = 5;
	task.batch = "other";
	put(s, TABLE_TASK, &task);
	execution.task_id = 5;
	put(s, TABLE_EXECUTION, &execution);
	requirement.task_id = 5;
	put(s, TABLE_REQUIREMENT, &requirement);
	assert_int_equal(store_begin(s), STORE_OK);
	assert_int_equal(store_delete_batch(s, "other"), STORE_OK);
	assert_int_equal(store_commit(s), STORE_OK);
	store_close(s);
	s = place_open(&p);
	assert_int_equal(store_max_ids(s, ids), STORE_OK);
	assert_int_equal(ids[TABLE_TASK], 5);
	assert_int_equal(ids[TABLE_EXECUTION], 70);
	assert_int_equal(ids[TABLE_REQUIREMENT], 9);
	assert_int_equal(ids[TABLE_WORKER], 0);
	assert_int_equal(ids[TABLE_RECRUITER], 0);
	store_close(s);
	place_remove(&p);
}

/* Two tasks in each of two batches, with executions, requirements across, signals and logs. */
static void put_family(struct store *s)
{
	struct recruiter recruiter;
	struct worker worker;
	struct batch batch;
	int64_t length;

	row_default(table_get(TABLE_RECRUITER), &recruiter);
	recruiter.tasks_per_worker = recruiter.worker_concurrency = 1;
	recruiter.worker_flavor = "f";
	row_default(table_get(TABLE_BATCH), &batch);
	row_default(table_get(TABLE_WORKER), &worker);
	worker.worker_id = 1;
	worker.name = "w";
	worker.concurrency = 1;
	assert_int_equal(store_begin(s), STORE_OK);
	assert_int_equal(store_log_begin(s), STORE_OK);
	assert_int_equal(store_insert(s, TABLE_WORKER, &worker), STORE_OK);
	for (int64_t i = 1; i <= 4; i++) {
		struct task task = some_task(i);
		struct execution execution = some_execution(i * 10, i);
		struct requirement requirement = {i, i, i % 4 + 1, INT_NULL, INT_NULL, NULL};
		struct signal_row signal = {i, i * 10, 1, 9, 1, DATE_NULL};

		task.batch = i <= 2 ? "a" : "b";
		assert_int_equal(store_insert(s, TABLE_TASK, &task), STORE_OK);
		assert_int_equal(store_insert(s, TABLE_EXECUTION, &execution), STORE_OK);
		assert_int_equal(store_insert(s, TABLE_REQUIREMENT, &requirement), STORE_OK);
		assert_int_equal(store_insert(s, TABLE_SIGNAL, &signal), STORE_OK);
		assert_int_equal(store_log_append(s, i * 10, STORE_STDOUT, 0, "x", 1, &length),
		                 STORE_OK);
	}
	recruiter.batch = batch.batch = "a";
	assert_int_equal(store_insert(s, TABLE_RECRUITER, &recruiter), STORE_OK);
	assert_int_equal(store_insert(s, TABLE_BATCH, &batch), STORE_OK);
	recruiter.batch = batch.batch = "b";
	assert_int_equal(store_insert(s, TABLE_RECRUITER, &recruiter), STORE_OK);
	assert_int_equal(store_insert(s, TABLE_BATCH, &batch), STORE_OK);
	assert_int_equal(store_log_commit(s), STORE_OK);
	assert_int_equal(store_commit(s), STORE_OK);
}

static void assert_counts(const struct place *p, int tasks, int executions, int requirements,
                          int signals, int logs)
{
	assert_int_equal(place_number(p->path.p, "SELECT count(*) FROM task"), tasks);
	assert_int_equal(place_number(p->path.p, "SELECT count(*) FROM execution"), executions);
	assert_int_equal(place_number(p->path.p, "SELECT count(*) FROM requirement"), requirements);
	assert_int_equal(place_number(p->path.p, "SELECT count(*) FROM signal"), signals);
	assert_int_equal(place_number(p->log_path.p, "SELECT count(*) FROM log_chunk"), logs);
	assert_int_equal(place_number(p->path.p, "SELECT count(*) FROM log_orphan"), 0);
}

static void deleting_takes_what_hangs_on_it(void **state)
{
	struct place p;
	struct store *s;

	(void)state;
	place_make(&p);
	s = place_open(&p);
	put_family(s);
	assert_counts(&p, 4, 4, 4, 4, 4);

	assert_int_equal(store_begin(s), STORE_OK);
	assert_int_equal(store_delete_task(s, 99), STORE_NONE);
	assert_int_equal(store_delete_execution(s, 99), STORE_NONE);
	assert_int_equal(store_delete_worker(s, 99), STORE_NONE);
	assert_int_equal(store_delete_batch(s, "unknown"), STORE_OK);
	assert_int_equal(store_delete_execution(s, 10), STORE_OK);
	assert_int_equal(store_commit(s), STORE_OK);
	assert_counts(&p, 4, 3, 4, 3, 3);

	/* Rolled back: nothing goes, the logs neither. */
	assert_int_equal(store_begin(s), STORE_OK);
	assert_int_equal(store_delete_batch(s, "b"), STORE_OK);
	store_rollback(s);
	assert_counts(&p, 4, 3, 4, 3, 3);

	assert_int_equal(store_begin(s), STORE_OK);
	assert_int_equal(store_delete_task(s, 1), STORE_OK);
	assert_int_equal(store_commit(s), STORE_OK);
	assert_counts(&p, 3, 3, 2, 3, 3);

	assert_int_equal(store_begin(s), STORE_OK);
	assert_int_equal(store_delete_worker(s, 1), STORE_OK);
	assert_int_equal(store_commit(s), STORE_OK);
	assert_counts(&p, 3, 3, 2, 0, 3);
	assert_int_equal(
	        place_number(p.path.p, "SELECT count(*) FROM execution WHERE worker_id IS NULL"),
	        3);

	assert_int_equal(store_begin(s), STORE_OK);
	assert_int_equal(store_delete_batch(s, "b"), STORE_OK);
	assert_int_equal(store_commit(s), STORE_OK);
	assert_counts(&p, 1, 1, 0, 0, 1);
	assert_int_equal(place_number(p.path.p, "SELECT count(*) FROM batch"), 1);
	assert_int_equal(place_number(p.path.p, "SELECT count(*) FROM recruiter"), 1);
	store_close(s);
	place_remove(&p);
}

static void a_new_execution_is_the_latest(void **state)
{
	struct execution row = some_execution(1, 5);
	struct place p;
	struct store *s;

	(void)state;
	place_make(&p);
	s = place_open(&p);
	put(s, TABLE_EXECUTION, &row);
	row = some_execution(2, 6);
	put(s, TABLE_EXECUTION, &row);
	row = some_execution(3, 5);
	assert_int_equal(store_begin(s), STORE_OK);
	assert_int_equal(store_insert(s, TABLE_EXECUTION, &row), STORE_OK);
	assert_int_equal(store_supersede(s, 5, 3), STORE_OK);
	assert_int_equal(store_commit(s), STORE_OK);
	assert_int_equal(
	        place_number(p.path.p, "SELECT sum(execution_id) FROM execution WHERE latest = 1"),
	        5);
	store_close(s);
	place_remove(&p);
}

static void old_keys_are_pruned(void **state)
{
	struct str seen = STR_INIT;
	struct place p;
	struct store *s;

	(void)state;
	place_make(&p);
	s = place_open(&p);
	assert_int_equal(store_begin(s), STORE_OK);
	/* Dates in another order than keys. */
	for (int i = 0; i < 10; i++) {
		char key[8] = {'k', (char)('0' + i), '\0'};
		struct idempotency row = {key, "d", "{}", 100 + i * 7 % 10, INT_NULL};

		assert_int_equal(store_insert(s, TABLE_IDEMPOTENCY, &row), STORE_OK);
	}
	/* 100, 107, 104, 101: those of three are old. */
	assert_int_equal(store_prune_keys(s, 106, 4, &seen), STORE_OK);
	assert_string_equal(seen.p, "k3");
	assert_int_equal(store_commit(s), STORE_OK);
	assert_int_equal(place_number(p.path.p, "SELECT count(*) FROM idempotency"), 7);
	assert_int_equal(
	        place_number(p.path.p, "SELECT creation_date FROM idempotency WHERE key <= 'k3'"),
	        107);
	/* The other six, to the end exactly, and behind it. */
	assert_int_equal(store_begin(s), STORE_OK);
	assert_int_equal(store_prune_keys(s, 106, 6, &seen), STORE_OK);
	assert_string_equal(seen.p, "k9");
	assert_int_equal(store_prune_keys(s, 106, 6, &seen), STORE_OK);
	assert_string_equal(seen.p, "");
	assert_int_equal(store_commit(s), STORE_OK);
	assert_int_equal(place_number(p.path.p, "SELECT count(*) FROM idempotency"), 4);
	assert_int_equal(place_number(p.path.p, "SELECT min(creation_date) FROM idempotency"), 106);
	/* From the start again; fewer than asked for. */
	assert_int_equal(store_begin(s), STORE_OK);
	assert_int_equal(store_prune_keys(s, 109, 100, &seen), STORE_OK);
	assert_string_equal(seen.p, "");
	assert_int_equal(store_commit(s), STORE_OK);
	assert_int_equal(place_number(p.path.p, "SELECT min(creation_date) FROM idempotency"), 109);
	str_release(&seen);
	store_close(s);
	place_remove(&p);
}

/* Direct SQL on a live database: the next read has it. */
static void a_command_changed_from_outside_is_seen(void **state)
{
	struct task row = some_task(1), read = {.task_id = 1};
	struct place p;
	struct arena arena;
	struct store *s;

	(void)state;
	place_make(&p);
	arena_init(&arena);
	s = place_open(&p);
	put(s, TABLE_TASK, &row);
	place_sql(p.path.p, "UPDATE task SET command = 'echo changed' WHERE task_id = 1");
	assert_int_equal(store_begin(s), STORE_OK);
	assert_int_equal(store_get(store_own(s), TABLE_TASK, &read,
	                           field_bit(TABLE_TASK, "command"), &arena),
	                 STORE_OK);
	assert_string_equal(read.command, "echo changed");
	assert_int_equal(store_commit(s), STORE_OK);
	store_close(s);
	arena_release(&arena);
	place_remove(&p);
}

/* Many masks, as clients may send them, do not make the store grow without end or forget. */
static void any_mask_may_be_written(void **state)
{
	const struct table *t = table_get(TABLE_TASK);
	struct task row = some_task(1);
	struct place p;
	struct store *s;

	(void)state;
	place_make(&p);
	s = place_open(&p);
	put(s, TABLE_TASK, &row);
	assert_int_equal(store_begin(s), STORE_OK);
	for (unsigned i = 1; i < t->nfields; i++) {
		for (unsigned j = i; j < t->nfields; j++) {
			uint64_t mask = (uint64_t)1 << i | (uint64_t)1 << j;

			if (!is_column(&t->fields[i]) || !is_column(&t->fields[j]))
				continue;
			assert_int_equal(store_update(s, TABLE_TASK, &row, mask, STORE_ANY_STATUS),
			                 STORE_OK);
		}
	}
	assert_int_equal(store_commit(s), STORE_OK);
	store_close(s);
	place_remove(&p);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(every_table_round_trips),
	        cmocka_unit_test(many_rows_at_once),
	        cmocka_unit_test(absent_values_stay_absent),
	        cmocka_unit_test(a_mask_limits_what_is_read_and_written),
	        cmocka_unit_test(an_update_tests_the_old_status),
	        cmocka_unit_test(many_rows_change_at_once),
	        cmocka_unit_test(numbers_are_not_given_twice),
	        cmocka_unit_test(deleting_takes_what_hangs_on_it),
	        cmocka_unit_test(a_new_execution_is_the_latest),
	        cmocka_unit_test(old_keys_are_pruned),
	        cmocka_unit_test(a_command_changed_from_outside_is_seen),
	        cmocka_unit_test(any_mask_may_be_written),
	};
	int failed = place_begin(argc, argv);

	if (failed != 0)
		return failed;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	place_end();
	return failed;
}
