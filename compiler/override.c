#include "compiler/override.h"

#include "compiler/check.h"
#include "compiler/eval.h"
#include "compiler/paths.h"

#include <string.h>

/* One --set, taken apart. */
struct override {
	struct compilation *c;
	const char *target; /* NULL: none */
	const char *key, *value;
	struct span span;     /* of all of it, in a source of its own */
	struct setting *made; /* for the home that was asked last */
};

static struct diag *refuse(struct override *o, const char *what, const char *why)
{
	struct diag *d = report(o->c, E0330, o->span, "%s", what);

	label(o->c, d, "%s", why);
	return d;
}

/* The type that a text can be read as; NULL: what the setting takes is no single value. */
static const struct vtype *readable(const struct attr *attr)
{
	switch (attr->type) {
	case ATTR_STRING:
	case ATTR_WORD:
		return vtype_of_kind(VTYPE_STRING);
	case ATTR_INT:
	case ATTR_RETRY:
		return vtype_of_kind(VTYPE_INT);
	case ATTR_NUMBER:
	case ATTR_PERCENT:
		return vtype_of_kind(VTYPE_FLOAT);
	case ATTR_SIZE:
		return vtype_of_kind(VTYPE_SIZE);
	case ATTR_DURATION:
		return vtype_of_kind(VTYPE_DURATION);
	case ATTR_BOOL:
		return vtype_of_kind(VTYPE_BOOL);
	default:
		return NULL;
	}
}

static void unknown_key(struct override *o, enum attr_home home)
{
	struct compilation *c = o->c;
	VEC(const char *) keys = {0};
	const char *nearest;
	struct diag *d = refuse(o, "there is no such setting to give", "unknown here");

	for (size_t i = 0; i < nattrs; i++) {
		if ((attrs[i].homes & home) && readable(&attrs[i]) != NULL)
			vec_push(&keys, attrs[i].key);
	}
	nearest = word_nearest(o->key, keys.v, keys.n);
	if (nearest != NULL)
		help(c, d, "write --set %s%s%s=%s", o->target ? o->target : "",
		     o->target ? "." : "", nearest, o->value);
	vec_release(&keys);
}

/* The setting for a home; NULL after an error. `shell` would come too late: the text is read. */
static struct setting *make_setting(struct override *o, enum attr_home home)
{
	struct compilation *c = o->c;
	struct checker k = {.c = c, .level = c->program.levels.v[0]};
	const struct attr *attr = attr_find(o->key, home);
	int key = attr != NULL ? setting_key_find(attr->key) : -1;
	const struct vtype *type;
	struct expr *e;
	struct value v;
	const char *why;
	struct diag *d;

	if (key < 0) {
		unknown_key(o, home);
		return NULL;
	}
	type = readable(attr);
	if (type == NULL || key == KEY_shell) {
		refuse(o, "this setting can be given in the file only", "no single value");
		return NULL;
	}
	if (!value_read(c, o->value, type, &c->arena, &v, &why)) {
		d = refuse(o, "the value cannot be read", vtype_text(type, &c->arena));
		help(c, d, "give %s", why);
		return NULL;
	}
	if (v.kind == VALUE_STRING)
		v.base = base_add(c, c->cwd);
	e = arena_new(&c->arena, struct expr);
	e->kind = EXPR_NONE;
	e->span = o->span;
	o->made = arena_new(&c->arena, struct setting);
	o->made->key = (enum setting_key)key;
	o->made->attr = attr;
	o->made->key_span = o->made->span = o->span;
	o->made->expr = e;
	o->made->node = node_const(&k, v, o->span, type);
	o->made->given = true;
	return o->made;
}

static void put(struct override *o, enum attr_home home, struct settings *settings)
{
	struct setting *set = make_setting(o, home);

	if (set != NULL)
		settings->first[set->key] = set;
}

