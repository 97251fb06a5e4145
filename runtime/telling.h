/* What a program hears of a run, beside what a person sees: objects by type, as docs/json.md has
   them. */
#ifndef RUNTIME_TELLING_H
#define RUNTIME_TELLING_H

#include <jansson.h>

struct telling {
	/* Takes the object over. */
	void (*line)(void *context, const char *type, json_t *object);
	void *context;
};

/* Takes the object over; NULL: nobody listens. */
static inline void telling_line(const struct telling *t, const char *type, json_t *object)
{
	if (t != NULL)
		t->line(t->context, type, object);
	else
		json_decref(object);
}

#endif
