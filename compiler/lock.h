/* Notes of what a compilation depended on; private to compiler/. See compile.h for its readers. */
#ifndef COMPILER_LOCK_H
#define COMPILER_LOCK_H

#include "compiler/compilation.h"
#include "model/digest.h"

/* digest: text, or NULL where there is none (yet). What was noted under the key stays. */
void lock_note(struct compilation *c, enum lock_section section, const char *key,
               const char *digest, struct span span);
/* The same with the digest of some bytes. */
void lock_note_text(struct compilation *c, enum lock_section section, const char *key,
                    const void *data, size_t len, struct span span);
/* How a local path is called in the lock file. */
const char *lock_path(struct compilation *c, const char *full);

#endif
