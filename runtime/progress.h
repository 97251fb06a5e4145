/*
 * What a person sees of a run: on a terminal a block of lines, one per step,
 * redrawn in place; elsewhere a line per incident and a summary now and then.
 * Everything goes to one descriptor (standard error); data never does.
 */
#ifndef RUNTIME_PROGRESS_H
#define RUNTIME_PROGRESS_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct step_view {
	const char *name;
	const char *waits_for; /* names of the steps before it, NULL for none */
	int64_t total;         /* tasks of the step, reused ones included */
	int64_t reused;
	int64_t waiting, pending, running, succeeded, failed;
	int64_t debug; /* wait for their user */
	/* When one of them was first seen to run, monotonic, and how many had ended then; 0: none
	   was. */
	int64_t began_ns, ended_before;
};

/* Note that it runs; to be called whenever the counts are new. */
void step_view_note(struct step_view *s);

struct run_view {
	const char *workflow;
	int64_t run_id;
	const char *url;
	struct step_view *steps;
	size_t nsteps;
	int64_t workers;
};

struct progress {
	int fd;
	bool terminal; /* redraw in place */
	bool color, unicode;
	unsigned width;     /* columns */
	unsigned height;    /* lines, 0: unknown */
	unsigned drawn;     /* lines of the block on the screen */
	bool held;          /* somebody else has the terminal */
	bool asked;         /* a prompt stands at the end of it */
	int64_t started_ns; /* monotonic */
	int64_t printed_ns; /* last summary line where not a terminal */
	char last[160];     /* that line, so that nothing is said twice */
	struct str late;    /* lines that nobody took yet; the run does not wait for its reader */
	unsigned lost;      /* lines dropped because `late` was full */
};

/* Nothing said or drawn blocks, until progress_close. Looks at fd, NO_COLOR, TERM, COLUMNS and the
 * locale variables. */
void progress_init(struct progress *p, int fd);
/* Look at the terminal's width again. */
void progress_resize(struct progress *p);
/* Draw the block, or print the summary line where 30 s have passed. */
void progress_show(struct progress *p, const struct run_view *view);
/* One line that stays, above the block. Control characters in it are shown as '?'. */
void progress_say(struct progress *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Text behind which an answer is typed. The owner sets `asked` to false when the line has come. */
void progress_ask(struct progress *p, const char *prompt);
/* From here on what is said is kept until it is let go. */
void progress_hold(struct progress *p, bool held);
/* Take the block off the screen. */
void progress_clear(struct progress *p);
/* Waits until everything that was said is written. */
void progress_close(struct progress *p);

/* "1h02m", "31m", "12.3s". */
void duration_text(int64_t ns, char text[24]);

#endif
