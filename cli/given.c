/* A command line that was read: what it gave, and what is wrong with it. */
#include "cli/command.h"
#include "runtime/session.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int command_misused(const struct command_call *call, const char *fmt, ...)
{
	struct str text = STR_INIT;
	va_list ap;

	va_start(ap, fmt);
	str_vaddf(&text, fmt, ap);
	va_end(ap);
	fprintf(stderr, "%s: %s; see %s%s%s --help\n", call->program, text.p, call->program,
	        *call->typed != '\0' ? " " : "", call->typed);
	str_release(&text);
	return EXIT_CODE_USAGE;
}

const struct command_option *command_option(const struct command *c, const char *name)
{
	for (size_t i = 0; i < COMMAND_GROUPS && c->options[i] != NULL; i++) {
		for (const struct command_option *o = c->options[i]; o->name != NULL; o++) {
			if (strcmp(o->name, name) == 0)
				return o;
		}
	}
	return NULL;
}

const char *command_value(const struct command_call *call, const char *option)
{
	const struct command_option *o = command_option(call->command, option);
	const char *value = NULL;

	assert(o != NULL);
	for (size_t i = 0; i < call->given.n; i++) {
		if (call->given.v[i].option == o)
			value = call->given.v[i].value;
	}
	return value;
}

bool command_has(const struct command_call *call, const char *option)
{
	return command_value(call, option) != NULL;
}
