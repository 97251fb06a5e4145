/*
 * The interface of compiler/compile.h: stages, virtual files, params and paths,
 * identities that do not depend on the place in the file, large plans.
 */
#include "base/fd.h"
#include "base/vec.h"
#include "compiler/compile.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct compilation *compile_with(const char *text, struct compile_options options)
{
	options.path = options.path ? options.path : "test.scitq";
	options.text = text;
	options.text_len = strlen(text);
	return compile_file(&options);
}

/* The whole of task `i` stays in the arena. */
static struct submission_task task_of(struct compilation *c, uint32_t i, struct arena *arena)
{
	const struct submission *s = compile_submission(c);
	struct submission_task task;

	assert_non_null(s);
	assert_true(i < s->task_count);
	s->task(s, i, arena, &task);
	return task;
}

static const char chain[] = "scitq 1\nworkflow \"w\" { storage = \"s3://b/r\" }\n"
                            "foreach s in [\"a\", \"b\"] {\n  step one {\n"
                            "    yields { x = \"$s.txt\" }\n    run | echo \"$s\"\n  }\n}\n"
                            "step two {\n  input = gather one.x\n  run | true\n}\n";

static void stages(void **state)
{
	(void)state;
	for (int stage = COMPILE_PARSE; stage <= COMPILE_EMIT; stage++) {
		struct compilation *c = compile_with(
		        chain, (struct compile_options){.stop_after = (enum compile_stage)stage});
		struct str before = STR_INIT, after = STR_INIT;

		assert_true(compile_ok(c));
		assert_true((compile_submission(c) != NULL) == (stage == COMPILE_EMIT));
		compile_dump(c, (enum compile_stage)stage, &before);
		assert_true(before.len > 0);
		if (stage < COMPILE_EMIT)
			compile_dump(c, (enum compile_stage)(stage + 1), &after);
		assert_int_equal(after.len, 0);
		str_release(&before);
		str_release(&after);
		compile_release(c);
	}
	assert_int_equal(compile_stage_find("plan"), COMPILE_PLAN);
	assert_int_equal(compile_stage_find("plans"), -1);
}

static void unreadable_file(void **state)
{
	struct compilation *c =
	        compile_file(&(struct compile_options){.path = "/nowhere/at/all.scitq"});

	(void)state;
	assert_false(compile_ok(c));
	assert_int_equal(compile_read_error(c), -ENOENT);
	assert_null(compile_submission(c));
	compile_release(c);
}

/* ---- files that are not on the disk ---- */

static int unsaved_read(void *context, const char *path, struct str *out)
{
	size_t *reads = context;

	++*reads;
	if (strcmp(path, "/home/me/sheet.tsv") != 0)
		return -ENOENT;
	str_adds(out, "sample\tr1\nA\tdata/a.fq\n");
	return 0;
}

static enum place_kind unsaved_kind(void *context, const char *path)
{
	(void)context;
	return strcmp(path, "/home/me/data/a.fq") == 0 ? PLACE_FILE : PLACE_MISSING;
}

static int unsaved_list(void *context, const char *uri, compile_found_fn *found,
                        void *found_context, struct str *why)
{
	(void)context;
	(void)why;
	assert_string_equal(uri, "file:///home/me/data/*.fq");
	found(found_context, &(struct compile_found){"/home/me/data/a.fq", "a.fq", NULL});
	return 0;
}

