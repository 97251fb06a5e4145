#include "cli/top.h"

#include "base/clock.h"
#include "cli/call.h"
#include "runtime/session.h"

#include <locale.h>
#include <ncurses.h>
#include <string.h>
#include <unistd.h>

/* How long a screen stays unless a key is pressed. */
#define REFRESH_MS 2000
#define RUNS_SHOWN 10
#define FAILURES_SHOWN 5
#define BAR 20

enum paint { PAINT_PLAIN, PAINT_GOOD, PAINT_BAD, PAINT_BUSY, PAINT_HEAD };

struct board {
	struct call *call;
	json_t *runs, *workers, *counts, *failures,
	        *chosen; /* chosen: the run whose steps are shown */
	json_int_t run;  /* its number; 0: the newest */
	char said[200];  /* the last line: what a key did, what failed */
};

/* ---- what the server says ---- */

static bool load(struct board *b, json_t **into, const char *path)
{
	json_t *reply = NULL;
	struct client *client = &b->call->reach.client;

	/* A server that is away for a while is waited for; the screen says so. */
	if (client_call(client, "GET", path, NULL, b->call->timeout_ms, &reply) != CLIENT_OK) {
		snprintf(b->said, sizeof(b->said), "%s", client->error.p);
		return false;
	}
	json_decref(*into);
	*into = reply;
	return true;
}

static bool refresh_board(struct board *b)
{
	char path[64];
	json_int_t newest;

	if (!load(b, &b->runs, "/runs/?limit=10") || !load(b, &b->workers, "/workers/") ||
	    !load(b, &b->counts, "/workers/tasks") ||
	    !load(b, &b->failures,
	          "/executions/?status=failed&reverse=true&limit=5&no_output=true&view=full"))
		return false;
	newest = json_integer_value(json_object_get(json_array_get(b->runs, 0), "run_id"));
	if (b->run == 0)
		b->run = newest;
	if (b->run == 0)
		return true;
	snprintf(path, sizeof(path), "/runs/%" JSON_INTEGER_FORMAT, b->run);
	return load(b, &b->chosen, path);
}

static void steer(struct board *b, json_t *body, const char *path, const char *done)
{
	struct client *client = &b->call->reach.client;
	enum client_result result =
	        client_call(client, "PUT", path, body, b->call->timeout_ms, NULL);

	json_decref(body);
	snprintf(b->said, sizeof(b->said), "%s", result == CLIENT_OK ? done : client->error.p);
}

/* Stop or go for each step of the chosen run. */
static void steer_steps(struct board *b, const char *verb, const char *done)
{
	json_t *step;
	size_t i;

	json_array_foreach(json_object_get(b->chosen, "steps"), i, step)
	{
		struct str path = STR_INIT;

		str_addf(&path, "/batch/%s/%s", json_string_value(json_object_get(step, "batch")),
		         verb);
		steer(b, json_pack("{s:i}", "signal", 0), path.p, done);
		str_release(&path);
	}
}

/* ---- the screen ---- */

/* Text of others: nothing in it moves the cursor. */
static void put(int row, int column, enum paint paint, const char *text, int width)
{
	attron(COLOR_PAIR(paint));
	if (paint == PAINT_HEAD)
		attron(A_BOLD);
	mvaddnstr(row, column, "", 0);
	for (; text != NULL && *text != '\0' && width > 0; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < ' ' || c == 0x7f)
			addch('?');
		else
			addnstr(text, 1);
		width -= (c & 0xc0) != 0x80;
	}
	attroff(A_BOLD);
	attroff(COLOR_PAIR(paint));
}

static const char *text_of(const json_t *row, const char *name)
{
	const char *text = json_string_value(json_object_get(row, name));

	return text != NULL ? text : "";
}

static long long number_of(const json_t *row, const char *name)
{
	return (long long)json_integer_value(json_object_get(row, name));
}

static enum paint paint_of(const char *status)
{
	return strcmp(status, "succeeded") == 0 || strcmp(status, "running") == 0 ? PAINT_GOOD
	       : strcmp(status, "failed") == 0 || strcmp(status, "offline") == 0  ? PAINT_BAD
	                                                                          : PAINT_PLAIN;
}

static void put_number(int row, int column, long long n)
{
	char text[24];

	snprintf(text, sizeof(text), "%9lld", n);
	put(row, column, PAINT_PLAIN, text, 9);
}

