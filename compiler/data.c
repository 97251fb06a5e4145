#include "compiler/data.h"

#include "compiler/eval.h"
#include "compiler/expand.h"
#include "compiler/paths.h"
#include "compiler/task.h"

#include <assert.h>
#include <string.h>

#define NO_TUPLE UINT32_MAX

/* ---- instances ---- */

static uint32_t outer_tuple(const struct level *l, uint32_t tuple, unsigned depth)
{
	for (; l->depth > depth; l = l->outer)
		tuple = l->parent[tuple];
	return tuple;
}

/* The instance of `l` below `outer` that holds this element; conditions have one or none. */
static uint32_t child_tuple(const struct level *l, uint32_t outer, uint32_t element)
{
	uint32_t low = l->start[outer], high = l->start[outer + 1], at = low + element;

	if (low == high)
		return NO_TUPLE;
	if (l->kind == LEVEL_IF)
		return low;
	/* Where nothing was filtered out, the element is its place. */
	if (at < high && l->element[at] == element)
		return at;
	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (l->element[mid] < element)
			low = mid + 1;
		else
			high = mid;
	}
	return low < l->start[outer + 1] && l->element[low] == element ? low : NO_TUPLE;
}

static uint32_t element_at(const struct level *l, uint32_t tuple, const struct level *which)
{
	return which->element[outer_tuple(l, tuple, which->depth)];
}

/* ---- pairing ---- */

static unsigned shared_depth(struct level *a, struct level *b)
{
	while (a != b) {
		if (a->depth >= b->depth)
			a = a->outer;
		else
			b = b->outer;
	}
	return a->depth;
}

/* The consumer's level over the dimension of l, below `shared`; *second where there are two. */
static struct level *matching(struct level *consumer, const struct level *l, unsigned shared,
                              struct level **second)
{
	struct level *found = NULL;

	*second = NULL;
	for (; consumer->depth > shared; consumer = consumer->outer) {
		if (consumer->kind != LEVEL_LOOP || consumer->dimension != l->dimension)
			continue;
		*second = found;
		found = consumer;
	}
	return found;
}

static void ambiguous(struct compilation *c, const struct node *output, const struct level *a,
                      const struct level *b)
{
	struct diag *d =
	        report(c, E0209, output->span, "`%s` could follow `%s` or `%s`",
	               output->output.step->symbol->name, a->symbol->name, b->symbol->name);

	label(c, d, "which one");
	relate(c, d, a->head, "both run over the same list");
	help(c, d, "give one of them a list of its own: let others = LIST");
}

/* The other way round: the producer has two loops where the consumer has one. */
static void ambiguous_producer(struct compilation *c, const struct node *output,
                               const struct level *a, const struct level *b,
                               const struct level *consumer)
{
	struct diag *d = report(c, E0209, output->span, "`%s` could be `%s` or `%s` of `%s`",
	                        consumer->symbol->name, a->symbol->name, b->symbol->name,
	                        output->output.step->symbol->name);

	label(c, d, "which one");
	relate(c, d, a->head, "both run over the same list");
	relate(c, d, consumer->head, "and so does this");
	help(c, d, "give one of them a list of its own: let others = LIST");
}

/* " per sample and lane": the loops of a level outside of `shared`, those that match left out. */
static void add_loops(struct str *out, const struct pairing *p)
{
	bool first = true;

	for (unsigned i = 0; i < p->n; i++) {
		if (p->path[i]->kind != LEVEL_LOOP || p->match[i] != NULL)
			continue;
		str_addf(out, "%s%s", first ? "" : " and ", p->path[i]->symbol->name);
		first = false;
	}
}

static void add_all_loops(struct str *out, const struct level *l)
{
	if (l->outer == NULL)
		return;
	add_all_loops(out, l->outer);
	if (l->kind == LEVEL_LOOP)
		str_addf(out, "%s%s", out->len ? " and " : "", l->symbol->name);
}

