#include "model/attempt.h"

#include "model/json.h"

#include <string.h>

/* The settings of one attempt into the row; fields that are one for all attempts are refused. */
static bool read_settings(json_t *settings, size_t number, struct task *row, struct arena *arena,
                          struct problem *problem)
{
	const struct table *table = table_get(TABLE_TASK);
	uint64_t set;

	if (!json_is_object(settings))
		return problem_set(problem, PROBLEM_BAD_TYPE,
		                   "attempt_settings[%zu] must be an object, not %s", number,
		                   json_type_words(settings));
	if (!row_from_json(table, settings, ROW_UPDATE, row, &set, arena, problem))
		return false;
	for (unsigned i = 0; i < table->nfields; i++) {
		if ((set >> i & 1) && !(table->fields[i].flags & FIELD_ATTEMPT))
			return problem_set(problem, PROBLEM_BAD_VALUE,
			                   "attempt_settings[%zu]: %s is one for all attempts",
			                   number, table->fields[i].name);
	}
	return true;
}

/* A new reference, or NULL with the problem set. */
static json_t *parse(const char *text, struct problem *problem)
{
	json_t *array = json_parse(text, strlen(text), problem);

	if (json_array_size(array) > 0)
		return array;
	if (array == NULL)
		problem_set(problem, PROBLEM_BAD_VALUE, "attempt_settings is no JSON text");
	else
		problem_set(problem, PROBLEM_BAD_VALUE,
		            "attempt_settings must be an array with an object per attempt");
	json_decref(array);
	return NULL;
}

bool attempt_settings_check(const char *text, struct problem *problem)
{
	struct arena arena;
	json_t *array;
	bool ok = true;

	if (text == NULL)
		return true;
	array = parse(text, problem);
	if (array == NULL)
		return false;
	arena_init(&arena);
	for (size_t i = 0; i < json_array_size(array) && ok; i++) {
		struct task row;

		row_clear(table_get(TABLE_TASK), &row);
		ok = read_settings(json_array_get(array, i), i, &row, &arena, problem);
	}
	arena_release(&arena);
	json_decref(array);
	return ok;
}

bool attempt_settings_apply(struct task *row, unsigned number, struct arena *arena,
                            struct problem *problem)
{
	struct task changed = *row;
	json_t *array;
	size_t n;
	bool ok;

	if (row->attempt_settings == NULL)
		return true;
	array = parse(row->attempt_settings, problem);
	if (array == NULL)
		return false;
	n = json_array_size(array);
	n = number < n ? number : n - 1;
	ok = read_settings(json_array_get(array, n), n, &changed, arena, problem);
	json_decref(array);
	if (ok)
		*row = changed;
	return ok;
}
