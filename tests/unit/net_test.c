/* HTTP calls, calls in an event loop, downloads, URLs: against a server that misbehaves. */
#include "base/alloc.h"
#include "base/clock.h"
#include "net/download.h"
#include "net/http.h"
#include "net/url.h"
#include "tests/unit/net_server.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
	struct server server;
	struct http *http;
	struct http_response response;
	char url[256];
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	server_start(&f->server);
	f->http = http_new();
	http_response_init(&f->response);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	http_free(f->http);
	http_response_release(&f->response);
	server_stop(&f->server);
	free(f);
	return 0;
}

static enum http_error call(struct fixture *f, const char *method, const char *path,
                            const char *body)
{
	struct http_request r = {.method = method,
	                         .url = server_url(&f->server, path, f->url),
	                         .body = body,
	                         .body_len = body != NULL ? strlen(body) : 0,
	                         .timeout_ms = 60000};

	return http_call(f->http, &r, &f->response);
}

static void every_method_with_and_without_a_body(void **state)
{
	static const char *const methods[] = {"GET", "POST", "PUT", "DELETE", "PATCH"};
	struct fixture *f = *state;
	char want[64];

	for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++) {
		assert_int_equal(call(f, methods[i], "/echo", "{\"a\": 1}"), HTTP_OK);
		assert_int_equal(f->response.status, 200);
		snprintf(want, sizeof(want), "%s /echo 0\n{\"a\": 1}", methods[i]);
		assert_string_equal(f->response.body.p, want);
		assert_int_equal(call(f, methods[i], "/echo", NULL), HTTP_OK);
		snprintf(want, sizeof(want), "%s /echo 0\n", methods[i]);
		assert_string_equal(f->response.body.p, want);
	}
	assert_int_equal(call(f, "HEAD", "/file/x", NULL), HTTP_OK);
	assert_int_equal(f->response.body.len, 0);
	assert_int_equal(f->server.connections, 1);
}

static void large_bodies_do_not_wait(void **state)
{
	struct fixture *f = *state;
	struct http_request r = {.method = "POST", .timeout_ms = 60000};
	size_t n = (size_t)3 << 20;
	char *body = malloc(n);

	memset(body, 'x', n);
	body[5] = '\0';
	r.url = server_url(&f->server, "/echo", f->url);
	r.body = body;
	r.body_len = n;
	assert_int_equal(http_call(f->http, &r, &f->response), HTTP_OK);
	assert_int_equal(f->response.body.len, n + strlen("POST /echo 0\n"));
	assert_memory_equal(f->response.body.p + strlen("POST /echo 0\n"), body, n);
	/* libcurl would wait a second for an answer to that header. */
	assert_null(strstr(f->server.last_header.p, "Expect:"));
	free(body);
}

static void answers_of_any_status(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(call(f, "GET", "/status/409", NULL), HTTP_OK);
	assert_int_equal(f->response.status, 409);
	assert_string_equal(f->response.body.p, "{\"message\": \"no\"}");
	assert_int_equal(f->response.retry_after, 7);
	assert_int_equal(call(f, "GET", "/status/500", NULL), HTTP_OK);
	assert_int_equal(f->response.status, 500);
	assert_int_equal(call(f, "GET", "/redirect/1", NULL), HTTP_OK);
	assert_int_equal(f->response.status, 302);
	assert_int_equal(f->response.retry_after, -1);
	assert_string_equal(f->response.body.p, "elsewhere");
}

static void headers_are_sent_and_checked(void **state)
{
	static const char *const good[] = {"Authorization: Bearer abc", "X-A: b", NULL};
	static const char *const bad[] = {"X-A: b\r\nX-Evil: 1", NULL};
	struct fixture *f = *state;
	struct http_request r = {.method = "GET", .headers = good};

	r.url = server_url(&f->server, "/echo", f->url);
	assert_int_equal(http_call(f->http, &r, &f->response), HTTP_OK);
	assert_non_null(strstr(f->server.last_header.p, "\r\nAuthorization: Bearer abc\r\n"));
	assert_non_null(strstr(f->server.last_header.p, "\r\nX-A: b\r\n"));
	r.headers = bad;
	assert_int_equal(http_call(f->http, &r, &f->response), HTTP_BAD_URL);
	assert_int_equal(f->response.status, 0);
	assert_non_null(strstr(f->response.message.p, "line break"));
	assert_int_equal(call(f, "GET", "/echo", NULL), HTTP_OK);
	assert_null(strstr(f->server.last_header.p, "X-A"));
}

