#include "compiler/recruit.h"

#include "compiler/check.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* Guards of such settings are constants; check_settings.c has seen to it. */
static const struct setting *chosen(const struct settings *s, enum setting_key key)
{
	const struct setting *last = NULL;

	for (const struct setting *set = s->first[key]; set != NULL; set = set->next) {
		bool holds = true;

		for (const struct guard *g = set->guard; g != NULL; g = g->outer)
			holds &= g->cond->kind == NODE_CONST && g->cond->value.boolean == g->want;
		if (holds)
			last = set;
	}
	return last;
}

const struct setting *step_setting(struct compilation *c, const struct step *step,
                                   enum setting_key key)
{
	const struct setting *set = chosen(&step->settings, key);

	return set ? set : chosen(&c->program.defaults, key);
}

static int64_t setting_int(const struct setting *set)
{
	if (set == NULL || set->node == NULL || set->node->kind != NODE_CONST ||
	    set->node->value.kind != VALUE_INT)
		return INT_NULL;
	return set->node->value.integer;
}

int64_t step_int(struct compilation *c, const struct step *step, enum setting_key key)
{
	return setting_int(step_setting(c, step, key));
}

const struct hire *step_hires(struct compilation *c, const struct step *step, size_t *n)
{
	const struct setting *set = step_setting(c, step, KEY_recruiters);

	*n = set ? set->nhires : 0;
	return set ? set->hires : NULL;
}

static const struct recruiter_block *block_of(const struct hire *h)
{
	return h->symbol ? h->symbol->recruiter : NULL;
}

const struct setting *hire_setting(const struct hire *h, enum setting_key key)
{
	const struct recruiter_block *b = block_of(h);
	const struct setting *set = h->over ? chosen(h->over, key) : NULL;

	if (set != NULL)
		return set;
	return b ? chosen(&b->settings, key) : NULL;
}

int64_t hire_int(const struct hire *h, enum setting_key key)
{
	return setting_int(hire_setting(h, key));
}

const char *hire_text(const struct hire *h, enum setting_key key)
{
	const struct setting *set = hire_setting(h, key);

	if (set == NULL || set->node == NULL || set->node->kind != NODE_CONST ||
	    !value_is_text(&set->node->value))
		return NULL;
	return set->node->value.text;
}

double hire_most(const struct hire *h, const char *key, const struct constraint **which)
{
	const struct setting *set = hire_setting(h, KEY_flavor);
	double most = HUGE_VAL;

	for (size_t i = 0; set != NULL && i < set->nconstraints; i++) {
		const struct constraint *con = &set->constraints[i];
		enum op op = con->stmt->constraint.op;
		double n;

		if (strcmp(con->attr->key, key) != 0 || con->node->kind != NODE_CONST ||
		    (op != OP_EQ && op != OP_LE && op != OP_LT))
			continue;
		n = value_real(&con->node->value) - (op == OP_LT ? 1 : 0);
		if (n < most) {
			most = n;
			*which = con;
		}
	}
	return most;
}

double hire_least(const struct hire *h, const char *key)
{
	const struct setting *set = hire_setting(h, KEY_flavor);
	double least = 0;

	for (size_t i = 0; set != NULL && i < set->nconstraints; i++) {
		const struct constraint *con = &set->constraints[i];
		enum op op = con->stmt->constraint.op;
		double n;

		if (strcmp(con->attr->key, key) != 0 || con->node->kind != NODE_CONST ||
		    (op != OP_EQ && op != OP_GE && op != OP_GT))
			continue;
		n = value_real(&con->node->value) + (op == OP_GT ? 1 : 0);
		least = n > least ? n : least;
	}
	return least;
}

/* Sizes of flavors are in GB, as the table of flavors has them. */
static void add_amount(struct str *out, const struct value *v)
{
	struct value gb;

	if (v->kind != VALUE_SIZE) {
		value_print(v, out);
		return;
	}
	gb = v->integer % 1000000000 == 0 ? value_int(v->integer / 1000000000)
	                                  : value_float((double)v->integer / 1e9);
	value_print(&gb, out);
}

static const char *protofilter(enum op op)
{
	switch (op) {
	case OP_LIKE:
		return "~";
	case OP_UNLIKE:
		return "!~";
	case OP_HAS:
		return "#";
	case OP_LACKS:
		return "!#";
	default:
		return op_text(op);
	}
}

const char *hire_flavor(const struct hire *h, int64_t gpus, struct arena *arena)
{
	const struct setting *set = h != NULL ? hire_setting(h, KEY_flavor) : NULL;
	struct str s = STR_INIT;
	const char *text;

	if (set != NULL && set->node != NULL)
		return set->node->kind == NODE_CONST ? value_to_text(&set->node->value, arena)
		                                     : "auto";
	str_adds(&s, "auto");
	for (size_t i = 0; set != NULL && i < set->nconstraints; i++) {
		const struct constraint *k = &set->constraints[i];

		str_addf(&s, ":%s%s", k->attr->key, protofilter(k->stmt->constraint.op));
		if (k->node != NULL && k->node->kind == NODE_CONST)
			add_amount(&s, &k->node->value);
	}
	if (gpus > 0 && (h == NULL || hire_least(h, "gpus") < (double)gpus))
		str_addf(&s, ":gpus>=%" PRId64, gpus);
	text = arena_strndup(arena, s.p, s.len);
	str_release(&s);
	return text;
}
