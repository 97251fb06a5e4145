/* The text of server-sent events (the WHATWG's HTML standard, 9.2), cut into events as it comes. */
#ifndef CLIENT_EVENTS_H
#define CLIENT_EVENTS_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

struct events {
	struct str line, kind, data;
	/* An event that is whole. False ends events_read(). */
	bool (*each)(void *context, const char *kind, const struct str *data);
	void *context;
};

void events_init(struct events *e, bool (*each)(void *, const char *, const struct str *),
                 void *context);
void events_release(struct events *e);
/* Forget what is half read: another stream begins. */
void events_reset(struct events *e);
bool events_read(struct events *e, const char *text, size_t n);

#endif
