#include "model/json.h"

#include "base/alloc.h"
#include "base/str.h"
#include "model/status.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

const char *json_type_words(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "an array";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
		return "an integer";
	case JSON_REAL:
		return "a number";
	case JSON_TRUE:
	case JSON_FALSE:
		return "a boolean";
	case JSON_NULL:
		return "null";
	}
	return "nothing";
}

json_t *json_text(const char *text)
{
	json_t *j = text ? json_string(text) : json_null();

	if (j == NULL) {
		struct str fixed = STR_INIT;

		for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
			if (*p < 0x80) {
				str_addc(&fixed, (char)*p);
			} else {
				str_addc(&fixed, (char)(0xc0 | *p >> 6));
				str_addc(&fixed, (char)(0x80 | (*p & 0x3f)));
			}
		}
		j = json_string(fixed.p);
		str_release(&fixed);
	}
	if (j == NULL)
		alloc_exhausted();
	return j;
}

json_t *field_to_json(const struct field *f, const void *row)
{
	const void *p = field_in(f, row);
	char date[DATE_TEXT_SIZE];
	json_t *list;
	size_t n;

	if (row_is_null(f, row))
		return json_null();
	switch (f->kind) {
	case KIND_INT:
		return json_integer(*(const int64_t *)p);
	case KIND_REAL:
		return json_real(*(const double *)p);
	case KIND_BOOL:
		return json_boolean(*(const int8_t *)p);
	case KIND_TEXT:
		return json_text(*(const char *const *)p);
	case KIND_DATE:
		date_format(*(const int64_t *)p, date);
		return json_string(date);
	case KIND_INTS:
		list = json_array();
		for (size_t i = 0; i < ((const struct ints *)p)->n; i++)
			json_array_append_new(list, json_integer(((const struct ints *)p)->v[i]));
		return list;
	case KIND_TASK_STATUS:
	case KIND_EXECUTION_STATUS:
	case KIND_WORKER_STATUS:
	case KIND_JOB_STATUS:
	case KIND_RUN_STATUS:
		return json_string(field_words(f->kind, &n)[*(const int8_t *)p]);
	}
	return json_null();
}

json_t *row_to_json(const struct table *t, const void *row, enum row_view view)
{
	json_t *object = json_object();

	for (unsigned i = 0; i < t->nfields; i++) {
		const struct field *f = &t->fields[i];

		if ((f->flags & FIELD_SECRET) || (view == VIEW_V1 && !(f->flags & FIELD_V1)))
			continue;
		json_object_set_new_nocheck(object, f->name, field_to_json(f, row));
	}
	return object;
}

json_t *row_to_request(const struct table *t, const void *row)
{
	json_t *object = json_object();

	for (unsigned i = 0; i < t->nfields; i++) {
		const struct field *f = &t->fields[i];

		if ((f->flags & FIELD_CREATE) && !row_is_null(f, row))
			json_object_set_new_nocheck(object, f->name, field_to_json(f, row));
	}
	return object;
}

static bool wrong_type(const struct field *f, const char *wanted, const json_t *value,
                       struct problem *problem)
{
	return problem_set(problem, PROBLEM_BAD_TYPE, "%s must be %s, not %s", f->name, wanted,
	                   json_type_words(value));
}

static bool read_status(const struct field *f, const json_t *value, int8_t *out,
                        struct problem *problem)
{
	struct str words = STR_INIT;
	const char *const *list;
	size_t n;
	int number;

	if (!json_is_string(value))
		return wrong_type(f, "a string", value, problem);
	list = field_words(f->kind, &n);
	number = status_parse(list, n, json_string_value(value));
	if (number >= 0) {
		*out = (int8_t)number;
		return true;
	}
	for (size_t i = 0; i < n; i++)
		str_addf(&words, "%s%s", i ? ", " : "", list[i]);
	problem_set(problem, PROBLEM_BAD_VALUE, "%s is \"%.80s\", not one of %s", f->name,
	            json_string_value(value), words.p);
	str_release(&words);
	return false;
}

static bool read_ints(const char *name, const json_t *value, struct ints *out, struct arena *arena,
                      struct problem *problem)
{
	size_t n = json_array_size(value);
	int64_t *v;

