/* The lock file beside a workflow, as it lies there: qc.lock of qc.scitq. */
#ifndef CLI_LOCK_FILE_H
#define CLI_LOCK_FILE_H

#include "base/str.h"

#include <jansson.h>
#include <stdbool.h>

struct lock_file {
	struct str name, text; /* of the file; text "": there is none */
	json_t *content;       /* NULL: there is none */
};

/*
 * That of the .scitq file of this path, where there is one. False with a sentence appended to
 * `error` where it cannot be understood. To be released either way.
 */
bool lock_file_read(struct lock_file *l, const char *path, struct str *error);
void lock_file_release(struct lock_file *l);
/* The answers of other machines that it keeps; NULL: none. Borrowed. */
json_t *lock_file_answers(const struct lock_file *l);

#endif
