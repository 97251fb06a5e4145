#include "dsl/ast.h"

#include <string.h>

const char *op_text(enum op op)
{
	static const char *const texts[OPS] = {
	        [OP_NOT] = "not",   [OP_NEG] = "-",         [OP_OR] = "or",
	        [OP_AND] = "and",   [OP_EQ] = "==",         [OP_NE] = "!=",
	        [OP_LT] = "<",      [OP_LE] = "<=",         [OP_GT] = ">",
	        [OP_GE] = ">=",     [OP_HAS] = "has",       [OP_LACKS] = "lacks",
	        [OP_LIKE] = "like", [OP_UNLIKE] = "unlike", [OP_MATCHES] = "matches",
	        [OP_ADD] = "+",     [OP_SUB] = "-",         [OP_MUL] = "*",
	        [OP_DIV] = "/",     [OP_MOD] = "%",
	};

	return texts[op];
}

const char *expr_kind_text(enum expr_kind kind)
{
	static const char *const texts[EXPR_KINDS] = {
	        [EXPR_BAD] = "error",          [EXPR_NONE] = "none",
	        [EXPR_BOOL] = "bool",          [EXPR_INT] = "int",
	        [EXPR_FLOAT] = "float",        [EXPR_SIZE] = "size",
	        [EXPR_DURATION] = "duration",  [EXPR_DEPTH] = "depth",
	        [EXPR_PERCENT] = "percentage", [EXPR_STRING] = "string",
	        [EXPR_REGEX] = "regex",        [EXPR_NAME] = "name",
	        [EXPR_FIELD] = "field",        [EXPR_LIST] = "list",
	        [EXPR_COMPREHENSION] = "list", [EXPR_RECORD] = "record",
	        [EXPR_REFINE] = "recruiter",   [EXPR_CALL] = "call",
	        [EXPR_UNARY] = "operation",    [EXPR_BINARY] = "operation",
	        [EXPR_RANGE] = "range",        [EXPR_IF] = "choice",
	        [EXPR_GATHER] = "gather",      [EXPR_PIPE] = "action",
	};

	return texts[kind];
}

const char *stmt_kind_text(enum stmt_kind kind)
{
	static const char *const texts[STMT_KINDS] = {
	        [STMT_IMPORT] = "import",     [STMT_PARAM] = "param",
	        [STMT_LET] = "let",           [STMT_ASSERT] = "assert",
	        [STMT_WORKFLOW] = "workflow", [STMT_RECRUITER] = "recruiter",
	        [STMT_STEP] = "step",         [STMT_USE] = "step",
	        [STMT_FOREACH] = "foreach",   [STMT_IF] = "if",
	        [STMT_ATTR] = "setting",      [STMT_BLOCK] = "block",
	        [STMT_BARE] = "name",         [STMT_CONSTRAINT] = "condition",
	        [STMT_RUN] = "run",           [STMT_HOOK] = "on",
	        [STMT_TEST] = "test",         [STMT_THEN] = "then",
	        [STMT_PROFILE] = "profile",
	};

	return texts[kind];
}

const struct block *stmt_body(const struct stmt *s)
{
	switch (s->kind) {
	case STMT_WORKFLOW:
		return s->workflow.body;
	case STMT_RECRUITER:
		return s->recruiter.body;
	case STMT_STEP:
		return s->step.body;
	case STMT_USE:
		return s->use.body;
	case STMT_FOREACH:
		return s->foreach.body;
	case STMT_IF:
		return s->branch.then;
	case STMT_BLOCK:
		return s->block.body;
	case STMT_TEST:
		return s->test.body;
	case STMT_PROFILE:
		return s->profile.body;
	case STMT_THEN:
		return s->then.body;
	default:
		return NULL;
	}
}

const char *expr_plain_string(const struct expr *e)
{
	if (e == NULL || e->kind != EXPR_STRING)
		return NULL;
	if (e->string.n == 0)
		return "";
	if (e->string.n > 1 || e->string.parts[0].expr != NULL)
		return NULL;
	if (memchr(e->string.parts[0].text, 0, e->string.parts[0].len) != NULL)
		return NULL;
	return e->string.parts[0].text;
}