	if (!json_is_array(value))
		return problem_set(problem, PROBLEM_BAD_TYPE,
		                   "%s must be an array of integers, not %s", name,
		                   json_type_words(value));
	v = arena_array(arena, int64_t, n + 1);
	if (v == NULL)
		return problem_set(problem, PROBLEM_INTERNAL, "no memory for %s", name);
	for (size_t i = 0; i < n; i++) {
		const json_t *item = json_array_get(value, i);

		if (!json_is_integer(item))
			return problem_set(problem, PROBLEM_BAD_TYPE,
			                   "%s[%zu] must be an integer, not %s", name, i,
			                   json_type_words(item));
		v[i] = json_integer_value(item);
	}
	*out = (struct ints){v, n};
	return true;
}

static bool read_number(const struct field *f, const json_t *value, void *p,
                        struct problem *problem)
{
	if (f->kind == KIND_INT) {
		if (!json_is_integer(value))
			return wrong_type(f, "an integer", value, problem);
		*(int64_t *)p = json_integer_value(value);
	} else {
		if (!json_is_number(value))
			return wrong_type(f, "a number", value, problem);
		*(double *)p = json_number_value(value);
	}
	if ((f->flags & FIELD_NATURAL) && json_number_value(value) < 0)
		return problem_set(problem, PROBLEM_BAD_VALUE,
		                   "%s is %.17g, it must not be negative", f->name,
		                   json_number_value(value));
	/* The one integer that stands for "absent". */
	if (f->kind == KIND_INT && *(int64_t *)p == INT_NULL)
		return problem_set(problem, PROBLEM_BAD_VALUE, "%s is out of range", f->name);
	return true;
}

bool name_check(const char *field, const char *name, struct problem *problem)
{
	if (strlen(name) <= NAME_BYTES)
		return true;
	return problem_set(problem, PROBLEM_BAD_VALUE, "%s has %zu bytes, at most %d are allowed",
	                   field, strlen(name), NAME_BYTES);
}

static bool read_field(const struct field *f, const json_t *value, void *row, struct arena *arena,
                       struct problem *problem)
{
	void *p = field_at(f, row);

	switch (f->kind) {
	case KIND_INT:
	case KIND_REAL:
		return read_number(f, value, p, problem);
	case KIND_BOOL:
		if (!json_is_boolean(value))
			return wrong_type(f, "a boolean", value, problem);
		*(int8_t *)p = json_is_true(value);
		return true;
	case KIND_TEXT:
		/* v1's pid is sent as a number and kept as text. */
		if (json_is_integer(value) && strcmp(f->name, "pid") == 0) {
			*(const char **)p =
			        arena_printf(arena, "%lld", (long long)json_integer_value(value));
			return true;
		}
		if (!json_is_string(value))
			return wrong_type(f, "a string", value, problem);
		*(const char **)p = arena_strdup(arena, json_string_value(value));
		return !(f->flags & FIELD_NAME) ||
		       name_check(f->name, json_string_value(value), problem);
	case KIND_DATE:
		if (!json_is_string(value))
			return wrong_type(f, "a date", value, problem);
		if (!date_parse(json_string_value(value), (int64_t *)p))
			return problem_set(problem, PROBLEM_BAD_VALUE,
			                   "%s is \"%.40s\", not YYYY-MM-DDTHH:MM:SS.ffffff",
			                   f->name, json_string_value(value));
		return true;
	case KIND_INTS:
		return read_ints(f->name, value, (struct ints *)p, arena, problem);
	case KIND_TASK_STATUS:
	case KIND_EXECUTION_STATUS:
	case KIND_WORKER_STATUS:
	case KIND_JOB_STATUS:
	case KIND_RUN_STATUS:
		return read_status(f, value, (int8_t *)p, problem);
	}
	return true;
}

static bool need_object(const json_t *object, struct problem *problem)
{
	if (json_is_object(object))
		return true;
	return problem_set(problem, PROBLEM_BAD_JSON, "the body must be an object, not %s",
	                   object ? json_type_words(object) : "empty");
}

