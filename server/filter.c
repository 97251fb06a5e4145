#include "server/filter.h"

#include "model/json.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FILTER_BEGIN(name) static const struct filter_field fields_##name[] = {
#define FIELD(kind, name, help) {#name, FILTER_##kind, help, NULL},
#define EACH(shape, name, help) {#name, FILTER_OBJECTS, help, &filter_##shape},
#define FILTER_END(name)                                                                           \
	}                                                                                          \
	;                                                                                          \
	const struct filter filter_##name = {#name, fields_##name,                                 \
	                                     sizeof(fields_##name) / sizeof(fields_##name[0])};
#include "server/filters.def"
#undef FILTER_BEGIN
#undef FIELD
#undef EACH
#undef FILTER_END

const struct filter filter_body = {"body", NULL, 0};

static const struct filter_field *find(const struct filter *f, const char *name,
                                       struct problem *problem)
{
	for (size_t i = 0; i < f->n; i++) {
		if (strcmp(f->fields[i].name, name) == 0)
			return &f->fields[i];
	}
	problem_set(problem, PROBLEM_UNKNOWN_FIELD, "this call takes no field %.80s", name);
	return NULL;
}

static bool wrong_type(const char *name, const char *wanted, const json_t *value,
                       struct problem *problem)
{
	return problem_set(problem, PROBLEM_BAD_TYPE, "%s must be %s, not %s", name, wanted,
	                   json_type_words(value));
}

static bool natural(const char *name, const json_t *value, struct problem *problem)
{
	if (json_integer_value(value) >= 0)
		return true;
	return problem_set(problem, PROBLEM_BAD_VALUE, "%s is %lld, it must not be negative", name,
	                   (long long)json_integer_value(value));
}

static bool check_field(const struct filter_field *field, const json_t *value,
                        struct problem *problem)
{
	size_t i;
	json_t *item;

	if (json_is_null(value))
		return true;
	switch (field->kind) {
	case FILTER_INT:
		if (!json_is_integer(value))
			return wrong_type(field->name, "an integer", value, problem);
		return natural(field->name, value, problem);
	case FILTER_SIGNED:
		return json_is_integer(value) ||
		       wrong_type(field->name, "an integer", value, problem);
	case FILTER_TEXTS:
	case FILTER_OBJECTS:
		return json_is_array(value) || wrong_type(field->name, "an array", value, problem);
	case FILTER_REAL:
		return json_is_number(value) || wrong_type(field->name, "a number", value, problem);
	case FILTER_BOOL:
		return json_is_boolean(value) ||
		       wrong_type(field->name, "a boolean", value, problem);
	case FILTER_TEXT:
	case FILTER_DATE:
		if (!json_is_string(value))
			return wrong_type(field->name, "a string", value, problem);
		if (strcmp(field->name, "view") == 0 &&
		    strcmp(json_string_value(value), "full") != 0 &&
		    strcmp(json_string_value(value), "v1") != 0)
			return problem_set(problem, PROBLEM_BAD_VALUE,
			                   "view is \"%.40s\", not full or v1",
			                   json_string_value(value));
		return true;
	case FILTER_INTS:
		if (json_is_integer(value))
			return natural(field->name, value, problem);
		if (!json_is_array(value))
			return wrong_type(field->name, "an array of integers", value, problem);
		json_array_foreach(value, i, item)
		{
			if (!json_is_integer(item))
				return problem_set(problem, PROBLEM_BAD_TYPE,
				                   "%s[%zu] must be an integer, not %s",
				                   field->name, i, json_type_words(item));
			if (!natural(field->name, item, problem))
				return false;
		}
		return true;
	case FILTER_OBJECT:
		return json_is_object(value) ||
		       wrong_type(field->name, "an object", value, problem);
	}
	return true;
}

bool filter_known(const struct filter *f, json_t *object, struct problem *problem)
{
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value)
	{
		if (find(f, key, problem) == NULL)
			return false;
	}
	return true;
}

bool filter_check(const struct filter *f, json_t *object, struct problem *problem)
{
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value)
	{
		const struct filter_field *field = find(f, key, problem);

		if (field == NULL || !check_field(field, value, problem))
			return false;
	}
	return true;
}

static bool bad_text(const char *name, const char *value, const char *wanted,
                     struct problem *problem)
{
	return problem_set(problem, PROBLEM_BAD_TYPE, "%s is \"%.40s\", not %s", name, value,
	                   wanted);
}

static bool read_int(const char *name, const char *text, size_t len, json_t **out,
                     struct problem *problem)
{
	char digits[24];
	char *end;
	long long number;

	if (len > 0 && len < sizeof(digits)) {
		memcpy(digits, text, len);
		digits[len] = '\0';
		errno = 0;
		number = strtoll(digits, &end, 10);
		if (errno == 0 && *end == '\0' && strspn(digits, "0123456789-") == len) {
			*out = json_integer(number);
			return true;
		}
	}
	return bad_text(name, text, "an integer", problem);
}

static bool read_ints(const char *name, const char *text, json_t *list, struct problem *problem)
{
	for (;;) {
		size_t len = strcspn(text, ",");
		json_t *number;

		if (!read_int(name, text, len, &number, problem))
			return false;
		json_array_append_new(list, number);
		if (text[len] == '\0')
			return true;
		text += len + 1;
	}
}

static bool read_value(const struct filter_field *field, const char *text, json_t **out,
                       struct problem *problem)
{
	double real;
	char *end;

	switch (field->kind) {
	case FILTER_INT:
		return read_int(field->name, text, strlen(text), out, problem);
	case FILTER_REAL:
		real = strtod(text, &end);
		if (end == text || *end != '\0' || !isfinite(real))
			return bad_text(field->name, text, "a number", problem);
		*out = json_real(real);
		return true;
	case FILTER_BOOL:
		if (strcmp(text, "true") == 0 || strcmp(text, "1") == 0)
			*out = json_true();
		else if (strcmp(text, "false") == 0 || strcmp(text, "0") == 0)
			*out = json_false();
		else
			return bad_text(field->name, text, "true or false", problem);
		return true;
	case FILTER_TEXT:
		*out = json_string(text);
		return *out != NULL ||
		       problem_set(problem, PROBLEM_BAD_TYPE, "%s is not UTF-8", field->name);
	case FILTER_SIGNED:
	case FILTER_DATE:
	case FILTER_INTS:
	case FILTER_TEXTS:
	case FILTER_OBJECTS:
	case FILTER_OBJECT:
		break;
	}
	return problem_set(problem, PROBLEM_BAD_TYPE, "%s belongs into the body", field->name);
}

bool filter_query(const struct filter *f, json_t *object, const char *name, const char *value,
                  struct problem *problem)
{
	const struct filter_field *field = find(f, name, problem);
	json_t *made;

	if (field == NULL)
		return false;
	if (value == NULL)
		value = field->kind == FILTER_BOOL ? "true" : "";
	if (field->kind == FILTER_INTS) {
		json_t *list = json_object_get(object, name);

		if (!json_is_array(list)) {
			list = json_array();
			json_object_set_new(object, name, list);
		}
		return read_ints(name, value, list, problem);
	}
	if (!read_value(field, value, &made, problem))
		return false;
	json_object_set_new(object, name, made);
	return true;
}

bool filter_full(json_t *object)
{
	const char *view = json_string_value(json_object_get(object, "view"));

	return view != NULL && strcmp(view, "full") == 0;
}
