/* What the commands of scitq-run read and print, and what is said where that fails. */
#ifndef CLI_IO_H
#define CLI_IO_H

#include "base/str.h"

#include <stdbool.h>

/* The text of a source file. False, and said on standard error, where it cannot be read. */
bool io_read(const char *path, struct str *text);
/* To standard output; releases the text. An exit code; a reader that left is no failure. */
int io_print(struct str *text);

#endif
