/* Archives: what is unpacked, and the many ways in which one can be hostile. */
#include "base/fd.h"
#include "stage/archive.h"
#include "stage/put.h"
#include "tests/unit/stage_tree.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* Members are written as they read best: what is not said is zero. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

/* One entry: a file with this content, unless another field says what it is. */
struct member {
	const char *name, *content;
	const char *symlink, *hardlink;
	mode_t type; /* 0: AE_IFREG */
	mode_t perm; /* 0: 0644 */
};

#define MEMBERS(...)                                                                               \
	(const struct member[])                                                                    \
	{                                                                                          \
		__VA_ARGS__,                                                                       \
		{                                                                                  \
			0                                                                          \
		}                                                                                  \
	}

static void write_archive(struct tree *t, const char *name, int format, int filter,
                          const struct member *m)
{
	struct archive *a = archive_write_new();

	assert_int_equal(archive_write_set_format(a, format), ARCHIVE_OK);
	assert_int_equal(archive_write_add_filter(a, filter), ARCHIVE_OK);
	assert_int_equal(archive_write_set_bytes_in_last_block(a, 1), ARCHIVE_OK);
	assert_int_equal(archive_write_open_filename(a, in(t, name)), ARCHIVE_OK);
	for (; m->name != NULL; m++) {
		struct archive_entry *e = archive_entry_new();

		archive_entry_set_pathname(e, m->name);
		archive_entry_set_filetype(e, m->type ? m->type : AE_IFREG);
		archive_entry_set_perm(e, m->perm ? m->perm : 0644);
		archive_entry_set_mtime(e, 1000000000, 0);
		archive_entry_set_size(e, m->content != NULL ? (la_int64_t)strlen(m->content) : 0);
		if (m->symlink != NULL) {
			archive_entry_set_filetype(e, AE_IFLNK);
			archive_entry_set_symlink(e, m->symlink);
		}
		if (m->hardlink != NULL)
			archive_entry_set_hardlink(e, m->hardlink);
		assert_true(archive_write_header(a, e) >= ARCHIVE_WARN);
		if (m->content != NULL)
			assert_int_equal(archive_write_data(a, m->content, strlen(m->content)),
			                 strlen(m->content));
		archive_entry_free(e);
	}
	assert_int_equal(archive_write_close(a), ARCHIVE_OK);
	archive_write_free(a);
}

static void tar(struct tree *t, const char *name, const struct member *m)
{
	write_archive(t, name, ARCHIVE_FORMAT_TAR_GNUTAR, ARCHIVE_FILTER_NONE, m);
}

static void tgz(struct tree *t, const char *name, const struct member *m)
{
	write_archive(t, name, ARCHIVE_FORMAT_TAR_GNUTAR, ARCHIVE_FILTER_GZIP, m);
}

static enum stage_result unpack(struct tree *t, enum archive_kind kind, const char *name,
                                const char *dest)
{
	str_reset(&t->error);
	assert_int_equal(dir_make(in(t, dest), 0777), 0);
	return stage_unpack(&t->stage, kind, in(t, name), NULL, in(t, dest), &t->error);
}

