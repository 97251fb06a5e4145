/* Digests that are remembered, identities of a small plan, and what progress prints. */
#include "base/fd.h"
#include "runtime/follow.h"
#include "runtime/identities.h"
#include "runtime/progress.h"
#include "runtime/results.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64];

static int make_dir(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/runtime_test.XXXXXX");
	return mkdtemp(dir) == NULL;
}

static int remove_dir(void **state)
{
	(void)state;
	return tree_remove(dir);
}

static char *path_of(const char *name)
{
	static char paths[4][128];
	static int turn;

	turn = (turn + 1) % 4;
	snprintf(paths[turn], sizeof(paths[turn]), "%s/%s", dir, name);
	return paths[turn];
}

static void write_file(const char *name, const char *text)
{
	assert_int_equal(file_replace(path_of(name), text, strlen(text), 0600), 0);
}

static void digests_are_remembered_until_the_file_changes(void **state)
{
	char first[DIGEST_TEXT_SIZE], again[DIGEST_TEXT_SIZE];
	struct timespec dates[2] = {{1000000000, 0}, {1000000000, 0}};
	struct digests d;
	struct str text = STR_INIT;

	(void)state;
	write_file("a b", "one");
	digests_open(&d, path_of("memory"));
	assert_int_equal(digests_file(&d, path_of("a b"), first), 0);
	assert_true(digests_file(&d, path_of("none"), again) < 0);
	assert_true(digests_file(&d, dir, again) < 0);
	assert_int_equal(digests_close(&d), 0);
	assert_int_equal(file_read(path_of("memory"), &text), 0);
	assert_non_null(strstr(text.p, "/a b\n"));

	/* The same size, date and inode: the memory is believed, which shows that it is used. */
	assert_int_equal(utimensat(AT_FDCWD, path_of("a b"), dates, 0), 0);
	digests_open(&d, path_of("memory"));
	assert_int_equal(digests_file(&d, path_of("a b"), again), 0);
	assert_string_equal(first, again);
	int fd = open(path_of("a b"), O_WRONLY);
	assert_int_equal(write(fd, "two", 3), 3);
	close(fd);
	assert_int_equal(utimensat(AT_FDCWD, path_of("a b"), dates, 0), 0);
	assert_int_equal(digests_file(&d, path_of("a b"), again), 0);
	assert_string_equal(first, again);
	/* Another date: read again. */
	dates[1].tv_nsec = 1;
	assert_int_equal(utimensat(AT_FDCWD, path_of("a b"), dates, 0), 0);
	assert_int_equal(digests_file(&d, path_of("a b"), again), 0);
	assert_string_not_equal(first, again);
	assert_int_equal(digests_close(&d), 0);

	/* A damaged memory costs time only. */
	write_file("memory", "zz\n1234\nffff 1 2\n\n");
	digests_open(&d, path_of("memory"));
	assert_int_equal(digests_file(&d, path_of("a b"), first), 0);
	assert_string_equal(first, again);
	assert_int_equal(digests_close(&d), 0);
	str_release(&text);
}

/* Two samples cleaned, one report of both. */
struct plan {
	char inputs[2][160];
	const char *command;
	/* Remote inputs, of which the storage tells this; NULL: files of this machine. */
	const char *versions[2];
};

static void fill(const struct submission *s, uint32_t i, struct arena *arena,
                 struct submission_task *out)
{
	static const uint32_t both[] = {0, 1};
	const struct plan *plan = s->context;
	struct submission_uri *uris = arena_array(arena, struct submission_uri, 2);

	row_default(table_get(TABLE_TASK), &out->row);
	out->inputs = uris;
	if (i < 2) {
		out->row.name = arena_printf(arena, "clean:%u", i);
		out->row.output = arena_printf(arena, "file://%s/out/clean/%u/", dir, i);
		out->identity_command = plan->command;
		uris[0] =
		        (struct submission_uri){plan->inputs[i], "", UINT32_MAX, plan->versions[i]};
		out->ninputs = 1;
		return;
	}
	out->row.name = "report";
	out->row.output = "file:///out/report/";
	out->identity_command = "report";
	for (uint32_t k = 0; k < 2; k++)
		uris[k] = (struct submission_uri){
		        arena_printf(arena, "file://%s/out/clean/%u/x.txt", dir, k), "", k, NULL};
	out->ninputs = 2;
	out->requires = both;
	out->nrequires = 2;
}

static void compute(struct plan *plan, char text[3][DIGEST_TEXT_SIZE],
                    char digest[DIGEST_TEXT_SIZE])
{
	struct submission s = {.workflow = "w", .task_count = 3, .task = fill, .context = plan};
	struct identities ids;
	struct digests d;
	struct str error = STR_INIT;

	for (int i = 0; i < 2; i++)
		snprintf(plan->inputs[i], sizeof(plan->inputs[i]), "%s%s/in%d",
		         plan->versions[i] != NULL ? "s3://bucket" : "file://", dir, i);
	digests_open(&d, NULL);
	assert_true(identities_compute(&ids, &s, &d, &error));
	for (int i = 0; i < 3; i++)
		snprintf(text[i], DIGEST_TEXT_SIZE, "%.*s", DIGEST_TEXT_SIZE - 1, ids.text[i]);
	identities_plan_digest(&ids, digest);
	identities_release(&ids);
	assert_int_equal(digests_close(&d), 0);
	str_release(&error);
}