static void virtual_files(void **state)
{
	size_t reads = 0;
	struct compile_files files = {.read = unsaved_read,
	                              .kind = unsaved_kind,
	                              .list = unsaved_list,
	                              .context = &reads};
	struct compilation *c = compile_with(
	        "scitq 1\nworkflow \"w\" { }\nlet rows = table(\"sheet.tsv\")\n"
	        "let all = files(\"data/*.fq\")\n"
	        "foreach row in rows {\n  step s {\n    input = [row.r1]\n    run | ls\n  }\n}\n"
	        "step t {\n  input = all\n  run | ls\n}\n",
	        (struct compile_options){.path = "me/x.scitq", .cwd = "/home", .files = &files});
	struct arena arena;

	(void)state;
	arena_init(&arena);
	assert_true(compile_ok(c));
	assert_int_equal(reads, 1);
	assert_string_equal(task_of(c, 0, &arena).row.input, "file:///home/me/data/a.fq");
	assert_string_equal(task_of(c, 0, &arena).row.output, "file:///home/results/w/s/A/");
	assert_string_equal(task_of(c, 1, &arena).row.input, "file:///home/me/data/a.fq");
	arena_release(&arena);
	compile_release(c);
}

static int remote_list(void *context, const char *uri, compile_found_fn *found, void *found_context,
                       struct str *why)
{
	size_t *asked = context;

	(void)uri;
	(void)why;
	++*asked;
	found(found_context, &(struct compile_found){"s3://b/in/A.fq", "A.fq", "md5:1"});
	return 0;
}

/* Offline nobody is asked again, and nothing is submitted. */
static void check_offline(const char *text, struct compile_options options, const size_t *asked)
{
	const size_t before = *asked;
	struct compilation *c;

	options.offline = true;
	c = compile_with(text, options);
	assert_true(compile_ok(c));
	assert_int_equal(*asked, before);
	assert_null(compile_submission(c));
	compile_release(c);
}

static void the_network_is_asked_once_or_not_at_all(void **state)
{
	static const char text[] =
	        "scitq 1\nlet reads = files(\"s3://b/in/\")\n"
	        "workflow \"w\" {\n  maximum_workers = count(reads)\n}\nassert count(reads) > 0\n"
	        "foreach r in reads {\n  step s {\n    input = [r, \"s3://b/in/A.fq\"]\n"
	        "    run | ls\n  }\n}\n"
	        "foreach n in [1, 2] {\n  step t {\n    input = files(\"s3://b/in/\")\n"
	        "    run | ls\n  }\n}\n";
	size_t asked = 0;
	struct compile_files files = {
	        .read = unsaved_read, .kind = unsaved_kind, .list = remote_list, .context = &asked};
	struct compile_options options = {.path = "x.scitq", .cwd = "/home", .files = &files};
	struct compilation *c = compile_with(text, options);
	struct arena arena;

	(void)state;
	arena_init(&arena);
	assert_true(compile_ok(c));
	assert_int_equal(asked, 1);
	assert_string_equal(task_of(c, 0, &arena).inputs[0].version, "md5:1");
	assert_string_equal(task_of(c, 0, &arena).inputs[1].version, "md5:1");
	arena_release(&arena);
	compile_release(c);
	check_offline(text, options, &asked);
}

static int remote_fetch(void *context, const char *uri, struct str *out, struct str *why)
{
	size_t *asked = context;

	(void)why;
	assert_string_equal(uri, "s3://b/in/s.tsv");
	++*asked;
	str_adds(out, "sample\tr1\tn\nA\tA.fq\t2\n");
	return 0;
}

static void a_sheet_is_fetched_once_or_not_at_all(void **state)
{
	static const char text[] =
	        "scitq 1\nparam sheet: string = \"s3://b/in/s.tsv\"\n"
	        "let rows = table(sheet) where n > 1\nlet all = lines(sheet)\n"
	        "let groups = files(\"s3://b/in/\", group = prefix) where name != \"B\"\n"
	        "workflow \"w\" { }\n"
	        "foreach row in rows {\n  step s {\n    memory = 1GB * row.n\n"
	        "    input = row.r1\n    run | ls \"$row\" \"${#all[@]}\" \"${#groups[@]}\"\n  "
	        "}\n}\n";
	size_t asked = 0;
	struct compile_files files = {.read = unsaved_read,
	                              .kind = unsaved_kind,
	                              .list = remote_list,
	                              .fetch = remote_fetch,
	                              .context = &asked};
	struct compile_options options = {.path = "x.scitq", .cwd = "/home", .files = &files};
	struct compilation *c = compile_with(text, options);
	struct arena arena;

	(void)state;
	arena_init(&arena);
	assert_true(compile_ok(c));
	assert_int_equal(asked, 2);
	assert_string_equal(task_of(c, 0, &arena).row.input, "s3://b/in/A.fq");
	arena_release(&arena);
	compile_release(c);
	check_offline(text, options, &asked);
	files.fetch = NULL;
	c = compile_with(text, options);
	assert_false(compile_ok(c));
	compile_release(c);
}

