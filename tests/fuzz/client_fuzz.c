/*
 * What libscitq reads of others. The first byte says what the rest is: the answer to each of its
 * calls, with the rows made of it; a stream of events; the spool of another process.
 */
#include "base/fd.h"
#include "client/client.h"
#include "client/events.h"
#include "client/inside.h"
#include "model/json.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every field of the row is absent or a value of its kind. */
static void look_at_row(const struct table *t, const void *row)
{
	for (unsigned i = 0; i < t->nfields; i++) {
		const struct field *f = &t->fields[i];
		size_t n;

		if (row_is_null(f, row))
			continue;
		if (f->kind == KIND_TEXT)
			assert(strlen(*(const char *const *)field_in(f, row)) < SIZE_MAX);
		else if (field_words(f->kind, &n) != NULL)
			assert((size_t) * (const int8_t *)field_in(f, row) < n);
	}
}

static const void *typed(struct scitq_answer *a, enum row_kind kind, size_t i)
{
	switch (kind) {
	case ROWS_TASK:
		return scitq_task(a, i);
	case ROWS_WORKER:
		return scitq_worker(a, i);
	case ROWS_EXECUTION:
		return scitq_execution(a, i);
	case ROWS_REQUIREMENT:
		return scitq_requirement(a, i);
	case ROWS_RECRUITER:
		return scitq_recruiter(a, i);
	case ROWS_JOB:
		return scitq_job(a, i);
	case ROWS_RUN:
		return scitq_run(a, i);
	case ROWS_BATCH_COUNTS:
		return scitq_batch_counts(a, i);
	case ROWS_WORKER_TASKS:
		return scitq_worker_tasks(a, i);
	case ROWS_WORKER_EXECUTION:
		return scitq_worker_execution(a, i);
	case ROWS_FLAVOR_OFFER:
		return scitq_flavor_offer(a, i);
	case ROWS_NONE:
	case ROWS_COUNT:
		break;
	}
	return NULL;
}

static void look_at_answer(const struct call_row *row, json_t *json)
{
	struct scitq_answer *a = answer_new(row);
	struct scitq_counts counts;

	answer_finish(a, json ? SCITQ_OK : SCITQ_BROKEN, json, NULL, NULL);
	scitq_id(a);
	scitq_counts(a, &counts);
	for (size_t i = 0; i < scitq_count(a); i++) {
		const void *typed_row = typed(a, row->rows, i);

		assert((typed_row != NULL) == (row->rows != ROWS_NONE));
		if (typed_row != NULL)
			look_at_row(row_table(row->rows), typed_row);
	}
	assert(typed(a, row->rows, scitq_count(a)) == NULL);
	scitq_free(a);
}

static void read_answer(const char *text, size_t size)
{
	const struct server_access access = {.server = "127.0.0.1"};
	struct http_response response;
	struct client client;
	json_t *json;

	client_init(&client, &access);
	http_response_init(&response);
	str_add(&response.body, text, size);
	response.status = 409;
	assert(client_answer(&client, HTTP_OK, &response, &json) == CLIENT_REFUSED);
	assert(json == NULL && client.error.len > 0);
	response.status = 200;
	client_answer(&client, HTTP_OK, &response, &json);
	for (int i = 0; i < CALL_COUNT; i++)
		look_at_answer(call_row((enum call_number)i), json_incref(json));
	json_decref(json);
	http_response_release(&response);
	client_release(&client);
}

static bool count_event(void *context, const char *kind, const struct str *data)
{
	assert(strlen(kind) < SIZE_MAX && data->len > 0);
	++*(size_t *)context;
	return true;
}

/* The same events, wherever what arrives is cut. */
static void read_events(const char *text, size_t size)
{
	struct events events;
	size_t whole = 0, cut = 0;

	events_init(&events, count_event, &whole);
	assert(events_read(&events, text, size));
	events.context = &cut;
	events_reset(&events);
	for (size_t i = 0; i < size; i++)
		assert(events_read(&events, text + i, 1));
	assert(whole == cut);
	events_release(&events);
}

/* It is taken whole or left as it is; what was taken can be written and read again. */
static void read_spool(const char *text, size_t size)
{
	int fd = memfd_create("spool", MFD_CLOEXEC);
	const struct server_access access = {.server = "127.0.0.1:1"};
	struct sender sender;
	struct queue queue = {.first = NULL};
	char path[64];

	if (fd < 0 || fd_write_all(fd, text, size) != 0)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	sender_init(&sender, &access);
	queue_init(&queue, &sender, 30, 1, path);
	for (const struct pending *p = queue.first; p != NULL; p = p->next) {
		assert(p->request.key[0] != '\0' && !call_is_read(p->request.row));
		assert(p->answer->number > 0 && p->answer->number <= queue.numbered);
		assert(p->next == NULL || p->answer->number < p->next->answer->number);
	}
	queue_stop(&queue);
	sender_release(&sender);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data + 1;
	bool before;

	if (size == 0)
		return 0;
	alloc_tolerate(&before);
	if (*data == 'a')
		read_answer(text, size - 1);
	else if (*data == 'e')
		read_events(text, size - 1);
	else if (*data == 's')
		read_spool(text, size - 1);
	/* There is enough of it, whatever is wrong. */
	if (alloc_end(before))
		abort();
	return 0;
}