/* Refinements of the recruiter do not win either. */
static void forget_refined(const struct setting *recruiters, const struct symbol *of, int key)
{
	for (; recruiters != NULL; recruiters = recruiters->next) {
		for (size_t i = 0; i < recruiters->nhires; i++) {
			const struct hire *h = &recruiters->hires[i];

			if (h->over != NULL && h->symbol == of)
				h->over->first[key] = NULL;
		}
	}
}

static void put_recruiter(struct override *o, struct recruiter_block *b)
{
	struct program *p = &o->c->program;
	int key;

	o->made = NULL;
	put(o, ATTR_RECRUITER, &b->settings);
	if (o->made == NULL)
		return;
	key = (int)o->made->key;
	forget_refined(p->defaults.first[KEY_recruiters], b->symbol, key);
	for (size_t i = 0; i < p->steps.n; i++)
		forget_refined(p->steps.v[i]->settings.first[KEY_recruiters], b->symbol, key);
}

/* Of a step for all steps, else of the workflow. */
static void put_everywhere(struct override *o)
{
	struct program *p = &o->c->program;

	if (attr_find(o->key, ATTR_STEP) == NULL) {
		put(o, ATTR_WORKFLOW, &p->defaults);
		return;
	}
	for (size_t i = 0; i < p->steps.n; i++) {
		o->made = NULL;
		put(o, ATTR_STEP, &p->steps.v[i]->settings);
		if (o->made == NULL)
			return;
	}
}

static void unknown_target(struct override *o)
{
	struct program *p = &o->c->program;
	VEC(const char *) names = {0};
	const char *nearest;
	struct diag *d = refuse(o, "there is no such step or recruiter", "unknown name");

	for (size_t i = 0; i < p->symbols.n; i++) {
		if (p->symbols.v[i]->step != NULL || p->symbols.v[i]->recruiter != NULL)
			vec_push(&names, p->symbols.v[i]->full);
	}
	nearest = word_nearest(o->target, names.v, names.n);
	if (nearest != NULL)
		help(o->c, d, "write --set %s.%s=%s", nearest, o->key, o->value);
	vec_release(&names);
}

static void apply(struct override *o)
{
	struct program *p = &o->c->program;

	if (o->target == NULL) {
		put_everywhere(o);
		return;
	}
	if (strcmp(o->target, "workflow") == 0) {
		put(o, ATTR_WORKFLOW, &p->defaults);
		return;
	}
	for (size_t i = 0; i < p->symbols.n; i++) {
		const struct symbol *sym = p->symbols.v[i];

		if (strcmp(sym->full, o->target) != 0)
			continue;
		if (sym->step != NULL) {
			put(o, ATTR_STEP, &sym->step->settings);
			return;
		}
		if (sym->recruiter != NULL) {
			put_recruiter(o, sym->recruiter);
			return;
		}
	}
	unknown_target(o);
}

/* The text becomes a source, so that messages can show it. */
static void take_apart(struct override *o, const struct compile_param *set)
{
	struct arena *arena = &o->c->arena;
	/* The last one: a recruiter of a module is c.big. */
	const char *dot = strrchr(set->name, '.');
	char *text = arena_printf(arena, "--set %s=%s", set->name, set->value);
	uint32_t file = sources_add(&o->c->sources, "command line", text, strlen(text));

	o->span = (struct span){file, (uint32_t)strlen("--set "), (uint32_t)strlen(text)};
	o->value = set->value;
	o->key = dot != NULL ? dot + 1 : set->name;
	if (dot != NULL)
		o->target = arena_strndup(arena, set->name, (size_t)(dot - set->name));
}

void override_settings(struct compilation *c)
{
	/* Those of single steps last, in the order of the command line: the last one wins. */
	for (int with_target = 0; with_target <= 1; with_target++) {
		for (size_t i = 0; i < c->options.nsets; i++) {
			struct override o = {.c = c};

			if ((strchr(c->options.sets[i].name, '.') != NULL) != with_target)
				continue;
			take_apart(&o, &c->options.sets[i]);
			apply(&o);
		}
	}
}
