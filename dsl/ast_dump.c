/*
 * The tree as text, a statement per line: for `check --dump=ast` and the goldens.
 * Operators are parenthesised, literals are printed by value, so that the print
 * shows what was understood rather than what was written.
 */
#include "dsl/ast.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add_quoted(struct str *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '\n')
			str_adds(out, "\\n");
		else if (c == '\t')
			str_adds(out, "\\t");
		else if (c == '"' || c == '\\' || c == '$')
			str_addf(out, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			str_addf(out, "\\x%02x", c);
		else
			str_addc(out, (char)c);
	}
}

static void indent(struct str *out, unsigned level)
{
	for (unsigned i = 0; i < level; i++)
		str_adds(out, "  ");
}

static void dump_inline(const struct block *b, struct str *out);

/* As short as it can be and still be the same number. */
static void add_real(struct str *out, double real)
{
	char text[32];

	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, real);
		if (strtod(text, NULL) == real)
			break;
	}
	str_addf(out, "%s%s", text, strpbrk(text, ".e") == NULL ? ".0" : "");
}

static void dump_string(const struct expr *e, struct str *out)
{
	str_addc(out, '"');
	for (size_t i = 0; i < e->string.n; i++) {
		const struct string_part *part = &e->string.parts[i];

		if (part->expr == NULL) {
			add_quoted(out, part->text, part->len);
			continue;
		}
		str_adds(out, "${");
		expr_dump(part->expr, out);
		str_addc(out, '}');
	}
	str_addc(out, '"');
}

static void dump_args(const struct arg *args, size_t n, struct str *out)
{
	str_addc(out, '(');
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			str_adds(out, ", ");
		if (args[i].name.text != NULL)
			str_addf(out, "%s = ", args[i].name.text);
		expr_dump(args[i].value, out);
	}
	str_addc(out, ')');
}

static void dump_gather(const struct expr *e, struct str *out)
{
	str_adds(out, "(gather ");
	expr_dump(e->gather.of, out);
	if (e->gather.into != NULL) {
		str_adds(out, " into ");
		expr_dump(e->gather.into, out);
	}
	if (e->gather.min != NULL) {
		str_adds(out, " min ");
		expr_dump(e->gather.min, out);
	}
	str_addc(out, ')');
}

static void dump_comprehension(const struct expr *e, struct str *out)
{
	str_addc(out, '[');
	expr_dump(e->comprehension.body, out);
	str_addf(out, " for %s in ", e->comprehension.var.text);
	expr_dump(e->comprehension.source, out);
	if (e->comprehension.where != NULL) {
		str_adds(out, " where ");
		expr_dump(e->comprehension.where, out);
	}
	str_addc(out, ']');
}

