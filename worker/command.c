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

	return n >= 1 && n < 1e6 ? (int64_t)n : 1;
}

static void add(struct command *c, char *variable)
{
	c->variables[c->nvariables++] = variable;
}

bool command_build(const struct command_input *in, struct arena *arena, struct command *c,
                   struct str *error)
{
	enum words_error bad = words_split(in->command, arena, &c->words, &c->nwords);
	const char *dir = in->directory;

	c->script = NULL;
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
		words[c->nwords] = arena_printf(arena, "%s/script", dir);
		c->script = words[c->nwords++];
		c->words = words;
	}
	c->variables = arena_array(arena, char *, VARIABLES);
	c->nvariables = 0;
	add(c, arena_printf(arena, "CPU=%" PRId64,
	                    command_cpus(in->cpu, in->weight, in->worker_cpus)));
	add(c, arena_printf(arena, "INPUT=%s/input", dir));
	add(c, arena_printf(arena, "OUTPUT=%s/output", dir));
	add(c, arena_printf(arena, "RESOURCE=%s/resource", dir));
	add(c, arena_printf(arena, "TEMP=%s/tmp", dir));
	add(c, arena_printf(arena, "PWD=%s/tmp", dir));
	add(c, arena_printf(arena, "SCITQ_LINE=%s/line", dir));
	add(c, arena_printf(arena, "SCITQ_TASK_ID=%" PRId64, in->task_id));
	add(c, arena_printf(arena, "SCITQ_EXECUTION_ID=%" PRId64, in->execution_id));
	if (in->name != NULL)
		add(c, arena_printf(arena, "SCITQ_TASK_NAME=%s", in->name));
	if (in->batch != NULL)
		add(c, arena_printf(arena, "SCITQ_BATCH=%s", in->batch));
	add(c, arena_printf(arena, TREE_MARKER_NAME "=%s", dir));
	c->directory = arena_printf(arena, "%s/tmp", dir);
	return true;
}
