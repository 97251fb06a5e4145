/*
 * Workers as jobs of a Slurm cluster. A region is a partition. A flavor is a part of one of its
 * nodes, CPUSc-MEGABYTESm[-GRES]: 8c-16000m, 16c-64000m-gpu:a100:1.
 *
 * The workers of one call are one array. Its name is the owner, so that one squeue finds all;
 * its comment has the rest of each element's tag. The script goes to sbatch by its standard
 * input, tokens in it; on the node each element has a directory, which goes with it. No accounting
 * is needed.
 *
 * Of the environment: SCITQ_SLURM_WORKER, the program of workers on the nodes (the server's own
 * path); SCITQ_SLURM_SCRATCH, a directory on the nodes (TMPDIR, else /tmp); SCITQ_SLURM_PRICE, of
 * a cpu for an hour (0). sbatch reads its own, such as SBATCH_ACCOUNT or SBATCH_TIMELIMIT.
 */
#include "base/arena.h"
#include "base/clock.h"
#include "base/str.h"
#include "base/vec.h"
#include "providers/command.h"
#include "providers/speak.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* How long jobs may take to leave the queue, and how often it is looked at. */
#define LEAVE_NS INT64_C(300000000000)
#define LOOK_MS 500

/* Cut the line at each | into n fields; missing ones are "". */
static void cut(char *line, char **fields, int n)
{
	for (int i = 0; i < n; i++) {
		char *end = strchr(line, '|');

		fields[i] = line;
		line = end != NULL && i + 1 < n ? end + 1 : line + strlen(line);
		if (end != NULL && i + 1 < n)
			*end = '\0';
	}
}

/* The queue. */

enum { JOB_ID, JOB_INDEX, JOB_STATE, JOB_WHY, JOB_END, JOB_CPUS, JOB_REGION, JOB_TAGS, JOB_FIELDS };

struct element {
	char *fields[JOB_FIELDS];
	char *tag; /* in the arena */
};

struct queue {
	struct command_output text;
	struct arena arena;
	VEC(struct element) elements;
};

static void queue_release(struct queue *q)
{
	command_release(&q->text);
	arena_release(&q->arena);
	vec_release(&q->elements);
}

/* The place of its index in the comment of its array, behind the owner. */
static char *tag_of(struct queue *q, const char *owner, const struct element *element)
{
	const char *rest = element->fields[JOB_TAGS];
	long index = strtol(element->fields[JOB_INDEX], NULL, 10);

	for (; index > 0 && rest != NULL; index--) {
		rest = strchr(rest, ',');
		rest = rest ? rest + 1 : NULL;
	}
	if (rest == NULL)
		return NULL;
	return arena_printf(&q->arena, "%s-%.*s", owner, (int)strcspn(rest, ","), rest);
}

/* All jobs of this owner. False: q->text.err says why; released by the caller in any case. */
static bool queue_read(struct queue *q, const char *owner)
{
	const char *argv[] = {
	        "squeue", "-h", "-r", "--me", "-n", owner, "-o", "%i|%K|%T|%r|%e|%C|%P|%k", NULL};
	char *line, *next;

	memset(q, 0, sizeof(*q));
	arena_init(&q->arena);
	if (!command_run(argv, NULL, &q->text))
		return false;
	for (line = q->text.out.p; line != NULL && *line != '\0'; line = next) {
		struct element element;

		next = strchr(line, '\n');
		if (next != NULL)
			*next++ = '\0';
		cut(line, element.fields, JOB_FIELDS);
		element.tag = tag_of(q, owner, &element);
		if (element.tag != NULL)
			vec_push(&q->elements, element);
	}
	return true;
}

static bool is_state(const struct element *e, const char *state)
{
	return strcmp(e->fields[JOB_STATE], state) == 0;
}

static bool has_ended(const struct element *e)
{
	return !is_state(e, "PENDING") && !is_state(e, "CONFIGURING") && !is_state(e, "RUNNING") &&
	       !is_state(e, "SUSPENDED") && !is_state(e, "REQUEUED") &&
	       !is_state(e, "REQUEUE_HOLD") && !is_state(e, "REQUEUE_FED");
}

static const struct element *find(const struct queue *q, const char *tag)
{
	for (size_t i = 0; i < q->elements.n; i++) {
		const struct element *e = &q->elements.v[i];

		if (!has_ended(e) && strcmp(e->tag, tag) == 0)
			return e;
	}
	return NULL;
}

