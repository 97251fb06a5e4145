/*
 * Calls, operators, actions on files and what concerns outputs of steps: the
 * parts of an expression that have rules of their own.
 */
#include "compiler/archive.h"
#include "compiler/check.h"
#include "compiler/operate.h"

#include <string.h>

/* Of a side of a comparison; that of a param is known also where its value is wrong or missing. */
static const struct vtype *side_type(struct checker *k, const struct expr *e, const struct node *n)
{
	const struct binding *b = n->kind == NODE_BAD ? binding_of(k->c, e) : NULL;

	return b != NULL && b->symbol != NULL ? b->symbol->type : n->type;
}

struct node *check_binary(struct checker *k, const struct expr *e)
{
	struct node *n = node_new(k, NODE_BINARY, e->span, NULL), *left, *right;
	const struct vtype *type;
	bool data = k->data;
	struct diag *d;

	k->data = false;
	/* A bare word is read by what stands on the other side. */
	if (e->binary.left->kind == EXPR_NAME && e->binary.op <= OP_NE && e->binary.op >= OP_EQ &&
	    binding_of(k->c, e->binary.left) != NULL &&
	    binding_of(k->c, e->binary.left)->symbol == NULL) {
		right = check_expr(k, e->binary.right, NULL);
		type = side_type(k, e->binary.right, right);
		left = check_expr(k, e->binary.left, type->kind == VTYPE_ENUM ? type : NULL);
	} else {
		left = check_expr(k, e->binary.left, NULL);
		type = side_type(k, e->binary.left, left);
		if (type->kind != VTYPE_ENUM || e->binary.right->kind != EXPR_NAME)
			type = NULL;
		right = check_expr(k, e->binary.right, type);
	}
	k->data = data;
	if (left->kind == NODE_BAD || right->kind == NODE_BAD)
		return node_bad(k, e->span);
	n->binary.op = e->binary.op;
	n->binary.left = left;
	n->binary.right = right;
	node_depends(n, left);
	node_depends(n, right);
	n->type = operate_type(&k->c->arena, e->binary.op, left->type, right->type);
	if (n->type != NULL)
		return n;
	d = report(k->c, E0302, e->binary.op_span, "`%s` does not take %s and %s",
	           op_text(e->binary.op), type_text(k, left->type), type_text(k, right->type));
	relate(k->c, d, left->span, "is %s", type_text(k, left->type));
	relate(k->c, d, right->span, "is %s", type_text(k, right->type));
	return node_bad(k, e->span);
}

const regex_t *check_regex(struct checker *k, const struct expr *e)
{
	regex_t *regex = xmalloc(sizeof(*regex));
	char why[128];
	struct diag *d;
	int r = regcomp(regex, e->regex, REG_EXTENDED | REG_NOSUB);

	if (r == 0) {
		vec_push(&k->c->regexes, regex);
		return regex;
	}
	regerror(r, regex, why, sizeof(why));
	if (why[0] >= 'A' && why[0] <= 'Z')
		why[0] = (char)(why[0] - 'A' + 'a');
	d = report(k->c, E0308, e->span, "not a POSIX extended regex: %s", why);
	label(k->c, d, "cannot be read");
	free(regex);
	return NULL;
}

struct node *check_matches(struct checker *k, const struct expr *e)
{
	struct node *n = node_new(k, NODE_MATCHES, e->span, vtype_of_kind(VTYPE_BOOL));

	n->matches.of = check_expr(k, e->binary.left, vtype_of_kind(VTYPE_STRING));
	if (n->matches.of->kind == NODE_BAD || e->binary.right->kind != EXPR_REGEX)
		return node_bad(k, e->span);
	n->matches.regex = check_regex(k, e->binary.right);
	node_depends(n, n->matches.of);
	return n->matches.regex ? n : node_bad(k, e->span);
}

/* ---- calls ---- */

static struct node *wrong_arguments(struct checker *k, const struct expr *e, const char *form)
{
	struct diag *d =
	        report(k->c, E0315, e->span, "`%s` is not called like this", e->call.name.text);

