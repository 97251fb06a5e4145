#include "cli/doctor.h"

#include "base/child.h"
#include "base/columns.h"
#include "base/terminal.h"
#include "base/config.h"
#include "base/engine.h"
#include "cli/call.h"
#include "cli/io.h"
#include "runtime/session.h"

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* Less room than this where results go is worth a word. */
#define ROOM_LOW (1.0e9)

/* Where what is found stands. */
#define COLUMN 17

enum finding { FINE, NOTED, HINDERS };

struct examination {
	const struct command_call *command;
	struct str out;
	bool hindered;
};

/* On a terminal words stay whole; elsewhere it is one line. */
static void add_told(struct str *out, const char *text)
{
	if (isatty(STDOUT_FILENO))
		columns_fit(out, COLUMN, terminal_wanted(STDOUT_FILENO).columns, text);
	else
		str_addf(out, "%s\n", text);
}

/* A line, and what to do about it where that is not nothing. */
static void find(struct examination *e, enum finding finding, const char *what, const char *help,
                 const char *fmt, ...) __attribute__((format(printf, 5, 6)));

static void find(struct examination *e, enum finding finding, const char *what, const char *help,
                 const char *fmt, ...)
{
	static const char *const words[] = {[FINE] = "ok", [NOTED] = "note", [HINDERS] = "BAD"};
	struct str text = STR_INIT;
	va_list ap;

	e->hindered = e->hindered || finding == HINDERS;
	va_start(ap, fmt);
	str_vaddf(&text, fmt, ap);
	va_end(ap);
	str_addf(&e->out, "%-5s %-10s ", words[finding], what);
	add_told(&e->out, text.p);
	if (help != NULL) {
		str_reset(&text);
		str_addf(&text, "help: %s", help);
		str_addf(&e->out, "%*s", COLUMN, "");
		add_told(&e->out, text.p);
	}
	str_release(&text);
}

static void look_at_settings(struct examination *e)
{
	struct config config;
	struct str error = STR_INIT;
	const char *source = NULL, *server;

	config_init(&config);
	if (!config_read(&config, &error)) {
		find(e, HINDERS, "settings", "mend that line; a setting is KEY=value", "%s",
		     error.p);
	} else {
		server = config_get(&config, "SCITQ_SERVER", &source);
		if (server != NULL)
			/* Not the server's name: a token may stand in it. */
			find(e, FINE, "settings", NULL, "SCITQ_SERVER is set by %s", source);
		else
			find(e, FINE, "settings", NULL,
			     "no server is set: scitq-run starts its own");
	}
	config_release(&config);
	str_release(&error);
}

/* Whose token it is, by the server's word; an older one has none. */
static void look_at_token(struct examination *e, struct call *c)
{
	json_t *mine = NULL;
	enum client_result result =
	        client_call(&c->reach.client, "GET", "/tokens/mine", NULL, c->timeout_ms, &mine);
	const char *name = json_string_value(json_object_get(mine, "name"));
	const char *role = json_string_value(json_object_get(mine, "role"));

	if (result == CLIENT_UNAUTHORIZED)
		find(e, HINDERS, "token",
		     "scitq init writes yours down, SCITQ_TOKEN holds it; an admin makes one: "
		     "scitq user create",
		     "%s", c->reach.client.error.p);
	else if (result == CLIENT_OK && name != NULL && *name != '\0' && role != NULL)
		find(e, FINE, "token", NULL, "%s, %s", name, role);
	else if (result == CLIENT_OK)
		find(e, FINE, "token", NULL, "none is needed");
	else
		find(e, FINE, "token", NULL, "the server takes it");
	json_decref(mine);
}