/* When the scheduler will end it, in seconds since 1970; 0: it does not say. */
static int64_t end_of(const struct element *e)
{
	struct tm tm = {.tm_isdst = -1};
	const char *rest = strptime(e->fields[JOB_END], "%Y-%m-%dT%H:%M:%S", &tm);
	time_t end = rest != NULL && *rest == '\0' ? mktime(&tm) : -1;

	return end > 0 ? end : 0;
}

static void list(const struct request *request)
{
	json_t *workers = json_array();
	struct queue q;

	if (!queue_read(&q, request->owner)) {
		say_error(NULL, false, "%s", q.text.err.p);
		json_decref(workers);
		queue_release(&q);
		return;
	}
	for (size_t i = 0; i < q.elements.n; i++) {
		const struct element *e = &q.elements.v[i];
		bool runs = is_state(e, "RUNNING") || is_state(e, "SUSPENDED");
		json_t *worker;

		if (has_ended(e))
			continue;
		worker = json_pack("{s:s, s:s}", "tag", e->tag, "state",
		                   runs ? "running" : "pending");
		if (!runs)
			json_object_set_new(worker, "text", json_string(e->fields[JOB_WHY]));
		if (runs)
			json_object_set_new(worker, "ends",
			                    end_of(e) > 0 ? json_integer(end_of(e)) : json_null());
		json_array_append_new(workers, worker);
	}
	say_result(NULL, json_pack("{s:o}", "workers", workers));
	queue_release(&q);
}

/* Making workers. */

struct flavor {
	long cpus, megabytes;
	const char *gres; /* "" or NAME[:TYPE]:N */
};

static bool read_flavor(const char *text, struct flavor *flavor)
{
	int len = 0;

	if (text == NULL ||
	    sscanf(text, "%ldc-%ldm%n", &flavor->cpus, &flavor->megabytes, &len) < 2 || len == 0 ||
	    flavor->cpus < 1 || flavor->megabytes < 1)
		return false;
	flavor->gres = text[len] == '-' ? text + len + 1 : "";
	return text[len] == '\0' || (text[len] == '-' && *flavor->gres != '\0');
}

/*
 * Slurm ends a job by a TERM to all that it started and a KILL a little later. The worker stops its
 * tasks on INT; what it started may still write when it has ended.
 */
static const char script_end[] =
        "umask 077\n"
        "dir=${SCITQ_SLURM_SCRATCH:-${TMPDIR:-/tmp}}/$tag\n"
        "rm -rf \"$dir\"\n"
        "mkdir -p \"$dir\" || exit 1\n"
        "printf %s \"$token\" >\"$dir/token\" || exit 1\n"
        "set -- \"$server\" \"$concurrency\" --revocable -n \"$name\" --prefetch \"$prefetch\" "
        "--state \"$dir\" --work \"$dir/work\"\n"
        "if [ -n \"$ca\" ]; then\n"
        "\tprintf %s \"$ca\" >\"$dir/ca.pem\" || exit 1\n"
        "\tset -- \"$@\" --ca \"$dir/ca.pem\"\n"
        "fi\n"
        /* When it ends: newer ones say it. Where nobody does the server hears it a little later. */
        "end=$SLURM_JOB_END_TIME\n"
        "if [ -z \"$end\" ]; then\n"
        "\tend=${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID\n"
        "\tend=$(squeue -h -j \"$end\" -o %e 2>/dev/null)\n"
        "\tcase $end in\n"
        "\t*-*T*:*) end=$(date -d \"$end\" +%s 2>/dev/null) ;;\n"
        "\t*) end= ;;\n"
        "\tesac\n"
        "fi\n"
        "if [ -n \"$end\" ]; then\n"
        "\tset -- \"$@\" --ends \"$end\"\n"
        "fi\n"
        "unset token ca\n"
        "\"$worker\" \"$@\" &\n"
        "pid=$!\n"
        "trap 'kill -INT $pid' TERM INT\n"
        "wait $pid\n"
        "wait $pid\n"
        "code=$?\n"
        "for try in 1 2 3 4 5 6 7 8 9; do\n"
        "\trm -rf \"$dir\" 2>/dev/null && break\n"
        "\tsleep 0.3\n"
        "done\n"
        "exit $code\n";

/* One element of the array. */
static void add_element(struct str *script, size_t index, const struct wanted *worker)
{
	str_addf(script, "%zu)\n", index);
	shell_variable(script, "tag", worker->tag);
	shell_variable(script, "name", worker->name);
	shell_variable(script, "token", worker->token);
	str_addf(script, "concurrency=%" PRId64 "\nprefetch=%" PRId64 "\n;;\n", worker->concurrency,
	         worker->prefetch);
}

