/* Members of a JSON object that a server answered, where those that are absent need no telling. */
#ifndef MODEL_MEMBER_H
#define MODEL_MEMBER_H

#include <jansson.h>
#include <stdint.h>

/* 0 where it is not there or no integer. */
static inline int64_t member_int(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

/* NULL where it is not there or no text; borrowed. */
static inline const char *member_string(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

/* The same with "" for NULL. */
static inline const char *member_text(const json_t *object, const char *name)
{
	const char *value = member_string(object, name);

	return value ? value : "";
}

#endif
