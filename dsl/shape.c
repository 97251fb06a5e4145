/*
 * Statements where they cannot stand: a step inside a step, a setting outside of any
 * block, a second meaning of a bare name. The grammar accepts all of them
 * everywhere, so that they can be told from nonsense; here they are reported. Called
 * once, after the parse. What a setting is called is not judged.
 */
#include "dsl/build.h"
#include "dsl/keywords.h"

#include <string.h>

enum home {
	HOME_FILE,
	HOME_FOREACH,
	HOME_IF, /* at the level of declarations */
	HOME_WORKFLOW,
	HOME_RECRUITER,
	HOME_STEP,
	HOME_SETTINGS, /* a block of a setting, a record, a refinement */
	HOME_BIND,     /* bind { a, b = c } */
	HOME_FLAVOR,   /* flavor { cpu >= 8 } */
	HOME_TEST,
};

#define FITS(kind) (1u << (kind))

static const unsigned declarations = FITS(STMT_LET) | FITS(STMT_ASSERT) | FITS(STMT_STEP) |
                                     FITS(STMT_USE) | FITS(STMT_FOREACH) | FITS(STMT_IF) |
                                     FITS(STMT_RECRUITER);
static const unsigned settings = FITS(STMT_ATTR) | FITS(STMT_BLOCK) | FITS(STMT_IF);

/* What may stand where, and how the place is called. */
static unsigned fitting(enum home home)
{
	switch (home) {
	case HOME_FILE:
		return declarations | FITS(STMT_IMPORT) | FITS(STMT_PARAM) | FITS(STMT_WORKFLOW) |
		       FITS(STMT_HOOK) | FITS(STMT_TEST) | FITS(STMT_THEN) | FITS(STMT_PROFILE);
	case HOME_FOREACH:
	case HOME_IF:
		return declarations;
	case HOME_STEP:
		return settings | FITS(STMT_RUN);
	case HOME_BIND:
		return settings | FITS(STMT_BARE);
	case HOME_FLAVOR:
		return FITS(STMT_CONSTRAINT) | FITS(STMT_IF);
	case HOME_TEST:
		return FITS(STMT_LET) | FITS(STMT_ASSERT) | FITS(STMT_ATTR) | FITS(STMT_BLOCK);
	case HOME_WORKFLOW:
	case HOME_RECRUITER:
	case HOME_SETTINGS:
		break;
	}
	return settings;
}

static const char *home_text(enum home home)
{
	switch (home) {
	case HOME_FILE:
		return "outside of a step";
	case HOME_FOREACH:
		return "in a foreach";
	case HOME_IF:
		return "in an if";
	case HOME_WORKFLOW:
		return "in a workflow";
	case HOME_RECRUITER:
		return "in a recruiter";
	case HOME_STEP:
		return "in a step";
	case HOME_SETTINGS:
		return "in a block of settings";
	case HOME_BIND:
		return "in `bind`";
	case HOME_FLAVOR:
		return "in `flavor`";
	case HOME_TEST:
		return "in a test";
	}
	return "here";
}

/* Where the walk is: the block's kind and the statement that it belongs to. */
struct place {
	struct parser *p;
	enum home home;
	const struct stmt *owner; /* NULL: the file */
};

static void check_block(const struct place *place, const struct block *b);
static void check_expr(const struct place *place, const struct expr *e);

static void check_inner(const struct place *place, enum home home, const struct stmt *owner,
                        const struct block *b)
{
	struct place inner = {place->p, home, owner};

	if (b != NULL)
		check_block(&inner, b);
}

/* The line that ended the text of the run before it. */
static bool check_after_run(const struct place *place, const struct stmt *s,
                            const struct stmt *before)
{
	struct parser *p = place->p;
	struct span line = s->head;

	const struct run_text *run = before == NULL              ? NULL
	                             : before->kind == STMT_RUN  ? before->run
	                             : before->kind == STMT_HOOK ? before->hook.run
	                                                         : NULL;

	if (run == NULL || run->one_line)
		return false;
	for (uint32_t i = run->span.end; i < s->span.start; i++) {
		if (p->text[i] == '\n')
			line.start = i + 1;
	}
	if (s->span.start - line.start >= run_indent(p, run))
		return false;
	line.start = s->span.start;
	report_run_ended(p, run, line);
	return true;
}

