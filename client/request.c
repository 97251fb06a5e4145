#include "client/request.h"

#include "client/made.h"
#include "client/task_arguments.h"
#include "model/json.h"

#include <stdlib.h>
#include <string.h>

static bool put(struct request *r, const char *argument, size_t index, struct scitq_answer *answer,
                struct str *error)
{
	json_t *list = json_object_get(r->arguments, argument);
	int64_t id = answer_number(answer, argument);

	if (id == SCITQ_INT_NULL && scitq_result(answer) == SCITQ_OK)
		str_addf(error, "%s of %s: the answer that was given for it has no such number",
		         argument, r->row->name);
	else if (id == SCITQ_INT_NULL)
		str_addf(error, "%s of %s was not made: %s", argument, r->row->name,
		         scitq_error(answer));
	else if (json_is_array(list)
	                 ? json_array_set_new(list, index, json_integer(id)) != 0
	                 : json_object_set_new(r->arguments, argument, json_integer(id)) != 0)
		alloc_note();
	else
		return true;
	return false;
}

bool request_resolve(struct request *r, struct str *error)
{
	bool ok = true;
	size_t kept = 0;

	for (size_t i = 0; i < r->lazy.n; i++) {
		struct request_lazy *lazy = &r->lazy.v[i];

		ok = ok && put(r, lazy->argument, lazy->index, lazy->answer, error);
		/* Without memory it stays to be resolved: the request may be tried again. */
		if (!ok && alloc_failed()) {
			r->lazy.v[kept++] = *lazy;
			continue;
		}
		scitq_free(lazy->answer);
		free(lazy->argument);
	}
	r->lazy.n = kept;
	return ok;
}

void request_put_ready(struct request *r)
{
	struct str error = STR_INIT;
	size_t kept = 0;

	for (size_t i = 0; i < r->lazy.n; i++) {
		struct request_lazy *lazy = &r->lazy.v[i];

		if (scitq_ready(lazy->answer) &&
		    put(r, lazy->argument, lazy->index, lazy->answer, &error)) {
			scitq_free(lazy->answer);
			free(lazy->argument);
		} else {
			r->lazy.v[kept++] = *lazy;
		}
	}
	r->lazy.n = kept;
	str_release(&error);
}

bool request_add_lazy(struct request *r, const struct scitq_lazy *lazy, struct str *error)
{
	const json_t *list = json_object_get(r->arguments, lazy->argument);
	struct request_lazy kept;

	if (json_is_array(list) && lazy->index >= json_array_size(list)) {
		str_addf(error, "%s of %s has no element %zu", lazy->argument, r->row->name,
		         lazy->index);
		return false;
	}
	if (scitq_ready(lazy->answer))
		return put(r, lazy->argument, lazy->index, lazy->answer, error);
	/* A place holder, by which the argument is known to be given. */
	if (!json_is_array(list))
		json_put(r->arguments, lazy->argument, json_integer(0));
	kept = (struct request_lazy){xstrdup(lazy->argument), lazy->index, lazy->answer};
	vec_reserve(&r->lazy, r->lazy.n + 1);
	if (kept.argument == NULL || r->lazy.n == r->lazy.cap) {
		free(kept.argument);
		return false;
	}
	answer_keep(lazy->answer);
	vec_push(&r->lazy, kept);
	return true;
}

static bool is_text(const struct call_row *row, const char *name, const json_t *value,
                    struct str *error)
{
	json_error_t why;
	json_t *copy;

	if (!json_is_string(value))
		return true;
	copy = json_pack_ex(&why, 0, "s", json_string_value(value));
	if (copy == NULL && json_error_code(&why) == json_error_invalid_utf8)
		str_addf(error, "%s of %s is not UTF-8", name, row->name);
	else if (copy == NULL)
		alloc_note();
	json_decref(copy);
	return copy != NULL;
}

static bool check_texts(const struct call_row *row, json_t *arguments, struct str *error)
{
	const char *name;
	json_t *value;

	json_object_foreach(arguments, name, value)
	{
		if (!is_text(row, name, value, error))
			return false;
		for (size_t i = 0; i < json_array_size(value); i++) {
			if (!is_text(row, name, json_array_get(value, i), error))
				return false;
		}
	}
	return true;
}

bool request_init(struct request *r, const struct call_row *row, json_t *arguments,
                  const struct scitq_lazy *lazy, size_t nlazy, struct str *error)
{
	memset(r, 0, sizeof(*r));
	r->row = row;
	r->arguments = arguments ? arguments : json_made(json_object());
	if (!json_is_object(r->arguments)) {
		str_addf(error, "the arguments of %s must be an object", row->name);
		return false;
	}
	for (size_t i = 0; i < nlazy; i++) {
		if (!request_add_lazy(r, &lazy[i], error))
			return false;
	}
	return call_check(row, r->arguments, error) && check_texts(row, r->arguments, error) &&
	       task_arguments(row, r->arguments, error);
}

void request_release(struct request *r)
{
	for (size_t i = 0; i < r->lazy.n; i++) {
		scitq_free(r->lazy.v[i].answer);
		free(r->lazy.v[i].argument);
	}
	vec_release(&r->lazy);
	json_decref(r->arguments);
}
