/*
 * The words of the language: keywords.def as tables. The scanner, `scitq-run
 * explain`, the editor files, the reference documentation and the checker read
 * these and hold no list of their own.
 */
#ifndef DSL_KEYWORDS_H
#define DSL_KEYWORDS_H

#include "base/nearest.h"

#include <stdbool.h>
#include <stddef.h>

enum word_kind {
	WORD_RESERVED,   /* never a name */
	WORD_CONTEXTUAL, /* a keyword where the grammar wants it, a name elsewhere */
	WORD_TYPE,       /* of a param */
	WORD_SOURCE,     /* a function that yields a list: table(), lines() */
	WORD_FUNCTION,
	WORD_ACTION, /* after |> */
};

struct word {
	const char *text;
	enum word_kind kind;
	const char *form; /* how it is written */
	const char *help; /* a line */
};

/* Where an attribute may stand; a row may name several. */
enum attr_home {
	ATTR_WORKFLOW = 1 << 0,
	ATTR_RECRUITER = 1 << 1, /* also a refinement of one */
	ATTR_STEP = 1 << 2,
	ATTR_FLAVOR = 1 << 3,  /* left side of a constraint */
	ATTR_ATTEMPT = 1 << 4, /* an entry of retry = [...] */
	ATTR_TEST = 1 << 5,
	ATTR_PROFILE = 1 << 6, /* beside those of ATTR_WORKFLOW */
};

enum attr_type {
	ATTR_STRING,
	ATTR_STRINGS, /* a string or a list of them */
	ATTR_INT,
	ATTR_NUMBER,
	ATTR_SIZE,
	ATTR_DURATION,
	ATTR_BOOL,
	ATTR_PERCENT, /* or a count */
	ATTR_WORD,    /* a bare word of `values`, or a string where `values` ends in "..." */
	ATTR_WORDS,   /* a list of names */
	ATTR_DATA,    /* uris, files, steps, gather: what can be staged */
	ATTR_STEPS,   /* a step or a list of them */
	ATTR_RECRUITERS,
	ATTR_RETRY,       /* an int or a list of records */
	ATTR_RECORD,      /* key { name = value, ... } */
	ATTR_NAMES,       /* key { name, name = value } */
	ATTR_CONSTRAINTS, /* key { cpu >= 32, ... } or a string */
};

struct attr {
	const char *key;
	unsigned homes; /* of enum attr_home */
	enum attr_type type;
	const char *values;  /* ATTR_WORD: "sh bash ..."; else NULL */
	const char *initial; /* what holds when it is absent, in words; may be NULL */
	const char *lowers;  /* the column or rule that it becomes */
	const char *help;    /* a line */
};

extern const struct word words[];
extern const size_t nwords;
extern const struct attr attrs[];
extern const size_t nattrs;

/* NULL where there is no such word. */
const struct word *word_find(const char *text, enum word_kind kind);
/* The word that begins a statement and that this one was meant to be: as other languages call it,
   or misspelt; NULL: nothing that is known. */
const char *word_meant(const char *word);
bool word_is_reserved(const char *text);
/* The row of the key in this home, or NULL. */
const struct attr *attr_find(const char *key, enum attr_home home);
/* "string", "size": a type in the user's words. */
const char *attr_type_text(enum attr_type type);

#endif
