/* URIs and lists of them: what is parsed, what is refused, what survives a round trip. */
#include "stage/stage.h"
#include "stage/uri.h"
#include "stage/yield.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct uri parse(struct arena *a, const char *text)
{
	struct uri u;
	const char *error;

	assert_true(uri_parse(a, text, &u, &error));
	assert_null(error);
	assert_string_equal(u.text, text);
	return u;
}

static void places(void **state)
{
	static const struct {
		const char *text, *scheme, *place;
		bool folder, glob;
	} rows[] = {
	        {"/data/x.fq", "file", "/data/x.fq", false, false},
	        {"x.fq", "file", "x.fq", false, false},
	        {"data/", "file", "data", true, false},
	        {"/", "file", "/", true, false},
	        {"file:///data/x%20y.fq", "file", "/data/x%20y.fq", false, false},
	        {"FILE:///data//", "file", "/data", true, false},
	        {"/data/*.fq", "file", "/data/*.fq", false, true},
	        {"/data/r[12]/x?.fq", "file", "/data/r[12]/x?.fq", false, true},
	        {"/data/\\*.fq", "file", "/data/*.fq", false, false},
	        {"/data/\\[1\\]\\|2", "file", "/data/[1]|2", false, false},
	        {"/data/a\\b", "file", "/data/a\\b", false, false},
	        {"/data/a\\b*", "file", "/data/a\\\\b*", false, true},
	        {"/data/\\**", "file", "/data/\\**", false, true},
	        {"https://h/x*.fq?a=b", "https", "https://h/x*.fq?a=b", false, false},
	        {"http://h/d/", "http", "http://h/d/", true, false},
	        {"S3://bucket/key", "s3", "S3://bucket/key", false, false},
	        {"my-remote_1://p", "my-remote_1", "my-remote_1://p", false, false},
	        {"run+fastq://ERR1", "run+fastq", "run+fastq://ERR1", false, false},
	        {"run+fastq@sra://ERR1", "run+fastq", "run+fastq@sra://ERR1", false, false},
	        {"s3://b/x*.fq", "s3", "s3://b/x*.fq", false, true},
	        {"s3://b/\\[1\\]\\*/", "s3", "s3://b/[1]*/", true, false},
	        {"s3://b/a\\*b*", "s3", "s3://b/a\\*b*", false, true},
	        {"ftp://h/x*.fq", "ftp", "ftp://h/x*.fq", false, true},
	        {"ftp://[::1]/x", "ftp", "ftp://[::1]/x", false, false},
	        {"ftp://h/x?y", "ftp", "ftp://h/x?y", false, false},
	        {"/odd://path", "file", "/odd://path", false, false},
	};
	struct arena a;

	(void)state;
	arena_init(&a);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct uri u = parse(&a, rows[i].text);

		assert_string_equal(u.scheme, rows[i].scheme);
		assert_string_equal(u.place, rows[i].place);
		assert_int_equal(u.folder, rows[i].folder);
		assert_int_equal(u.glob, rows[i].glob);
		assert_int_equal(u.nactions, 0);
	}
	assert_true(uri_scheme_known("file"));
	assert_true(uri_scheme_known("https"));
	assert_false(uri_scheme_known("s3"));
	arena_release(&a);
}

static void actions(void **state)
{
	struct arena a;
	struct uri u;

	(void)state;
	arena_init(&a);
	u = parse(&a, "https://h/x.tgz|gunzip|untar|unzip|mv:ref//./x/");
	assert_string_equal(u.place, "https://h/x.tgz");
	assert_int_equal(u.nactions, 4);
	assert_int_equal(u.actions[0].kind, URI_GUNZIP);
	assert_int_equal(u.actions[1].kind, URI_UNTAR);
	assert_int_equal(u.actions[2].kind, URI_UNZIP);
	assert_int_equal(u.actions[3].kind, URI_MV);
	assert_string_equal(u.actions[3].dir, "ref/x");
	u = parse(&a, "/d/|mv:a b");
	assert_true(u.folder);
	assert_string_equal(u.actions[0].dir, "a b");
	arena_release(&a);
}

