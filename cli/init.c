#include "cli/init.h"

#include "base/fd.h"
#include "cli/call.h"
#include "cli/doctor.h"
#include "cli/first.h"
#include "client/address.h"
#include "runtime/session.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#define TRY_MS 15000

/* What names a server in a file of settings. */
enum { SERVER, TOKEN, CA, SETTINGS };

static const char *const keys[SETTINGS] = {"SCITQ_SERVER", "SCITQ_TOKEN", "SCITQ_CA"};

struct setting_up {
	struct call call; /* for messages; nothing is open */
	const struct command_call *command;
	bool person; /* somebody sits there who can be asked */
	bool force;
	struct str values[SETTINGS]; /* "": not to be set */
	struct config config;
};

/* ---- questions ---- */

/* A line of what is typed, without blanks around it. */
static bool ask(const char *question, bool hidden, struct str *answer)
{
	struct termios before, quiet;
	char line[1024];
	size_t n = 0;
	ssize_t got;
	bool interrupted = false;

	hidden = hidden && tcgetattr(STDIN_FILENO, &before) == 0;
	if (hidden) {
		quiet = before;
		/* Ctrl-C ends the line: it must not leave a terminal that shows nothing. */
		quiet.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
		quiet.c_cc[VEOL] = before.c_cc[VINTR];
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	}
	/* Only now: an answer that follows at once must neither be shown nor flushed. */
	fputs(question, stderr);
	while (!interrupted && n < sizeof(line) - 1 &&
	       (got = fd_read(STDIN_FILENO, line + n, 1)) == 1 && line[n] != '\n') {
		interrupted = hidden && (cc_t)line[n] == before.c_cc[VINTR];
		n++;
	}
	line[n] = '\0';
	if (hidden) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
		fputc('\n', stderr);
	}
	if (interrupted)
		raise(SIGINT);
	str_reset(answer);
	str_adds(answer, line + strspn(line, " \t\r"));
	while (answer->len > 0 && strchr(" \t\r", answer->p[answer->len - 1]) != NULL)
		answer->p[--answer->len] = '\0';
	return answer->len > 0;
}

/* ---- the server ---- */

/* What the user's file says now, "" where nothing. */
static const char *now(const struct setting_up *s, const char *key)
{
	const char *value = "";

	for (size_t i = 0; i < s->config.lines.n; i++) {
		const struct config_line *line = &s->config.lines.v[i];

		if (line->file == s->config.files[0] && strcmp(line->key, key) == 0)
			value = line->value;
	}
	return value;
}

static bool read_token_file(struct setting_up *s, const char *path)
{
	struct str *token = &s->values[TOKEN];
	int err =
	        strcmp(path, "-") == 0 ? fd_read_all(STDIN_FILENO, token) : file_read(path, token);

	if (err != 0)
		return call_fail(&s->call, EXIT_CODE_USAGE, NULL, "%s: %s", path, strerror(-err));
	while (token->len > 0 && strchr(" \t\r\n", token->p[token->len - 1]) != NULL)
		token->p[--token->len] = '\0';
	if (token->len == 0 || strlen(token->p) != token->len ||
	    token->p[strcspn(token->p, " \t\r\n'\"")] != '\0')
		return call_fail(&s->call, EXIT_CODE_USAGE, NULL, "%s holds no token", path);
	return true;
}

/* The server and its token, as far as they are given. */
static bool read_access(struct setting_up *s, const char *server)
{
	const char *file = command_value(s->command, "token-file"),
	           *ca = command_value(s->command, "ca");
	const char *token = getenv("SCITQ_TOKEN");
	char *path;

	if (!client_address(server, &s->values[SERVER], &s->values[TOKEN]))
		return call_fail(&s->call, EXIT_CODE_USAGE, NULL,
		                 "a server is HOST, HOST:PORT or a URL, not '%s'",
		                 strchr(server, '@') ? "...@..." : server);
	if (file != NULL) {
		str_reset(&s->values[TOKEN]);
		if (!read_token_file(s, file))
			return false;
	} else if (s->values[TOKEN].len == 0 && token != NULL) {
		str_adds(&s->values[TOKEN], token);
	} else if (s->values[TOKEN].len == 0 &&
	           strcmp(now(s, keys[SERVER]), s->values[SERVER].p) == 0) {
		/* Once more, as it was set up before. */
		str_adds(&s->values[TOKEN], now(s, keys[TOKEN]));
	}
	if (ca == NULL)
		return true;
	path = realpath(ca, NULL);
	if (path == NULL)
		return call_fail(&s->call, EXIT_CODE_USAGE, NULL, "%s: %s", ca, strerror(errno));
	str_adds(&s->values[CA], path);
	free(path);
	return true;
}