/* ---- params ---- */

static void touch(const char *path)
{
	assert_int_equal(file_replace(path, "x\n", 2, 0644), 0);
}

/* A default is relative to the .scitq file, a given path to the working directory. */
static void paths_of_params(void **state)
{
	static const char text[] =
	        "scitq 1\nparam f: file = \"a.txt\"\nparam s: string = \"a.txt\"\n"
	        "workflow \"w\" { }\nstep t {\n  input = [f, s |> mv(\"d\")]\n"
	        "  run | ls\n}\n";
	struct compile_param given[] = {{"f", "b.txt"}, {"s", "b.txt"}};
	char dir[] = "/tmp/scitq-params-XXXXXX", path[128], want[512];
	struct compilation *c;
	struct arena arena;

	(void)state;
	arena_init(&arena);
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/sub", dir);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/sub/a.txt", dir);
	touch(path);
	snprintf(path, sizeof(path), "%s/b.txt", dir);
	touch(path);
	c = compile_with(text, (struct compile_options){.path = "sub/x.scitq", .cwd = dir});
	assert_true(compile_ok(c));
	snprintf(want, sizeof(want), "file://%s/sub/a.txt file://%s/sub/a.txt|mv:d", dir, dir);
	assert_string_equal(task_of(c, 0, &arena).row.input, want);
	compile_release(c);
	c = compile_with(text, (struct compile_options){
	                               .path = "sub/x.scitq",
	                               .cwd = dir,
	                               .params = given,
	                               .nparams = 2,
	                       });
	assert_true(compile_ok(c));
	snprintf(want, sizeof(want), "file://%s/b.txt file://%s/b.txt|mv:d", dir, dir);
	assert_string_equal(task_of(c, 0, &arena).row.input, want);
	compile_release(c);
	assert_int_equal(tree_remove(dir), 0);
	arena_release(&arena);
}

static void params_from_files(void **state)
{
	struct compile_param given = {"key", "@secret.txt"};
	char dir[] = "/tmp/scitq-params-XXXXXX", path[128];
	struct compilation *c;
	struct arena arena;

	(void)state;
	arena_init(&arena);
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/secret.txt", dir);
	assert_int_equal(file_replace(path, "two\nlines\n\n", 11, 0600), 0);
	c = compile_with("scitq 1\nparam key: string\nworkflow \"w\" { }\n"
	                 "step s {\n  name = key\n  run | echo \"$key\"\n}\n",
	                 (struct compile_options){.cwd = dir, .params = &given, .nparams = 1});
	/* One line break goes; a name of two lines is refused. */
	assert_false(compile_ok(c));
	assert_string_equal(compile_diagnostics(c)->list[0].code->code, "E0323");
	compile_release(c);
	c = compile_with("scitq 1\nparam key: string\nworkflow \"w\" { }\n"
	                 "step s {\n  run | echo \"$key\"\n}\n",
	                 (struct compile_options){.cwd = dir, .params = &given, .nparams = 1});
	assert_true(compile_ok(c));
	assert_non_null(strstr(task_of(c, 0, &arena).identity_command, "key='two\nlines\n'\n"));
	compile_release(c);
	assert_int_equal(tree_remove(dir), 0);
	arena_release(&arena);
}

