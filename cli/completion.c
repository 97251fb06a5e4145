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

/* ---- what the server knows ---- */

/* What a placeholder stands for, as _scitq_ask knows it, or "file"; "none": nothing that we know.
 */
static const char *kind_of(const char *placeholder)
{
	static const struct {
		const char *placeholder, *kind;
	} kinds[] = {{"RUN", "run"},   {"BATCH", "batch"}, {"WORKER", "worker"},
	             {"FILE", "file"}, {"DIR", "file"},    {"URI", "file"},
	             {"URIS", "file"}, {"SOURCE", "file"}, {"COMMAND", "file"}};
	size_t n = strspn(placeholder, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strlen(kinds[i].placeholder) == n &&
		    strncmp(kinds[i].placeholder, placeholder, n) == 0)
			return kinds[i].kind;
	}
	return strchr(placeholder, '|') != NULL && n == 0 ? placeholder : "none";
}

/* What its first argument is, and what those behind that are. */
static void kinds_of(const struct command *c, const char **first, const char **behind)
{
	const char *synopsis = c->arguments + (c->arguments[0] == '[');

	if (*synopsis == '\0') {
		*first = *behind = "option";
	} else if (strstr(synopsis, "RUN") != NULL && strstr(synopsis, "TASK") != NULL) {
		/* To these a number is a run. */
		*first = "run";
		*behind = strstr(synopsis, "STEP") != NULL ? "step" : "task";
	} else {
		*first = kind_of(synopsis);
		*behind = c->most > 1 ? *first : "none";
	}
}

/* A program that prints what there is of a kind, in all three shells. */
#define FIELDS "awk -F'\"' "
#define NAMES FIELDS "'$4 == \"task\" { print $10 }'"
#define NUMBERS_AND_NAMES                                                                          \
	FIELDS "'$4 != \"scitq\" { gsub(/[:,]/, \"\", $7); print $7 \"\\n\" $10 }'"
#define STEPS                                                                                      \
	FIELDS "'$4 == \"task\" { print $10; if (sub(/:.*/, \"\", $10) && !seen[$10]++) print "    \
	       "$10 }'"
#define BATCHES FIELDS "'$6 == \"batch\" { print $8 }'"
/* As many tasks of a run are offered at most. */
#define SOME "head -n 1000"
/* Seconds: whoever presses a key does not wait long. */
#define PATIENCE "--timeout 2"

/* ---- bash and zsh ---- */

/* Options as a pattern of `case`, with what is behind each: "-s|--server". */
static void add_leading(struct str *out, const char *behind_letter, const char *behind_name)
{
	bool first = true;

	for (size_t i = 0; command_leading[i] != NULL; i++) {
		for (const struct command_option *o = command_leading[i]; o->name != NULL; o++) {
			if (o->letter != 0)
				str_addf(out, "%s-%c%s", first ? "" : "|", o->letter,
				         behind_letter);
			str_addf(out, "%s--%s%s", first && o->letter == 0 ? "" : "|", o->name,
			         behind_name);
			first = false;
		}
	}
}

/* The options that take a value, each with what that is: " -r:run --run:run". */
static void add_valued(struct str *out, const struct command_option *const *groups, size_t n)
{
	for (size_t i = 0; i < n && groups[i] != NULL; i++) {
		for (const struct command_option *o = groups[i]; o->name != NULL; o++) {
			const char *kind;

			if (o->argument == NULL || option_is_bare(o))
				continue;
			kind = kind_of(o->argument);
			if (o->letter != 0)
				str_addf(out, " -%c:%s", o->letter, kind);
			str_addf(out, " --%s:%s", o->name, kind);
		}
	}
}

/* By what stands before the word that is completed. */
static void add_cases(struct str *out)
{
	for (const struct command *c = commands; c->words != NULL; c++) {
		const char *first, *behind;

		kinds_of(c, &first, &behind);
		str_addf(out, "\t'%s'|'%s '*) offer='", c->words, c->words);
		add_options(out, c);
		str_addf(out, "' skip=%d first='%s' behind='%s' valued='",
		         strchr(c->words, ' ') != NULL ? 2 : 1, first, behind);
		add_valued(out, c->options, COMMAND_GROUPS);
		str_adds(out, "' ;;\n");
	}
	for (const struct command *c = commands; c->words != NULL; c++) {
		size_t n = new_noun(c);
		struct str noun = STR_INIT;

		if (n == 0 || c->words[n] == '\0')
			continue;
		str_add(&noun, c->words, n);
		str_addf(out, "\t'%s') offer='", noun.p);
		add_next(out, noun.p);
		str_adds(out, "' ;;\n");
		str_release(&noun);
	}
	str_adds(out, "\t'') offer='");
	add_next(out, "");
	str_adds(out, "' ;;\n");
}

