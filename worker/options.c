#include "worker/options.h"

#include "base/state_dir.h"
#include "client/address.h"
#include "client/state_server.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME_MAX_LEN 200
#define GPUS_MOST 1024
/* The end of the year 9999. */
#define ENDS_MOST INT64_C(253402300799)

static const char usage[] = "usage: scitq-worker [SERVER[:PORT] CONCURRENCY] [options]\n";
static const char help[] =
        "\n"
        "Takes tasks from a scitq server and runs up to CONCURRENCY of them at a time.\n"
        "SERVER is a host, host:port (5000 unless given), name:token@host or a URL.\n"
        "Both are SCITQ_SERVER and SCITQ_WORKER_CONCURRENCY where they are not given.\n"
        "\n"
        "  -n, --name NAME      name of this worker (default: the host's name)\n"
        "  -b, --batch BATCH    batch to serve, or a pattern such as 'qc.*'; '*' for all\n"
        "                       (SCITQ_WORKER_BATCH; Default, the batch of tasks that\n"
        "                       name none: those of runs name theirs)\n"
        "      --prefetch N     tasks staged beyond those that run (default 0)\n"
        "      --work DIR       where tasks run (default\n"
        "                       $XDG_STATE_HOME/scitq/worker/NAME)\n"
        "      --log FILE       append messages to FILE (default: standard error)\n"
        "      --grace SECONDS  between SIGTERM and SIGKILL (default 10)\n"
        "      --gpus N         GPUs to give to tasks, 0 to N-1 (SCITQ_WORKER_GPUS; those\n"
        "                       of CUDA_VISIBLE_DEVICES, else all NVIDIA ones that are\n"
        "                       found)\n"
        "      --max-output N   bytes kept of stdout and of stderr (default 10000000000)\n"
        "      --state DIR      state directory whose token is used\n"
        "      --ca FILE        who vouches for a server of https (SCITQ_CA; those that\n"
        "                       the system trusts)\n"
        "      --private        serve the private server of --state DIR and end with it\n"
        "      --revocable      this machine may be taken away: a task that ends by\n"
        "                       SIGTERM was lost with it, and has not failed\n"
        "      --ends SECONDS   when this machine ends, in seconds since 1970: no task is\n"
        "                       taken that may last longer\n"
        "      --v1             the server is one of scitq v1: poll it, every four\n"
        "                       seconds\n"
        "      --version        print the version\n"
        "  -h, --help           print this\n"
        "\n"
        "The token is taken from SERVER, from SCITQ_TOKEN, or from the file 'token' of\n"
        "the state directory. SCITQ_... stand in the environment, the user's scitq.conf,\n"
        "or " CONFIG_SYSTEM "; container engines in /etc/scitq-worker.conf.\n"
        "SIGTERM ends the agent and leaves running tasks to its supervisor, where the\n"
        "next scitq-worker of the same directory finds them; SIGINT stops the tasks as\n"
        "well.\n"
        "\n"
        "Exit codes: 0 ended as told, 1 cannot work here, 2 wrong arguments, 4 the server\n"
        "refuses the token, 5 another worker took over this name.\n";

enum {
	OPTION_PREFETCH = 256,
	OPTION_WORK,
	OPTION_LOG,
	OPTION_GRACE,
	OPTION_MAX_OUTPUT,
	OPTION_GPUS,
	OPTION_STATE,
	OPTION_CA,
	OPTION_PRIVATE,
	OPTION_REVOCABLE,
	OPTION_ENDS,
	OPTION_V1,
	OPTION_VERSION
};

/* To add an option: a row here, a line above, a case in take_option(). */
static const struct option table[] = {
        {"name", required_argument, NULL, 'n'},
        {"batch", required_argument, NULL, 'b'},
        {"prefetch", required_argument, NULL, OPTION_PREFETCH},
        {"work", required_argument, NULL, OPTION_WORK},
        {"log", required_argument, NULL, OPTION_LOG},
        {"grace", required_argument, NULL, OPTION_GRACE},
        {"gpus", required_argument, NULL, OPTION_GPUS},
        {"max-output", required_argument, NULL, OPTION_MAX_OUTPUT},
        {"state", required_argument, NULL, OPTION_STATE},
        {"ca", required_argument, NULL, OPTION_CA},
        {"private", no_argument, NULL, OPTION_PRIVATE},
        {"revocable", no_argument, NULL, OPTION_REVOCABLE},
        {"ends", required_argument, NULL, OPTION_ENDS},
        {"v1", no_argument, NULL, OPTION_V1},
        {"version", no_argument, NULL, OPTION_VERSION},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
};