static bool accept(const struct table *t, json_t *object, unsigned allowed, void *row,
                   uint64_t *set, struct arena *arena, struct problem *problem)
{
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value)
	{
		int i = table_field(t, key);
		const struct field *f;

		if (i < 0)
			return problem_set(problem, PROBLEM_UNKNOWN_FIELD, "%s has no field %.80s",
			                   t->name, key);
		f = &t->fields[i];
		if (allowed != 0 && !(f->flags & allowed))
			return problem_set(problem, PROBLEM_READ_ONLY, "%s of a %s cannot be set",
			                   f->name, t->name);
		if (json_is_null(value)) {
			/* Clients send null for "not given": the default then stands. */
			if (allowed == FIELD_CREATE && !(f->flags & FIELD_REQUIRED))
				continue;
			if (allowed != 0 && !(f->flags & FIELD_NULL))
				return problem_set(problem, PROBLEM_BAD_TYPE, "%s must not be null",
				                   f->name);
			row_set_null(f, row);
		} else if (!read_field(f, value, row, arena, problem)) {
			return false;
		}
		*set |= (uint64_t)1 << i;
	}
	return true;
}

bool row_from_json(const struct table *t, json_t *object, enum row_input how, void *row,
                   uint64_t *set, struct arena *arena, struct problem *problem)
{
	*set = 0;
	if (!need_object(object, problem))
		return false;
	if (how == ROW_UPDATE)
		return accept(t, object, FIELD_UPDATE, row, set, arena, problem);
	row_default(t, row);
	if (!accept(t, object, FIELD_CREATE, row, set, arena, problem))
		return false;
	for (unsigned i = 0; i < t->nfields; i++) {
		const struct field *f = &t->fields[i];

		if ((f->flags & FIELD_REQUIRED) && !(*set >> i & 1))
			return problem_set(problem, PROBLEM_MISSING_FIELD, "a %s needs %s", t->name,
			                   f->name);
	}
	return true;
}

bool row_from_own_json(const struct table *t, json_t *object, void *row, struct arena *arena,
                       struct problem *problem)
{
	uint64_t set = 0;

	row_clear(t, row);
	return need_object(object, problem) && accept(t, object, 0, row, &set, arena, problem);
}

bool row_from_other_json(const struct table *t, json_t *object, void *row, struct arena *arena,
                         struct problem *problem)
{
	row_clear(t, row);
	if (!need_object(object, problem))
		return false;
	for (unsigned i = 0; i < t->nfields; i++) {
		const json_t *value = json_object_get(object, t->fields[i].name);

		if (value != NULL && !json_is_null(value) &&
		    !read_field(&t->fields[i], value, row, arena, problem))
			return false;
	}
	return true;
}

static json_t *member(json_t *object, const char *name)
{
	json_t *value = json_object_get(object, name);

	return json_is_null(value) ? NULL : value;
}

static bool member_type(const char *name, const char *wanted, const json_t *value,
                        struct problem *problem)
{
	return problem_set(problem, PROBLEM_BAD_TYPE, "%s must be %s, not %s", name, wanted,
	                   json_type_words(value));
}

bool json_member_int(json_t *object, const char *name, int64_t *value, struct problem *problem)
{
	json_t *j = member(object, name);

	if (j == NULL)
		return true;
	if (!json_is_integer(j))
		return member_type(name, "an integer", j, problem);
	*value = json_integer_value(j);
	return true;
}

bool json_member_real(json_t *object, const char *name, double *value, struct problem *problem)
{
	json_t *j = member(object, name);

	if (j == NULL)
		return true;
	if (!json_is_number(j))
		return member_type(name, "a number", j, problem);
	*value = json_number_value(j);
	return true;
}

bool json_member_bool(json_t *object, const char *name, bool *value, struct problem *problem)
{
	json_t *j = member(object, name);

	if (j == NULL)
		return true;
	if (!json_is_boolean(j))
		return member_type(name, "a boolean", j, problem);
	*value = json_is_true(j);
	return true;
}