/* The names of the program that stand for others of its commands. */
static void add_alias_names(struct str *out)
{
	for (const struct command_alias *a = command_aliases; a->program != NULL; a++)
		str_addf(out, " %s", a->program);
}

/*
 * _scitq_follow WORD... : what may follow the words behind the program's name, `called`, where
 * `typed` is what there is of it. `what` is the kind of the word; `offer` are those of kind option;
 * `lead` are the options that name the server, and `run` the first argument.
 */
static void add_follow(struct str *out)
{
	str_adds(out, "_scitq_follow() {\n"
	              "\tlocal word opt= n=0 skip=0 first= behind= valued=\n"
	              "\tlead=() run= offer= what=none\n"
	              "\tcase ${called##*/} in\n");
	/* Under another name the command line begins with what that stands for. */
	for (const struct command_alias *a = command_aliases; a->program != NULL; a++) {
		if (*a->words != '\0')
			str_addf(out, "\t%s) set -- %s \"$@\" ;;\n", a->program, a->words);
	}
	str_adds(out, "\tesac\n"
	              "\twhile :; do\n"
	              "\t\tcase ${1-} in\n\t\t");
	add_leading(out, "", "");
	str_adds(out, ")\n\t\t\tvalued='");
	add_valued(out, command_leading, COMMAND_GROUPS);
	str_adds(out, "'\n"
	              "\t\t\tif [[ $# -lt 2 ]]; then what=${valued##*\" $1:\"}; what=${what%% *}; "
	              "return; fi\n"
	              "\t\t\tlead+=(\"$1\" \"$2\"); shift 2 ;;\n\t\t");
	add_leading(out, "*", "=*");
	str_adds(out, ") lead+=(\"$1\"); shift ;;\n"
	              "\t\t*) break ;;\n"
	              "\t\tesac\n"
	              "\tdone\n"
	              "\tcase \"$*\" in\n");
	add_cases(out);
	str_adds(out, "\tesac\n"
	              "\tif [[ $typed == -* && $# -eq 0 ]]; then offer='");
	for (size_t i = 0; command_leading[i] != NULL; i++) {
		for (const struct command_option *o = command_leading[i]; o->name != NULL; o++)
			str_addf(out, "--%s ", o->name);
	}
	str_adds(out, "--help --version'; fi\n"
	              "\t[[ -z $offer ]] || what=option\n"
	              "\t[[ $skip -gt 0 ]] || return\n"
	              "\tshift $skip\n"
	              "\tfor word; do\n"
	              "\t\tif [[ -n $opt ]]; then\n"
	              "\t\t\tcase $opt in ");
	add_leading(out, "", "");
	str_adds(out, ") lead+=(\"$opt\" \"$word\") ;; esac\n"
	              "\t\t\topt=\n"
	              "\t\telif [[ $word == -- ]]; then what=file; return\n"
	              "\t\telif [[ $word == -* ]]; then\n"
	              "\t\t\tcase $word in ");
	add_leading(out, "?*", "=*");
	str_adds(out, ") lead+=(\"$word\") ;; esac\n"
	              "\t\t\tcase $valued in *\" $word:\"*) opt=$word ;; esac\n"
	              "\t\telse\n"
	              "\t\t\tn=$((n + 1))\n"
	              "\t\t\t[[ $n -gt 1 ]] || run=$word\n"
	              "\t\tfi\n"
	              "\tdone\n"
	              "\tif [[ -n $opt ]]; then what=${valued##*\" $opt:\"}; what=${what%% *}\n"
	              "\telif [[ $typed == -* ]]; then what=option\n"
	              "\telif [[ $n -eq 0 ]]; then what=$first\n"
	              "\telse what=$behind\n"
	              "\tfi\n"
	              "}\n");
}

/* _scitq_ask KIND RUN OPTION... : what there is of it on the server that the options name. */
static void add_ask(struct str *out)
{
	str_adds(out, "_scitq_ask() {\n"
	              "\tlocal what=$1 run=$2 scitq=scitq\n"
	              "\tshift 2\n"
	              "\t[[ $called != */* ]] || scitq=${called%/*}/scitq\n"
	              "\tcase $what in\n"
	              "\trun|worker) \"$scitq\" \"$@\" \"$what\" list --json " PATIENCE
	              " | " NUMBERS_AND_NAMES " ;;\n"
	              "\tbatch) \"$scitq\" \"$@\" batch list --json " PATIENCE " | " BATCHES " ;;\n"
	              "\ttask) \"$scitq\" \"$@\" task list --run \"$run\" --json " PATIENCE
	              " | " SOME " | " NAMES " ;;\n"
	              "\tstep) \"$scitq\" \"$@\" task list --run \"$run\" --json " PATIENCE
	              " | " SOME " | " STEPS " ;;\n"
	              "\t*'|'*) printf '%s\\n' \"$what\" | tr '|' '\\n' ;;\n"
	              "\tesac 2>/dev/null\n"
	              "}\n");
	add_follow(out);
}