static void name_of_the_run(void **state)
{
	struct compilation *c = compile_with(chain, (struct compile_options){.name = "other"});

	(void)state;
	assert_true(compile_ok(c));
	assert_string_equal(compile_submission(c)->workflow, "other");
	assert_string_equal(compile_submission(c)->steps[0].batch, "other.one");
	compile_release(c);
	c = compile_with(chain, (struct compile_options){.name = "not a name"});
	assert_false(compile_ok(c));
	compile_release(c);
}

/* ---- identity ---- */

static void identity_has_no_place(void **state)
{
	struct str moved = STR_INIT, changed = STR_INIT;
	struct compilation *a, *b, *d;
	struct submission_task x, y, z;
	struct arena arena;

	(void)state;
	arena_init(&arena);
	str_addf(&moved, "scitq 1\n\n# a comment\n%s", chain + strlen("scitq 1\n"));
	str_adds(&changed, chain);
	*strstr(changed.p, "echo") = 'E';
	a = compile_with(chain, (struct compile_options){0});
	b = compile_with(moved.p, (struct compile_options){.path = "else/where.scitq", .cwd = "/"});
	d = compile_with(changed.p, (struct compile_options){0});
	x = task_of(a, 0, &arena);
	y = task_of(b, 0, &arena);
	z = task_of(d, 0, &arena);
	assert_string_equal(x.identity_command, y.identity_command);
	assert_string_not_equal(x.row.command, y.row.command);
	assert_string_equal(x.row.source, "test.scitq:6");
	assert_string_equal(y.row.source, "else/where.scitq:8");
	assert_string_not_equal(x.identity_command, z.identity_command);
	assert_string_not_equal(x.identity_command, task_of(a, 1, &arena).identity_command);
	compile_release(a);
	compile_release(b);
	compile_release(d);
	str_release(&moved);
	str_release(&changed);
	arena_release(&arena);
}

/* ---- size ---- */

static void many_tasks(void **state)
{
	struct compilation *c = compile_with(
	        "scitq 1\nworkflow \"w\" { storage = \"s3://b/r\" }\n"
	        "foreach a in 1..300 {\n"
	        "  step x {\n    yields { o = \"$a.x\" }\n    run | echo \"$a\"\n  }\n"
	        "  foreach b in 1..300 {\n"
	        "    step y {\n      input = x.o\n      yields { o = \"${a}_$b.y\" }\n"
	        "      run | echo \"$a\" \"$b\" \"$INPUT/$a.x\"\n    }\n  }\n"
	        "  step z {\n    input = gather y.o\n    run | true\n  }\n}\n"
	        "step end {\n  input = gather y.o\n  after = gather z\n  run | true\n}\n",
	        (struct compile_options){0});
	const struct submission *s = compile_submission(c);
	struct submission_task task;
	struct arena arena;

	(void)state;
	arena_init(&arena);
	assert_non_null(s);
	assert_int_equal(s->task_count, 300 + 90000 + 300 + 1);
	task = task_of(c, 300 + 299 * 300 + 5, &arena);
	assert_string_equal(task.row.name, "y:300,6");
	assert_int_equal(task.nrequires, 1);
	assert_int_equal(task.requires[0], 299);
	task = task_of(c, 90300 + 7, &arena);
	assert_int_equal(task.nrequires, 300);
	assert_int_equal(task.requires[0], 300 + 7 * 300);
	assert_string_equal(task.inputs[299].uri, "s3://b/r/y/8/300/8_300.y");
	task = task_of(c, s->task_count - 1, &arena);
	assert_int_equal(task.nrequires, 90000 + 300);
	assert_int_equal(task.ninputs, 90000);
	arena_release(&arena);
	compile_release(c);
}