/* A loop of the consumer with the variable of a collapsed one was meant to be the same. */
static const char *same_variable(const struct level *consumer, const struct pairing *p)
{
	for (; consumer->outer != NULL; consumer = consumer->outer) {
		for (unsigned i = 0; i < p->n && consumer->kind == LEVEL_LOOP; i++) {
			if (p->path[i]->kind == LEVEL_LOOP && p->match[i] == NULL &&
			    strcmp(p->path[i]->symbol->name, consumer->symbol->name) == 0)
				return consumer->symbol->name;
		}
	}
	return NULL;
}

static void needs_gather(struct compilation *c, const struct step *consumer,
                         const struct node *output, const struct pairing *p)
{
	const struct step *producer = output->output.step;
	struct str what = STR_INIT, loops = STR_INIT, all = STR_INIT;
	const struct level *collapsed = NULL;
	struct diag *d;

	for (unsigned i = p->n; i-- > 0;) {
		if (p->path[i]->kind == LEVEL_LOOP && p->match[i] == NULL)
			collapsed = p->path[i];
	}
	str_adds(&what, producer->symbol->name);
	if (output->output.yield != NULL)
		str_addf(&what, ".%s", output->output.yield);
	add_loops(&loops, p);
	add_all_loops(&all, consumer->level);
	d = report(c, E0207, output->span, "`%s` has one value per %s, but `%s` runs once%s%s",
	           what.p, loops.p, consumer->symbol->name, all.len ? " per " : "", all.p);
	label(c, d, "needs one value");
	relate(c, d, collapsed->head, "`%s` runs here, %u time%s", producer->symbol->name,
	       producer->level->n, producer->level->n == 1 ? "" : "s");
	if (same_variable(consumer->level, p))
		help(c, d, "to pair them, let both loops run over one list: let %ss = LIST",
		     same_variable(consumer->level, p));
	else if (all.len == 0 && producer->level->n > 1)
		help(c, d, "to wait for all %u, write `gather %s`", producer->level->n, what.p);
	else
		help(c, d, "to wait for all of them, write `gather %s`", what.p);
	if (same_variable(consumer->level, p) == NULL)
		fix(c, d, output->span, "gather %s", what.p);
	str_release(&what);
	str_release(&loops);
	str_release(&all);
}

static void pair_output(struct compilation *c, const struct step *consumer, struct node *output,
                        bool gather, struct span span)
{
	struct step *producer = output->output.step;
	struct pairing *p = arena_new(&c->arena, struct pairing);
	struct level *l = producer->level, *second;
	struct diag *d;

	p->shared = shared_depth(consumer->level, producer->level);
	p->n = producer->level->depth - p->shared;
	p->path = arena_array(&c->arena, struct level *, p->n);
	p->match = arena_array(&c->arena, struct level *, p->n);
	for (unsigned i = p->n; i-- > 0; l = l->outer) {
		p->path[i] = l;
		if (l->kind != LEVEL_LOOP)
			continue;
		p->match[i] = matching(consumer->level, l, p->shared, &second);
		if (second != NULL) {
			ambiguous(c, output, p->match[i], second);
			return;
		}
		p->collapsed += p->match[i] == NULL;
		for (unsigned k = i + 1; k < p->n && p->match[i] != NULL; k++) {
			if (p->match[k] == p->match[i]) {
				ambiguous_producer(c, output, p->path[i], p->path[k], p->match[i]);
				return;
			}
		}
	}
	output->output.pairing = p;
	/* Everything for everyone: said before it is tried. */
	if (gather && p->collapsed == p->n && p->shared == 0 &&
	    (uint64_t)consumer->level->n * producer->level->n > EDGE_LIMIT) {
		d = report(c, E0503, span, "more than %u requirements", EDGE_LIMIT);
		label(c, d, "%u tasks wait for %u each", consumer->level->n, producer->level->n);
		return;
	}
	if (!gather && p->collapsed > 0) {
		needs_gather(c, consumer, output, p);
	} else if (gather && p->collapsed == 0) {
		d = report(c, E0208, span, "there is one `%s` for each `%s`, nothing to gather",
		           producer->symbol->name, consumer->symbol->name);
		label(c, d, "a single value already");
		help(c, d, "leave `gather` out");
		fix(c, d, span, "%s%s%s", producer->symbol->name, output->output.yield ? "." : "",
		    output->output.yield ? output->output.yield : "");
	}
}