static void failures_have_a_type_and_a_text(void **state)
{
	struct fixture *f = *state;
	struct http_request r = {.method = "GET"};
	char url[64];
	struct server gone;

	server_start(&gone);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/", gone.port);
	server_stop(&gone);
	r.url = url;
	assert_int_equal(http_call(f->http, &r, &f->response), HTTP_NO_CONNECTION);
	assert_true(f->response.message.len > 0);
	assert_int_equal(f->response.status, 0);
	r.url = server_url(&f->server, "/slow/60000", f->url);
	r.timeout_ms = 60;
	assert_int_equal(http_call(f->http, &r, &f->response), HTTP_TIMEOUT);
	r.timeout_ms = 0;
	assert_int_equal(call(f, "GET", "/truncated", NULL), HTTP_NO_CONNECTION);
	r.url = "gopher://127.0.0.1/";
	assert_int_equal(http_call(f->http, &r, &f->response), HTTP_BAD_URL);
	r.url = "file:///etc/passwd";
	assert_int_equal(http_call(f->http, &r, &f->response), HTTP_BAD_URL);
	r.url = "http://exa mple/";
	assert_int_equal(http_call(f->http, &r, &f->response), HTTP_BAD_URL);
	assert_true(http_error_retriable(HTTP_TIMEOUT));
	assert_false(http_error_retriable(HTTP_BAD_URL));
	assert_true(http_status_retriable(503));
	assert_false(http_status_retriable(404));
}

static void a_dead_connection_is_replaced(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 3; i++) {
		assert_int_equal(call(f, "GET", "/close", NULL), HTTP_OK);
		assert_string_equal(f->response.body.p, "bye");
		poll(NULL, 0, 5);
	}
	assert_int_equal(f->server.connections, 3);
}

static void once_is_on_a_connection_of_its_own(void **state)
{
	struct fixture *f = *state;
	struct http_request r = {.method = "POST", .timeout_ms = 60000};

	r.url = server_url(&f->server, "/echo", f->url);
	for (int i = 0; i < 2; i++)
		assert_int_equal(http_call(f->http, &r, &f->response), HTTP_OK);
	assert_int_equal(f->server.connections, 1);
	r.once = true;
	for (int i = 0; i < 2; i++)
		assert_int_equal(http_call(f->http, &r, &f->response), HTTP_OK);
	assert_int_equal(f->server.connections, 3);
}

static void direct_is_through_no_proxy(void **state)
{
	struct fixture *f = *state;
	struct http_request r = {.method = "GET", .timeout_ms = 60000};
	char proxy[64];
	/* Its first label is too long to be asked for. */
	static const char nowhere[] =
	        "http://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	        "aaaaaaaa.invalid/echo";

	snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%d/", f->server.port);
	setenv("http_proxy", proxy, 1);
	r.url = nowhere;
	assert_int_equal(http_call(f->http, &r, &f->response), HTTP_OK);
	r.direct = true;
	assert_int_equal(http_call(f->http, &r, &f->response), HTTP_NO_CONNECTION);
	unsetenv("http_proxy");
}

static void no_proxy_for_loopback(void **state)
{
	struct fixture *f = *state;

	setenv("http_proxy", "http://127.0.0.1:9/", 1);
	assert_int_equal(call(f, "GET", "/echo", NULL), HTTP_OK);
	setenv("no_proxy", "example.org", 1);
	assert_int_equal(call(f, "GET", "/echo", NULL), HTTP_OK);
	unsetenv("no_proxy");
	unsetenv("http_proxy");
	assert_int_equal(f->response.status, 200);
}

/* Every socket that a call leaves open would otherwise live on in tasks. */
static void sockets_are_not_inherited(void **state)
{
	struct fixture *f = *state;
	struct dirent *e;
	int sockets = 0;
	DIR *d;

	assert_int_equal(call(f, "GET", "/echo", NULL), HTTP_OK);
	d = opendir("/proc/self/fd");
	while ((e = readdir(d)) != NULL) {
		int fd = (int)strtol(e->d_name, NULL, 10), domain;
		socklen_t n = sizeof(domain);

		if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &n) != 0 || domain != AF_INET)
			continue;
		sockets++;
		assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	}
	closedir(d);
	assert_true(sockets >= 3); /* listener, both ends */
}