static void say_all(const struct wanted *workers, size_t n, bool final, const char *why)
{
	for (size_t i = 0; i < n; i++) {
		if (why != NULL)
			say_error(workers[i].tag, final, "%s", why);
		else
			say_result(workers[i].tag, NULL);
	}
}

static void submit(const struct request *request, const struct flavor *flavor,
                   const struct wanted *workers, size_t n)
{
	const char *program = getenv("SCITQ_SLURM_WORKER");
	struct str script = STR_INIT, comment = STR_INIT, array = STR_INIT, cpus = STR_INIT,
	           memory = STR_INIT, gres = STR_INIT;
	const char *argv[16] = {"sbatch", "--parsable", "--nodes=1", "--ntasks=1", "--no-requeue"};
	struct command_output o;
	int argc = 5;

	str_adds(&script, "#!/bin/sh\n");
	shell_variable(&script, "worker", program ? program : request->worker);
	shell_variable(&script, "server", request->server);
	shell_variable(&script, "ca", request->ca);
	str_adds(&script, "case $SLURM_ARRAY_TASK_ID in\n");
	str_adds(&comment, "--comment=");
	for (size_t i = 0; i < n; i++) {
		add_element(&script, i, &workers[i]);
		str_addf(&comment, "%s%s", i ? "," : "",
		         workers[i].tag + strlen(request->owner) + 1);
	}
	str_adds(&script, "*) exit 1 ;;\nesac\n");
	str_adds(&script, script_end);
	str_addf(&array, "--array=0-%zu", n - 1);
	str_addf(&cpus, "--cpus-per-task=%ld", flavor->cpus);
	str_addf(&memory, "--mem=%ldM", flavor->megabytes);
	argv[argc++] = array.p;
	argv[argc++] = comment.p;
	argv[argc++] = cpus.p;
	argv[argc++] = memory.p;
	argv[argc++] = "-J";
	argv[argc++] = request->owner;
	if (request->region != NULL) {
		argv[argc++] = "-p";
		argv[argc++] = request->region;
	}
	if (*flavor->gres != '\0') {
		str_addf(&gres, "--gres=%s", flavor->gres);
		argv[argc++] = gres.p;
	}
	/* Nobody may read there what the worker says; its own log is in its directory. */
	if (getenv("SBATCH_OUTPUT") == NULL)
		argv[argc++] = "--output=/dev/null";
	if (command_run(argv, &script, &o)) {
		say_log(NULL, "job %.*s", (int)strcspn(o.out.p, "\n"), o.out.p);
		say_all(workers, n, false, NULL);
	} else {
		say_all(workers, n, false, o.err.p);
	}
	command_release(&o);
	str_release(&script);
	str_release(&comment);
	str_release(&array);
	str_release(&cpus);
	str_release(&memory);
	str_release(&gres);
}

static bool is_ours(const struct request *request, const char *tag)
{
	size_t len = strlen(request->owner);

	return strncmp(tag, request->owner, len) == 0 && tag[len] == '-' && tag[len + 1] != '\0' &&
	       strpbrk(tag + len, ",|\n") == NULL;
}

static void create(const struct request *request)
{
	VEC(struct wanted) missing = {0};
	struct flavor flavor;
	struct wanted worker;
	struct queue q;
	bool known = queue_read(&q, request->owner), fits = read_flavor(request->flavor, &flavor);

	for (size_t i = 0; i < json_array_size(request->workers); i++) {
		if (!request_worker(request, i, &worker))
			continue;
		if (!known)
			say_error(worker.tag, false, "%s", q.text.err.p);
		else if (find(&q, worker.tag) != NULL)
			say_result(worker.tag, NULL);
		else if (!fits)
			say_error(worker.tag, true,
			          "flavor is \"%s\", not such as 8c-16000m or 8c-16000m-gpu:1",
			          request->flavor ? request->flavor : "");
		else if (worker.token == NULL || request->server == NULL ||
		         !is_ours(request, worker.tag))
			say_error(
			        worker.tag, true,
			        "the request lacks token or server, or the tag is not the owner's");
		else
			vec_push(&missing, worker);
	}
	if (missing.n > 0)
		submit(request, &flavor, missing.v, missing.n);
	vec_release(&missing);
	queue_release(&q);
}

/* Ending them. */