static struct level *innermost_loop(struct level *l)
{
	while (l->outer != NULL && l->kind != LEVEL_LOOP)
		l = l->outer;
	return l;
}

/* previous(step.out): the step runs in the same innermost loop, and in no further one. */
static void pair_previous(struct compilation *c, const struct step *consumer, struct node *n)
{
	struct node *output = n->previous.output;
	struct step *producer = output->output.step;
	struct level *loop = innermost_loop(consumer->level);
	struct diag *d;

	if (level_inside(producer->level, loop) && loop->kind == LEVEL_LOOP &&
	    innermost_loop(producer->level) == loop)
		return;
	d = report(c, E0213, output->span, "`%s` does not run in the loop of `%s`",
	           producer->symbol->name, consumer->symbol->name);
	label(c, d, "has no instance before this one");
	if (loop->kind == LEVEL_LOOP)
		relate(c, d, loop->head, "the loop");
}

void data_pair(struct compilation *c, const struct step *consumer, struct node *n)
{
	switch (n->kind) {
	case NODE_LIST:
		for (size_t i = 0; i < n->list.n; i++)
			data_pair(c, consumer, n->list.items[i]);
		break;
	case NODE_EACH:
		data_pair(c, consumer, n->each.body);
		break;
	case NODE_IF:
		data_pair(c, consumer, n->choice.yes);
		data_pair(c, consumer, n->choice.no);
		break;
	case NODE_ACTION:
		data_pair(c, consumer, n->action.of);
		break;
	case NODE_OUTPUT:
		pair_output(c, consumer, n, false, n->span);
		break;
	case NODE_GATHER:
		pair_output(c, consumer, n->gather.output, true, n->span);
		break;
	case NODE_PREVIOUS:
		pair_previous(c, consumer, n);
		if (n->previous.start != NULL)
			data_pair(c, consumer, n->previous.start);
		break;
	default:
		break;
	}
}

/* ---- the walk ---- */

static void enter(struct data_walk *w)
{
	if (!w->entered)
		task_enter(w->env, w->step, w->tuple);
	w->entered = true;
}

static bool walk(struct data_walk *w, struct node *n, const char *actions);

static bool give_output(struct data_walk *w, const struct node *output, uint32_t tuple,
                        const char *actions, const struct node *gather)
{
	struct data_item item = {
	        .span = output->span,
	        .actions = actions,
	        .text = VALUE_BAD_INIT,
	        .node = output,
	        .producer = output->output.step,
	        .tuple = tuple,
	        .yield = output->output.yield,
	        .gather = gather,
	};

	return w->item(w->context, &item);
}

/* No instance of the producer where one is needed: it was filtered out, or is off. */
static bool missing(struct data_walk *w, const struct node *output)
{
	struct compilation *c = w->env->c;
	const struct step *p = output->output.step;
	struct diag *d;

	d = report(c, E0210, output->span, "`%s` does not run for `%s`", p->symbol->name,
	           task_name(w->env, w->step, w->tuple));
	label(c, d, "nothing to take");
	relate(c, d, p->level->outer ? p->level->head : p->stmt->head, "`%s` runs only here",
	       p->symbol->name);
	help(c, d, "put both under the same condition, or write `if COND then %s else none`",
	     p->symbol->name);
	return false;
}