struct answer {
	int n, status;
	enum http_error error;
	struct str body;
	struct http_multi *m;
	struct http_request again; /* with a URL: started from the callback, once */
	uint64_t victim;           /* cancelled from the callback */
};

static void take(void *context, enum http_error error, struct http_response *response)
{
	struct answer *a = context;

	a->n++;
	a->error = error;
	a->status = response->status;
	str_reset(&a->body);
	str_add(&a->body, response->body.p, response->body.len);
	if (a->victim != 0)
		assert_true(http_multi_cancel(a->m, a->victim));
	a->victim = 0;
	if (a->again.url != NULL) {
		struct http_request r = a->again;

		a->again.url = NULL;
		http_multi_start(a->m, &r, take, a);
	}
}

/* Of an answer that is followed: what came, and how much there was room for. */
struct followed {
	struct answer end;
	struct str type, body;
	int heads, refused;
	size_t room;
};

static void take_end(void *context, enum http_error error, struct http_response *response)
{
	take(&((struct followed *)context)->end, error, response);
}

static bool take_piece(void *context, const char *type, const char *data, size_t n)
{
	struct followed *f = context;

	if (type != NULL) {
		assert_int_equal(n, 0);
		f->heads++;
		str_adds(&f->type, type);
		return true;
	}
	if (f->room == 0) {
		f->refused++;
		return false;
	}
	f->room = n < f->room ? f->room - n : 0;
	str_add(&f->body, data, n);
	return true;
}

static void run_until(struct http_multi *m, const int *n, int want, int limit_ms)
{
	int64_t end = clock_monotonic_ns() + (int64_t)limit_ms * 1000000;

	while (*n < want && clock_monotonic_ns() < end) {
		struct pollfd p = {.fd = http_multi_fd(m), .events = POLLIN};

		poll(&p, 1, 50);
		http_multi_run(m);
	}
}

static void an_answer_is_followed(void **state)
{
	enum { SIZE = 3 << 20, ROOM = 100000 };
	struct fixture *f = *state;
	struct http_multi *m = http_multi_new();
	struct followed got = {.end.body = STR_INIT, .type = STR_INIT, .body = STR_INIT};
	struct http_request r = {.method = "GET"};
	char *data = xmalloc(SIZE), url[256];
	uint64_t number;

	for (size_t i = 0; i < SIZE; i++)
		data[i] = (char)(i * 7 / 3);
	f->server.data = data;
	f->server.data_len = SIZE;
	f->server.extra = "Content-Type: text/x\r\n";
	r.url = server_url(&f->server, "/file/x", url);
	got.room = ROOM;
	number = http_multi_follow(m, &r, take_piece, take_end, &got);
	/* It stands still where nothing is taken, and goes on from there. */
	for (int turn = 1; got.end.n == 0; turn++) {
		assert_true(turn < 1000);
		run_until(m, &got.refused, turn, 500);
		if (got.end.n > 0)
			break;
		got.room = ROOM;
		http_multi_go_on(m, number);
	}
	assert_true(got.refused > 10);
	assert_int_equal(got.heads, 1);
	assert_string_equal(got.type.p, "text/x");
	assert_int_equal(got.end.error, HTTP_OK);
	assert_int_equal(got.body.len, SIZE);
	assert_memory_equal(got.body.p, data, SIZE);
	assert_int_equal(got.end.body.len, 0);
	/* One that is cancelled while it stands is gone. */
	got.room = got.end.n = got.refused = 0;
	number = http_multi_follow(m, &r, take_piece, take_end, &got);
	run_until(m, &got.refused, 1, 60000);
	assert_int_equal(got.refused, 1);
	assert_true(http_multi_cancel(m, number));
	http_multi_go_on(m, number);
	/* An end before the end is an error, and what was said before it was handed on. */
	f->server.cut = 1000;
	str_reset(&got.body);
	got.room = SIZE;
	http_multi_follow(m, &r, take_piece, take_end, &got);
	run_until(m, &got.end.n, 1, 60000);
	assert_int_equal(got.end.error, HTTP_NO_CONNECTION);
	assert_int_equal(got.body.len, 1000);
	/* Any other answer is kept. */
	got.heads = got.end.n = 0;
	r.url = server_url(&f->server, "/status/404", url);
	http_multi_follow(m, &r, take_piece, take_end, &got);
	run_until(m, &got.end.n, 1, 60000);
	assert_int_equal(got.end.status, 404);
	assert_int_equal(got.heads, 0);
	assert_non_null(strstr(got.end.body.p, "no"));
	http_multi_free(m);
	f->server.data = NULL;
	f->server.extra = NULL;
	f->server.data_len = f->server.cut = 0;
	free(data);
	str_release(&got.type);
	str_release(&got.body);
	str_release(&got.end.body);
}