void expr_dump(const struct expr *e, struct str *out)
{
	switch (e->kind) {
	case EXPR_BAD:
	case EXPR_KINDS:
		str_adds(out, "<error>");
		break;
	case EXPR_NONE:
		str_adds(out, "none");
		break;
	case EXPR_BOOL:
		str_adds(out, e->boolean ? "true" : "false");
		break;
	case EXPR_INT:
		str_addf(out, "%" PRId64, e->integer);
		break;
	case EXPR_FLOAT:
		add_real(out, e->real);
		break;
	case EXPR_SIZE:
		str_addf(out, "%" PRId64 "B", e->bytes);
		break;
	case EXPR_DURATION:
		str_addf(out, "%" PRId64 "ms", e->ms);
		break;
	case EXPR_DEPTH:
		str_addf(out, "%dx%" PRId64, e->depth_value.pairs ? 2 : 1, e->depth_value.reads);
		break;
	case EXPR_PERCENT:
		str_addf(out, "%.15g%%", e->real * 100);
		break;
	case EXPR_STRING:
		dump_string(e, out);
		break;
	case EXPR_REGEX:
		str_addf(out, "/%s/", e->regex);
		break;
	case EXPR_NAME:
		str_adds(out, e->name.text);
		break;
	case EXPR_FIELD:
		expr_dump(e->field.of, out);
		str_addf(out, ".%s", e->field.name.text);
		break;
	case EXPR_LIST:
		str_addc(out, '[');
		for (size_t i = 0; i < e->list.n; i++) {
			if (i > 0)
				str_adds(out, ", ");
			expr_dump(e->list.items[i], out);
		}
		str_addc(out, ']');
		break;
	case EXPR_COMPREHENSION:
		dump_comprehension(e, out);
		break;
	case EXPR_RECORD:
		dump_inline(e->record, out);
		break;
	case EXPR_REFINE:
		expr_dump(e->refine.of, out);
		str_addc(out, ' ');
		dump_inline(e->refine.body, out);
		break;
	case EXPR_CALL:
		str_adds(out, e->call.name.text);
		dump_args(e->call.args, e->call.n, out);
		break;
	case EXPR_UNARY:
		str_addf(out, "(%s ", op_text(e->unary.op));
		expr_dump(e->unary.of, out);
		str_addc(out, ')');
		break;
	case EXPR_BINARY:
		str_addc(out, '(');
		expr_dump(e->binary.left, out);
		str_addf(out, " %s ", op_text(e->binary.op));
		expr_dump(e->binary.right, out);
		str_addc(out, ')');
		break;
	case EXPR_RANGE:
		str_addc(out, '(');
		expr_dump(e->range.first, out);
		str_adds(out, "..");
		expr_dump(e->range.last, out);
		str_addc(out, ')');
		break;
	case EXPR_IF:
		str_adds(out, "(if ");
		expr_dump(e->choice.cond, out);
		str_adds(out, " then ");
		expr_dump(e->choice.yes, out);
		str_adds(out, " else ");
		expr_dump(e->choice.no, out);
		str_addc(out, ')');
		break;
	case EXPR_GATHER:
		dump_gather(e, out);
		break;
	case EXPR_PIPE:
		str_addc(out, '(');
		expr_dump(e->pipe.of, out);
		str_addf(out, " |> %s", e->pipe.action.text);
		dump_args(e->pipe.args, e->pipe.n, out);
		str_addc(out, ')');
		break;
	}
}

static void dump_type(const struct type *t, struct str *out)
{
	switch (t->kind) {
	case TYPE_BAD:
		str_adds(out, "<error>");
		break;
	case TYPE_NAMED:
		str_adds(out, t->name.text);
		break;
	case TYPE_ENUM:
		for (size_t i = 0; i < t->n; i++)
			str_addf(out, "%s%s", i > 0 ? " | " : "(", t->words[i].text);
		str_addc(out, ')');
		break;
	case TYPE_LIST:
		str_addc(out, '[');
		dump_type(t->element, out);
		str_addc(out, ']');
		break;
	case TYPE_RECORD:
		str_adds(out, "{ ");
		for (size_t i = 0; i < t->n; i++) {
			str_addf(out, "%s%s: ", i > 0 ? ", " : "", t->words[i].text);
			dump_type(t->types[i], out);
		}
		str_adds(out, " }");
		break;
	}
	if (t->optional)
		str_addc(out, '?');
}

static void dump_run(const struct run_text *run, unsigned level, struct str *out)
{
	size_t start = 0;

	str_adds(out, "run");
	for (size_t i = 0; i < run->nwords; i++)
		str_addf(out, " %s", run->words[i].text);
	str_addc(out, '\n');
	for (size_t i = 0; i < run->len; i++) {
		if (run->text[i] != '\n')
			continue;
		indent(out, level + 1);
		str_adds(out, "|");
		str_add(out, run->text + start, i - start);
		str_addc(out, '\n');
		start = i + 1;
	}
}

static void optional(const char *word, const struct expr *e, struct str *out)
{
	if (e == NULL)
		return;
	str_addf(out, " %s ", word);
	expr_dump(e, out);
}

