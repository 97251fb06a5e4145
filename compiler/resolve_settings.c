/*
 * Settings: which keys stand in a block, where, under which `if`, and of what
 * form. Within one block a key stands once; a block inside an `if` may replace
 * what stands outside it, so settings of one key form a list, the innermost last.
 */
#include "compiler/resolve.h"

#include <string.h>

struct collector {
	struct resolver *r;
	enum attr_home home;
	struct settings *settings;
	const struct stmt *when; /* of a step; NULL: none yet */
};

static const char *home_text(enum attr_home home)
{
	switch (home) {
	case ATTR_WORKFLOW:
		return "`workflow`";
	case ATTR_RECRUITER:
		return "a recruiter";
	case ATTR_STEP:
		return "a step";
	case ATTR_FLAVOR:
		return "`flavor`";
	case ATTR_ATTEMPT:
		return "an attempt";
	case ATTR_TEST:
		return "a test";
	case ATTR_PROFILE:
		return "a profile";
	}
	return "";
}

static const char *nearest_key(const char *key, enum attr_home home)
{
	VEC(const char *) keys = {0};
	const char *nearest;

	for (size_t i = 0; i < nattrs; i++) {
		if (attrs[i].homes & home)
			vec_push(&keys, attrs[i].key);
	}
	if (home == ATTR_STEP)
		vec_push(&keys, "run");
	nearest = word_nearest(key, keys.v, keys.n);
	vec_release(&keys);
	return nearest;
}

/* What other languages call the text of `run`. */
static bool is_command(const char *key)
{
	static const char *const names[] = {"command", "cmd", "script"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strcmp(names[i], key) == 0)
			return true;
	}
	return false;
}

/* `timeout` is a part of download_timeout, run_timeout and upload_timeout. */
static void add_longer_keys(struct str *out, const char *key, enum attr_home home)
{
	size_t n = strlen(key);

	for (size_t i = 0; i < nattrs; i++) {
		const char *at = strstr(attrs[i].key, key);

		if (n >= 3 && at != NULL && (attrs[i].homes & home) &&
		    (at == attrs[i].key || at[-1] == '_') && (at[n] == '_' || at[n] == '\0'))
			str_addf(out, "%s`%s`", out->len > 0 ? ", " : "", attrs[i].key);
	}
}

/* What other languages call a setting; NULL: nothing that is known here. */
static const char *known_elsewhere(const char *key, enum attr_home home)
{
	static const struct {
		const char *theirs, *ours;
	} names[] = {
	        {"threads", "cpu"},        {"cores", "cpu"},        {"mem", "memory"},
	        {"mem_mb", "memory"},      {"ram", "memory"},       {"image", "container"},
	        {"docker", "container"},   {"time", "run_timeout"}, {"walltime", "run_timeout"},
	        {"publishDir", "publish"}, {"maxRetries", "retry"}, {"retries", "retry"},
	        {"depends", "after"},      {"needs", "after"},      {"outputs", "yields"},
	        {"inputs", "input"},       {"gpus", "gpu"},         {"maxForks", "concurrency"},
	        {"depends_on", "after"},   {"requires", "after"}};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strcmp(names[i].theirs, key) == 0 && attr_find(names[i].ours, home) != NULL)
			return names[i].ours;
	}
	return NULL;
}

static void unknown_key(struct collector *k, const struct name *key)
{
	static const enum attr_home homes[] = {ATTR_STEP, ATTR_RECRUITER, ATTR_WORKFLOW,
	                                       ATTR_FLAVOR};
	struct compilation *c = k->r->c;
	const char *nearest = known_elsewhere(key->text, k->home);
	struct str longer = STR_INIT;
	struct diag *d = report(c, E0304, key->span, "%s has no setting `%s`", home_text(k->home),
	                        key->text);

	label(c, d, "unknown here");
	if (nearest == NULL)
		nearest = nearest_key(key->text, k->home);
	if (k->home == ATTR_STEP && is_command(key->text)) {
		help(c, d, "write `run | COMMAND`, or `run |` and the lines below it");
		return;
	}
	for (size_t i = 0; i < sizeof(homes) / sizeof(*homes); i++) {
		if (known_elsewhere(key->text, k->home) == NULL && homes[i] != k->home &&
		    attr_find(key->text, homes[i]) != NULL) {
			help(c, d, "`%s` belongs in %s", key->text, home_text(homes[i]));
			return;
		}
	}
	if (nearest != NULL) {
		help(c, d, "write `%s`", nearest);
		fix(c, d, key->span, "%s", nearest);
		return;
	}
	add_longer_keys(&longer, key->text, k->home);
	if (longer.len > 0)
		help(c, d, "there is %s", longer.p);
	str_release(&longer);
}

