#include "cli/top.h"

#include "base/clock.h"
#include "cli/call.h"
#include "cli/object.h"
#include "model/member.h"
#include "runtime/session.h"

#include <locale.h>
#include <ncurses.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* How long a screen stays unless a key is pressed. */
#define REFRESH_MS 2000
#define RUNS_SHOWN 10
#define FAILURES_SHOWN 5
/* Of which some are of one task. */
#define FAILURES_READ "20"
#define BAR 20
/* Columns of a line beside a name in it. */
#define REST 62
#define NAME_LEAST 12
#define NAME_MOST 30

enum paint { PAINT_PLAIN, PAINT_GOOD, PAINT_BAD, PAINT_BUSY, PAINT_HEAD };

struct board {
	struct call *call;
	json_t *runs, *workers, *counts, *failures, *tasks, /* of the failures */
	        *chosen;                                    /* the run whose steps are shown */
	json_int_t run;                                     /* its number; 0: the newest */
	char said[200]; /* the last line: what a key did, what failed */
	char today[DATE_TEXT_SIZE];
};

/* ---- what the server says ---- */

static bool load(struct board *b, json_t **into, const char *path, json_t *body)
{
	json_t *reply = NULL;
	struct client *client = &b->call->reach.client;

	/* A server that is away for a while is waited for; the screen says so. */
	if (client_call(client, "GET", path, body, b->call->timeout_ms, &reply) != CLIENT_OK) {
		snprintf(b->said, sizeof(b->said), "%s", client->error.p);
		json_decref(body);
		return false;
	}
	json_decref(body);
	json_decref(*into);
	*into = reply;
	return true;
}

/* The filter for the tasks of the failures. */
static json_t *failed_tasks(const struct board *b)
{
	json_t *ids = json_array(), *row;
	size_t i;

	json_array_foreach(b->failures, i, row)
	{
		json_array_append(ids, json_object_get(row, "task_id"));
	}
	return json_pack("{s:o}", "task_id", ids);
}

static bool refresh_board(struct board *b)
{
	char path[64];
	json_int_t newest;

	if (!load(b, &b->runs, "/runs/?limit=10", NULL) ||
	    !load(b, &b->workers, "/workers/", NULL) ||
	    !load(b, &b->counts, "/workers/tasks", NULL) ||
	    !load(b, &b->failures,
	          "/executions/?status=failed&reverse=true&limit=" FAILURES_READ
	          "&no_output=true&view=full",
	          NULL) ||
	    !load(b, &b->tasks, "/tasks/", failed_tasks(b)))
		return false;
	newest = json_integer_value(json_object_get(json_array_get(b->runs, 0), "run_id"));
	if (b->run == 0)
		b->run = newest;
	if (b->run == 0)
		return true;
	snprintf(path, sizeof(path), "/runs/%" JSON_INTEGER_FORMAT, b->run);
	return load(b, &b->chosen, path, NULL);
}

static bool steer(struct board *b, json_t *body, const char *path, const char *done)
{
	struct client *client = &b->call->reach.client;
	enum client_result result =
	        client_call(client, "PUT", path, body, b->call->timeout_ms, NULL);

	json_decref(body);
	snprintf(b->said, sizeof(b->said), "%s", result == CLIENT_OK ? done : client->error.p);
	return result == CLIENT_OK;
}

/* Stop or go for each step of the chosen run, until one is refused. */
static void steer_steps(struct board *b, const char *verb, const char *done)
{
	json_t *step;
	bool ok = true;
	size_t i;

	/* What is paused of a run that has ended is the next one. */
	if (strcmp(verb, "stop") == 0 && !object_run_lives(b->chosen)) {
		snprintf(b->said, sizeof(b->said),
		         "run %" JSON_INTEGER_FORMAT " has ended already (%s)", b->run,
		         member_text(b->chosen, "status"));
		return;
	}

	json_array_foreach(json_object_get(b->chosen, "steps"), i, step)
	{
		struct str path = STR_INIT;

		str_addf(&path, "/batch/%s/%s", json_string_value(json_object_get(step, "batch")),
		         verb);
		ok = ok && steer(b, json_pack("{s:i}", "signal", 0), path.p, done);
		str_release(&path);
	}
}

/* ---- the screen ---- */

/* Text of others: nothing in it moves the cursor, nor is anything but ASCII where the locale has
   no more. */