static enum client_result try_server(struct setting_up *s, struct str *error)
{
	const struct str *v = s->values;
	struct client client;
	enum client_result result;

	client_init(&client, &(struct server_access){.server = v[SERVER].p,
	                                             .token = v[TOKEN].len > 0 ? v[TOKEN].p : NULL,
	                                             .ca = v[CA].len > 0 ? v[CA].p : NULL});
	result = client_call(&client, "GET", "/runs/?limit=1", NULL, TRY_MS, NULL);
	str_reset(error);
	str_adds(error, client.error.p);
	client_release(&client);
	return result;
}

/* Nothing is written down that was not tried. */
static bool check_access(struct setting_up *s)
{
	struct str error = STR_INIT;
	enum client_result result = try_server(s, &error);

	while (result == CLIENT_UNAUTHORIZED && s->person &&
	       command_value(s->command, "token-file") == NULL) {
		if (s->values[TOKEN].len > 0)
			fprintf(stderr, "%s\n", error.p);
		if (!ask("token (not shown; an admin makes one by scitq user create): ", true,
		         &s->values[TOKEN]))
			break;
		result = try_server(s, &error);
	}
	if (result == CLIENT_UNAUTHORIZED)
		call_fail(
		        &s->call, EXIT_CODE_SERVER,
		        "an admin makes a token by scitq user create; --token-file or SCITQ_TOKEN "
		        "has it here. Nothing was written",
		        "%s", error.p);
	else if (result != CLIENT_OK)
		call_fail(&s->call, EXIT_CODE_SERVER,
		          "is it the right server, and does it run? Nothing was written", "%s",
		          error.p);
	str_release(&error);
	return s->call.code == EXIT_CODE_OK;
}

/* ---- the file ---- */

/* A line of the file that sets one of ours: config_read() has seen that it is a setting. */
static bool is_ours(const char *line)
{
	line += strspn(line, " \t");
	if (strncmp(line, "export ", 7) == 0)
		line += 7 + strspn(line + 7, " \t");
	for (int i = 0; i < SETTINGS; i++) {
		size_t n = strlen(keys[i]);

		if (strncmp(line, keys[i], n) == 0 && line[n + strspn(line + n, " \t")] == '=')
			return true;
	}
	return false;
}

/* The file as it was, without our settings, and those behind. */
static void compose(const struct setting_up *s, const struct str *old, struct str *text)
{
	const char *at = old->p;

	while (*at != '\0') {
		size_t len = strcspn(at, "\n");

		if (!is_ours(at))
			str_addf(text, "%.*s\n", (int)len, at);
		at += len + (at[len] == '\n');
	}
	for (int i = 0; i < SETTINGS; i++) {
		if (s->values[i].len > 0)
			str_addf(text, "%s=%s\n", keys[i], s->values[i].p);
	}
}

static bool write_settings(struct setting_up *s, const char *path)
{
	struct str old = STR_INIT, text = STR_INIT, folder = STR_INIT;
	char *real = realpath(path, NULL);
	int err;

	str_add(&folder, path, (size_t)(strrchr(path, '/') - path));
	err = dir_make(folder.p, 0700);
	if (err == 0)
		err = file_read(path, &old);
	err = err == -ENOENT ? 0 : err;
	if (err == 0) {
		compose(s, &old, &text);
		/* What it is a link to is written, not the link. */
		err = file_replace(real != NULL ? real : path, text.p, text.len, 0600);
	}
	free(real);
	str_release(&old);
	str_release(&text);
	str_release(&folder);
	return err == 0 || call_fail(&s->call, EXIT_CODE_INFRASTRUCTURE, NULL,
	                             "cannot write %s: %s", path, strerror(-err));
}

static bool is_private(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && (st.st_mode & 077) == 0;
}