/*
 * bash cuts words at : and = too, which are no ends of words here; what it is given is put behind
 * the last of these.
 */
static void add_bash(struct str *out)
{
	str_adds(out, "# Completion of scitq for bash.\n");
	add_ask(out);
	str_adds(
	        out,
	        "_scitq() {\n"
	        "\tlocal called offer what run line=${COMP_LINE:0:COMP_POINT} typed= cut=\n"
	        "\tlocal -a lead before\n"
	        "\tread -ra before <<<\"$line\"\n"
	        "\tcalled=${before[0]/#\\~\\//$HOME/}\n"
	        "\t[[ $line == *[[:space:]] ]] || { typed=${before[-1]}; unset 'before[-1]'; }\n"
	        "\t_scitq_follow \"${before[@]:1}\"\n"
	        "\t[[ $word != -* ]] || what=option\n"
	        "\tCOMPREPLY=()\n"
	        "\t[[ $what != file ]] || return\n"
	        "\tcompopt +o default 2>/dev/null\n"
	        "\t[[ $what == option ]] || offer=$(_scitq_ask \"$what\" \"$run\" \"${lead[@]}\")\n"
	        "\tmapfile -t COMPREPLY < <(compgen -W \"$offer\" -- \"$typed\")\n"
	        "\t[[ $typed != *[:=]* ]] || cut=${typed%\"${typed##*[:=]}\"}\n"
	        "\tCOMPREPLY=(\"${COMPREPLY[@]#\"$cut\"}\")\n"
	        "}\n"
	        "complete -o default -F _scitq scitq");
	add_alias_names(out);
	str_addc(out, '\n');
}

static void add_zsh(struct str *out)
{
	str_adds(out, "#compdef scitq");
	add_alias_names(out);
	str_adds(out, "\n# Completion of scitq for zsh.\n");
	add_ask(out);
	str_adds(out,
	         "_scitq() {\n"
	         "\tlocal called=${(Q)~words[1]} typed=${words[CURRENT]} offer what run\n"
	         "\tlocal -a lead\n"
	         "\t_scitq_follow \"${(@Q)words[2,CURRENT-1]}\"\n"
	         "\t[[ ${words[CURRENT]} != -* ]] || what=option\n"
	         "\tcase $what in\n"
	         "\tfile) _files ;;\n"
	         "\toption) compadd -- ${=offer} ;;\n"
	         "\t*) compadd -- ${(f)\"$(_scitq_ask \"$what\" \"$run\" \"${lead[@]}\")\"} ;;\n"
	         "\tesac\n"
	         "}\n"
	         "if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _scitq \"$@\"; else "
	         "compdef _scitq scitq");
	add_alias_names(out);
	str_adds(out, "; fi\n");
}

/* ---- fish ---- */

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
			const char *kind = o->argument != NULL ? kind_of(o->argument) : "none";

			str_addf(out, "complete -c scitq -n '__scitq_begins %s'", c->words);
			if (o->letter != 0)
				str_addf(out, " -s %c", o->letter);
			str_addf(out, " -l %s", o->name);
			if (strcmp(kind, "file") == 0)
				str_adds(out, " -rF");
			else if (o->argument != NULL && !option_is_bare(o))
				str_addf(out, " -x -a '(__scitq_ask \"%s\")'", kind);
			str_adds(out, " -d ");
			add_quoted(out, o->help);
			str_addc(out, '\n');
		}
	}
}

/* Its arguments. Their kinds are told to fish by which words are values of options before. */
static void add_fish_arguments(struct str *out, const struct command *c)
{
	const char *first, *behind;

	kinds_of(c, &first, &behind);
	if (strcmp(first, "file") == 0)
		return;
	str_addf(out,
	         "complete -c scitq -f -n '__scitq_begins %s' -a '(__scitq_argument %d \"%s\" "
	         "\"%s\"",
	         c->words, strchr(c->words, ' ') != NULL ? 2 : 1, first, behind);
	add_valued(out, c->options, COMMAND_GROUPS);
	str_adds(out, ")'\n");
}