static bool walk_output(struct data_walk *w, const struct node *n, const char *actions)
{
	const struct pairing *p = n->output.pairing;
	uint32_t tuple = outer_tuple(w->step->level, w->tuple, p->shared);

	for (unsigned i = 0; i < p->n; i++) {
		uint32_t element = 0;

		if (p->match[i] != NULL)
			element = element_at(w->step->level, w->tuple, p->match[i]);
		tuple = child_tuple(p->path[i], tuple, element);
		if (tuple == NO_TUPLE && p->path[i]->optional)
			return true;
		if (tuple == NO_TUPLE) {
			enter(w);
			return missing(w, n);
		}
	}
	return give_output(w, n, tuple, actions, NULL);
}

/* "|mv:DIR" of `into`, which may name the loops of the producer. NULL after an error. */
static const char *into_action(struct data_walk *w, const struct node *gather, uint32_t tuple,
                               const char *actions)
{
	const struct node *into = gather->gather.into;
	struct compilation *c = w->env->c;
	struct value v;
	size_t n;
	struct diag *d;

	env_set(w->other, w->step->level, w->tuple);
	env_set(w->other, gather->gather.output->output.step->level, tuple);
	v = eval(w->other, into);
	if (v.kind == VALUE_BAD)
		return NULL;
	v = value_string(value_to_text(&v, w->other->arena));
	n = strlen(v.text);
	while (n > 0 && v.text[n - 1] == '/')
		n--;
	if (!good_yield(v.text) || n == 0) {
		d = report(c, E0507, into->span, "`%s` is no folder below the inputs", v.text);
		label(c, d, "a relative path without `..` is wanted");
		return NULL;
	}
	return arena_printf(w->other->arena, "|mv:%.*s%s", (int)n, v.text, actions);
}

static bool walk_gather_below(struct data_walk *w, const struct node *n, unsigned i, uint32_t tuple,
                              const char *actions)
{
	const struct pairing *p = n->gather.output->output.pairing;
	const struct level *l;

	if (i == p->n) {
		if (n->gather.into != NULL && !w->no_actions) {
			actions = into_action(w, n, tuple, actions);
			if (actions == NULL)
				return false;
		}
		return give_output(w, n->gather.output, tuple, actions, n);
	}
	l = p->path[i];
	if (l->kind == LEVEL_IF || p->match[i] != NULL) {
		uint32_t element =
		        p->match[i] ? element_at(w->step->level, w->tuple, p->match[i]) : 0;

		tuple = child_tuple(l, tuple, element);
		return tuple == NO_TUPLE || walk_gather_below(w, n, i + 1, tuple, actions);
	}
	for (uint32_t t = l->start[tuple]; t < l->start[tuple + 1]; t++) {
		if (!walk_gather_below(w, n, i + 1, t, actions))
			return false;
	}
	return true;
}

static bool walk_previous(struct data_walk *w, const struct node *n, const char *actions)
{
	const struct node *output = n->previous.output;
	struct level *loop = innermost_loop(w->step->level);
	uint32_t at = outer_tuple(w->step->level, w->tuple, loop->depth), outer = loop->parent[at];

	while (at > loop->start[outer]) {
		uint32_t tuple = --at;
		unsigned depth = loop->depth;

		/* Only conditions stand between the loop and the producer. */
		while (tuple != NO_TUPLE && depth < output->output.step->level->depth)
			tuple = child_tuple(level_at(output->output.step->level, ++depth), tuple,
			                    0);
		if (tuple != NO_TUPLE)
			return give_output(w, output, tuple, actions, NULL);
	}
	return n->previous.start == NULL || walk(w, n->previous.start, actions);
}

static bool walk_action(struct data_walk *w, const struct node *n, const char *actions)
{
	struct compilation *c = w->env->c;
	const char *dir = "";
	struct value v;
	struct diag *d;

	if (w->no_actions)
		return walk(w, n->action.of, actions);
	if (n->action.dir != NULL) {
		enter(w);
		v = eval(w->env, n->action.dir);
		if (v.kind == VALUE_BAD)
			return false;
		dir = value_to_text(&v, w->env->arena);
		if (!good_yield(dir)) {
			d = report(c, E0507, n->action.dir->span,
			           "`%s` is no folder below the inputs", dir);
			label(c, d, "a relative path without `..` is wanted");
			return false;
		}
	}
	actions = arena_printf(w->env->arena, "|%s%s%s%s", n->action.word, n->action.dir ? ":" : "",
	                       dir, actions);
	return walk(w, n->action.of, actions);
}

