/*
 * With what scitq-run compiled a file, as JSON text that its run keeps for those who compile it
 *again:
 *
 *	{"cwd": "/home/me", "params": [["depth", "3"]], "set": [["align.memory", "8GB"]],
 *	 "profile": null}
 */
#ifndef CLI_ARGUMENTS_H
#define CLI_ARGUMENTS_H

#include "base/arena.h"
#include "base/str.h"
#include "compiler/compile.h"

/* Of options whose cwd is that of this process. 0 or -errno: that is not known. */
int arguments_print(const struct compile_options *options, struct str *out);
/* Into cwd, params, sets and profile; texts in the arena. False where it is no such text. */
bool arguments_read(const char *text, struct arena *arena, struct compile_options *options);

#endif