static void wrong_form(struct collector *k, const struct attr *attr, struct span span)
{
	struct diag *d = report(k->r->c, E0327, span, "`%s` is not written like this", attr->key);

	switch (attr->type) {
	case ATTR_RECORD:
		help(k->r->c, d, "write `%s { name = value }`", attr->key);
		break;
	case ATTR_NAMES:
		help(k->r->c, d, "write `%s { name, other = value }`", attr->key);
		break;
	case ATTR_CONSTRAINTS:
		help(k->r->c, d, "write `%s = \"NAME\"` or `%s { cpu >= 8, ram >= 16GB }`",
		     attr->key, attr->key);
		break;
	case ATTR_WORDS:
		help(k->r->c, d, "write `%s = [name, other]`", attr->key);
		break;
	default:
		help(k->r->c, d, "write `%s = value`", attr->key);
		break;
	}
}

/* run = "...", run { ... } */
static void run_as_setting(struct collector *k, const struct name *key)
{
	struct diag *d = report(k->r->c, E0327, key->span, "`run` is not written like this");

	label(k->r->c, d, "takes no value: its text follows a bar");
	help(k->r->c, d, "write `run | COMMAND`, or `run |` and the lines below it");
}

/* The row of a key that may stand here and is carried out, or NULL after an error. */
static const struct attr *known_key(struct collector *k, const struct name *key)
{
	const struct attr *attr = attr_find(key->text, k->home);

	if (k->home == ATTR_STEP && strcmp(key->text, "run") == 0) {
		run_as_setting(k, key);
		return NULL;
	}
	if (attr == NULL) {
		unknown_key(k, key);
		return NULL;
	}
	if (k->home == ATTR_STEP && strcmp(key->text, "when") == 0) {
		wrong_form(k, attr, key->span); /* when { } */
		return NULL;
	}
	return attr;
}

/* A new setting at the end of its key's list; NULL where the block has it already. */
static struct setting *setting_add(struct collector *k, enum setting_key key, struct span key_span,
                                   const struct guard *guard, const struct stmt *s)
{
	struct setting **end = &k->settings->first[key], *set;
	struct diag *d;

	for (; *end != NULL; end = &(*end)->next) {
		if ((*end)->guard != guard)
			continue;
		d = report(k->r->c, E0305, key_span, "`%s` is set twice", setting_key_text(key));
		label(k->r->c, d, "again");
		relate(k->r->c, d, (*end)->key_span, "first here");
		return NULL;
	}
	set = arena_new(&k->r->c->arena, struct setting);
	set->key = key;
	set->key_span = key_span;
	set->span = s->span;
	set->guard = guard;
	set->stmt = s;
	*end = set;
	return set;
}

/* [http_proxy, "no_proxy"]: words, which are not names of this file. */
static void read_words(struct collector *k, struct setting *set, const struct expr *e)
{
	size_t n = e->kind == EXPR_LIST ? e->list.n : 1;

	set->words = arena_array(&k->r->c->arena, const char *, n);
	for (size_t i = 0; i < n; i++) {
		const struct expr *item = e->kind == EXPR_LIST ? e->list.items[i] : e;
		const char *text =
		        item->kind == EXPR_NAME ? item->name.text : expr_plain_string(item);

		if (text == NULL)
			wrong_form(k, set->attr, item->span);
		else
			set->words[set->nwords++] = text;
	}
}

static void read_hire(struct collector *k, struct hire *h, const struct expr *e)
{
	struct resolver *r = k->r;
	struct diag *d;

	h->span = e->span;
	h->name = e->kind == EXPR_REFINE ? e->refine.of : e;
	if (h->name->kind != EXPR_NAME &&
	    (h->name->kind != EXPR_FIELD || h->name->field.of->kind != EXPR_NAME)) {
		d = report(r->c, E0327, h->name->span, "`recruiters` lists names of recruiters");
		label(r->c, d, "not a name");
		help(r->c, d, "write `recruiters = [big, small { maximum_workers = 2 }]`");
		h->name = NULL;
		return;
	}
	resolve_expr(r, h->name);
	if (binding_of(r->c, h->name) != NULL)
		h->symbol = binding_of(r->c, h->name)->symbol;
	if (e->kind == EXPR_REFINE) {
		h->over = arena_new(&r->c->arena, struct settings);
		resolve_settings(r, e->refine.body, ATTR_RECRUITER, h->over);
	}
}

