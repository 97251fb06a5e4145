#include "base/log.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/str.h"

void log_init(struct log *log, const char *program, enum log_level level, int fd)
{
	*log = (struct log){program, level, fd};
}

void log_write(const struct log *log, enum log_level level, const char *fmt, ...)
{
	static const char *const names[] = {"error", "warn", "info", "debug"};
	struct str line = STR_INIT;
	char date[DATE_TEXT_SIZE];
	va_list ap;

	if (level > log->level)
		return;
	date_format(clock_date_us(), date);
	str_addf(&line, "%s %s %s: ", date, names[level], log->program);
	va_start(ap, fmt);
	str_vaddf(&line, fmt, ap);
	va_end(ap);
	/* One event stays one line, whatever a message quotes. */
	for (size_t i = 0; i < line.len; i++) {
		if (line.p[i] == '\n')
			line.p[i] = ' ';
	}
	str_addc(&line, '\n');
	/* A log that cannot be written has nowhere left to say so. */
	(void)fd_write_all(log->fd, line.p, line.len);
	str_release(&line);
}