static void put(int row, int column, enum paint paint, const char *text, int width)
{
	attron(COLOR_PAIR(paint));
	if (paint == PAINT_HEAD)
		attron(A_BOLD);
	mvaddnstr(row, column, "", 0);
	/* A line does not go on in the next one. */
	width = width < COLS - column ? width : COLS - column;
	for (; text != NULL && *text != '\0' && width > 0; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < ' ' || c == 0x7f || (MB_CUR_MAX == 1 && c >= 0xc0))
			addch('?');
		else if (MB_CUR_MAX > 1 || c < 0x80)
			addnstr(text, 1);
		width -= (c & 0xc0) != 0x80;
	}
	attroff(A_BOLD);
	attroff(COLOR_PAIR(paint));
}

static enum paint paint_of(const char *status)
{
	return strcmp(status, "succeeded") == 0 || strcmp(status, "running") == 0 ? PAINT_GOOD
	       : strcmp(status, "failed") == 0 || strcmp(status, "offline") == 0  ? PAINT_BAD
	                                                                          : PAINT_PLAIN;
}

/* Names take what the rest of the line leaves; what stands behind them is that much further left.
 */
static int name_width(void)
{
	int left = COLS - REST;

	return left < NAME_LEAST ? NAME_LEAST : left > NAME_MOST ? NAME_MOST : left;
}

/* A line of titles: of names, and of what stands behind them. */
static void put_titles(int row, const char *names, const char *rest)
{
	struct str line = STR_INIT;

	str_addf(&line, "  %-*s%s", name_width() + 2, names, rest);
	put(row, 0, PAINT_HEAD, line.p, COLS);
	str_release(&line);
}

static void put_number(int row, int column, long long n)
{
	char text[24];

	snprintf(text, sizeof(text), "%9lld", n);
	put(row, column, PAINT_PLAIN, text, 9);
}

static int show_runs(const struct board *b, int row)
{
	const int name = name_width(), rest = name + 10;
	json_t *run;
	size_t i;

	put_titles(row, "run   workflow", "      status        tasks   reused  since");
	row++;
	json_array_foreach(b->runs, i, run)
	{
		const char *status = member_text(run, "status");
		const char *date = member_text(run, "creation_date");
		char number[24];

		if (i == RUNS_SHOWN || row >= LINES - 1)
			break;
		snprintf(number, sizeof(number), "%c %-5lld",
		         member_int(run, "run_id") == b->run ? '>' : ' ',
		         (long long)member_int(run, "run_id"));
		put(row, 0, PAINT_PLAIN, number, 8);
		put(row, 8, PAINT_PLAIN, member_text(run, "name"), name);
		put(row, rest, paint_of(status), status, 11);
		put_number(row, rest + 10, member_int(run, "task_count"));
		put_number(row, rest + 19, member_int(run, "reused_count"));
		/* The day alone, or the time of one that is today. */
		if (strlen(date) > 19 && strncmp(date, b->today, 10) == 0)
			put(row, rest + 30, PAINT_PLAIN, date + 11, 8);
		else
			put(row, rest + 30, PAINT_PLAIN, date, 10);
		row++;
	}
	return row + 1;
}

static void show_bar(int row, int column, long long done, long long failed, long long total)
{
	for (int i = 0; i < BAR; i++) {
		bool full = total > 0 && done * BAR > i * total;
		bool bad = !full && total > 0 && (done + failed) * BAR > i * total;

		put(row, column + i,
		    bad    ? PAINT_BAD
		    : full ? PAINT_GOOD
		           : PAINT_PLAIN,
		    full  ? "#"
		    : bad ? "x"
		          : ".",
		    1);
	}
}

static int show_steps(const struct board *b, int row)
{
	const int name = name_width(), rest = name + 4;
	json_t *step;
	size_t i;

	if (b->chosen == NULL || row >= LINES - 1)
		return row;
	put_titles(row, "step", "done                succeeded  running  waiting   failed");
	row++;
	json_array_foreach(json_object_get(b->chosen, "steps"), i, step)
	{
		const char *batch = member_text(step, "batch"), *dot = strrchr(batch, '.');
		long long waiting = member_int(step, "waiting") + member_int(step, "pending") +
		                    member_int(step, "paused") + member_int(step, "debug");
		long long done = member_int(step, "succeeded"), failed = member_int(step, "failed");
		long long running = member_int(step, "running");

		if (row >= LINES - 1)
			break;
		put(row, 2, PAINT_PLAIN, dot != NULL ? dot + 1 : batch, name);
		show_bar(row, rest, done, failed, done + failed + running + waiting);
		put_number(row, rest + BAR, done);
		put_number(row, rest + BAR + 9, running);
		put_number(row, rest + BAR + 18, waiting);
		put_number(row, rest + BAR + 27, failed);
		row++;
	}
	return row + 1;
}

