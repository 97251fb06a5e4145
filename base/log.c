#include "base/log.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/str.h"

#include <string.h>

static const char *const words[] = {"error", "warn", "info", "debug"};

void log_init(struct log *log, const char *program, enum log_level level, int fd)
{
	*log = (struct log){program, level, fd};
}

bool log_level_parse(const char *word, enum log_level *level)
{
	for (int i = LOG_LEVEL_ERROR; i <= LOG_LEVEL_DEBUG; i++) {
		if (strcmp(words[i], word) == 0) {
			*level = (enum log_level)i;
			return true;
		}
	}
	return false;
}

/* One event stays one line, and its text one value, whatever a message quotes. */
static void add_quoted(struct str *line, const struct str *text)
{
	str_addc(line, '"');
	for (size_t i = 0; i < text->len; i++) {
		unsigned char c = (unsigned char)text->p[i];

		if (c == '"' || c == '\\')
			str_addf(line, "\\%c", c);
		else if (c == '\n')
			str_adds(line, "\\n");
		else if (c < 0x20 || c == 0x7f)
			str_addf(line, "\\x%02x", c);
		else
			str_addc(line, (char)c);
	}
	str_addc(line, '"');
}

void log_write(const struct log *log, enum log_level level, const char *fmt, ...)
{
	struct str line = STR_INIT, text = STR_INIT;
	char date[DATE_TEXT_SIZE];
	va_list ap;

	if (level > log->level)
		return;
	date_format(clock_date_us(), date);
	va_start(ap, fmt);
	str_vaddf(&text, fmt, ap);
	va_end(ap);
	str_addf(&line, "time=%sZ level=%s program=%s msg=", date, words[level], log->program);
	add_quoted(&line, &text);
	str_addc(&line, '\n');
	/* A log that cannot be written has nowhere left to say so. */
	(void)fd_write_all(log->fd, line.p, line.len);
	str_release(&text);
	str_release(&line);
}
