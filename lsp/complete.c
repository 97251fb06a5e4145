/*
 * Completion: what may be written at a place. Where that is, the line before it and
 * the blocks around it tell; the tree is there also while the file has errors.
 */
#include "compiler/lookup.h"
#include "dsl/keywords.h"
#include "lsp/answer.h"
#include "model/json.h"

#include <ctype.h>
#include <string.h>

/* LSP's kinds of items. */
enum item_kind {
	ITEM_KIND_FUNCTION = 3,
	ITEM_KIND_FIELD = 5,
	ITEM_KIND_VARIABLE = 6,
	ITEM_KIND_MODULE = 9,
	ITEM_KIND_PROPERTY = 10,
	ITEM_KIND_VALUE = 12,
	ITEM_KIND_KEYWORD = 14,
};

struct completion {
	struct buffer *b;
	uint32_t offset;
	uint32_t word; /* where the word before the offset begins */
	json_t *items;
	/* Around the offset: */
	unsigned home; /* enum attr_home, of the innermost block of settings; 0: declarations */
	bool data;     /* in yields, bind and the like: no settings */
	const struct stmt *text;  /* STMT_RUN */
	const struct stmt *gives; /* STMT_USE, STMT_THEN: what is wanted may be given here */
};

static void add(struct completion *c, const char *label, enum item_kind kind, const char *detail,
                const char *help)
{
	json_t *item = json_pack("{s:o, s:i}", "label", json_text(label), "kind", (int)kind);

	if (detail != NULL)
		json_object_set_new(item, "detail", json_text(detail));
	if (help != NULL)
		json_object_set_new(item, "documentation", json_text(help));
	json_array_append_new(c->items, item);
}

/* ---- where ---- */

static bool inside(struct span span, uint32_t offset)
{
	return offset > span.start && offset <= span.end;
}

static void look_into(struct completion *c, const struct block *b);

static void look_at_key(struct completion *c, const struct stmt *s)
{
	if (strcmp(s->block.key.text, "flavor") == 0)
		c->home = ATTR_FLAVOR;
	else
		c->data = true;
}

/* `{ }` as a value: the settings of an attempt, or those of a recruiter that it refines. */
static void look_at_value(struct completion *c, const char *key, const struct expr *e)
{
	const struct block *body = NULL;
	enum attr_home home = 0;

	if (e == NULL || !inside(e->span, c->offset))
		return;
	if (e->kind == EXPR_LIST) {
		for (size_t i = 0; i < e->list.n; i++)
			look_at_value(c, key, e->list.items[i]);
	} else if (e->kind == EXPR_RECORD) {
		body = e->record;
		home = strcmp(key, "retry") == 0 ? ATTR_ATTEMPT : 0;
	} else if (e->kind == EXPR_REFINE) {
		body = e->refine.body;
		home = ATTR_RECRUITER;
	}
	if (body == NULL || !inside(body->span, c->offset))
		return;
	c->home = home;
	c->data = home == 0;
	look_into(c, body);
}

static void look_at(struct completion *c, const struct stmt *s)
{
	const struct block *body = stmt_body(s);

	switch (s->kind) {
	case STMT_IF:
		if (s->branch.otherwise != NULL && inside(s->branch.otherwise->span, c->offset))
			look_into(c, s->branch.otherwise);
		break;
	case STMT_ATTR:
		look_at_value(c, s->attr.key.text, s->attr.value);
		break;
	case STMT_RUN:
		if (c->offset > s->run->bar.start && c->offset <= s->run->span.end)
			c->text = s;
		break;
	default:
		break;
	}
	if (body == NULL || !inside(body->span, c->offset))
		return;
	if (s->kind == STMT_USE || s->kind == STMT_THEN)
		c->gives = s;
	if (s->kind == STMT_STEP || s->kind == STMT_USE)
		c->home = ATTR_STEP;
	else if (s->kind == STMT_TEST)
		c->home = ATTR_TEST;
	else if (s->kind == STMT_PROFILE)
		c->home = ATTR_WORKFLOW | ATTR_PROFILE;
	else if (s->kind == STMT_WORKFLOW)
		c->home = ATTR_WORKFLOW;
	else if (s->kind == STMT_RECRUITER)
		c->home = ATTR_RECRUITER;
	else if (s->kind == STMT_BLOCK)
		look_at_key(c, s);
	look_into(c, body);
}

static void look_into(struct completion *c, const struct block *b)
{
	for (size_t i = 0; i < b->n; i++)
		look_at(c, b->items[i]);
}

/* The first byte of the line. */
static uint32_t line_start(const struct completion *c)
{
	uint32_t at = c->word;

	while (at > 0 && c->b->text.p[at - 1] != '\n')
		at--;
	return at;
}

/* Nothing but white space, an opening brace or a comma stands before the word. */
static bool begins_statement(const struct completion *c)
{
	uint32_t at = c->word, start = line_start(c);

	while (at > start && isspace((unsigned char)c->b->text.p[at - 1]))
		at--;
	return at == start || c->b->text.p[at - 1] == '{' || c->b->text.p[at - 1] == ',';
}

