/* The editor of a person. */
#ifndef CLI_EDITOR_H
#define CLI_EDITOR_H

#include "cli/call.h"

struct debug;

/*
 * Have the text edited, in $VISUAL, $EDITOR or vi, as a file whose name ends so. The dialog, if
 * any, goes on with its run meanwhile. False with the call's code set.
 */
bool editor_change(struct call *c, struct debug *dialog, const char *suffix, struct str *text);
/* Of a text that came to nothing: keep it in a file whose name ends so, and say where. */
void editor_keep(const char *suffix, const struct str *text);

#endif
