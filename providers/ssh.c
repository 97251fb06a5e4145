/*
 * Workers on machines that can be reached by ssh, one on each, as a file lists them:
 *
 *	# SCITQ_SSH_HOSTS, or /etc/scitq/hosts
 *	root@node1.example cpus=16 ram=64 region=lab price=0.2
 *
 * HOST is what ssh takes; cpus and GB of memory make the flavor, 16c-64g; the region is ssh where
 * none is given. Which worker is where stands in DIRECTORY/TAG, written before anything is started
 * there, so that a program that was killed leaves nothing that is not known. On the host a worker
 * has the directory ~/.scitq/TAG, and its processes the tag in their environment.
 *
 * Of the environment: SCITQ_SSH_CONFIG, a configuration file for ssh; SCITQ_SSH_WORKER, the program
 * of workers on the hosts (the server's own path).
 */
#include "base/arena.h"
#include "base/fd.h"
#include "base/vec.h"
#include "base/words.h"
#include "providers/command.h"
#include "providers/speak.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define HOSTS "/etc/scitq/hosts"

struct host {
	const char *name, *region, *flavor;
	int64_t cpus, gpus; /* gpus -1: not told */
	double ram, price;
	const char *tag; /* of the worker that it has; NULL: it is free */
};

struct hosts {
	struct arena arena;
	VEC(struct host) list;
	int lock; /* held until they are released: who is where changes under it */
};

static void hosts_unlock(struct hosts *hosts)
{
	if (hosts->lock >= 0)
		close(hosts->lock);
	hosts->lock = -1;
}

static void hosts_release(struct hosts *hosts)
{
	hosts_unlock(hosts);
	arena_release(&hosts->arena);
	vec_release(&hosts->list);
}

/* NAME=VALUE of a line; false: it is none that is known. */
static bool read_word(struct host *host, const char *word)
{
	if (strncmp(word, "cpus=", 5) == 0)
		host->cpus = strtoll(word + 5, NULL, 10);
	else if (strncmp(word, "gpus=", 5) == 0)
		host->gpus = strtoll(word + 5, NULL, 10);
	else if (strncmp(word, "ram=", 4) == 0)
		host->ram = strtod(word + 4, NULL);
	else if (strncmp(word, "price=", 6) == 0)
		host->price = strtod(word + 6, NULL);
	else if (strncmp(word, "region=", 7) == 0)
		host->region = word + 7;
	else
		return false;
	return true;
}

/* One line of the file; false: it cannot be read. */
static bool add_host(struct hosts *hosts, const char *line)
{
	struct host host = {.region = "ssh", .gpus = -1};
	char **words;
	size_t n;

	if (words_split(line, &hosts->arena, &words, &n) != WORDS_OK)
		return false;
	if (n == 0 || words[0][0] == '#')
		return true;
	host.name = words[0];
	for (size_t i = 1; i < n; i++) {
		if (!read_word(&host, words[i]))
			return false;
	}
	/* A name that begins with - would be an option. */
	if (host.cpus < 1 || !(host.ram > 0) || host.name[0] == '-')
		return false;
	host.flavor = arena_printf(&hosts->arena, "%" PRId64 "c-%.6gg", host.cpus, host.ram);
	if (host.gpus > 0)
		host.flavor =
		        arena_printf(&hosts->arena, "%s-%" PRId64 "gpu", host.flavor, host.gpus);
	vec_push(&hosts->list, host);
	return true;
}

/* The tag that stands for the host, if any does. */
static void place_workers(struct hosts *hosts, const struct request *request)
{
	DIR *dir = opendir(request->directory);
	const struct dirent *entry;
	struct str path = STR_INIT, text = STR_INIT;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		str_reset(&path);
		str_reset(&text);
		str_addf(&path, "%s/%s", request->directory, entry->d_name);
		for (size_t i = 0; file_read(path.p, &text) == 0 && i < hosts->list.n; i++) {
			if (strcmp(hosts->list.v[i].name, text.p) == 0)
				hosts->list.v[i].tag = arena_strdup(&hosts->arena, entry->d_name);
			str_reset(&text);
		}
	}
	if (dir != NULL)
		closedir(dir);
	str_release(&path);
	str_release(&text);
}