/* scancel all that have one of the tags; how many there were, -1: failed, and all was said. */
static long cancel(const struct request *request, struct queue *q)
{
	struct str ids = STR_INIT;
	struct wanted worker;
	struct command_output o;
	long n = 0;
	bool ok = true;

	for (size_t i = 0; i < json_array_size(request->workers); i++) {
		worker.tag = json_string_value(
		        json_object_get(json_array_get(request->workers, i), "tag"));
		for (size_t k = 0; worker.tag != NULL && k < q->elements.n; k++) {
			if (strcmp(q->elements.v[k].tag, worker.tag) == 0)
				str_addf(&ids, "%s%s", n++ ? "," : "",
				         q->elements.v[k].fields[JOB_ID]);
		}
	}
	if (n > 0) {
		ok = command_run((const char *const[]){"scancel", ids.p, NULL}, NULL, &o);
		if (!ok)
			say_error(NULL, false, "%s", o.err.p);
		command_release(&o);
	}
	str_release(&ids);
	return ok ? n : -1;
}

static void destroy(const struct request *request)
{
	const int64_t until = clock_monotonic_ns() + LEAVE_NS;
	struct queue q;
	long left = 1;

	while (left > 0) {
		bool known = queue_read(&q, request->owner);

		left = known ? cancel(request, &q) : -1;
		if (!known)
			say_error(NULL, false, "%s", q.text.err.p);
		queue_release(&q);
		if (left > 0 && clock_monotonic_ns() > until) {
			say_error(NULL, false, "%ld jobs do not leave the queue", left);
			return;
		}
		if (left > 0)
			(void)poll(NULL, 0, LOOK_MS);
	}
	if (left == 0)
		say_result(NULL, NULL);
}

/* What can be had. */

enum {
	NODE_REGION,
	NODE_CPUS,
	NODE_MEMORY,
	NODE_GRES,
	NODE_COUNT,
	NODE_DEFAULT,
	NODE_MOST_TIME,
	NODE_TIME,
	NODE_FIELDS
};

struct offers {
	json_t *regions, *flavors, *metrics;
	struct queue *queue;
	double price;
};

/* Cpus of the partition that workers of ours have, or wait for. */
static long cpus_taken(const struct queue *q, const char *region)
{
	long n = 0;

	for (size_t i = 0; i < q->elements.n; i++) {
		if (!has_ended(&q->elements.v[i]) &&
		    strcmp(q->elements.v[i].fields[JOB_REGION], region) == 0)
			n += strtol(q->elements.v[i].fields[JOB_CPUS], NULL, 10);
	}
	return n;
}

static bool has_named(json_t *array, const char *name)
{
	json_t *item;
	size_t i;

	json_array_foreach(array, i, item)
	{
		if (strcmp(json_string_value(json_object_get(item, "name")), name) == 0)
			return true;
	}
	return false;
}

/*
 * Seconds of what Slurm writes and reads as a time limit: minutes, minutes:seconds,
 * hours:minutes:seconds, days-hours[:minutes[:seconds]]. 0: it is none, or infinite.
 */
static int64_t seconds_of(const char *text)
{
	long long parts[4] = {0}, days = 0;
	const char *dash = text ? strchr(text, '-') : NULL;
	char *rest = NULL;
	int n = 0;

	if (text == NULL || *text < '0' || *text > '9')
		return 0;
	if (dash != NULL) {
		days = strtoll(text, NULL, 10);
		text = dash + 1;
	}
	do {
		parts[n++] = strtoll(text, &rest, 10);
		text = rest + 1;
	} while (*rest == ':' && n < 3);
	if (*rest != '\0' || days > 100000)
		return 0;
	if (dash != NULL)
		return ((days * 24 + parts[0]) * 60 + parts[1]) * 60 + parts[2];
	if (n == 3)
		return (parts[0] * 60 + parts[1]) * 60 + parts[2];
	return parts[0] * 60 + parts[1];
}

/* How long a job of ours lasts there: what sbatch is told, else the partition's usual time, and no
   longer than its longest. 0: for ever. */
static int64_t walltime_of(char *const *node)
{
	const char *told = getenv("SBATCH_TIMELIMIT");
	int64_t most = seconds_of(node[NODE_MOST_TIME]);
	int64_t usual = seconds_of(told != NULL && *told != '\0' ? told : node[NODE_TIME]);

	return usual == 0 || (most > 0 && most < usual) ? most : usual;
}