static bool declares(struct parser *p, struct span keyword)
{
	static const char *const declaring[] = {"step",    "workflow", "recruiter", "param",  "let",
	                                        "foreach", "import",   "test",      "profile"};
	const char *text = parser_text(p, keyword);

	for (size_t i = 0; i < sizeof(declaring) / sizeof(declaring[0]); i++) {
		if (strcmp(declaring[i], text) == 0)
			return true;
	}
	return false;
}

static void report_misplaced(const struct place *place, const struct stmt *s)
{
	struct parser *p = place->p;
	const char *where = home_text(place->home);
	struct diag *d;

	if ((s->kind == STMT_BARE || s->kind == STMT_BLOCK) && declares(p, s->keyword)) {
		const char *word = parser_text(p, s->keyword);

		d = parser_error(p, E0100, s->keyword, "`%s` without what it declares", word);
		parser_help_form(p, d, word);
		return;
	}
	/* `step lacks { }` reads as a condition on `step`. */
	if (s->kind == STMT_CONSTRAINT && declares(p, s->keyword)) {
		const char *word = parser_text(p, s->constraint.op_span);

		d = parser_error(p, E0118, s->constraint.op_span, "`%s` is a reserved word", word);
		diag_label(p->sink, d, "cannot be a name");
		diag_help(p->sink, d, "choose another name, as `%s_`", word);
		diag_fix(p->sink, d, s->constraint.op_span, "%s_", word);
		return;
	}
	switch (s->kind) {
	case STMT_BARE:
		d = parser_error(p, E0126, s->span, "`%s` alone says nothing", s->bare.text);
		diag_help(p->sink, d, "write `%s = ...`", s->bare.text);
		return;
	case STMT_CONSTRAINT:
		d = parser_error(p, E0127, s->span, "a condition cannot stand %s", where);
		if (s->constraint.op == OP_EQ) {
			diag_help(p->sink, d, "a setting takes a single `=`");
			diag_fix(p->sink, d, s->constraint.op_span, "=");
		} else {
			diag_help(p->sink, d, "conditions stand in `flavor { ... }`");
		}
		return;
	case STMT_ATTR:
	case STMT_BLOCK:
		d = parser_error(p, E0125, s->keyword, "the setting `%s` cannot stand %s",
		                 parser_text(p, s->keyword), where);
		if (place->home == HOME_FLAVOR)
			diag_help(p->sink, d, "write a condition: `%s == ...`",
			          parser_text(p, s->keyword));
		else
			diag_help(p->sink, d,
			          "settings stand inside `workflow`, `recruiter` or `step`");
		break;
	default:
		d = parser_error(p, E0125, s->head, "`%s` cannot stand %s", stmt_kind_text(s->kind),
		                 where);
		if (s->kind == STMT_FOREACH && place->home == HOME_STEP)
			diag_help(p->sink, d,
			          "a step is one command: write the loop around the step, or "
			          "around its use");
		break;
	}
	if (place->owner != NULL)
		diag_relate(p->sink, d, place->owner->head, "it stands in this");
}

static void check_args(const struct place *place, const struct arg *args, size_t n)
{
	for (size_t i = 0; i < n; i++)
		check_expr(place, args[i].value);
}

/* Only blocks inside expressions matter: records and refinements. */
static void check_expr(const struct place *place, const struct expr *e)
{
	if (e == NULL)
		return;
	switch (e->kind) {
	case EXPR_STRING:
		for (size_t i = 0; i < e->string.n; i++)
			check_expr(place, e->string.parts[i].expr);
		break;
	case EXPR_FIELD:
		check_expr(place, e->field.of);
		break;
	case EXPR_LIST:
		for (size_t i = 0; i < e->list.n; i++)
			check_expr(place, e->list.items[i]);
		break;
	case EXPR_COMPREHENSION:
		check_expr(place, e->comprehension.body);
		check_expr(place, e->comprehension.source);
		check_expr(place, e->comprehension.where);
		break;
	case EXPR_RECORD:
		check_inner(place, HOME_SETTINGS, place->owner, e->record);
		break;
	case EXPR_REFINE:
		check_inner(place, HOME_RECRUITER, place->owner, e->refine.body);
		break;
	case EXPR_CALL:
		check_args(place, e->call.args, e->call.n);
		break;
	case EXPR_UNARY:
		check_expr(place, e->unary.of);
		break;
	case EXPR_BINARY:
		check_expr(place, e->binary.left);
		check_expr(place, e->binary.right);
		break;
	case EXPR_RANGE:
		check_expr(place, e->range.first);
		check_expr(place, e->range.last);
		break;
	case EXPR_IF:
		check_expr(place, e->choice.cond);
		check_expr(place, e->choice.yes);
		check_expr(place, e->choice.no);
		break;
	case EXPR_GATHER:
		check_expr(place, e->gather.of);
		check_expr(place, e->gather.into);
		check_expr(place, e->gather.min);
		break;
	case EXPR_PIPE:
		check_expr(place, e->pipe.of);
		check_args(place, e->pipe.args, e->pipe.n);
		break;
	default:
		break;
	}
}