static enum options_result wrong(const char *what, const char *value)
{
	fprintf(stderr, "scitq-worker: %s%s%s\n%s", what, value != NULL ? ": " : "",
	        value != NULL ? value : "", usage);
	return OPTIONS_WRONG;
}

static bool read_number(const char *text, int64_t least, int64_t most, int64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoll(text, &end, 10);
	return errno == 0 && *text != '\0' && *end == '\0' && *value >= least && *value <= most;
}

static enum options_result take_gpus(struct options *o, const char *text)
{
	return read_number(text, 0, GPUS_MOST, &o->gpus) ? OPTIONS_OK
	                                                 : wrong("not a number of GPUs", text);
}

/* `word`: as it was written. */
static enum options_result take_option(struct options *o, int option, const char *word)
{
	switch (option) {
	case 'n':
		str_reset(&o->name);
		str_adds(&o->name, optarg);
		return OPTIONS_OK;
	case 'b':
		o->batch = optarg;
		return OPTIONS_OK;
	case OPTION_PREFETCH:
		return read_number(optarg, 0, 10000, &o->prefetch)
		               ? OPTIONS_OK
		               : wrong("--prefetch takes a number", optarg);
	case OPTION_WORK:
		str_reset(&o->work);
		str_adds(&o->work, optarg);
		return OPTIONS_OK;
	case OPTION_LOG:
		o->log = optarg;
		return OPTIONS_OK;
	case OPTION_GRACE:
		return read_number(optarg, 1, 86400, &o->grace_s)
		               ? OPTIONS_OK
		               : wrong("--grace takes a number of seconds", optarg);
	case OPTION_GPUS:
		return take_gpus(o, optarg);
	case OPTION_MAX_OUTPUT:
		return read_number(optarg, 1, INT64_MAX / 2, &o->max_output)
		               ? OPTIONS_OK
		               : wrong("--max-output takes a number of bytes", optarg);
	case OPTION_STATE:
		str_reset(&o->state);
		str_adds(&o->state, optarg);
		return OPTIONS_OK;
	case OPTION_CA:
		o->ca = optarg;
		return OPTIONS_OK;
	case OPTION_PRIVATE:
		o->private_mode = true;
		return OPTIONS_OK;
	case OPTION_REVOCABLE:
		o->revocable = true;
		return OPTIONS_OK;
	case OPTION_ENDS:
		return read_number(optarg, 1, ENDS_MOST, &o->ends_s)
		               ? OPTIONS_OK
		               : wrong("--ends takes seconds since 1970", optarg);
	case OPTION_V1:
		o->v1 = true;
		return OPTIONS_OK;
	case OPTION_VERSION:
		puts("scitq-worker " SCITQ_VERSION);
		return OPTIONS_HELP;
	case 'h':
		printf("%s%s", usage, help);
		return OPTIONS_HELP;
	case ':':
		return wrong("this option needs a value", word);
	default:
		return wrong("there is no such option", word);
	}
}

static bool is_loopback(const char *url)
{
	const char *host = strstr(url, "://") + 3;

	return strncmp(host, "127.", 4) == 0 || strncmp(host, "[::1]", 5) == 0 ||
	       (strncmp(host, "localhost", 9) == 0 && strchr(":/", host[9]) != NULL);
}

bool options_find_private(struct options *o)
{
	return state_server(o->state.p, &o->url, &o->token, NULL);
}

/* Absolute, so that it means the same in every process. */
static bool make_absolute(struct str *path)
{
	struct str absolute = STR_INIT;
	char here[PATH_MAX];

	if (path->len == 0 || path->p[0] == '/')
		return true;
	if (getcwd(here, sizeof(here)) == NULL)
		return false;
	str_addf(&absolute, "%s/%s", here, path->p);
	str_release(path);
	*path = absolute;
	return true;
}

static enum options_result complete(struct options *o)
{
	struct str state = STR_INIT;
	const char *token;
	char host[HOST_NAME_MAX + 1] = "";