static void every_compression(void **state)
{
	static const int filters[] = {
	        ARCHIVE_FILTER_NONE, ARCHIVE_FILTER_GZIP, ARCHIVE_FILTER_BZIP2,
	        ARCHIVE_FILTER_XZ,   ARCHIVE_FILTER_LZMA, ARCHIVE_FILTER_LZIP,
	        ARCHIVE_FILTER_ZSTD, ARCHIVE_FILTER_LZ4,  ARCHIVE_FILTER_COMPRESS,
	};
	static const int formats[] = {ARCHIVE_FORMAT_TAR_GNUTAR, ARCHIVE_FORMAT_TAR_USTAR,
	                              ARCHIVE_FORMAT_TAR_PAX_INTERCHANGE};
	struct tree *t = *state;

	for (size_t i = 0; i < sizeof(filters) / sizeof(*filters); i++) {
		const char *dest = arena_printf(&t->arena, "d%zu", i);

		write_archive(t, "x.tar", formats[i % 3], filters[i],
		              MEMBERS({"a/b.txt", "content"}, {"c", ""}));
		assert_int_equal(unpack(t, ARCHIVE_TAR, "x.tar", dest), STAGE_OK);
		assert_string_equal(t->error.p, "");
		assert_string_equal(shape(t, dest), "a/ a/b.txt c");
		assert_string_equal(content(t, arena_printf(&t->arena, "%s/a/b.txt", dest)),
		                    "content");
	}
	write_archive(t, "x.zip", ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE,
	              MEMBERS({"a/", NULL, .type = AE_IFDIR, .perm = 0755}, {"a/b.txt", "zipped"}));
	assert_int_equal(unpack(t, ARCHIVE_ZIP, "x.zip", "z"), STAGE_OK);
	assert_string_equal(content(t, "z/a/b.txt"), "zipped");
	assert_int_equal(unpack(t, ARCHIVE_TAR, "x.zip", "y"), STAGE_BAD_ARCHIVE);
	assert_int_equal(unpack(t, ARCHIVE_ZIP, "x.tar", "y"), STAGE_BAD_ARCHIVE);
	assert_string_equal(shape(t, "y"), "");
}

static void names_of_any_bytes(void **state)
{
	static const int formats[] = {ARCHIVE_FORMAT_TAR_GNUTAR, ARCHIVE_FORMAT_TAR_USTAR,
	                              ARCHIVE_FORMAT_TAR_PAX_INTERCHANGE};
	struct tree *t = *state;
	char longest[256];

	memset(longest, 'n', 255);
	longest[255] = '\0';
	for (int i = 0; i < 3; i++) {
		const char *dest = arena_printf(&t->arena, "d%d", i);

		write_archive(t, "x.tar", formats[i], ARCHIVE_FILTER_NONE,
		              MEMBERS({"a b'\"\n.txt", "1"},
		                      {"\xc3\xa9t\xc3\xa9/\xe2\x82\xac", "2"}, {"latin\xe9", "3"},
		                      {"b\\c", "4"}));
		assert_int_equal(unpack(t, ARCHIVE_TAR, "x.tar", dest), STAGE_OK);
		assert_string_equal(shape(t, dest),
		                    "a b'\"\n.txt b\\c latin\xe9 \xc3\xa9t\xc3\xa9/ "
		                    "\xc3\xa9t\xc3\xa9/\xe2\x82\xac");
	}
	tar(t, "x.tar", MEMBERS({longest, "5"}));
	assert_int_equal(unpack(t, ARCHIVE_TAR, "x.tar", "l"), STAGE_OK);
	assert_string_equal(shape(t, "l"), longest);
	tar(t, "x.tar", MEMBERS({arena_printf(&t->arena, "%sn", longest), "6"}));
	assert_int_equal(unpack(t, ARCHIVE_TAR, "x.tar", "m"), STAGE_BAD_ARCHIVE);
	assert_non_null(strstr(t->error.p, "too long a name"));
	{
		char deep[1200];

		for (int j = 0; j < 599; j++)
			memcpy(deep + 2 * j, "d/", 2);
		memcpy(deep + 2 * 599, "x", 2);
		tar(t, "x.tar", MEMBERS({deep, "7"}));
		assert_int_equal(unpack(t, ARCHIVE_TAR, "x.tar", "n"), STAGE_BAD_ARCHIVE);
		assert_non_null(strstr(t->error.p, "too deep"));
	}
}

