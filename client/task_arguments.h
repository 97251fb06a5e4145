/*
 * What a person may write for a task, as the server takes it: a command for a shell, and lists of
 * URIs.
 */
#ifndef CLIENT_TASK_ARGUMENTS_H
#define CLIENT_TASK_ARGUMENTS_H

#include "base/str.h"
#include "client/calls.h"

#include <jansson.h>
#include <stdbool.h>

/*
 * Of task_create and its kin, change the arguments: `shell` true or a name makes the command a word
 * of SHELL -c '...', whatever quotes and lines it has; arrays of URIs become one text. Other calls
 * are left alone. False with a sentence in `error` where a type is wrong.
 */
bool task_arguments(const struct call_row *row, json_t *arguments, struct str *error);
/* The sentence that warns of an image which may lack the shell, appended; nothing where none is
 * due. */
void task_shell_warning(const struct call_row *row, const json_t *arguments, struct str *out);

#endif
