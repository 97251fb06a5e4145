/*
 * Where the results of a run stand, for whoever looks for them: the folders into which its steps
 * write, as few as name them all. What a step writes is known by what it promises (`yields`); one
 * that promises nothing counts where its folder stands on this machine. What is deleted once it is
 * consumed does not count, nor a step whose tasks write all over the place.
 */
#ifndef RUNTIME_RESULTS_H
#define RUNTIME_RESULTS_H

#include "model/submission.h"
#include "runtime/progress.h"

#include <jansson.h>

struct results_step {
	char *folder;  /* URI of the one that holds what its tasks write; NULL: none does */
	bool promised; /* it writes for certain */
	bool removed;
};

struct results {
	const struct submission *submission;
	struct results_step *steps; /* by number */
};

void results_init(struct results *r, const struct submission *s);
void results_release(struct results *r);
/* Task number i of the submission, as that filled it. Each is added once, in their order. */
void results_add(struct results *r, uint32_t i, const struct submission_task *task);
/* A task of it as the server has it, in the full view; one of no step of it does not count. */
void results_add_row(struct results *r, const json_t *task);
/*
 * The folders of those steps of which a task has succeeded or was reused, as texts, the caller's:
 * a path where it is on this machine, relative where that is below the working directory, else a
 * URI.
 */
json_t *results_folders(const struct results *r, const struct step_view *steps);

#endif