	label(k->c, d, "wrong arguments");
	help(k->c, d, "write `%s`", form);
	return node_bad(k, e->span);
}

static const char *call_form(const char *name)
{
	const struct word *w = word_find(name, WORD_SOURCE);

	if (w == NULL)
		w = word_find(name, WORD_FUNCTION);
	return w ? w->form : name;
}

static struct node *unknown_function(struct checker *k, const struct expr *e)
{
	VEC(const char *) names = {0};
	const char *nearest;
	struct diag *d;

	for (size_t i = 0; i < nwords; i++) {
		if (words[i].kind == WORD_SOURCE || words[i].kind == WORD_FUNCTION)
			vec_push(&names, words[i].text);
	}
	nearest = word_nearest(e->call.name.text, names.v, names.n);
	vec_release(&names);
	d = report(k->c, E0215, e->call.name.span, "there is no function `%s`", e->call.name.text);
	label(k->c, d, "unknown function");
	if (nearest != NULL) {
		help(k->c, d, "write `%s`", call_form(nearest));
		fix(k->c, d, e->call.name.span, "%s", nearest);
	}
	return node_bad(k, e->span);
}

/* The value of a named argument, or NULL. */
static const struct expr *named_argument(const struct expr *e, const char *name)
{
	for (size_t i = 0; i < e->call.n; i++) {
		if (e->call.args[i].name.text != NULL &&
		    strcmp(e->call.args[i].name.text, name) == 0)
			return e->call.args[i].value;
	}
	return NULL;
}

/* One positional argument first, then at most one named `allowed`. */
static bool arguments_fit(const struct expr *e, const char *allowed)
{
	if (e->call.n < 1 || e->call.args[0].name.text != NULL || e->call.n > 2)
		return false;
	return e->call.n == 1 || (allowed != NULL && named_argument(e, allowed) != NULL);
}

static struct node *check_count(struct checker *k, const struct expr *e)
{
	struct node *n = node_new(k, NODE_COUNT, e->span, vtype_of_kind(VTYPE_INT));

	if (!arguments_fit(e, NULL))
		return wrong_arguments(k, e, call_form("count"));
	n->of = check_expr(k, e->call.args[0].value, NULL);
	if (n->of->kind == NODE_BAD || check_element_type(k, n->of) == NULL)
		return node_bad(k, e->span);
	node_depends(n, n->of);
	return n;
}

/* What a source yields before it has been read. */
static const struct vtype *source_type(struct checker *k, const struct node *n)
{
	struct vtype *record;

	switch (n->source.kind) {
	case SOURCE_LINES:
		return vtype_list(&k->c->arena, vtype_of_kind(VTYPE_CELL));
	case SOURCE_FILES:
		if (n->source.group == GROUP_NONE)
			return vtype_list(&k->c->arena, vtype_of_kind(VTYPE_FILE));
		break;
	case SOURCE_TABLE:
	case SOURCE_COLUMNS:
		break;
	}
	record = arena_new(&k->c->arena, struct vtype);
	record->kind = VTYPE_RECORD;
	return vtype_list(&k->c->arena, record);
}

static struct node *check_source(struct checker *k, const struct expr *e, enum source_kind kind)
{
	static const char *const groups[] = {"folder", "prefix"};
	const char *allowed = kind == SOURCE_TABLE ? "key" : kind == SOURCE_FILES ? "group" : NULL;
	struct node *n = node_new(k, NODE_SOURCE, e->span, NULL);
	const struct expr *option;

	if (!arguments_fit(e, allowed))
		return wrong_arguments(k, e, call_form(e->call.name.text));
	n->source.kind = kind;
	n->source.path = check_expr(k, e->call.args[0].value, vtype_of_kind(VTYPE_STRING));
	node_depends(n, n->source.path);
	option = allowed ? named_argument(e, allowed) : NULL;
	if (option != NULL && kind == SOURCE_TABLE) {
		n->source.key = check_expr(k, option, vtype_of_kind(VTYPE_STRING));
		node_depends(n, n->source.key);
		if (n->source.key->kind == NODE_BAD)
			return n->source.key;
	} else if (option != NULL) {
		struct vtype *want = arena_new(&k->c->arena, struct vtype);
		struct node *word;

		want->kind = VTYPE_ENUM;
		want->words = groups;
		want->nwords = 2;
		word = check_expr(k, option, want);
		if (word->kind != NODE_CONST)
			return node_bad(k, e->span);
		n->source.group =
		        strcmp(word->value.text, "folder") == 0 ? GROUP_FOLDER : GROUP_PREFIX;
	}
	n->type = source_type(k, n);
	return n->source.path->kind == NODE_BAD ? node_bad(k, e->span) : n;
}

