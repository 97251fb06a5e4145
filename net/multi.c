/*
 * libcurl's multi interface behind one epoll descriptor: the sockets that libcurl
 * names and a timer for its timeout are inside, so that an event loop watches a
 * single descriptor.
 *
 * libcurl changes its timeout several times per call. The timer follows only when
 * it would fire too late; when it fires too early, nothing is due and it is set
 * again.
 */
#include "base/alloc.h"
#include "base/clock.h"
#include "net/easy.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define NEVER INT64_MAX

struct http_transfer {
	struct http_transfer *next;
	uint64_t number;
	CURL *easy;
	struct curl_slist *headers;
	struct http_response response;
	char error[CURL_ERROR_SIZE];
	enum http_error refused; /* why libcurl never saw it; HTTP_OK: it did */
	http_piece *piece;       /* NULL: the response keeps the body */
	http_done *done;
	void *context;
};

struct http_multi {
	CURLM *multi;
	struct http_transfer *active;
	struct http_transfer *idle; /* handles kept for reuse */
	unsigned refused;           /* of the active: calls to report that could not begin */
	uint64_t last_number;
	int running, handles; /* fewer running than libcurl has: answers wait to be read */
	int64_t deadline;     /* monotonic ns at which libcurl wants to be called */
	int64_t armed;        /* at which the timer fires */
	int epoll, timer;
};

static int watch_socket(CURL *easy, curl_socket_t s, int what, void *context, void *known)
{
	struct http_multi *m = context;
	struct epoll_event e = {.data.fd = s};
	int err;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		/* libcurl may have closed it already; then it left the set by itself. */
		epoll_ctl(m->epoll, EPOLL_CTL_DEL, s, NULL);
		return 0;
	}
	e.events = (what & CURL_POLL_IN ? EPOLLIN : 0) | (what & CURL_POLL_OUT ? EPOLLOUT : 0);
	err = epoll_ctl(m->epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, s, &e);
	if (err != 0 && errno == EEXIST)
		err = epoll_ctl(m->epoll, EPOLL_CTL_MOD, s, &e);
	else if (err != 0 && errno == ENOENT)
		err = epoll_ctl(m->epoll, EPOLL_CTL_ADD, s, &e);
	if (err != 0)
		return -1;
	return curl_multi_assign(m->multi, s, m) == CURLM_OK ? 0 : -1;
}

static int set_deadline(CURLM *multi, long ms, void *context)
{
	struct http_multi *m = context;

	(void)multi;
	m->deadline = ms < 0 ? NEVER : clock_monotonic_ns() + (int64_t)ms * 1000000;
	return 0;
}

/* Make the descriptor readable in time for the next run. */
static void arm(struct http_multi *m)
{
	int64_t due = m->running < m->handles || m->refused > 0 ? 1 : m->deadline;
	struct itimerspec t = {0};

	if (due >= m->armed)
		return;
	t.it_value.tv_sec = due / 1000000000;
	t.it_value.tv_nsec = due % 1000000000;
	if (timerfd_settime(m->timer, TFD_TIMER_ABSTIME, &t, NULL) != 0)
		abort();
	m->armed = due;
}

static void act(struct http_multi *m, curl_socket_t fd, int what)
{
	/* What it can fail with is a wrong handle or lack of memory. */
	if (curl_multi_socket_action(m->multi, fd, what, &m->running) != CURLM_OK)
		abort();
}

static void act_if_due(struct http_multi *m)
{
	if (m->deadline == NEVER || clock_monotonic_ns() < m->deadline)
		return;
	m->deadline = NEVER; /* libcurl sets the next one where it has one */
	act(m, CURL_SOCKET_TIMEOUT, 0);
}

struct http_multi *http_multi_new(void)
{
	struct http_multi *m = xcalloc(1, sizeof(*m));
	struct epoll_event e = {.events = EPOLLIN};