bool json_member_text(json_t *object, const char *name, const char **value, struct problem *problem)
{
	json_t *j = member(object, name);

	if (j == NULL)
		return true;
	if (!json_is_string(j))
		return member_type(name, "a string", j, problem);
	*value = json_string_value(j);
	return true;
}

bool json_member_ints(json_t *object, const char *name, struct ints *value, struct arena *arena,
                      struct problem *problem)
{
	json_t *j = member(object, name);

	*value = (struct ints){NULL, 0};
	return j == NULL || read_ints(name, j, value, arena, problem);
}

/*
 * jansson does not look whether its buffer of a word could grow (2.14, lex_save): what has no room
 * is left out in silence, and where that is the closing quote the word is read beyond its end. What
 * else it lacks it tells. Where a lack of memory is tolerated it therefore gets the text in parts
 * that end before each word for which the buffer must grow, and room is looked for when that comes:
 * the buffer is what is allocated next, though another thread may be quicker.
 */
struct feed {
	const char *text;
	size_t len, at;
	size_t word_end; /* of the word that it is in */
	size_t room;     /* of the buffer */
};

#define FIRST_ROOM 16

static bool is_mark(char c)
{
	switch (c) {
	case ' ':
	case '\t':
	case '\r':
	case '\n':
	case ',':
	case ':':
	case '[':
	case ']':
	case '{':
	case '}':
	case '"':
	case '\0':
		return true;
	default:
		return false;
	}
}

/* Behind what begins there: a string, another word, or a mark. */
static size_t find_end(const struct feed *f)
{
	size_t at = f->at + 1;

	if (f->text[f->at] == '"') {
		while (at < f->len && f->text[at] != '"')
			at += f->text[at] == '\\' ? 2 : 1;
		at++;
	} else if (!is_mark(f->text[f->at])) {
		while (at < f->len && !is_mark(f->text[at]))
			at++;
	}
	return at < f->len ? at : f->len;
}

static bool make_room(struct feed *f, size_t need)
{
	void *room;

	while (f->room < need)
		f->room *= 2;
	room = xmalloc(f->room);
	free(room);
	return room != NULL;
}

static size_t feed_next(void *buffer, size_t size, void *context)
{
	struct feed *f = context;
	size_t begin = f->at, last = f->len - begin < size ? f->len : begin + size;

	while (f->at < last) {
		if (f->at == f->word_end) {
			size_t end = find_end(f);
			/* With the character behind a number, and a NUL. */
			size_t need = end - f->at + 2;

			if (need > f->room && f->at > begin)
				break;
			if (need > f->room && !make_room(f, need))
				return (size_t)-1;
			f->word_end = end;
		}
		f->at = f->word_end < last ? f->word_end : last;
	}
	memcpy(buffer, f->text + begin, f->at - begin);
	return f->at - begin;
}

/* It says nothing then; of a string, which it has read to its end, that it is none. */
static bool lacked_memory(const char *text, const json_error_t *error)
{
	static const char *const none[] = {"invalid token", "string or '}' expected"};
	bool lacked = error->text[0] == '\0';

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		lacked = lacked || (strncmp(error->text, none[i], strlen(none[i])) == 0 &&
		                    error->position > 0 && text[error->position - 1] == '"');
	return lacked;
}

json_t *json_parse(const char *text, size_t len, struct problem *problem)
{
	const size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY;
	struct feed feed = {.text = text, .len = len, .room = FIRST_ROOM};
	json_error_t error;
	json_t *value = alloc_tolerated() ? json_load_callback(feed_next, &feed, flags, &error)
	                                  : json_loadb(text, len, flags, &error);

	if (value == NULL)
		problem_set(problem, PROBLEM_BAD_JSON,
		            "the body is not JSON: line %d, column %d: %s", error.line,
		            error.column, error.text);
	if (value == NULL && alloc_tolerated() && lacked_memory(text, &error))
		alloc_note();
	return value;
}

static int add_chunk(const char *data, size_t len, void *out)
{
	str_add(out, data, len);
	return 0;
}

void json_print(const json_t *value, struct str *out)
{
	if (json_dump_callback(value, add_chunk, out, JSON_COMPACT | JSON_ENCODE_ANY) != 0)
		alloc_exhausted();
}
