#include "runtime/debug_inside.h"

#include "base/fd.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

/* How often, and how long each time, the answer to the last poll is waited for. */
#define PARTINGS 10
#define PARTING_MS 20

/* ---- calls ---- */

json_t *debug_call(struct debug *d, const char *method, const char *path, json_t *body)
{
	json_t *reply = NULL;
	bool ok = !d->broken && session_call(d->session, method, path, body, &reply);
	int status = d->session->client.status;

	json_decref(body);
	if (ok)
		return reply != NULL ? reply : json_null();
	d->broken = d->broken || d->session->exit_code != EXIT_CODE_SERVER || status < 400 ||
	            status > 499 || status == 401;
	if (!d->broken) {
		progress_say(d->out, "%s", d->session->client.error.p);
		session_forgive(d->session);
	}
	return NULL;
}

json_t *debug_get(struct debug *d, const char *fmt, ...)
{
	struct str path = STR_INIT;
	json_t *reply;
	va_list ap;

	va_start(ap, fmt);
	str_vaddf(&path, fmt, ap);
	va_end(ap);
	reply = debug_call(d, "GET", path.p, NULL);
	str_release(&path);
	return reply;
}

void debug_name(const json_t *task, struct str *out)
{
	str_reset(out);
	if (*member_text(task, "name") != '\0')
		str_adds(out, member_text(task, "name"));
	else
		str_addf(out, "task %lld", (long long)member_int(task, "task_id"));
}

/* ---- leaving ---- */

/*
 * What runs goes on, and the rest waits. The poll that is under way is answered by that, so that
 * nobody takes us for somebody who follows; it may reach the server later than this does.
 */
static void detach(struct debug *d)
{
	const int fd = http_multi_fd(d->poll.multi);

	d->over = true;
	for (int i = 0; i == 0 || (i < PARTINGS && !d->broken && d->poll.waiting); i++) {
		d->broken = !session_detach(d->session, d->follow->run_id);
		for (int k = 0; k < PARTINGS && !d->broken && d->poll.waiting; k++) {
			session_wait(d->session, &fd, 1, PARTING_MS);
			http_multi_run(d->poll.multi);
		}
	}
	d->broken = d->broken || !follow_refresh(d->follow);
	d->follow->detached = !d->broken;
}

static void cancel(struct debug *d)
{
	progress_say(d->out, "cancelling");
	d->over = true;
	d->broken = !follow_cancel(d->follow);
	/* Its end is waited for as that of any run. */
	d->follow->debug = false;
}

bool debug_signal(struct debug *d, int signal)
{
	switch (signal) {
	case SIGINT:
		if (!d->terminal) {
			detach(d);
			return true;
		}
		d->session->interrupted = false;
		/* The terminal has written ^C. */
		d->out->asked = true;
		return true;
	case SIGTERM:
	case SIGHUP:
		detach(d);
		return true;
	case SIGWINCH:
		progress_resize(d->out);
		return false;
	default:
		return false;
	}
}

/* ---- lines ---- */

/* Take a line from what was read; false where none is there. */
static bool take_line(struct debug *d, struct str *line)
{
	char *end = d->input.len > 0 ? memchr(d->input.p, '\n', d->input.len) : NULL;
	size_t n = end != NULL ? (size_t)(end - d->input.p) : d->input.len;

	if (end == NULL && (!d->input_ended || n == 0))
		return false;
	str_reset(line);
	str_add(line, d->input.p, n);
	n += end != NULL;
	memmove(d->input.p, d->input.p + n, d->input.len - n);
	d->input.len -= n;
	d->input.p[d->input.len] = '\0';
	return true;
}

static void read_more(struct debug *d)
{
	struct pollfd in = {STDIN_FILENO, POLLIN, 0};
	char bytes[4096];
	ssize_t n;

	if (poll(&in, 1, 0) <= 0)
		return;
	n = fd_read(STDIN_FILENO, bytes, sizeof(bytes));
	if (n > 0)
		str_add(&d->input, bytes, (size_t)n);
	else
		d->input_ended = true;
}

/*
 * A line that is typed behind the prompt. False where there is none: the input has ended, the run
 * has, or somebody wants to leave.
 */
static bool ask(struct debug *d, const char *prompt, struct str *line)
{
	const int typed = STDIN_FILENO;

	for (;;) {
		int signal;

		if (take_line(d, line)) {
			d->out->asked = false;
			if (!d->terminal)
				progress_say(d->out, "%s%s", prompt, line->p);
			d->warned = false;
			return true;
		}
		if (d->input_ended || d->over || d->broken ||
		    (!d->leaving && (follow_ended(d->follow) || !d->follow->debug)))
			return false;
		if (d->terminal && !d->out->asked)
			progress_ask(d->out, prompt);
		if (!follow_turn(&d->poll, &typed, 1, -1, &signal)) {
			d->broken = true;
			return false;
		}
		read_more(d);
		if (signal == 0 || !debug_signal(d, signal))
			continue;
		if (d->over || d->warned) {
			d->input_ended = true;
			d->session->interrupted = true;
			return false;
		}
		d->warned = true;
		progress_say(d->out, "quit, or Ctrl-C once more, leaves");
	}
}

