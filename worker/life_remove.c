/* An execution that deletes what another task wrote and nobody needs any more. */
#include "worker/life_inside.h"

#include "base/words.h"
#include "model/removal.h"

#include <string.h>

bool life_is_removal(struct execution *e)
{
	char **words;
	size_t n;

	if (strncmp(e->command, REMOVAL_COMMAND " ", strlen(REMOVAL_COMMAND) + 1) != 0 ||
	    words_split(e->command, &e->arena, &words, &n) != WORDS_OK || n != 3)
		return false;
	e->identity = words[1];
	e->removes = words[2];
	e->phase = PHASE_STAGING;
	return true;
}

/* Whatever was not deleted does no harm: it succeeds, and says so. */
static void succeed(struct agent *a, struct execution *e, const struct staging *s)
{
	struct str message = STR_INIT;
	size_t deleted = s != NULL ? s->deleted : 0;

	str_addf(&message, "%zu file%s deleted", deleted, deleted == 1 ? "" : "s");
	if (s != NULL && s->error.len > 0) {
		str_addf(&message, ", others of %s not: %s", e->removes, s->error.p);
		e->outcome.reason = "output";
	}
	e->outcome.message = str_detach(&message);
	e->outcome.return_code = 0;
	e->outcome.succeeded = true;
	e->deadline_ns = 0;
	life_end(a, e);
}

static void removed(struct job *job, void *ctx)
{
	struct staging *s = (struct staging *)job;
	struct agent *a = ctx;
	struct execution *e = life_job_returned(a, s);

	if (e != NULL && e->job_cause != NULL)
		life_job_failed(a, e, s);
	else if (e != NULL)
		succeed(a, e, s);
	staging_free(s);
}

void life_remove(struct agent *a, struct execution *e, json_t *found)
{
	struct staging *s;

	/* It wrote nothing, or what is known of it was deleted with its task. */
	if (!json_is_object(found)) {
		succeed(a, e, NULL);
		return;
	}
	s = staging_new(STAGING_REMOVE, e, removed);
	s->found = json_incref(found);
	life_add_job(a, e, s, INT_NULL);
}