static void read_hires(struct collector *k, struct setting *set, const struct expr *e)
{
	size_t n = e->kind == EXPR_LIST ? e->list.n : 1;

	set->hires = arena_array(&k->r->c->arena, struct hire, n);
	set->nhires = n;
	for (size_t i = 0; i < n; i++)
		read_hire(k, &set->hires[i], e->kind == EXPR_LIST ? e->list.items[i] : e);
}

/* [{}, { memory = 32GB }]: what each attempt runs with; false where it is no such list. */
static bool read_attempts(struct collector *k, struct setting *set, const struct expr *e)
{
	if (e->kind != EXPR_LIST)
		return false;
	set->attempts = arena_array(&k->r->c->arena, struct settings, e->list.n);
	set->nattempts = e->list.n;
	for (size_t i = 0; i < e->list.n; i++) {
		const struct expr *item = e->list.items[i];

		if (item->kind == EXPR_RECORD)
			resolve_settings(k->r, item->record, ATTR_ATTEMPT, &set->attempts[i]);
		else
			resolve_expr(k->r, item);
	}
	return true;
}

/* resolve.c has made a level of the first one; what is left is to say what cannot be. */
static void collect_when(struct collector *k, const struct stmt *s, const struct guard *guard)
{
	struct compilation *c = k->r->c;
	struct diag *d;

	if (guard != NULL) {
		resolve_expr(k->r, s->attr.value);
		d = report(c, E0327, s->attr.key.span, "`when` stands under a condition");
		label(c, d, "decides about the whole step");
		help(c, d, "put it directly into the step, and join the conditions with `and`");
	} else if (k->when != NULL) {
		resolve_expr(k->r, s->attr.value);
		d = report(c, E0305, s->attr.key.span, "`when` is set twice");
		label(c, d, "again");
		relate(c, d, k->when->attr.key.span, "first here");
		help(c, d, "join the conditions with `and`");
	} else {
		k->when = s;
	}
}

static void collect_attr(struct collector *k, const struct stmt *s, const struct guard *guard)
{
	const struct attr *attr;
	struct setting *set;

	if (k->home == ATTR_STEP && strcmp(s->attr.key.text, "when") == 0) {
		collect_when(k, s, guard);
		return;
	}
	attr = known_key(k, &s->attr.key);

	if (attr == NULL) {
		/* Its names count as used: one mistake, one message. */
		resolve_expr(k->r, s->attr.value);
		return;
	}
	set = setting_add(k, (enum setting_key)setting_key_find(attr->key), s->attr.key.span, guard,
	                  s);
	if (set == NULL)
		return;
	set->attr = attr;
	set->expr = s->attr.value;
	if (attr->type == ATTR_RECORD || attr->type == ATTR_NAMES) {
		wrong_form(k, attr, s->span);
	} else if (attr->type == ATTR_WORDS) {
		read_words(k, set, s->attr.value);
	} else if (attr->type == ATTR_RECRUITERS) {
		read_hires(k, set, s->attr.value);
	} else if (attr->type != ATTR_RETRY || !read_attempts(k, set, s->attr.value)) {
		resolve_expr(k->r, s->attr.value);
	}
}

static void duplicate_entry(struct collector *k, const struct setting *set, const struct entry *e)
{
	for (size_t i = 0; i < set->nentries; i++) {
		struct diag *d;

		if (strcmp(set->entries[i].name, e->name) != 0)
			continue;
		d = report(k->r->c, E0305, e->span, "`%s` stands twice in `%s`", e->name,
		           setting_key_text(set->key));
		label(k->r->c, d, "again");
		relate(k->r->c, d, set->entries[i].span, "first here");
		return;
	}
}

