/* What commands read and print, and what is said where that fails. */
#ifndef CLI_IO_H
#define CLI_IO_H

#include "base/diag.h"
#include "base/str.h"

#include <stdbool.h>

/* The text of a source file. False, and said on standard error, where it cannot be read. */
bool io_read(const char *path, struct str *text);
/* To standard output; releases the text. An exit code; a reader that left is no failure. */
int io_print(struct str *text);
/* Diagnostics and how many they are, on standard error; coloured on a terminal. */
void io_diagnostics(const struct diag_sink *sink, struct sources *sources);
/*
 * For the beginning of a main. A standard descriptor that the caller closed would be given to the
 * next file opened, which then receives what is meant for a person. Reading from it finds the
 * end, writing to it fails, as on a closed one. False where that cannot be had.
 */
bool io_fill_descriptors(void);

#endif