static int show_runs(const struct board *b, int row)
{
	json_t *run;
	size_t i;

	put(row++, 0, PAINT_HEAD,
	    "  run   workflow                        status      tasks     since", COLS);
	json_array_foreach(b->runs, i, run)
	{
		const char *status = text_of(run, "status");
		char number[24];

		if (i == RUNS_SHOWN || row >= LINES - 1)
			break;
		snprintf(number, sizeof(number), "%c %-5lld",
		         number_of(run, "run_id") == b->run ? '>' : ' ', number_of(run, "run_id"));
		put(row, 0, PAINT_PLAIN, number, 8);
		put(row, 8, PAINT_PLAIN, text_of(run, "name"), 30);
		put(row, 40, paint_of(status), status, 11);
		put_number(row, 48, number_of(run, "task_count"));
		put(row, 62, PAINT_PLAIN, text_of(run, "creation_date"), 10);
		if (strlen(text_of(run, "creation_date")) > 11)
			put(row, 73, PAINT_PLAIN, text_of(run, "creation_date") + 11, 8);
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
		    full || bad ? "#" : ".", 1);
	}
}

static int show_steps(const struct board *b, int row)
{
	json_t *step;
	size_t i;

	if (b->chosen == NULL || row >= LINES - 1)
		return row;
	put(row++, 0, PAINT_HEAD,
	    "  step                            done                    succeeded  running  waiting "
	    "  failed",
	    COLS);
	json_array_foreach(json_object_get(b->chosen, "steps"), i, step)
	{
		const char *batch = text_of(step, "batch"), *dot = strrchr(batch, '.');
		long long waiting = number_of(step, "waiting") + number_of(step, "pending") +
		                    number_of(step, "paused");
		long long done = number_of(step, "succeeded"), failed = number_of(step, "failed");
		long long running = number_of(step, "running");

		if (row >= LINES - 1)
			break;
		put(row, 2, PAINT_PLAIN, dot != NULL ? dot + 1 : batch, 30);
		show_bar(row, 34, done, failed, done + failed + running + waiting);
		put_number(row, 58, done);
		put_number(row, 67, running);
		put_number(row, 76, waiting);
		put_number(row, 85, failed);
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
		if (number_of(count, "worker_id") == worker &&
		    strcmp(text_of(count, "status"), "running") == 0)
			return number_of(count, "count");
	}
	return 0;
}

static int show_workers(const struct board *b, int row)
{
	json_t *worker;
	size_t i;

	if (row >= LINES - 1)
		return row;
	put(row++, 0, PAINT_HEAD,
	    "  worker                          status         running       of     load  batch",
	    COLS);
	json_array_foreach(b->workers, i, worker)
	{
		const char *status = text_of(worker, "status");

		if (row >= LINES - 1)
			break;
		put(row, 2, PAINT_PLAIN, text_of(worker, "name"), 30);
		put(row, 34, paint_of(status), status, 11);
		put_number(row, 47, running_of(b, number_of(worker, "worker_id")));
		put_number(row, 56, number_of(worker, "concurrency"));
		put(row, 70, PAINT_PLAIN, text_of(worker, "load"), 6);
		put(row, 76, PAINT_PLAIN, text_of(worker, "batch"), COLS - 76);
		row++;
	}
	return row + 1;
}

static void show_failures(const struct board *b, int row)
{
	json_t *e;
	size_t i;

	if (json_array_size(b->failures) == 0 || row >= LINES - 1)
		return;
	put(row++, 0, PAINT_HEAD, "  last failures", COLS);
	json_array_foreach(b->failures, i, e)
	{
		struct str line = STR_INIT;

		if (i == FAILURES_SHOWN || row >= LINES - 1)
			break;
		str_addf(&line, "task %lld, %s %s", number_of(e, "task_id"), text_of(e, "reason"),
		         text_of(e, "message"));
		if (json_is_integer(json_object_get(e, "return_code")))
			str_addf(&line, " (exit %lld)", number_of(e, "return_code"));
		put(row++, 2, PAINT_BAD, line.p, COLS - 2);
		str_release(&line);
	}
}

static void show(const struct board *b)
{
	char date[DATE_TEXT_SIZE];
	struct str head = STR_INIT;
	int row;

	erase();
	date_format(clock_date_us(), date);
	str_addf(&head, "scitq top  %s  %.8s UTC", b->call->reach.client.url.p, date + 11);
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

	while (i < n && number_of(json_array_get(b->runs, i), "run_id") != b->run)
		i++;
	if (i < n && (step > 0 ? i + 1 < n : i > 0))
		b->run = number_of(json_array_get(b->runs, step > 0 ? i + 1 : i - 1), "run_id");
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

static void open_screen(void)
{
	setlocale(LC_CTYPE, "");
	initscr();
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	curs_set(0);
	timeout(REFRESH_MS);
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
		json_decref(b.chosen);
	}
	return call_close(&c);
}