	if (o->name.len == 0 && gethostname(host, sizeof(host) - 1) == 0)
		str_adds(&o->name, host);
	if (o->name.len == 0 || o->name.len > NAME_MAX_LEN || o->name.p[0] == '.' ||
	    strchr(o->name.p, '/') != NULL)
		return wrong("not a name for a worker", o->name.p);
	if (o->private_mode && o->v1)
		return wrong(
		        "a private server is none of v1: --v1 and --private do not go together",
		        NULL);
	if (o->private_mode && o->state.len == 0)
		return wrong("--private needs --state DIR", NULL);
	if (!make_absolute(&o->state) || !make_absolute(&o->work))
		return wrong("the current directory is gone", NULL);
	if (o->state.len > 0)
		str_adds(&state, o->state.p);
	else if (!state_dir_default(&state) && o->work.len == 0)
		return wrong("neither XDG_STATE_HOME nor HOME is set; give --work DIR", NULL);
	if (o->work.len == 0)
		str_addf(&o->work, "%s/worker/%s", state.p, o->name.p);
	/* The token of the own state directory is nothing that any server is told. */
	if (o->state.len == 0 && state.len > 0 && is_loopback(o->url.p))
		str_adds(&o->state, state.p);
	str_release(&state);
	if (o->private_mode) {
		(void)options_find_private(o);
		return OPTIONS_OK;
	}
	token = config_get(&o->config, "SCITQ_TOKEN", NULL);
	if (o->ca == NULL)
		o->ca = config_get(&o->config, "SCITQ_CA", NULL);
	if (o->token.len == 0 && token != NULL)
		str_adds(&o->token, token);
	else if (o->token.len == 0 && o->state.len > 0)
		(void)state_token(o->state.p, &o->token);
	return OPTIONS_OK;
}

static bool read_config(struct options *o)
{
	struct str error = STR_INIT;
	bool ok = config_read(&o->config, &error);

	if (!ok)
		fprintf(stderr, "scitq-worker: %s\n", error.p);
	str_release(&error);
	return ok;
}

/* SERVER and CONCURRENCY, given or set. */
static enum options_result take_server(struct options *o, int n, char **given)
{
	const char *server = n == 2 ? given[0] : NULL, *concurrency = n == 2 ? given[1] : NULL;
	const char *gpus;

	if (n == 0) {
		server = config_get(&o->config, "SCITQ_SERVER", NULL);
		concurrency = config_get(&o->config, "SCITQ_WORKER_CONCURRENCY", NULL);
	}
	if (n > 2)
		return wrong("there is an argument too many", given[2]);
	if (server == NULL || concurrency == NULL)
		return wrong("SERVER and CONCURRENCY are needed", NULL);
	if (!client_address(server, &o->url, &o->token))
		return wrong("not a server", server);
	if (!read_number(concurrency, 1, 100000, &o->concurrency))
		return wrong("CONCURRENCY is a number from 1", concurrency);
	if (o->batch == NULL)
		o->batch = config_get(&o->config, "SCITQ_WORKER_BATCH", NULL);
	gpus = o->gpus < 0 ? config_get(&o->config, "SCITQ_WORKER_GPUS", NULL) : NULL;
	return gpus != NULL ? take_gpus(o, gpus) : OPTIONS_OK;
}

enum options_result options_read(struct options *o, int argc, char **argv)
{
	enum options_result result;
	int option;

	memset(o, 0, sizeof(*o));
	str_init(&o->url);
	str_init(&o->name);
	str_init(&o->work);
	str_init(&o->state);
	str_init(&o->token);
	str_init(&o->own);
	config_init(&o->config);
	o->grace_s = 10;
	o->max_output = INT64_C(10000000000);
	o->gpus = -1;
	optind = 1;
	opterr = 0;
	while ((option = getopt_long(argc, argv, ":n:b:h", table, NULL)) != -1) {
		result = take_option(o, option, argv[optind - 1]);
		if (result != OPTIONS_OK)
			return result;
	}
	if (!o->private_mode && !read_config(o))
		return OPTIONS_WRONG;
	result = take_server(o, argc - optind, argv + optind);
	return result == OPTIONS_OK ? complete(o) : result;
}

void options_release(struct options *o)
{
	str_release(&o->url);
	str_release(&o->name);
	str_release(&o->work);
	str_release(&o->state);
	str_release(&o->token);
	str_release(&o->own);
	config_release(&o->config);
}
