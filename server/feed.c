#include "server/feed.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/map.h"
#include "base/vec.h"
#include "model/field.h"
#include "model/json.h"
#include "server/recruit/decision.h"
#include "server/state.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Taken out of the ring at a time, so that nobody prints while the core waits. */
#define AT_ONCE 64
/* Looked at for them. */
#define LOOKED_AT 1024

#define FEED_KIND(name, word) word,
const char *const feed_kind_words[FEED_KIND_COUNT] = {FEED_KINDS(FEED_KIND)};
#undef FEED_KIND

static const char *const change_words[] = {"created", "changed", "deleted", "decided"};

struct name {
	char *name, *json; /* json: quoted, as it is printed */
	struct feed_batch counters;
	uint64_t counted; /* the event that told them last */
	uint64_t used;    /* the last event that may have it, or the next one */
};

struct feed {
	pthread_mutex_t lock;
	struct feed_event *ring;
	size_t room;
	uint64_t start, next;     /* numbers of the first event ever, of the next one */
	struct map numbers;       /* name -> number */
	VEC(struct name *) names; /* by number - 1; NULL: free */
	VEC(uint32_t) free;       /* numbers */
};

struct feed *feed_new(size_t room)
{
	struct feed *feed = xcalloc(1, sizeof(*feed));

	pthread_mutex_init(&feed->lock, NULL);
	feed->ring = xcalloc(room, sizeof(*feed->ring));
	feed->room = room;
	feed->start = feed->next = (uint64_t)clock_date_us();
	return feed;
}

static void name_free(struct name *name)
{
	if (name == NULL)
		return;
	free(name->name);
	free(name->json);
	free(name);
}

void feed_free(struct feed *feed)
{
	if (feed == NULL)
		return;
	for (size_t i = 0; i < feed->names.n; i++)
		name_free(feed->names.v[i]);
	vec_release(&feed->names);
	vec_release(&feed->free);
	map_release(&feed->numbers);
	free(feed->ring);
	pthread_mutex_destroy(&feed->lock);
	free(feed);
}

/* Those of which the ring holds nothing: half of them at least, where there are twice as many as it
   has events. */
static void forget_names(struct feed *feed)
{
	for (size_t i = 0; i < feed->names.n; i++) {
		struct name *name = feed->names.v[i];

		if (name == NULL || name->used + feed->room >= feed->next)
			continue;
		map_delete(&feed->numbers, name->name, strlen(name->name));
		name_free(name);
		feed->names.v[i] = NULL;
		vec_push(&feed->free, (uint32_t)i + 1);
	}
}

static uint32_t add_name(struct feed *feed, const char *text)
{
	struct name *name = xcalloc(1, sizeof(*name));
	struct str quoted = STR_INIT;
	json_t *value = json_text(text);
	uint32_t number;
	bool is_new;

	json_print(value, &quoted);
	json_decref(value);
	name->name = xstrdup(text);
	name->json = str_detach(&quoted);
	if (feed->free.n == 0 && feed->names.n >= 2 * feed->room)
		forget_names(feed);
	if (feed->free.n > 0) {
		number = feed->free.v[--feed->free.n];
		feed->names.v[number - 1] = name;
	} else {
		vec_push(&feed->names, name);
		number = (uint32_t)feed->names.n;
	}
	*map_put(&feed->numbers, name->name, strlen(name->name), &is_new) = number;
	return number;
}

uint32_t feed_batch(struct feed *feed, const char *name)
{
	const uint64_t *known;
	uint32_t number;

	pthread_mutex_lock(&feed->lock);
	known = map_get(&feed->numbers, name, strlen(name));
	number = known != NULL ? (uint32_t)*known : add_name(feed, name);
	feed->names.v[number - 1]->used = feed->next;
	pthread_mutex_unlock(&feed->lock);
	return number;
}

static void put(struct feed *feed, const struct feed_event *event)
{
	if (event->batch != 0)
		feed->names.v[event->batch - 1]->used = feed->next;
	feed->ring[(feed->next - feed->start) % feed->room] = *event;
	feed->next++;
}

void feed_publish(struct feed *feed, const struct feed_event *events, size_t n)
{
	pthread_mutex_lock(&feed->lock);
	for (size_t i = 0; i < n; i++)
		put(feed, &events[i]);
	pthread_mutex_unlock(&feed->lock);
}

void feed_publish_batch(struct feed *feed, int64_t date_us, uint32_t batch,
                        const struct feed_batch *counters)
{
	const struct feed_event event = {.date_us = date_us,
	                                 .batch = batch,
	                                 .run = counters->run,
	                                 .kind = FEED_BATCH,
	                                 .change = FEED_CHANGED,
	                                 .status = FEED_NO_STATUS};
	struct name *name;

	pthread_mutex_lock(&feed->lock);
	name = feed->names.v[batch - 1];
	name->counters = *counters;
	name->counted = feed->next;
	put(feed, &event);
	pthread_mutex_unlock(&feed->lock);
}

uint64_t feed_last(struct feed *feed)
{
	uint64_t last;

	pthread_mutex_lock(&feed->lock);
	last = feed->next - 1;
	pthread_mutex_unlock(&feed->lock);
	return last;
}

uint64_t feed_first(const struct feed *feed)
{
	return feed->start;
}

/* What an event says besides its batch and run; NULL: nothing. */
static const struct {
	const char *id, *other, *worker;
	enum field_kind status; /* whose words it has; KIND_INT: none */
} said[FEED_KIND_COUNT] = {
        [FEED_TASK] = {"task_id", NULL, NULL, KIND_TASK_STATUS},
        [FEED_EXECUTION] = {"execution_id", "task_id", "worker_id", KIND_EXECUTION_STATUS},
        [FEED_WORKER] = {"worker_id", NULL, NULL, KIND_WORKER_STATUS},
        [FEED_BATCH] = {NULL, NULL, NULL, KIND_INT},
        [FEED_JOB] = {"job_id", NULL, NULL, KIND_JOB_STATUS},
        [FEED_RECRUITER] = {"rank", NULL, NULL, KIND_INT},
        [FEED_RUN] = {NULL, NULL, NULL, KIND_RUN_STATUS},
};

