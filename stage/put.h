/*
 * Publishing a directory that a task wrote to a folder URI. Every regular file
 * below it arrives under its final name whole or not at all: by rename on the
 * same file system, else copied to a ".scitq-part-..." name beside it and
 * renamed. A file of the same name is replaced in one step. Files that are there
 * under other names stay.
 *
 * The directory itself may not be a symbolic link: a task could have put one in its
 * place. A symbolic link to a file inside the directory is published as that file's
 * content. Left in place, with a warning each: links that lead outside, dangle
 * or name a directory; FIFOs, sockets, devices. Empty directories are not made.
 */
#ifndef STAGE_PUT_H
#define STAGE_PUT_H

#include "base/arena.h"
#include "stage/list.h"
#include "stage/stage.h"
#include "stage/uri.h"

/*
 * `dest` is a folder (trailing '/') without actions or glob. On success `listing`
 * holds what was published, sorted by name, in the arena. `warnings` gets one line
 * per thing left out. On failure files may have been published already; a second
 * call publishes the rest, its listing then has only that rest.
 */
enum stage_result stage_put(struct stage *s, const char *source_dir, const struct uri *dest,
                            struct arena *arena, struct stage_listing *listing,
                            struct str *warnings, struct str *error);

/*
 * What stage_put would publish now, with the sizes and dates of the source; `place`
 * is the path to read the bytes from, which no link of a task leads astray.
 */
enum stage_result stage_put_list(struct stage *s, const char *source_dir, struct arena *arena,
                                 struct stage_listing *listing, struct str *warnings,
                                 struct str *error);

#endif
