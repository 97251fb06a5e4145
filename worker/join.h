/*
 * The worker's own token, for which it exchanges the one that it was given for joining
 * (model/join.h). It is kept in the work directory, so that whoever is started there again is the
 * same worker.
 */
#ifndef WORKER_JOIN_H
#define WORKER_JOIN_H

#include "base/log.h"
#include "worker/options.h"

/* Where the token is for joining: options->own is read, or made and written, before anybody is told
   of it. False with a line in the log. */
bool join_prepare(struct options *options, const struct log *log);

#endif
