#include "compiler/prologue.h"

#include "base/str.h"
#include "base/vec.h"

#include <stdbool.h>
#include <string.h>

#define TRAP_BEGIN "set -E; trap \""
#define TRAP_END "\" ERR"

/* Behind the text where it begins so, else NULL. */
static const char *skip(const char *at, const char *text)
{
	size_t n = strlen(text);

	return strncmp(at, text, n) == 0 ? at + n : NULL;
}

/* Behind a value in single quotes, which is appended; NULL: there is none. */
static const char *read_quoted(const char *at, struct str *value)
{
	if (*at != '\'')
		return NULL;
	for (at++;; at += 4) {
		size_t n = strcspn(at, "'");

		if (at[n] == '\0')
			return NULL;
		str_add(value, at, n);
		at += n;
		if (strncmp(at, "'\\''", 4) != 0)
			return at + 1;
		str_addc(value, '\'');
	}
}

/* Behind a list of such values in parentheses, or NULL. */
static const char *read_list(const char *at, struct str *value)
{
	if (*at++ != '(')
		return NULL;
	while (*at != ')') {
		at = read_quoted(at, value);
		if (at != NULL && *at == ' ')
			at++;
		else if (at == NULL || *at != ')')
			return NULL;
	}
	return at + 1;
}

/* Behind one assignment, or NULL. */
static const char *read_assignment(const char *at, struct arena *arena, struct prologue_value *v)
{
	static const char name_bytes[] =
	        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
	const char *start = at, *name = skip(at, "export ");
	struct str value = STR_INIT;
	bool list = name == NULL;
	size_t n;

	name = list ? at : name;
	n = strspn(name, name_bytes);
	at = NULL;
	if (n > 0 && name[n] == '=')
		at = list ? read_list(name + n + 1, &value) : read_quoted(name + n + 1, &value);
	if (at != NULL)
		*v = (struct prologue_value){
		        .name = arena_strndup(arena, name, n),
		        .text = list ? NULL : arena_strndup(arena, value.p, value.len),
		        .assignment = arena_strndup(arena, start, (size_t)(at - start))};
	str_release(&value);
	return at;
}

void prologue_read(const char *command, struct arena *arena, struct prologue *p)
{
	VEC(struct prologue_value) values = {0};
	const char *at = skip(command, TRAP_BEGIN), *end;

	*p = (struct prologue){.text = command};
	if (at != NULL && (at = strstr(at, TRAP_END)) != NULL) {
		at += strlen(TRAP_END);
		if (*at == '\n')
			p->text = at + 1;
		at = *at == '\n' ? NULL : skip(at, "; ");
	} else {
		at = command;
	}
	while (at != NULL) {
		struct prologue_value v;

		end = read_assignment(at, arena, &v);
		if (end == NULL)
			break;
		vec_push(&values, v);
		if (*end == '\n') {
			p->text = end + 1;
			p->nvalues = values.n;
			break;
		}
		at = skip(end, "; ");
	}
	p->values = arena_array(arena, struct prologue_value, p->nvalues + 1);
	if (p->nvalues > 0)
		memcpy(p->values, values.v, p->nvalues * sizeof(*p->values));
	vec_release(&values);
}