/* The file with `text` for that of task 0, which begins at the line. */
static void check_replaced(const char *file, uint32_t line, const char *was, const char *text,
                           const char *wanted)
{
	struct compilation *c = compile_with(file, (struct compile_options){0}), *again;
	struct compile_text at, then;
	struct str out = STR_INIT, why = STR_INIT;

	assert_true(compile_ok(c));
	assert_true(compile_text_find(c, 0, &at, &why));
	assert_null(at.path);
	assert_int_equal(at.first_line, line);
	assert_string_equal(at.text, was);
	assert_int_equal(at.len, strlen(was));
	compile_text_replace(c, &at, text, strlen(text), &out);
	assert_string_equal(out.p, wanted);
	/* What was put in is what is read. */
	again = compile_with(out.p, (struct compile_options){0});
	assert_true(compile_ok(again));
	assert_true(compile_text_find(again, 0, &then, &why));
	assert_int_equal(then.list, at.list);
	assert_string_equal(then.text, text);
	compile_release(again);
	compile_release(c);
	str_release(&out);
}

#define FILE_WITH(run) "scitq 1\nworkflow \"w\" { }\nstep one {\n" run "}\n# end\n"

static void texts_are_replaced(void **state)
{
	(void)state;
	check_replaced(FILE_WITH("  run |\n    echo a\n\n      echo b\n\n"), 5,
	               "echo a\n\n  echo b\n", "x\n\n  y\nz\n",
	               FILE_WITH("  run |\n    x\n\n      y\n    z\n\n"));
	check_replaced(FILE_WITH("\trun |\n\t\techo a\n"), 5, "echo a\n", "x\ny\n",
	               FILE_WITH("\trun |\n\t\tx\n\t\ty\n"));
	check_replaced(FILE_WITH("  run | echo a\n"), 4, "echo a\n", "echo 'b c'\n",
	               FILE_WITH("  run | echo 'b c'\n"));
	check_replaced(FILE_WITH("  run | echo a\n"), 4, "echo a\n", "x\n  y\n",
	               FILE_WITH("  run |\n    x\n      y\n"));
	check_replaced(FILE_WITH("\trun python3 |\n\t\tprint(1)\n"), 5, "print(1)\n", "print(2)\n",
	               FILE_WITH("\trun python3 |\n\t\tprint(2)\n"));
}

static void lists_are_replaced(void **state)
{
	(void)state;
	check_replaced(FILE_WITH("  exec = [\"echo\", \"a\"]  # it\n"), 4, "[\"echo\", \"a\"]\n",
	               "[\"echo\", \"b c\", \"\\\"$INPUT\\\"\"]\n",
	               FILE_WITH("  exec = [\"echo\", \"b c\", \"\\\"$INPUT\\\"\"]  # it\n"));
	/* Its lines are told, and put back, without what the line of `exec` begins with. */
	check_replaced(FILE_WITH("  exec = [\"echo\", \"a\"]\n"), 4, "[\"echo\", \"a\"]\n",
	               "[\n  \"echo\",\n\n  \"b\",\n]\n",
	               FILE_WITH("  exec = [\n    \"echo\",\n\n    \"b\",\n  ]\n"));
	check_replaced(FILE_WITH("\texec = [\n\t\t\"echo\",\n\n\t\t\"a\"\n\t]\n"), 4,
	               "[\n\t\"echo\",\n\n\t\"a\"\n]\n", "[\n\t\"echo\"\n]\n",
	               FILE_WITH("\texec = [\n\t\t\"echo\"\n\t]\n"));
	/* Unless one of them does not begin so. */
	check_replaced(FILE_WITH("  exec = [\n\"echo\",\n    \"a\"]\n"), 4,
	               "[\n\"echo\",\n    \"a\"]\n", "[\n\"x\",\n    \"a\"]\n",
	               FILE_WITH("  exec = [\n\"x\",\n    \"a\"]\n"));
	/* A value of any form. */
	check_replaced(FILE_WITH("  exec = ([\"echo\"]) + ([\"a\"])\n"), 4,
	               "([\"echo\"]) + ([\"a\"])\n", "if 1 > 2 then [\"a\"] else [\"b\"]\n",
	               FILE_WITH("  exec = if 1 > 2 then [\"a\"] else [\"b\"]\n"));
	check_replaced(FILE_WITH("  exec = ([\"a\"])\n"), 4, "[\"a\"]\n", "[\"b\"]\n",
	               FILE_WITH("  exec = ([\"b\"])\n"));
}