	easy_global_init();
	m->deadline = m->armed = NEVER;
	m->multi = curl_multi_init();
	m->epoll = epoll_create1(EPOLL_CLOEXEC);
	m->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	e.data.fd = m->timer;
	/* Out of descriptors at start: as for memory, nothing can be done without. */
	if (m->multi == NULL || m->epoll < 0 || m->timer < 0 ||
	    epoll_ctl(m->epoll, EPOLL_CTL_ADD, m->timer, &e) != 0)
		abort();
	if (curl_multi_setopt(m->multi, CURLMOPT_SOCKETFUNCTION, watch_socket) != CURLM_OK ||
	    curl_multi_setopt(m->multi, CURLMOPT_SOCKETDATA, m) != CURLM_OK ||
	    curl_multi_setopt(m->multi, CURLMOPT_TIMERFUNCTION, set_deadline) != CURLM_OK ||
	    curl_multi_setopt(m->multi, CURLMOPT_TIMERDATA, m) != CURLM_OK)
		abort();
	return m;
}

static void transfer_free(struct http_transfer *t)
{
	curl_easy_cleanup(t->easy);
	curl_slist_free_all(t->headers);
	http_response_release(&t->response);
	free(t);
}

/* Take the transfer out of libcurl's hands and keep its handle for the next one. */
static void retire(struct http_multi *m, struct http_transfer *t)
{
	struct http_transfer **p = &m->active;

	while (*p != t)
		p = &(*p)->next;
	*p = t->next;
	m->refused -= t->refused != HTTP_OK;
	if (t->refused == HTTP_OK) {
		if (curl_multi_remove_handle(m->multi, t->easy) != CURLM_OK)
			abort();
		m->handles--;
	}
	easy_set(t->easy, CURLOPT_HTTPHEADER, NULL); /* the handle outlives the list */
	curl_slist_free_all(t->headers);
	t->headers = NULL;
	t->next = m->idle;
	m->idle = t;
}

void http_multi_free(struct http_multi *m)
{
	if (m == NULL)
		return;
	while (m->active != NULL)
		retire(m, m->active);
	while (m->idle != NULL) {
		struct http_transfer *t = m->idle;

		m->idle = t->next;
		transfer_free(t);
	}
	curl_multi_cleanup(m->multi);
	close(m->epoll);
	close(m->timer);
	free(m);
	easy_global_release();
}

int http_multi_fd(const struct http_multi *m)
{
	return m->epoll;
}

static bool is_followed(struct http_transfer *t)
{
	long status = 0;

	return curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK &&
	       status == 200;
}

/* An empty one ends the head. */
static size_t take_line(char *line, size_t size, size_t n, void *context)
{
	struct http_transfer *t = context;
	const char *type = NULL;

	(void)line;
	if (size * n == 2 && is_followed(t)) {
		if (curl_easy_getinfo(t->easy, CURLINFO_CONTENT_TYPE, &type) != CURLE_OK)
			abort();
		(void)t->piece(t->context, type != NULL ? type : "", NULL, 0);
	}
	return size * n;
}

static size_t take_piece(char *data, size_t size, size_t n, void *context)
{
	struct http_transfer *t = context;

	if (!is_followed(t))
		return easy_keep(data, size, n, &t->response);
	return t->piece(t->context, NULL, data, size * n) ? size * n : CURL_WRITEFUNC_PAUSE;
}

static void follow(struct http_transfer *t)
{
	easy_set(t->easy, CURLOPT_HEADERFUNCTION, take_line);
	easy_set(t->easy, CURLOPT_HEADERDATA, t);
	easy_set(t->easy, CURLOPT_WRITEFUNCTION, take_piece);
	easy_set(t->easy, CURLOPT_WRITEDATA, t);
}

