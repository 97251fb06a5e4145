/*
 * PUT /executions/{id}/log/{stream}.
 *
 * What is long enough is put into the file of its log by a thread, and the call is parked. That
 * touches no byte which counts: it begins where the log ends, or where what is under way of that
 * log will end. All else goes into the database, also beside a piece that is under way: the log
 * has grown then by the time when that is done, which is found out, and its bytes are compared.
 *
 * A worker has more than one call on its way, each on a connection of its own. One that overtakes
 * the call before it waits a moment for that, instead of being sent again.
 */
#include "server/log_put.h"

#include "base/alloc.h"
#include "model/json.h"
#include "server/core_answer.h"
#include "server/handlers.h"
#include "server/logs.h"
#include "server/record.h"
#include "store/store.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* What a call says. */
struct append {
	int64_t execution, offset, epoch;
	bool is_error;
};

/* Bytes between a call and the end of the log that may be on their way. */
#define EARLY_MOST (INT64_C(32) << 20)
#define EARLY_NS INT64_C(1000000000)

struct early {
	struct call *call;
	struct append append;
	int64_t until_ns;
};

struct log_put {
	struct core_message message; /* once it is done */
	struct log_put *next;        /* of those to be done, under the lock */
	struct log_puts *puts;
	struct call *call; /* NULL: answered */
	struct append append;
	size_t len;
	int err; /* 0 or -errno */
};

struct log_puts {
	struct core *core;
	pthread_t thread;
	bool started; /* where the database has files for them */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct log_put *first, **last; /* to be done, under the lock */
	bool stopping;                 /* the same */
	/* Of the core thread. */
	VEC(struct log_put *) under_way;
	VEC(struct early) early;
	struct timer timer; /* of those that have waited long enough */
};

static bool read_append(struct call *call, struct append *a)
{
	*a = (struct append){.execution = call->ids[0], .epoch = INT_NULL};
	if (!json_member_int(call->body, "offset", &a->offset, &call->problem) ||
	    !json_member_int(call->body, "epoch", &a->epoch, &call->problem) ||
	    !log_stream(call->names[0], &a->is_error, &call->problem))
		return false;
	return (a->epoch != INT_NULL && a->offset >= 0) ||
	       problem_set(&call->problem, PROBLEM_MISSING_FIELD,
	                   "the call needs offset, a natural number, and epoch");
}

/* The execution is there and is the caller's; else the call is answered. */
static bool may_append(struct core *core, struct call *call, const struct append *a,
                       struct execution_node **execution)
{
	struct execution row;

	*execution = state_execution(&core->state, a->execution);
	if (!record_find_execution(core, a->execution, &row)) {
		core_refuse(core, call, PROBLEM_NOT_FOUND, "there is no execution %lld",
		            (long long)a->execution);
		return false;
	}
	if (row.epoch != a->epoch || (*execution == NULL && reason_gives_up(row.reason))) {
		core_refuse(core, call, PROBLEM_FENCED,
		            "execution %lld is not this worker's any more",
		            (long long)a->execution);
		return false;
	}
	return true;
}

static void answer(struct core *core, struct call *call, enum log_append how, int64_t length)
{
	switch (how) {
	case LOG_STORED:
		core_reply(core, call, 200, json_pack("{s:I}", "length", (json_int_t)length));
		return;
	case LOG_GAP:
		core_reply(core, call, 409,
		           json_pack("{s:s, s:s, s:I}", "message", "bytes before these are missing",
		                     "code", problem_word(PROBLEM_GAP), "wanted",
		                     (json_int_t)length));
		return;
	case LOG_DIFFERENT:
		core_refuse(core, call, PROBLEM_CONFLICT,
		            "other bytes are stored below %lld than those sent", (long long)length);
		return;
	case LOG_GROUP_FAILED:
		return;
	}
}

static bool is_same_log(const struct append *a, const struct append *b)
{
	return a->execution == b->execution && a->is_error == b->is_error;
}

/* Where the next piece of this log may be put: behind all that is there or under way. */
static int64_t end_of(const struct log_puts *puts, const struct append *a, int64_t length)
{
	for (size_t i = 0; puts != NULL && i < puts->under_way.n; i++) {
		const struct log_put *put = puts->under_way.v[i];
		int64_t end = put->append.offset + (int64_t)put->len;

		if (is_same_log(&put->append, a) && end > length)
			length = end;
	}
	return length;
}