static void it_is_told_whether_anything_left(void **state)
{
	struct fixture *f = *state;
	struct http *h = http_new();
	struct http_response response;
	struct http_request r = {
	        .method = "POST", .url = "http://127.0.0.1:1/x", .timeout_ms = 60000};
	char url[256];

	http_response_init(&response);
	assert_int_equal(http_call(h, &r, &response), HTTP_NO_CONNECTION);
	assert_true(response.unsent);
	r.url = server_url(&f->server, "/truncated", url);
	assert_int_equal(http_call(h, &r, &response), HTTP_NO_CONNECTION);
	assert_false(response.unsent);
	/* Of the call, not of one before on the same handle. */
	r.url = "http://127.0.0.1:1/x";
	assert_int_equal(http_call(h, &r, &response), HTTP_NO_CONNECTION);
	assert_true(response.unsent);
	http_response_release(&response);
	http_free(h);
}

static void several_calls_at_once(void **state)
{
	struct fixture *f = *state;
	struct http_multi *m = http_multi_new();
	struct answer slow = {.body = STR_INIT}, fast[10];
	char slow_url[256], path[10][256];
	struct http_request r = {.method = "GET", .timeout_ms = 60000};

	r.url = server_url(&f->server, "/held", slow_url);
	http_multi_start(m, &r, take, &slow);
	for (int i = 0; i < 10; i++) {
		char text[32];

		fast[i] = (struct answer){.body = STR_INIT};
		snprintf(text, sizeof(text), "/echo/%d", i);
		r.url = server_url(&f->server, text, path[i]);
		r.method = "PUT";
		r.body = "body";
		r.body_len = 4;
		http_multi_start(m, &r, take, &fast[i]);
	}
	for (int i = 0; i < 10; i++) {
		run_until(m, &fast[i].n, 1, 60000);
		assert_int_equal(fast[i].n, 1);
		assert_int_equal(fast[i].error, HTTP_OK);
		assert_int_equal(fast[i].status, 200);
		assert_non_null(strstr(fast[i].body.p, "\nbody"));
	}
	assert_int_equal(slow.n, 0);
	f->server.released = true;
	run_until(m, &slow.n, 1, 60000);
	assert_string_equal(slow.body.p, "slow");
	for (int i = 0; i < 10; i++)
		str_release(&fast[i].body);
	str_release(&slow.body);
	http_multi_free(m);
}

static void callbacks_start_and_cancel(void **state)
{
	struct fixture *f = *state;
	struct http_multi *m = http_multi_new();
	struct answer a = {.body = STR_INIT, .m = m}, never = {.body = STR_INIT};
	char slow[256], again[256];
	struct http_request r = {.method = "GET"};

	r.url = server_url(&f->server, "/slow/60000", slow);
	a.victim = http_multi_start(m, &r, take, &never);
	r.url = server_url(&f->server, "/echo/first", f->url);
	a.again = (struct http_request){.method = "GET"};
	a.again.url = server_url(&f->server, "/echo/second", again);
	http_multi_start(m, &r, take, &a);
	run_until(m, &a.n, 2, 60000);
	assert_int_equal(a.n, 2);
	assert_non_null(strstr(a.body.p, "/echo/second"));
	assert_int_equal(never.n, 0);
	assert_false(http_multi_cancel(m, 12345));
	/* Freed with calls under way. */
	r.url = slow;
	http_multi_start(m, &r, take, &never);
	http_multi_run(m);
	http_multi_free(m);
	assert_int_equal(never.n, 0);
	str_release(&a.body);
	str_release(&never.body);
}

