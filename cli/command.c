#include "cli/command.h"

#include "base/columns.h"
#include "base/nearest.h"
#include "cli/io.h"
#include "runtime/session.h"

#include <assert.h>
#include <ctype.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define HELP "help"
#define VERSION "version"
/* Of options without a letter: behind every character. */
#define FIRST_KEY 256

static const struct command_option common[] = {
        {'h', HELP, NULL, "this text"},
        {0, NULL, NULL, NULL},
};

bool command_begins(const char *words, const char *prefix)
{
	size_t n = strlen(prefix);

	return n == 0 || (strncmp(words, prefix, n) == 0 && (words[n] == ' ' || words[n] == '\0'));
}

/* The words that the program's name stands for: "" for scitq itself. */
static const char *prefix_of(const char *program)
{
	for (const struct command_alias *a = command_aliases; a->program != NULL; a++) {
		if (strcmp(a->program, program) == 0)
			return a->words;
	}
	return "";
}

/* What is typed under the program's name: as scitq-fetch "list", not "fetch list". */
static const char *typed(const char *program, const char *words)
{
	const char *prefix = prefix_of(program);

	if (*prefix == '\0' || !command_begins(words, prefix))
		return words;
	words += strlen(prefix);
	return words + strspn(words, " ");
}

/* A blank and the text, where there is one. */
static void add_word(struct str *out, const char *text)
{
	if (*text != '\0')
		str_addf(out, " %s", text);
}

/* ---- help ---- */

static const struct command_noun *find_noun(const char *word)
{
	for (const struct command_noun *n = command_nouns; n->word != NULL; n++) {
		if (strcmp(n->word, word) == 0)
			return n;
	}
	return NULL;
}

static void add_option(struct str *out, const struct command_option *o)
{
	struct str left = STR_INIT;

	if (o->letter != 0)
		str_addf(&left, "-%c, ", o->letter);
	else
		str_adds(&left, "    ");
	str_addf(&left, "--%s", o->name);
	add_word(&left, o->argument != NULL ? o->argument : "");
	columns_row(out, left.p, o->help);
	str_release(&left);
}

static void add_options(struct str *out, const struct command_option *o)
{
	for (; o->name != NULL; o++)
		add_option(out, o);
}

static int print_command_help(const char *program, const struct command *c)
{
	/* Of a verb that is its own subject; "task list" has none. */
	const struct command_noun *noun = find_noun(c->words);
	struct str out = STR_INIT;

	str_addf(&out, "usage: %s", program);
	add_word(&out, typed(program, c->words));
	str_adds(&out, " [OPTION]...");
	add_word(&out, c->arguments);
	str_adds(&out, "\n\n");
	columns_text(&out, 0, c->help);
	if (noun != NULL) {
		str_addc(&out, '\n');
		columns_text(&out, 0, noun->about);
	}
	str_adds(&out, "\noptions:\n");
	for (size_t i = 0; i < COMMAND_GROUPS && c->options[i] != NULL; i++)
		add_options(&out, c->options[i]);
	add_options(&out, common);
	if (noun != NULL)
		str_addf(&out, "\nexample:\n  %s\n", noun->example);
	return io_print(&out);
}

static void add_commands(struct str *out, const char *program, const char *prefix)
{
	for (const struct command *c = commands; c->words != NULL; c++) {
		struct str left = STR_INIT;

		if (!command_begins(c->words, prefix))
			continue;
		str_adds(&left, typed(program, c->words));
		add_word(&left, c->arguments);
		columns_row(out, left.p, c->help);
		str_release(&left);
	}
}

/* Of a noun its commands; of no noun all of them. */
static int print_help(const char *program, const char *prefix)
{
	struct str out = STR_INIT;

	str_addf(&out, "usage: %s COMMAND [OPTION]... [ARGUMENT]...\n", program);
	for (const struct command_noun *n = command_nouns; n->word != NULL; n++) {
		if (!command_begins(n->word, prefix))
			continue;
		if (n->help != NULL)
			str_addf(&out, "\n%s\n", n->help);
		add_commands(&out, program, n->word);
	}
	if (*prefix != '\0') {
		str_addc(&out, '\n');
		columns_text(&out, 0, find_noun(prefix)->about);
	}
	str_addf(&out, "\n%s COMMAND --help tells a command's options.\n", program);
	if (*prefix == '\0')
		str_adds(&out,
		         "The server is that of -s HOST, else of SCITQ_SERVER, else the private "
		         "one of\n"
		         "scitq-run, else that of scitq init.\n\n"
		         "exit codes: 0 ok, 1 tasks failed or no such file, 2 usage, 4 server,\n   "
		         "         5 infrastructure\n");
	return io_print(&out);
}

/* ---- the command line ---- */

/* What getopt wants to know, made of the rows. */
struct reading {
	VEC(struct option) longs;
	VEC(const struct command_option *) options; /* by key - FIRST_KEY */
	struct str letters;
};

