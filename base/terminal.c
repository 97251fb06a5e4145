#include "base/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define USUAL_COLUMNS 80
#define MOST 10000

bool terminal_draws(int fd)
{
	const char *term = getenv("TERM");

	return isatty(fd) && term != NULL && strcmp(term, "dumb") != 0;
}

struct terminal_size terminal_size(int fd)
{
	struct winsize size;

	if (ioctl(fd, TIOCGWINSZ, &size) != 0)
		return (struct terminal_size){0};
	return (struct terminal_size){size.ws_col, size.ws_row};
}

static void read_wish(const char *name, unsigned *n)
{
	const char *text = getenv(name);
	long wish = text != NULL ? strtol(text, NULL, 10) : 0;

	if (wish > 0 && wish < MOST)
		*n = (unsigned)wish;
}

struct terminal_size terminal_wanted(int fd)
{
	struct terminal_size size = terminal_size(fd);

	if (size.columns == 0)
		size.columns = USUAL_COLUMNS;
	read_wish("COLUMNS", &size.columns);
	read_wish("LINES", &size.lines);
	return size;
}

bool terminal_is_utf8(void)
{
	static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = getenv(names[i]);

		if (value != NULL && *value != '\0')
			return strstr(value, "UTF-8") != NULL || strstr(value, "utf8") != NULL;
	}
	return false;
}
