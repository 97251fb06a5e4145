/*
 * Settings that the command line does not give: the environment comes first, then
 * the user's file, then the system's. Read once at the start of a program, by its
 * main.
 *
 * Files hold lines KEY=value. Blanks around both are dropped, as are quotes around
 * the whole value and the word `export` before the key; a line that begins with #
 * is a comment. Keys that nobody asks for do no harm: other programs keep theirs
 * in the same file.
 */
#ifndef BASE_CONFIG_H
#define BASE_CONFIG_H

#include "base/str.h"
#include "base/vec.h"

#include <stdbool.h>

/* Of the system; the environment variable SCITQ_CONF names another file in its place. */
#define CONFIG_SYSTEM "/etc/scitq.conf"

struct config_line {
	char *key, *value;
	const char *file; /* of config->files */
};

struct config {
	char *files[2]; /* user's, system's; NULL: has none */
	VEC(struct config_line) lines;
};

void config_init(struct config *c);
void config_release(struct config *c);
/*
 * Read $XDG_CONFIG_HOME/scitq/scitq.conf (or ~/.config/scitq/scitq.conf) and the
 * system's file. A file that is not there, or a system's file that this user may not
 * read, says nothing. False, with the sentence appended to `error`, where one cannot be
 * read or has a line that is no setting.
 */
bool config_read(struct config *c, struct str *error);
/*
 * The value of the key, valid as long as the configuration and the environment; NULL
 * where it is not given or empty. *source (may be NULL) gets "the environment" or the
 * path of the file.
 */
const char *config_get(const struct config *c, const char *key, const char **source);

#endif
