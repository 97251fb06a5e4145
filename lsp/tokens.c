#include "lsp/tokens.h"

#include "compiler/lookup.h"

#include <stdlib.h>
#include <string.h>

/* In the order of the legend. SETTING is no symbol of the compiler's: the tree has those. */
enum token_type { PARAMETER, VARIABLE, STEP, RECRUITER, SETTING, TOKEN_TYPES };

static const struct {
	const char *name;   /* the protocol's */
	const char *symbol; /* the compiler's kind */
} types[TOKEN_TYPES] = {
        [PARAMETER] = {"parameter", "param"}, [VARIABLE] = {"variable", NULL},
        [STEP] = {"function", "step"},        [RECRUITER] = {"class", "recruiter"},
        [SETTING] = {"property", NULL},
};

/* The only modifier. */
#define DECLARATION 1

struct mark {
	struct span span;
	enum token_type type;
	bool declaration;
};

struct marks {
	VEC(struct mark) list;
};

json_t *tokens_legend(void)
{
	json_t *names = json_array();

	for (size_t i = 0; i < TOKEN_TYPES; i++)
		json_array_append_new(names, json_string(types[i].name));
	return json_pack("{s:o, s:[s]}", "tokenTypes", names, "tokenModifiers", "declaration");
}

/* Lets and the variables of loops are variables; so would be a kind that is new. */
static void add_name(void *context, const char *kind, struct span name, bool declaration)
{
	struct marks *t = context;
	enum token_type type = VARIABLE;

	for (size_t i = 0; i < TOKEN_TYPES; i++) {
		if (types[i].symbol != NULL && strcmp(types[i].symbol, kind) == 0)
			type = (enum token_type)i;
	}
	if (strcmp(kind, "step with parameters") == 0)
		type = STEP;
	vec_push(&t->list, ((struct mark){name, type, declaration}));
}

static void add_setting(struct marks *t, struct span key)
{
	vec_push(&t->list, ((struct mark){key, SETTING, false}));
}

static void add_settings(struct marks *t, const struct block *block)
{
	for (size_t i = 0; block != NULL && i < block->n; i++) {
		const struct stmt *s = block->items[i];

		switch (s->kind) {
		case STMT_ATTR:
			add_setting(t, s->attr.key.span);
			break;
		case STMT_BLOCK:
			add_setting(t, s->block.key.span);
			break;
		case STMT_CONSTRAINT:
			add_setting(t, s->constraint.key.span);
			break;
		default:
			break;
		}
		add_settings(t, stmt_body(s));
		if (s->kind == STMT_IF)
			add_settings(t, s->branch.otherwise);
	}
}

static int by_place(const void *left, const void *right)
{
	const struct mark *a = left, *b = right;

	if (a->span.start != b->span.start)
		return a->span.start < b->span.start ? -1 : 1;
	/* `bind { name }` is a key and a use of the name: the name says more. */
	return (a->type == SETTING) - (b->type == SETTING);
}

/* Five numbers a token: lines and columns on from the one before, length, type, modifiers. */
static json_t *encode(const struct buffer *b, const struct marks *t)
{
	json_t *data = json_array();
	json_int_t line = 0, column = 0;
	uint32_t end = 0;

	for (size_t i = 0; i < t->list.n; i++) {
		const struct mark *k = &t->list.v[i];
		json_t *at;
		json_int_t on, from;

		if (k->span.end <= k->span.start || (i > 0 && k->span.start < end))
			continue; /* one place, two tokens: the first */
		at = buffer_position(b, k->span.start);
		on = json_integer_value(json_object_get(at, "line"));
		from = json_integer_value(json_object_get(at, "character"));
		json_decref(at);
		json_array_append_new(data, json_integer(on - line));
		json_array_append_new(data, json_integer(on == line ? from - column : from));
		/* Names are ASCII: a byte is a unit of the protocol. */
		json_array_append_new(data, json_integer(k->span.end - k->span.start));
		json_array_append_new(data, json_integer(k->type));
		json_array_append_new(data, json_integer(k->declaration ? DECLARATION : 0));
		line = on;
		column = from;
		end = k->span.end;
	}
	return data;
}

json_t *answer_tokens(struct buffer *b)
{
	struct marks tokens = {0};
	json_t *data;

	lookup_names(b->compiled, add_name, &tokens);
	add_settings(&tokens, &compile_ast(b->compiled)->body);
	if (tokens.list.n > 0)
		qsort(tokens.list.v, tokens.list.n, sizeof(*tokens.list.v), by_place);
	data = encode(b, &tokens);
	vec_release(&tokens.list);
	return json_pack("{s:o}", "data", data);
}