static bool keep_settings(struct setting_up *s)
{
	const char *path = s->config.files[0];
	bool same = true, others = false;

	if (path == NULL)
		return call_fail(&s->call, EXIT_CODE_USAGE, NULL,
		                 "neither XDG_CONFIG_HOME nor HOME says where settings are");
	for (int i = 0; i < SETTINGS; i++) {
		const char *value = now(s, keys[i]);

		same = same && strcmp(value, s->values[i].p) == 0;
		others = others || (*value != '\0' && strcmp(value, s->values[i].p) != 0);
	}
	if (others && !s->force)
		return call_fail(&s->call, EXIT_CODE_USAGE, "--force puts this one in its place",
		                 "%s names another server, or another token", path);
	if (same && is_private(path)) {
		printf("%s: as it is\n", path);
		return true;
	}
	if (!write_settings(s, path))
		return false;
	printf("%s: written\n", path);
	return true;
}

static bool set_up_server(struct setting_up *s)
{
	const char *server = command_value(s->command, "server");
	struct str error = STR_INIT, typed = STR_INIT;
	bool ok = config_read(&s->config, &error);

	if (!ok)
		call_fail(&s->call, EXIT_CODE_USAGE, NULL, "%s", error.p);
	if (ok && server == NULL && s->person && s->command->nwords == 0 &&
	    ask("server of your team: HOST, HOST:PORT or URL\n(nothing: runs stay on this "
	        "machine): ",
	        false, &typed))
		server = typed.p;
	if (ok && server != NULL)
		ok = read_access(s, server) && check_access(s) && keep_settings(s);
	str_release(&typed);
	str_release(&error);
	return ok;
}

/* ---- a first workflow ---- */

static bool lay_file(struct setting_up *s, const char *name, const char *text, bool may_replace)
{
	struct str path = STR_INIT, old = STR_INIT;
	int err, found;

	str_addf(&path, "%s/%s", s->command->words[0], name);
	found = file_read(path.p, &old);
	err = found == -ENOENT || (found == 0 && may_replace)
	              ? file_replace(path.p, text, strlen(text), 0666)
	              : found;
	if (err != 0)
		call_fail(&s->call, EXIT_CODE_INFRASTRUCTURE, NULL, "%s: %s", path.p,
		          strerror(-err));
	else if (found == 0 && strcmp(old.p, text) == 0)
		printf("%s: as it is\n", path.p);
	else if (found == 0 && !may_replace)
		printf("%s: another one is there, and stays\n", path.p);
	else
		printf("%s: written\n", path.p);
	str_release(&path);
	str_release(&old);
	return err == 0;
}

static bool lay_workflow(struct setting_up *s)
{
	const char *folder = s->command->words[0];
	int err = dir_make(folder, 0777);

	if (err != 0)
		return call_fail(&s->call, EXIT_CODE_INFRASTRUCTURE, NULL, "%s: %s", folder,
		                 strerror(-err));
	/* What is ignored is the user's own business, once there is something. */
	return lay_file(s, "hello.scitq", first_workflow, s->force) &&
	       lay_file(s, ".gitignore", "results/\n", false);
}

int init(const struct command_call *command)
{
	struct setting_up s = {.command = command,
	                       .call = {.command = command, .code = EXIT_CODE_OK},
	                       .person = isatty(STDIN_FILENO) && isatty(STDERR_FILENO),
	                       .force = command_has(command, "force")};
	bool hindered;
	int code;

	for (int i = 0; i < SETTINGS; i++)
		str_init(&s.values[i]);
	config_init(&s.config);
	if (set_up_server(&s) && (command->nwords == 0 || lay_workflow(&s))) {
		fflush(stdout);
		s.call.code = doctor_tell(command, &hindered);
		if (command->nwords > 0 && s.call.code == EXIT_CODE_OK)
			printf("next: cd %s && scitq-run hello.scitq\n", command->words[0]);
	}
	code = s.call.code;
	if (fflush(stdout) != 0 && code == EXIT_CODE_OK)
		code = EXIT_CODE_INFRASTRUCTURE;
	for (int i = 0; i < SETTINGS; i++)
		str_release(&s.values[i]);
	config_release(&s.config);
	return code;
}
