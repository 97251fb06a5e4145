/*
 * Paths and URIs of the compiler: relative ones are made absolute from the
 * directory that their text came with. Results lie in the arena.
 */
#ifndef COMPILER_PATHS_H
#define COMPILER_PATHS_H

#include "compiler/compilation.h"

/* "scheme://..." */
bool value_is_uri(const char *text);

/* How long it is without the query of http: what ends in the name of a file. */
size_t uri_query(const char *text);
/* A relative path from where another machine has it: the URI. Else as it is. */
struct value value_placed(struct compilation *c, struct value v, struct arena *arena);

/* dir/path, or path where it is absolute; "." and doubled slashes go, ".." stays. */
const char *path_join(struct arena *arena, const char *dir, const char *path);
/* The directory of a path: "/a" of "/a/b", "." of "b". */
const char *path_directory(struct arena *arena, const char *path);
/* What stands after the last slash that is not the last character; also of a URI. */
const char *path_name(const char *path, size_t *len);
/* The absolute path of a local text value. */
const char *value_path(struct compilation *c, const struct value *v, struct arena *arena);
/* The URI of a folder, "/" at its end; NULL where the text can be none. */
const char *folder_uri(struct compilation *c, const struct value *v, struct arena *arena);
/* The local path of a file URI without glob or actions, or NULL. */
const char *uri_local_path(const char *uri, struct arena *arena);

#endif