static void forget(struct log_puts *puts, const struct log_put *put)
{
	size_t kept = 0;

	for (size_t i = 0; i < puts->under_way.n; i++) {
		if (puts->under_way.v[i] != put)
			puts->under_way.v[kept++] = puts->under_way.v[i];
	}
	puts->under_way.n = kept;
}

/* A call that waited has its turn, as one that has just come. */
static void resume(struct core *core, struct call *call)
{
	core->current = call;
}

/* It was answered, waits again, or fails with its group. */
static void turn_is_over(struct core *core)
{
	struct call *call = core->current;

	assert(call == NULL || core->group_failed);
	core->current = NULL;
	if (call != NULL)
		answer_push(core, (struct core_answer){.call = call});
}

/* It was put: whether it may still be appended is asked anew. */
static void finish(struct core *core, const struct log_put *put, struct call *call)
{
	const struct append *a = &put->append;
	struct execution_node *execution;
	enum log_append how;
	int64_t length = 0;

	if (!may_append(core, call, a, &execution)) {
		/* It may have been deleted, with its files, before the piece was put. */
		if (call->problem.code == PROBLEM_NOT_FOUND && core_write(core) &&
		    store_log_orphan(core->store, a->execution) != STORE_OK)
			core_failed(core, "a log cannot be deleted");
		return;
	}
	if (put->err != 0) {
		log_error(core->log, "the log of execution %lld cannot be written: %s",
		          (long long)a->execution, strerror(-put->err));
		core_refuse(core, call, PROBLEM_UNAVAILABLE, "the log cannot be written: %s",
		            strerror(-put->err));
		return;
	}
	how = log_append_put(core, execution, a->execution, a->is_error, a->offset, put->len,
	                     &length);
	if (how == LOG_DIFFERENT)
		how = log_append(core, execution, a->execution, a->is_error, a->offset, call->raw.p,
		                 call->raw.len, &length);
	answer(core, call, how, length);
}

static void take(struct core *core, struct core_message *message)
{
	struct log_put *put = (struct log_put *)message;

	forget(put->puts, put);
	resume(core, put->call);
	finish(core, put, put->call);
	turn_is_over(core);
	put->call = NULL;
}

static void put_free(struct core_message *message)
{
	struct log_put *put = (struct log_put *)message;

	forget(put->puts, put);
	if (put->call != NULL)
		answer_unavailable(put->call, "the log was not taken");
	free(put);
}

static struct log_put *next_put(struct log_puts *puts)
{
	struct log_put *put;

	pthread_mutex_lock(&puts->lock);
	while (puts->first == NULL && !puts->stopping)
		pthread_cond_wait(&puts->wake, &puts->lock);
	put = puts->first;
	if (put != NULL)
		puts->first = put->next;
	if (puts->first == NULL)
		puts->last = &puts->first;
	pthread_mutex_unlock(&puts->lock);
	return put;
}

static void *run(void *context)
{
	struct log_puts *puts = context;
	struct log_put *put;

	while ((put = next_put(puts)) != NULL) {
		put->err = store_log_put(puts->core->store, put->append.execution,
		                         put->append.is_error ? STORE_STDERR : STORE_STDOUT,
		                         put->append.offset, put->call->raw.p, put->len);
		core_tell(puts->core, &put->message);
	}
	return NULL;
}

/* Bytes that stand where the log ends, or will end. */
static void start_put(struct core *core, struct call *call, const struct append *a)
{
	struct log_puts *puts = core->puts;
	struct log_put *put = xcalloc(1, sizeof(*put));

	core_park(core);
	core_tidy_later(core);
	put->message = (struct core_message){.take = take, .free = put_free};
	put->puts = puts;
	put->call = call;
	put->append = *a;
	put->len = call->raw.len;
	vec_push(&puts->under_way, put);
	pthread_mutex_lock(&puts->lock);
	*puts->last = put;
	puts->last = &put->next;
	pthread_cond_signal(&puts->wake);
	pthread_mutex_unlock(&puts->lock);
}

static void append(struct core *core, struct call *call, const struct append *a, bool may_wait);

static struct early drop_early(struct log_puts *puts, size_t i)
{
	const struct early e = puts->early.v[i];

	puts->early.n--;
	memmove(puts->early.v + i, puts->early.v + i + 1,
	        (puts->early.n - i) * sizeof(*puts->early.v));
	return e;
}