/* Latest executions of the worker that run. */
static long long running_of(const struct board *b, long long worker)
{
	json_t *count;
	size_t i;

	json_array_foreach(b->counts, i, count)
	{
		if (member_int(count, "worker_id") == worker &&
		    strcmp(member_text(count, "status"), "running") == 0)
			return member_int(count, "count");
	}
	return 0;
}

static int show_workers(const struct board *b, int row)
{
	const int name = name_width(), rest = name + 4;
	char load_text[24];
	json_t *worker;
	size_t i;

	if (row >= LINES - 1)
		return row;
	put_titles(row, "worker", "status      running       of     load  batch");
	row++;
	json_array_foreach(b->workers, i, worker)
	{
		const char *status = member_text(worker, "status");

		if (row >= LINES - 1)
			break;
		put(row, 2, PAINT_PLAIN, member_text(worker, "name"), name);
		put(row, rest, paint_of(status), status, 11);
		put_number(row, rest + 10, running_of(b, member_int(worker, "worker_id")));
		put_number(row, rest + 19, member_int(worker, "concurrency"));
		/* Without how much it waits for its disks. */
		snprintf(load_text, sizeof(load_text), "%.*s",
		         (int)strcspn(member_text(worker, "load"), " "),
		         member_text(worker, "load"));
		put(row, rest + 32, PAINT_PLAIN, load_text, 6);
		put(row, rest + 39, PAINT_PLAIN, member_text(worker, "batch"), COLS);
		row++;
	}
	return row + 1;
}

/* Of a task that failed; "" where it is gone. */
static const char *name_of(const struct board *b, long long task)
{
	json_t *row;
	size_t i;

	json_array_foreach(b->tasks, i, row)
	{
		if (member_int(row, "task_id") == task)
			return member_text(row, "name");
	}
	return "";
}

/* A later execution of the same task stands among the first n. */
static bool told_before(const struct board *b, size_t n)
{
	int64_t task = member_int(json_array_get(b->failures, n), "task_id");

	while (n > 0 && member_int(json_array_get(b->failures, n - 1), "task_id") != task)
		n--;
	return n > 0;
}

static void show_failures(const struct board *b, int row)
{
	int shown = 0;
	json_t *e;
	size_t i;

	if (json_array_size(b->failures) == 0 || row >= LINES - 1)
		return;
	put(row++, 0, PAINT_HEAD, "  last failures", COLS);
	json_array_foreach(b->failures, i, e)
	{
		struct str line = STR_INIT;

		if (shown == FAILURES_SHOWN || row >= LINES - 1)
			break;
		if (told_before(b, i))
			continue;
		shown++;
		str_addf(&line, "%lld  %s  %s", (long long)member_int(e, "task_id"),
		         name_of(b, member_int(e, "task_id")), member_text(e, "reason"));
		if (json_is_integer(json_object_get(e, "return_code")))
			str_addf(&line, " %lld", (long long)member_int(e, "return_code"));
		if (*member_text(e, "message") != '\0')
			str_addf(&line, ": %s", member_text(e, "message"));
		put(row++, 2, PAINT_BAD, line.p, COLS - 2);
		str_release(&line);
	}
}

static void show(struct board *b)
{
	struct str head = STR_INIT;
	int row;

	erase();
	date_format(clock_date_us(), b->today);
	str_addf(&head, "scitq top  %s  %.8s UTC", b->call->reach.client.url.p, b->today + 11);
	put(0, 0, PAINT_HEAD, head.p, COLS);
	str_release(&head);
	row = show_runs(b, 2);
	row = show_steps(b, row);
	row = show_workers(b, row);
	show_failures(b, row);
	put(LINES - 1, 0, *b->said != '\0' ? PAINT_BUSY : PAINT_PLAIN,
	    *b->said != '\0' ? b->said
	                     : "up/down another run   p pause   g go on   c cancel   q leave",
	    COLS - 1);
	refresh();
}

/* ---- keys ---- */

/* The run before or behind the chosen one. */
static void choose(struct board *b, int step)
{
	size_t n = json_array_size(b->runs), i = 0;

	while (i < n && member_int(json_array_get(b->runs, i), "run_id") != b->run)
		i++;
	if (i < n && (step > 0 ? i + 1 < n : i > 0))
		b->run = member_int(json_array_get(b->runs, step > 0 ? i + 1 : i - 1), "run_id");
}

