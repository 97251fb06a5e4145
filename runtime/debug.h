/*
 * scitq-run --debug: a dialog about a run whose tasks wait for their user (`debug` of the run). One
 * is picked at a time and all that happens to it is told: who is recruited, who takes it, what is
 * staged, what it writes, how it ends. Then it is tried again, or another one is picked, or all of
 * them go on by themselves.
 *
 * Commands are lines of standard input, typed or not; the terminal is used as it is, so that a dumb
 * one will do. What is said goes where progress goes.
 */
#ifndef RUNTIME_DEBUG_H
#define RUNTIME_DEBUG_H

#include "runtime/follow.h"

#include <jansson.h>
#include <sys/types.h>

struct debug;

/* What only a program that compiles can do for the dialog. */
struct debug_editor {
	void *context;
	/*
	 * Have the text of a task, its row, edited, and give it to all tasks that have the same
	 * one and neither run nor have succeeded. False where nothing is changed; why was told.
	 */
	bool (*edit)(void *context, struct debug *d, struct session *s, const json_t *task);
	/*
	 * Append what a task does as lines that a person reads: which shell, what is set for it,
	 * the text. False where its command is no text of a shell.
	 */
	bool (*written)(void *context, const json_t *task, struct str *out);
	/*
	 * The dialog ends: what of it is in no file is told, and comes into the files where the
	 * person says so. *another: what they make is another plan than the run's. Called once
	 * more it has nothing to do. False with the session's error set.
	 */
	bool (*leave)(void *context, struct debug *d, struct session *s, int64_t run_id,
	              bool *another);
};

/*
 * Until the run has ended, was left, or goes on by itself (`debug` of the follow is false then).
 * False with the session's error set.
 */
bool debug_run(struct follow *f, const struct debug_editor *editor);

/* For the editor, which ignores SIGINT meanwhile. Wait for the end of a process that has the
   terminal, while the run is followed and nothing is said; it is still to be reaped. */
void debug_await(struct debug *d, pid_t pid);
/* Ask; an answer that is neither yes nor no means `otherwise`. Without somebody who types: false.
 */
bool debug_confirm(struct debug *d, const char *question, bool otherwise);

#endif
