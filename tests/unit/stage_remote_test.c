/* Getting and asking for files over HTTP, from a server that misbehaves. */
#include "stage/get.h"
#include "stage/list.h"
#include "stage/parallel.h"
#include "tests/unit/net_server.h"
#include "tests/unit/stage_tree.h"

#include <archive.h>
#include <archive_entry.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

struct fixture {
	struct tree *t;
	struct server server;
	char url[256];
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	server_start(&f->server);
	*state = f;
	return tree_set_up((void **)&f->t);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	int r = tree_tear_down((void **)&f->t);

	server_stop(&f->server);
	free(f);
	return r;
}

static enum stage_result fetch(struct fixture *f, const char *path, const char *dest)
{
	return get(f->t, server_url(&f->server, path, f->url), dest, STAGE_LINK);
}

static void serve_text(struct fixture *f, const char *text)
{
	f->server.data = text;
	f->server.data_len = strlen(text);
}

/* The MD5 and SHA-256 of "abc" (RFC 1321, FIPS 180-2). */
#define ABC_MD5 "kAFQmDzST7DWlj99KOF/cg=="
#define ABC_SHA256 "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="

static void checksums_are_compared(void **state)
{
	struct fixture *f = *state;
	static const char *const good[] = {
	        "Content-MD5: " ABC_MD5 "\r\n",
	        "Repr-Digest: unknown=:AAAA:, sha-256=:" ABC_SHA256 ":\r\n",
	        "Digest: md5=" ABC_MD5 ", SHA-256=" ABC_SHA256 "\r\n",
	        "x-goog-hash: crc32c=AAAAAA==\r\nx-goog-hash: md5=" ABC_MD5 "\r\n",
	        "Content-MD5: nonsense\r\nRepr-Digest: sha-256=5\r\n",
	};
	char name[16];

	serve_text(f, "abc");
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		f->server.extra = good[i];
		snprintf(name, sizeof(name), "in%zu", i);
		assert_int_equal(fetch(f, "/file/x", name), STAGE_OK);
	}
	/* Other bytes are fetched once more, then given up. */
	serve_text(f, "abd");
	for (size_t i = 0; i + 1 < sizeof(good) / sizeof(good[0]); i++) {
		int before = f->server.requests;

		f->server.extra = good[i];
		assert_int_equal(fetch(f, "/file/x", "bad"), STAGE_NETWORK);
		assert_int_equal(f->server.requests, before + 2);
		assert_non_null(strstr(f->t->error.p, "arrived damaged"));
		assert_string_equal(shape(f->t, "bad"), "");
	}
	/* Of a part the sum of the whole counts, and nothing else. */
	serve_text(f, "abc");
	f->server.etag = "\"v1\"";
	f->server.cut = 2;
	f->server.extra = "Repr-Digest: sha-256=:" ABC_SHA256 ":\r\nContent-MD5: " ABC_MD5 "\r\n";
	f->t->stage.retry_wait_ms = 1;
	assert_int_equal(fetch(f, "/file/x", "parts"), STAGE_OK);
	assert_string_equal(content(f->t, "parts/x"), "abc");
}

static void several_at_once(void **state)
{
	enum { N = 23 };
	struct fixture *f = *state;
	char texts[N][64], *uris[N], name[16];
	bool done[N] = {false};
	struct str error = STR_INIT;

	serve_text(f, "abc");
	for (int i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "/file/f%d", i);
		snprintf(texts[i], sizeof(texts[i]), "%.40s%s",
		         server_url(&f->server, name, f->url), i % 2 != 0 ? "|mv:odd" : "");
		uris[i] = texts[i];
	}
	/* One of this machine is left to others. */
	snprintf(texts[5], sizeof(texts[5]), "/no/such/file");
	assert_int_equal(stage_get_remotes(&f->t->stage, uris, N, in(f->t, "many"), STAGE_LINK,
	                                   done, &error),
	                 STAGE_OK);
	for (int i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "many/%sf%d", i % 2 != 0 ? "odd/" : "", i);
		assert_int_equal(done[i], i != 5);
		if (i != 5)
			assert_string_equal(content(f->t, name), "abc");
	}
	assert_int_equal(f->t->stage.bytes, 3 * (N - 1));
	assert_int_equal(f->t->stage.files, N - 1);
	/* What is done is not fetched again; a failure is the result and says whose it is. */
	done[3] = done[4] = false;
	snprintf(texts[3], sizeof(texts[3]), "%.50s", server_url(&f->server, "/missing", f->url));
	assert_int_equal(stage_get_remotes(&f->t->stage, uris, N, in(f->t, "again"), STAGE_LINK,
	                                   done, &error),
	                 STAGE_NOT_FOUND);
	assert_non_null(strstr(error.p, "/missing: "));
	assert_false(done[3]);
	str_release(&error);
}

