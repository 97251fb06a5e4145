/* The HTTP side when it stops while one of its own threads has a call. */
#include "server/auth.h"
#include "server/http.h"
#include "server/metrics.h"
#include "server/server.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* The head and the body of a request, as most clients send them. */
#define BODY "{\"command\": \"true\"}"
static const char head[] =
        "POST /tasks/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        "Content-Length: 19\r\n\r\n";

static sem_t arrived, stopping;

static void await(sem_t *sem)
{
	while (sem_wait(sem) != 0)
		continue;
}

static bool leads(struct server *server)
{
	(void)server;
	return true;
}

/* It is done while the server stops. */
static bool answer_here(struct server *server, struct call *call)
{
	(void)server;
	sem_post(&arrived);
	await(&stopping);
	usleep(200000);
	call_reply(call, 201, json_pack("{s:i}", "task_id", 1));
	return true;
}

static void dispatch(struct server *server, struct call *call)
{
	(void)server;
	(void)call;
	fail();
}

static void *stop(void *context)
{
	sem_post(&stopping);
	http_server_free(context);
	return NULL;
}

static int connect_to(const char *url)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
	                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_port = htons((uint16_t)strtoul(strrchr(url, ':') + 1, NULL, 10));
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* What was done is answered. */
static void test_answered(void **unused)
{
	const struct http_options options = {.address = "127.0.0.1:0",
	                                     .leads = leads,
	                                     .here = answer_here,
	                                     .threads = 1,
	                                     .connections = 16,
	                                     .head_seconds = 60,
	                                     .body_seconds = 60,
	                                     .idle_seconds = 60,
	                                     .body_bytes = 4096};
	struct server server = {.metrics = metrics_new()};
	struct auth *auth = auth_new(true);
	struct problem problem = {0};
	char answer[4096] = "";
	size_t n = 0;
	ssize_t got;
	struct http *http;
	pthread_t stopper;
	struct log log;
	int fd;

	(void)unused;
	log_init(&log, "test", LOG_LEVEL_ERROR, STDERR_FILENO);
	sem_init(&arrived, 0, 0);
	sem_init(&stopping, 0, 0);
	http = http_server_new(&options, &server, auth, dispatch, &log, &problem);
	if (http == NULL)
		fail_msg("%s", problem.message);
	fd = connect_to(http_url(http));
	assert_int_equal(send(fd, head, strlen(head), 0), strlen(head));
	usleep(50000);
	assert_int_equal(send(fd, BODY, strlen(BODY), 0), strlen(BODY));
	await(&arrived);
	assert_int_equal(pthread_create(&stopper, NULL, stop, http), 0);
	while ((got = recv(fd, answer + n, sizeof(answer) - 1 - n, 0)) > 0)
		n += (size_t)got;
	pthread_join(stopper, NULL);
	close(fd);
	auth_free(auth);
	metrics_free(server.metrics);
	sem_destroy(&arrived);
	sem_destroy(&stopping);
	if (strncmp(answer, "HTTP/1.1 201 ", 13) != 0 || strstr(answer, "\"task_id\"") == NULL)
		fail_msg("the answer is '%s'", answer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
