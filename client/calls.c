#include "client/calls.h"

#include "base/alloc.h"
#include "model/json.h"
#include "net/url.h"

#include <stdio.h>
#include <string.h>

static const struct call_row rows[CALL_COUNT] = {
#define ONE GIVES_ONE
#define LIST GIVES_LIST
#define ANY GIVES_ANY
#define CALL(name, method, pattern, table, gives, arguments, help)                                 \
	[CALL_##name] = {#name, #method, pattern, ROWS_##table, gives, arguments, help},
#include "client/calls.def"
#undef CALL
};

const struct call_row *call_row(enum call_number number)
{
	return &rows[number];
}

const struct call_row *call_find(const char *name)
{
	for (size_t i = 0; i < CALL_COUNT; i++) {
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	}
	return NULL;
}

bool call_is_read(const struct call_row *row)
{
	return strcmp(row->method, "GET") == 0;
}

static bool is_create(const struct call_row *row)
{
	return strcmp(row->method, "POST") == 0;
}

/* Where {name} stands in the pattern; NULL: it does not. */
static const char *in_pattern(const struct call_row *row, const char *name, size_t len)
{
	const char *at = row->pattern;

	while ((at = strchr(at, '{')) != NULL) {
		at++;
		if (strncmp(at, name, len) == 0 && at[len] == '}')
			return at;
	}
	return NULL;
}

static const struct field *find_field(const struct call_row *row, const char *name, size_t len)
{
	const struct table *t = row_table(row->rows);

	for (unsigned i = 0; t != NULL && i < t->nfields; i++) {
		if (strlen(t->fields[i].name) == len && memcmp(t->fields[i].name, name, len) == 0)
			return &t->fields[i];
	}
	return NULL;
}

/* Is the word among those that are listed by name? */
static bool is_listed(const char *list, const char *name, size_t len)
{
	while (*list != '\0') {
		size_t n = strcspn(list, " ");

		if (n == len && memcmp(list, name, len) == 0)
			return true;
		list += n;
		list += strspn(list, " ");
	}
	return false;
}

/* A part of the pattern, of which the name begins there. */
static bool is_needed_part(const struct call_row *row, const char *at)
{
	return strncmp(at - 2, "/{", 2) == 0 && (at - row->pattern < 3 || at[-3] != '[');
}

static bool is_needed(const struct call_row *row, const struct call_argument *a)
{
	const char *at = in_pattern(row, a->name, a->len);

	if (at != NULL)
		return is_needed_part(row, at);
	return is_create(row) && a->field != NULL && (a->field->flags & FIELD_REQUIRED);
}

/* The arguments one after the other: words, and the fields that +create or +update stands for. */
struct walk {
	const struct call_row *row;
	const char *word;
	unsigned field; /* the next one of such a word */
};

static struct walk walk_of(const struct call_row *row)
{
	return (struct walk){row, row->arguments, 0};
}

static unsigned field_flag(const char *word)
{
	return word[1] == 'c' ? FIELD_CREATE : FIELD_UPDATE;
}

static const struct field *next_field(struct walk *w)
{
	const struct table *t = row_table(w->row->rows);

	while (w->field < t->nfields) {
		const struct field *f = &t->fields[w->field++];

		if ((f->flags & field_flag(w->word)) &&
		    !is_listed(w->row->arguments, f->name, strlen(f->name)))
			return f;
	}
	w->field = 0;
	return NULL;
}

static void next_word(struct walk *w)
{
	w->word += strcspn(w->word, " ");
	w->word += strspn(w->word, " ");
}

static bool next_argument(struct walk *w, struct call_argument *a)
{
	const struct field *f = NULL;

	while (*w->word == '+' && (f = next_field(w)) == NULL)
		next_word(w);
	if (*w->word == '\0')
		return false;
	if (f != NULL) {
		*a = (struct call_argument){f->name, strlen(f->name), f, false};
	} else {
		size_t len = strcspn(w->word, " ");

		*a = (struct call_argument){w->word, len, find_field(w->row, w->word, len), false};
		next_word(w);
	}
	a->needed = is_needed(w->row, a);
	return true;
}

bool call_argument(const struct call_row *row, unsigned i, struct call_argument *a)
{
	struct walk w = walk_of(row);

	while (next_argument(&w, a)) {
		if (i-- == 0)
			return true;
	}
	return false;
}

bool call_takes(const struct call_row *row, const char *name)
{
	size_t len = strlen(name);
	const struct field *f = find_field(row, name, len);
	unsigned flags = (is_listed(row->arguments, "+create", 7) ? FIELD_CREATE : 0) |
	                 (is_listed(row->arguments, "+update", 7) ? FIELD_UPDATE : 0);

	return (f != NULL && (f->flags & flags)) ||
	       (*name != '+' && is_listed(row->arguments, name, len));
}

static void list_arguments(const struct call_row *row, struct str *out)
{
	struct walk w = walk_of(row);
	struct call_argument a;

	for (const char *between = ""; next_argument(&w, &a); between = ", ")
		str_addf(out, "%s%.*s", between, (int)a.len, a.name);
}

/* null says nothing where it cannot mean "no value any more". */
static void drop_nulls(const struct call_row *row, json_t *arguments)
{
	const char *name;
	json_t *value;
	void *next;

	if (strcmp(row->method, "PUT") == 0)
		return;
	json_object_foreach_safe(arguments, next, name, value)
	{
		if (json_is_null(value))
			json_object_del(arguments, name);
	}
}

/* Texts are handed on as C's: nothing of them is to get lost. */
static bool has_nul(const json_t *value)
{
	const json_t *element;
	size_t i;

	if (json_is_string(value))
		return strlen(json_string_value(value)) != json_string_length(value);
	json_array_foreach(value, i, element)
	{
		if (has_nul(element))
			return true;
	}
	return false;
}

static bool lacks(const struct call_row *row, const json_t *arguments, const char *name, size_t len,
                  struct str *error)
{
	if (json_object_getn(arguments, name, len) != NULL)
		return false;
	str_addf(error, "%s needs the argument %.*s", row->name, (int)len, name);
	return true;
}

/* All of which is_needed() says so, without a walk over the others. */
static bool has_needed(const struct call_row *row, const json_t *arguments, struct str *error)
{
	const struct table *t = is_create(row) ? row_table(row->rows) : NULL;

	for (const char *at = row->pattern; (at = strchr(at, '{')) != NULL;) {
		at++;
		if (is_needed_part(row, at) && lacks(row, arguments, at, strcspn(at, "}"), error))
			return false;
	}
	for (unsigned i = 0; t != NULL && i < t->nfields; i++) {
		const char *name = t->fields[i].name;

		if ((t->fields[i].flags & FIELD_REQUIRED) && call_takes(row, name) &&
		    in_pattern(row, name, strlen(name)) == NULL &&
		    lacks(row, arguments, name, strlen(name), error))
			return false;
	}
	return true;
}

bool call_check(const struct call_row *row, json_t *arguments, struct str *error)
{
	const char *name;
	json_t *value;

	drop_nulls(row, arguments);
	json_object_foreach(arguments, name, value)
	{
		if (has_nul(value)) {
			str_addf(error, "%s of %s holds a NUL character", name, row->name);
			return false;
		}
		if (call_takes(row, name))
			continue;
		str_addf(error, "%s takes no argument \"%s\"; there are ", row->name, name);
		list_arguments(row, error);
		return false;
	}
	return has_needed(row, arguments, error);
}

static bool add_part(const struct call_row *row, const char *name, size_t len, const json_t *value,
                     struct str *path, struct str *error)
{
	if (json_is_integer(value)) {
		str_addf(path, "%lld", (long long)json_integer_value(value));
	} else if (json_is_string(value) && json_string_length(value) == 0) {
		/* It would be another path. */
		str_addf(error, "%.*s of %s must not be empty", (int)len, name, row->name);
		return false;
	} else if (json_is_string(value)) {
		url_escape(path, json_string_value(value), json_string_length(value));
	} else {
		str_addf(error, "%.*s of %s must be a number or a text, not %s", (int)len, name,
		         row->name, json_type_words(value));
		return false;
	}
	return true;
}

bool call_build(const struct call_row *row, json_t *arguments, struct str *path, json_t **body,
                struct str *error)
{
	const char *at = row->pattern;

	*body = json_copy(arguments);
	/* A copy that lacks a member is one too. */
	if (json_object_size(*body) != json_object_size(arguments))
		alloc_note();
	while (*at != '\0') {
		const char *open = strchr(at, '{'), *close;
		const json_t *value;
		size_t plain = open ? (size_t)(open - at) : strlen(at);
		bool optional = open != NULL && plain >= 2 && open[-2] == '[';

		str_add(path, at, optional ? plain - 2 : plain);
		at += plain;
		if (open == NULL)
			break;
		open++;
		close = strchr(open, '}');
		at = close + 1 + optional;
		value = json_object_getn(arguments, open, (size_t)(close - open));
		if (optional && value == NULL)
			continue;
		if (optional)
			str_addc(path, '/');
		if (!add_part(row, open, (size_t)(close - open), value, path, error)) {
			json_decref(*body);
			*body = NULL;
			return false;
		}
		json_object_deln(*body, open, (size_t)(close - open));
	}
	return true;
}
