/*
 * What a command prints, printed anew whenever the server says by GET /events that something of it
 * may have changed. Nothing is asked while nothing happens.
 *
 * On a terminal the lines are drawn over those before, in one write and without clearing, so that
 * nothing flickers; what is higher than the terminal is cut. Elsewhere a text that is another one
 * than before follows behind an empty line.
 */
#ifndef CLI_WATCH_H
#define CLI_WATCH_H

#include "cli/call.h"

struct watch {
	struct call *call;
	const char *events; /* path of the stream: "/events?kind=task" */
	double seconds;     /* that lie between two readings, at least */
	/* Reads and prints. False with the call's code set: it cannot go on. */
	bool (*show)(void *context);
	void *context;
};

/* The seconds of --watch, 1 where none are given; 0 where it is not asked for. False, told, where
   they are none. */
bool watch_wanted(struct call *call, double *seconds);
/* Until show() fails, or nobody reads any more. A server that is away is waited for, but not at the
   first time, nor a private one. */
void watch_follow(const struct watch *w);

struct screen {
	bool terminal;
	bool begun;     /* something was printed */
	unsigned drawn; /* lines of the last text that stand on the terminal */
	struct str last;
};

void screen_init(struct screen *s);
void screen_release(struct screen *s);
/* False with the call's code set. */
bool screen_show(struct screen *s, struct call *call, const struct str *text);

/* Text that follows what was printed, on a terminal too. False with the call's code set. */
bool screen_add(struct screen *s, struct call *call, const struct str *text);

#endif