/* `gpus` 0: without. */
static void add_flavor(struct offers *o, char *const *node, long parts, const char *gres, long gpus)
{
	long cpus = strtol(node[NODE_CPUS], NULL, 10), nodes = strtol(node[NODE_COUNT], NULL, 10);
	long memory = strtol(node[NODE_MEMORY], NULL, 10) / parts;
	long room = cpus / parts * parts * nodes - cpus_taken(o->queue, node[NODE_REGION]);
	struct str name = STR_INIT;
	int64_t walltime = walltime_of(node);
	json_t *metrics;

	cpus /= parts;
	if (cpus < 1 || memory < 1)
		return;
	str_addf(&name, "%ldc-%ldm", cpus, memory);
	if (gpus > 0)
		str_addf(&name, "-%s:%ld", gres, gpus);
	if (!has_named(o->flavors, name.p)) {
		json_t *flavor =
		        json_pack("{s:s, s:I, s:f, s:I}", "name", name.p, "cpu", (json_int_t)cpus,
		                  "ram", (double)memory * 1048576 / 1e9, "gpus", (json_int_t)gpus);

		if (gpus > 0)
			json_object_set_new(flavor, "gpu", json_string(gres));
		json_array_append_new(o->flavors, flavor);
	}
	metrics =
	        json_pack("{s:s, s:s, s:I, s:f, s:s}", "flavor", name.p, "region",
	                  node[NODE_REGION], "available", (json_int_t)(room > 0 ? room / cpus : 0),
	                  "cost", o->price * (double)cpus, "pool", "cpus");
	if (walltime > 0)
		json_object_set_new(metrics, "walltime", json_integer(walltime));
	json_array_append_new(o->metrics, metrics);
	str_release(&name);
}

/* Halves of the node down to one cpu; where it has GPUs, also the share of one and all. */
static void add_node(struct offers *o, char *const *node)
{
	long cpus = strtol(node[NODE_CPUS], NULL, 10);
	char *gres = node[NODE_GRES], *count;

	if (!has_named(o->regions, node[NODE_REGION]))
		json_array_append_new(
		        o->regions, json_pack("{s:s, s:b}", "name", node[NODE_REGION], "preferred",
		                              strchr(node[NODE_DEFAULT], '*') != NULL));
	for (long parts = 1; parts <= cpus; parts *= 2)
		add_flavor(o, node, parts, NULL, 0);
	/* gpu:a100:4(S:0-1),... ; "(null)" is none. */
	gres[strcspn(gres, "(,")] = '\0';
	count = strrchr(gres, ':');
	if (strncmp(gres, "gpu", 3) == 0 && count != NULL) {
		long gpus = strtol(count + 1, NULL, 10);

		*count = '\0';
		if (gpus > 1)
			add_flavor(o, node, gpus, gres, 1);
		if (gpus > 0)
			add_flavor(o, node, 1, gres, gpus);
	}
}

static void flavors(const struct request *request)
{
	static const char *const argv[] = {"sinfo", "-h", "-e", "-o", "%R|%c|%m|%G|%D|%P|%l|%L",
	                                   NULL};
	const char *price = getenv("SCITQ_SLURM_PRICE");
	struct offers o = {.price = price ? strtod(price, NULL) : 0};
	struct command_output text;
	struct queue q;
	bool known = queue_read(&q, request->owner), ok = command_run(argv, NULL, &text);
	char *line, *next, *node[NODE_FIELDS];

	o.queue = &q;
	o.regions = json_array();
	o.flavors = json_array();
	o.metrics = json_array();
	for (line = text.out.p; ok && line != NULL && *line != '\0'; line = next) {
		next = strchr(line, '\n');
		if (next != NULL)
			*next++ = '\0';
		cut(line, node, NODE_FIELDS);
		add_node(&o, node);
	}
	if (known && ok)
		say_result(NULL, json_pack("{s:O, s:O, s:O}", "regions", o.regions, "flavors",
		                           o.flavors, "metrics", o.metrics));
	else
		say_error(NULL, false, "%s", ok ? q.text.err.p : text.err.p);
	json_decref(o.regions);
	json_decref(o.flavors);
	json_decref(o.metrics);
	command_release(&text);
	queue_release(&q);
}

int main(void)
{
	static const struct verb verbs[] = {{"create", create, NULL},
	                                    {"destroy", destroy, NULL},
	                                    {"list", list, NULL},
	                                    {"flavors", flavors, NULL}};

	return provider_main(verbs, sizeof(verbs) / sizeof(verbs[0]));
}