static void learn(struct reading *r, const struct command_option *o)
{
	for (; o->name != NULL; o++) {
		struct option option = {.name = o->name,
		                        .has_arg = o->argument == NULL ? no_argument
		                                   : option_is_bare(o) ? optional_argument
		                                                       : required_argument,
		                        .val = FIRST_KEY + (int)r->options.n};

		if (o->letter != 0)
			str_addf(&r->letters, "%c%s", o->letter,
			         o->argument == NULL ? ""
			         : option_is_bare(o) ? "::"
			                             : ":");
		vec_push(&r->longs, option);
		vec_push(&r->options, o);
	}
}

static const struct command_option *known(const struct reading *r, int key)
{
	if (key >= FIRST_KEY)
		return r->options.v[key - FIRST_KEY];
	for (size_t i = 0; i < r->options.n; i++) {
		if (r->options.v[i]->letter == key)
			return r->options.v[i];
	}
	return NULL;
}

/* How many words stand behind the first `--`; 0 where there is none. */
static size_t count_behind(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--") == 0)
			return (size_t)(argc - i - 1);
	}
	return 0;
}

/* 0, or the exit code; -1 for help. argv[0] is the program, the rest what follows its command. */
static int read_options(struct command_call *call, struct reading *r, int argc, char **argv)
{
	/* Before the words change their places. */
	size_t behind =
	        strstr(call->command->arguments, "-- ") != NULL ? count_behind(argc, argv) : 0;
	int key, code = 0;

	opterr = 0;
	optind = 0; /* begin anew, whoever read before */
	while (code == 0 && (key = getopt_long(argc, argv, r->letters.p, r->longs.v, NULL)) >= 0) {
		const struct command_option *o = known(r, key);
		struct command_given given = {o, optarg != NULL ? optarg : ""};

		/* getopt wants a value that may be left out within the word of its option. */
		if (o != NULL && option_is_bare(o) && optarg == NULL && optind < argc &&
		    isdigit((unsigned char)argv[optind][0]))
			given.value = argv[optind++];

		if (key == ':')
			code = command_misused(call, "%s needs a value", argv[optind - 1]);
		else if (o == NULL && optopt > 0 && optopt < FIRST_KEY)
			code = command_misused(call, "there is no option -%c", optopt);
		else if (o == NULL)
			code = command_misused(call, "there is no option %s", argv[optind - 1]);
		else if (strcmp(o->name, HELP) == 0)
			code = -1;
		else
			vec_push(&call->given, given);
	}
	/* A `--` that is an option's value ends nothing. */
	if (behind > 0 && strcmp(argv[optind - 1], "--") != 0)
		behind = 0;
	call->words = argv + optind;
	call->nwords = (size_t)(argc - optind) - behind;
	call->behind = argv + argc - behind;
	call->nbehind = behind;
	return code;
}

static int run_command(const char *program, const struct command *c, int argc, char **argv)
{
	static const struct option end;
	struct command_call call = {
	        .program = program, .typed = typed(program, c->words), .command = c};
	struct reading r = {.letters = STR_INIT};
	int code;

	str_adds(&r.letters, strncmp(c->arguments, "COMMAND", strlen("COMMAND")) == 0 ? "+:" : ":");
	for (size_t i = 0; i < COMMAND_GROUPS && c->options[i] != NULL; i++)
		learn(&r, c->options[i]);
	learn(&r, common);
	vec_push(&r.longs, end);
	code = read_options(&call, &r, argc, argv);
	if (code < 0)
		code = print_command_help(program, c);
	else if (code == 0 && (call.nwords < c->least || call.nwords > c->most))
		code = command_misused(&call, "wants %s",
		                       *c->arguments != '\0' ? c->arguments : "no argument");
	else if (code == 0)
		code = c->run(&call);
	vec_release(&call.given);
	vec_release(&r.longs);
	vec_release(&r.options);
	str_release(&r.letters);
	return code;
}

/* How many of the words the row takes, 0 where they are others. */
static int matches(const char *row, char **words, int n)
{
	int used = 0;

	for (const char *p = row; *p != '\0'; used++) {
		size_t len = strcspn(p, " ");

		if (used == n || strlen(words[used]) != len || memcmp(words[used], p, len) != 0)
			return 0;
		p += len + (p[len] == ' ');
	}
	return used;
}

/* The row that takes most of the words. */
static const struct command *find_command(char **words, int n, int *used)
{
	const struct command *best = NULL;

	*used = 0;
	for (const struct command *c = commands; c->words != NULL; c++) {
		int m = matches(c->words, words, n);

		if (m > *used) {
			*used = m;
			best = c;
		}
	}
	return best;
}

static bool is_help(const char *word)
{
	return strcmp(word, "--" HELP) == 0 || strcmp(word, "-h") == 0 || strcmp(word, HELP) == 0;
}

