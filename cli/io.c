#include "cli/io.h"

#include "base/fd.h"
#include "runtime/session.h"

#include <errno.h>
#include <fcntl.h>
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

bool io_fill_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDONLY);
	while (fd >= 0 && fd <= STDERR_FILENO);
	return fd >= 0 && close(fd) == 0;
}