static void look_at_workers(struct examination *e, struct call *c)
{
	json_t *rows = NULL, *row;
	size_t i, running = 0;

	if (client_call(&c->reach.client, "GET", "/workers/", NULL, c->timeout_ms, &rows) !=
	    CLIENT_OK) {
		find(e, HINDERS, "workers", NULL, "%s", c->reach.client.error.p);
		return;
	}
	json_array_foreach(rows, i, row)
	{
		const char *status = json_string_value(json_object_get(row, "status"));

		running += status != NULL && strcmp(status, "running") == 0;
	}
	if (running > 0)
		find(e, FINE, "workers", NULL, "%zu of %zu run", running, json_array_size(rows));
	else if (call_private(c))
		find(e, FINE, "workers", NULL, "scitq-run starts them with a run");
	else
		find(e, NOTED, "workers", "scitq-worker SERVER CONCURRENCY starts one",
		     "none runs: tasks wait");
	json_decref(rows);
}

static void look_at_server(struct examination *e)
{
	const struct server_access given = {.server = command_value(e->command, "server"),
	                                    .ca = command_value(e->command, "ca")};
	struct call c = {.command = e->command, .timeout_ms = 10000};
	struct str error = STR_INIT;
	json_t *health = NULL;
	const char *version;

	switch (reach_open(&c.reach, &given, command_value(e->command, "state"), &error)) {
	case REACH_MISUSED:
		find(e, HINDERS, "server", NULL, "%s", error.p);
		break;
	case REACH_NO_SERVER:
		find(e, NOTED, "server",
		     "scitq-server starts one for a team; -s or SCITQ_SERVER names it", "%s",
		     error.p);
		break;
	case REACH_OK:
		if (client_call(&c.reach.client, "GET", "/healthz", NULL, c.timeout_ms, &health) !=
		    CLIENT_OK) {
			find(e, HINDERS, "server",
			     "is it the right server, does it run, is its port open?", "%s",
			     c.reach.client.error.p);
			break;
		}
		version = json_string_value(json_object_get(health, "version"));
		if (version != NULL && strcmp(version, SCITQ_VERSION) == 0)
			find(e, FINE, "server", NULL, "%s, version %s", c.reach.client.url.p,
			     version);
		else
			find(e, NOTED, "server",
			     "the same version on both sides knows the same fields",
			     "%s, version %s; this is %s", c.reach.client.url.p,
			     version != NULL ? version : "unknown", SCITQ_VERSION);
		look_at_token(e, &c);
		look_at_workers(e, &c);
		break;
	}
	json_decref(health);
	reach_close(&c.reach);
	str_release(&error);
}

static void look_at_engine(struct examination *e)
{
	struct engine engine;
	struct str why = STR_INIT;

	if (!engine_init(&engine, &why))
		find(e, HINDERS, "containers", NULL, "%s", why.p);
	else if (engine.program.len == 0)
		find(e, NOTED, "containers",
		     "tasks without a container run; podman and docker run the others", "%s",
		     engine.missing.p);
	else
		find(e, FINE, "containers", NULL, "%s", engine.program.p);
	engine_release(&engine);
	str_release(&why);
}

/* Nothing where there is none: few have one. */
static void look_at_slurm(struct examination *e)
{
	struct str path = STR_INIT;

	if (child_find("sbatch", &path))
		find(e, FINE, "slurm", NULL,
		     "%s: scitq-run --recruit slurm --advertise ADDR has workers made by it",
		     path.p);
	str_release(&path);
}

static void look_at_room(struct examination *e)
{
	struct statvfs fs;
	double room;

	if (statvfs(".", &fs) != 0) {
		find(e, HINDERS, "disk", NULL, "the current directory cannot be looked at: %s",
		     strerror(errno));
		return;
	}
	room = (double)fs.f_bavail * (double)fs.f_frsize;
	find(e, room < ROOM_LOW ? NOTED : FINE, "disk",
	     room < ROOM_LOW ? "results and logs need room" : NULL, "%.1f GB free here",
	     room / 1e9);
}

int doctor_tell(const struct command_call *command, bool *hindered)
{
	struct examination e = {.command = command, .out = STR_INIT};

	look_at_settings(&e);
	look_at_server(&e);
	look_at_engine(&e);
	look_at_slurm(&e);
	look_at_room(&e);
	*hindered = e.hindered;
	return io_print(&e.out);
}

int doctor(const struct command_call *command)
{
	bool hindered;
	int code = doctor_tell(command, &hindered);

	return code == EXIT_CODE_OK && hindered ? EXIT_CODE_SERVER : code;
}
