#include "server/settings.h"

#include "base/columns.h"
#include "server/server_main.h"

#include <errno.h>
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum kind { KIND_OF_TEXT, KIND_OF_FLAG, KIND_OF_NUMBER };

static const struct row {
	enum kind kind;
	size_t offset;
	const char *option, *variable, *argument, *dflt;
	int64_t least, most;
	const char *help;
} rows[] = {
#define TEXT(member, option, variable, argument, dflt, help)                                       \
	{KIND_OF_TEXT, offsetof(struct settings, member), option, variable, argument, dflt, 0, 0,  \
	 help},
#define FLAG(member, option, variable, help)                                                       \
	{KIND_OF_FLAG, offsetof(struct settings, member), option, variable, NULL, NULL, 0, 1, help},
#define NUMBER(member, option, variable, argument, dflt, least, most, help)                        \
	{KIND_OF_NUMBER,                                                                           \
	 offsetof(struct settings, member),                                                        \
	 option,                                                                                   \
	 variable,                                                                                 \
	 argument,                                                                                 \
	 dflt,                                                                                     \
	 least,                                                                                    \
	 most,                                                                                     \
	 help},
#include "server/settings.def"
#undef TEXT
#undef FLAG
#undef NUMBER
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

enum { KEY_HELP = 256, KEY_VERSION, KEY_ROW };

static void *member_of(const struct row *row, struct settings *settings)
{
	return (char *)settings + row->offset;
}

/* False where the text is no value for it. */
static bool put(const struct row *row, struct settings *settings, const char *text)
{
	static const char *const no[] = {"0", "no", "false", "off"}, *const yes[] = {"1", "yes",
	                                                                             "true", "on"};
	char *end;
	int64_t number;

	switch (row->kind) {
	case KIND_OF_TEXT:
		*(const char **)member_of(row, settings) = text;
		return true;
	case KIND_OF_FLAG:
		for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
			bool is_yes = strcasecmp(text, yes[i]) == 0;

			if (!is_yes && strcasecmp(text, no[i]) != 0)
				continue;
			*(bool *)member_of(row, settings) = is_yes;
			return true;
		}
		return false;
	case KIND_OF_NUMBER:
		errno = 0;
		number = strtoll(text, &end, 10);
		if (errno != 0 || end == text || *end != '\0' || number < row->least ||
		    number > row->most)
			return false;
		*(int64_t *)member_of(row, settings) = number;
		return true;
	}
	return false;
}

static void say_wrong(const char *program, const struct row *row, const char *text,
                      const char *source)
{
	fprintf(stderr, "%s: %s is \"%.200s\" in %s, not ", program,
	        source ? row->variable : row->option, text, source ? source : "the command line");
	if (row->kind == KIND_OF_FLAG)
		fputs("yes or no\n", stderr);
	else
		fprintf(stderr, "a number from %lld to %lld\n", (long long)row->least,
		        (long long)row->most);
}

static void print_help(const char *program)
{
	struct str out = STR_INIT, left = STR_INIT, help = STR_INIT;

	str_addf(&out, "usage: %s [OPTIONS]\n\n", program);
	for (size_t i = 0; i < ROWS; i++) {
		const struct row *row = &rows[i];

		str_reset(&left);
		str_reset(&help);
		str_addf(&left, "--%s%s%s", row->option, row->argument ? " " : "",
		         row->argument ? row->argument : "");
		str_adds(&help, row->help);
		if (row->dflt != NULL)
			str_addf(&help, " (%s)", row->dflt);
		if (row->variable != NULL)
			str_addf(&help, " [%s]", row->variable);
		columns_row(&out, left.p, help.p);
	}
	columns_row(&out, "--help", "print this and exit");
	columns_row(&out, "--version", "print the version and exit");
	str_addc(&out, '\n');
	columns_text(&out, 0,
	             "The words in brackets name the settings in the environment, in the "
	             "user's file (~/.config/scitq/scitq.conf) and in " CONFIG_SYSTEM
	             ", as lines KEY=value. The command line comes before the environment, "
	             "that before the user's file, and that before the system's.");
	str_addc(&out, '\n');
	columns_text(&out, 0,
	             "scitq-server token, backup and prune speak to a server that runs; they "
	             "have a --help of their own.");
	fputs(out.p, stdout);
	str_release(&out);
	str_release(&left);
	str_release(&help);
}

static int wrong_usage(const char *program)
{
	fprintf(stderr, "%s: see --help\n", program);
	return SERVER_EXIT_USAGE;
}

static int read_line(struct settings *settings, int argc, char **argv, bool given[ROWS])
{
	struct option table[ROWS + 3] = {{0}};
	int key;

	for (size_t i = 0; i < ROWS; i++)
		table[i] = (struct option){rows[i].option,
		                           rows[i].argument ? required_argument : no_argument, NULL,
		                           KEY_ROW + (int)i};
	table[ROWS] = (struct option){"help", no_argument, NULL, KEY_HELP};
	table[ROWS + 1] = (struct option){"version", no_argument, NULL, KEY_VERSION};
	optind = 0; /* scitq-run has used getopt before */
	while ((key = getopt_long(argc, argv, "", table, NULL)) >= 0) {
		const struct row *row = key >= KEY_ROW ? &rows[key - KEY_ROW] : NULL;

		if (key == KEY_HELP) {
			print_help(argv[0]);
			return SERVER_EXIT_OK;
		}
		if (key == KEY_VERSION) {
			printf("scitq-server %s\n", SCITQ_VERSION);
			return SERVER_EXIT_OK;
		}
		if (row == NULL)
			return wrong_usage(argv[0]);
		if (!put(row, settings, row->kind == KIND_OF_FLAG ? "yes" : optarg)) {
			say_wrong(argv[0], row, optarg, NULL);
			return SERVER_EXIT_USAGE;
		}
		given[row - rows] = true;
	}
	if (optind < argc) {
		fprintf(stderr, "%s: unexpected argument \"%s\"\n", argv[0], argv[optind]);
		return wrong_usage(argv[0]);
	}
	return -1;
}

static int read_config(struct settings *settings, const char *program, const bool given[ROWS])
{
	struct str error = STR_INIT;
	int code = -1;

	if (!config_read(&settings->config, &error)) {
		fprintf(stderr, "%s: %s\n", program, error.p);
		code = SERVER_EXIT_USAGE;
	}
	for (size_t i = 0; i < ROWS && code < 0; i++) {
		const char *source, *text;

		if (given[i] || rows[i].variable == NULL)
			continue;
		text = config_get(&settings->config, rows[i].variable, &source);
		if (text != NULL && !put(&rows[i], settings, text)) {
			say_wrong(program, &rows[i], text, source);
			code = SERVER_EXIT_USAGE;
		}
	}
	str_release(&error);
	return code;
}

int settings_read(struct settings *settings, int argc, char **argv)
{
	bool given[ROWS] = {false};
	int code;

	*settings = (struct settings){0};
	config_init(&settings->config);
	for (size_t i = 0; i < ROWS; i++) {
		if (rows[i].dflt != NULL)
			(void)put(&rows[i], settings, rows[i].dflt);
	}
	code = read_line(settings, argc, argv, given);
	if (code < 0 && !settings->private_mode)
		code = read_config(settings, argv[0], given);
	return code;
}

void settings_release(struct settings *settings)
{
	config_release(&settings->config);
}
