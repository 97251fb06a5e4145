/*
 * `edit` of the dialog of scitq-run --debug. What was edited is in the tasks at once; of the files
 * it is a draft until the dialog ends, so that a text can be tried and edited again.
 */
#ifndef CLI_EDIT_DIALOG_H
#define CLI_EDIT_DIALOG_H

#include "client/client.h"
#include "runtime/debug.h"

struct edit_dialog;

/*
 * Beside a server, server NULL: the private one, for the .scitq file of that absolute path; both
 * are borrowed.
 */
struct edit_dialog *edit_dialog_new(const struct server_access *team, const char *path);
void edit_dialog_free(struct edit_dialog *dialog);
/* Its context is the dialog. */
struct debug_editor edit_dialog_editor(struct edit_dialog *dialog);

#endif