static void failures_reach_the_callback(void **state)
{
	static const char *const bad[] = {"X: a\nb", NULL};
	struct fixture *f = *state;
	struct http_multi *m = http_multi_new();
	struct answer a = {.body = STR_INIT};
	struct http_request r = {.method = "GET", .timeout_ms = 80};

	r.url = server_url(&f->server, "/slow/60000", f->url);
	http_multi_start(m, &r, take, &a);
	run_until(m, &a.n, 1, 60000);
	assert_int_equal(a.error, HTTP_TIMEOUT);
	r.timeout_ms = 0;
	r.url = "http://127.0.0.1:1/";
	http_multi_start(m, &r, take, &a);
	run_until(m, &a.n, 2, 60000);
	assert_int_equal(a.error, HTTP_NO_CONNECTION);
	r.headers = bad;
	http_multi_start(m, &r, take, &a);
	assert_int_equal(a.n, 2); /* not from within http_multi_start */
	run_until(m, &a.n, 3, 60000);
	assert_int_equal(a.error, HTTP_BAD_URL);
	http_multi_cancel(m, http_multi_start(m, &r, take, &a));
	http_multi_run(m);
	r.headers = NULL;
	r.url = "http://";
	http_multi_start(m, &r, take, &a);
	run_until(m, &a.n, 4, 60000);
	assert_int_equal(a.error, HTTP_BAD_URL);
	str_release(&a.body);
	http_multi_free(m);
}

struct stubborn {
	struct http_multi *m;
	struct http_request request;
	int n;
};

static void again(void *context, enum http_error error, struct http_response *response)
{
	struct stubborn *s = context;

	(void)response;
	assert_true(error != HTTP_OK);
	s->n++;
	http_multi_start(s->m, &s->request, again, s);
}

/* Who starts again at once what fails at once still gets control back. */
static void a_turn_ends(void **state)
{
	static const char *const bad[] = {"X: a\nb", NULL};
	struct stubborn s = {.m = http_multi_new(), .request = {.method = "GET"}};

	(void)state;
	s.request.url = "http://127.0.0.1:1/";
	http_multi_start(s.m, &s.request, again, &s);
	run_until(s.m, &s.n, 3, 60000);
	assert_true(s.n >= 3);
	s.n = 0;
	s.request.headers = bad;
	http_multi_start(s.m, &s.request, again, &s);
	http_multi_run(s.m);
	assert_true(s.n <= 3); /* one that ended, two that could not begin */
	run_until(s.m, &s.n, 5, 60000);
	assert_true(s.n >= 5);
	http_multi_free(s.m);
}

/* A hidden file that is gone when closed. */
static int temporary_file(void)
{
	char path[] = "/tmp/net_test.XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC);

	assert_true(fd >= 0);
	unlink(path);
	return fd;
}

static void file_holds(int fd, const char *data, size_t n)
{
	struct stat st;
	char *got = malloc(n + 1);

	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, n);
	assert_int_equal(pread(fd, got, n + 1, 0), n);
	assert_memory_equal(got, data, n);
	free(got);
}

static char *numbered(size_t n)
{
	char *data = malloc(n);

	for (size_t i = 0; i < n; i++)
		data[i] = (char)(i * 2654435761u >> 13);
	return data;
}

static void downloads_resume(void **state)
{
	struct fixture *f = *state;
	size_t n = 1000000;
	char *data = numbered(n);
	struct http_download d = {.fd = temporary_file()};
	struct http_report report;
	int attempts = 0;

	f->server.data = data;
	f->server.data_len = n;
	f->server.cut = 300000;
	f->server.etag = "\"v1\"";
	d.url = server_url(&f->server, "/file/x", f->url);
	http_report_init(&report);
	for (;;) {
		enum http_error err = http_download(f->http, &d, &report);

		assert_true(++attempts < 10);
		if (err == HTTP_OK)
			break;
		assert_int_equal(err, HTTP_NO_CONNECTION);
		assert_true(report.message[0] != '\0');
		d.offset = report.size;
	}
	assert_int_equal(attempts, 4);
	assert_int_equal(report.size, n);
	assert_int_equal(report.status, 206);
	assert_int_equal(report.modified_s, 1795478400);
	assert_string_equal(report.validator, "\"v1\"");
	assert_non_null(strstr(f->server.last_header.p, "If-Range: \"v1\""));
	file_holds(d.fd, data, n);
	/* All is there already. */
	d.offset = n;
	assert_int_equal(http_download(f->http, &d, &report), HTTP_OK);
	assert_int_equal(report.size, n);
	file_holds(d.fd, data, n);
	close(d.fd);
	free(data);
}