/* The setting that the line gives a value, or NULL. */
static const struct attr *setting_of_line(const struct completion *c)
{
	const char *line = c->b->text.p + line_start(c), *end;
	char key[64];
	size_t n;

	line += strspn(line, " \t");
	n = strspn(line, "abcdefghijklmnopqrstuvwxyz_");
	end = line + n + strspn(line + n, " \t");
	if (n == 0 || n >= sizeof(key) || *end != '=' || end >= c->b->text.p + c->offset)
		return NULL;
	memcpy(key, line, n);
	key[n] = '\0';
	return attr_find(key, (enum attr_home)c->home);
}

/* ---- what ---- */

static void add_word(struct completion *c, const char *text)
{
	const struct word *w = word_find(text, WORD_CONTEXTUAL);

	if (w == NULL)
		w = word_find(text, WORD_RESERVED);
	add(c, w->text, ITEM_KIND_KEYWORD, w->form, w->help);
}

static void add_settings(struct completion *c)
{
	for (size_t i = 0; i < nattrs; i++) {
		if (attrs[i].homes & c->home)
			add(c, attrs[i].key, ITEM_KIND_PROPERTY, attr_type_text(attrs[i].type),
			    attrs[i].help);
	}
	if (c->home == ATTR_TEST) {
		add_word(c, "let");
		add_word(c, "assert");
	}
	if (c->home == ATTR_STEP)
		add_word(c, "run");
}

/* Words of a kind that the grammar's forms begin with. */
static void add_words(struct completion *c, enum word_kind kind, enum item_kind item)
{
	for (size_t i = 0; i < nwords; i++) {
		if (words[i].kind == kind)
			add(c, words[i].text, item, words[i].form, words[i].help);
	}
}

/* A word that a declaration begins with. */
static bool begins_declaration(const struct word *w)
{
	static const char *const beginnings[] = {
	        "import",  "param", "let", "assert", "workflow", "recruiter", "step",
	        "foreach", "if",    "on",  "then",   "profile",  "test"};

	for (size_t i = 0; i < sizeof(beginnings) / sizeof(*beginnings); i++) {
		if (strcmp(beginnings[i], w->text) == 0)
			return true;
	}
	return false;
}

/* The words of the grammar: those that declarations begin with, or all others. */
static void add_keywords(struct completion *c, bool beginnings)
{
	for (size_t i = 0; i < nwords; i++) {
		const struct word *w = &words[i];

		if ((w->kind == WORD_RESERVED || w->kind == WORD_CONTEXTUAL) &&
		    (begins_declaration(w) == beginnings ||
		     (!beginnings && (strcmp(w->text, "if") == 0 || strcmp(w->text, "then") == 0))))
			add(c, w->text, ITEM_KIND_KEYWORD, w->form, w->help);
	}
}

static void add_name(void *context, const struct lookup_symbol *s)
{
	struct completion *c = context;
	struct str detail = STR_INIT;

	str_addf(&detail, "%s%s%s", s->kind, s->type ? ": " : "", s->type ? s->type : "");
	add(c, s->name, strcmp(s->kind, "step") == 0 ? ITEM_KIND_MODULE : ITEM_KIND_VARIABLE,
	    detail.p, s->help);
	str_release(&detail);
}

/* Those that have a text. */
static void add_value_name(void *context, const struct lookup_symbol *s)
{
	if (strcmp(s->kind, "step") != 0 && strcmp(s->kind, "recruiter") != 0)
		add_name(context, s);
}

static void add_names(struct completion *c, bool values)
{
	struct arena arena;

	arena_init(&arena);
	lookup_visible(c->b->compiled, c->offset, &arena, values ? add_value_name : add_name, c);
	arena_release(&arena);
}

