#include "compiler/quorum.h"

#include "compiler/data.h"
#include "compiler/eval.h"
#include "compiler/task.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const enum setting_key data_keys[] = {KEY_input, KEY_resource, KEY_after};

#define DATA_KEYS (sizeof(data_keys) / sizeof(data_keys[0]))

static bool node_asks(const struct node *n)
{
	switch (n->kind) {
	case NODE_LIST:
		for (size_t i = 0; i < n->list.n; i++) {
			if (node_asks(n->list.items[i]))
				return true;
		}
		return false;
	case NODE_EACH:
		return node_asks(n->each.body);
	case NODE_IF:
		return node_asks(n->choice.yes) || node_asks(n->choice.no);
	case NODE_ACTION:
		return node_asks(n->action.of);
	case NODE_GATHER:
		return n->gather.min != NULL;
	default:
		return false;
	}
}

bool quorum_asked(const struct step *step)
{
	for (size_t i = 0; i < DATA_KEYS; i++) {
		const struct setting *s = step->settings.first[data_keys[i]];

		for (; s != NULL; s = s->next) {
			if (s->node != NULL && node_asks(s->node))
				return true;
		}
	}
	return false;
}

/* One `gather ... min` as the task sees it. */
struct asked {
	const struct node *node;
	const struct step *producer;
	uint32_t members;
};

struct collector {
	VEC(struct asked) asked;
	const uint32_t *requires;
	size_t nrequires;
	uint8_t *how; /* of each requirement: bits of GATHERED and NAMED */
};

enum { GATHERED = 1, NAMED = 2 };

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static bool collect(void *context, const struct data_item *item)
{
	struct collector *k = context;
	uint32_t number;
	const uint32_t *at;
	size_t i = 0;

	if (item->producer == NULL)
		return true;
	number = item->producer->first_task + item->tuple;
	at = bsearch(&number, k->requires, k->nrequires, sizeof(number), by_number);
	if (at == NULL)
		return true;
	if (item->gather == NULL || item->gather->gather.min == NULL) {
		k->how[at - k->requires] |= NAMED;
		return true;
	}
	k->how[at - k->requires] |= GATHERED;
	while (i < k->asked.n && k->asked.v[i].node != item->gather)
		i++;
	if (i == k->asked.n)
		vec_push(&k->asked, ((struct asked){item->gather, item->producer, 0}));
	k->asked.v[i].members++;
	return true;
}

/* How many of the members must succeed; false after an error. */
static bool minimum_of(struct env *env, const struct asked *a, uint32_t *minimum)
{
	const struct node *min = a->node->gather.min;
	struct compilation *c = env->c;
	struct value v = eval(env, min);
	struct str text = STR_INIT;
	struct diag *d;
	double most = v.kind == VALUE_FLOAT ? 1 : a->members, value;

	if (v.kind == VALUE_BAD)
		return false;
	if (v.kind != VALUE_INT && v.kind != VALUE_FLOAT) {
		d = report(c, E0301, min->span, "a share or a number of tasks is wanted here");
		label(c, d, "is %s", value_kind_text((enum value_kind)v.kind));
		help(c, d, "write `min 90%%` or `min 3`");
		return false;
	}
	value = value_real(&v);
	if (value >= 0 && value <= most) {
		/* 90% of 10 is 9, whatever the last bit of 0.9 says. */
		*minimum = v.kind == VALUE_INT ? (uint32_t)v.integer
		                               : (uint32_t)ceil(value * a->members - 1e-9);
		return true;
	}
	value_write(&v, &text);
	d = report(c, E0508, min->span, "`min %s` of %u task%s", text.p, a->members,
	           a->members == 1 ? "" : "s");
	label(c, d, v.kind == VALUE_FLOAT ? "from 0%% to 100%%" : "from 0 to %u", a->members);
	relate(c, d, a->producer->level->outer ? a->producer->level->head : a->producer->stmt->head,
	       "`%s` runs here", a->producer->symbol->name);
	str_release(&text);
	return false;
}

static bool walk_all(struct collector *k, struct env *env, struct env *other,
                     const struct step *step, uint32_t tuple)
{
	for (size_t i = 0; i < DATA_KEYS; i++) {
		const struct setting *set = task_own_setting(env, step, data_keys[i]);
		struct data_walk w = {
		        .env = env,
		        .other = other,
		        .step = step,
		        .tuple = tuple,
		        .entered = true,
		        .no_actions = true,
		        .item = collect,
		        .context = k,
		};

		if (set != NULL && !data_walk(&w, set->node))
			return false;
	}
	return true;
}

/* The steps that are gathered, and how many of each may fail: the strictest of several gathers. */
static bool fill(struct collector *k, struct env *env, struct quorum *out)
{
	const struct step **steps = arena_array(env->arena, const struct step *, k->asked.n);

	out->may_fail = arena_array(env->arena, uint32_t, k->asked.n);
	for (size_t i = 0; i < k->asked.n; i++) {
		const struct asked *a = &k->asked.v[i];
		uint32_t minimum;
		size_t at = 0;

		if (!minimum_of(env, a, &minimum))
			return false;
		while (at < out->n && steps[at] != a->producer)
			at++;
		if (at == out->n) {
			steps[out->n++] = a->producer;
			out->may_fail[at] = a->members;
		}
		if (a->members - minimum < out->may_fail[at])
			out->may_fail[at] = a->members - minimum;
	}
	out->gathers = arena_array(env->arena, uint32_t, k->nrequires);
	for (size_t i = 0; i < k->nrequires; i++) {
		uint32_t tuple;
		size_t at = 0;

		out->gathers[i] = QUORUM_NONE;
		if (k->how[i] != GATHERED)
			continue;
		while (steps[at] != plan_step(env->c, k->requires[i], &tuple))
			at++;
		out->gathers[i] = (uint32_t)at;
	}
	return true;
}

bool quorum_of(struct env *env, struct env *other, const struct step *step, uint32_t tuple,
               const uint32_t *requires, size_t nrequires, struct quorum *out)
{
	struct collector k = {.requires = requires, .nrequires = nrequires};
	bool ok;

	memset(out, 0, sizeof(*out));
	k.how = arena_array(env->arena, uint8_t, nrequires);
	memset(k.how, 0, nrequires);
	ok = walk_all(&k, env, other, step, tuple) && fill(&k, env, out);
	vec_release(&k.asked);
	return ok;
}