/* Of several that a step may have, each task its own; what the compiler made is nobody's text. */
static void texts_of_tasks(void **state)
{
	static const char file[] =
	        "scitq 1\nworkflow \"w\" { storage = \"s3://b/r\" }\n"
	        "step made(word) {\n  yields { o = \"o\" }\n  run | echo \"$word\"\n}\n"
	        "foreach i in 1..2 {\n  step one {\n    keep = until_consumed\n"
	        "    yields { o = \"$i\" }\n"
	        "    if i == 2 { exec = [\"one\"] } else { exec = [\"two\"] }\n  }\n}\n"
	        "step two = made { word = \"b\", publish = \"s3://b/p/\" }\n"
	        "step three = made { word = \"c\", after = [two] }\n"
	        "step end {\n  input = gather one.o\n  run | true\n}\n";
	struct compilation *c = compile_with(file, (struct compile_options){0});
	const struct submission *s = compile_submission(c);
	struct compile_text two, three, list;
	struct str why = STR_INIT;

	(void)state;
	assert_non_null(s);
	assert_true(compile_text_find(c, 0, &list, &why));
	assert_string_equal(list.text, "[\"two\"]\n");
	assert_true(compile_text_find(c, 1, &list, &why));
	assert_string_equal(list.text, "[\"one\"]\n");
	assert_true(compile_text_find(c, 2, &two, &why));
	assert_string_equal(two.text, "echo \"$word\"\n");
	assert_false(compile_text_find(c, 3, &three, &why));
	assert_string_equal(why.p,
	                    "it copies to where `publish` says, and has no text in the file");
	assert_true(compile_text_find(c, 4, &three, &why));
	assert_true(compile_text_has(c, 2, &three));
	assert_true(compile_text_has(c, 4, &two));
	assert_false(compile_text_has(c, 1, &two));
	assert_false(compile_text_has(c, 0, &list));
	assert_true(compile_text_has(c, 1, &list));
	assert_false(compile_text_has(c, 3, &two));
	assert_false(compile_text_has(c, s->first_removal, &two));
	str_reset(&why);
	assert_false(compile_text_find(c, s->first_removal, &three, &why));
	assert_string_equal(why.p, "it deletes what one wrote, and has no text in the file");
	compile_release(c);
	str_release(&why);
}

#undef FILE_WITH

static void explanations(void **state)
{
	struct str out = STR_INIT;

	(void)state;
	assert_true(compile_explain("e0207", &out));
	assert_non_null(strstr(out.p, "E0207 (error): several values where one is needed\n"));
	assert_non_null(strstr(out.p, "gather"));
	assert_false(compile_explain("E9999", &out));
	str_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(stages),
	        cmocka_unit_test(unreadable_file),
	        cmocka_unit_test(virtual_files),
	        cmocka_unit_test(the_network_is_asked_once_or_not_at_all),
	        cmocka_unit_test(a_sheet_is_fetched_once_or_not_at_all),
	        cmocka_unit_test(paths_of_params),
	        cmocka_unit_test(params_from_files),
	        cmocka_unit_test(name_of_the_run),
	        cmocka_unit_test(identity_has_no_place),
	        cmocka_unit_test(many_tasks),
	        cmocka_unit_test(texts_are_replaced),
	        cmocka_unit_test(lists_are_replaced),
	        cmocka_unit_test(texts_of_tasks),
	        cmocka_unit_test(explanations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
