#include "compiler/scope.h"

#include <ctype.h>
#include <string.h>

static void collect(struct scope *s, const struct block *b);

static void collect_name(struct scope *s, const struct name *name)
{
	uint64_t *at;
	bool is_new;

	if (name->text == NULL)
		return;
	at = map_put(&s->declared, name->text, strlen(name->text), &is_new);
	if (is_new)
		*at = (uint64_t)(uintptr_t)name;
}

static void collect_stmt(struct scope *s, const struct stmt *stmt)
{
	switch (stmt->kind) {
	case STMT_PARAM:
		collect_name(s, &stmt->param.name);
		break;
	case STMT_LET:
		collect_name(s, &stmt->let.name);
		break;
	case STMT_RECRUITER:
		collect_name(s, &stmt->recruiter.name);
		break;
	case STMT_STEP:
		collect_name(s, &stmt->step.name);
		break;
	case STMT_USE:
		collect_name(s, &stmt->use.name);
		break;
	case STMT_IMPORT:
		collect_name(s, &stmt->import.as);
		break;
	case STMT_FOREACH:
		for (size_t i = 0; i < stmt->foreach.n; i++)
			collect_name(s, &stmt->foreach.loops[i].var);
		collect(s, stmt->foreach.body);
		break;
	case STMT_IF:
		collect(s, stmt->branch.then);
		collect(s, stmt->branch.otherwise);
		break;
	default:
		break;
	}
}

static void collect(struct scope *s, const struct block *b)
{
	if (b == NULL)
		return;
	for (size_t i = 0; i < b->n; i++)
		collect_stmt(s, b->items[i]);
}

void scope_init(struct scope *s, struct compilation *c, const struct ast *ast, const char *prefix)
{
	memset(s, 0, sizeof(*s));
	s->c = c;
	s->prefix = prefix;
	collect(s, &ast->body);
}

void scope_release(struct scope *s)
{
	map_release(&s->visible);
	map_release(&s->declared);
	vec_release(&s->leaving);
}

size_t scope_enter(const struct scope *s)
{
	return s->leaving.n;
}

void scope_leave(struct scope *s, size_t mark)
{
	while (s->leaving.n > mark) {
		const struct symbol *sym = s->leaving.v[--s->leaving.n];

		map_delete(&s->visible, sym->name, strlen(sym->name));
	}
}

static struct symbol *symbol_new(struct scope *s, enum symbol_kind kind, struct name name,
                                 const struct stmt *stmt, struct level *level)
{
	struct program *p = &s->c->program;
	struct symbol *sym = arena_new(&s->c->arena, struct symbol);

	sym->kind = kind;
	sym->name = name.text;
	sym->full = s->prefix[0] != '\0' ? arena_printf(&s->c->arena, "%s%s", s->prefix, name.text)
	                                 : name.text;
	sym->span = name.span;
	sym->stmt = stmt;
	sym->level = level;
	sym->slot = p->nslots++;
	sym->type = vtype_of_kind(VTYPE_ANY);
	vec_push(&p->symbols, sym);
	return sym;
}

struct symbol *scope_declare(struct scope *s, enum symbol_kind kind, struct name name,
                             const struct stmt *stmt, struct level *level)
{
	struct symbol *sym = symbol_new(s, kind, name, stmt, level);
	const struct symbol *there;
	struct diag *d;

	if (!islower((unsigned char)name.text[0])) {
		d = report(s->c, E0206, name.span, "`%s` does not begin with a lower-case letter",
		           name.text);
		label(s->c, d, "upper-case names belong to the task");
		help(s->c, d, "begin the name with a letter from a to z");
	}
	there = scope_find(s, name.text);
	if (there != NULL) {
		d = report(s->c, E0202, name.span, "`%s` is already the name of a %s", name.text,
		           symbol_kind_text(there->kind));
		label(s->c, d, "taken");
		relate(s->c, d, there->span, "declared here");
		help(s->c, d, "choose another name: a name means one thing wherever it is seen");
		/* Later uses mean the first one; do not warn about it or about this one. */
		sym->used = true;
		return sym;
	}
	*map_put(&s->visible, name.text, strlen(name.text), NULL) = (uint64_t)(uintptr_t)sym;
	if (kind != SYMBOL_STEP)
		vec_push(&s->leaving, sym);
	return sym;
}

struct symbol *scope_hide(struct scope *s, enum symbol_kind kind, struct name name,
                          struct level *level, struct symbol **hidden)
{
	struct symbol *sym = symbol_new(s, kind, name, NULL, level);

	*hidden = scope_find(s, name.text);
	*map_put(&s->visible, name.text, strlen(name.text), NULL) = (uint64_t)(uintptr_t)sym;
	return sym;
}

void scope_unhide(struct scope *s, const char *name, struct symbol *hidden)
{
	if (hidden != NULL)
		*map_put(&s->visible, hidden->name, strlen(hidden->name), NULL) =
		        (uint64_t)(uintptr_t)hidden;
	else
		map_delete(&s->visible, name, strlen(name));
}

struct symbol *scope_find(const struct scope *s, const char *name)
{
	const uint64_t *at = map_get(&s->visible, name, strlen(name));

	return at ? (struct symbol *)(uintptr_t)*at : NULL;
}

const char *scope_nearest(const struct scope *s, const char *text)
{
	VEC(const char *) names = {0};
	const char *nearest;

	for (size_t i = 0; i < s->c->program.symbols.n; i++) {
		const struct symbol *sym = s->c->program.symbols.v[i];

		if (scope_find(s, sym->name) == sym)
			vec_push(&names, sym->name);
	}
	nearest = word_nearest(text, names.v, names.n);
	vec_release(&names);
	return nearest;
}

const struct name *scope_elsewhere(const struct scope *s, const char *name)
{
	const uint64_t *at = map_get(&s->declared, name, strlen(name));

	return at ? (const struct name *)(uintptr_t)*at : NULL;
}
