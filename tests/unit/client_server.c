#include "tests/unit/client_server.h"

#include "base/str.h"
#include "model/json.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct client_server server;

static int64_t make(const char *key, const char *name)
{
	struct made made = {xstrdup(key), xstrdup(name)};

	for (size_t i = 0; i < server.made.n; i++) {
		if (strcmp(server.made.v[i].key, key) == 0) {
			free(made.key);
			free(made.name);
			return (int64_t)i + 1;
		}
	}
	vec_push(&server.made, made);
	return (int64_t)server.made.n;
}

/* One whole request into `text`; false at the end. */
static bool read_request(int fd, struct str *text, const char **body)
{
	char *end;

	str_reset(text);
	for (;;) {
		char bytes[4096];
		ssize_t n = recv(fd, bytes, sizeof(bytes), 0);
		const char *length;

		if (n <= 0)
			return false;
		str_add(text, bytes, (size_t)n);
		end = strstr(text->p, "\r\n\r\n");
		if (end == NULL)
			continue;
		length = strcasestr(text->p, "Content-Length: ");
		*body = end + 4;
		if (strlen(*body) >= (length ? strtoul(length + 16, NULL, 10) : 0))
			return true;
	}
}

/* "PUT /tasks/1 BODY" */
static char *described(const char *text, const char *body)
{
	struct str out = STR_INIT;

	str_add(&out, text, strcspn(text, "\r") - strlen(" HTTP/1.1"));
	str_addf(&out, " %s", body);
	return str_detach(&out);
}

/* Under lock. */
static bool scripted(const char *text, const char **status, struct str *reply)
{
	for (size_t i = server.script.n; i > 0; i--) {
		const struct line *line = &server.script.v[i - 1];

		if (strncmp(text, line->begin, strlen(line->begin)) == 0) {
			*status = line->status;
			str_adds(reply, line->body);
			return true;
		}
	}
	return false;
}

static void answer(int fd, const char *text, const char *body)
{
	const char *key = strcasestr(text, "Idempotency-Key: ");
	struct str reply = STR_INIT, head = STR_INIT;
	struct problem problem;
	json_t *j = json_parse(body, strlen(body), &problem);
	const char *name = json_string_value(json_object_get(j, "name"));
	char word[128];
	const char *status = "200 OK";
	enum mood mood;

	pthread_mutex_lock(&server.lock);
	server.requests++;
	vec_push(&server.asked, described(text, body));
	mood = server.mood;
	if (scripted(text, &status, &reply))
		mood = ANSWERS;
	else if (key != NULL && name != NULL && mood != MUTE) {
		snprintf(word, sizeof(word), "%.*s", (int)strcspn(key + 17, "\r"), key + 17);
		str_addf(&reply,
		         "{\"task_id\": %lld, \"name\": \"%s\", \"status\": \"failed\", "
		         "\"creation_date\": \"1970-01-01T00:00:01.000002\", \"later\": [1]}",
		         (long long)make(word, name), name);
	} else {
		str_adds(&reply, "[]");
	}
	/* Every second answer is lost. */
	if (mood == CUTS && server.requests % 2 == 0)
		shutdown(fd, SHUT_RDWR);
	pthread_mutex_unlock(&server.lock);
	str_addf(&head, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n%s", status, reply.len, reply.p);
	if (mood != MUTE)
		(void)send(fd, head.p, head.len, MSG_NOSIGNAL);
	json_decref(j);
	str_release(&head);
	str_release(&reply);
}

static void *serve(void *context)
{
	int fd = (int)(intptr_t)context;
	struct str text = STR_INIT;
	const char *body;

	while (read_request(fd, &text, &body))
		answer(fd, text.p, body);
	str_release(&text);
	return NULL;
}

static void *accept_all(void *unused)
{
	int fd;

	(void)unused;
	while ((fd = accept(server.listener, NULL, NULL)) >= 0) {
		pthread_t thread;

		pthread_mutex_lock(&server.lock);
		assert_int_equal(pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd), 0);
		vec_push(&server.threads, thread);
		vec_push(&server.links, fd);
		pthread_mutex_unlock(&server.lock);
	}
	return NULL;
}

int server_open(void **unused)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
	                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);

	(void)unused;
	memset(&server, 0, sizeof(server));
	pthread_mutex_init(&server.lock, NULL);
	server.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(server.listener, (struct sockaddr *)&address, len) < 0 ||
	    listen(server.listener, 64) < 0 ||
	    getsockname(server.listener, (struct sockaddr *)&address, &len) < 0)
		return -1;
	server.port = ntohs(address.sin_port);
	return pthread_create(&server.acceptor, NULL, accept_all, NULL);
}

int server_close(void **unused)
{
	(void)unused;
	shutdown(server.listener, SHUT_RDWR);
	pthread_join(server.acceptor, NULL);
	close(server.listener);
	for (size_t i = 0; i < server.threads.n; i++) {
		shutdown(server.links.v[i], SHUT_RDWR);
		pthread_join(server.threads.v[i], NULL);
		close(server.links.v[i]);
	}
	for (size_t i = 0; i < server.made.n; i++) {
		free(server.made.v[i].key);
		free(server.made.v[i].name);
	}
	for (size_t i = 0; i < server.asked.n; i++)
		free(server.asked.v[i]);
	vec_release(&server.asked);
	vec_release(&server.script);
	vec_release(&server.made);
	vec_release(&server.threads);
	vec_release(&server.links);
	pthread_mutex_destroy(&server.lock);
	return 0;
}

void set_mood(enum mood mood)
{
	pthread_mutex_lock(&server.lock);
	server.mood = mood;
	pthread_mutex_unlock(&server.lock);
}

void add_line(const char *begin, const char *status, const char *body)
{
	pthread_mutex_lock(&server.lock);
	vec_push(&server.script, ((struct line){begin, status, body}));
	pthread_mutex_unlock(&server.lock);
}

size_t count_asked(const char *begin)
{
	size_t n = 0;

	pthread_mutex_lock(&server.lock);
	for (size_t i = 0; i < server.asked.n; i++)
		n += strncmp(server.asked.v[i], begin, strlen(begin)) == 0;
	pthread_mutex_unlock(&server.lock);
	return n;
}

struct scitq *open_with(const struct scitq_options *options)
{
	char name[64];

	snprintf(name, sizeof(name), "x:token@127.0.0.1:%d", server.port);
	return scitq_open(name, options);
}

struct scitq *open_scitq(double put_timeout, bool asynchronous)
{
	struct scitq_options options = SCITQ_OPTIONS_INIT;
	struct scitq *s;

	options.put_timeout = put_timeout;
	options.asynchronous = asynchronous;
	s = open_with(&options);
	assert_non_null(s);
	return s;
}

struct scitq_answer *create(struct scitq *s, const char *name)
{
	const struct scitq_new_task task = {.command = "true", .name = name};

	return scitq_task_create(s, &task);
}
