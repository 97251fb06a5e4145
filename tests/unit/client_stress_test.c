/*
 * One open server of libscitq in many threads at once, for the sanitizers: writes that name lazy
 * ones, reads, joins, interruptions, while the server answers, is mute and cuts connections; then
 * it is closed under those who wait for what was queued.
 */
#include "tests/unit/client_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#define WRITERS 3
#define READERS 3
#define JOINERS 2
#define WAITERS 4
#define KEPT 16
#define MOODS 40
#define MOODS_MOST (40 * MOODS) /* of a machine that is busy with other things */

struct stress {
	struct scitq *s;
	atomic_bool ended, interrupts;
	atomic_uint logged, made, read, joined, stopped;
	/* The newest writes, each with a reference of its own. */
	pthread_mutex_t lock;
	struct scitq_answer *kept[KEPT];
	size_t next;
};

static void count_line(void *context, const char *message)
{
	struct stress *stress = context;

	assert_true(*message != '\0');
	stress->logged++;
}

static bool is_interrupted(void *context)
{
	struct stress *stress = context;

	return stress->interrupts;
}

/* Nobody frees what another thread looks at: it is borrowed under lock, or never freed. */
static void keep(struct stress *stress, struct scitq_answer *answer)
{
	struct scitq_answer *old;

	pthread_mutex_lock(&stress->lock);
	old = stress->kept[stress->next % KEPT];
	stress->kept[stress->next++ % KEPT] = answer;
	pthread_mutex_unlock(&stress->lock);
	scitq_free(old);
}

static void *write_all(void *context)
{
	struct stress *stress = context;
	struct scitq_answer *before = NULL;
	char name[32];

	while (!stress->ended) {
		struct scitq_ref required = scitq_of(before);
		struct scitq_new_task task = {.command = "true", .name = name};
		struct scitq_answer *made, *changed;

		task.required = before != NULL ? &required : NULL;
		task.nrequired = before != NULL;
		snprintf(name, sizeof(name), "%u", atomic_fetch_add(&stress->made, 1));
		made = scitq_task_create(stress->s, &task);
		changed = scitq_task_update(stress->s, scitq_of(made),
		                            json_pack("{s:s}", "name", "changed"));
		scitq_ready(changed);
		keep(stress, changed);
		scitq_free(before);
		before = made;
		if (scitq_ready(made) && scitq_result(made) != SCITQ_OK) {
			scitq_free(before);
			before = NULL;
		}
		usleep(20000);
	}
	scitq_free(before);
	return NULL;
}

static void *read_all(void *context)
{
	struct stress *stress = context;

	while (!stress->ended) {
		struct scitq_answer *rows = scitq_tasks(stress->s, NULL);
		struct scitq_answer *row = scitq_task_get(stress->s, scitq_ref(1));

		assert_true(scitq_result(rows) == SCITQ_OK ||
		            scitq_result(rows) == SCITQ_INTERRUPTED);
		for (size_t i = 0; i < scitq_count(rows); i++)
			assert_int_equal(scitq_task(rows, i)->task_id, i + 1);
		scitq_task(row, 0);
		stress->read++;
		scitq_pending(stress->s);
		scitq_flush(stress->s, 0.001);
		scitq_free(row);
		scitq_free(rows);
	}
	return NULL;
}

static bool a_few_times(void *context, const struct scitq_counts *counts)
{
	assert_int_equal(counts->succeeded + counts->failed + counts->waiting + counts->pending +
	                         counts->running + counts->paused + counts->gone,
	                 1);
	return ++*(int *)context < 3;
}

static void *join_all(void *context)
{
	struct stress *stress = context;

	for (int i = 0; !stress->ended; i++) {
		int told = i % 3;
		struct scitq_join_options options = {.progress = a_few_times, .context = &told};
		struct scitq_answer *task = create(stress->s, "joined");
		struct scitq_answer *joined = scitq_join(stress->s, &task, 1, &options);

		stress->joined += scitq_result(joined) == SCITQ_OK;
		stress->stopped += scitq_result(joined) == SCITQ_INTERRUPTED;
		scitq_free(joined);
		scitq_free(task);
	}
	return NULL;
}

/* All wait for the same one, and look at its rows. */
static void *wait_for(void *context)
{
	struct scitq_answer *answer = context;
	enum scitq_result result = scitq_result(answer);
	const struct scitq_task *row = scitq_task(answer, 0);

	assert_true(result == SCITQ_OK || result == SCITQ_CLOSED);
	assert_int_equal(row != NULL, result == SCITQ_OK);
	return NULL;
}

static void start(pthread_t *threads, int n, void *(*run)(void *), void *context)
{
	for (int i = 0; i < n; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, run, context), 0);
}

static void end(pthread_t *threads, int n)
{
	for (int i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
}

/* Some of each, or nothing was tried. */
static bool is_enough(const struct stress *stress)
{
	return stress->logged > 0 && stress->made > 10 && stress->read > 3 && stress->joined > 0 &&
	       stress->stopped > 0;
}

static void test_together(void **unused)
{
	static const enum mood moods[] = {ANSWERS, CUTS, MUTE, CUTS};
	struct stress stress = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct scitq_options options = SCITQ_OPTIONS_INIT;
	pthread_t writers[WRITERS], readers[READERS], joiners[JOINERS], waiters[WAITERS];
	struct scitq_answer *last;

	(void)unused;
	add_line("PUT /tasks/", "200 OK", "{\"task_id\": 1, \"name\": \"changed\"}");
	add_line(
	        "GET /tasks/ ", "200 OK",
	        "[{\"task_id\": 1, \"command\": \"a\"}, {\"task_id\": 2, \"status\": \"failed\"}]");
	add_line("GET /tasks/1 ", "200 OK", "{\"task_id\": 1}");
	add_line("GET /tasks/status ", "200 OK", "[7]");
	options.put_timeout = 0.05;
	options.get_timeout = 0.05;
	options.log = count_line;
	options.interrupted = is_interrupted;
	options.context = &stress;
	stress.s = open_with(&options);
	assert_non_null(stress.s);
	start(writers, WRITERS, write_all, &stress);
	start(readers, READERS, read_all, &stress);
	start(joiners, JOINERS, join_all, &stress);
	for (int i = 0; i < MOODS || (i < MOODS_MOST && !is_enough(&stress)); i++) {
		set_mood(moods[i % 4]);
		stress.interrupts = i % 8 == 7;
		usleep(50000);
	}
	stress.ended = true;
	set_mood(ANSWERS);
	end(writers, WRITERS);
	end(readers, READERS);
	end(joiners, JOINERS);
	assert_true(is_enough(&stress));
	stress.interrupts = false;
	assert_int_equal(scitq_flush(stress.s, -1), 0);
	set_mood(MUTE);
	last = create(stress.s, "last");
	start(waiters, WAITERS, wait_for, last);
	usleep(20000);
	assert_int_equal(scitq_close(stress.s, 0), 1);
	end(waiters, WAITERS);
	scitq_free(last);
	for (size_t i = 0; i < KEPT; i++)
		scitq_free(stress.kept[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(test_together, server_open, server_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
