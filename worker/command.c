#include "worker/command.h"

#include "base/words.h"
#include "worker/tree.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define VARIABLES 16

int64_t command_cpus(double cpu, double weight, double worker_cpus)
{
	/* Rounding must not take a cpu away: a third of three is one. */
	double n = floor((isnan(cpu) ? worker_cpus * weight : cpu) + 1e-6);

	/* A task that asks for more than there is runs alone, with all there is. */
	if (worker_cpus >= 1 && n > worker_cpus)
		n = floor(worker_cpus + 1e-6);
	return n >= 1 && n < 1e6 ? (int64_t)n : 1;
}

/* Words that a shell executes or reads by itself: POSIX, dash and bash. */
static const char *const shell_words[] = {
        ".",        ":",       "[",       "alias",  "bg",      "bind",     "break",    "builtin",
        "caller",   "case",    "cd",      "chdir",  "command", "compgen",  "complete", "compopt",
        "continue", "coproc",  "declare", "dirs",   "disown",  "do",       "done",     "echo",
        "elif",     "else",    "enable",  "esac",   "eval",    "exec",     "exit",     "export",
        "false",    "fc",      "fg",      "fi",     "for",     "function", "getopts",  "hash",
        "help",     "history", "if",      "in",     "jobs",    "kill",     "let",      "local",
        "logout",   "mapfile", "popd",    "printf", "pushd",   "pwd",      "read",     "readarray",
        "readonly", "return",  "select",  "set",    "shift",   "shopt",    "source",   "suspend",
        "test",     "then",    "time",    "times",  "trap",    "true",     "type",     "typeset",
        "ulimit",   "umask",   "unalias", "unset",  "until",   "wait",     "while",
};

static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./,:+@=";

static bool needs_shell(const char *text)
{
	size_t blank = strspn(text, " \t"), first;

	text += blank;
	first = strcspn(text, " \t");
	if (first == 0 || memchr(text, '=', first) != NULL)
		return true;
	for (size_t i = 0; i < sizeof(shell_words) / sizeof(shell_words[0]); i++) {
		if (strlen(shell_words[i]) == first && memcmp(shell_words[i], text, first) == 0)
			return true;
	}
	while (*text != '\0') {
		text += strspn(text, plain);
		if (*text == '\0')
			return false;
		if (*text != ' ' && *text != '\t')
			return true;
		text++;
	}
	return false;
}

bool command_shell_is_plain(char *const *environment)
{
	for (; *environment != NULL; environment++) {
		if (strncmp(*environment, "BASH_FUNC_", 10) == 0 ||
		    strncmp(*environment, "BASH_ENV=", 9) == 0 ||
		    strncmp(*environment, "ENV=", 4) == 0)
			return false;
	}
	return true;
}

/* Execute what the shell would execute. */
static void skip_shell(struct command *c, struct arena *arena)
{
	char **words;
	size_t n;

	if (c->nwords != 3 || strcmp(c->words[1], "-c") != 0 ||
	    (strcmp(c->words[0], "sh") != 0 && strcmp(c->words[0], "/bin/sh") != 0) ||
	    needs_shell(c->words[2]) || words_split(c->words[2], arena, &words, &n) != WORDS_OK)
		return;
	c->fallback = c->words;
	c->nfallback = c->nwords;
	c->words = words;
	c->nwords = n;
}

static void add(struct command *c, char *variable)
{
	c->variables[c->nvariables++] = variable;
}

bool command_build(const struct command_input *in, struct arena *arena, struct command *c,
                   struct str *error)
{
	enum words_error bad = words_split(in->command, arena, &c->words, &c->nwords);
	/* In a container the directories of the task stand in the root. */
	const char *dir = in->directory, *seen = in->contained ? "" : dir;

	c->script = NULL;
	c->contained = false;
	c->fallback = NULL;
	c->nfallback = 0;
	if (bad != WORDS_OK) {
		str_addf(error, "the command cannot be split into words: %s",
		         words_error_text(bad));
		return false;
	}
	if (c->nwords == 0) {
		str_adds(error, "the command is empty");
		return false;
	}
	if (in->script != NULL) {
		char **words = arena_array(arena, char *, c->nwords + 2);

		memcpy(words, c->words, c->nwords * sizeof(*words));
		c->script = arena_printf(arena, "%s/script", dir);
		words[c->nwords++] = in->contained ? arena_strdup(arena, COMMAND_SCRIPT_FILE)
		                                   : arena_strdup(arena, c->script);
		c->words = words;
	} else if (in->plain_shell && !in->contained) {
		skip_shell(c, arena);
	}
	c->variables = arena_array(arena, char *, VARIABLES);
	c->nvariables = 0;
	add(c, arena_printf(arena, "CPU=%" PRId64,
	                    command_cpus(in->cpu, in->weight, in->worker_cpus)));
	add(c, arena_printf(arena, "INPUT=%s/input", seen));
	add(c, arena_printf(arena, "OUTPUT=%s/output", seen));
	add(c, arena_printf(arena, "RESOURCE=%s/resource", seen));
	add(c, arena_printf(arena, "TEMP=%s/tmp", seen));
	if (!in->contained)
		add(c, arena_printf(arena, "PWD=%s/tmp", dir));
	add(c, in->contained ? arena_strdup(arena, "SCITQ_LINE=" COMMAND_LINE_FILE)
	                     : arena_printf(arena, "SCITQ_LINE=%s/line", dir));
	add(c, arena_printf(arena, "SCITQ_TASK_ID=%" PRId64, in->task_id));
	add(c, arena_printf(arena, "SCITQ_EXECUTION_ID=%" PRId64, in->execution_id));
	if (in->name != NULL)
		add(c, arena_printf(arena, "SCITQ_TASK_NAME=%s", in->name));
	if (in->batch != NULL)
		add(c, arena_printf(arena, "SCITQ_BATCH=%s", in->batch));
	if (!in->contained)
		add(c, arena_printf(arena, TREE_MARKER_NAME "=%s", dir));
	c->directory = arena_printf(arena, "%s/tmp", dir);
	return true;
}
