/* Arenas, strings, maps, dates, words, whole files. */
#include "base/arena.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/map.h"
#include "base/str.h"
#include "base/vec.h"
#include "base/words.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void arena_keeps_what_it_gave(void **state)
{
	struct arena a;
	char *texts[2000];

	(void)state;
	arena_init(&a);
	for (int i = 0; i < 2000; i++)
		texts[i] = arena_printf(&a, "text %d %0*d", i, i % 300, i);
	for (int i = 0; i < 2000; i++) {
		int n;

		assert_int_equal(sscanf(texts[i], "text %d", &n), 1);
		assert_int_equal(n, i);
		assert_int_equal((uintptr_t)texts[i] % _Alignof(max_align_t), 0);
	}
	arena_clear(&a);
	assert_non_null(a.head);
	assert_string_equal(arena_strndup(&a, "abc", 2), "ab");
	memset(arena_alloc(&a, 3 << 20), 1, 3 << 20);
	arena_release(&a);
	assert_null(a.head);
}

static void str_holds_any_bytes(void **state)
{
	struct str s = STR_INIT;
	char *p;

	(void)state;
	assert_string_equal(s.p, "");
	str_add(&s, "a\0b", 3);
	str_addf(&s, "-%d-%s", 7, "x");
	assert_int_equal(s.len, 7);
	assert_memory_equal(s.p, "a\0b-7-x", 8);
	str_reset(&s);
	for (int i = 0; i < 10000; i++)
		str_addc(&s, 'y');
	assert_int_equal(strlen(s.p), 10000);
	p = str_detach(&s);
	assert_int_equal(strlen(p), 10000);
	free(p);
	assert_string_equal(s.p, "");
}

static void shell_quoting_survives_splitting(void **state)
{
	static const char *const texts[] = {
	        "plain",     "",   "two words", "it's", "''", "a\"b$c`d\\e",
	        "new\nline", "\t", "#x",        "~",    "*",  "h\xc3\xa9",
	};
	struct str s = STR_INIT;
	struct arena a;
	char **words;
	size_t n;

	(void)state;
	arena_init(&a);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		str_addc(&s, ' ');
		str_add_shell_quoted(&s, texts[i]);
	}
	assert_int_equal(words_split(s.p, &a, &words, &n), WORDS_OK);
	assert_int_equal(n, sizeof(texts) / sizeof(texts[0]));
	for (size_t i = 0; i < n; i++)
		assert_string_equal(words[i], texts[i]);
	assert_null(words[n]);
	arena_release(&a);
	str_release(&s);
}

static void words_follow_posix_quoting(void **state)
{
	static const struct {
		const char *text;
		enum words_error error;
		size_t n;
		const char *words[6];
	} rows[] = {
	        {"ls *.png | wc $OUTPUT", WORDS_OK, 5, {"ls", "*.png", "|", "wc", "$OUTPUT"}},
	        {"sh -c 'echo ''x'' | cat'", WORDS_OK, 3, {"sh", "-c", "echo x | cat"}},
	        {"a\\ b \"c\\\"d\\x\" e'f'\"g\"", WORDS_OK, 3, {"a b", "c\"d\\x", "efg"}},
	        {"a\\\nb", WORDS_OK, 1, {"ab"}},
	        {"\"\"", WORDS_OK, 1, {""}},
	        {"  \t\n ", WORDS_OK, 0, {NULL}},
	        {"a 'b", WORDS_OPEN_SINGLE, 1, {"a"}},
	        {"a \"b\\\"", WORDS_OPEN_DOUBLE, 1, {"a"}},
	        {"a b\\", WORDS_TRAILING_BACKSLASH, 1, {"a"}},
	};
	struct arena a;

	(void)state;
	arena_init(&a);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char **words;
		size_t n;

		assert_int_equal(words_split(rows[i].text, &a, &words, &n), rows[i].error);
		assert_int_equal(n, rows[i].n);
		for (size_t k = 0; k < n; k++)
			assert_string_equal(words[k], rows[i].words[k]);
	}
	arena_release(&a);
}

static void map_agrees_with_a_plain_array(void **state)
{
	enum { KEYS = 3000 };
	static char keys[KEYS][8];
	static uint64_t want[KEYS];
	struct map m = MAP_INIT;
	uint64_t seed = 12345;
	size_t live = 0;

	(void)state;
	for (int i = 0; i < KEYS; i++)
		snprintf(keys[i], sizeof(keys[i]), "k%d", i);
	for (int step = 0; step < 40000; step++) {
		uint64_t *v;
		size_t k;

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		k = (seed >> 33) % KEYS;
		v = map_get(&m, keys[k], strlen(keys[k]));
		assert_int_equal(v ? *v : 0, want[k]);
		if (seed >> 63) {
			bool is_new;

			*map_put(&m, keys[k], strlen(keys[k]), &is_new) = (uint64_t)step + 1;
			assert_int_equal(is_new, want[k] == 0);
			live += is_new;
			want[k] = (uint64_t)step + 1;
		} else {
			assert_int_equal(map_delete(&m, keys[k], strlen(keys[k])), want[k] != 0);
			live -= want[k] != 0;
			want[k] = 0;
		}
		assert_int_equal(m.n, live);
	}
	map_release(&m);
}

