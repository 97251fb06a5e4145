/*
 * The commands of `scitq` as one table (commands.c): each command's words, synopsis, options
 * and function. Reading a command line and printing help are loops over the table,
 * as are manual pages and completion.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "base/str.h"
#include "base/vec.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An option; arrays of them end with one whose name is NULL. */
struct command_option {
	char letter;          /* 0: has none */
	const char *name;     /* without its dashes */
	const char *argument; /* what its value is, in capitals, a number that may be left out in
	                         brackets; NULL: takes none */
	const char *help;     /* one line */
};

#define COMMAND_GROUPS 5
#define COMMAND_ANY UINT32_MAX

struct command_call;

struct command {
	const char *words; /* "fetch list": what is typed */
	/* Synopsis of what follows: "SOURCE [DESTINATION]". Beginning with COMMAND it is another
	   program's: from its first word on nothing is an option of ours. With "-- " in it what
	   follows that is apart from the arguments. */
	const char *arguments;
	uint32_t least, most; /* how many arguments; COMMAND_ANY: without a limit */
	const char *help;     /* one line */
	int (*run)(const struct command_call *call);
	/* The groups of options that it takes, shared ones too; NULL after the last. */
	const struct command_option *options[COMMAND_GROUPS];
};

/* What begins a command's words and is a subject of its own: "fetch". */
struct command_noun {
	const char *word;
	const char *help;    /* heads it in the help; NULL: it stands below the one before */
	const char *about;   /* of its manual page: what a line does not say; a few sentences */
	const char *example; /* a command line of it */
};

/* A name under which the program is called, and what that stands for. */
struct command_alias {
	const char *program; /* "scitq-fetch" */
	const char *words;   /* "fetch" */
};

/* commands.c; ended by a row of NULLs. */
extern const struct command commands[];
extern const struct command_noun command_nouns[];
extern const struct command_alias command_aliases[];
/* Groups of options that may stand before the command too, as in `scitq -s HOST task list`; ended
   by NULL. */
extern const struct command_option *const command_leading[];

struct command_given {
	const struct command_option *option;
	const char *value; /* "" where it takes none */
};

/* A command line that was read. */
struct command_call {
	const char *program; /* as it was called: "scitq", "scitq-fetch" */
	const char *typed;   /* behind that, for the command: "task list" */
	const struct command *command;
	VEC(struct command_given) given; /* in the order of the command line */
	char **words;                    /* the arguments */
	size_t nwords;
	char **behind; /* those behind `--`, where the synopsis has it; ended by NULL */
	size_t nbehind;
};

/* Its value may be left out. */
static inline bool option_is_bare(const struct command_option *o)
{
	return o->argument != NULL && o->argument[0] == '[';
}

/* Whether the words begin with those, at the end of a word; each does with "". */
bool command_begins(const char *words, const char *prefix);

/* Read the command line, do what it says: the exit code of the program. argv is permuted. */
int command_main(int argc, char **argv);

/* The option of that name that the command has; NULL: none. */
const struct command_option *command_option(const struct command *c, const char *name);
/* Value of the option that was given last; NULL: not given. The command has such an option. */
const char *command_value(const struct command_call *call, const char *option);
bool command_has(const struct command_call *call, const char *option);

/* Say on standard error what is wrong with the command line: the exit code for that. */
int command_misused(const struct command_call *call, const char *fmt, ...)
        __attribute__((format(printf, 2, 3)));

#endif
