/*
 * One type for everything that we tell about somebody's input: severity,
 * permanent code, place, up to two related places, message and help. Libraries
 * append to a sink; only mains print. An HTTP error is the same struct without
 * places, its code a word.
 *
 * Messages are lower case, without a full stop; the remedy stands only in help.
 */
#ifndef BASE_DIAG_H
#define BASE_DIAG_H

#include "base/arena.h"
#include "base/source.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

enum severity { SEVERITY_ERROR, SEVERITY_WARNING, SEVERITY_NOTE };

/* A row of a table of codes; see dsl/codes.def for the compiler's. */
struct diag_code {
	const char *code; /* "E0207" */
	enum severity severity;
	const char *title;   /* a line */
	const char *explain; /* paragraphs for `scitq-run explain` */
};

struct diag_label {
	struct span span;
	const char *text; /* may be NULL */
};

#define DIAG_RELATED 2

struct diag {
	const struct diag_code *code;
	struct span span;
	const char *label; /* beside the carets, may be NULL */
	const char *message;
	const char *help; /* may be NULL */
	const char *fix;  /* the text that would be right at fix_span; NULL: none is known */
	struct span fix_span;
	struct diag_label related[DIAG_RELATED];
	unsigned nrelated;
};

struct diag_sink {
	struct arena *arena; /* owns the texts */
	struct diag *list;
	size_t n, cap;
	size_t errors, warnings;
	size_t reported; /* errors, those that were dropped since they stand there already too */
	size_t limit;    /* errors kept at most; more are counted only */
};

void diag_sink_init(struct diag_sink *sink, struct arena *arena);
void diag_sink_release(struct diag_sink *sink);

/*
 * Append one; never NULL. The pointer is valid until the next diag_add: use the
 * functions below on it at once. A second error at the same span with the
 * same code is dropped (what is returned is then a scratch record).
 */
struct diag *diag_add(struct diag_sink *sink, const struct diag_code *code, struct span span,
                      const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void diag_label(struct diag_sink *sink, struct diag *d, const char *fmt, ...)
        __attribute__((format(printf, 3, 4)));
void diag_help(struct diag_sink *sink, struct diag *d, const char *fmt, ...)
        __attribute__((format(printf, 3, 4)));
/* What an editor may put there for the user; `help` says the same in words. */
void diag_fix(struct diag_sink *sink, struct diag *d, struct span span, const char *fmt, ...)
        __attribute__((format(printf, 4, 5)));
/* At most DIAG_RELATED; further ones are ignored. */
void diag_relate(struct diag_sink *sink, struct diag *d, struct span span, const char *fmt, ...)
        __attribute__((format(printf, 4, 5)));

/* Sort by place, so that passes may report in any order. */
void diag_sort(struct diag_sink *sink);

/* The caret form of one diagnostic, with ANSI colours where asked. */
void diag_render(const struct diag *d, struct sources *sources, bool color, struct str *out);

#endif
