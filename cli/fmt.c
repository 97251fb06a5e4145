#include "cli/fmt.h"

#include "base/fd.h"
#include "base/linediff.h"
#include "cli/io.h"
#include "dsl/format.h"
#include "runtime/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A symbolic link stays one: what it names is replaced, with its mode. */
static int replace(const char *path, const struct str *text)
{
	char *real = realpath(path, NULL);
	struct stat st;
	int err = real == NULL || stat(real, &st) != 0
	                  ? -errno
	                  : file_replace(real, text->p, text->len, st.st_mode & 07777);

	free(real);
	if (err == 0)
		return EXIT_CODE_OK;
	fprintf(stderr, "scitq-run: %s: %s\n", path, strerror(-err));
	return EXIT_CODE_INFRASTRUCTURE;
}

static int put(const struct fmt_options *options, const char *path, const struct str *before,
               struct str *after)
{
	bool same = before->len == after->len && memcmp(before->p, after->p, before->len) == 0;
	struct str shown = STR_INIT;
	int code = EXIT_CODE_OK;

	if (options->diff) {
		linediff(before, after, path, path, &shown);
		code = io_print(&shown);
	} else if (options->check) {
		if (!same)
			str_addf(&shown, "%s\n", path);
		code = io_print(&shown);
	} else if (strcmp(path, "/dev/stdin") == 0) {
		code = io_print(after);
	} else if (!same) {
		code = replace(path, after);
	}
	if (code == EXIT_CODE_OK && options->check && !same)
		code = EXIT_CODE_TASKS_FAILED;
	return code;
}

static int format(const struct fmt_options *options, const char *path, struct arena *arena,
                  const struct str *before)
{
	struct sources sources;
	struct diag_sink sink;
	struct str after = STR_INIT;
	int code = EXIT_CODE_COMPILE;

	sources_init(&sources, arena);
	diag_sink_init(&sink, arena);
	switch (dsl_format(arena, &sources, sources_add(&sources, path, before->p, before->len),
	                   &sink, &after)) {
	case FORMAT_OK:
		code = put(options, path, before, &after);
		break;
	case FORMAT_ERRORS:
		diag_sort(&sink);
		options->report(&sink, &sources);
		break;
	case FORMAT_UNSURE:
		fprintf(stderr,
		        "scitq-run: %s: left as it is: its new layout would be another program, "
		        "which "
		        "is a mistake of this program\n",
		        path);
		code = EXIT_CODE_INFRASTRUCTURE;
		break;
	}
	str_release(&after);
	diag_sink_release(&sink);
	sources_release(&sources);
	return code;
}

int fmt_file(const struct fmt_options *options, const char *path)
{
	struct arena arena;
	struct str before = STR_INIT;
	int code;

	if (!io_read(path, &before))
		return EXIT_CODE_USAGE;
	arena_init(&arena);
	code = format(options, path, &arena, &before);
	arena_release(&arena);
	str_release(&before);
	return code;
}
