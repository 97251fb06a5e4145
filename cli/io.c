#include "cli/io.h"

#include "base/fd.h"
#include "runtime/session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool io_read(const char *path, struct str *text)
{
	int err = file_read(path, text);

	if (err == 0 && text->len >= INT32_MAX)
		err = -EFBIG;
	if (err == 0)
		return true;
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, path, strerror(-err));
	str_release(text);
	return false;
}

int io_print(struct str *text)
{
	int err = fd_write_all(STDOUT_FILENO, text->p, text->len);

	str_release(text);
	if (err == 0 || err == -EPIPE)
		return EXIT_CODE_OK;
	fprintf(stderr, "%s: cannot write: %s\n", program_invocation_short_name, strerror(-err));
	return EXIT_CODE_INFRASTRUCTURE;
}

static bool wants_color(void)
{
	const char *no_color = getenv("NO_COLOR");

	return isatty(STDERR_FILENO) && (no_color == NULL || *no_color == '\0');
}

void io_diagnostics(const struct diag_sink *sink, struct sources *sources)
{
	struct str out = STR_INIT;

	for (size_t i = 0; i < sink->n; i++) {
		diag_render(&sink->list[i], sources, wants_color(), &out);
		str_addc(&out, '\n');
	}
	if (sink->errors > 0)
		str_addf(&out, "%zu error%s", sink->errors, sink->errors == 1 ? "" : "s");
	if (sink->errors > 0 && sink->warnings > 0)
		str_adds(&out, ", ");
	if (sink->warnings > 0)
		str_addf(&out, "%zu warning%s", sink->warnings, sink->warnings == 1 ? "" : "s");
	if (sink->errors + sink->warnings > 0)
		str_addc(&out, '\n');
	fputs(out.p, stderr);
	str_release(&out);
}

bool io_fill_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDONLY);
	while (fd >= 0 && fd <= STDERR_FILENO);
	return fd >= 0 && close(fd) == 0;
}