static void time_out(void *context, struct timer *timer)
{
	struct core *core = context;
	struct log_puts *puts = core->puts;

	while (puts->early.n > 0 && puts->early.v[0].until_ns <= core->now_ns) {
		const struct early e = drop_early(puts, 0);

		resume(core, e.call);
		append(core, e.call, &e.append, false);
		turn_is_over(core);
	}
	if (puts->early.n > 0)
		timer_set(&core->timers, timer, puts->early.v[0].until_ns, time_out);
}

static void wait_for_others(struct core *core, struct call *call, const struct append *a)
{
	struct log_puts *puts = core->puts;
	const struct early e = {call, *a, core->now_ns + EARLY_NS};

	core_park(core);
	vec_push(&puts->early, e);
	if (!timer_is_set(&puts->timer))
		timer_set(&core->timers, &puts->timer, e.until_ns, time_out);
}

/* That log will end there: who waited for it goes on. */
static void go_on(struct core *core, const struct append *grown, int64_t end)
{
	struct log_puts *puts = core->puts;

	for (size_t i = 0; puts != NULL && i < puts->early.n; i++) {
		const struct append *a = &puts->early.v[i].append;

		if (is_same_log(a, grown) && a->offset <= end) {
			const struct early e = drop_early(puts, i);

			resume(core, e.call);
			append(core, e.call, &e.append, true);
			turn_is_over(core);
			return;
		}
	}
}

static void append(struct core *core, struct call *call, const struct append *a, bool may_wait)
{
	const bool is_long = core->puts != NULL && call->raw.len >= STORE_LOG_PUT_LEAST;
	struct execution_node *execution;
	int64_t length, end;
	enum log_append how;

	if (!may_append(core, call, a, &execution))
		return;
	length = log_length(core, execution, a->execution, a->is_error);
	if (length < 0)
		return;
	end = end_of(core->puts, a, length);
	if (is_long && a->offset == end && core->puts->started) {
		start_put(core, call, a);
		go_on(core, a, end + (int64_t)call->raw.len);
	} else if (is_long && a->offset > end && a->offset - end <= EARLY_MOST && may_wait) {
		wait_for_others(core, call, a);
	} else {
		how = log_append(core, execution, a->execution, a->is_error, a->offset, call->raw.p,
		                 call->raw.len, &length);
		answer(core, call, how, length);
		if (how == LOG_STORED)
			go_on(core, a, length);
	}
}

void handle_log_append(struct core *core, struct call *call)
{
	struct append a;

	if (read_append(call, &a))
		append(core, call, &a, true);
	else
		core_problem(core, call);
}

void log_puts_refuse_early(struct core *core)
{
	struct log_puts *puts = core->puts;

	for (size_t i = 0; puts != NULL && i < puts->early.n; i++)
		answer_push(core, (struct core_answer){.call = puts->early.v[i].call});
	if (puts != NULL)
		puts->early.n = 0;
}

struct log_puts *log_puts_new(struct core *core, struct problem *problem)
{
	struct log_puts *puts = xcalloc(1, sizeof(*puts));
	int err;

	puts->core = core;
	puts->last = &puts->first;
	pthread_mutex_init(&puts->lock, NULL);
	pthread_cond_init(&puts->wake, NULL);
	if (!store_log_has_files(core->store))
		return puts;
	err = pthread_create(&puts->thread, NULL, run, puts);
	puts->started = err == 0;
	if (err == 0)
		return puts;
	problem_set(problem, PROBLEM_UNAVAILABLE, "pthread_create: %s", strerror(err));
	log_puts_free(puts);
	return NULL;
}

void log_puts_stop(struct log_puts *puts)
{
	if (puts == NULL || !puts->started)
		return;
	pthread_mutex_lock(&puts->lock);
	puts->stopping = true;
	pthread_cond_signal(&puts->wake);
	pthread_mutex_unlock(&puts->lock);
	pthread_join(puts->thread, NULL);
	puts->started = false;
}

void log_puts_free(struct log_puts *puts)
{
	if (puts == NULL)
		return;
	log_puts_stop(puts);
	timer_cancel(&puts->core->timers, &puts->timer);
	vec_release(&puts->under_way);
	vec_release(&puts->early);
	pthread_cond_destroy(&puts->wake);
	pthread_mutex_destroy(&puts->lock);
	free(puts);
}
