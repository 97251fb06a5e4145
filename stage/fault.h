/* How failures become results and lines of text. Private to stage/. */
#ifndef STAGE_FAULT_H
#define STAGE_FAULT_H

#include "stage/stage.h"

#include <stdbool.h>

/* Append "subject: message\n" with passwords of URLs and control bytes masked; returns r. */
enum stage_result fault(struct str *error, enum stage_result r, const char *subject,
                        const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* The same with errno's text, for what the user named: a missing file is not found. */
enum stage_result fault_user(struct str *error, int err, const char *subject);
/* For directories of this machine that we write: a missing one is an I/O failure. */
enum stage_result fault_own(struct str *error, int err, const char *subject);
/* For where results are published: a missing right is the user's to give. */
enum stage_result fault_publish(struct str *error, int err, const char *subject);

/* The text with control bytes as \xNN, so that a name stays within its line. */
void add_visible(struct str *out, const char *text);

/* Remember the first failure while going on. */
static inline void fault_keep(enum stage_result *first, enum stage_result r)
{
	if (*first == STAGE_OK)
		*first = r;
}

static inline bool stage_stopped(const struct stage *s)
{
	return s->cancelled != NULL && s->cancelled(s->cancel_ctx);
}

#endif
