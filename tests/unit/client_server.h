/*
 * A server inside a test of libscitq: it makes tasks, can be mute or cut connections before it
 * answers, and says what a script wants instead.
 */
#ifndef TESTS_UNIT_CLIENT_SERVER_H
#define TESTS_UNIT_CLIENT_SERVER_H

#include "base/vec.h"
#include "client/scitq.h"

#include <pthread.h>
#include <stdbool.h>

enum mood { ANSWERS, MUTE, CUTS };

/* What was asked for under a key, and the number that it got. */
struct made {
	char *key, *name;
};

/* The answer to requests that begin so, whatever the mood. */
struct line {
	const char *begin, *status, *body;
};

struct client_server {
	int listener, port;
	pthread_t acceptor;
	pthread_mutex_t lock;
	enum mood mood;
	unsigned requests;
	VEC(struct made) made; /* task_id is the place, from 1 */
	VEC(char *) asked;     /* "PUT /tasks/1 BODY" */
	VEC(struct line) script;
	VEC(pthread_t) threads;
	VEC(int) links;
};

extern struct client_server server;

/* For cmocka. */
int server_open(void **unused);
int server_close(void **unused);
void set_mood(enum mood mood);
/* The texts are borrowed; the line that was added last counts. */
void add_line(const char *begin, const char *status, const char *body);
/* How many requests began so. */
size_t count_asked(const char *begin);

struct scitq *open_scitq(double put_timeout, bool asynchronous);
/* Of this server, the other options being given. */
struct scitq *open_with(const struct scitq_options *options);
struct scitq_answer *create(struct scitq *s, const char *name);

#endif
