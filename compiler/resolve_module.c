/*
 * Modules: files of declarations for others, and their names in the file that imports
 * them.
 */
#include "compiler/check.h"
#include "compiler/lock.h"
#include "compiler/paths.h"
#include "compiler/resolve.h"
#include "dsl/parse.h"

#include <errno.h>
#include <string.h>

/* Modules that import each other one upon the other. */
#define IMPORT_DEPTH 16

/* ---- import ---- */

/* As the user would write it: beside the importing file. */
static const char *shown_path(struct resolver *r, const char *path)
{
	struct compilation *c = r->c;
	uint32_t file = r->module != NULL ? r->module->file : c->file;
	const char *dir = path_directory(&c->arena, c->sources.files[file].name);

	if (path[0] == '/' || strcmp(dir, ".") == 0)
		return path;
	return arena_printf(&c->arena, "%s/%s", dir, path);
}

static bool imports_itself(struct resolver *r, const char *path)
{
	const char *file = path_join(&r->c->arena, r->c->cwd, r->c->options.path);
	unsigned depth = 0;

	for (const struct module *m = r->module; m != NULL; m = m->outer) {
		if (strcmp(m->path, path) == 0)
			return true;
		depth++;
	}
	return strcmp(file, path) == 0 || depth >= IMPORT_DEPTH;
}

static const char *given_path(struct resolver *r, const struct expr *e)
{
	const char *text = expr_plain_string(e);
	struct diag *d;

	if (text != NULL && text[0] != '\0')
		return text;
	d = report(r->c, E0223, e->span, "`import` wants the path of a file");
	label(r->c, d, text ? "is empty" : "known only when values are");
	help(r->c, d, "write `import \"FILE.scitq\" as NAME`");
	return NULL;
}

/* The module before that came of the same file; NULL: none did. */
static const struct module *twin_of(const struct compilation *c, const struct module *m)
{
	for (size_t i = 0; i < c->program.modules.n; i++) {
		const struct module *other = c->program.modules.v[i];

		if (other != m && strcmp(other->path, m->path) == 0)
			return other;
	}
	return NULL;
}

/*
 * The file of the module into the sources; false after an error. One that is imported twice is one
 * source, of which nothing is reported twice.
 */
static bool read_module(struct resolver *r, const struct stmt *s, struct module *m)
{
	struct compilation *c = r->c;
	const struct module *twin;
	const char *given = given_path(r, s->import.path);
	struct str text = STR_INIT;
	struct diag *d;
	int result;

	if (given == NULL)
		return false;
	m->path = path_join(&c->arena, c->bases.v[r->module != NULL ? r->module->base : 0], given);
	if (imports_itself(r, m->path)) {
		d = report(c, E0225, s->span, "`%s` is imported by what it imports", given);
		label(c, d, "in a circle");
		help(c, d, "move what both need into a third file");
		return false;
	}
	result = c->files.read(c->files.context, m->path, &text);
	if (result == 0 && text.len >= INT32_MAX)
		result = -EFBIG;
	twin = result == 0 ? twin_of(c, m) : NULL;
	if (twin != NULL)
		m->file = twin->file;
	else if (result == 0)
		m->file = sources_add(&c->sources, shown_path(r, given), text.p, text.len);
	if (result == 0)
		lock_note_text(c, LOCK_MODULES, lock_path(c, m->path), text.p, text.len,
		               s->import.path->span);
	str_release(&text);
	if (result == 0)
		return true;
	d = report(c, E0223, s->import.path->span, "cannot read the module `%s`: %s", given,
	           strerror(-result));
	label(c, d, "looked for %s", m->path);
	return false;
}

static void refuse_in_module(struct resolver *r, const struct stmt *s, const char *what,
                             const char *remedy)
{
	struct diag *d = report(r->c, E0224, s->head, "a module has no %s", what);

	label(r->c, d, "not in an imported file");
	help(r->c, d, "%s", remedy);
}

/* What would run by itself has no place in a file for others. */
static void check_module(struct resolver *r, const struct block *b)
{
	for (size_t i = 0; i < b->n; i++) {
		const struct stmt *s = b->items[i];

		switch (s->kind) {
		case STMT_WORKFLOW:
			refuse_in_module(r, s, "`workflow`",
			                 "its settings come from the file that imports it");
			break;
		case STMT_PROFILE:
			refuse_in_module(r, s, "profiles",
			                 "write them in the file that imports it");
			break;
		case STMT_THEN:
			refuse_in_module(r, s, "`then`", "write it in the file that imports it");
			break;
		case STMT_HOOK:
			refuse_in_module(r, s, "hooks", "write them in the file that imports it");
			break;
		case STMT_FOREACH:
			refuse_in_module(r, s, "loops",
			                 "write `step NAME(parameters) { ... }`, and the loop "
			                 "where it is used");
			break;
		case STMT_IF:
			check_module(r, s->branch.then);
			if (s->branch.otherwise != NULL)
				check_module(r, s->branch.otherwise);
			break;
		case STMT_STEP:
			if (!s->step.has_params)
				refuse_in_module(r, s, "steps of its own",
				                 "give it parameters: `step NAME(sample) { ... }`, "
				                 "or none: `step NAME() { ... }`");
			break;
		case STMT_USE:
			refuse_in_module(r, s, "steps of its own",
			                 "use the step in the file that imports it");
			break;
		default:
			break;
		}
	}
}