/* ena(ACCESSION, NAME = VALUE...), sra: every option once, by its name. */
static struct node *check_runs(struct checker *k, const struct expr *e, enum seq_archive archive)
{
	static const char *const layouts[] = {"paired", "single"}, *const groups[] = {"sample",
	                                                                              "run"};
	static const struct vtype layout = {.kind = VTYPE_ENUM, .words = layouts, .nwords = 2};
	static const struct vtype group = {.kind = VTYPE_ENUM, .words = groups, .nwords = 2};
	const struct {
		const char *name;
		const struct vtype *type;
	} options[RUNS_OPTIONS] = {
	        [RUNS_LAYOUT] = {"layout", &layout},
	        [RUNS_STRATEGY] = {"strategy", vtype_of_kind(VTYPE_STRING)},
	        [RUNS_DEPTH] = {"depth", vtype_of_kind(VTYPE_DEPTH)},
	        [RUNS_ONLY_R1] = {"only_r1", vtype_of_kind(VTYPE_BOOL)},
	        [RUNS_GROUP] = {"group", &group},
	};
	struct node *n = node_new(k, NODE_RUNS, e->span, archive_type(&k->c->arena));
	size_t known = 1;
	bool bad;

	if (e->call.n < 1 || e->call.args[0].name.text != NULL)
		return wrong_arguments(k, e, call_form(e->call.name.text));
	n->runs.archive = archive;
	n->runs.accession = check_expr(k, e->call.args[0].value, vtype_of_kind(VTYPE_STRING));
	node_depends(n, n->runs.accession);
	bad = n->runs.accession->kind == NODE_BAD;
	for (int i = 0; i < RUNS_OPTIONS; i++) {
		const struct expr *value = named_argument(e, options[i].name);

		if (value == NULL)
			continue;
		known++;
		n->runs.options[i] = check_expr(k, value, options[i].type);
		node_depends(n, n->runs.options[i]);
		bad = bad || n->runs.options[i]->kind == NODE_BAD;
	}
	if (known != e->call.n)
		return wrong_arguments(k, e, call_form(e->call.name.text));
	return bad ? node_bad(k, e->span) : n;
}

static struct node *check_previous(struct checker *k, const struct expr *e)
{
	struct node *n = node_new(k, NODE_PREVIOUS, e->span, vtype_of_kind(VTYPE_DATA));
	struct node *of;
	struct diag *d;

	if (e->call.n < 1 || e->call.n > 2 || e->call.args[0].name.text != NULL ||
	    (e->call.n == 2 && e->call.args[1].name.text != NULL))
		return wrong_arguments(k, e, call_form("previous"));
	if (!k->data) {
		d = report(k->c, E0220, e->span, "`previous` stands for files");
		label(k->c, d, "not a value");
		help(k->c, d, "use it in `input`, `resource` or `after`");
		return node_bad(k, e->span);
	}
	of = check_expr(k, e->call.args[0].value, NULL);
	if (e->call.n == 2)
		n->previous.start = check_expr(k, e->call.args[1].value, NULL);
	if (of->kind == NODE_BAD || (n->previous.start && n->previous.start->kind == NODE_BAD))
		return node_bad(k, e->span);
	if (of->kind != NODE_OUTPUT) {
		d = report(k->c, E0213, of->span, "`previous` wants an output of a step");
		label(k->c, d, "is %s", type_text(k, of->type));
		return node_bad(k, e->span);
	}
	n->previous.output = of;
	n->has_data = true;
	if (n->previous.start != NULL)
		node_depends(n, n->previous.start);
	if (k->level->kind == LEVEL_ROOT) {
		d = report(k->c, E0213, e->span, "`previous` outside of a loop");
		label(k->c, d, "there is no instance before this one");
		return node_bad(k, e->span);
	}
	n->depth = k->level->depth;
	return n;
}