/* The line of a statement, without its end; its block comes after it. */
static void dump_head(const struct stmt *s, struct str *out)
{
	switch (s->kind) {
	case STMT_IMPORT:
		str_adds(out, "import ");
		expr_dump(s->import.path, out);
		str_addf(out, " as %s", s->import.as.text);
		break;
	case STMT_PARAM:
		str_addf(out, "param %s: ", s->param.name.text);
		dump_type(s->param.type, out);
		optional("=", s->param.value, out);
		optional("in", s->param.in, out);
		optional("matches", s->param.matches, out);
		optional("help", s->param.help, out);
		break;
	case STMT_LET:
		str_addf(out, "let %s", s->let.name.text);
		optional("=", s->let.value, out);
		optional("where", s->let.where, out);
		break;
	case STMT_ASSERT:
		str_adds(out, "assert ");
		expr_dump(s->assertion.cond, out);
		optional("else", s->assertion.message, out);
		break;
	case STMT_WORKFLOW:
		str_adds(out, "workflow ");
		expr_dump(s->workflow.name, out);
		break;
	case STMT_RECRUITER:
		str_addf(out, "recruiter %s", s->recruiter.name.text);
		break;
	case STMT_STEP:
		str_addf(out, "step %s", s->step.name.text);
		for (size_t i = 0; i < s->step.nparams; i++)
			str_addf(out, "%s%s", i > 0 ? ", " : "(", s->step.params[i].text);
		if (s->step.has_params)
			str_adds(out, s->step.nparams > 0 ? ")" : "()");
		break;
	case STMT_USE:
		str_addf(out, "step %s = ", s->use.name.text);
		if (s->use.module.text != NULL)
			str_addf(out, "%s.", s->use.module.text);
		str_adds(out, s->use.step.text);
		break;
	case STMT_FOREACH:
		for (size_t i = 0; i < s->foreach.n; i++) {
			const struct loop *l = &s->foreach.loops[i];

			str_addf(out, "%s%s in ", i > 0 ? ", " : "foreach ", l->var.text);
			expr_dump(l->source, out);
		}
		optional("where", s->foreach.where, out);
		break;
	case STMT_IF:
		str_adds(out, "if ");
		expr_dump(s->branch.cond, out);
		break;
	case STMT_ATTR:
		str_addf(out, "%s = ", s->attr.key.text);
		expr_dump(s->attr.value, out);
		break;
	case STMT_BLOCK:
		str_adds(out, s->block.key.text);
		break;
	case STMT_BARE:
		str_adds(out, s->bare.text);
		break;
	case STMT_CONSTRAINT:
		str_addf(out, "%s %s ", s->constraint.key.text, op_text(s->constraint.op));
		expr_dump(s->constraint.value, out);
		break;
	case STMT_HOOK:
		str_addf(out, "on %s", s->hook.outcome.text);
		break;
	case STMT_TEST:
		str_adds(out, "test ");
		expr_dump(s->test.name, out);
		break;
	case STMT_PROFILE:
		str_addf(out, "profile %s", s->profile.name.text);
		break;
	case STMT_THEN:
		str_adds(out, "then ");
		expr_dump(s->then.path, out);
		break;
	case STMT_RUN:
	case STMT_KINDS:
		break;
	}
}

static void dump_block(const struct block *b, unsigned level, struct str *out)
{
	for (size_t i = 0; i < b->n; i++) {
		const struct stmt *s = b->items[i];
		const struct block *body = stmt_body(s);

		indent(out, level);
		if (s->kind == STMT_RUN) {
			dump_run(s->run, level, out);
			continue;
		}
		dump_head(s, out);
		str_addc(out, '\n');
		if (body != NULL)
			dump_block(body, level + 1, out);
		if (s->kind == STMT_HOOK) {
			indent(out, level + 1);
			dump_run(s->hook.run, level + 1, out);
		}
		if (s->kind == STMT_IF && s->branch.otherwise != NULL) {
			indent(out, level);
			str_adds(out, "else\n");
			dump_block(s->branch.otherwise, level + 1, out);
		}
	}
}

/* A block inside an expression stays on its line. */
static void dump_inline(const struct block *b, struct str *out)
{
	str_addc(out, '{');
	for (size_t i = 0; i < b->n; i++) {
		const struct stmt *s = b->items[i];
		const struct block *body = stmt_body(s);

		str_adds(out, i > 0 ? ", " : " ");
		dump_head(s, out);
		if (body != NULL) {
			str_addc(out, ' ');
			dump_inline(body, out);
		}
		if (s->kind == STMT_IF && s->branch.otherwise != NULL) {
			str_adds(out, " else ");
			dump_inline(s->branch.otherwise, out);
		}
		if (s->kind == STMT_RUN) {
			str_adds(out, "run \"");
			add_quoted(out, s->run->text, s->run->len);
			str_addc(out, '"');
		}
	}
	str_adds(out, " }");
}

void ast_dump(const struct ast *ast, struct str *out)
{
	str_addf(out, "scitq %" PRId64 "\n", ast->version);
	dump_block(&ast->body, 0, out);
}