/* A noun alone: what could follow. */
static int no_verb(const char *program, const char *noun)
{
	struct str verbs = STR_INIT;

	for (const struct command *c = commands; c->words != NULL; c++) {
		if (command_begins(c->words, noun))
			str_addf(&verbs, "%s%s", verbs.len > 0 ? ", " : "",
			         c->words + strlen(noun) + 1);
	}
	fprintf(stderr, "%s: %s what: %s; see %s %s --help\n", program, noun, verbs.p, program,
	        noun);
	str_release(&verbs);
	return EXIT_CODE_USAGE;
}

/* The command that the words are nearest to, as it is typed, or NULL. */
static const char *nearest_command(const char *program, char **words, int n)
{
	VEC(const char *) known = {0};
	struct str both = STR_INIT;
	const char *nearest = NULL;

	for (const struct command *c = commands; c->words != NULL; c++)
		vec_push(&known, typed(program, c->words));
	if (n > 1) {
		str_addf(&both, "%s %s", words[0], words[1]);
		nearest = word_nearest(both.p, known.v, known.n);
	}
	if (nearest == NULL)
		nearest = word_nearest(words[0], known.v, known.n);
	vec_release(&known);
	str_release(&both);
	return nearest;
}

static int no_command(const char *program, const char *prefix, char **words, int n)
{
	struct command_call call = {.program = program, .typed = ""};
	const char *noun = n > 0 ? words[0] : prefix, *nearest;

	if (n > 0 && is_help(words[n - 1]) && (n == 1 || find_noun(noun) != NULL))
		return print_help(program, n > 1 ? noun : prefix);
	if (n == 0)
		return command_misused(&call, "a command is wanted");
	if (n == 1 && find_noun(noun) != NULL)
		return no_verb(program, noun);
	nearest = nearest_command(program, words, n);
	return command_misused(&call, "there is no command %s%s%s%s%s%s", words[0],
	                       n > 1 ? " " : "", n > 1 ? words[1] : "",
	                       nearest ? "; did you mean '" : "", nearest ? nearest : "",
	                       nearest ? "'?" : "");
}

/* The option that may stand before the command and that this word is, or NULL. */
static const struct command_option *leading_option(const char *word)
{
	for (size_t i = 0; word[0] == '-' && command_leading[i] != NULL; i++) {
		for (const struct command_option *o = command_leading[i]; o->name != NULL; o++) {
			size_t len = strlen(o->name);

			if (word[1] == '-' ? strncmp(word + 2, o->name, len) == 0 &&
			                             strchr("=", word[len + 2]) != NULL
			                   : o->letter != 0 && word[1] == o->letter)
				return o;
		}
	}
	return NULL;
}

/* An option before the command that is none of its own: its letter may be that of another one. */
static const struct command_option *foreign_option(const struct command *c, char **argv, int n)
{
	for (int i = 1; i <= n; i++) {
		const struct command_option *o = leading_option(argv[i]);

		if (o != NULL && command_option(c, o->name) != o)
			return o;
	}
	return NULL;
}

/* How many words stand before the command: options, with their values. */
static int leading(int argc, char **argv)
{
	const struct command_option *o;
	int n = 1;

	while (n < argc && (o = leading_option(argv[n])) != NULL) {
		const char *word = argv[n++];
		bool within = word[1] == '-' ? strchr(word, '=') != NULL : word[2] != '\0';

		n += o->argument != NULL && !option_is_bare(o) && !within;
	}
	return n < argc ? n - 1 : argc - 1;
}

int command_main(int argc, char **argv)
{
	const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
	const char *program = slash != NULL ? slash + 1 : argc > 0 ? argv[0] : "scitq";
	const char *prefix = prefix_of(program);
	VEC(char *) words = {0};
	const struct command_option *foreign;
	const struct command *c;
	struct str first = STR_INIT;
	int used, code, typed_words, given = *prefix != '\0';
	int before = leading(argc, argv);

	if (argc == 2 && strcmp(argv[1], "--" VERSION) == 0) {
		str_addf(&first, "%s %s\n", program, SCITQ_VERSION);
		return io_print(&first);
	}
	str_adds(&first, prefix);
	if (given)
		vec_push(&words, first.p);
	for (int i = 1 + before; i < argc; i++)
		vec_push(&words, argv[i]);
	c = find_command(words.v, (int)words.n, &used);
	typed_words = used - given;
	foreign = c != NULL ? foreign_option(c, argv, before) : NULL;
	if (foreign != NULL) {
		code = command_misused(&(struct command_call){.program = program,
		                                              .typed = typed(program, c->words),
		                                              .command = c},
		                       "it takes no --%s", foreign->name);
	} else if (c != NULL) {
		/* The command's words go, and what stood before them is read with what follows. */
		memmove(argv + 1 + typed_words, argv + 1, (size_t)before * sizeof(*argv));
		argv[typed_words] = argv[0];
		code = run_command(program, c, argc - typed_words, argv + typed_words);
	} else {
		code = no_command(program, prefix, argv + 1 + before,
		                  argc > 0 ? argc - 1 - before : 0);
	}
	vec_release(&words);
	str_release(&first);
	return code;
}
