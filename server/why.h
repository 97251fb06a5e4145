/*
 * The inside of GET /tasks/{id}/why: task_why.c says what the state tells,
 * why_rows.c what the rows do.
 */
#ifndef SERVER_WHY_H
#define SERVER_WHY_H

#include "server/core_inside.h"

#define CAUSE(name, word, help) CAUSE_##name,
enum cause {
#include "server/why.def"
	CAUSE_COUNT
};
#undef CAUSE

extern const char *const cause_words[CAUSE_COUNT];

struct why {
	struct core *core;
	uint32_t id;
	const struct task_node *task;
	const struct batch_node *batch;
	const struct task *row;
	struct execution last; /* its latest; execution_id 0: none */
	enum cause cause;
	struct str sentence;
	json_t *fields;
};

/* Fill why->last. False: the group failed. */
bool why_last_execution(struct why *why);
/*
 * Set `recruiters`: for each of the batch, why it hires nobody now. The sentence of the first goes
 * to *first, in the group's arena; NULL where there is no recruiter. False: the group failed.
 */
bool why_recruiters(struct why *why, const char **first);
/* Set `identity`: what differs from the task of the same name before it, so that its result was not
   reused. False: the group failed. */
bool why_identity(struct why *why);

#endif