static void files_arrive_whole(void **state)
{
	struct fixture *f = *state;
	size_t n = 3000000;
	char *data = malloc(n + 1);

	for (size_t i = 0; i < n; i++)
		data[i] = (char)('a' + i * 2654435761u % 26);
	data[n] = '\0';
	serve_text(f, data);
	f->server.cut = 700000;
	f->server.etag = "\"v1\"";
	f->server.fail = 1;
	f->t->stage.attempts = 6;
	assert_int_equal(fetch(f, "/file/big%20file.bin?token=1/2", "in"), STAGE_OK);
	assert_string_equal(shape(f->t, "in"), "big file.bin");
	assert_true(strcmp(content(f->t, "in/big file.bin"), data) == 0);
	assert_int_equal(f->server.requests, 6);
	assert_int_equal(f->t->stage.bytes, n);
	assert_int_equal(f->t->stage.files, 1);
	/* Too few attempts leave nothing. */
	f->t->stage.attempts = 2;
	f->server.cut = 1000;
	assert_int_equal(fetch(f, "/file/x", "in2"), STAGE_NETWORK);
	assert_string_equal(shape(f->t, "in2"), "");
	assert_non_null(strstr(f->t->error.p, "/file/x: "));
	free(data);
}

static void actions_on_downloads(void **state)
{
	struct fixture *f = *state;
	struct archive *a = archive_write_new();
	struct archive_entry *e = archive_entry_new();
	char buffer[20000];
	size_t used;

	archive_write_set_format_gnutar(a);
	archive_write_add_filter_gzip(a);
	assert_int_equal(archive_write_open_memory(a, buffer, sizeof(buffer), &used), ARCHIVE_OK);
	archive_entry_set_pathname(e, "ref/genome.fa");
	archive_entry_set_filetype(e, AE_IFREG);
	archive_entry_set_perm(e, 0644);
	archive_entry_set_size(e, 4);
	assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
	assert_int_equal(archive_write_data(a, "ACGT", 4), 4);
	archive_entry_free(e);
	archive_write_close(a);
	archive_write_free(a);
	f->server.data = buffer;
	f->server.data_len = used;
	assert_int_equal(fetch(f, "/file/ref.tgz|untar|mv:db", "in"), STAGE_OK);
	assert_string_equal(shape(f->t, "in"), "db/ db/ref/ db/ref/genome.fa");
	assert_int_equal(fetch(f, "/file/ref.tgz|gunzip", "in2"), STAGE_OK);
	assert_string_equal(shape(f->t, "in2"), "ref.tar");
	assert_int_equal(fetch(f, "/redirect/2|untar", "in3"), STAGE_OK);
	assert_string_equal(shape(f->t, "in3"), "ref/ ref/genome.fa");
	/* What is damaged is told by its URI, not by where we had it. */
	f->server.data_len = used / 2;
	assert_int_equal(fetch(f, "/file/ref.tgz|untar", "in4"), STAGE_BAD_ARCHIVE);
	assert_int_equal(strncmp(f->t->error.p, f->url, strlen(f->url)), 0);
	assert_string_equal(shape(f->t, "in4"), "");
	/* The name is taken. */
	f->server.data_len = used;
	assert_int_equal(fetch(f, "/file/ref.tgz|untar|mv:db", "in"), STAGE_CONFLICT);
}

