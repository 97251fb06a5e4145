#include "cli/completion.h"

#include "cli/io.h"

#include <string.h>

/* The first word of a command's words; 0 where it was that of the row before too. */
static size_t new_noun(const struct command *c)
{
	size_t n = strcspn(c->words, " ");

	return c > commands && strncmp(c[-1].words, c->words, n) == 0 &&
	                       strcspn(c[-1].words, " ") == n
	               ? 0
	               : n;
}

/* The words that may follow that noun; those that begin a command for "". */
static void add_next(struct str *out, const char *noun)
{
	for (const struct command *c = commands; c->words != NULL; c++) {
		size_t n = new_noun(c);

		if (*noun == '\0' && n > 0)
			str_addf(out, "%.*s ", (int)n, c->words);
		else if (*noun != '\0' && command_begins(c->words, noun) &&
		         c->words[strlen(noun)] == ' ')
			str_addf(out, "%s ", c->words + strlen(noun) + 1);
	}
}

static void add_options(struct str *out, const struct command *c)
{
	for (size_t i = 0; i < COMMAND_GROUPS && c->options[i] != NULL; i++) {
		for (const struct command_option *o = c->options[i]; o->name != NULL; o++)
			str_addf(out, "--%s ", o->name);
	}
	str_adds(out, "--help");
}

/* Cases by what stands before the word that is completed, for both shells that have `case`. */
static void add_cases(struct str *out)
{
	for (const struct command *c = commands; c->words != NULL; c++) {
		str_addf(out, "\t'%s'|'%s '*) words='", c->words, c->words);
		add_options(out, c);
		str_adds(out, "' ;;\n");
	}
	for (const struct command *c = commands; c->words != NULL; c++) {
		size_t n = new_noun(c);
		struct str noun = STR_INIT;

		if (n == 0 || c->words[n] == '\0')
			continue;
		str_add(&noun, c->words, n);
		str_addf(out, "\t'%s') words='", noun.p);
		add_next(out, noun.p);
		str_adds(out, "' ;;\n");
		str_release(&noun);
	}
	str_adds(out, "\t'') words='");
	add_next(out, "");
	str_adds(out, "' ;;\n");
}

/* The names of the program that stand for others of its commands. */
static void add_alias_names(struct str *out)
{
	for (const struct command_alias *a = command_aliases; a->program != NULL; a++)
		str_addf(out, " %s", a->program);
}

/* Under another name the command line begins with what that stands for. */
static void add_aliases(struct str *out, const char *called, const char *line)
{
	str_addf(out, "\tcase %s in\n", called);
	for (const struct command_alias *a = command_aliases; a->program != NULL; a++) {
		if (*a->words != '\0')
			str_addf(out, "\t%s) %s=\"%s${%s:+ $%s}\" ;;\n", a->program, line, a->words,
			         line, line);
	}
	str_adds(out, "\tesac\n");
}

/* Files where no command has such an option: URIs and paths are arguments too. */
static void add_bash(struct str *out)
{
	str_adds(out, "# Completion of scitq for bash.\n"
	              "_scitq() {\n"
	              "\tlocal word=${COMP_WORDS[COMP_CWORD]} words=\n"
	              "\tlocal line=\"${COMP_WORDS[*]:1:COMP_CWORD-1}\"\n");
	add_aliases(out, "${COMP_WORDS[0]##*/}", "line");
	str_adds(out, "\tcase $line in\n");
	add_cases(out);
	str_adds(out, "\tesac\n"
	              "\tcase $line in *' '*) [[ $word == -* ]] || words= ;; esac\n"
	              "\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n"
	              "}\n"
	              "complete -o default -F _scitq scitq");
	add_alias_names(out);
	str_addc(out, '\n');
}

static void add_zsh(struct str *out)
{
	str_adds(out, "#compdef scitq");
	add_alias_names(out);
	str_adds(out, "\n# Completion of scitq for zsh.\n"
	              "_scitq() {\n"
	              "\tlocal words_before=\"${words[2,CURRENT-1]}\" word=${words[CURRENT]}\n"
	              "\tlocal called=${words[1]:t}\n"
	              "\t() {\n"
	              "\tlocal words=\n");
	add_aliases(out, "$called", "words_before");
	str_adds(out, "\tcase $words_before in\n");
	add_cases(out);
	str_adds(out, "\tesac\n"
	              "\tif [[ $words_before == *' '* && $word != -* ]]; then _files; else compadd "
	              "-- ${=words}; fi\n"
	              "\t}\n"
	              "}\n"
	              "if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _scitq \"$@\"; else "
	              "compdef _scitq scitq");
	add_alias_names(out);
	str_adds(out, "; fi\n");
}

/* fish quotes ' and \ by a backslash. */
static void add_quoted(struct str *out, const char *text)
{
	str_addc(out, '\'');
	for (; *text != '\0'; text++) {
		if (*text == '\'' || *text == '\\')
			str_addc(out, '\\');
		str_addc(out, *text);
	}
	str_addc(out, '\'');
}

static void add_fish_options(struct str *out, const struct command *c)
{
	for (size_t i = 0; i < COMMAND_GROUPS && c->options[i] != NULL; i++) {
		for (const struct command_option *o = c->options[i]; o->name != NULL; o++) {
			str_addf(out, "complete -c scitq -n '__scitq_begins %s'", c->words);
			if (o->letter != 0)
				str_addf(out, " -s %c", o->letter);
			str_addf(out, " -l %s%s -d ", o->name,
			         o->argument != NULL && !option_is_bare(o) ? " -r" : "");
			add_quoted(out, o->help);
			str_addc(out, '\n');
		}
	}
}

static void add_fish(struct str *out)
{
	str_adds(out, "# Completion of scitq for fish.\n"
	              "function __scitq_at\n"
	              "\tset -l words (commandline -opc)\n"
	              "\ttest \"$words[2..-1]\" = \"$argv\"\n"
	              "end\n"
	              "function __scitq_begins\n"
	              "\tset -l words (commandline -opc)\n"
	              "\tset -l n (math (count $argv) + 1)\n"
	              "\ttest (count $words) -ge $n; and test \"$words[2..$n]\" = \"$argv\"\n"
	              "end\n");
	for (const struct command *c = commands; c->words != NULL; c++) {
		size_t n = new_noun(c);
		const char *verb = strchr(c->words, ' ');

		if (n > 0)
			str_addf(out, "complete -c scitq -f -n '__scitq_at' -a %.*s\n", (int)n,
			         c->words);
		if (verb != NULL) {
			str_addf(out, "complete -c scitq -f -n '__scitq_at %.*s' -a %s -d ",
			         (int)(verb - c->words), c->words, verb + 1);
			add_quoted(out, c->help);
			str_addc(out, '\n');
		}
		add_fish_options(out, c);
	}
	for (const struct command_alias *a = command_aliases; a->program != NULL; a++)
		str_addf(out, "complete -c %s -w 'scitq%s%s'\n", a->program,
		         *a->words != '\0' ? " " : "", a->words);
}

int completion(const struct command_call *call)
{
	static const struct {
		const char *shell;
		void (*add)(struct str *out);
	} shells[] = {{"bash", add_bash}, {"zsh", add_zsh}, {"fish", add_fish}};
	struct str out = STR_INIT;

	for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++) {
		if (strcmp(shells[i].shell, call->words[0]) == 0) {
			shells[i].add(&out);
			return io_print(&out);
		}
	}
	return command_misused(call, "%s is none of bash, zsh, fish", call->words[0]);
}