static void where_actions_begin(void **state)
{
	static const struct {
		const char *text, *actions;
	} rows[] = {
	        {"/data/x.tgz|untar", "|untar"},
	        {"/data/a\\|b|untar", "|untar"},
	        {"s3://bucket/a\\|b", NULL},
	        {"s3://bucket/a\\|b|mv:x|gunzip", "|mv:x|gunzip"},
	        {"https://h/a\\|gunzip", "|gunzip"},
	        {"run+fastq@sra://ERR1|mv:x", "|mv:x"},
	        {"x", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *found = uri_actions(rows[i].text);

		if (rows[i].actions == NULL)
			assert_null(found);
		else
			assert_string_equal(found, rows[i].actions);
	}
}

static void what_is_refused(void **state)
{
	static const struct {
		const char *text, *error;
	} rows[] = {
	        {"", "no path"},
	        {"|untar", "no path"},
	        {"file://data/x", "a file URI has an absolute path, as file:///data/x"},
	        {"s3://", "nothing behind the scheme"},
	        {"http://|untar", "nothing behind the scheme"},
	        {"/d/r*/", "a glob names files, not folders"},
	        {"/x|", "unknown action ''"},
	        {"/x|untarr", "unknown action 'untarr'"},
	        {"/x|untar |gunzip", "unknown action 'untar '"},
	        {"/x|mv:", "mv: wants a directory below"},
	        {"/x|mv:.", "mv: wants a directory below"},
	        {"/x|mv:/abs", "mv: wants a directory below"},
	        {"/x|mv:a/../../b", "mv: wants a directory below"},
	};
	struct arena a;

	(void)state;
	arena_init(&a);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct uri u;
		const char *error = NULL;

		assert_false(uri_parse(&a, rows[i].text, &u, &error));
		assert_string_equal(error, rows[i].error);
	}
	arena_release(&a);
}

static const char *const odd_paths[] = {
        "/plain",    "/a b",      "/tab\tnewline\nx", "/it's \"quoted\"",
        "'first",    "\"first",   "/back\\s",         "/end\\",
        "/\\\\",     "/two\\\\b", "/[x]*?|y",         "/\\*",
        "/\xff\xfe", "http://x",  "/\\ blank",        "/a\\|b",
        "/\\\\*",    "x\\",
};

static void any_path_has_a_uri(void **state)
{
	struct arena a;
	struct str s = STR_INIT;

	(void)state;
	arena_init(&a);
	for (size_t i = 0; i < sizeof(odd_paths) / sizeof(*odd_paths); i++) {
		const char *path = odd_paths[i];
		struct uri u;

		str_reset(&s);
		uri_add_path(&s, path);
		str_adds(&s, "|untar");
		u = parse(&a, s.p);
		assert_string_equal(u.scheme, "file");
		assert_string_equal(strncmp(u.place, "./", 2) == 0 ? u.place + 2 : u.place, path);
		assert_false(u.glob);
		assert_int_equal(u.nactions, 1);
	}
	str_reset(&s);
	uri_add_path(&s, "/data/dir/");
	assert_string_equal(s.p, "file:///data/dir/");
	str_release(&s);
	arena_release(&a);
}

static void lists_keep_every_byte(void **state)
{
	struct arena a;
	struct str list = STR_INIT;
	const char *error;
	char **uris;
	size_t n;

	(void)state;
	arena_init(&a);
	for (size_t i = 0; i < sizeof(odd_paths) / sizeof(*odd_paths); i++)
		uri_list_add(&list, odd_paths[i]);
	uri_list_add(&list, "");
	assert_true(uri_list_split(&a, list.p, &uris, &n, &error));
	assert_int_equal(n, sizeof(odd_paths) / sizeof(*odd_paths) + 1);
	for (size_t i = 0; i < n - 1; i++)
		assert_string_equal(uris[i], odd_paths[i]);
	assert_string_equal(uris[n - 1], "");
	assert_null(uris[n]);
	str_release(&list);
	arena_release(&a);
}

/* Many short strings of the characters that mean something, the same ones at every run. */
static void any_bytes_make_a_round_trip(void **state)
{
	static const char alphabet[] = "a/ \\'\"*?[]|\n\t:.\xff";
	struct str s = STR_INIT;
	struct arena a;
	unsigned seed = 1;

	(void)state;
	arena_init(&a);
	for (int i = 0; i < 20000; i++) {
		char text[3][9];
		const char *error;
		struct uri u;
		char **uris;
		size_t n;

		str_reset(&s);
		for (int k = 0; k < 3; k++) {
			size_t len = 1 + (seed >> 16) % 8;

			for (size_t j = 0; j < len; j++) {
				seed = seed * 1103515245 + 12345;
				text[k][j] = alphabet[(seed >> 16) % (sizeof(alphabet) - 1)];
			}
			text[k][len] = '\0';
			uri_list_add(&s, text[k]);
		}
		assert_true(uri_list_split(&a, s.p, &uris, &n, &error));
		assert_int_equal(n, 3);
		for (int k = 0; k < 3; k++)
			assert_string_equal(uris[k], text[k]);
		str_reset(&s);
		uri_add_path(&s, arena_printf(&a, "/%sx", text[0]));
		assert_true(uri_parse(&a, s.p, &u, &error));
		assert_string_equal(u.place, arena_printf(&a, "/%sx", text[0]));
		assert_int_equal(u.nactions, 0);
		/* Whatever comes is parsed or refused. */
		if (!uri_parse(&a, text[1], &u, &error))
			assert_non_null(error);
		arena_clear(&a);
	}
	str_release(&s);
	arena_release(&a);
}

