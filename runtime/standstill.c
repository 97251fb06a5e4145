#include "runtime/standstill.h"

#include "base/clock.h"

#include <jansson.h>
#include <stdio.h>

#define PATIENCE_NS (10 * INT64_C(1000000000))

/* The answer of a GET, NULL where there is none. */
static json_t *get(struct session *session, const char *path)
{
	json_t *reply = NULL;

	if (session_call(session, "GET", path, NULL, &reply))
		return reply;
	session_forgive(session);
	return NULL;
}

/* A task of the run in that status; 0: none. */
static json_int_t first_task(struct session *session, int64_t run_id, const char *status)
{
	char path[128];
	json_t *tasks;
	json_int_t id;

	snprintf(path, sizeof(path), "/tasks/?run_id=%lld&status=%s&limit=1", (long long)run_id,
	         status);
	tasks = get(session, path);
	id = json_integer_value(json_object_get(json_array_get(tasks, 0), "task_id"));
	json_decref(tasks);
	return id;
}

static void tell(struct session *session, const struct run_view *view, bool pending)
{
	json_int_t id = first_task(session, view->run_id, pending ? "pending" : "waiting");
	const char *sentence;
	char path[64];
	json_t *why;

	if (id == 0)
		return;
	snprintf(path, sizeof(path), "/tasks/%lld/why", (long long)id);
	why = get(session, path);
	sentence = json_string_value(json_object_get(why, "why"));
	if (sentence != NULL)
		progress_say(session->progress, "! nothing moves: %s", sentence);
	json_decref(why);
}

void standstill_look(struct standstill *s, struct session *session, const struct run_view *view,
                     int64_t event)
{
	int64_t running = 0, pending = 0, waiting = 0, now = clock_monotonic_ns();

	for (size_t i = 0; i < view->nsteps; i++) {
		running += view->steps[i].running;
		pending += view->steps[i].pending;
		waiting += view->steps[i].waiting;
	}
	/* Without any worker follow.c says so. */
	if (event != s->event || running > 0 || pending + waiting == 0 || view->workers == 0) {
		*s = (struct standstill){.event = event};
	} else if (s->since_ns == 0) {
		s->since_ns = now;
	} else if (!s->told && now - s->since_ns > PATIENCE_NS) {
		s->told = true;
		tell(session, view, pending > 0);
	}
}

int standstill_wait_ms(const struct standstill *s)
{
	return s->since_ns != 0 && !s->told ? PATIENCE_NS / 1000000 : -1;
}