uint64_t http_multi_follow(struct http_multi *m, const struct http_request *request,
                           http_piece *piece, http_done *done, void *context)
{
	struct http_transfer *t = m->idle;

	if (t != NULL) {
		m->idle = t->next;
	} else {
		t = xcalloc(1, sizeof(*t));
		t->easy = curl_easy_init();
		if (t->easy == NULL)
			abort();
		http_response_init(&t->response);
	}
	t->number = ++m->last_number;
	t->piece = piece;
	t->done = done;
	t->context = context;
	t->next = m->active;
	m->active = t;
	t->refused = easy_prepare(t->easy, request, &t->response, &t->headers, t->error);
	if (t->refused != HTTP_OK) {
		m->refused++;
		arm(m);
		return t->number;
	}
	if (piece != NULL)
		follow(t);
	easy_set(t->easy, CURLOPT_PRIVATE, t);
	if (curl_multi_add_handle(m->multi, t->easy) != CURLM_OK)
		abort();
	m->handles++;
	act(m, CURL_SOCKET_TIMEOUT, 0); /* on an open connection this sends it */
	arm(m);
	return t->number;
}

uint64_t http_multi_start(struct http_multi *m, const struct http_request *request, http_done *done,
                          void *context)
{
	return http_multi_follow(m, request, NULL, done, context);
}

static struct http_transfer *find(const struct http_multi *m, uint64_t call)
{
	struct http_transfer *t = m->active;

	while (t != NULL && t->number != call)
		t = t->next;
	return t;
}

void http_multi_go_on(struct http_multi *m, uint64_t call)
{
	struct http_transfer *t = find(m, call);

	if (t == NULL || t->refused != HTTP_OK)
		return;
	/* What it fails with has ended the call, which the next run tells. */
	(void)curl_easy_pause(t->easy, CURLPAUSE_CONT);
	act(m, CURL_SOCKET_TIMEOUT, 0);
	arm(m);
}

bool http_multi_cancel(struct http_multi *m, uint64_t call)
{
	struct http_transfer *t = find(m, call);

	if (t == NULL)
		return false;
	retire(m, t);
	act(m, CURL_SOCKET_TIMEOUT, 0); /* or m->running would still count it */
	arm(m);
	return true;
}

static void finish(struct http_multi *m, struct http_transfer *t, enum http_error err)
{
	/* The callback may start a call in this very transfer: it gets the answer apart. */
	struct http_response response = t->response;
	http_done *done = t->done;
	void *context = t->context;

	http_response_init(&t->response);
	retire(m, t);
	done(context, err, &response);
	http_response_release(&response);
}

/*
 * No more than there are now, here and below: a callback that starts again what
 * fails at once must not keep us for ever.
 */
static void finish_ended(struct http_multi *m)
{
	CURLMsg *msg;
	int left;

	for (int n = m->handles; n > 0; n--) {
		struct http_transfer *t;
		char *private = NULL;
		CURLcode code;

		msg = curl_multi_info_read(m->multi, &left);
		if (msg == NULL)
			return;
		code = msg->data.result;
		if (curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &private) != CURLE_OK)
			abort();
		t = (struct http_transfer *)(void *)private;
		finish(m, t, easy_result(t->easy, code, t->error, &t->response));
	}
}

static void finish_refused(struct http_multi *m)
{
	for (unsigned n = m->refused; n > 0 && m->refused > 0; n--) {
		struct http_transfer *t = m->active;

		while (t->refused == HTTP_OK)
			t = t->next;
		finish(m, t, t->refused);
	}
}

/* Only the fact counts; EAGAIN means that it was set to a later time meanwhile. */
static void take_timer(struct http_multi *m)
{
	uint64_t count;

	if (read(m->timer, &count, sizeof(count)) < 0 && errno != EAGAIN && errno != EINTR)
		abort();
	m->armed = NEVER;
}

void http_multi_run(struct http_multi *m)
{
	struct epoll_event events[32];
	int n = epoll_wait(m->epoll, events, 32, 0);

	for (int i = 0; i < n; i++) {
		int fd = events[i].data.fd, what = 0;

		if (fd == m->timer) {
			take_timer(m);
			continue;
		}
		if (events[i].events & (EPOLLIN | EPOLLHUP))
			what |= CURL_CSELECT_IN;
		if (events[i].events & EPOLLOUT)
			what |= CURL_CSELECT_OUT;
		if (events[i].events & EPOLLERR)
			what |= CURL_CSELECT_ERR;
		act(m, fd, what);
	}
	act_if_due(m);
	finish_ended(m);
	finish_refused(m);
	arm(m);
}