/* Names that say that they are UTF-8; the C locale must not get in the way. */
static void names_in_utf8(void **state)
{
	static const struct {
		int format;
		enum archive_kind kind;
	} rows[] = {{ARCHIVE_FORMAT_ZIP, ARCHIVE_ZIP},
	            {ARCHIVE_FORMAT_TAR_PAX_INTERCHANGE, ARCHIVE_TAR}};
	struct tree *t = *state;
	locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0), before;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *dest = arena_printf(&t->arena, "d%zu", i);

		before = uselocale(utf8);
		write_archive(t, "x", rows[i].format, ARCHIVE_FILTER_NONE,
		              MEMBERS({"\xc3\xa9/\xe2\x82\xac.txt", "1"}));
		uselocale(before);
		assert_int_equal(unpack(t, rows[i].kind, "x", dest), STAGE_OK);
		assert_string_equal(shape(t, dest), "\xc3\xa9/ \xc3\xa9/\xe2\x82\xac.txt");
	}
	freelocale(utf8);
}

static void modes_links_and_dates(void **state)
{
	struct tree *t = *state;
	struct stat st, other;

	tgz(t, "x.tgz",
	    MEMBERS({"./", NULL, .type = AE_IFDIR, .perm = 01000},
	            {"./ro/", NULL, .type = AE_IFDIR, .perm = 0500}, {"./ro/f", "f", .perm = 0400},
	            {"./run", "r", .perm = 06755}, {"./ro/../ignored", NULL, .type = AE_IFIFO}));
	assert_int_equal(unpack(t, ARCHIVE_TAR, "x.tgz", "a"), STAGE_BAD_ARCHIVE);
	tgz(t, "x.tgz",
	    MEMBERS({"./", NULL, .type = AE_IFDIR, .perm = 01000},
	            {"./ro/", NULL, .type = AE_IFDIR, .perm = 0500}, {"./ro/f", "f", .perm = 0400},
	            {"./run", "r", .perm = 06755}, {"fifo", NULL, .type = AE_IFIFO},
	            {"dev", NULL, .type = AE_IFCHR}, {"sym", NULL, "ro/f"},
	            {"ro/up", NULL, "../run"}, {"hard", NULL, NULL, "./run"}, {"run2", "first"},
	            {"run2", "second"}, {"later", NULL, "missing"}));
	assert_int_equal(unpack(t, ARCHIVE_TAR, "x.tgz", "b"), STAGE_OK);
	assert_string_equal(shape(t, "b"), "hard later@ ro/ ro/f ro/up@ run run2 sym@");
	assert_int_equal(stat(in(t, "b/run"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_int_equal(st.st_mtim.tv_sec, 1000000000);
	assert_int_equal(st.st_uid, geteuid());
	assert_int_equal(stat(in(t, "b/hard"), &other), 0);
	assert_int_equal(st.st_ino, other.st_ino);
	assert_int_equal(stat(in(t, "b/ro"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(stat(in(t, "b/ro/f"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_string_equal(content(t, "b/run2"), "second");
	assert_string_equal(content(t, "b/ro/up"), "r");
	assert_int_equal(stat(in(t, "b"), &st), 0);
	assert_int_equal(st.st_mode & 01000, 0);
}

static void what_leads_outside_is_refused(void **state)
{
	struct tree *t = *state;
	const char *root = t->root;
	const struct {
		const char *why;
		struct member m[4];
	} rows[] = {
	        {"is absolute", {{in(t, "out/evil"), "x"}}},
	        {"leads outside", {{"../evil", "x"}}},
	        {"leads outside", {{"a/../../evil", "x"}}},
	        {"leads outside", {{"a/..", NULL, .type = AE_IFDIR}}},
	        {"is a link that leads outside", {{"l", NULL, "/etc"}}},
	        {"is a link that leads outside", {{"l", NULL, ".."}}},
	        {"is a link that leads outside", {{"l", NULL, "./../x"}}},
	        {"is a link that leads outside", {{"a/l", NULL, "../../x"}}},
	        {"is a link that leads outside", {{"a/b/l", NULL, ".././../../x"}}},
	        {"is a link that leads outside", {{"d", NULL, "."}, {"e", NULL, "d/d/../../.."}}},
	        {"is a link that leads outside", {{"l", NULL, "a/../../x"}}},
	        {"goes through a symbolic link", {{"a/x", "1"}, {"l", NULL, "a"}, {"l/evil", "x"}}},
	        {"goes through a symbolic link", {{"l", NULL, "."}, {"l/l2", NULL, "x"}}},
	        {"goes through a symbolic link",
	         {{"a/x", "1"}, {"l", NULL, "a"}, {"l", NULL, .type = AE_IFDIR, .perm = 0755}}},
	        {"is a link that leads outside", {{"h", NULL, NULL, "/etc/passwd"}}},
	        {"is a link that leads outside", {{"h", NULL, NULL, "../outside"}}},
	        {"goes through a symbolic link",
	         {{"a/x", "1"}, {"l", NULL, "a"}, {"h", NULL, NULL, "l/x"}}},
	        {"is a hard link to something else",
	         {{"a/x", "1"}, {"l", NULL, "a/x"}, {"h", NULL, NULL, "l"}}},
	        {"is a link to a file that is not there", {{"h", NULL, NULL, "none"}}},
	        {"is a file here and a directory there", {{"a", "1"}, {"a/b", "2"}}},
	        {"is a file here and a directory there", {{"a/b", "1"}, {"a", "2"}}},
	        {"ends in a dot", {{"a/.", "1"}}},
	};

	put_file(t, "outside", "untouched");
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *dest = arena_printf(&t->arena, "out/d%zu", i);

		tar(t, "x.tar", rows[i].m);
		if (unpack(t, ARCHIVE_TAR, "x.tar", dest) != STAGE_BAD_ARCHIVE ||
		    strstr(t->error.p, rows[i].why) == NULL)
			fail_msg("row %zu: wanted '%s', got '%s'", i, rows[i].why, t->error.p);
		assert_null(strstr(shape(t, dest), "evil"));
		assert_non_null(strstr(t->error.p, "entry '"));
		assert_int_equal(strncmp(t->error.p, root, strlen(root)), 0);
	}
	assert_string_equal(content(t, "outside"), "untouched");
	assert_string_equal(content(t, "evil"), "<none>");
	assert_string_equal(content(t, "out/evil"), "<none>");
}

static void links_that_stay_inside_are_kept(void **state)
{
	struct tree *t = *state;

	tar(t, "x.tar",
	    MEMBERS({"lib/v1/x.so", "so"}, {"lib/x.so", NULL, "v1/x.so"},
	            {"bin/x", NULL, "../lib/x.so"}, {"bin/dots", NULL, "..data"}, {"..data/y", "y"},
	            {"here", NULL, "./lib"}));
	assert_int_equal(unpack(t, ARCHIVE_TAR, "x.tar", "a"), STAGE_OK);
	assert_string_equal(content(t, "a/bin/x"), "so");
	assert_string_equal(content(t, "a/here/x.so"), "so");
	assert_string_equal(content(t, "a/..data/y"), "y");
}

static void bombs_are_stopped(void **state)
{
	struct tree *t = *state;
	char *zeros = calloc(1, 300001);
	char many[40][8];
	struct member members[41] = {{0}};

	memset(zeros, '0', 300000);
	t->stage.max_bytes = 299999;
	tgz(t, "x.tgz", MEMBERS({"big", zeros}));
	assert_int_equal(unpack(t, ARCHIVE_TAR, "x.tgz", "a"), STAGE_LIMIT);
	assert_non_null(strstr(t->error.p, "more than 299999 bytes"));
	tgz(t, "x.tgz", MEMBERS({"zeros.gz", zeros}));
	zeros[150000] = '\0';
	tgz(t, "y.tgz", MEMBERS({"one", zeros}, {"two", zeros}));
	assert_int_equal(unpack(t, ARCHIVE_TAR, "y.tgz", "b"), STAGE_LIMIT);
	t->stage.max_bytes = 300000;
	assert_int_equal(unpack(t, ARCHIVE_TAR, "y.tgz", "c"), STAGE_OK);
	assert_int_equal(unpack(t, ARCHIVE_TAR, "x.tgz", "d"), STAGE_OK);
	for (int i = 0; i < 40; i++) {
		snprintf(many[i], sizeof(many[i]), "f%d", i);
		members[i] = (struct member){.name = many[i], .content = ""};
	}
	tar(t, "many.tar", members);
	t->stage.max_entries = 40;
	assert_int_equal(unpack(t, ARCHIVE_TAR, "many.tar", "e"), STAGE_OK);
	t->stage.max_entries = 39;
	assert_int_equal(unpack(t, ARCHIVE_TAR, "many.tar", "f"), STAGE_LIMIT);
	free(zeros);
}

/* A hole is not written but has a length. */
static void sparse_files_count_by_length(void **state)
{
	struct tree *t = *state;
	struct archive *a = archive_write_new();
	struct archive_entry *e = archive_entry_new();
	struct stat st;

	assert_int_equal(archive_write_set_format_pax(a), ARCHIVE_OK);
	assert_int_equal(archive_write_open_filename(a, in(t, "x.tar")), ARCHIVE_OK);
	archive_entry_set_pathname(e, "sparse");
	archive_entry_set_filetype(e, AE_IFREG);
	archive_entry_set_perm(e, 0644);
	archive_entry_set_size(e, (la_int64_t)1 << 40);
	archive_entry_sparse_add_entry(e, 0, 4);
	assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
	assert_int_equal(archive_write_data(a, "data", 4), 4);
	archive_entry_free(e);
	archive_write_close(a);
	archive_write_free(a);
	t->stage.max_bytes = 1 << 20;
	assert_int_equal(unpack(t, ARCHIVE_TAR, "x.tar", "a"), STAGE_LIMIT);
	t->stage.max_bytes = (uint64_t)2 << 40;
	assert_int_equal(unpack(t, ARCHIVE_TAR, "x.tar", "b"), STAGE_OK);
	assert_int_equal(stat(in(t, "b/sparse"), &st), 0);
	assert_int_equal(st.st_size, (off_t)1 << 40);
	assert_true(st.st_blocks < 100);
}

static void damage_is_noticed(void **state)
{
	struct tree *t = *state;
	char *noise = malloc(100001);
	struct stat st;

	for (int i = 0; i < 100000; i++)
		noise[i] = (char)(1 + (i * 2654435761u >> 20) % 255);
	noise[100000] = '\0';
	put_file(t, "text", "this is no archive at all, only a line of text");
	put_file(t, "empty", "");
	assert_int_equal(unpack(t, ARCHIVE_TAR, "text", "a"), STAGE_BAD_ARCHIVE);
	assert_int_equal(unpack(t, ARCHIVE_ZIP, "text", "a"), STAGE_BAD_ARCHIVE);
	assert_int_equal(unpack(t, ARCHIVE_TAR, "empty", "a"), STAGE_BAD_ARCHIVE);
	assert_int_equal(unpack(t, ARCHIVE_TAR, "none", "a"), STAGE_NOT_FOUND);
	tgz(t, "x.tgz", MEMBERS({"noise", noise}));
	assert_int_equal(stat(in(t, "x.tgz"), &st), 0);
	assert_int_equal(truncate(in(t, "x.tgz"), st.st_size / 2), 0);
	assert_int_equal(unpack(t, ARCHIVE_TAR, "x.tgz", "b"), STAGE_BAD_ARCHIVE);
	tar(t, "x.tar", MEMBERS({"noise", noise}));
	assert_int_equal(truncate(in(t, "x.tar"), 50000), 0);
	assert_int_equal(unpack(t, ARCHIVE_TAR, "x.tar", "c"), STAGE_BAD_ARCHIVE);
	write_archive(t, "x.zip", ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE,
	              MEMBERS({"noise", noise}));
	{
		int fd = open(in(t, "x.zip"), O_WRONLY | O_CLOEXEC);

		assert_true(fd >= 0);
		assert_int_equal(fstat(fd, &st), 0);
		assert_int_equal(pwrite(fd, "damaged!", 8, st.st_size / 2), 8);
		close(fd);
	}
	assert_int_equal(unpack(t, ARCHIVE_ZIP, "x.zip", "d"), STAGE_BAD_ARCHIVE);
	free(noise);
}

static void gzip(struct tree *t, const char *name, const char *text, bool append)
{
	struct archive *a = archive_write_new();
	struct archive_entry *e = archive_entry_new();
	char buffer[65536];
	size_t used;
	int fd;

	archive_write_set_format_raw(a);
	archive_write_add_filter_gzip(a);
	archive_write_set_bytes_in_last_block(a, 1);
	assert_int_equal(archive_write_open_memory(a, buffer, sizeof(buffer), &used), ARCHIVE_OK);
	archive_entry_set_filetype(e, AE_IFREG);
	assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
	assert_int_equal(archive_write_data(a, text, strlen(text)), strlen(text));
	archive_entry_free(e);
	assert_int_equal(archive_write_close(a), ARCHIVE_OK);
	archive_write_free(a);
	fd = open(in(t, name), O_WRONLY | O_CREAT | O_CLOEXEC | (append ? O_APPEND : O_TRUNC),
	          0644);
	assert_int_equal(fd_write_all(fd, buffer, used), 0);
	close(fd);
}

static enum stage_result gunzip(struct tree *t, const char *name, const char *dest)
{
	str_reset(&t->error);
	return stage_gunzip(&t->stage, in(t, name), NULL, in(t, dest), &t->error);
}

static void gunzip_of_one_and_of_many_members(void **state)
{
	struct tree *t = *state;

	gzip(t, "x.gz", "first ", false);
	assert_int_equal(gunzip(t, "x.gz", "x"), STAGE_OK);
	assert_string_equal(content(t, "x"), "first ");
	gzip(t, "x.gz", "second", true);
	gzip(t, "x.gz", "", true); /* as the end marker of bgzip */
	assert_int_equal(gunzip(t, "x.gz", "y"), STAGE_OK);
	assert_string_equal(content(t, "y"), "first second");
	gzip(t, "empty.gz", "", false);
	assert_int_equal(gunzip(t, "empty.gz", "z"), STAGE_OK);
	assert_string_equal(content(t, "z"), "");
	assert_int_equal(gunzip(t, "x.gz", "y"), STAGE_CONFLICT);
	assert_string_equal(content(t, "y"), "first second");
	put_file(t, "plain.gz", "not compressed");
	assert_int_equal(gunzip(t, "plain.gz", "p"), STAGE_BAD_ARCHIVE);
	assert_non_null(strstr(t->error.p, "not a gzip file"));
	put_file(t, "nothing.gz", "");
	assert_int_equal(gunzip(t, "nothing.gz", "p"), STAGE_BAD_ARCHIVE);
	assert_int_equal(gunzip(t, "none.gz", "p"), STAGE_NOT_FOUND);
	gzip(t, "cut.gz", "a text that is cut off in the middle of its compressed form", false);
	assert_int_equal(truncate(in(t, "cut.gz"), 30), 0);
	assert_int_equal(gunzip(t, "cut.gz", "p"), STAGE_BAD_ARCHIVE);
	assert_string_equal(content(t, "p"), "<none>");
	t->stage.max_bytes = 5;
	assert_int_equal(gunzip(t, "x.gz", "p"), STAGE_LIMIT);
	assert_string_equal(content(t, "p"), "<none>");
}

static void actions_on_local_archives(void **state)
{
	struct tree *t = *state;
	struct stat before, after;

	assert_int_equal(mkdir(in(t, "data"), 0777), 0);
	tgz(t, "data/ref.tgz", MEMBERS({"ref/genome.fa", "ACGT"}, {"README", "r"}));
	tar(t, "data/more.tar", MEMBERS({"ref/more.fa", "TTTT"}));
	gzip(t, "data/reads.fq.gz", "reads", false);
	assert_int_equal(stat(in(t, "data/ref.tgz"), &before), 0);
	for (int mode = STAGE_LINK; mode <= STAGE_COPY; mode++) {
		const char *d = mode == STAGE_LINK ? "l" : "c";

		assert_int_equal(get(t, "%s/data/ref.tgz|untar", d, mode), STAGE_OK);
		assert_string_equal(shape(t, d), "README ref/ ref/genome.fa");
		/* Directories merge, files clash. */
		assert_int_equal(get(t, "%s/data/more.tar|untar", d, mode), STAGE_OK);
		assert_string_equal(shape(t, d), "README ref/ ref/genome.fa ref/more.fa");
		assert_int_equal(get(t, "%s/data/ref.tgz|untar", d, mode), STAGE_CONFLICT);
		assert_int_equal(get(t, "%s/data/ref.tgz|gunzip|untar|mv:again/x", d, mode),
		                 STAGE_OK);
		assert_string_equal(content(t, arena_printf(&t->arena, "%s/again/x/README", d)),
		                    "r");
		assert_int_equal(get(t, "%s/data/reads.fq.gz|gunzip", d, mode), STAGE_OK);
		assert_string_equal(content(t, arena_printf(&t->arena, "%s/reads.fq", d)), "reads");
		assert_null(strstr(shape(t, d), ".stage-"));
	}
	assert_int_equal(get(t, "%s/data/*.t*|untar", "g", STAGE_LINK), STAGE_OK);
	assert_string_equal(shape(t, "g"), "README ref/ ref/genome.fa ref/more.fa");
	assert_int_equal(get(t, "%s/data/|gunzip", "f", STAGE_COPY), STAGE_OK);
	assert_string_equal(shape(t, "f"), "more.tar reads.fq ref.tar");
	assert_int_equal(get(t, "%s/data/more.tar|gunzip", "n", STAGE_LINK), STAGE_BAD_ARCHIVE);
	assert_non_null(strstr(t->error.p, "ends in .gz"));
	assert_int_equal(get(t, "%s/data/reads.fq.gz|untar", "n", STAGE_LINK), STAGE_BAD_ARCHIVE);
	assert_int_equal(get(t, "%s/data/reads.fq.gz|unzip", "n", STAGE_LINK), STAGE_BAD_ARCHIVE);
	assert_string_equal(shape(t, "n"), "");
	assert_string_equal(shape(t, "data"), "more.tar reads.fq.gz ref.tgz");
	assert_int_equal(stat(in(t, "data/ref.tgz"), &after), 0);
	assert_memory_equal(&before.st_mtim, &after.st_mtim, sizeof(before.st_mtim));
	assert_int_equal(before.st_mode, after.st_mode);
	assert_int_equal(before.st_ctim.tv_nsec, after.st_ctim.tv_nsec);
}

static void archives_in_archives(void **state)
{
	struct tree *t = *state;
	char inner[4096];
	struct str bytes = STR_INIT;
	size_t used;
	struct archive *a;
	struct archive_entry *e;

	gzip(t, "x.fq.gz", "reads", false);
	assert_int_equal(file_read(in(t, "x.fq.gz"), &bytes), 0);
	a = archive_write_new();
	archive_write_set_format_zip(a);
	assert_int_equal(archive_write_open_memory(a, inner, sizeof(inner), &used), ARCHIVE_OK);
	e = archive_entry_new();
	archive_entry_set_pathname(e, "run/x.fq.gz");
	archive_entry_set_filetype(e, AE_IFREG);
	archive_entry_set_perm(e, 0644);
	archive_entry_set_size(e, (la_int64_t)bytes.len);
	assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
	assert_int_equal(archive_write_data(a, bytes.p, bytes.len), bytes.len);
	archive_entry_free(e);
	archive_write_close(a);
	archive_write_free(a);
	{
		int fd = open(in(t, "x.zip"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

		assert_int_equal(fd_write_all(fd, inner, used), 0);
		close(fd);
	}
	str_release(&bytes);
	assert_int_equal(get(t, "%s/x.zip|unzip|gunzip|mv:r", "a", STAGE_LINK), STAGE_OK);
	assert_string_equal(shape(t, "a"), "r/ r/run/ r/run/x.fq");
	assert_string_equal(content(t, "a/r/run/x.fq"), "reads");
}

/* Unpacking into a folder that is a link to the user's must not write there. */
static void unpacking_over_a_linked_folder(void **state)
{
	struct tree *t = *state;

	put_file(t, "user/ref/old.fa", "old");
	tar(t, "x.tar", MEMBERS({"ref/new.fa", "new"}));
	assert_int_equal(get(t, "%s/user/", "in", STAGE_LINK), STAGE_OK);
	assert_true(is_link(t, "in/ref"));
	assert_int_equal(get(t, "%s/x.tar|untar", "in", STAGE_LINK), STAGE_OK);
	assert_string_equal(shape(t, "user"), "ref/ ref/old.fa");
	assert_string_equal(content(t, "in/ref/new.fa"), "new");
	assert_string_equal(content(t, "in/ref/old.fa"), "old");
}

static bool after_some(void *context)
{
	int *left = context;

	return --*left < 0;
}

static void cancelled_in_the_middle(void **state)
{
	struct tree *t = *state;
	int left = 3;

	tar(t, "x.tar", MEMBERS({"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", "4"}));
	t->stage.cancelled = after_some;
	t->stage.cancel_ctx = &left;
	assert_int_equal(get(t, "%s/x.tar|untar", "in", STAGE_LINK), STAGE_CANCELLED);
	assert_string_equal(shape(t, "in"), "");
}

/* Needs the right to mount a small file system. */
static void a_full_disk_is_no_users_fault(void **state)
{
	struct tree *t = *state;
	size_t n = (size_t)8 << 20;
	char *zeros;

	assert_int_equal(mkdir(in(t, "small"), 0777), 0);
	if (mount("tmpfs", in(t, "small"), "tmpfs", 0, "size=1m") != 0) {
		print_message("no right to mount: %s\n", strerror(errno));
		skip();
	}
	zeros = malloc(n + 1);
	memset(zeros, '0', n);
	zeros[n] = '\0';
	tgz(t, "x.tgz", MEMBERS({"big", zeros}));
	put_file(t, "out/plain", zeros);
	free(zeros);
	assert_int_equal(get(t, "%s/out/plain", "small/d", STAGE_COPY), STAGE_NO_SPACE);
	assert_int_equal(get(t, "%s/x.tgz|untar", "small/d", STAGE_LINK), STAGE_NO_SPACE);
	assert_string_equal(shape(t, "small/d"), "");
	{
		struct stage_listing l;
		struct uri uri;
		const char *why;

		assert_true(uri_parse(&t->arena, in(t, "small/res/"), &uri, &why));
		assert_int_equal(stage_put(&t->stage, in(t, "out"), &uri, &t->arena, &l,
		                           &t->warnings, &t->error),
		                 STAGE_NO_SPACE);
		assert_string_equal(shape(t, "small/res"), "");
		assert_string_equal(shape(t, "out"), "plain");
	}
	assert_int_equal(umount(in(t, "small")), 0);
}

#define WITH_TREE(test) cmocka_unit_test_setup_teardown(test, tree_set_up, tree_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        WITH_TREE(every_compression),
	        WITH_TREE(names_of_any_bytes),
	        WITH_TREE(names_in_utf8),
	        WITH_TREE(modes_links_and_dates),
	        WITH_TREE(what_leads_outside_is_refused),
	        WITH_TREE(links_that_stay_inside_are_kept),
	        WITH_TREE(bombs_are_stopped),
	        WITH_TREE(sparse_files_count_by_length),
	        WITH_TREE(damage_is_noticed),
	        WITH_TREE(gunzip_of_one_and_of_many_members),
	        WITH_TREE(actions_on_local_archives),
	        WITH_TREE(archives_in_archives),
	        WITH_TREE(unpacking_over_a_linked_folder),
	        WITH_TREE(cancelled_in_the_middle),
	        WITH_TREE(a_full_disk_is_no_users_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