struct node *check_call(struct checker *k, const struct expr *e)
{
	static const struct {
		const char *name;
		enum source_kind kind;
	} sources[] = {{"lines", SOURCE_LINES},
	               {"table", SOURCE_TABLE},
	               {"columns", SOURCE_COLUMNS},
	               {"files", SOURCE_FILES}};
	const char *name = e->call.name.text;
	bool data = k->data;
	struct node *n;

	if (strcmp(name, "previous") == 0)
		return check_previous(k, e);
	k->data = false;
	if (strcmp(name, "count") == 0) {
		n = check_count(k, e);
		k->data = data;
		return n;
	}
	for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++) {
		if (strcmp(name, sources[i].name) == 0) {
			n = check_source(k, e, sources[i].kind);
			k->data = data;
			return n;
		}
	}
	if (strcmp(name, "ena") == 0 || strcmp(name, "sra") == 0) {
		n = check_runs(k, e, strcmp(name, "ena") == 0 ? SEQ_ENA : SEQ_SRA);
		k->data = data;
		return n;
	}
	k->data = data;
	return unknown_function(k, e);
}

/* ---- outputs of steps ---- */

static const struct entry *find_yield(const struct step *step, const char *name)
{
	for (const struct setting *s = step->settings.first[KEY_yields]; s != NULL; s = s->next) {
		for (size_t i = 0; i < s->nentries; i++) {
			if (strcmp(s->entries[i].name, name) == 0)
				return &s->entries[i];
		}
	}
	return NULL;
}

static const char *nearest_yield(const struct step *step, const char *name)
{
	VEC(const char *) names = {0};
	const char *nearest;

	for (const struct setting *s = step->settings.first[KEY_yields]; s != NULL; s = s->next) {
		for (size_t i = 0; i < s->nentries; i++)
			vec_push(&names, s->entries[i].name);
	}
	nearest = word_nearest(name, names.v, names.n);
	vec_release(&names);
	return nearest;
}

struct node *check_output(struct checker *k, const struct expr *e, struct step *step,
                          const struct name *yield)
{
	const struct setting *yields = step->settings.first[KEY_yields];
	struct node *n;
	struct diag *d;

	if (!k->data) {
		d = report(k->c, E0214, e->span, "an output of step `%s` is not a value",
		           step->symbol->name);
		label(k->c, d, "known only when it has run");
		relate(k->c, d, step->symbol->span, "the step");
		help(k->c, d, "take it as `input` or `resource`");
		return node_bad(k, e->span);
	}
	if (step->broken)
		return node_bad(k, e->span);
	if (yield != NULL && find_yield(step, yield->text) == NULL) {
		const char *nearest = nearest_yield(step, yield->text);

		d = report(k->c, E0204, yield->span, "step `%s` yields no `%s`", step->symbol->name,
		           yield->text);
		label(k->c, d, "unknown output");
		if (yields != NULL)
			relate(k->c, d, yields->key_span, "what it yields");
		else
			relate(k->c, d, step->symbol->span, "it has no `yields`");
		if (nearest != NULL)
			fix(k->c, d, yield->span, "%s", nearest);
		if (nearest != NULL)
			help(k->c, d, "write `%s.%s`", step->symbol->name, nearest);
		else if (yields == NULL)
			help(k->c, d, "add `yields { %s = \"FILE\" }` to the step", yield->text);
		return node_bad(k, e->span);
	}
	n = node_new(k, NODE_OUTPUT, e->span, vtype_of_kind(VTYPE_DATA));
	n->output.step = step;
	n->output.yield = yield ? yield->text : NULL;
	n->has_data = true;
	n->depth = k->level->depth;
	return n;
}

