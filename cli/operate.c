#include "cli/operate.h"

#include "base/columns.h"
#include "cli/moment.h"
#include "cli/reach.h"
#include "model/json.h"
#include "server/server_main.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CALL_TIMEOUT_MS 60000
#define LONG_TIMEOUT_MS (24 * 3600 * 1000)

struct operation {
	struct server_access access;
	const char *state, *role, *worker, *expires, *older; /* options; NULL: not given */
	char **words;                                        /* behind the command */
	int nwords;
	struct reach reach;
};

typedef int operate_command(struct operation *o);

static operate_command token_add, token_list, token_revoke, backup, prune;

/* To add a command: a row here. */
static const struct command {
	const char *word, *second, *arguments;
	int nwords;
	operate_command *run;
	const char *help;
} commands[] = {
        {"token", "add", "NAME --role ROLE", 1, token_add, "make a token and print it"},
        {"token", "list", "", 0, token_list, "the tokens, without their text"},
        {"token", "revoke", "NAME", 1, token_revoke, "a token admits nobody any more"},
        {"backup", NULL, "DIRECTORY", 1, backup,
         "copy the database, while it is served, into a new directory"},
        {"prune", NULL, "--older TIME", 0, prune,
         "delete what ended before: tasks, executions, logs, runs, jobs, audit log"},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

enum {
	OPTION_SERVER = 256,
	OPTION_STATE,
	OPTION_CA,
	OPTION_ROLE,
	OPTION_WORKER,
	OPTION_EXPIRES,
	OPTION_OLDER
};

/* To add an option: a row here, a line above, a case in take_option(). */
static const struct option_row {
	struct option option;
	const char *argument, *help;
} options[] = {
        {{"server", required_argument, NULL, OPTION_SERVER},
         "SERVER",
         "another server than that of the state directory (SCITQ_SERVER, SCITQ_TOKEN)"},
        {{"state", required_argument, NULL, OPTION_STATE},
         "DIR",
         "that state directory (SCITQ_STATE)"},
        {{"ca", required_argument, NULL, OPTION_CA}, "FILE", "who vouches for it (SCITQ_CA)"},
        {{"role", required_argument, NULL, OPTION_ROLE},
         "ROLE",
         "viewer, worker, submitter, operator or admin"},
        {{"worker", required_argument, NULL, OPTION_WORKER},
         "NAME",
         "of a worker's token: its worker, or a pattern (the token's name)"},
        {{"expires", required_argument, NULL, OPTION_EXPIRES},
         "WHEN",
         "a time from now (90d, 12h, 30m) or a date (never)"},
        {{"older", required_argument, NULL, OPTION_OLDER},
         "TIME",
         "how long ago: 90d, 12h; or the date before which it ended"},
        {{"help", no_argument, NULL, 'h'}, NULL, "print this and exit"},
};

#define OPTIONS (sizeof(options) / sizeof(options[0]))

static int wrong(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static int wrong(const char *fmt, ...)
{
	va_list ap;

	fputs("scitq-server: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return SERVER_EXIT_USAGE;
}

static int failed(const struct operation *o)
{
	fprintf(stderr, "scitq-server: %s\n", o->reach.client.error.p);
	return SERVER_EXIT_FAILED;
}

static void print_usage(void)
{
	struct str out = STR_INIT, left = STR_INIT;

	str_adds(&out, "usage: scitq-server [OPTIONS]      serve; see scitq-server --help\n\n");
	for (size_t i = 0; i < COMMANDS; i++) {
		const struct command *c = &commands[i];

		str_reset(&left);
		str_addf(&left, "scitq-server %s%s%s %s", c->word, c->second ? " " : "",
		         c->second ? c->second : "", c->arguments);
		columns_row(&out, left.p, c->help);
	}
	str_addc(&out, '\n');
	for (size_t i = 0; i < OPTIONS; i++) {
		const struct option_row *row = &options[i];

		str_reset(&left);
		str_addf(&left, "--%s %s", row->option.name, row->argument ? row->argument : "");
		columns_row(&out, left.p, row->help);
	}
	fputs(out.p, stdout);
	str_release(&out);
	str_release(&left);
}

static json_t *call(struct operation *o, const char *method, const char *path, json_t *body,
                    int timeout_ms)
{
	json_t *reply = NULL;
	enum client_result result =
	        client_call(&o->reach.client, method, path, body, timeout_ms, &reply);

	json_decref(body);
	if (result == CLIENT_OK && reply != NULL)
		return reply;
	if (result == CLIENT_OK)
		str_adds(&o->reach.client.error, "the answer is empty");
	json_decref(reply);
	return NULL;
}

static void put_text(json_t *object, const char *name, const char *text)
{
	if (text != NULL)
		json_object_set_new(object, name, json_text(text));
}

static int token_add(struct operation *o)
{
	char date[DATE_TEXT_SIZE];
	json_t *body, *reply;
	const char *text;

	if (o->role == NULL)
		return wrong("token add needs --role");
	if (o->expires != NULL && !moment_read(o->expires, 1, date))
		return wrong("--expires is '%s', neither a time such as 90d nor a date",
		             o->expires);
	body = json_object();
	put_text(body, "name", o->words[0]);
	put_text(body, "role", o->role);
	put_text(body, "worker", o->worker);
	put_text(body, "expiry_date", o->expires ? date : NULL);
	reply = call(o, "POST", "/tokens/", body, CALL_TIMEOUT_MS);
	if (reply == NULL)
		return failed(o);
	text = json_string_value(json_object_get(reply, "token"));
	puts(text ? text : "");
	json_decref(reply);
	return SERVER_EXIT_OK;
}

static const char *text_of(const json_t *row, const char *name)
{
	const char *text = json_string_value(json_object_get(row, name));

	return text ? text : "-";
}

static int token_list(struct operation *o)
{
	json_t *rows = call(o, "GET", "/tokens/", NULL, CALL_TIMEOUT_MS), *row;
	size_t i;

	if (rows == NULL)
		return failed(o);
	printf("%-20s %-10s %-20s %-19s %s\n", "NAME", "ROLE", "WORKER", "MADE", "EXPIRES");
	json_array_foreach(rows, i, row)
	{
		printf("%-20s %-10s %-20s %-19.19s %.19s\n", text_of(row, "name"),
		       text_of(row, "role"), text_of(row, "worker"), text_of(row, "creation_date"),
		       text_of(row, "expiry_date"));
	}
	json_decref(rows);
	return SERVER_EXIT_OK;
}

static int token_revoke(struct operation *o)
{
	json_t *rows = call(o, "GET", "/tokens/", NULL, CALL_TIMEOUT_MS), *row, *gone = NULL;
	struct str path = STR_INIT;
	size_t i;
	int code = SERVER_EXIT_OK;

	if (rows == NULL)
		return failed(o);
	json_array_foreach(rows, i, row)
	{
		if (strcmp(text_of(row, "name"), o->words[0]) == 0)
			str_addf(&path, "/tokens/%lld",
			         (long long)json_integer_value(json_object_get(row, "token_id")));
	}
	if (path.len == 0) {
		fprintf(stderr, "scitq-server: there is no token %s\n", o->words[0]);
		code = SERVER_EXIT_FAILED;
	} else {
		gone = call(o, "DELETE", path.p, NULL, CALL_TIMEOUT_MS);
		code = gone ? SERVER_EXIT_OK : failed(o);
	}
	json_decref(gone);
	json_decref(rows);
	str_release(&path);
	return code;
}

static int backup(struct operation *o)
{
	char here[PATH_MAX] = "";
	json_t *body, *reply;
	struct str target = STR_INIT;

	/* Relative to where we are, which is where the server of a state directory is too. */
	if (o->words[0][0] != '/' && getcwd(here, sizeof(here)) == NULL)
		return wrong("the current directory is gone: %s", strerror(errno));
	str_addf(&target, "%s%s%s", here, *here ? "/" : "", o->words[0]);
	body = json_object();
	put_text(body, "target", target.p);
	str_release(&target);
	reply = call(o, "POST", "/backup", body, LONG_TIMEOUT_MS);
	if (reply == NULL)
		return failed(o);
	json_decref(reply);
	return SERVER_EXIT_OK;
}

static int prune(struct operation *o)
{
	static const struct {
		const char *name, *words;
	} parts[] = {{"tasks", "tasks"},
	             {"runs", "runs"},
	             {"jobs", "jobs"},
	             {"audit", "entries of the audit log"}};
	const size_t n = sizeof(parts) / sizeof(parts[0]);
	char date[DATE_TEXT_SIZE];
	json_t *body, *reply;

	if (o->older == NULL)
		return wrong("prune needs --older");
	if (!moment_read(o->older, -1, date))
		return wrong("--older is '%s', neither a time such as 90d nor a date", o->older);
	body = json_object();
	put_text(body, "before", date);
	reply = call(o, "POST", "/prune", body, LONG_TIMEOUT_MS);
	if (reply == NULL)
		return failed(o);
	printf("ended before %.19s and deleted:", date);
	for (size_t i = 0; i < n; i++)
		printf(" %lld %s%s",
		       (long long)json_integer_value(json_object_get(reply, parts[i].name)),
		       parts[i].words, i + 1 < n ? "," : "\n");
	json_decref(reply);
	return SERVER_EXIT_OK;
}

static int take_option(struct operation *o, int key)
{
	switch (key) {
	case OPTION_SERVER:
		o->access.server = optarg;
		return 0;
	case OPTION_STATE:
		o->state = optarg;
		return 0;
	case OPTION_CA:
		o->access.ca = optarg;
		return 0;
	case OPTION_ROLE:
		o->role = optarg;
		return 0;
	case OPTION_WORKER:
		o->worker = optarg;
		return 0;
	case OPTION_EXPIRES:
		o->expires = optarg;
		return 0;
	case OPTION_OLDER:
		o->older = optarg;
		return 0;
	case 'h':
		print_usage();
		return -1;
	default:
		return SERVER_EXIT_USAGE; /* getopt has said what is wrong */
	}
}

static const struct command *find_command(char **words, int n)
{
	for (size_t i = 0; i < COMMANDS; i++) {
		const struct command *c = &commands[i];

		if (n > 0 && strcmp(words[0], c->word) == 0 &&
		    (c->second == NULL || (n > 1 && strcmp(words[1], c->second) == 0)))
			return c;
	}
	return NULL;
}

static int read_command(struct operation *o, int argc, char **argv, const struct command **command)
{
	struct option table[OPTIONS + 1] = {{0}};
	int key, code = 0, used;

	for (size_t i = 0; i < OPTIONS; i++)
		table[i] = options[i].option;
	while (code == 0 && (key = getopt_long(argc, argv, "h", table, NULL)) >= 0)
		code = take_option(o, key);
	if (code != 0)
		return code;
	*command = find_command(argv + optind, argc - optind);
	if (*command == NULL)
		return wrong("%s what? See scitq-server %s --help", argv[optind], argv[optind]);
	used = (*command)->second ? 2 : 1;
	o->words = argv + optind + used;
	o->nwords = argc - optind - used;
	if (o->nwords != (*command)->nwords)
		return wrong("usage: scitq-server %s%s%s %s", (*command)->word,
		             (*command)->second ? " " : "",
		             (*command)->second ? (*command)->second : "", (*command)->arguments);
	return 0;
}

static int operate(int argc, char **argv)
{
	struct operation o = {0};
	const struct command *command = NULL;
	struct str error = STR_INIT;
	int code = read_command(&o, argc, argv, &command);

	if (code != 0)
		return code < 0 ? SERVER_EXIT_OK : code;
	switch (reach_open(&o.reach, &o.access, o.state, &error)) {
	case REACH_OK:
		code = command->run(&o);
		break;
	case REACH_MISUSED:
		code = wrong("%s", error.p);
		break;
	case REACH_NO_SERVER:
		wrong("%s", error.p);
		code = SERVER_EXIT_FAILED;
		break;
	}
	reach_close(&o.reach);
	str_release(&error);
	return code;
}

/* How many words a command's option takes that stands there; 0 where none does. */
static int option_words(const char *word)
{
	size_t len = strcspn(word, "=");

	for (size_t i = 0; strncmp(word, "--", 2) == 0 && i < OPTIONS; i++) {
		const struct option *o = &options[i].option;

		if (strlen(o->name) == len - 2 && strncmp(word + 2, o->name, len - 2) == 0)
			return o->has_arg != no_argument && word[len] == '\0' ? 2 : 1;
	}
	return 0;
}

int operate_main(int argc, char **argv)
{
	int word = 1, taken;

	while (word < argc && (taken = option_words(argv[word])) > 0)
		word += taken;
	for (size_t i = 0; i < COMMANDS; i++) {
		if (word < argc && strcmp(argv[word], commands[i].word) == 0)
			return operate(argc, argv);
	}
	return server_main(argc, argv);
}
