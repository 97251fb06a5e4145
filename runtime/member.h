/* Members of a JSON object that a server answered, where those that are absent need no telling. */
#ifndef RUNTIME_MEMBER_H
#define RUNTIME_MEMBER_H

#include <jansson.h>
#include <stdint.h>

/* 0 where it is not there or no integer. */
static inline int64_t member_int(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

/* "" where it is not there or no text; borrowed. */
static inline const char *member_text(const json_t *object, const char *name)
{
	const char *value = json_string_value(json_object_get(object, name));

	return value ? value : "";
}

#endif
