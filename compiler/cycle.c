/*
 * Steps that wait for each other. A step takes only from those above it, so that a circle shows
 * as a name that is defined further down; here it is found out whether moving that would help.
 */
#include "compiler/cycle.h"

#include "base/alloc.h"
#include "compiler/compilation.h"

#include <stdlib.h>

static bool within(struct span inner, struct span outer)
{
	return inner.file == outer.file && inner.start >= outer.start && inner.end <= outer.end;
}

/* The step of the file in whose text this stands, or NULL. */
static const struct step *step_around(const struct compilation *c, struct span span)
{
	for (size_t i = 0; i < c->program.steps.n; i++) {
		if (within(span, c->program.steps.v[i]->stmt->span))
			return c->program.steps.v[i];
	}
	return NULL;
}

static const struct step *step_declared(const struct compilation *c, struct span name)
{
	for (size_t i = 0; i < c->program.steps.n; i++) {
		const struct symbol *symbol = c->program.steps.v[i]->symbol;

		if (symbol->span.file == name.file && symbol->span.start == name.start)
			return c->program.steps.v[i];
	}
	return NULL;
}

/* Mark the steps that this one names, also those further down. */
static void mark_named(const struct compilation *c, const struct step *step, bool *named)
{
	const struct map *bindings = &c->program.bindings;

	for (size_t i = 0; i < bindings->cap; i++) {
		const struct binding *b;
		const struct step *other;

		if (bindings->slots[i].key == NULL)
			continue;
		b = (const struct binding *)(uintptr_t)bindings->slots[i].value;
		if (!within(b->span, step->stmt->span))
			continue;
		other = b->symbol != NULL      ? b->symbol->step
		        : b->elsewhere != NULL ? step_declared(c, b->elsewhere->span)
		                               : NULL;
		if (other != NULL && other != step)
			named[other->number] = true;
	}
}

const struct step *cycle_find(const struct compilation *c, struct span use, struct span declared,
                              const struct step **last)
{
	const size_t n = c->program.steps.n;
	const struct step *here = step_around(c, use), *first = step_declared(c, declared);
	const struct step **queue;
	bool *seen, *named, found = false;
	size_t head = 0, tail = 0;

	if (here == NULL || first == NULL || here == first)
		return NULL;
	queue = xcalloc(n, sizeof(const struct step *));
	seen = xcalloc(n, sizeof(*seen));
	queue[tail++] = first;
	seen[first->number] = true;
	while (head < tail && !found) {
		const struct step *step = queue[head++];

		named = xcalloc(n, sizeof(*named));
		mark_named(c, step, named);
		found = named[here->number];
		*last = step;
		for (size_t i = 0; i < n && !found; i++) {
			if (named[i] && !seen[i]) {
				seen[i] = true;
				queue[tail++] = c->program.steps.v[i];
			}
		}
		free(named);
	}
	free(seen);
	free(queue);
	return found ? here : NULL;
}