/* Released by the caller in any case. False: `why` says it. */
static bool hosts_read(struct hosts *hosts, const struct request *request, struct str *why)
{
	const char *file = getenv("SCITQ_SSH_HOSTS");
	struct str text = STR_INIT, path = STR_INIT;
	int err, number = 0;

	memset(hosts, 0, sizeof(*hosts));
	arena_init(&hosts->arena);
	file = file && *file ? file : HOSTS;
	str_addf(&path, "%s/.lock", request->directory);
	hosts->lock = open(path.p, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (hosts->lock < 0 || flock(hosts->lock, LOCK_EX) != 0)
		str_addf(why, "%s: %s", path.p, strerror(errno));
	err = file_read(file, &text);
	if (err != 0)
		str_addf(why, "%s: %s", file, strerror(-err));
	for (char *line = text.p, *next; err == 0 && *line != '\0' && why->len == 0; line = next) {
		size_t len = strcspn(line, "\n");

		next = line + len + (line[len] == '\n');
		line[len] = '\0';
		number++;
		if (!add_host(hosts, line))
			str_addf(why, "%s:%d: not HOST cpus=N ram=GB, and gpus=, region= or price=",
			         file, number);
	}
	place_workers(hosts, request);
	str_release(&text);
	str_release(&path);
	return why->len == 0;
}

/* Have a shell of the host run the script. */
static bool run_there(const char *host, const struct str *script, struct command_output *o)
{
	const char *config = getenv("SCITQ_SSH_CONFIG");
	const char *argv[16] = {"ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-T"};
	int argc = 6;

	if (config != NULL && *config != '\0') {
		argv[argc++] = "-F";
		argv[argc++] = config;
	}
	argv[argc++] = host;
	argv[argc++] = "exec sh -s";
	return command_run(argv, script, o);
}

/* Both scripts begin with the variables that they use. */
static const char create_script[] =
        "umask 077\n"
        "dir=$HOME/.scitq/$tag\n"
        "pid=$(cat \"$dir/pid\" 2>/dev/null)\n"
        "[ -n \"$pid\" ] && kill -0 \"$pid\" 2>/dev/null && exit 0\n"
        "[ -x \"$worker\" ] || { echo \"there is no program $worker\" >&2; exit 1; }\n"
        "mkdir -p \"$dir\" && printf %s \"$token\" >\"$dir/token\" || exit 1\n"
        "set -- \"$server\" \"$concurrency\" -n \"$name\" --prefetch \"$prefetch\" "
        "--state \"$dir\" --work \"$dir/work\" --log \"$dir/log\"\n"
        "if [ -n \"$ca\" ]; then\n"
        "\tprintf %s \"$ca\" >\"$dir/ca.pem\" || exit 1\n"
        "\tset -- \"$@\" --ca \"$dir/ca.pem\"\n"
        "fi\n"
        "unset token ca\n"
        "export SCITQ_WORKER_TAG=\"$tag\"\n"
        "setsid \"$worker\" \"$@\" </dev/null >/dev/null 2>&1 &\n"
        "echo $! >\"$dir/pid\"\n";

/* What has the tag in its environment goes with it. */
static const char destroy_script[] =
        "dir=$HOME/.scitq/$tag\n"
        "pid=$(cat \"$dir/pid\" 2>/dev/null)\n"
        "[ -z \"$pid\" ] || kill -INT \"$pid\" 2>/dev/null\n"
        "for try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do\n"
        "\t[ -n \"$pid\" ] && kill -0 \"$pid\" 2>/dev/null || break\n"
        "\tsleep 1\n"
        "done\n"
        "for process in /proc/[0-9]*; do\n"
        "\ttr '\\0' '\\n' <\"$process/environ\" 2>/dev/null |\n"
        "\t\tgrep -qx \"SCITQ_WORKER_TAG=$tag\" && kill -KILL \"${process#/proc/}\" 2>/dev/null\n"
        "done\n"
        "rm -rf \"$dir\" 2>/dev/null || { sleep 1; rm -rf \"$dir\"; }\n"
        "rmdir \"$HOME/.scitq\" 2>/dev/null\n"
        "[ ! -e \"$dir\" ]\n";

static const char look_script[] = "pid=$(cat \"$HOME/.scitq/$tag/pid\" 2>/dev/null)\n"
                                  "if [ -n \"$pid\" ] && kill -0 \"$pid\" 2>/dev/null\n"
                                  "then echo running; else echo ended; fi\n";

static void tag_path(const struct request *request, const char *tag, struct str *path)
{
	str_reset(path);
	str_addf(path, "%s/%s", request->directory, tag);
}

static struct host *host_of(struct hosts *hosts, const char *tag)
{
	for (size_t i = 0; i < hosts->list.n; i++) {
		if (hosts->list.v[i].tag != NULL && strcmp(hosts->list.v[i].tag, tag) == 0)
			return &hosts->list.v[i];
	}
	return NULL;
}

static struct host *free_host(struct hosts *hosts, const struct request *request, bool *known)
{
	*known = false;
	for (size_t i = 0; request->flavor != NULL && i < hosts->list.n; i++) {
		struct host *host = &hosts->list.v[i];

		if (strcmp(host->flavor, request->flavor) != 0 ||
		    (request->region != NULL && strcmp(host->region, request->region) != 0))
			continue;
		*known = true;
		if (host->tag == NULL)
			return host;
	}
	return NULL;
}

static void start_there(const struct request *request, const struct wanted *worker,
                        const char *host)
{
	const char *program = getenv("SCITQ_SSH_WORKER");
	struct str script = STR_INIT;
	struct command_output o;

	shell_variable(&script, "tag", worker->tag);
	shell_variable(&script, "name", worker->name);
	shell_variable(&script, "token", worker->token);
	shell_variable(&script, "server", request->server);
	shell_variable(&script, "ca", request->ca);
	shell_variable(&script, "worker", program ? program : request->worker);
	str_addf(&script, "concurrency=%" PRId64 "\nprefetch=%" PRId64 "\n", worker->concurrency,
	         worker->prefetch);
	str_adds(&script, create_script);
	say_progress(worker->tag, 20, host);
	if (run_there(host, &script, &o))
		say_result(worker->tag, NULL);
	else
		say_error(worker->tag, false, "%s: %s", host, o.err.p);
	command_release(&o);
	str_release(&script);
}

static void create(const struct request *request, const struct wanted *worker)
{
	struct str why = STR_INIT, path = STR_INIT;
	struct hosts hosts;
	bool ok = hosts_read(&hosts, request, &why), known = true;
	struct host *host = ok ? host_of(&hosts, worker->tag) : NULL;
	int err = 0;

	if (ok && host == NULL)
		host = free_host(&hosts, request, &known);
	tag_path(request, worker->tag, &path);
	if (host != NULL)
		err = file_replace(path.p, host->name, strlen(host->name), 0600);
	/* Others may look for their own now: this one is taken. */
	hosts_unlock(&hosts);
	if (!ok)
		say_error(worker->tag, false, "%s", why.p);
	else if (!known)
		say_error(worker->tag, true, "no host is a %s in region %s",
		          request->flavor ? request->flavor : "(none)",
		          request->region ? request->region : "(any)");
	else if (host == NULL)
		say_error(worker->tag, false, "no host that is a %s is free", request->flavor);
	else if (err != 0)
		say_error(worker->tag, false, "%s: %s", path.p, strerror(-err));
	else if (worker->token == NULL || worker->name == NULL || request->server == NULL)
		say_error(worker->tag, true, "the request lacks token, name or server");
	else
		start_there(request, worker, host->name);
	hosts_release(&hosts);
	str_release(&why);
	str_release(&path);
}

static void destroy(const struct request *request, const struct wanted *worker)
{
	struct str path = STR_INIT, host = STR_INIT, script = STR_INIT;
	struct command_output o;

	tag_path(request, worker->tag, &path);
	if (file_read(path.p, &host) != 0) {
		say_result(worker->tag, NULL);
	} else {
		shell_variable(&script, "tag", worker->tag);
		str_adds(&script, destroy_script);
		if (!run_there(host.p, &script, &o))
			say_error(worker->tag, false, "%s: %s", host.p, o.err.p);
		else if (unlink(path.p) != 0)
			say_error(worker->tag, false, "%s: %s", path.p, strerror(errno));
		else
			say_result(worker->tag, NULL);
		command_release(&o);
	}
	str_release(&path);
	str_release(&host);
	str_release(&script);
}

/* A host that does not answer may be back in a moment: its worker is not given up here. */
static void list(const struct request *request)
{
	struct str why = STR_INIT, script = STR_INIT;
	json_t *workers = json_array();
	struct hosts hosts;

	if (!hosts_read(&hosts, request, &why)) {
		say_error(NULL, false, "%s", why.p);
		json_decref(workers);
	} else {
		hosts_unlock(&hosts);
		for (size_t i = 0; i < hosts.list.n; i++) {
			const struct host *host = &hosts.list.v[i];
			struct command_output o;
			bool ended;

			if (host->tag == NULL ||
			    strncmp(host->tag, request->owner, strlen(request->owner)) != 0 ||
			    host->tag[strlen(request->owner)] != '-')
				continue;
			str_reset(&script);
			shell_variable(&script, "tag", host->tag);
			str_adds(&script, look_script);
			ended = run_there(host->name, &script, &o) &&
			        strncmp(o.out.p, "ended", 5) == 0;
			json_array_append_new(workers,
			                      json_pack("{s:s, s:s}", "tag", host->tag, "state",
			                                ended ? "ended" : "running"));
			command_release(&o);
		}
		say_result(NULL, json_pack("{s:o}", "workers", workers));
	}
	hosts_release(&hosts);
	str_release(&why);
	str_release(&script);
}

/* The element of the array whose members have these texts; made where it is missing. */
static json_t *element(json_t *array, const char *a, const char *a_text, const char *b,
                       const char *b_text)
{
	json_t *item;
	size_t i;

	json_array_foreach(array, i, item)
	{
		if (strcmp(json_string_value(json_object_get(item, a)), a_text) == 0 &&
		    (b == NULL || strcmp(json_string_value(json_object_get(item, b)), b_text) == 0))
			return item;
	}
	item = json_pack("{s:s}", a, a_text);
	if (b != NULL)
		json_object_set_new(item, b, json_string(b_text));
	json_array_append_new(array, item);
	return item;
}

static void flavors(const struct request *request)
{
	json_t *regions = json_array(), *names = json_array(), *metrics = json_array();
	struct str why = STR_INIT;
	struct hosts hosts;
	bool ok = hosts_read(&hosts, request, &why);

	for (size_t i = 0; ok && i < hosts.list.n; i++) {
		const struct host *host = &hosts.list.v[i];
		json_t *flavor = element(names, "name", host->flavor, NULL, NULL), *place;

		element(regions, "name", host->region, NULL, NULL);
		json_object_set_new(flavor, "cpu", json_integer(host->cpus));
		json_object_set_new(flavor, "ram", json_real(host->ram));
		if (host->gpus >= 0)
			json_object_set_new(flavor, "gpus", json_integer(host->gpus));
		place = element(metrics, "flavor", host->flavor, "region", host->region);
		json_object_set_new(
		        place, "available",
		        json_integer(json_integer_value(json_object_get(place, "available")) +
		                     (host->tag == NULL)));
		json_object_set_new(place, "cost", json_real(host->price));
	}
	if (ok)
		say_result(NULL, json_pack("{s:O, s:O, s:O}", "regions", regions, "flavors", names,
		                           "metrics", metrics));
	else
		say_error(NULL, false, "%s", why.p);
	json_decref(regions);
	json_decref(names);
	json_decref(metrics);
	hosts_release(&hosts);
	str_release(&why);
}

int main(void)
{
	static const struct verb verbs[] = {{"create", NULL, create},
	                                    {"destroy", NULL, destroy},
	                                    {"list", list, NULL},
	                                    {"flavors", flavors, NULL}};

	return provider_main(verbs, sizeof(verbs) / sizeof(verbs[0]));
}
