/*
 * In what a plan differs from a run: which tasks are new or gone, and of the others which
 * parts of their identity are not those of then.
 */
#ifndef RUNTIME_DIFFERENCE_H
#define RUNTIME_DIFFERENCE_H

#include "runtime/identities.h"
#include "runtime/session.h"

/*
 * Append a line per task that differs: "+ NAME", "- NAME", "~ NAME  input, command", and one
 * that counts the others. What the run reused is compared with the latest task of the name.
 * False with the session's error set.
 */
bool difference_tell(struct session *s, const struct identities *ids, int64_t run_id,
                     struct str *out);

#endif
