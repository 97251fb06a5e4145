#include "cli/io.h"

#include "base/fd.h"
#include "runtime/session.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool io_read(const char *path, struct str *text)
{
	int err = file_read(path, text);

	if (err == 0 && text->len >= INT32_MAX)
		err = -EFBIG;
	if (err == 0)
		return true;
	fprintf(stderr, "scitq-run: %s: %s\n", path, strerror(-err));
	str_release(text);
	return false;
}

int io_print(struct str *text)
{
	int err = fd_write_all(STDOUT_FILENO, text->p, text->len);

	str_release(text);
	if (err == 0 || err == -EPIPE)
		return EXIT_CODE_OK;
	fprintf(stderr, "scitq-run: cannot write: %s\n", strerror(-err));
	return EXIT_CODE_INFRASTRUCTURE;
}