static void intern_numbers_distinct_strings(void **state)
{
	struct intern in;
	char text[16];

	(void)state;
	intern_init(&in);
	for (int round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < 5000; i++) {
			snprintf(text, sizeof(text), "s%u", i);
			assert_int_equal(intern_add(&in, text, strlen(text)), i);
		}
	}
	assert_string_equal(intern_text(&in, 4321), "s4321");
	assert_int_equal(intern_find(&in, "none", 4), INTERN_NONE);
	intern_release(&in);
}

static void dates_have_v1s_form(void **state)
{
	char text[DATE_TEXT_SIZE];
	int64_t us;

	(void)state;
	date_format(1795469483655007, text);
	assert_string_equal(text, "2026-11-23T21:31:23.655007");
	assert_true(date_parse(text, &us));
	assert_int_equal(us, 1795469483655007);
	assert_true(date_parse("2026-11-23 21:31:23", &us));
	assert_int_equal(us, 1795469483000000);
	assert_true(date_parse("2026-11-23T21:31:23.5", &us));
	assert_int_equal(us, 1795469483500000);
	assert_false(date_parse("2026-11-23", &us));
	assert_false(date_parse("2026-11-23T21:31:23Z", &us));
	assert_false(date_parse("2026-11-23T21:31:23.", &us));
	assert_false(date_parse("2026-11-23T21:31:23.1234567", &us));
	assert_false(date_parse("2026-02-29T00:00:00", &us));
	assert_false(date_parse("2026-11-31T00:00:00", &us));
	assert_false(date_parse("2026-11-23T21:31:60", &us));
	assert_true(date_parse("2028-02-29T00:00:00", &us));
	assert_int_equal(us, INT64_C(1835395200000000));
	assert_false(date_parse("", &us));
	date_format(-1, text);
	assert_string_equal(text, "1969-12-31T23:59:59.999999");
}

static void files_are_replaced_and_trees_removed(void **state)
{
	char dir[] = "/tmp/base_test.XXXXXX";
	struct str path = STR_INIT, text = STR_INIT;
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(dir));
	str_addf(&path, "%s/a/b/c", dir);
	assert_int_equal(dir_make(path.p, 0700), 0);
	assert_int_equal(dir_make(path.p, 0700), 0);
	str_adds(&path, "/file");
	assert_int_equal(file_replace(path.p, "one", 3, 0600), 0);
	assert_int_equal(file_replace(path.p, "second", 6, 0600), 0);
	assert_int_equal(file_read(path.p, &text), 0);
	assert_string_equal(text.p, "second");
	assert_int_equal(stat(path.p, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(dir_make(path.p, 0700), -ENOTDIR);
	str_adds(&path, "/under/a/file");
	assert_true(dir_make(path.p, 0700) < 0);

	/* A link out of the tree is removed, what it points to stays. */
	str_reset(&path);
	str_addf(&path, "%s/a/link", dir);
	assert_int_equal(symlink("/etc", path.p), 0);
	assert_int_equal(tree_remove(dir), 0);
	assert_int_equal(access("/etc/passwd", F_OK), 0);
	assert_int_equal(access(dir, F_OK), -1);
	assert_int_equal(tree_remove(dir), 0);
	str_release(&path);
	str_release(&text);
}

/* Deeper than descriptors and path names reach, with names that removal itself uses. */
static void a_deep_tree_is_removed(void **state)
{
	char dir[] = "/tmp/base_test.XXXXXX";
	struct str path = STR_INIT;
	struct rlimit few = {64 + 16, 64 + 16}, before;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(dir));
	str_addf(&path, "%s/.removed-0", dir);
	assert_int_equal(file_replace(path.p, "x", 1, 0400), 0);
	str_reset(&path);
	str_addf(&path, "%s/.removed-1/full", dir);
	assert_int_equal(dir_make(path.p, 0700), 0);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < 3000; i++) {
		int below;

		assert_int_equal(mkdirat(fd, "below", 0700), 0);
		assert_int_equal(mkdirat(fd, "beside", i % 7 == 0 ? 0500 : 0700), 0);
		below = openat(fd, "below", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(below >= 0);
		close(fd);
		fd = below;
	}
	close(fd);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few.rlim_max = before.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	assert_int_equal(tree_remove(dir), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(access(dir, F_OK), -1);
	str_release(&path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(arena_keeps_what_it_gave),
	        cmocka_unit_test(str_holds_any_bytes),
	        cmocka_unit_test(shell_quoting_survives_splitting),
	        cmocka_unit_test(words_follow_posix_quoting),
	        cmocka_unit_test(map_agrees_with_a_plain_array),
	        cmocka_unit_test(intern_numbers_distinct_strings),
	        cmocka_unit_test(dates_have_v1s_form),
	        cmocka_unit_test(files_are_replaced_and_trees_removed),
	        cmocka_unit_test(a_deep_tree_is_removed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