#define NO_BATCH SIZE_MAX

/* An event on its way out, with what must be read under the lock. */
struct item {
	uint64_t number;
	struct feed_event event;
	size_t batch; /* where its name stands, quoted; NO_BATCH: none */
	struct feed_batch counters;
};

static void print_counters(const struct feed_batch *counters, struct str *out)
{
	str_addf(out, ",\"stopped\":%s,\"counts\":{", counters->stopped ? "true" : "false");
	for (int s = 0; s < TASK_STATUS_COUNT; s++) {
		str_addf(out, "%s\"%s\":", s ? "," : "", task_status_words[s]);
		if (counters->counted || !task_is_done((enum task_status)s))
			str_addf(out, "%u", counters->counts[s]);
		else
			str_adds(out, "null");
	}
	str_addc(out, '}');
}

static void print_event(const struct item *item, const char *names, struct str *out)
{
	const struct feed_event *e = &item->event;
	const char *const *words;
	char date[DATE_TEXT_SIZE];
	size_t n = 0;

	str_addf(out, "event: %s\nid: %llu\ndata: {\"change\":\"%s\"", feed_kind_words[e->kind],
	         (unsigned long long)item->number, change_words[e->change]);
	if (said[e->kind].id != NULL)
		str_addf(out, ",\"%s\":%u", said[e->kind].id, e->id);
	if (e->kind == FEED_TASK && e->other > e->id)
		str_addf(out, ",\"last_task_id\":%u", e->other);
	if (said[e->kind].other != NULL)
		str_addf(out, ",\"%s\":%u", said[e->kind].other, e->other);
	if (said[e->kind].worker != NULL && e->worker != 0)
		str_addf(out, ",\"%s\":%u", said[e->kind].worker, e->worker);
	if (e->change == FEED_DECIDED)
		str_addf(out, ",\"state\":\"%s\",\"recycled\":%u,\"deployed\":%u",
		         decision_words[e->status], e->other, e->worker);
	words = field_words(said[e->kind].status, &n);
	if (words != NULL && e->status < n)
		str_addf(out, ",\"status\":\"%s\"", words[e->status]);
	if (e->reason != REASON_NONE && e->reason < REASON_COUNT)
		str_addf(out, ",\"reason\":\"%s\"", reason_words[e->reason]);
	if (item->batch != NO_BATCH)
		str_addf(out, ",\"batch\":%s", names + item->batch);
	if (e->run != 0)
		str_addf(out, ",\"run_id\":%u", e->run);
	if (e->kind == FEED_BATCH && e->change == FEED_CHANGED)
		print_counters(&item->counters, out);
	date_format(e->date_us, date);
	str_addf(out, ",\"date\":\"%s\"}\n\n", date);
}

/* Under the lock. */
static bool passes(const struct feed *feed, const struct feed_filter *filter,
                   const struct feed_event *event, uint64_t number)
{
	const struct name *name = event->batch ? feed->names.v[event->batch - 1] : NULL;

	if (!(filter->kinds & 1u << event->kind) || (filter->run != 0 && event->run != filter->run))
		return false;
	if (event->kind == FEED_BATCH && event->change == FEED_CHANGED && name->counted != number)
		return false;
	return filter->batch == NULL || (name != NULL && strcmp(name->name, filter->batch) == 0);
}

enum taken { TAKEN_ALL, TAKEN_SOME, TAKEN_GONE };

/* Names of batches go to `names`, each with a NUL behind it. */
static enum taken take(struct feed *feed, const struct feed_filter *filter, uint64_t *since,
                       struct item *items, size_t *n, struct str *names)
{
	enum taken taken = TAKEN_SOME;
	uint64_t first;

	*n = 0;
	str_reset(names);
	pthread_mutex_lock(&feed->lock);
	first = feed->next - feed->start > feed->room ? feed->next - feed->room : feed->start;
	if (*since + 1 < first || *since >= feed->next) {
		*since = feed->next - 1;
		taken = TAKEN_GONE;
	}
	for (int i = 0; i < LOOKED_AT && *n < AT_ONCE && *since + 1 < feed->next; i++) {
		uint64_t number = ++*since;
		const struct feed_event *event = &feed->ring[(number - feed->start) % feed->room];
		struct item *item = &items[*n];

		if (!passes(feed, filter, event, number))
			continue;
		item->number = number;
		item->event = *event;
		item->batch = NO_BATCH;
		if (event->batch != 0) {
			const struct name *name = feed->names.v[event->batch - 1];

			item->batch = names->len;
			str_add(names, name->json, strlen(name->json) + 1);
			item->counters = name->counters;
		}
		(*n)++;
	}
	if (taken == TAKEN_SOME && *since + 1 == feed->next)
		taken = TAKEN_ALL;
	pthread_mutex_unlock(&feed->lock);
	return taken;
}

bool feed_print(struct feed *feed, const struct feed_filter *filter, uint64_t *since, size_t most,
                struct str *out)
{
	struct item items[AT_ONCE];
	enum taken taken = TAKEN_SOME;
	struct str names = STR_INIT;
	size_t n;

	while (taken == TAKEN_SOME && out->len < most) {
		taken = take(feed, filter, since, items, &n, &names);
		for (size_t i = 0; i < n; i++)
			print_event(&items[i], names.p, out);
	}
	str_release(&names);
	return taken != TAKEN_GONE;
}
