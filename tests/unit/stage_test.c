/* Getting, listing and publishing files of this machine. */
#include "stage/get.h"
#include "stage/list.h"
#include "stage/put.h"
#include "tests/unit/stage_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define ODD "odd 'name\"\n\xff[1]*.fq"

static void a_file_is_linked_or_copied(void **state)
{
	struct tree *t = *state;
	struct stat before, after;

	put_file(t, "data/x.fq", "reads");
	assert_int_equal(chmod(in(t, "data/x.fq"), 0444), 0);
	assert_int_equal(stat(in(t, "data/x.fq"), &before), 0);
	assert_int_equal(get(t, "file://%s/data/x.fq", "in", STAGE_LINK), STAGE_OK);
	assert_string_equal(content(t, "in/x.fq"), "reads");
	assert_int_equal(get(t, "%s/data/x.fq", "copy/deep", STAGE_COPY), STAGE_OK);
	assert_false(is_link(t, "copy/deep/x.fq"));
	assert_string_equal(content(t, "copy/deep/x.fq"), "reads");
	assert_int_equal(stat(in(t, "copy/deep/x.fq"), &after), 0);
	assert_int_equal(after.st_mode & 0777, 0644);
	assert_int_equal(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
	/* The copy is the task's own. */
	put_file(t, "copy/deep/x.fq", "changed");
	assert_string_equal(content(t, "data/x.fq"), "reads");
	assert_int_equal(stat(in(t, "data/x.fq"), &after), 0);
	assert_int_equal(after.st_mode, before.st_mode);
	assert_int_equal(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
	assert_int_equal(t->stage.files, 2);
	assert_string_equal(shape(t, "copy"), "deep/ deep/x.fq");
}

static void the_same_file_twice_is_one(void **state)
{
	struct tree *t = *state;

	put_file(t, "a/x", "1");
	put_file(t, "b/x", "22");
	for (int mode = STAGE_LINK; mode <= STAGE_COPY; mode++) {
		const char *dest = mode == STAGE_LINK ? "in" : "copy";

		assert_int_equal(get(t, "%s/a/x", dest, mode), STAGE_OK);
		assert_int_equal(get(t, "%s/a/x", dest, mode), STAGE_OK);
		assert_int_equal(get(t, "%s/b/x", dest, mode), STAGE_CONFLICT);
		assert_non_null(strstr(t->error.p, "/b/x: the name 'x' is taken"));
	}
	assert_string_equal(content(t, "in/x"), "1");
	assert_string_equal(content(t, "copy/x"), "1");
}

static void what_is_missing_is_told(void **state)
{
	struct tree *t = *state;

	put_file(t, "data/x", "1");
	assert_int_equal(mkfifo(in(t, "data/fifo"), 0600), 0);
	assert_int_equal(get(t, "%s/data/y", "in", STAGE_LINK), STAGE_NOT_FOUND);
	assert_string_equal(t->error.p,
	                    arena_printf(&t->arena, "%s/data/y: %s\n", t->root, strerror(ENOENT)));
	assert_int_equal(get(t, "%s/data/x/y", "in", STAGE_LINK), STAGE_NOT_FOUND);
	assert_int_equal(get(t, "%s/none/", "in", STAGE_LINK), STAGE_NOT_FOUND);
	assert_int_equal(get(t, "%s/data/x/", "in", STAGE_LINK), STAGE_NOT_FOUND);
	assert_int_equal(get(t, "%s/data/*.fq", "in", STAGE_LINK), STAGE_NOT_FOUND);
	assert_int_equal(get(t, "%s/none/*", "in", STAGE_LINK), STAGE_NOT_FOUND);
	assert_int_equal(get(t, "%s/data", "in", STAGE_LINK), STAGE_BAD_URI);
	assert_non_null(strstr(t->error.p, "ends in '/'"));
	assert_int_equal(get(t, "%s/data/fifo", "in", STAGE_LINK), STAGE_BAD_URI);
	assert_int_equal(get(t, "%s/data/x|untarr", "in", STAGE_LINK), STAGE_BAD_URI);
	assert_int_equal(get(t, "s3://bucket/x", "in", STAGE_LINK), STAGE_BAD_URI);
	assert_string_equal(t->error.p,
	                    "s3://bucket/x: no transport for scheme s3, and no remote of rclone is "
	                    "called so\n");
	assert_int_equal(get(t, "azure://u:secret@h/x", "in", STAGE_LINK), STAGE_BAD_URI);
	assert_string_equal(t->error.p,
	                    "azure://u:***@h/x: no transport for scheme azure, and no remote of "
	                    "rclone is called so\n");
	assert_string_equal(shape(t, "in"), "");
	/* Where we write is no user's fault. */
	assert_int_equal(get(t, "%s/data/x", "data/x/in", STAGE_LINK), STAGE_CONFLICT);
	assert_int_equal(get(t, "%s/data/x", "../../proc/none", STAGE_LINK), STAGE_IO);
	if (geteuid() != 0) {
		assert_int_equal(chmod(in(t, "data/x"), 0), 0);
		assert_int_equal(get(t, "%s/data/x", "in", STAGE_LINK), STAGE_DENIED);
	}
}

static void a_folder_brings_what_it_holds(void **state)
{
	struct tree *t = *state;

	put_file(t, "data/x", "1");
	put_file(t, "data/.hidden", "2");
	put_file(t, "data/" ODD, "3");
	put_file(t, "data/sub/deep/y", "4");
	put_file(t, "data/.scitq-part-1-0", "half");
	assert_int_equal(symlink("x", in(t, "data/link")), 0);
	assert_int_equal(mkfifo(in(t, "data/fifo"), 0600), 0);
	assert_int_equal(get(t, "%s/data/", "in", STAGE_LINK), STAGE_OK);
	assert_string_equal(content(t, "in/link"), "1");
	assert_string_equal(content(t, "in/" ODD), "3");
	assert_string_equal(content(t, "in/sub/deep/y"), "4");
	assert_true(is_link(t, "in/sub"));
	assert_int_equal(get(t, "%s/data/", "copy", STAGE_COPY), STAGE_OK);
	assert_string_equal(shape(t, "copy"), ".hidden link " ODD " sub/ sub/deep/ sub/deep/y x");
	assert_string_equal(content(t, "copy/link"), "1");
	assert_int_equal(mkdir(in(t, "empty"), 0777), 0);
	assert_int_equal(get(t, "%s/empty/", "in2", STAGE_LINK), STAGE_OK);
	assert_string_equal(shape(t, "in2"), "");
	assert_int_equal(symlink("nowhere", in(t, "data/dangling")), 0);
	assert_int_equal(get(t, "%s/data/", "in3", STAGE_LINK), STAGE_NOT_FOUND);
	assert_non_null(strstr(t->error.p, "/data/dangling: "));
}

/* Two folders with a sub-directory of one name; nothing may be written into the user's. */
static void folders_are_merged_outside_the_sources(void **state)
{
	struct tree *t = *state;

	put_file(t, "a/stats/a.txt", "a");
	put_file(t, "b/stats/b.txt", "b");
	put_file(t, "c/run1/stats/c.txt", "c");
	for (int mode = STAGE_LINK; mode <= STAGE_COPY; mode++) {
		const char *dest = mode == STAGE_LINK ? "in" : "copy";

		assert_int_equal(get(t, "%s/a/", dest, mode), STAGE_OK);
		assert_int_equal(get(t, "%s/b/", dest, mode), STAGE_OK);
		assert_int_equal(get(t, "%s/a/", dest, mode), STAGE_OK);
		assert_int_equal(get(t, "%s/a/stats/a.txt|mv:stats", dest, mode), STAGE_OK);
	}
	assert_string_equal(shape(t, "a"), "stats/ stats/a.txt");
	assert_string_equal(shape(t, "b"), "stats/ stats/b.txt");
	assert_string_equal(shape(t, "copy"), "stats/ stats/a.txt stats/b.txt");
	assert_string_equal(content(t, "in/stats/a.txt"), "a");
	assert_string_equal(content(t, "in/stats/b.txt"), "b");
	/* The place of a glob's match is a link to a folder of the user. */
	assert_int_equal(get(t, "%s/c/", "in4", STAGE_LINK), STAGE_OK);
	assert_true(is_link(t, "in4/run1"));
	put_file(t, "d/run1/new.txt", "new");
	assert_int_equal(get(t, "%s/d/run?/*.txt", "in4", STAGE_LINK), STAGE_OK);
	assert_string_equal(shape(t, "c"), "run1/ run1/stats/ run1/stats/c.txt");
	assert_string_equal(content(t, "in4/run1/new.txt"), "new");
	assert_string_equal(content(t, "in4/run1/stats/c.txt"), "c");
}

static void globs_match_files(void **state)
{
	struct tree *t = *state;

	put_file(t, "data/r1/x_1.fq", "1");
	put_file(t, "data/r1/x_2.fq", "2");
	put_file(t, "data/r2/x_1.fq", "3");
	put_file(t, "data/r1/.x_1.fq", "hidden");
	put_file(t, "data/r1/x_[.fq", "odd");
	put_file(t, "data/" ODD, "odd");
	assert_int_equal(mkdir(in(t, "data/r1/x_3.fq"), 0777), 0);
	assert_int_equal(get(t, "%s/data/r1/*_[12].fq", "a", STAGE_COPY), STAGE_OK);
	assert_string_equal(shape(t, "a"), "x_1.fq x_2.fq");
	assert_int_equal(get(t, "%s/data/r?/x_1.fq", "b", STAGE_COPY), STAGE_OK);
	assert_string_equal(shape(t, "b"), "r1/ r1/x_1.fq r2/ r2/x_1.fq");
	assert_string_equal(content(t, "b/r2/x_1.fq"), "3");
	assert_int_equal(get(t, "%s/data/r1/x_\\[*", "c", STAGE_COPY), STAGE_OK);
	assert_string_equal(shape(t, "c"), "x_[.fq");
	assert_int_equal(get(t, "%s/data/*|mv:in/side", "d", STAGE_COPY), STAGE_OK);
	assert_string_equal(shape(t, "d"), "in/ in/side/ in/side/" ODD);
	assert_int_equal(get(t, "%s/data/r1/*", "e", STAGE_COPY), STAGE_OK);
	assert_string_equal(shape(t, "e"), "x_1.fq x_2.fq x_[.fq");
}

static void links_that_loop(void **state)
{
	struct tree *t = *state;
	struct uri uri;
	const char *why;
	struct stage_listing l;

	put_file(t, "data/sub/x", "1");
	assert_int_equal(symlink("..", in(t, "data/sub/up")), 0);
	assert_int_equal(get(t, "%s/data/", "in", STAGE_LINK), STAGE_OK);
	assert_int_equal(get(t, "%s/data/", "copy", STAGE_COPY), STAGE_BAD_URI);
	assert_non_null(strstr(t->error.p, "leads back"));
	assert_true(uri_parse(&t->arena, arena_printf(&t->arena, "%s/data/", t->root), &uri, &why));
	assert_int_equal(stage_list(&t->stage, &uri, STAGE_RECURSIVE, &t->arena, &l, &t->error),
	                 STAGE_OK);
	assert_int_equal(l.n, 1);
	assert_string_equal(l.entries[0].name, "sub/x");
	/* A destination inside the source is not copied into itself. */
	unlink(in(t, "data/sub/up"));
	assert_int_equal(get(t, "%s/data/", "data/sub/dest", STAGE_COPY), STAGE_BAD_URI);
	assert_non_null(strstr(t->error.p, "destination itself"));
}

static void relative_paths_work(void **state)
{
	struct tree *t = *state;
	char before[1024];

	put_file(t, "data/x", "1");
	assert_non_null(getcwd(before, sizeof(before)));
	assert_int_equal(chdir(t->root), 0);
	assert_int_equal(get(t, "data/x", "in", STAGE_LINK), STAGE_OK);
	assert_int_equal(get(t, "data/*", "in2", STAGE_LINK), STAGE_OK);
	assert_int_equal(get(t, "data/", "in3", STAGE_LINK), STAGE_OK);
	assert_int_equal(chdir(before), 0);
	assert_string_equal(content(t, "in/x"), "1");
	assert_string_equal(content(t, "in2/x"), "1");
	assert_string_equal(content(t, "in3/x"), "1");
}

static const char *list(struct tree *t, const char *path, unsigned how)
{
	struct stage_listing l;
	struct str out = STR_INIT;
	struct uri uri;
	const char *why, *text;
	enum stage_result r;

	assert_true(uri_parse(&t->arena, in(t, path), &uri, &why));
	str_reset(&t->error);
	r = stage_list(&t->stage, &uri, how, &t->arena, &l, &t->error);
	if (r != STAGE_OK)
		return stage_result_text(r);
	for (size_t i = 0; i < l.n; i++)
		str_addf(&out, "%s:%d ", l.entries[i].name, (int)l.entries[i].size);
	text = arena_strdup(&t->arena, out.p);
	str_release(&out);
	return text;
}

static void listings(void **state)
{
	struct tree *t = *state;
	struct stage_listing l;
	struct uri uri;
	const char *why;
	struct stat st;

	put_file(t, "data/b", "22");
	put_file(t, "data/a/z", "1");
	put_file(t, "data/a.x", "333");
	put_file(t, "data/\xff", "");
	put_file(t, "data/.scitq-part-7-1", "half");
	assert_int_equal(symlink("b", in(t, "data/link")), 0);
	assert_int_equal(symlink("none", in(t, "data/dangling")), 0);
	assert_string_equal(list(t, "data/", STAGE_RECURSIVE), "a.x:3 a/z:1 b:2 link:2 \xff:0 ");
	assert_string_equal(list(t, "data/", 0), "a.x:3 b:2 link:2 \xff:0 ");
	assert_string_equal(list(t, "data/", STAGE_FOLDERS), "a.x:3 a/:0 b:2 link:2 \xff:0 ");
	assert_string_equal(list(t, "data/", STAGE_FOLDERS | STAGE_RECURSIVE),
	                    "a.x:3 a/:0 a/z:1 b:2 link:2 \xff:0 ");
	assert_string_equal(list(t, "data/b", 0), "b:2 ");
	assert_string_equal(list(t, "data/*", 0), "a.x:3 b:2 link:2 \xff:0 ");
	assert_string_equal(list(t, "d*/a*", 0), "data/a.x:3 ");
	assert_string_equal(list(t, "data/none", 0), "not found");
	assert_string_equal(list(t, "none/", STAGE_RECURSIVE), "not found");
	assert_string_equal(list(t, "data/*.y", STAGE_RECURSIVE), "not found");
	assert_true(uri_parse(&t->arena, in(t, "data/b"), &uri, &why));
	assert_int_equal(stage_list(&t->stage, &uri, 0, &t->arena, &l, &t->error), STAGE_OK);
	assert_int_equal(stat(in(t, "data/b"), &st), 0);
	assert_int_equal(l.entries[0].mtime_ns,
	                 (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec);
	assert_string_equal(l.entries[0].place, in(t, "data/b"));
}

static struct stage_listing put(struct tree *t, const char *source, const char *dest,
                                enum stage_result want)
{
	struct stage_listing l;
	struct uri uri;
	const char *why;

	assert_true(uri_parse(&t->arena, dest[0] == '/' ? in(t, dest + 1) : dest, &uri, &why));
	str_reset(&t->error);
	str_reset(&t->warnings);
	assert_int_equal(
	        stage_put(&t->stage, in(t, source), &uri, &t->arena, &l, &t->warnings, &t->error),
	        want);
	return l;
}

static void outputs_are_published(void **state)
{
	struct tree *t = *state;
	struct stage_listing l;
	struct stat before, after;

	put_file(t, "out/b.txt", "b");
	put_file(t, "out/a/deep/c.txt", "ccc");
	put_file(t, "out/" ODD, "odd");
	put_file(t, "out/empty", "");
	assert_int_equal(mkdir(in(t, "out/nothing"), 0777), 0);
	put_file(t, "res/b.txt", "the old one");
	put_file(t, "res/stays", "s");
	assert_int_equal(stat(in(t, "out/b.txt"), &before), 0);
	l = put(t, "out", "/res/", STAGE_OK);
	assert_int_equal(l.n, 4);
	assert_string_equal(l.entries[0].name, "a/deep/c.txt");
	assert_int_equal(l.entries[0].size, 3);
	assert_string_equal(l.entries[1].name, "b.txt");
	assert_string_equal(l.entries[1].place, in(t, "res/b.txt"));
	assert_string_equal(l.entries[2].name, "empty");
	assert_string_equal(l.entries[3].name, ODD);
	assert_int_equal(stat(in(t, "res/b.txt"), &after), 0);
	assert_int_equal(after.st_ino, before.st_ino); /* moved, not copied */
	assert_int_equal(l.entries[1].mtime_ns,
	                 (int64_t)after.st_mtim.tv_sec * 1000000000 + after.st_mtim.tv_nsec);
	assert_string_equal(shape(t, "res"), "a/ a/deep/ a/deep/c.txt b.txt empty " ODD " stays");
	assert_string_equal(content(t, "res/b.txt"), "b");
	assert_int_equal(t->warnings.len, 0);
	/* Nothing is left to publish, and that is fine. */
	assert_int_equal(put(t, "out", "/res/", STAGE_OK).n, 0);
	assert_int_equal(put(t, "out/nothing", "/new/place/", STAGE_OK).n, 0);
	assert_string_equal(shape(t, "new"), "place/");
}

static void links_and_pipes_in_an_output(void **state)
{
	struct tree *t = *state;
	struct stage_listing l;

	put_file(t, "secret", "s");
	put_file(t, "out/real/x", "xx");
	assert_int_equal(symlink("real/x", in(t, "out/inside")), 0);
	assert_int_equal(symlink(in(t, "out/real/x"), in(t, "out/inside-absolute")), 0);
	assert_int_equal(symlink("../inside", in(t, "out/real/twice")), 0);
	assert_int_equal(symlink("../secret", in(t, "out/outside")), 0);
	assert_int_equal(symlink("/etc/passwd", in(t, "out/passwd")), 0);
	assert_int_equal(symlink("none", in(t, "out/dangling")), 0);
	assert_int_equal(symlink("real", in(t, "out/folder")), 0);
	assert_int_equal(mkfifo(in(t, "out/fifo"), 0600), 0);
	assert_int_equal(
	        stage_put_list(&t->stage, in(t, "out"), &t->arena, &l, &t->warnings, &t->error),
	        STAGE_OK);
	assert_int_equal(l.n, 4);
	assert_string_equal(l.entries[0].name, "inside");
	assert_string_equal(l.entries[0].place, in(t, "out/real/x"));
	assert_int_equal(l.entries[0].size, 2);
	assert_string_equal(l.entries[2].name, "real/twice");
	assert_string_equal(l.entries[2].place, in(t, "out/real/x"));
	assert_non_null(strstr(t->warnings.p, "passwd: not published"));
	l = put(t, "out", "/res/", STAGE_OK);
	assert_int_equal(l.n, 4);
	assert_string_equal(shape(t, "res"), "inside inside-absolute real/ real/twice real/x");
	assert_string_equal(content(t, "res/inside"), "xx");
	assert_string_equal(content(t, "res/real/twice"), "xx");
	assert_non_null(strstr(t->warnings.p, "outside: not published: the link leads outside\n"));
	assert_non_null(strstr(t->warnings.p, "passwd: not published: the link leads outside\n"));
	assert_non_null(strstr(t->warnings.p, "dangling: not published"));
	assert_non_null(strstr(t->warnings.p, "folder: not published"));
	assert_non_null(strstr(t->warnings.p, "fifo: not published"));
	assert_string_equal(content(t, "secret"), "s");
}

/* A task that replaces its own output directory must not make us move other people's files. */
static void an_output_that_became_a_link(void **state)
{
	struct tree *t = *state;
	struct stage_listing l;

	put_file(t, "precious/x", "1");
	assert_int_equal(symlink("precious", in(t, "out")), 0);
	put(t, "out", "/res/", STAGE_CONFLICT);
	assert_int_equal(
	        stage_put_list(&t->stage, in(t, "out"), &t->arena, &l, &t->warnings, &t->error),
	        STAGE_CONFLICT);
	assert_int_equal(l.n, 0);
	assert_string_equal(content(t, "precious/x"), "1");
	assert_string_equal(shape(t, "res"), "");
}

static void where_results_cannot_go(void **state)
{
	struct tree *t = *state;

	put_file(t, "out/x/y", "1");
	put_file(t, "res/x", "a file");
	put(t, "out", "http://h/d/", STAGE_DENIED);
	assert_string_equal(t->error.p, "http://h/d/: http is not writable\n");
	put(t, "out", "s3://b/d/", STAGE_BAD_URI);
	put(t, "out", "/res", STAGE_BAD_URI);
	put(t, "out", "/res/|untar", STAGE_BAD_URI);
	put(t, "out", "/out/x/", STAGE_BAD_URI);
	assert_non_null(strstr(t->error.p, "lies within"));
	put(t, "out", "/res/", STAGE_CONFLICT);
	put(t, "out", "/res/x/", STAGE_CONFLICT);
	put(t, "none", "/res/", STAGE_IO);
	assert_string_equal(content(t, "out/x/y"), "1");
	assert_string_equal(content(t, "res/x"), "a file");
	put_file(t, "out2/d", "1");
	put_file(t, "res/d/x", "2");
	put(t, "out2", "/res/", STAGE_CONFLICT);
	if (geteuid() != 0) {
		assert_int_equal(chmod(in(t, "res"), 0500), 0);
		put(t, "out", "/res/", STAGE_DENIED);
		assert_int_equal(chmod(in(t, "res"), 0700), 0);
	}
}

static bool always(void *context)
{
	(*(int *)context)++;
	return true;
}

static void cancelled_at_once(void **state)
{
	struct tree *t = *state;
	int asked = 0;

	put_file(t, "data/x", "1");
	t->stage.cancelled = always;
	t->stage.cancel_ctx = &asked;
	assert_int_equal(get(t, "%s/data/x", "in", STAGE_LINK), STAGE_CANCELLED);
	assert_int_equal(get(t, "%s/data/", "in", STAGE_COPY), STAGE_CANCELLED);
	put(t, "data", "/res/", STAGE_CANCELLED);
	assert_string_equal(list(t, "data/", STAGE_RECURSIVE), "cancelled");
	assert_string_equal(shape(t, "in"), "");
	assert_string_equal(content(t, "data/x"), "1");
	assert_true(asked >= 4);
}

/* /dev/shm is another file system than /tmp here; where it is not, there is nothing to test. */
static void across_file_systems(void **state)
{
	struct tree *t = *state;
	char other[] = "/dev/shm/stage_test.XXXXXX";
	struct stat here, there;
	struct stage_listing l;
	struct uri uri;
	const char *why;

	if (mkdtemp(other) == NULL)
		skip();
	if (stat(t->root, &here) != 0 || stat(other, &there) != 0 || here.st_dev == there.st_dev) {
		rmdir(other);
		skip();
	}
	put_file(t, "out/a/x", "content");
	put_file(t, "out/y", "more");
	assert_int_equal(symlink("y", in(t, "out/z")), 0);
	assert_true(
	        uri_parse(&t->arena, arena_printf(&t->arena, "file://%s/res/", other), &uri, &why));
	assert_int_equal(
	        stage_put(&t->stage, in(t, "out"), &uri, &t->arena, &l, &t->warnings, &t->error),
	        STAGE_OK);
	assert_int_equal(l.n, 3);
	assert_string_equal(shape(t, "out"), "a/ z@");
	assert_string_equal(shape(t, arena_printf(&t->arena, "../..%s", other)),
	                    "res/ res/a/ res/a/x res/y res/z");
	assert_int_equal(
	        get(t, arena_printf(&t->arena, "file://%s/res/", other), "back", STAGE_COPY),
	        STAGE_OK);
	assert_string_equal(content(t, "back/a/x"), "content");
	assert_int_equal(get(t, arena_printf(&t->arena, "%s/res/y", other), "back2", STAGE_LINK),
	                 STAGE_OK);
	assert_true(is_link(t, "back2/y"));
	for (const char *const *p =
	             (const char *const[]){"res/a/x", "res/a", "res/y", "res/z", "res", NULL};
	     *p != NULL; p++)
		remove(arena_printf(&t->arena, "%s/%s", other, *p));
	rmdir(other);
}

#define WITH_TREE(test) cmocka_unit_test_setup_teardown(test, tree_set_up, tree_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        WITH_TREE(a_file_is_linked_or_copied),
	        WITH_TREE(the_same_file_twice_is_one),
	        WITH_TREE(what_is_missing_is_told),
	        WITH_TREE(a_folder_brings_what_it_holds),
	        WITH_TREE(folders_are_merged_outside_the_sources),
	        WITH_TREE(globs_match_files),
	        WITH_TREE(links_that_loop),
	        WITH_TREE(relative_paths_work),
	        WITH_TREE(listings),
	        WITH_TREE(outputs_are_published),
	        WITH_TREE(links_and_pipes_in_an_output),
	        WITH_TREE(an_output_that_became_a_link),
	        WITH_TREE(where_results_cannot_go),
	        WITH_TREE(cancelled_at_once),
	        WITH_TREE(across_file_systems),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