static enum home home_of_block(const char *key)
{
	return strcmp(key, "bind") == 0     ? HOME_BIND
	       : strcmp(key, "flavor") == 0 ? HOME_FLAVOR
	                                    : HOME_SETTINGS;
}

static void check_stmt(const struct place *place, const struct stmt *s)
{
	const struct stmt *owner;
	enum home inner;

	switch (s->kind) {
	case STMT_PARAM:
		check_expr(place, s->param.value);
		check_expr(place, s->param.in);
		check_expr(place, s->param.help);
		break;
	case STMT_LET:
		check_expr(place, s->let.value);
		check_expr(place, s->let.where);
		break;
	case STMT_ASSERT:
		check_expr(place, s->assertion.cond);
		check_expr(place, s->assertion.message);
		break;
	case STMT_WORKFLOW:
		check_expr(place, s->workflow.name);
		check_inner(place, HOME_WORKFLOW, s, s->workflow.body);
		break;
	case STMT_RECRUITER:
		check_inner(place, HOME_RECRUITER, s, s->recruiter.body);
		break;
	case STMT_STEP:
		check_inner(place, HOME_STEP, s, s->step.body);
		break;
	case STMT_USE:
		check_inner(place, HOME_SETTINGS, s, s->use.body);
		break;
	case STMT_FOREACH:
		for (size_t i = 0; i < s->foreach.n; i++)
			check_expr(place, s->foreach.loops[i].source);
		check_expr(place, s->foreach.where);
		check_inner(place, HOME_FOREACH, s, s->foreach.body);
		break;
	case STMT_IF:
		check_expr(place, s->branch.cond);
		/* What is chosen stands where the `if` does; but no header of a file. */
		inner = place->home == HOME_FILE ? HOME_IF : place->home;
		owner = place->owner != NULL ? place->owner : s;
		check_inner(place, inner, owner, s->branch.then);
		check_inner(place, inner, owner, s->branch.otherwise);
		break;
	case STMT_ATTR:
		check_expr(place, s->attr.value);
		break;
	case STMT_TEST:
		check_inner(place, HOME_TEST, s, s->test.body);
		break;
	case STMT_PROFILE:
		check_inner(place, HOME_WORKFLOW, s, s->profile.body);
		break;
	case STMT_THEN:
		check_inner(place, HOME_SETTINGS, s, s->then.body);
		break;
	case STMT_BLOCK:
		check_inner(place, home_of_block(s->block.key.text), s, s->block.body);
		break;
	case STMT_CONSTRAINT:
		check_expr(place, s->constraint.value);
		break;
	case STMT_IMPORT:
	case STMT_BARE:
	case STMT_RUN:
	case STMT_HOOK:
	case STMT_KINDS:
		break;
	}
}

static void check_block(const struct place *place, const struct block *b)
{
	for (size_t i = 0; i < b->n; i++) {
		const struct stmt *s = b->items[i];

		if (FITS(s->kind) & fitting(place->home))
			check_stmt(place, s);
		else if (!check_after_run(place, s, i > 0 ? b->items[i - 1] : NULL))
			report_misplaced(place, s);
	}
}

void check_shape(struct parser *p)
{
	struct place place = {p, HOME_FILE, NULL};

	/* With a brace missing, everything after it stands in the wrong place. */
	if (!p->unclosed)
		check_block(&place, &p->ast->body);
}
