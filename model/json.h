/*
 * Rows from and to JSON, by the field tables. Also the few helpers that every
 * reader of JSON needs, each of which names the field in its error.
 */
#ifndef MODEL_JSON_H
#define MODEL_JSON_H

#include "base/arena.h"
#include "model/field.h"
#include "model/problem.h"

#include <jansson.h>

enum row_view {
	VIEW_V1,   /* v1's fields only, all of them present, absent ones null */
	VIEW_FULL, /* every field but secrets */
};

/* A new object; never NULL. */
json_t *row_to_json(const struct table *t, const void *row, enum row_view view);
/* One value; a new reference (json_null() where absent). */
json_t *field_to_json(const struct field *f, const void *row);

/* What a client sends to create the row: the fields that it may set and that are present. */
json_t *row_to_request(const struct table *t, const void *row);

enum row_input { ROW_CREATE, ROW_UPDATE };

/*
 * Read an object that a client sent into `row`. ROW_CREATE: the row is first
 * set to defaults, and required fields must be there. ROW_UPDATE: only the
 * fields sent change. *set gets a bit per field sent. Texts are copied into the
 * arena. Unknown fields, fields that a client may not set, wrong types and
 * values out of range are refused by name; the row is then unspecified.
 */
bool row_from_json(const struct table *t, json_t *object, enum row_input how, void *row,
                   uint64_t *set, struct arena *arena, struct problem *problem);
/*
 * Read any field of the table, keys and server-set ones included, without
 * defaults: for what one part of the project wrote for another.
 */
bool row_from_own_json(const struct table *t, json_t *object, void *row, struct arena *arena,
                       struct problem *problem);
/* The same of what another version wrote: members that the table does not have are passed over. */
bool row_from_other_json(const struct table *t, json_t *object, void *row, struct arena *arena,
                         struct problem *problem);

/* Whether it has at most NAME_BYTES. */
bool name_check(const char *field, const char *name, struct problem *problem);

/* Typed members of an object. Absent or null: *value unchanged, true. */
bool json_member_int(json_t *object, const char *name, int64_t *value, struct problem *problem);
bool json_member_real(json_t *object, const char *name, double *value, struct problem *problem);
bool json_member_bool(json_t *object, const char *name, bool *value, struct problem *problem);
/* Borrowed from the object. */
bool json_member_text(json_t *object, const char *name, const char **value,
                      struct problem *problem);
/* Copied into the arena; absent: v NULL. */
bool json_member_ints(json_t *object, const char *name, struct ints *value, struct arena *arena,
                      struct problem *problem);
/* "an integer", "a string"... of what stands there. */
const char *json_type_words(const json_t *value);

/* A string, also of bytes that are no UTF-8 (a log, a file name): those are shown as Latin-1. NULL
 * is null. */
json_t *json_text(const char *text);

/* Parse text; PROBLEM_BAD_JSON names line and column. Depth is limited by jansson. */
json_t *json_parse(const char *text, size_t len, struct problem *problem);
/* Compact text appended to out. Never fails for what this module built. */
struct str;
void json_print(const json_t *value, struct str *out);

#endif