static void cancel(struct board *b)
{
	char path[64], done[64];

	snprintf(b->said, sizeof(b->said), "cancel run %" JSON_INTEGER_FORMAT "? y ends it",
	         b->run);
	show(b);
	timeout(-1);
	if (getch() == 'y') {
		snprintf(path, sizeof(path), "/runs/%" JSON_INTEGER_FORMAT, b->run);
		snprintf(done, sizeof(done), "run %" JSON_INTEGER_FORMAT " cancelled", b->run);
		steer(b, json_pack("{s:s}", "status", "cancelled"), path, done);
	} else {
		*b->said = '\0';
	}
	timeout(REFRESH_MS);
}

/* False: it is over. */
static bool take_key(struct board *b, int key)
{
	switch (key) {
	case ERR: /* nothing for a while */
	case KEY_RESIZE:
		return true;
	case 'q':
		return false;
	case KEY_DOWN:
	case 'j':
		choose(b, 1);
		break;
	case KEY_UP:
	case 'k':
		choose(b, -1);
		break;
	case 'p':
		steer_steps(b, "stop", "paused: nothing more of the run is granted");
		return true;
	case 'g':
		steer_steps(b, "go", "the run goes on");
		return true;
	case 'c':
		cancel(b);
		return true;
	default:
		break;
	}
	*b->said = '\0';
	return true;
}

/*
 * A signal may come while the server is waited for, and ends us then too, as it ends others: the
 * shell sees 130 after Ctrl-C. What gives the terminal back stands ready for it.
 */
static struct {
	struct termios mode;
	char text[512];
	size_t len;
} restore;

static void end_by(int signal)
{
	/* Where the terminal has gone there is nothing to be told. */
	if (write(STDOUT_FILENO, restore.text, restore.len) >= 0)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &restore.mode);
	raise(signal); /* by default again, once we return */
}

/* What the terminal understands of that name, without its pauses: "$<5>". */
static void add_restoring(const char *sequence)
{
	while (*sequence != '\0' && restore.len < sizeof(restore.text)) {
		if (strncmp(sequence, "$<", 2) == 0 && strchr(sequence, '>') != NULL)
			sequence = strchr(sequence, '>') + 1;
		else
			restore.text[restore.len++] = *sequence++;
	}
}

static void restore_at_signals(void)
{
	const char *const names[] = {"sgr0", "cup", "rmkx", "cnorm", "rmcup"};
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	struct sigaction end = {.sa_handler = end_by, .sa_flags = SA_RESETHAND};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *sequence = tigetstr(names[i]);

		/* -1: that name is none of a sequence. */
		if (sequence != NULL && sequence != (char *)-1)
			add_restoring(i == 1 ? tiparm(sequence, LINES - 1, 0) : sequence);
	}
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &end, NULL);
}

static void open_screen(void)
{
	const char *no_color = getenv("NO_COLOR");

	setlocale(LC_CTYPE, "");
	tcgetattr(STDIN_FILENO, &restore.mode);
	initscr();
	restore_at_signals();
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	curs_set(0);
	timeout(REFRESH_MS);
	if (no_color != NULL && *no_color != '\0')
		return;
	start_color();
	use_default_colors();
	init_pair(PAINT_GOOD, COLOR_GREEN, -1);
	init_pair(PAINT_BAD, COLOR_RED, -1);
	init_pair(PAINT_BUSY, COLOR_YELLOW, -1);
	init_pair(PAINT_HEAD, -1, -1);
}

int top(const struct command_call *command)
{
	struct call c;
	struct board b = {.call = &c};

	if (call_open(&c, command)) {
		if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
			call_fail(&c, EXIT_CODE_USAGE,
			          "scitq run list and worker list print the same",
			          "top wants a terminal");
		} else if (!refresh_board(&b)) {
			call_fail(&c, EXIT_CODE_SERVER, NULL, "%s", b.said);
		} else {
			open_screen();
			show(&b);
			while (take_key(&b, getch())) {
				refresh_board(
				        &b); /* where it fails the screen says so, and stays */
				show(&b);
			}
			endwin();
		}
		json_decref(b.runs);
		json_decref(b.workers);
		json_decref(b.counts);
		json_decref(b.failures);
		json_decref(b.tasks);
		json_decref(b.chosen);
	}
	return call_close(&c);
}
