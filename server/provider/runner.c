#include "server/provider/runner.h"

#include "base/alloc.h"
#include "base/fd.h"
#include "base/str.h"
#include "model/json.h"
#include "server/provider/program.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#define THREADS 8
#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyz0123456789-_"

struct runner {
	struct runner_options options;
	const struct log *log;
	struct provider seam;
	struct str directory, worker; /* of the programs; the program of a worker */
	VEC(char *) names;
	const char *url, *ca;
	pthread_t threads[THREADS];
	unsigned nthreads;
	atomic_uint cancels; /* how often all that is under way was cancelled */
	atomic_bool stopping;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct order *first, **end; /* those that wait, under the lock */
	struct core *core;          /* whose orders they are; the same */
};

/* Our own program's directory with a slash, or "" where it cannot be told. */
static void add_own_directory(struct str *out)
{
	char program[4096];
	ssize_t len = readlink("/proc/self/exe", program, sizeof(program));

	while (len > 0 && program[len - 1] != '/')
		len--;
	if (len > 0)
		str_add(out, program, (size_t)len);
}

static const char *name(void *context, size_t i)
{
	const struct runner *r = context;

	return i < r->names.n ? r->names.v[i] : NULL;
}

static void take(void *context, struct core *core, struct order *order)
{
	struct runner *r = context;

	order->next = NULL;
	pthread_mutex_lock(&r->lock);
	r->core = core;
	*r->end = order;
	r->end = &order->next;
	pthread_cond_signal(&r->wake);
	pthread_mutex_unlock(&r->lock);
}

static void cancel(void *context)
{
	struct runner *r = context;

	atomic_fetch_add(&r->cancels, 1);
}

/* What a thread asks of the order that it runs. */
struct turn {
	struct runner *runner;
	unsigned cancels; /* when it began */
};

static bool cancelled(void *context)
{
	const struct turn *turn = context;

	return atomic_load(&turn->runner->stopping) ||
	       atomic_load(&turn->runner->cancels) != turn->cancels;
}

/* What the server knows and the core does not. False: it cannot be had. */
static bool complete(const struct runner *r, const struct order *order, struct str *why)
{
	struct str directory = STR_INIT, ca = STR_INIT;
	json_t *request = order->request;
	int err;

	str_addf(&directory, "%s/provider/%s", r->options.state, order->provider);
	err = dir_make(directory.p, 0700);
	if (err == 0 && r->ca != NULL)
		err = file_read(r->ca, &ca);
	if (err != 0)
		str_addf(why, "%s: %s", ca.len > 0 || r->ca == NULL ? directory.p : r->ca,
		         strerror(-err));
	json_object_set_new(request, "server", json_string(r->url));
	json_object_set_new(request, "ca", r->ca != NULL ? json_text(ca.p) : json_null());
	json_object_set_new(request, "directory", json_text(directory.p));
	json_object_set_new(request, "worker", json_text(r->worker.p));
	str_release(&directory);
	str_release(&ca);
	return err == 0;
}

static void run(struct runner *r, struct core *core, struct order *order)
{
	struct str path = STR_INIT, why = STR_INIT;
	struct turn turn = {r, atomic_load(&r->cancels)};
	struct program program = {
	        .seconds = r->options.seconds, .cancelled = cancelled, .context = &turn};

	str_addf(&path, "%s/%s", r->directory.p, order->provider);
	program.path = path.p;
	if (complete(r, order, &why)) {
		program_run(&program, core, order);
	} else {
		log_error(r->log, "provider %s: %s", order->provider, why.p);
		program_refuse(core, order, why.p);
	}
	str_release(&path);
	str_release(&why);
	order_free(order);
}

static void *thread_main(void *context)
{
	struct runner *r = context;

	pthread_mutex_lock(&r->lock);
	while (!atomic_load(&r->stopping)) {
		struct order *order = r->first;
		struct core *core = r->core;

		if (order == NULL) {
			pthread_cond_wait(&r->wake, &r->lock);
			continue;
		}
		r->first = order->next;
		if (r->first == NULL)
			r->end = &r->first;
		pthread_mutex_unlock(&r->lock);
		run(r, core, order);
		pthread_mutex_lock(&r->lock);
	}
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

static bool add_name(struct runner *r, const char *text, size_t len, struct problem *problem)
{
	struct str path = STR_INIT;
	bool ok;

	if (len == 0 || strspn(text, NAME_CHARACTERS) < len)
		return problem_set(
		        problem, PROBLEM_BAD_VALUE,
		        "providers: \"%.*s\" is no name of lower-case letters, digits, - "
		        "and _",
		        (int)(len < 80 ? len : 80), text);
	str_addf(&path, "%s/%.*s", r->directory.p, (int)len, text);
	ok = access(path.p, X_OK) == 0;
	if (ok)
		vec_push(&r->names, xstrndup(text, len));
	else
		problem_set(problem, PROBLEM_BAD_VALUE, "provider %.*s cannot be run: %s: %s",
		            (int)len, text, path.p, strerror(errno));
	str_release(&path);
	return ok;
}

struct runner *runner_new(const struct runner_options *options, const struct log *log,
                          struct problem *problem)
{
	struct runner *r = xcalloc(1, sizeof(*r));
	const char *text = options->names;
	bool ok = true;

	r->options = *options;
	r->log = log;
	r->seam = (struct provider){name, take, cancel, r};
	r->end = &r->first;
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->wake, NULL);
	add_own_directory(&r->worker);
	if (options->directory != NULL)
		str_adds(&r->directory, options->directory);
	else
		str_addf(&r->directory, "%s../libexec/scitq/providers", r->worker.p);
	str_adds(&r->worker, "scitq-worker");
	while (ok && *text != '\0') {
		size_t len = strcspn(text, ",");

		ok = add_name(r, text, len, problem);
		text += len + (text[len] == ',');
	}
	if (ok)
		return r;
	runner_free(r);
	return NULL;
}

const struct provider *runner_provider(struct runner *runner)
{
	return &runner->seam;
}

bool runner_start(struct runner *r, const char *url, const char *ca, struct problem *problem)
{
	r->url = url;
	r->ca = ca;
	for (; r->nthreads < THREADS; r->nthreads++) {
		int err = pthread_create(&r->threads[r->nthreads], NULL, thread_main, r);

		if (err != 0)
			return problem_set(problem, PROBLEM_UNAVAILABLE, "pthread_create: %s",
			                   strerror(err));
	}
	return true;
}

void runner_stop(struct runner *r)
{
	pthread_mutex_lock(&r->lock);
	atomic_store(&r->stopping, true);
	pthread_cond_broadcast(&r->wake);
	pthread_mutex_unlock(&r->lock);
	for (; r->nthreads > 0; r->nthreads--)
		pthread_join(r->threads[r->nthreads - 1], NULL);
}

void runner_free(struct runner *r)
{
	struct order *next;

	if (r == NULL)
		return;
	for (struct order *order = r->first; order != NULL; order = next) {
		next = order->next;
		order_free(order);
	}
	for (size_t i = 0; i < r->names.n; i++)
		free(r->names.v[i]);
	vec_release(&r->names);
	str_release(&r->directory);
	str_release(&r->worker);
	pthread_mutex_destroy(&r->lock);
	pthread_cond_destroy(&r->wake);
	free(r);
}
