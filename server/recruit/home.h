/*
 * Where a permanent worker belongs: the batch that it was started for, by name, with its
 * concurrency and prefetch. A recruiter of a run may take it over; when that run has ended it goes
 * back by itself, so that whoever started it need not look after it. What a person sets, or a
 * worker that begins anew says, is its home from then on. A deployed worker has none.
 */
#ifndef SERVER_RECRUIT_HOME_H
#define SERVER_RECRUIT_HOME_H

#include "server/core_inside.h"

struct roster_worker;

/* The text of the row's home for a worker that is about to be taken over; NULL: it has none. */
const char *home_text(struct core *core, const struct worker_node *worker,
                      const struct roster_worker *row);
/* Send it back where it holds nothing and the run that it serves has ended. */
void home_look(struct core *core, struct worker_node *worker, const struct roster_worker *row);

#endif
