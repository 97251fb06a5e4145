#include "cli/arguments.h"

#include "model/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static json_t *pairs(const struct compile_param *list, size_t n)
{
	json_t *array = json_array();

	for (size_t i = 0; i < n; i++) {
		json_t *pair = json_array();

		json_array_append_new(pair, json_text(list[i].name));
		json_array_append_new(pair, json_text(list[i].value));
		json_array_append_new(array, pair);
	}
	return array;
}

int arguments_print(const struct compile_options *options, struct str *out)
{
	char *cwd = getcwd(NULL, 0);
	json_t *object = json_object();

	if (cwd == NULL) {
		json_decref(object);
		return -errno;
	}
	json_object_set_new(object, "cwd", json_text(cwd));
	json_object_set_new(object, "params", pairs(options->params, options->nparams));
	json_object_set_new(object, "set", pairs(options->sets, options->nsets));
	json_object_set_new(object, "profile", json_text(options->profile));
	json_print(object, out);
	json_decref(object);
	free(cwd);
	return 0;
}

static bool read_pairs(const json_t *object, const char *name, struct arena *arena,
                       const struct compile_param **list, size_t *n)
{
	const json_t *array = json_object_get(object, name), *pair;
	struct compile_param *made;
	size_t i;

	if (!json_is_array(array))
		return false;
	*n = json_array_size(array);
	*list = made = arena_array(arena, struct compile_param, *n + 1);
	json_array_foreach(array, i, pair)
	{
		const char *key = json_string_value(json_array_get(pair, 0));
		const char *value = json_string_value(json_array_get(pair, 1));

		if (key == NULL || value == NULL)
			return false;
		made[i] = (struct compile_param){arena_strdup(arena, key),
		                                 arena_strdup(arena, value)};
	}
	return true;
}

bool arguments_read(const char *text, struct arena *arena, struct compile_options *options)
{
	struct problem problem;
	json_t *object = json_parse(text, strlen(text), &problem);
	const char *cwd = json_string_value(json_object_get(object, "cwd"));
	const char *profile = json_string_value(json_object_get(object, "profile"));
	bool ok = cwd != NULL &&
	          read_pairs(object, "params", arena, &options->params, &options->nparams) &&
	          read_pairs(object, "set", arena, &options->sets, &options->nsets);

	if (ok) {
		options->cwd = arena_strdup(arena, cwd);
		options->profile = profile != NULL ? arena_strdup(arena, profile) : NULL;
	}
	json_decref(object);
	return ok;
}