static void whose_fault_it_is(void **state)
{
	struct fixture *f = *state;
	struct server gone;

	serve_text(f, "x");
	f->t->stage.attempts = 2;
	assert_int_equal(fetch(f, "/nothing", "in"), STAGE_NOT_FOUND);
	assert_int_equal(f->server.requests, 1); /* not tried again */
	assert_int_equal(fetch(f, "/status/410", "in"), STAGE_NOT_FOUND);
	assert_int_equal(fetch(f, "/status/403", "in"), STAGE_DENIED);
	assert_int_equal(fetch(f, "/status/400", "in"), STAGE_DENIED);
	f->server.fail = 5;
	assert_int_equal(fetch(f, "/file/x", "in"), STAGE_NETWORK);
	assert_int_equal(f->server.fail, 3);
	assert_int_equal(fetch(f, "/truncated", "in"), STAGE_NETWORK);
	assert_int_equal(fetch(f, "/file/", "in"), STAGE_BAD_URI);
	assert_int_equal(fetch(f, "", "in"), STAGE_BAD_URI);
	assert_int_equal(fetch(f, "/file/%2e%2e", "in"), STAGE_BAD_URI);
	assert_int_equal(fetch(f, "/file/a%2fb", "in"), STAGE_BAD_URI);
	assert_int_equal(fetch(f, "/redirect-local", "in"), STAGE_BAD_URI);
	server_start(&gone);
	server_url(&gone, "/x", f->url);
	server_stop(&gone);
	assert_int_equal(get(f->t, f->url, "in", STAGE_LINK), STAGE_NETWORK);
	assert_int_equal(get(f->t, "http://no host/x", "in", STAGE_LINK), STAGE_BAD_URI);
	assert_string_equal(shape(f->t, "in"), "");
	f->t->stage.attempts = 1;
	f->t->stage.stall_seconds = 1;
	assert_int_equal(fetch(f, "/stall", "in"), STAGE_NETWORK);
}

/* Says so from the third question on: there is one every so often, whatever the call waits for. */
static bool out_of_patience(void *context)
{
	return ++*(int *)context > 3;
}

/* What would end these by itself has another status: a hang-up after 20 s, a third failed attempt. */
static void downloads_are_cancelled(void **state)
{
	struct fixture *f = *state;
	int asked = 0;

	f->t->stage.cancelled = out_of_patience;
	f->t->stage.cancel_ctx = &asked;
	assert_int_equal(fetch(f, "/drip", "in"), STAGE_CANCELLED);
	/* Also while nothing comes, and between two attempts. */
	asked = 0;
	assert_int_equal(fetch(f, "/stall", "in"), STAGE_CANCELLED);
	asked = 0;
	f->t->stage.retry_wait_ms = 3600000;
	assert_int_equal(fetch(f, "/status/500", "in"), STAGE_CANCELLED);
	assert_string_equal(shape(f->t, "in"), "");
}

static enum stage_result list(struct fixture *f, const char *path, struct stage_listing *l)
{
	struct uri uri;
	const char *why;

	assert_true(uri_parse(&f->t->arena, server_url(&f->server, path, f->url), &uri, &why));
	str_reset(&f->t->error);
	return stage_list(NULL, &uri, STAGE_RECURSIVE, &f->t->arena, l, &f->t->error);
}

static void single_files_are_listed(void **state)
{
	struct fixture *f = *state;
	struct stage_listing l;

	serve_text(f, "12345");
	assert_int_equal(list(f, "/file/a%20b.fq", &l), STAGE_OK);
	assert_int_equal(l.n, 1);
	assert_string_equal(l.entries[0].name, "a b.fq");
	assert_string_equal(l.entries[0].place, f->url);
	assert_int_equal(l.entries[0].size, 5);
	assert_int_equal(l.entries[0].mtime_ns, (int64_t)1795478400 * 1000000000);
	assert_int_equal(list(f, "/nothing", &l), STAGE_NOT_FOUND);
	assert_int_equal(l.n, 0);
	assert_int_equal(list(f, "/file/", &l), STAGE_BAD_URI);
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        WITH_SERVER(checksums_are_compared),  WITH_SERVER(several_at_once),
	        WITH_SERVER(files_arrive_whole),      WITH_SERVER(actions_on_downloads),
	        WITH_SERVER(whose_fault_it_is),       WITH_SERVER(downloads_are_cancelled),
	        WITH_SERVER(single_files_are_listed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
