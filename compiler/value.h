/*
 * The values that a .scitq file computes with before anything runs: what params,
 * lets, loop variables and settings hold. A value is 16 bytes and is copied;
 * texts, lists and records lie in an arena and are never changed.
 *
 * A text that came out of a sheet, or a param given on the command line, knows
 * the directory that a relative path in it starts from (`base`); see paths.h.
 */
#ifndef COMPILER_VALUE_H
#define COMPILER_VALUE_H

#include "base/arena.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum value_kind {
	VALUE_BAD, /* an error was reported */
	VALUE_NONE,
	VALUE_BOOL,
	VALUE_INT,
	VALUE_FLOAT,
	VALUE_STRING,
	VALUE_SIZE,     /* bytes */
	VALUE_DURATION, /* milliseconds */
	VALUE_DEPTH,    /* reads, perhaps in pairs */
	VALUE_URI,
	VALUE_FILE,
	VALUE_LIST,
	VALUE_RECORD,
	VALUE_KINDS
};

enum value_flags {
	VALUE_CELL = 1 << 0,  /* text of a sheet: reads as a number where one is wanted */
	VALUE_PAIRS = 1 << 1, /* a depth in pairs */
};

struct list;
struct record;

struct value {
	uint8_t kind;
	uint8_t flags;
	uint16_t base; /* number of a directory; 0 is the one of the .scitq file */
	uint32_t len;  /* of text */
	union {
		bool boolean;
		int64_t integer; /* also bytes, milliseconds, reads */
		double real;
		const char *text; /* STRING, URI, FILE; NUL-terminated, holds no NUL */
		const struct list *list;
		const struct record *record;
	};
};

/* items NULL: the integers from `first` on. */
struct list {
	size_t n;
	size_t total; /* values in it, those of nested lists and records included */
	const struct value *items;
	int64_t first;
};

/* The names of a record's fields, shared by all rows of a sheet. */
struct shape {
	const char *const *names;
	size_t n;
};

struct record {
	const struct shape *shape;
	const struct value *fields;
	struct value key; /* what the record is as text */
	size_t total;     /* as of a list; 0: of a sheet, no more than its fields */
};

#define VALUE_BAD_INIT ((struct value){.kind = VALUE_BAD})

/* "a string", "a list": a kind in the user's words. */
const char *value_kind_text(enum value_kind kind);

struct value value_none(void);
struct value value_bool(bool b);
struct value value_int(int64_t i);
struct value value_float(double d);
/* A value of a kind whose content is an integer. */
struct value value_number(enum value_kind kind, int64_t i);
/* text must stay; len is its strlen. */
struct value value_text(enum value_kind kind, const char *text, size_t len, uint16_t base);
struct value value_string(const char *text);
struct value value_list(struct arena *arena, const struct value *items, size_t n);
/* first..last; empty where last < first. */
struct value value_range(struct arena *arena, int64_t first, int64_t last);

/*
 * How many values hang on this one. Lists share what they hold, so that a short file
 * can build one that is endless to walk; makers of lists refuse it in time.
 */
size_t value_total(const struct value *v);

bool value_is_text(const struct value *v);
bool value_is_number(const struct value *v);
/* Of INT and FLOAT. */
double value_real(const struct value *v);
struct value list_at(const struct list *l, size_t i);
/* The field, or NULL where the record has none of this name. */
const struct value *record_field(const struct record *r, const char *name);
/* Index of the name, or -1. */
long shape_index(const struct shape *s, const char *name);

/* An empty cell of a sheet equals none. */
bool value_equal(const struct value *a, const struct value *b);

/*
 * The value as text: sizes in bytes, durations in seconds, depths in reads,
 * booleans true and false, none empty, a record its key, a list its elements
 * with a blank between them.
 */
void value_print(const struct value *v, struct str *out);
/* The same in the arena; texts are not copied. */
const char *value_to_text(const struct value *v, struct arena *arena);
/* As a .scitq file would write it: strings quoted, 120GB, [1, 2]. For messages and dumps. */
void value_write(const struct value *v, struct str *out);

#endif