/* The words that were typed, without the options before the command: those go to `lead`. */
static void add_fish_words(struct str *out)
{
	str_adds(out, "function __scitq_words\n"
	              "\tset -l words (commandline -opc)\n"
	              "\tset -e words[1]\n"
	              "\twhile set -q words[1]\n"
	              "\t\tif string match -qr -- '^(");
	add_leading(out, "", "");
	str_adds(out, ")$' $words[1]\n"
	              "\t\t\tset -e words[1]; set -e words[1]\n"
	              "\t\telse if string match -qr -- '^(");
	add_leading(out, "", "=");
	str_adds(out, ")' $words[1]\n"
	              "\t\t\tset -e words[1]\n"
	              "\t\telse\n"
	              "\t\t\tbreak\n"
	              "\t\tend\n"
	              "\tend\n"
	              "\tset -q words[1]; and string join \\n -- $words\n"
	              "\ttrue\n"
	              "end\n");
}

/* The options that name the server, wherever they stand. */
static void add_fish_lead(struct str *out)
{
	str_adds(out, "function __scitq_lead\n"
	              "\tset -l opt\n"
	              "\tfor word in (commandline -opc)[2..-1]\n"
	              "\t\tif test -n \"$opt\"; or string match -qr -- '^(");
	add_leading(out, ".", "=");
	str_adds(out, ")' $word\n"
	              "\t\t\techo -- $word\n"
	              "\t\t\tset opt\n"
	              "\t\telse if string match -qr -- '^(");
	add_leading(out, "", "");
	str_adds(out, ")$' $word\n"
	              "\t\t\techo -- $word\n"
	              "\t\t\tset opt $word\n"
	              "\t\tend\n"
	              "\tend\n"
	              "end\n");
}

static void add_fish(struct str *out)
{
	str_adds(out, "# Completion of scitq for fish.\n");
	add_fish_words(out);
	add_fish_lead(out);
	str_adds(out, "function __scitq_at\n"
	              "\tset -l words (__scitq_words)\n"
	              "\ttest \"$words\" = \"$argv\"\n"
	              "end\n"
	              "function __scitq_begins\n"
	              "\tset -l words (__scitq_words)\n"
	              "\tset -l n (count $argv)\n"
	              "\ttest (count $words) -ge $n; and test \"$words[1..$n]\" = \"$argv\"\n"
	              "end\n"
	              "function __scitq_ask\n"
	              "\tset -l lead (__scitq_lead)\n"
	              "\tset -l scitq (commandline -opc)[1]\n"
	              "\tset scitq (string replace -r '[^/]*$' scitq -- $scitq)\n"
	              "\tswitch $argv[1]\n"
	              "\tcase run worker\n"
	              "\t\t$scitq $lead $argv[1] list --json " PATIENCE
	              " 2>/dev/null | " NUMBERS_AND_NAMES "\n\tcase batch\n"
	              "\t\t$scitq $lead batch list --json " PATIENCE " 2>/dev/null | " BATCHES
	              "\n\tcase task\n"
	              "\t\t$scitq $lead task list --run $argv[2] --json " PATIENCE
	              " 2>/dev/null | " SOME " | " NAMES "\n\tcase step\n"
	              "\t\t$scitq $lead task list --run $argv[2] --json " PATIENCE
	              " 2>/dev/null | " SOME " | " STEPS "\n\tcase '*|*'\n"
	              "\t\tstring split '|' -- $argv[1]\n"
	              "\tend\n"
	              "end\n"
	              "function __scitq_argument\n"
	              "\tset -l words (__scitq_words)\n"
	              "\tset -l begin (math $argv[1] + 1)\n"
	              "\tset -l run\n"
	              "\tset -l value 0\n"
	              "\tfor word in $words[$begin..-1]\n"
	              "\t\tif test $value = 1\n"
	              "\t\t\tset value 0\n"
	              "\t\telse if string match -q -- '-*' $word\n"
	              "\t\t\tstring match -q -- \"$word:*\" $argv[4..-1]; and set value 1\n"
	              "\t\telse if test -z \"$run\"\n"
	              "\t\t\tset run $word\n"
	              "\t\tend\n"
	              "\tend\n"
	              "\tif test -z \"$run\"\n"
	              "\t\t__scitq_ask $argv[2]\n"
	              "\telse\n"
	              "\t\t__scitq_ask $argv[3] $run\n"
	              "\tend\n"
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
		add_fish_arguments(out, c);
	}
	for (size_t i = 0; command_leading[i] != NULL; i++) {
		for (const struct command_option *o = command_leading[i]; o->name != NULL; o++) {
			str_adds(out, "complete -c scitq -n '__scitq_at'");
			if (o->letter != 0)
				str_addf(out, " -s %c", o->letter);
			str_addf(out, " -l %s %s -d ", o->name,
			         strcmp(kind_of(o->argument), "file") == 0 ? "-rF" : "-x");
			add_quoted(out, o->help);
			str_addc(out, '\n');
		}
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