static void a_changed_byte_changes_its_sample_and_the_gather(void **state)
{
	char before[3][DIGEST_TEXT_SIZE], after[3][DIGEST_TEXT_SIZE];
	char plan_before[DIGEST_TEXT_SIZE], plan_after[DIGEST_TEXT_SIZE];
	struct plan plan = {.command = "fastp"};

	(void)state;
	write_file("in0", "AAAA");
	write_file("in1", "CCCC");
	compute(&plan, before, plan_before);
	write_file("in0", "AAAA"); /* a new inode and date, the same bytes */
	compute(&plan, after, plan_after);
	assert_memory_equal(before, after, sizeof(before));
	assert_string_equal(plan_before, plan_after);
	write_file("in0", "AAAT");
	compute(&plan, after, plan_after);
	assert_string_not_equal(before[0], after[0]);
	assert_string_equal(before[1], after[1]);
	assert_string_not_equal(before[2], after[2]);
	assert_string_not_equal(plan_before, plan_after);
	write_file("in0", "AAAA");
	plan.command = "fastp --more";
	compute(&plan, after, plan_after);
	for (int i = 0; i < 3; i++)
		assert_string_not_equal(before[i], after[i]);
}

static void a_changed_object_changes_its_sample(void **state)
{
	char before[3][DIGEST_TEXT_SIZE], after[3][DIGEST_TEXT_SIZE];
	char plan_before[DIGEST_TEXT_SIZE], plan_after[DIGEST_TEXT_SIZE];
	struct plan plan = {.command = "fastp", .versions = {"md5:1", "md5:2"}};

	(void)state;
	compute(&plan, before, plan_before);
	compute(&plan, after, plan_after);
	assert_memory_equal(before, after, sizeof(before));
	plan.versions[1] = "md5:3";
	compute(&plan, after, plan_after);
	assert_string_equal(before[0], after[0]);
	assert_string_not_equal(before[1], after[1]);
	assert_string_not_equal(before[2], after[2]);
}

static void a_missing_input_is_named(void **state)
{
	struct plan plan = {.command = "x"};
	struct submission s = {.workflow = "w", .task_count = 3, .task = fill, .context = &plan};
	struct identities ids;
	struct digests d;
	struct str error = STR_INIT;

	(void)state;
	snprintf(plan.inputs[0], sizeof(plan.inputs[0]), "file://%s/absent", dir);
	digests_open(&d, NULL);
	assert_false(identities_compute(&ids, &s, &d, &error));
	assert_non_null(strstr(error.p, "/absent"));
	assert_int_equal(digests_close(&d), 0);
	str_release(&error);
}

/* What the tasks of a plan of eight write; the last removes what the first wrote. */
static const struct {
	const char *output;
	size_t nyields;
	uint32_t removes;
} written[] = {{"file:///out/tmp/1/", 1, 0},     {"file:///out/tmp/2/", 1, 0},
               {"file:///out/w/clean/a/", 1, 0}, {"file:///out/w/clean/b/", 1, 0},
               {"file:///out/w/all/", 1, 0},     {"s3://bucket/final/x/", 1, 0},
               {"file:///out/none/", 0, 0},      {NULL, 0, 0}};

static void results_are_named_by_few_folders(void **state)
{
	static const struct submission_step steps[] = {
	        {.name = "tmp", .first_task = 0, .task_count = 2},
	        {.name = "clean", .first_task = 2, .task_count = 2},
	        {.name = "all", .first_task = 4, .task_count = 1},
	        {.name = "copy", .first_task = 5, .task_count = 1},
	        {.name = "silent", .first_task = 6, .task_count = 1},
	        {.name = "tmp_gone", .first_task = 7, .task_count = 1},
	};
	struct submission s = {
	        .steps = steps, .step_count = 6, .task_count = 8, .first_removal = 7};
	struct step_view views[6] = {{.succeeded = 2}, {.succeeded = 1}, {.reused = 1},
	                             {.failed = 1},    {.succeeded = 1}, {.succeeded = 1}};
	struct results r;
	json_t *folders;

	(void)state;
	results_init(&r, &s);
	for (uint32_t i = 0; i < 8; i++) {
		struct submission_task task = {.row = {.output = written[i].output},
		                               .nyields = written[i].nyields,
		                               .removes = written[i].removes};

		results_add(&r, i, &task);
	}
	folders = results_folders(&r, views);
	assert_int_equal(json_array_size(folders), 1);
	assert_string_equal(json_string_value(json_array_get(folders, 0)), "/out/w/");
	json_decref(folders);
	views[3].succeeded = 1;
	views[1].succeeded = views[2].reused = 0;
	folders = results_folders(&r, views);
	assert_int_equal(json_array_size(folders), 1);
	assert_string_equal(json_string_value(json_array_get(folders, 0)), "s3://bucket/final/x/");
	json_decref(folders);
	results_release(&r);
}

