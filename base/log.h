/*
 * One line per event on standard error or a file, as key=value:
 *
 *   time=2026-11-23T21:31:23.655007Z level=warn program=worker msg="what happened"
 *
 * One write(2) per line, so that lines of several threads and processes do not mix.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

struct log {
	const char *program; /* borrowed */
	enum log_level level;
	int fd;
};

/* `program` is borrowed. Lines above `level` are dropped. */
void log_init(struct log *log, const char *program, enum log_level level, int fd);
/* "error", "warn", "info" or "debug"; false for anything else. */
bool log_level_parse(const char *word, enum log_level *level);
void log_write(const struct log *log, enum log_level level, const char *fmt, ...)
        __attribute__((format(printf, 3, 4)));

#define log_error(log, ...) log_write((log), LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(log, ...) log_write((log), LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(log, ...) log_write((log), LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(log, ...) log_write((log), LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
