/*
 * Values of jansson's that are made and put together in the library: what fails for want of memory
 * is noted (base/alloc.h), so that nothing incomplete is sent.
 */
#ifndef CLIENT_MADE_H
#define CLIENT_MADE_H

#include "base/alloc.h"

#include <jansson.h>

static inline json_t *json_made(json_t *value)
{
	if (value == NULL)
		alloc_note();
	return value;
}

/* The value is stolen in any case. What is no object is refused by whoever takes it. */
static inline void json_put(json_t *object, const char *name, json_t *value)
{
	if (json_object_set_new(object, name, value) != 0 && json_is_object(object))
		alloc_note();
}

/* A copy in the place of a caller's value, of which others may have a share. */
static inline json_t *json_own(json_t *given)
{
	json_t *copy = given != NULL ? json_deep_copy(given) : NULL;

	/* One that lacks a member is a copy too. */
	if (given != NULL && !json_equal(copy, given))
		alloc_note();
	json_decref(given);
	return copy;
}

static inline void json_append(json_t *array, json_t *value)
{
	if (json_array_append_new(array, value) != 0)
		alloc_note();
}

#endif