/* ---- for the editor ---- */

void debug_await(struct debug *d, pid_t pid)
{
	struct pollfd end = {pidfd_open(pid, 0), POLLIN, 0};

	progress_hold(d->out, true);
	session_hear_interrupt(d->session, false);
	while (end.fd >= 0 && !d->broken && poll(&end, 1, 0) == 0) {
		int signal;

		d->broken = !follow_turn(&d->poll, &end.fd, 1, -1, &signal);
		if (signal != 0 && debug_signal(d, signal))
			(void)kill(pid, signal);
	}
	if (end.fd >= 0)
		close(end.fd);
	session_hear_interrupt(d->session, true);
	progress_hold(d->out, false);
}

bool debug_confirm(struct debug *d, const char *question, bool otherwise)
{
	struct str line = STR_INIT;
	bool yes = d->terminal && ask(d, question, &line);

	if (yes)
		yes = otherwise ? line.p[0] != 'n' && line.p[0] != 'N'
		                : line.p[0] == 'y' || line.p[0] == 'Y';
	str_release(&line);
	return yes;
}

/* What was edited comes into the files, or is told. */
static void leave_editor(struct debug *d)
{
	d->leaving = true;
	d->broken = !d->editor->leave(d->editor->context, d, d->session, d->follow->run_id,
	                              &d->follow->another) ||
	            d->broken;
	d->leaving = false;
}

/* ---- commands ---- */

static void run_task(struct debug *d, const char *word, bool again)
{
	json_t *task = debug_find(d, word);
	struct str name = STR_INIT;

	if (task == NULL)
		return;
	debug_name(task, &name);
	d->task = member_int(task, "task_id");
	if (!again && strcmp(member_text(task, "status"), "succeeded") == 0)
		progress_say(d->out, "%s has succeeded; `retry %s` runs it again", name.p, name.p);
	else
		debug_watch(d, task);
	str_release(&name);
	json_decref(task);
}

static void do_next(struct debug *d, const char *argument)
{
	json_t *task = debug_next(d);

	(void)argument;
	if (task != NULL) {
		d->task = member_int(task, "task_id");
		debug_watch(d, task);
	} else if (!d->broken) {
		progress_say(d->out, "nothing is ready; `list` shows what is there, `retry TASK` "
		                     "runs one again");
	}
	json_decref(task);
}

static void do_run(struct debug *d, const char *argument)
{
	if (*argument != '\0')
		run_task(d, argument, false);
	else
		do_next(d, argument);
}

static void do_retry(struct debug *d, const char *argument)
{
	run_task(d, argument, true);
}

static void with_task(struct debug *d, const char *word,
                      void (*tell)(struct debug *d, const json_t *task))
{
	json_t *task;

	/* Before anything has run it is the next that matters. */
	task = *word == '\0' && d->task == 0 ? debug_next(d) : NULL;
	if (task == NULL && !d->broken)
		task = debug_find(d, word);
	if (task != NULL)
		tell(d, task);
	json_decref(task);
}

static void do_list(struct debug *d, const char *argument)
{
	debug_list(d, argument);
}

static void do_show(struct debug *d, const char *argument)
{
	with_task(d, argument, debug_show);
}

static void do_log(struct debug *d, const char *argument)
{
	with_task(d, argument, debug_log);
}

static void do_why(struct debug *d, const char *argument)
{
	with_task(d, argument, debug_why);
}

static void edit_task(struct debug *d, const json_t *task)
{
	const char *status = member_text(task, "status");
	const bool again = member_int(task, "attempts") > 0 || strcmp(status, "failed") == 0 ||
	                   strcmp(status, "succeeded") == 0;
	struct str name = STR_INIT;

	if (d->editor->edit(d->editor->context, d, d->session, task) && again) {
		debug_name(task, &name);
		d->task = member_int(task, "task_id");
		progress_say(d->out, "`retry` runs %s with it", name.p);
	}
	str_release(&name);
}

static void do_edit(struct debug *d, const char *argument)
{
	with_task(d, argument, edit_task);
}

static void do_continue(struct debug *d, const char *argument)
{
	(void)argument;
	leave_editor(d);
	if (d->over || d->broken || d->session->interrupted)
		return;
	d->over = true;
	d->broken = !session_set_run(d->session, d->follow->run_id, json_pack("{s:b}", "debug", 0));
	if (!d->broken)
		progress_say(d->out, "the rest goes on by itself");
	d->follow->debug = false;
	d->follow->released = true;
}

static void do_quit(struct debug *d, const char *argument)
{
	struct str line = STR_INIT;
	const char *answer = argument;

	if (*answer == '\0' && d->terminal) {
		if (ask(d,
		        "detach (the run waits for you) or cancel it? [d/c, anything else stays] ",
		        &line))
			answer = line.p;
		else
			answer = "detach";
	} else if (*answer == '\0') {
		answer = "detach";
	}
	if (*answer == 'd' || *answer == 'c')
		leave_editor(d);
	if (d->over || d->broken)
		; /* somebody was faster */
	else if (*answer == 'd')
		detach(d);
	else if (*answer == 'c')
		cancel(d);
	str_release(&line);
}