static void durations_are_short(void **state)
{
	char text[24];

	(void)state;
	duration_text(0, text);
	assert_string_equal(text, "0.0s");
	duration_text(INT64_C(61500000000), text);
	assert_string_equal(text, "1m01s");
	duration_text(INT64_C(3723) * 1000000000, text);
	assert_string_equal(text, "1h02m");
}

/* On a terminal: what is said of the rest of a step; `out` has room for it. */
static void draw(struct step_view *step, char out[512])
{
	struct run_view view = {"qc", 3, "http://x", step, 1, 1};
	struct progress p;
	struct str text = STR_INIT;
	int fd = open(path_of("block"), O_RDWR | O_CREAT | O_TRUNC, 0600);

	progress_init(&p, fd);
	p.terminal = true;
	progress_show(&p, &view);
	assert_int_equal(file_read(path_of("block"), &text), 0);
	snprintf(out, 512, "%s", text.p);
	str_release(&text);
	p.terminal = false;
	progress_close(&p);
	assert_int_equal(close(fd), 0);
}

static void the_rest_of_a_step_is_told_at_its_pace(void **state)
{
	struct step_view step = {.name = "clean", .total = 1000000, .waiting = 1, .succeeded = 7};
	char text[512];

	(void)state;
	step_view_note(&step); /* nothing runs yet */
	assert_int_equal(step.began_ns, 0);
	step.running = 1;
	step_view_note(&step);
	assert_true(step.began_ns != 0);
	step.succeeded = 8;
	draw(&step, text);
	assert_null(strstr(text, "ETA")); /* of one no pace is told */
	step.total = 19;
	step.succeeded = 9;
	step.began_ns -= INT64_C(24000000000); /* two took 24 s, ten are left */
	draw(&step, text);
	assert_non_null(strstr(text, "ETA 2m0"));
	step.total = 10;
	draw(&step, text);
	assert_non_null(strstr(text, "ETA 1"));
	step.total = 1000000;
	step.began_ns -= INT64_C(400000000000000); /* days, and a million are left */
	draw(&step, text);
	assert_null(strstr(text, "ETA"));
}

static void progress_elsewhere_than_on_a_terminal_is_plain_lines(void **state)
{
	struct step_view steps[] = {
	        {.name = "clean", .total = 4, .reused = 1, .pending = 2, .running = 1}};
	struct run_view view = {"qc", 3, "http://x", steps, 1, 1};
	struct progress p;
	struct str text = STR_INIT;
	int fd = open(path_of("log"), O_RDWR | O_CREAT | O_TRUNC, 0600);

	(void)state;
	progress_init(&p, fd);
	assert_false(p.terminal);
	progress_show(&p, &view); /* too early for a summary */
	progress_say(&p, "! %s", "something");
	p.printed_ns -= INT64_C(31000000000);
	progress_show(&p, &view);
	p.printed_ns -= INT64_C(31000000000);
	progress_show(&p, &view); /* nothing new */
	progress_close(&p);
	close(fd);
	assert_int_equal(file_read(path_of("log"), &text), 0);
	assert_non_null(strstr(text.p, "! something\nqc run 3: 1 of 4 done, 1 running, 0 failed"));
	assert_null(strchr(text.p, '\033'));
	int lines = 0;
	for (const char *c = text.p; *c != '\0'; c++)
		lines += *c == '\n';
	assert_int_equal(lines, 2);
	str_release(&text);
}

/* How an attempt ended, as lines about it say it. */
static void how_an_attempt_ended_is_said(void **state)
{
	static const struct {
		const char *reason, *message, *how;
	} rows[] = {
	        {"", "", "exit 3"},
	        {"memory", "", "out of memory"},
	        {"container", "no such image", "container failed: no such image"},
	        {"evicted", "", "evicted"},
	        {"evicted", "the worker was stopped", "evicted: the worker was stopped"},
	        {"lost", "", "lost"},
	        {"cancelled", "", "cancelled"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *incident = json_pack("{s:s, s:s, s:i}", "reason", rows[i].reason, "message",
		                             rows[i].message, "return_code", 3);
		struct str how = STR_INIT;

		follow_add_how(incident, &how);
		assert_string_equal(how.p, rows[i].how);
		str_release(&how);
		json_decref(incident);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_dir, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(how_an_attempt_ended_is_said),
	        TEST(digests_are_remembered_until_the_file_changes),
	        TEST(a_changed_byte_changes_its_sample_and_the_gather),
	        TEST(a_changed_object_changes_its_sample),
	        TEST(a_missing_input_is_named),
	        TEST(results_are_named_by_few_folders),
	        TEST(durations_are_short),
	        TEST(the_rest_of_a_step_is_told_at_its_pace),
	        TEST(progress_elsewhere_than_on_a_terminal_is_plain_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