static void lists_as_people_write_them(void **state)
{
	struct arena a;
	struct str list = STR_INIT;
	const char *error;
	char **uris;
	size_t n;

	(void)state;
	arena_init(&a);
	assert_true(uri_list_split(
	        &a, "  /a\t/b\\ c\n'/d e' \"/f \\\"g\\\\\" it's s3://x/*.fq|untar /x\\*y ", &uris,
	        &n, &error));
	assert_int_equal(n, 7);
	assert_string_equal(uris[0], "/a");
	assert_string_equal(uris[1], "/b c");
	assert_string_equal(uris[2], "/d e");
	assert_string_equal(uris[3], "/f \"g\\");
	assert_string_equal(uris[4], "it's");
	assert_string_equal(uris[5], "s3://x/*.fq|untar");
	assert_string_equal(uris[6], "/x\\*y");
	assert_true(uri_list_split(&a, " \n ", &uris, &n, &error));
	assert_int_equal(n, 0);
	assert_null(uris[0]);
	assert_false(uri_list_split(&a, "/a '/b", &uris, &n, &error));
	assert_string_equal(error, "unterminated single quote");
	assert_false(uri_list_split(&a, "\"/b\\\"", &uris, &n, &error));
	assert_string_equal(error, "unterminated double quote");
	assert_false(uri_list_split(&a, "'/b'|untar", &uris, &n, &error));
	assert_string_equal(error, "text behind a closing quote");
	uri_list_add(&list, "file:///a");
	uri_list_add(&list, "file:///it's");
	assert_string_equal(list.p, "file:///a file:///it's");
	str_release(&list);
	arena_release(&a);
}

static void results_have_a_text_and_a_side(void **state)
{
	(void)state;
	for (int r = STAGE_OK; r <= STAGE_CANCELLED; r++)
		assert_string_not_equal(stage_result_text((enum stage_result)r), "unknown result");
	assert_true(stage_result_infrastructure(STAGE_NETWORK));
	assert_true(stage_result_infrastructure(STAGE_NO_SPACE));
	assert_false(stage_result_infrastructure(STAGE_NOT_FOUND));
	assert_false(stage_result_infrastructure(STAGE_CANCELLED));
}

static void promises_are_matched(void **state)
{
	static const struct {
		const char *pattern, *name;
		bool matches;
	} rows[] = {
	        {"a.txt", "a.txt", true},
	        {"a.txt", "b/a.txt", false},
	        {"./b//a.txt", "b/a.txt", true},
	        {"*.txt", "a.txt", true},
	        {"*.txt", "b/a.txt", false},
	        {"*.txt", ".a.txt", false},
	        {"*/*.txt", "b/a.txt", true},
	        {"part.[0-9]", "part.7", true},
	        {"part.[0-9]", "part.77", false},
	        {"\\*", "*", true},
	        {"\\*", "x", false},
	        {"b/", "b/a.txt", true},
	        {"b/", "b/c/d/a.txt", true},
	        {"b/", "b", false},
	        {"b/", "bb/a.txt", false},
	        {"b/c/", "b/c/x", true},
	        {"b/c/", "b/x", false},
	        {"run?/", "run1/x", true},
	        {"run?/", "run/x", false},
	        {"http://x", "http:/x", true},
	};
	struct arena a;

	(void)state;
	arena_init(&a);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct yield yield;

		yield_parse(&a, rows[i].pattern, &yield);
		if (yield_matches(&yield, rows[i].name) != rows[i].matches)
			fail_msg("%s and %s", rows[i].pattern, rows[i].name);
	}
	arena_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(places),
	        cmocka_unit_test(actions),
	        cmocka_unit_test(where_actions_begin),
	        cmocka_unit_test(what_is_refused),
	        cmocka_unit_test(any_path_has_a_uri),
	        cmocka_unit_test(lists_keep_every_byte),
	        cmocka_unit_test(any_bytes_make_a_round_trip),
	        cmocka_unit_test(lists_as_people_write_them),
	        cmocka_unit_test(results_have_a_text_and_a_side),
	        cmocka_unit_test(promises_are_matched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
