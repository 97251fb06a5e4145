/*
 * Types as the checker knows them: what kind a value will be, before there is
 * one. A type is never changed once made; the scalar ones are constants.
 * VTYPE_ANY is what cannot be known before the loop runs (the columns of a sheet
 * named by a loop variable) and fits everywhere.
 */
#ifndef COMPILER_VTYPE_H
#define COMPILER_VTYPE_H

#include "compiler/value.h"
#include "dsl/ast.h"

enum vtype_kind {
	VTYPE_ANY, /* also after an error, so that one mistake is reported once */
	VTYPE_NONE,
	VTYPE_BOOL,
	VTYPE_INT,
	VTYPE_FLOAT,
	VTYPE_STRING,
	VTYPE_CELL, /* a string of a sheet, which reads as a number where one is wanted */
	VTYPE_SIZE,
	VTYPE_DURATION,
	VTYPE_DEPTH,
	VTYPE_URI,
	VTYPE_FILE,
	VTYPE_ENUM,
	VTYPE_LIST,
	VTYPE_RECORD,
	VTYPE_DATA, /* an output of a step, or several */
	VTYPE_KINDS
};

struct vtype {
	enum vtype_kind kind;
	bool optional;               /* may be none */
	const struct vtype *element; /* LIST */
	const struct shape *shape;   /* RECORD: its fields; NULL: not known */
	const struct vtype **fields; /* RECORD, beside shape->names */
	const char *const *words;    /* ENUM */
	size_t nwords;
};

/* The one type of a kind without parts. */
const struct vtype *vtype_of_kind(enum vtype_kind kind);
const struct vtype *vtype_list(struct arena *arena, const struct vtype *element);
const struct vtype *vtype_optional(struct arena *arena, const struct vtype *t);
/* The type of a value that is there. */
const struct vtype *vtype_of_value(struct arena *arena, const struct value *v);
/* A type that both fit, or NULL. */
const struct vtype *vtype_join(struct arena *arena, const struct vtype *a, const struct vtype *b);
/* A value of type `from` may stand where `to` is wanted. */
bool vtype_fits(const struct vtype *from, const struct vtype *to);
/* string, cell, uri, file, enum, or any */
bool vtype_is_text(const struct vtype *t);
/* int, float, cell, or any */
bool vtype_is_number(const struct vtype *t);

/* "a string", "a list of ints", "paired or single". */
const char *vtype_text(const struct vtype *t, struct arena *arena);

#endif
