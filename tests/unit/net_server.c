#include "tests/unit/net_server.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

struct request {
	char method[16], target[1024];
	struct str head, body;
	int connection;
};

static bool send_bytes(int fd, const void *data, size_t n)
{
	const char *p = data;

	while (n > 0) {
		ssize_t w = send(fd, p, n, MSG_NOSIGNAL);

		if (w <= 0)
			return false;
		p += w;
		n -= (size_t)w;
	}
	return true;
}

static bool reply(int fd, int status, const char *headers, const void *body, size_t n)
{
	struct str out = STR_INIT;
	bool ok;

	str_addf(&out, "HTTP/1.1 %d X\r\n%sContent-Length: %zu\r\n\r\n", status, headers, n);
	str_add(&out, body, n);
	ok = send_bytes(fd, out.p, out.len);
	str_release(&out);
	return ok;
}

static bool reply_text(int fd, int status, const char *headers, const char *body)
{
	return reply(fd, status, headers, body, strlen(body));
}

static const char *header(const struct request *r, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = r->head.p; (p = strchr(p, '\n')) != NULL;) {
		p++;
		if (strncasecmp(p, name, n) == 0 && p[n] == ':')
			return p + n + 1 + strspn(p + n + 1, " ");
	}
	return NULL;
}

static bool serve_file(struct server *s, const struct request *r, int fd)
{
	const char *range = header(r, "Range"), *if_range = header(r, "If-Range");
	struct str out = STR_INIT;
	size_t first = 0, n;
	bool ok = false;

	pthread_mutex_lock(&s->lock);
	if (s->fail > 0) {
		s->fail--;
		pthread_mutex_unlock(&s->lock);
		return reply_text(fd, 503, "Retry-After: 0\r\n", "later");
	}
	if (range != NULL && !s->no_ranges &&
	    (if_range == NULL ||
	     (s->etag != NULL && strncmp(if_range, s->etag, strlen(s->etag)) == 0)))
		first = strtoul(range + strlen("bytes="), NULL, 10);
	if (first > 0 && first >= s->data_len) {
		str_addf(&out, "Content-Range: bytes */%zu\r\n", s->data_len);
		pthread_mutex_unlock(&s->lock);
		ok = reply_text(fd, 416, out.p, "");
		str_release(&out);
		return ok;
	}
	n = s->data_len - first;
	str_addf(&out, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n", first > 0 ? 206 : 200, n);
	if (first > 0)
		str_addf(&out, "Content-Range: bytes %zu-%zu/%zu\r\n", first, s->data_len - 1,
		         s->data_len);
	if (s->extra != NULL)
		str_adds(&out, s->extra);
	if (s->etag != NULL)
		str_addf(&out, "ETag: %s\r\n", s->etag);
	str_adds(&out, "Last-Modified: Tue, 24 Nov 2026 00:00:00 GMT\r\n\r\n");
	if (s->cut > 0 && n > s->cut)
		n = s->cut;
	else
		ok = true;
	if (strcmp(r->method, "HEAD") != 0)
		str_add(&out, s->data + first, n);
	pthread_mutex_unlock(&s->lock);
	ok = send_bytes(fd, out.p, out.len) && ok;
	str_release(&out);
	return ok;
}

static bool serve_echo(const struct request *r, int fd)
{
	struct str out = STR_INIT;
	bool ok;

	str_addf(&out, "%s %s %d\n", r->method, r->target, r->connection);
	str_add(&out, r->body.p, r->body.len);
	ok = reply(fd, 200, "Content-Type: text/plain\r\n", out.p, out.len);
	str_release(&out);
	return ok;
}

/* True where the connection stays open. */
static bool serve(struct server *s, const struct request *r, int fd)
{
	const char *t = r->target;
	char text[256];

	if (strncmp(t, "/file/", 6) == 0)
		return serve_file(s, r, fd);
	if (strncmp(t, "/echo", 5) == 0)
		return serve_echo(r, fd);
	if (strncmp(t, "/status/", 8) == 0)
		return reply_text(fd, (int)strtol(t + 8, NULL, 10), "Retry-After: 7\r\n",
		                  "{\"message\": \"no\"}");
	if (strncmp(t, "/slow/", 6) == 0) {
		struct pollfd p = {.fd = fd, .events = POLLRDHUP};

		poll(&p, 1, (int)strtol(t + 6, NULL, 10)); /* or until nobody listens */
		return reply_text(fd, 200, "", "slow");
	}
	if (strcmp(t, "/held") == 0) {
		while (!s->stopping && !s->released)
			poll(NULL, 0, 5);
		return reply_text(fd, 200, "", "slow");
	}
	if (strcmp(t, "/truncated") == 0) {
		snprintf(text, sizeof(text), "HTTP/1.1 200 X\r\nContent-Length: 1000\r\n\r\nabc");
		send_bytes(fd, text, strlen(text));
		return false;
	}
	if (strcmp(t, "/close") == 0) {
		reply_text(fd, 200, "", "bye"); /* without saying so */
		return false;
	}
	if (strcmp(t, "/drip") == 0) {
		snprintf(text, sizeof(text), "HTTP/1.1 200 X\r\nContent-Length: 1000\r\n\r\n");
		send_bytes(fd, text, strlen(text));
		while (!s->stopping && send_bytes(fd, ".", 1))
			poll(NULL, 0, 20);
		return false;
	}
	if (strcmp(t, "/stall") == 0) {
		struct pollfd p = {.fd = fd, .events = POLLRDHUP};

		snprintf(text, sizeof(text), "HTTP/1.1 200 X\r\nContent-Length: 10\r\n\r\nabc");
		send_bytes(fd, text, strlen(text));
		poll(&p, 1, 60000);
		return false;
	}
	if (strncmp(t, "/redirect/", 10) == 0) {
		long left = strtol(t + 10, NULL, 10);

		if (left > 0)
			snprintf(text, sizeof(text), "Location: /redirect/%ld\r\n", left - 1);
		else
			snprintf(text, sizeof(text), "Location: /file/x\r\n");
		return reply_text(fd, 302, text, "elsewhere");
	}
	if (strcmp(t, "/redirect-local") == 0)
		return reply_text(fd, 302, "Location: file:///etc/passwd\r\n", "");
	if (strcmp(t, "/wrong-range") == 0)
		return reply_text(fd, 206, "Content-Range: bytes 1-3/10\r\n", "bcd");
	return reply_text(fd, 404, "", "not here");
}

/* Read one request; false at the end of the connection. */
static bool read_request(int fd, struct request *r)
{
	const char *end, *length;
	size_t want;
	char buffer[4096];

	str_reset(&r->head);
	str_reset(&r->body);
	while ((end = strstr(r->head.p, "\r\n\r\n")) == NULL) {
		ssize_t n = recv(fd, buffer, sizeof(buffer), 0);

		if (n <= 0)
			return false;
		str_add(&r->head, buffer, (size_t)n);
	}
	end += 4;
	str_add(&r->body, end, r->head.len - (size_t)(end - r->head.p));
	r->head.len = (size_t)(end - r->head.p);
	r->head.p[r->head.len] = '\0';
	length = header(r, "Content-Length");
	want = length != NULL ? strtoul(length, NULL, 10) : 0;
	while (r->body.len < want) {
		ssize_t n = recv(fd, buffer, sizeof(buffer), 0);

		if (n <= 0)
			return false;
		str_add(&r->body, buffer, (size_t)n);
	}
	return sscanf(r->head.p, "%15s %1023s", r->method, r->target) == 2;
}

struct connection {
	struct server *s;
	int number;
};

static void *talk(void *ctx)
{
	struct connection *c = ctx;
	struct server *s = c->s;
	int fd = s->fds[c->number];
	struct request r = {.head = STR_INIT, .body = STR_INIT, .connection = c->number};

	while (read_request(fd, &r)) {
		pthread_mutex_lock(&s->lock);
		s->requests++;
		str_reset(&s->last_header);
		str_add(&s->last_header, r.head.p, r.head.len);
		pthread_mutex_unlock(&s->lock);
		if (!serve(s, &r, fd))
			break;
	}
	shutdown(fd, SHUT_RDWR);
	str_release(&r.head);
	str_release(&r.body);
	free(c);
	return NULL;
}

static void *accept_all(void *ctx)
{
	struct server *s = ctx;

	for (;;) {
		int one = 1, fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
		struct connection *c;

		if (fd < 0)
			return NULL;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		c = calloc(1, sizeof(*c));
		assert(c != NULL && s->connections < SERVER_CONNECTIONS);
		pthread_mutex_lock(&s->lock);
		*c = (struct connection){s, s->connections};
		s->fds[s->connections] = fd;
		if (pthread_create(&s->threads[s->connections++], NULL, talk, c) != 0)
			abort();
		pthread_mutex_unlock(&s->lock);
	}
}

void server_start(struct server *s)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);

	memset(s, 0, sizeof(*s));
	str_init(&s->last_header);
	pthread_mutex_init(&s->lock, NULL);
	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->listener < 0 || bind(s->listener, (struct sockaddr *)&a, sizeof(a)) != 0 ||
	    listen(s->listener, 128) != 0 ||
	    getsockname(s->listener, (struct sockaddr *)&a, &n) != 0 ||
	    pthread_create(&s->acceptor, NULL, accept_all, s) != 0)
		abort();
	s->port = ntohs(a.sin_port);
}

void server_stop(struct server *s)
{
	s->stopping = true;
	shutdown(s->listener, SHUT_RDWR);
	pthread_join(s->acceptor, NULL);
	for (int i = 0; i < s->connections; i++)
		shutdown(s->fds[i], SHUT_RDWR);
	for (int i = 0; i < s->connections; i++) {
		pthread_join(s->threads[i], NULL);
		close(s->fds[i]);
	}
	close(s->listener);
	pthread_mutex_destroy(&s->lock);
	str_release(&s->last_header);
}

const char *server_url(const struct server *s, const char *path, char buffer[256])
{
	snprintf(buffer, 256, "http://127.0.0.1:%d%s", s->port, path);
	return buffer;
}
