/* What other transports take from the one of http and ftp. Private to stage/. */
#ifndef STAGE_REMOTE_H
#define STAGE_REMOTE_H

#include "base/str.h"
#include "stage/stage.h"
#include "stage/uri.h"

/*
 * The body of a small answer, repeated as downloads are while the other side is away. `uri` is
 * what the user named, for messages; *status is the answer's (0: none).
 */
enum stage_result remote_read(struct stage *s, const struct uri *uri, const char *url,
                              struct str *body, struct str *error);

#endif