static void a_changed_file_is_never_mixed(void **state)
{
	struct fixture *f = *state;
	struct http_download d = {.fd = temporary_file()};
	struct http_report report;

	f->server.data = "the first version of the file";
	f->server.data_len = strlen(f->server.data);
	f->server.cut = 10;
	f->server.etag = "\"v1\"";
	d.url = server_url(&f->server, "/file/x", f->url);
	http_report_init(&report);
	assert_int_equal(http_download(f->http, &d, &report), HTTP_NO_CONNECTION);
	assert_int_equal(report.size, 10);
	f->server.data = "something else";
	f->server.data_len = strlen(f->server.data);
	f->server.cut = 0;
	f->server.etag = "\"v2\"";
	d.offset = report.size;
	assert_int_equal(http_download(f->http, &d, &report), HTTP_OK);
	assert_int_equal(report.status, 200);
	file_holds(d.fd, "something else", 14);
	/* Shorter than what we have, and no validator to tell. */
	report.validator[0] = '\0';
	f->server.data = "short";
	f->server.data_len = 5;
	d.offset = 14;
	assert_int_equal(http_download(f->http, &d, &report), HTTP_NO_CONNECTION);
	assert_int_equal(report.size, 0);
	d.offset = report.size;
	assert_int_equal(http_download(f->http, &d, &report), HTTP_OK);
	file_holds(d.fd, "short", 5);
	/* A server that knows no ranges sends everything. */
	f->server.no_ranges = true;
	d.offset = 3;
	assert_int_equal(http_download(f->http, &d, &report), HTTP_OK);
	file_holds(d.fd, "short", 5);
	/* A part that nobody asked for. */
	d.url = server_url(&f->server, "/wrong-range", f->url);
	d.offset = 3;
	assert_int_equal(http_download(f->http, &d, &report), HTTP_NO_CONNECTION);
	assert_int_equal(report.size, 0);
	close(d.fd);
}

static void errors_write_nothing(void **state)
{
	struct fixture *f = *state;
	struct http_download d = {.fd = temporary_file()};
	struct http_report report;

	http_report_init(&report);
	d.url = server_url(&f->server, "/status/404", f->url);
	assert_int_equal(http_download(f->http, &d, &report), HTTP_OTHER);
	assert_int_equal(report.status, 404);
	d.url = server_url(&f->server, "/status/503", f->url);
	assert_int_equal(http_download(f->http, &d, &report), HTTP_OTHER);
	assert_int_equal(report.retry_after, 7);
	d.url = server_url(&f->server, "/status/204", f->url);
	assert_int_equal(http_download(f->http, &d, &report), HTTP_OK);
	file_holds(d.fd, "", 0);
	close(d.fd);
	d.fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	f->server.data = "bytes";
	f->server.data_len = 5;
	d.url = server_url(&f->server, "/file/x", f->url);
	assert_int_equal(http_download(f->http, &d, &report), HTTP_WRITE);
	assert_int_equal(report.write_errno, ENOSPC);
	assert_string_equal(report.message, strerror(ENOSPC));
	close(d.fd);
}

static void redirects_stay_in_http(void **state)
{
	struct fixture *f = *state;
	struct http_download d = {.fd = temporary_file()};
	struct http_report report;

	f->server.data = "bytes";
	f->server.data_len = 5;
	http_report_init(&report);
	d.url = server_url(&f->server, "/redirect/3", f->url);
	assert_int_equal(http_download(f->http, &d, &report), HTTP_OK);
	file_holds(d.fd, "bytes", 5);
	d.url = server_url(&f->server, "/redirect/20", f->url);
	assert_int_equal(http_download(f->http, &d, &report), HTTP_OTHER);
	d.url = server_url(&f->server, "/redirect-local", f->url);
	assert_int_equal(http_download(f->http, &d, &report), HTTP_BAD_URL);
	close(d.fd);
}

static bool stop_soon(void *context, uint64_t done, uint64_t total)
{
	(void)total;
	*(uint64_t *)context = done;
	return done >= 3;
}