static void do_help(struct debug *d, const char *argument);

/*
 * To add a command: a row here, and where people read of it, docs/tutorial.md. Of those whose
 * beginning was typed the first is meant.
 */
static const struct verb {
	const char *word, *argument, *help;
	void (*act)(struct debug *d, const char *argument);
} verbs[] = {
        {"run", "[TASK]", "let it run, and tell all that happens", do_run},
        {"next", "", "run what is ready next; so does an empty line", do_next},
        {"retry", "[TASK]", "run it once more, whether it failed or not", do_retry},
        {"edit", "[TASK]", "another text for its step, in your editor", do_edit},
        {"list", "[STEP]", "what is ready, what failed, what waits", do_list},
        {"show", "[TASK]", "its command, inputs, container, variables", do_show},
        {"log", "[TASK]", "what it wrote the last time", do_log},
        {"why", "[TASK]", "why it waits or failed", do_why},
        {"continue", "", "the normal mode: all the rest runs by itself", do_continue},
        {"go", "", "the same", do_continue},
        {"quit", "[detach|cancel]", "leave; the run waits, or ends", do_quit},
        {"help", "", "this", do_help},
};

static void do_help(struct debug *d, const char *argument)
{
	(void)argument;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		progress_say(d->out, "  %-8s %-15s  %s", verbs[i].word, verbs[i].argument,
		             verbs[i].help);
	progress_say(d->out, "A TASK is STEP:KEY, a number, or a STEP: one of it that is ready.");
	progress_say(d->out, "Where none is named it is the one that ran last.");
	progress_say(d->out, "Words may be cut short: r, n, l.");
	progress_say(d->out, "Ctrl-C while a task runs: back to here, and the task goes on.");
}

static void obey(struct debug *d, char *line)
{
	char *word = line + strspn(line, " \t"), *argument;
	size_t n;

	argument = word + strcspn(word, " \t\r");
	n = (size_t)(argument - word);
	argument += strspn(argument, " \t\r");
	for (size_t end = strlen(argument); end > 0 && strchr(" \t\r", argument[end - 1]);)
		argument[--end] = '\0';
	if (n == 0) {
		do_next(d, "");
		return;
	}
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strncmp(verbs[i].word, word, n) == 0) {
			verbs[i].act(d, argument);
			return;
		}
	}
	if (n == 1 && *word == '?')
		do_help(d, "");
	else
		progress_say(d->out,
		             "there is no command `%.*s`; `help` tells those that there are",
		             (int)n, word);
}

/* ---- the dialog ---- */

static void greet(struct debug *d)
{
	const struct run_view *v = &d->follow->view;

	progress_say(d->out, "%s run %lld waits for you, task by task; `help` tells how",
	             v->workflow, (long long)v->run_id);
	debug_list(d, "");
}

/* What an empty line does stands in it. */
static void add_prompt(struct debug *d, struct str *prompt)
{
	struct str name = STR_INIT;
	json_t *next = d->terminal ? debug_next(d) : NULL;

	str_reset(prompt);
	if (next != NULL) {
		debug_name(next, &name);
		str_addf(prompt, "[run %s] ", name.p);
	}
	str_adds(prompt, "debug> ");
	json_decref(next);
	str_release(&name);
}

/* The input has ended, and nobody has said what is to become of the run. */
static void end_of_input(struct debug *d)
{
	if (d->out->asked)
		progress_say(d->out, "quit");
	leave_editor(d);
	detach(d);
}

bool debug_run(struct follow *f, const struct debug_editor *editor)
{
	struct debug d = {.follow = f,
	                  .session = f->session,
	                  .out = f->session->progress,
	                  .editor = editor,
	                  .input = STR_INIT,
	                  .terminal = isatty(STDIN_FILENO) && isatty(f->session->progress->fd)};
	struct str line = STR_INIT, prompt = STR_INIT;

	f->dialog = true;
	follow_poll_init(&d.poll, f);
	d.broken = !follow_refresh(f);
	if (!d.broken && f->debug && !follow_ended(f))
		greet(&d);
	while (!d.over && !d.broken && !follow_ended(f) && f->debug) {
		add_prompt(&d, &prompt);
		if (!d.broken && ask(&d, prompt.p, &line))
			obey(&d, line.p);
		else if (d.input_ended && !d.over && !d.broken)
			end_of_input(&d);
	}
	if (!d.broken && !d.over && !follow_ended(f) && !f->debug)
		progress_say(d.out, "somebody lets the run go on by itself");
	leave_editor(&d);
	f->dialog = false;
	d.out->asked = false;
	follow_poll_release(&d.poll);
	str_release(&d.input);
	str_release(&line);
	str_release(&prompt);
	return !d.broken;
}