static bool give_value(struct data_walk *w, const struct node *n, struct value v,
                       const char *actions)
{
	struct data_item item = {.span = n->span, .actions = actions, .node = n};
	struct compilation *c = w->env->c;
	struct diag *d;

	if (v.kind == VALUE_BAD)
		return false;
	/* A cell that is empty stands for nothing. */
	if (v.kind == VALUE_NONE || ((v.flags & VALUE_CELL) && v.len == 0))
		return true;
	if (v.kind == VALUE_LIST) {
		for (size_t i = 0; i < v.list->n; i++) {
			if (!give_value(w, n, list_at(v.list, i), actions))
				return false;
		}
		return true;
	}
	if (!value_is_text(&v) || v.len == 0) {
		d = report(c, E0301, n->span,
		           "a file, an address or an output of a step is wanted here");
		label(c, d, "is %s",
		      v.kind == VALUE_STRING ? "an empty string"
		                             : value_kind_text((enum value_kind)v.kind));
		return false;
	}
	item.text = value_placed(c, v, w->env->arena);
	return w->item(w->context, &item);
}

/* True, false, or -1 after an error. */
static int holds(struct data_walk *w, const struct node *cond)
{
	struct value v = eval(w->env, cond);

	v = value_convert(w->env->c, v, vtype_of_kind(VTYPE_BOOL), cond->span, w->env->arena);
	return v.kind == VALUE_BOOL ? v.boolean : -1;
}

static bool walk_each(struct data_walk *w, struct node *n, const char *actions)
{
	struct value source;
	uint32_t slot = n->each.variable->slot;

	enter(w);
	source = eval(w->env, n->each.source);
	if (source.kind != VALUE_LIST)
		return false;
	for (size_t i = 0; i < source.list->n; i++) {
		int keep = 1;

		w->env->slots[slot] = list_at(source.list, i);
		if (n->each.where != NULL)
			keep = holds(w, n->each.where);
		if (keep < 0 || (keep && !walk(w, n->each.body, actions)))
			return false;
	}
	return true;
}

static bool walk_value(struct data_walk *w, struct node *n, const char *actions)
{
	if (w->skip_seen && n->free == 0 && n->depth < w->step->level->depth) {
		uint32_t tuple = outer_tuple(w->step->level, w->tuple, n->depth);

		if (n->seen == tuple + 1)
			return true;
		n->seen = tuple + 1;
	}
	enter(w);
	return give_value(w, n, eval(w->env, n), actions);
}

static bool walk(struct data_walk *w, struct node *n, const char *actions)
{
	int yes;

	if (!n->has_data && n->kind != NODE_LIST)
		return walk_value(w, n, actions);
	switch (n->kind) {
	case NODE_LIST:
		for (size_t i = 0; i < n->list.n; i++) {
			if (!walk(w, n->list.items[i], actions))
				return false;
		}
		return true;
	case NODE_EACH:
		return walk_each(w, n, actions);
	case NODE_IF:
		enter(w);
		yes = holds(w, n->choice.cond);
		return yes >= 0 && walk(w, yes ? n->choice.yes : n->choice.no, actions);
	case NODE_ACTION:
		return walk_action(w, n, actions);
	case NODE_OUTPUT:
		return walk_output(w, n, actions);
	case NODE_GATHER:
		return walk_gather_below(w, n, 0,
		                         outer_tuple(w->step->level, w->tuple,
		                                     n->gather.output->output.pairing->shared),
		                         actions);
	case NODE_PREVIOUS:
		return walk_previous(w, n, actions);
	default:
		break;
	}
	return false;
}

bool data_walk(struct data_walk *w, struct node *n)
{
	return walk(w, n, "");
}