/* A share such as 90%, or a number of tasks. */
static struct node *check_minimum(struct checker *k, const struct expr *e)
{
	struct node *n = check_expr(k, e, NULL);
	struct diag *d;

	if (n->kind == NODE_BAD || vtype_is_number(n->type))
		return n;
	d = report(k->c, E0301, n->span, "a share or a number of tasks is wanted here");
	label(k->c, d, "is %s", type_text(k, n->type));
	help(k->c, d, "write `min 90%%` or `min 3`");
	return node_bad(k, e->span);
}

struct node *check_gather(struct checker *k, const struct expr *e)
{
	struct node *n = node_new(k, NODE_GATHER, e->span, vtype_of_kind(VTYPE_DATA));
	bool data = k->data;
	struct diag *d;

	if (!k->data) {
		d = report(k->c, E0220, e->span, "`gather` stands for files");
		label(k->c, d, "not a value");
		help(k->c, d, "use it in `input`, `resource` or `after`");
		return node_bad(k, e->span);
	}
	n->gather.output = check_expr(k, e->gather.of, NULL);
	n->has_data = true;
	n->depth = k->level->depth;
	if (n->gather.output->kind == NODE_BAD)
		return n->gather.output;
	if (n->gather.output->kind != NODE_OUTPUT) {
		d = report(k->c, E0220, n->gather.output->span,
		           "`gather` wants an output of a step");
		label(k->c, d, "is %s", type_text(k, n->gather.output->type));
		return node_bad(k, e->span);
	}
	k->data = false;
	if (e->gather.into != NULL)
		n->gather.into = check_expr(k, e->gather.into, vtype_of_kind(VTYPE_STRING));
	if (e->gather.min != NULL)
		n->gather.min = check_minimum(k, e->gather.min);
	k->data = data;
	if (n->gather.min != NULL && n->gather.min->kind == NODE_BAD)
		return n->gather.min;
	return n->gather.into && n->gather.into->kind == NODE_BAD ? n->gather.into : n;
}

/* ---- actions ---- */

struct node *check_pipe(struct checker *k, const struct expr *e)
{
	const char *word = e->pipe.action.text;
	bool mv = strcmp(word, "mv") == 0, data = k->data;
	struct node *n = node_new(k, NODE_ACTION, e->span, vtype_of_kind(VTYPE_DATA));
	struct diag *d;

	if (word_find(word, WORD_ACTION) == NULL) {
		static const char *const actions[] = {"untar", "gunzip", "unzip", "mv"};
		const char *nearest = word_nearest(word, actions, 4);

		d = report(k->c, E0215, e->pipe.action.span, "there is no action `%s`", word);
		label(k->c, d, "unknown action");
		help(k->c, d, "write `|> %s`", nearest ? nearest : "untar");
		if (nearest != NULL)
			fix(k->c, d, e->pipe.action.span, "%s", nearest);
		return node_bad(k, e->span);
	}
	if (!k->data) {
		d = report(k->c, E0220, e->span, "`|> %s` stands for files", word);
		label(k->c, d, "not a value");
		help(k->c, d, "use it in `input` or `resource`");
		return node_bad(k, e->span);
	}
	if (e->pipe.n != (mv ? 1u : 0u)) {
		d = report(k->c, E0315, e->pipe.action.span, "`%s` takes %s", word,
		           mv ? "a folder" : "nothing");
		label(k->c, d, "wrong arguments");
		help(k->c, d, "write `|> %s%s`", word, mv ? "(\"DIR\")" : "");
		return node_bad(k, e->span);
	}
	n->action.of = check_expr(k, e->pipe.of, NULL);
	n->action.word = word;
	node_depends(n, n->action.of);
	/* An action makes data of any text. */
	n->has_data = true;
	if (mv) {
		k->data = false;
		n->action.dir = check_expr(k, e->pipe.args[0].value, vtype_of_kind(VTYPE_STRING));
		k->data = data;
		node_depends(n, n->action.dir);
		if (n->action.dir->kind == NODE_BAD)
			return n->action.dir;
	}
	return n->action.of->kind == NODE_BAD ? n->action.of : n;
}