static void resolve_file(struct resolver *outer, struct module *m)
{
	struct compilation *c = outer->c;
	struct resolver *r = arena_new(&c->arena, struct resolver);
	size_t errors = c->sink.reported;

	*r = (struct resolver){.c = c,
	                       .module = m,
	                       .level = outer->level,
	                       .workflow = outer->workflow,
	                       .first_item = c->program.items.n};
	m->base = base_add(c, path_directory(&c->arena, m->path));
	m->ast = dsl_parse(&c->arena, &c->sources, m->file, &c->sink);
	scope_init(&r->scope, c, m->ast, m->prefix);
	m->resolver = r;
	if (c->sink.reported > errors) {
		/* What is missing in a tree with holes has been said. */
		m->broken = true;
		return;
	}
	check_module(r, &m->ast->body);
	m->broken = c->sink.reported > errors;
	if (!m->broken)
		resolve_block(r, &m->ast->body);
}

/*
 * What a module declares under a condition is there for the rest of it, and for others, where
 * the condition holds. So its params and lets are computed now. The branch that does not
 * hold goes first: it is looked at for mistakes, and the other may declare the same names.
 */
void resolve_choice(struct resolver *r, const struct stmt *s)
{
	struct level *outside = r->level, *then = branch_add(r, s, true);
	struct level *otherwise = branch_add(r, s, false);
	bool chosen;

	/* Of a tree with holes no value is computed. */
	if (r->c->done >= COMPILE_PARSE)
		check_values(r->c, r->first_item);
	chosen = !outside->dead && then->decided && then->dead != otherwise->dead;
	if (!chosen || then->dead)
		resolve_branch(r, then, s->branch.then);
	if (!chosen || otherwise->dead)
		resolve_branch(r, otherwise, s->branch.otherwise);
	r->undecided |= !chosen && !outside->dead;
	if (!chosen)
		return;
	r->level = then->dead ? otherwise : then;
	resolve_block(r, then->dead ? s->branch.otherwise : s->branch.then);
	r->level = outside;
}

void resolve_import(struct resolver *r, const struct stmt *s)
{
	struct module *m = arena_new(&r->c->arena, struct module);

	m->outer = r->module;
	m->prefix = arena_printf(&r->c->arena, "%s%s.", r->scope.prefix, s->import.as.text);
	if (read_module(r, s, m)) {
		vec_push(&r->c->program.modules, m);
		resolve_file(r, m);
	} else {
		m->broken = true;
	}
	scope_declare(&r->scope, SYMBOL_MODULE, s->import.as, s, r->level)->module = m;
}

void release_modules(struct compilation *c)
{
	for (size_t i = 0; i < c->program.modules.n; i++) {
		struct module *m = c->program.modules.v[i];

		scope_release(&m->resolver->scope);
		m->resolver = NULL;
	}
}

uint16_t base_at(const struct compilation *c, struct span place)
{
	for (size_t i = 0; i < c->program.modules.n; i++) {
		if (c->program.modules.v[i]->file == place.file)
			return c->program.modules.v[i]->base;
	}
	return 0;
}

/* ---- names of a module ---- */

struct symbol *module_member(struct resolver *r, const struct symbol *module, struct name name,
                             bool *reported)
{
	const struct module *m = module->module;
	struct symbol *sym = m->broken ? NULL : scope_find(&m->resolver->scope, name.text);
	const struct name *elsewhere;
	const char *nearest;
	struct diag *d;

	*reported = m->broken;
	if (m->broken)
		return NULL;
	if (sym != NULL && sym->kind != SYMBOL_MODULE) {
		sym->used = true;
		return sym;
	}
	elsewhere = sym == NULL ? scope_elsewhere(&m->resolver->scope, name.text) : NULL;
	*reported = true;
	if (elsewhere != NULL && m->resolver->undecided)
		return NULL;
	if (elsewhere != NULL) {
		d = report(r->c, E0203, name.span, "module `%s` has no `%s` with these params",
		           module->name, name.text);
		label(r->c, d, "not declared");
		relate(r->c, d, elsewhere->span, "declared where the condition does not hold");
		return NULL;
	}
	nearest = scope_nearest(&m->resolver->scope, name.text);
	d = report(r->c, E0201, name.span, "module `%s` has no `%s`", module->name, name.text);
	label(r->c, d, "unknown name");
	relate(r->c, d, module->span, "imported here");
	if (nearest != NULL) {
		help(r->c, d, "write `%s`", nearest);
		fix(r->c, d, name.span, "%s", nearest);
	}
	return NULL;
}

void resolve_member(struct resolver *r, const struct expr *e)
{
	struct binding *of = e->field.of->kind == EXPR_NAME ? binding_of(r->c, e->field.of) : NULL;
	struct binding *b;

	if (of == NULL || of->symbol == NULL || of->symbol->kind != SYMBOL_MODULE)
		return;
	b = bind_new(r, e);
	b->span = e->field.name.span;
	b->symbol = module_member(r, of->symbol, e->field.name, &b->reported);
}
