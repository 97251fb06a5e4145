#include "cli/manual.h"

#include "cli/io.h"

#include <string.h>

/* Signs that mean something to scdoc get a backslash. */
static void add_text(struct str *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (strchr("*_\\[]#<>~|", *text) != NULL)
			str_addc(out, '\\');
		str_addc(out, *text);
	}
}

static void add_option(struct str *out, const struct command_option *o)
{
	str_adds(out, "*");
	if (o->letter != 0)
		str_addf(out, "-%c*, *", o->letter);
	str_addf(out, "--%s*", o->name);
	if (o->argument != NULL) {
		str_adds(out, " ");
		add_text(out, o->argument);
	}
	str_adds(out, "\n\t");
	add_text(out, o->help);
	str_adds(out, ".\n\n");
}

/* A command with the options that are its own. */
static void add_command(struct str *out, const struct command *c,
                        const struct command_option *const *shared)
{
	/* A heading is taken as it is written: in one a backslash is itself. */
	str_addf(out, "## scitq %s%s%s\n\n", c->words, *c->arguments != '\0' ? " " : "",
	         c->arguments);
	add_text(out, c->help);
	str_adds(out, ".\n\n");
	for (size_t i = 0; i < COMMAND_GROUPS && c->options[i] != NULL; i++) {
		bool is_shared = false;

		for (size_t k = 0; shared[k] != NULL; k++)
			is_shared = is_shared || shared[k] == c->options[i];
		for (const struct command_option *o = c->options[i]; !is_shared && o->name != NULL;
		     o++)
			add_option(out, o);
	}
}

static bool has_group(const struct command *c, const struct command_option *group)
{
	for (size_t i = 0; i < COMMAND_GROUPS && c->options[i] != NULL; i++) {
		if (c->options[i] == group)
			return true;
	}
	return false;
}

/* The options of every command about a server, once, where the page has such commands. */
static void add_server_options(struct str *out, const char *noun)
{
	bool any = false;

	for (size_t g = 0; command_leading[g] != NULL; g++) {
		for (const struct command *c = commands; c->words != NULL; c++) {
			if (!command_begins(c->words, noun) || !has_group(c, command_leading[g]))
				continue;
			if (!any)
				str_adds(out, "# OPTIONS FOR THE SERVER\n\n");
			any = true;
			for (const struct command_option *o = command_leading[g]; o->name != NULL;
			     o++)
				add_option(out, o);
			break;
		}
	}
	if (any)
		str_adds(out, "Without them the server is that of SCITQ\\_SERVER and SCITQ\\_TOKEN "
		              "in the environment, else the private one of scitq-run's "
		              "state directory, else the one that _/etc/scitq.conf_ or the user's "
		              "_scitq/scitq.conf_ names.\n\n");
}

static void add_exit_codes(struct str *out)
{
	str_adds(out, "# EXIT STATUS\n\n"
	              "0 where all was done, 1 where tasks failed that the command stayed for, or "
	              "a file is not there, 2 "
	              "where the command line is wrong, 4 where the server "
	              "refuses or cannot be reached, 5 where this "
	              "machine fails.\n\n");
}

/* `scitq run` and `scitq worker` are not the programs scitq-run and scitq-worker. */
static const char *page_name(const struct command_noun *n)
{
	return strcmp(n->word, "run") == 0      ? "runs"
	       : strcmp(n->word, "worker") == 0 ? "workers"
	                                        : n->word;
}

static void add_page(struct str *out, const struct command_noun *n)
{
	str_addf(out, "scitq-%s(1)\n\n# NAME\n\nscitq-%s - ", page_name(n), page_name(n));
	for (const struct command *c = commands; c->words != NULL; c++) {
		/* A command that is its own subject says what the page is about. */
		if (strcmp(c->words, n->word) == 0)
			add_text(out, c->help);
	}
	if (n->help != NULL && out->p[out->len - 2] == '-') {
		add_text(out, n->help);
		out->p[--out->len] = '\0'; /* its colon */
	}
	str_adds(out, "\n\n# DESCRIPTION\n\n");
	add_text(out, n->about);
	str_adds(out, "\n\n# COMMANDS\n\n");
	for (const struct command *c = commands; c->words != NULL; c++) {
		if (command_begins(c->words, n->word))
			add_command(out, c, command_leading);
	}
	add_server_options(out, n->word);
	str_adds(out, "# EXAMPLE\n\n");
	add_text(out, n->example);
	str_adds(out, "\n\n");
	add_exit_codes(out);
	str_adds(out, "# SEE ALSO\n\n*scitq*(1)\n");
}

static void add_overview(struct str *out)
{
	str_adds(
	        out,
	        "scitq(1)\n\n# NAME\n\nscitq - watch and steer a live system, and move its data\n\n"
	        "# SYNOPSIS\n\n*scitq* COMMAND \\[OPTION\\]... \\[ARGUMENT\\]...\n\n# "
	        "COMMANDS\n\n");
	for (const struct command *c = commands; c->words != NULL; c++) {
		str_adds(out, "*");
		add_text(out, c->words);
		str_adds(out, "*");
		if (*c->arguments != '\0') {
			str_addc(out, ' ');
			add_text(out, c->arguments);
		}
		str_adds(out, "\n\t");
		add_text(out, c->help);
		str_adds(out, ".\n\n");
	}
	add_server_options(out, "");
	str_adds(out, "# OTHER NAMES\n\n");
	for (const struct command_alias *a = command_aliases; a->program != NULL; a++)
		str_addf(out, "*%s* is *scitq%s%s*.\n\n", a->program, *a->words ? " " : "",
		         a->words);
	add_exit_codes(out);
	str_adds(out, "# SEE ALSO\n\n");
	for (const struct command_noun *n = command_nouns; n->word != NULL; n++)
		str_addf(out, "%s*scitq-%s*(1)", n == command_nouns ? "" : ", ", page_name(n));
	str_addc(out, '\n');
}

int manual(const struct command_call *call)
{
	struct str out = STR_INIT;

	if (call->nwords == 0) {
		add_overview(&out);
		return io_print(&out);
	}
	for (const struct command_noun *n = command_nouns; n->word != NULL; n++) {
		if (strcmp(page_name(n), call->words[0]) == 0) {
			add_page(&out, n);
			return io_print(&out);
		}
	}
	str_release(&out);
	return command_misused(call, "there is no page %s", call->words[0]);
}