static void add_task_variables(struct completion *c)
{
	static const char *const names[] = {"INPUT", "OUTPUT", "RESOURCE", "TEMP", "CPU"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		add(c, names[i], ITEM_KIND_VARIABLE, "of the task", NULL);
}

/* What the braces around may give. */
static void add_wanted(struct completion *c)
{
	struct arena arena;

	arena_init(&arena);
	lookup_wanted(c->b->compiled, c->gives, &arena, add_name, c);
	arena_release(&arena);
}

static void add_yield(void *context, const char *name, struct span place)
{
	(void)place;
	add(context, name, ITEM_KIND_FIELD, "output", NULL);
}

/* Of a module: what is used as `step NAME = MODULE.STEP`, */
static void add_template(void *context, const struct lookup_symbol *s)
{
	if (s->template)
		add_name(context, s);
}

/* and what stands in values. */
static void add_member(void *context, const struct lookup_symbol *s)
{
	if (!s->template)
		add_name(context, s);
}

/* Does the line begin so? */
static bool line_begins(const struct completion *c, const char *word)
{
	const char *line = c->b->text.p + line_start(c);

	line += strspn(line, " \t{");
	return strncmp(line, word, strlen(word)) == 0;
}

/* Behind the dot of a step or of a module. */
static void add_fields(struct completion *c)
{
	struct arena arena;
	uint32_t end = c->word - 1, start = end;
	char name[128];

	while (start > 0 &&
	       (isalnum((unsigned char)c->b->text.p[start - 1]) || c->b->text.p[start - 1] == '_'))
		start--;
	if (end - start >= sizeof(name))
		return;
	memcpy(name, c->b->text.p + start, end - start);
	name[end - start] = '\0';
	arena_init(&arena);
	if (!lookup_members(c->b->compiled, name, &arena,
	                    line_begins(c, "step ") ? add_template : add_member, c))
		lookup_yields(c->b->compiled, name, add_yield, c);
	arena_release(&arena);
}

/* The words that the setting knows: "bash sh ...". */
static void add_values(struct completion *c, const char *values)
{
	while (*values != '\0') {
		size_t n = strcspn(values, " ");
		char word[32];

		if (n < sizeof(word) && strncmp(values, "...", 3) != 0) {
			memcpy(word, values, n);
			word[n] = '\0';
			add(c, word, ITEM_KIND_VALUE, NULL, NULL);
		}
		values += n + strspn(values + n, " ");
	}
}

static void add_containers(struct completion *c, const struct block *b);

static void add_containers_of_branches(struct completion *c, const struct stmt *s)
{
	add_containers(c, s->branch.then);
	if (s->branch.otherwise != NULL)
		add_containers(c, s->branch.otherwise);
}

/* Images that the file names already. */
static void add_containers(struct completion *c, const struct block *b)
{
	for (size_t i = 0; i < b->n; i++) {
		const struct stmt *s = b->items[i];

		if (s->kind == STMT_STEP)
			add_containers(c, s->step.body);
		else if (s->kind == STMT_FOREACH)
			add_containers(c, s->foreach.body);
		else if (s->kind == STMT_WORKFLOW)
			add_containers(c, s->workflow.body);
		else if (s->kind == STMT_USE && s->use.body != NULL)
			add_containers(c, s->use.body);
		else if (s->kind == STMT_IF)
			add_containers_of_branches(c, s);
		else if (s->kind == STMT_ATTR && strcmp(s->attr.key.text, "container") == 0 &&
		         expr_plain_string(s->attr.value) != NULL &&
		         !inside(s->attr.value->span, c->offset))
			add(c, expr_plain_string(s->attr.value), ITEM_KIND_VALUE, "container",
			    NULL);
	}
}

static void add_expression(struct completion *c)
{
	const struct attr *attr = setting_of_line(c);

	if (attr != NULL && attr->values != NULL)
		add_values(c, attr->values);
	if (attr != NULL && strcmp(attr->key, "container") == 0)
		add_containers(c, &compile_ast(c->b->compiled)->body);
	add_names(c, false);
	add_keywords(c, false);
	add_words(c, WORD_SOURCE, ITEM_KIND_FUNCTION);
	add_words(c, WORD_FUNCTION, ITEM_KIND_FUNCTION);
	add_words(c, WORD_TYPE, ITEM_KIND_VALUE);
}

static bool follows(const struct completion *c, const char *sign)
{
	uint32_t at = c->word;
	size_t n = strlen(sign);

	while (at > 0 && (c->b->text.p[at - 1] == ' ' || c->b->text.p[at - 1] == '\t'))
		at--;
	return at >= n && memcmp(c->b->text.p + at - n, sign, n) == 0;
}

json_t *answer_completion(struct buffer *b, uint32_t offset)
{
	struct completion c = {.b = b, .offset = offset, .word = offset, .items = json_array()};
	char before, brace;

	while (c.word > 0 &&
	       (isalnum((unsigned char)b->text.p[c.word - 1]) || b->text.p[c.word - 1] == '_'))
		c.word--;
	look_into(&c, &compile_ast(b->compiled)->body);
	before = c.word > 0 ? b->text.p[c.word - 1] : '\0';
	brace = c.word > 1 ? b->text.p[c.word - 2] : '\0';
	if (before == '$' || (before == '{' && brace == '$')) {
		add_names(&c, true);
		if (c.text != NULL)
			add_task_variables(&c);
	} else if (c.text != NULL) {
		return c.items; /* a shell's own words */
	} else if (before == '.') {
		add_fields(&c);
	} else if (follows(&c, "|>")) {
		add_words(&c, WORD_ACTION, ITEM_KIND_FUNCTION);
	} else if (begins_statement(&c) && !c.data) {
		if (c.gives != NULL)
			add_wanted(&c);
		if (c.home != 0)
			add_settings(&c);
		else if (c.gives == NULL)
			add_keywords(&c, true);
	} else {
		add_expression(&c);
	}
	return c.items;
}