static void downloads_stop(void **state)
{
	struct fixture *f = *state;
	uint64_t seen = 0;
	struct http_download d = {.fd = temporary_file(), .progress = stop_soon, .context = &seen};
	struct http_report report;

	http_report_init(&report);
	d.url = server_url(&f->server, "/drip", f->url);
	assert_int_equal(http_download(f->http, &d, &report), HTTP_CANCELLED);
	assert_true(seen >= 3);
	d.progress = NULL;
	d.stall_seconds = 1;
	d.url = server_url(&f->server, "/stall", f->url);
	assert_int_equal(http_download(f->http, &d, &report), HTTP_TIMEOUT);
	close(d.fd);
}

static void heads_tell_size_and_date(void **state)
{
	struct fixture *f = *state;
	struct http_report report;

	f->server.data = "bytes";
	f->server.data_len = 5;
	f->server.etag = "W/\"weak\"";
	http_report_init(&report);
	assert_int_equal(http_head(f->http, server_url(&f->server, "/file/x", f->url), &report),
	                 HTTP_OK);
	assert_true(report.size_known);
	assert_int_equal(report.size, 5);
	assert_int_equal(report.modified_s, 1795478400);
	assert_string_equal(report.validator, "Tue, 24 Nov 2026 00:00:00 GMT");
	assert_int_equal(http_head(f->http, server_url(&f->server, "/nothing", f->url), &report),
	                 HTTP_OTHER);
	assert_int_equal(report.status, 404);
}

static void urls(void **state)
{
	static const struct {
		const char *url, *name; /* NULL: none */
	} names[] = {
	        {"https://h/a/b.tar.gz", "b.tar.gz"},
	        {"https://h/a/b%20c.fq?x=1/2#frag", "b c.fq"},
	        {"http://h/%E9t%c3%a9", "\xe9t\xc3\xa9"},
	        {"http://h/a/", NULL},
	        {"http://h", NULL},
	        {"http://h/a/%2e%2e", NULL},
	        {"http://h/a%2fb", NULL},
	        {"http://h/a%00b", NULL},
	        {"nonsense:", NULL},
	};
	struct str s = STR_INIT;
	char all[256];

	(void)state;
	url_escape(&s, "a b/c~\xc3\xa9?", 8);
	assert_string_equal(s.p, "a%20b%2Fc~%C3%A9");
	str_reset(&s);
	url_unescape(&s, "a%20b%2", 7);
	assert_string_equal(s.p, "a b%2");
	for (int i = 0; i < 256; i++)
		all[i] = (char)i;
	str_reset(&s);
	url_escape(&s, all, 256);
	{
		struct str back = STR_INIT;

		url_unescape(&back, s.p, s.len);
		assert_int_equal(back.len, 256);
		assert_memory_equal(back.p, all, 256);
		str_release(&back);
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		str_reset(&s);
		assert_int_equal(url_file_name(&s, names[i].url), names[i].name != NULL);
		assert_string_equal(s.p, names[i].name != NULL ? names[i].name : "");
	}
	str_release(&s);
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        WITH_SERVER(every_method_with_and_without_a_body),
	        WITH_SERVER(large_bodies_do_not_wait),
	        WITH_SERVER(answers_of_any_status),
	        WITH_SERVER(headers_are_sent_and_checked),
	        WITH_SERVER(failures_have_a_type_and_a_text),
	        WITH_SERVER(a_dead_connection_is_replaced),
	        WITH_SERVER(once_is_on_a_connection_of_its_own),
	        WITH_SERVER(direct_is_through_no_proxy),
	        WITH_SERVER(no_proxy_for_loopback),
	        WITH_SERVER(sockets_are_not_inherited),
	        WITH_SERVER(an_answer_is_followed),
	        WITH_SERVER(it_is_told_whether_anything_left),
	        WITH_SERVER(several_calls_at_once),
	        WITH_SERVER(callbacks_start_and_cancel),
	        WITH_SERVER(failures_reach_the_callback),
	        cmocka_unit_test(a_turn_ends),
	        WITH_SERVER(downloads_resume),
	        WITH_SERVER(a_changed_file_is_never_mixed),
	        WITH_SERVER(errors_write_nothing),
	        WITH_SERVER(redirects_stay_in_http),
	        WITH_SERVER(downloads_stop),
	        WITH_SERVER(heads_tell_size_and_date),
	        cmocka_unit_test(urls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
