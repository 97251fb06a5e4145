#include "server/mask.h"

#include "model/json.h"

#include <string.h>

/* More than any row has fields: each that there is not is a null in every row. */
#define NAMES_MOST 200
#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

static bool bad(struct call *call, const char *text)
{
	return problem_set(&call->problem, PROBLEM_BAD_TYPE,
	                   "X-Fields is \"%.80s\", not names with commas between them", text);
}

bool mask_read(struct call *call, const char *text)
{
	const char *at = text + strspn(text, " ");
	bool braces = *at == '{';
	size_t n = 1;

	at += braces;
	for (const char *p = at; *p != '\0'; p++)
		n += *p == ',';
	if (n > NAMES_MOST)
		return problem_set(&call->problem, PROBLEM_BAD_VALUE,
		                   "X-Fields has %zu names, at most %d are allowed", n, NAMES_MOST);
	call->mask = arena_array(&call->arena, const char *, n + 1);
	for (size_t i = 0; i < n; i++) {
		size_t len;

		at += strspn(at, " ");
		len = *at == '*' ? 1 : strspn(at, NAME_CHARACTERS);
		if (len == 0)
			return bad(call, text);
		call->mask[i] = arena_strndup(&call->arena, at, len);
		at += len;
		at += strspn(at, " ");
		if (i + 1 < n && *at++ != ',')
			return bad(call, text);
	}
	call->mask[n] = NULL;
	if (braces && *at++ != '}')
		return bad(call, text);
	return at[strspn(at, " ")] == '\0' || bad(call, text);
}

static json_t *apply(const char *const *names, json_t *row)
{
	json_t *kept, *value;
	const char *name;
	bool rest = false;

	if (!json_is_object(row))
		return json_incref(row);
	kept = json_object();
	for (size_t i = 0; names[i] != NULL; i++) {
		value = json_object_get(row, names[i]);
		if (strcmp(names[i], "*") == 0)
			rest = true;
		else
			json_object_set_new(kept, names[i],
			                    value ? json_incref(value) : json_null());
	}
	json_object_foreach(row, name, value)
	{
		if (rest && json_object_get(kept, name) == NULL)
			json_object_set(kept, name, value);
	}
	return kept;
}

json_t *mask_apply(const struct call *call, json_t *value)
{
	json_t *kept, *row;
	size_t i;

	if (call->mask == NULL)
		return value;
	if (json_is_array(value)) {
		kept = json_array();
		json_array_foreach(value, i, row)
		        json_array_append_new(kept, apply(call->mask, row));
	} else {
		kept = apply(call->mask, value);
	}
	json_decref(value);
	return kept;
}

void mask_print(struct call *call, int status, json_t *value)
{
	if (status < 300)
		value = mask_apply(call, value);
	str_reset(&call->reply);
	json_print(value, &call->reply);
	json_decref(value);
	str_addc(&call->reply, '\n');
}
