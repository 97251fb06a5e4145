#include "compiler/gpus.h"

#include "compiler/check.h"
#include "compiler/recruit.h"
#include "compiler/task.h"

#include <inttypes.h>

static bool varies(const struct setting *set)
{
	return set != NULL && (set->next != NULL || set->guard != NULL || set->node == NULL ||
	                       set->node->kind != NODE_CONST);
}

/* Has an attempt a number of its own? *each: which depends on the task. */
static bool attempts_say(const struct setting *retry, bool *each)
{
	bool any = false;

	for (; retry != NULL; retry = retry->next) {
		for (size_t i = 0; i < retry->nattempts; i++) {
			const struct setting *set = retry->attempts[i].first[KEY_gpu];

			any |= set != NULL;
			*each |= varies(set);
		}
		*each |= retry->guard != NULL;
	}
	return any;
}

static void raise(struct env *env, const struct setting *set, int64_t *most)
{
	struct value v = setting_value(env, set);

	if (v.kind == VALUE_INT && v.integer > *most)
		*most = v.integer;
}

/* The most that a task takes in any attempt. */
static int64_t most_of(struct compilation *c, const struct step *step)
{
	const struct settings *of[] = {&step->settings, &c->program.defaults};
	bool any = false, each = false;
	int64_t most = 0;

	for (int i = 0; i < 2; i++) {
		any |= of[i]->first[KEY_gpu] != NULL;
		each |= varies(of[i]->first[KEY_gpu]);
		any |= attempts_say(of[i]->first[KEY_retry], &each);
	}
	for (uint32_t t = 0; any && t < (each ? step->level->n : 1) && t < step->level->n; t++) {
		const struct setting *retry;

		env_forget(&c->env);
		task_enter(&c->env, step, t);
		raise(&c->env, task_setting(&c->env, step, KEY_gpu), &most);
		retry = task_setting(&c->env, step, KEY_retry);
		for (size_t i = 0; retry != NULL && i < retry->nattempts; i++)
			raise(&c->env, own_setting(&c->env, &retry->attempts[i], KEY_gpu), &most);
	}
	return most;
}

void plan_gpus(struct compilation *c, struct step *step)
{
	size_t n;
	const struct hire *h = step_hires(c, step, &n);

	step->gpus = most_of(c, step);
	for (size_t i = 0; i < n && step->gpus > 0; i++) {
		const struct constraint *con = NULL;
		double most = hire_most(&h[i], "gpus", &con);
		struct diag *d;

		if ((double)step->gpus <= most)
			continue;
		d = report(c, E0607, con->stmt->span, "`%s` takes %" PRId64 " GPU%s of one worker",
		           step->symbol->name, step->gpus, step->gpus == 1 ? "" : "s");
		label(c, d, "a worker has fewer");
		relate(c, d, h[i].span, "recruits here");
	}
}