/* yields { name = "file" }, bind { name, other = value } */
static void read_entries(struct collector *k, struct setting *set, const struct block *b)
{
	struct resolver *r = k->r;

	set->entries = arena_array(&r->c->arena, struct entry, b->n);
	for (size_t i = 0; i < b->n; i++) {
		const struct stmt *s = b->items[i];
		struct entry e = {0};

		if (s->kind == STMT_ATTR) {
			e.name = s->attr.key.text;
			e.span = s->attr.key.span;
			e.expr = s->attr.value;
			resolve_expr(r, e.expr);
		} else if (s->kind == STMT_BARE && set->key == KEY_bind) {
			e.name = s->bare.text;
			e.span = s->bare.span;
			bind_name(r, s, &s->bare);
			e.symbol = binding_of(r->c, s)->symbol;
		} else {
			wrong_form(k, set->attr, s->span);
			continue;
		}
		duplicate_entry(k, set, &e);
		set->entries[set->nentries++] = e;
	}
}

static void read_constraints(struct collector *k, struct setting *set, const struct block *b)
{
	struct collector inside = {.r = k->r, .home = ATTR_FLAVOR};
	struct diag *d;

	set->constraints = arena_array(&k->r->c->arena, struct constraint, b->n);
	for (size_t i = 0; i < b->n; i++) {
		const struct stmt *s = b->items[i];
		const struct attr *attr;

		if (s->kind != STMT_CONSTRAINT) {
			d = report(k->r->c, E0327, s->span, "`flavor` takes conditions");
			label(k->r->c, d, "not a condition");
			help(k->r->c, d, "write `cpu >= 8`, `ram >= 16GB`, `tags lacks \"M\"`");
			continue;
		}
		resolve_expr(k->r, s->constraint.value);
		attr = known_key(&inside, &s->constraint.key);
		if (attr != NULL)
			set->constraints[set->nconstraints++] =
			        (struct constraint){.attr = attr, .stmt = s};
	}
}

static void collect_block(struct collector *k, const struct stmt *s, const struct guard *guard)
{
	const struct attr *attr = known_key(k, &s->block.key);
	struct setting *set;

	if (attr == NULL)
		return;
	if (attr->type != ATTR_RECORD && attr->type != ATTR_NAMES &&
	    attr->type != ATTR_CONSTRAINTS) {
		wrong_form(k, attr, s->head);
		return;
	}
	set = setting_add(k, (enum setting_key)setting_key_find(attr->key), s->block.key.span,
	                  guard, s);
	if (set == NULL)
		return;
	set->attr = attr;
	if (attr->type == ATTR_CONSTRAINTS)
		read_constraints(k, set, s->block.body);
	else
		read_entries(k, set, s->block.body);
}

static void collect_run(struct collector *k, const struct stmt *s, const struct guard *guard)
{
	struct setting *set = setting_add(k, KEY_run, s->run->keyword, guard, s);

	if (set == NULL)
		return;
	set->script = arena_new(&k->r->c->arena, struct script);
	set->script->run = s->run;
}

static void collect(struct collector *k, const struct block *b, const struct guard *guard);

static void collect_branch(struct collector *k, const struct stmt *s, const struct block *b,
                           const struct guard *outer, bool want)
{
	struct guard *guard;

	if (b == NULL)
		return;
	guard = arena_new(&k->r->c->arena, struct guard);
	guard->outer = outer;
	guard->cond_expr = s->branch.cond;
	guard->want = want;
	collect(k, b, guard);
}

/*
 * First what stands in the block itself, then its branches: the innermost setting
 * comes last in the list and wins.
 */
static void collect(struct collector *k, const struct block *b, const struct guard *guard)
{
	for (size_t i = 0; i < b->n; i++) {
		const struct stmt *s = b->items[i];

		if (s->kind == STMT_ATTR)
			collect_attr(k, s, guard);
		else if (s->kind == STMT_BLOCK)
			collect_block(k, s, guard);
		else if (s->kind == STMT_RUN)
			collect_run(k, s, guard);
	}
	for (size_t i = 0; i < b->n; i++) {
		const struct stmt *s = b->items[i];

		if (s->kind != STMT_IF)
			continue;
		resolve_expr(k->r, s->branch.cond);
		collect_branch(k, s, s->branch.then, guard, true);
		collect_branch(k, s, s->branch.otherwise, guard, false);
	}
}

void resolve_settings(struct resolver *r, const struct block *b, enum attr_home home,
                      struct settings *settings)
{
	struct collector k = {.r = r, .home = home, .settings = settings};

	collect(&k, b, NULL);
}
