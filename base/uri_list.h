/*
 * Lists of URIs in one text, as the columns `input` and `resource` have them. What
 * a URI means is not looked at here (stage/uri.h).
 */
#ifndef BASE_URI_LIST_H
#define BASE_URI_LIST_H

#include "base/arena.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * The columns `input` and `resource` hold URIs separated by blanks (space, tab,
 * newline), as v1 wrote them. A word that begins with a single quote runs up to
 * the next single quote; one that begins with a double quote up to the next double
 * quote, with a backslash before `"` or `\` taking that as it is; a blank or the
 * end must follow. In any other word a backslash before a blank takes the blank;
 * every other byte, quotes and backslashes too, is itself.
 *
 * uri_list_split gives a NULL-terminated array in the arena; on failure false and
 * *error ("unterminated single quote"). uri_list_add appends one URI to a list,
 * with a blank before it where the list is not empty, quoted only where it must be,
 * so that splitting gives the same bytes.
 */
bool uri_list_split(struct arena *arena, const char *list, char ***uris, size_t *n,
                    const char **error);
void uri_list_add(struct str *list, const char *uri);

#endif
