/*
 * The grammar of .scitq. Actions only build nodes (build.h); where statements may
 * stand is checked afterwards (shape.c), so that the grammar has one kind of
 * block and a misplaced statement gets a message of its own. Contextual keywords
 * are tokens and, by `name`, names.
 *
 * Commas and braces directly inside ( or [ are tokens of their own, COMMA and
 * BRACE: `error` below is followed by a separator or a block of statements, and must
 * not take those.
 */
%code requires {
#include "dsl/build.h"
}

%code provides {
int dsl_yylex(DSL_YYSTYPE *value, DSL_YYLTYPE *place, struct parser *p);
}

%code {
#include "dsl/syntax_error.h"

static void dsl_yyerror(YYLTYPE *place, struct parser *p, const char *message);

#define YYLLOC_DEFAULT(cur, rhs, n)                                                                \
	do {                                                                                       \
		if (n) {                                                                           \
			(cur) = span_join(YYRHSLOC(rhs, 1), YYRHSLOC(rhs, n));                     \
		} else {                                                                           \
			(cur) = YYRHSLOC(rhs, 0);                                                  \
			(cur).start = (cur).end;                                                   \
		}                                                                                  \
	} while (0)
}

%define api.pure full
%define api.prefix {dsl_yy}
%define api.token.prefix {T_}
%define api.location.type {struct span}
%define parse.error custom
%define parse.lac full
%expect 0
%locations
%parse-param {struct parser *p}
%lex-param {struct parser *p}

%initial-action { @$ = parser_span(p, 0, 0); }

%union {
	struct name name;
	struct expr *expr;
	struct stmt *stmt;
	struct block *block;
	struct type *type;
	struct run_text *run;
	struct arg *arg;
	struct loop *loop;
	struct option *option;
	struct field *field;
	struct string_part *part;
	struct chunk chunk;
	struct list list;
	struct ref ref;
	enum op op;
}

%token END 0 "the end of the file"
%token NEWLINE "a new line"
%token COMMA "`,`"
%token BRACE "`{`"
%token NAME "a name"
%token <expr> NUMBER "a number"
%token <expr> REGEX "a regex"
%token <run> RUN "`run`"
%token STRING_OPEN "a string"
%token <chunk> STRING_TEXT "text"
%token STRING_NAME "`$`"
%token INTERP_OPEN "`${`"
%token INTERP_CLOSE "`}`"
%token STRING_CLOSE "the end of the string"
%token PIPE "`|>`"
%token DOTS "`..`"
%token EQ "`==`"
%token NE "`!=`"
%token LE "`<=`"
%token GE "`>=`"
/* reserved */
%token IF "`if`" ELSE "`else`" THEN "`then`" GATHER "`gather`" ASSERT "`assert`"
%token MATCHES "`matches`" AND "`and`" OR "`or`" NOT "`not`" HAS "`has`" LACKS "`lacks`"
%token LIKE "`like`" UNLIKE "`unlike`" TRUE "`true`" FALSE "`false`" NONE "`none`"
/* contextual */
%token SCITQ "`scitq`" PARAM "`param`" LET "`let`" WORKFLOW "`workflow`"
%token RECRUITER "`recruiter`" STEP "`step`" FOREACH "`foreach`" PROFILE "`profile`" TEST "`test`" IMPORT "`import`"
%token AS "`as`" IN "`in`" WHERE "`where`" FOR "`for`" INTO "`into`" MIN "`min`" HELP "`help`" ON "`on`"

%type <name> name
%type <expr> expr pipe or and not compare range sum product unary postfix primary string list
%type <expr> element where_opt into_opt min_opt
%type <stmt> statement branch line setting
%type <block> block block_opt record else_opt
%type <list> body parts elements elements_opt args args_opt names names_opt loops options words
%type <list> fields
%type <field> field field_opt
%type <part> part
%type <arg> arg
%type <loop> loop
%type <option> option
%type <type> type base
%type <ref> ref
%type <op> relation relation_word

%start file

%%

file:
	body { p->ast->body = *make_block(p, $body, @body); }
;

body:
	line { $$ = list_add(p, (struct list){0}, $line); }
|	body[all] separator line { $$ = list_add(p, $all, $line); }
;

separator: NEWLINE | ',' ;

line:
	%empty { $$ = NULL; }
|	statement { $$ = finish_stmt(p, $statement); }
|	SCITQ NUMBER { set_version(p, $NUMBER, @$); $$ = NULL; }
|	error { $$ = NULL; yyerrok; }
|	error block else_opt { $$ = NULL; yyerrok; }
;

block:
	'{' body '}' { $$ = make_block(p, $body, @$); }
;

block_opt:
	%empty { $$ = NULL; }
|	block
;

statement:
	setting
|	branch
|	IMPORT string AS name {
		$$ = make_stmt(p, STMT_IMPORT, @IMPORT, @$);
		$$->import.path = $string;
		$$->import.as = $name;
	}
|	PARAM name ':' type options {
		$$ = make_param(p, $name, $type, $options, @PARAM, @$);
	}
|	LET name '=' expr where_opt {
		$$ = make_stmt(p, STMT_LET, @LET, @$);
		$$->let.name = $name;
		$$->let.value = $expr;
		$$->let.where = $where_opt;
	}
|	ASSERT expr {
		$$ = make_stmt(p, STMT_ASSERT, @ASSERT, @$);
		$$->assertion.cond = $expr;
	}
|	ASSERT expr[cond] ELSE expr[message] {
		$$ = make_stmt(p, STMT_ASSERT, @ASSERT, @$);
		$$->assertion.cond = $cond;
		$$->assertion.message = $message;
	}
|	WORKFLOW string block {
		$$ = make_stmt(p, STMT_WORKFLOW, @WORKFLOW, @$);
		$$->head = span_join(@WORKFLOW, @string);
		$$->workflow.name = $string;
		$$->workflow.body = $block;
	}
|	RECRUITER name block {
		$$ = make_stmt(p, STMT_RECRUITER, @RECRUITER, @$);
		$$->head = span_join(@RECRUITER, @name);
		$$->recruiter.name = $name;
		$$->recruiter.body = $block;
	}
|	STEP name block {
		$$ = make_step(p, $name, NULL, $block, @STEP, span_join(@STEP, @name), @$);
	}
|	STEP name '(' names_opt ')'[end] block {
		$$ = make_step(p, $name, &$names_opt, $block, @STEP, span_join(@STEP, @end), @$);
	}
|	STEP name '=' ref block_opt {
		$$ = make_use(p, $name, $ref, $block_opt, @STEP, span_join(@STEP, @ref), @$);
	}
|	FOREACH loops where_opt block {
		struct span end = $where_opt != NULL ? @where_opt : @loops;

		$$ = make_foreach(p, $loops, $where_opt, $block, @FOREACH,
		                  span_join(@FOREACH, end), @$);
	}
|	RUN {
		$$ = make_stmt(p, STMT_RUN, $RUN->keyword, @$);
		$$->run = $RUN;
	}
|	ON name RUN {
		$$ = make_stmt(p, STMT_HOOK, @ON, @$);
		$$->head = span_join(@ON, @name);
		$$->hook.outcome = $name;
		$$->hook.run = $RUN;
	}
|	TEST string block {
		$$ = make_stmt(p, STMT_TEST, @TEST, @$);
		$$->head = span_join(@TEST, @string);
		$$->test.name = $string;
		$$->test.body = $block;
	}
|	PROFILE name block {
		$$ = make_stmt(p, STMT_PROFILE, @PROFILE, @$);
		$$->head = span_join(@PROFILE, @name);
		$$->profile.name = $name;
		$$->profile.body = $block;
	}
|	THEN string block_opt {
		$$ = make_stmt(p, STMT_THEN, @THEN, @$);
		$$->head = span_join(@THEN, @string);
		$$->then.path = $string;
		$$->then.body = $block_opt;
	}
;

setting:
	name '=' expr {
		$$ = make_stmt(p, STMT_ATTR, @name, @$);
		$$->attr.key = $name;
		$$->attr.value = $expr;
	}
|	name block {
		$$ = make_stmt(p, STMT_BLOCK, @name, @$);
		$$->head = @name;
		$$->block.key = $name;
		$$->block.body = $block;
	}
|	name {
		$$ = make_stmt(p, STMT_BARE, @name, @$);
		$$->bare = $name;
	}
|	name relation sum {
		$$ = make_stmt(p, STMT_CONSTRAINT, @name, @$);
		$$->constraint.key = $name;
		$$->constraint.op = $relation;
		$$->constraint.op_span = @relation;
		$$->constraint.value = $sum;
	}
;

branch:
	IF expr block else_opt {
		$$ = make_branch(p, $expr, $block, $else_opt, @IF, span_join(@IF, @expr), @$);
	}
;

else_opt:
	%empty { $$ = NULL; }
|	ELSE block { $$ = $block; }
|	ELSE branch { $$ = make_else_if(p, $branch); }
;

ref:
	name { $$ = (struct ref){.step = $name}; }
|	name[module] '.' name[step] { $$ = (struct ref){$module, $step}; }
;

loops:
	loop { $$ = list_add(p, (struct list){0}, $loop); }
|	loops[all] ',' loop { $$ = list_add(p, $all, $loop); }
;

loop:
	name IN expr { $$ = make_loop(p, $name, $expr, @$); }
;

where_opt:
	%empty { $$ = NULL; }
|	WHERE expr { $$ = $expr; }
;

names_opt:
	%empty { $$ = (struct list){0}; }
|	names
|	names COMMA
;

names:
	name { $$ = list_add(p, (struct list){0}, keep_name(p, $name)); }
|	names[all] COMMA name { $$ = list_add(p, $all, keep_name(p, $name)); }
;

/* ---- param ---- */

options:
	%empty { $$ = (struct list){0}; }
|	options[all] option { $$ = list_add(p, $all, $option); }
;

option:
	'=' sum { $$ = make_option(p, OPTION_DEFAULT, $sum, @$); }
|	IN range { $$ = make_option(p, OPTION_IN, $range, @$); }
|	MATCHES REGEX { $$ = make_option(p, OPTION_MATCHES, $REGEX, @$); }
|	HELP string { $$ = make_option(p, OPTION_HELP, $string, @$); }
;

type:
	base
|	base '?' { $$ = $base; $$->optional = true; $$->span = @$; }
;

base:
	name { $$ = make_type(p, TYPE_NAMED, @$); $$->name = $name; }
|	'(' words ')' { $$ = make_enum(p, $words, @$); }
|	'[' type[element] ']' { $$ = make_type(p, TYPE_LIST, @$); $$->element = $element; }
|	'{' fields '}' { $$ = make_record_type(p, $fields, @$); }
|	BRACE fields '}' { $$ = make_record_type(p, $fields, @$); }
;

words:
	name { $$ = list_add(p, (struct list){0}, keep_name(p, $name)); }
|	words[all] '|' name { $$ = list_add(p, $all, keep_name(p, $name)); }
;

fields:
	field_opt { $$ = list_add(p, (struct list){0}, $field_opt); }
|	fields[all] separator field_opt { $$ = list_add(p, $all, $field_opt); }
;

field_opt:
	%empty { $$ = NULL; }
|	field
;

field:
	name ':' type { $$ = make_field_type(p, $name, $type); }
;

/* ---- expressions ---- */

expr:
	pipe
|	IF expr[cond] THEN expr[yes] ELSE expr[no] {
		$$ = make_choice(p, $cond, $yes, $no, @$);
	}
;

pipe:
	or
|	pipe[of] PIPE name { $$ = make_pipe(p, $of, $name, (struct list){0}, @$); }
|	pipe[of] PIPE name '(' args_opt ')' { $$ = make_pipe(p, $of, $name, $args_opt, @$); }
;

or:
	and
|	or[left] OR and[right] { $$ = make_binary(p, OP_OR, @OR, $left, $right, @$); }
;

and:
	not
|	and[left] AND not[right] { $$ = make_binary(p, OP_AND, @AND, $left, $right, @$); }
;

not:
	compare
|	NOT not[of] { $$ = make_unary(p, OP_NOT, $of, @$); }
;

compare:
	range
|	range[left] relation range[right] {
		$$ = make_binary(p, $relation, @relation, $left, $right, @$);
	}
|	range[left] MATCHES REGEX {
		$$ = make_binary(p, OP_MATCHES, @MATCHES, $left, $REGEX, @$);
	}
;

relation:
	EQ { $$ = OP_EQ; }
|	NE { $$ = OP_NE; }
|	'<' { $$ = OP_LT; }
|	LE { $$ = OP_LE; }
|	'>' { $$ = OP_GT; }
|	GE { $$ = OP_GE; }
|	relation_word
;

relation_word:
	HAS { $$ = OP_HAS; }
|	LACKS { $$ = OP_LACKS; }
|	LIKE { $$ = OP_LIKE; }
|	UNLIKE { $$ = OP_UNLIKE; }
;

range:
	sum
|	sum[first] DOTS sum[last] { $$ = make_range(p, $first, $last, @$); }
;

sum:
	product
|	sum[left] '+'[op] product[right] { $$ = make_binary(p, OP_ADD, @op, $left, $right, @$); }
|	sum[left] '-'[op] product[right] { $$ = make_binary(p, OP_SUB, @op, $left, $right, @$); }
;

product:
	unary
|	product[left] '*'[op] unary[right] { $$ = make_binary(p, OP_MUL, @op, $left, $right, @$); }
|	product[left] '/'[op] unary[right] { $$ = make_binary(p, OP_DIV, @op, $left, $right, @$); }
|	product[left] '%'[op] unary[right] { $$ = make_binary(p, OP_MOD, @op, $left, $right, @$); }
;

unary:
	postfix
|	'-' unary[of] { $$ = make_unary(p, OP_NEG, $of, @$); }
|	GATHER postfix into_opt min_opt {
		$$ = make_gather(p, $postfix, $into_opt, $min_opt, @GATHER, @$);
	}
;

into_opt:
	%empty { $$ = NULL; }
|	INTO postfix { $$ = $postfix; }
;

min_opt:
	%empty { $$ = NULL; }
|	MIN postfix { $$ = $postfix; }
;

postfix:
	primary
|	postfix[of] '.' name { $$ = make_field(p, $of, $name, @$); }
;

primary:
	name { $$ = make_name_expr(p, $name); }
|	name '(' args_opt ')' { $$ = make_call(p, $name, $args_opt, @$); }
|	NUMBER
|	TRUE { $$ = make_expr(p, EXPR_BOOL, @$); $$->boolean = true; }
|	FALSE { $$ = make_expr(p, EXPR_BOOL, @$); }
|	NONE { $$ = make_expr(p, EXPR_NONE, @$); }
|	string
|	list
|	record { $$ = make_record(p, $record, @$); }
|	'(' expr ')' { $$ = $expr; $$->parens = true; }
;

record:
	'{' body '}' { $$ = make_block(p, $body, @$); }
|	BRACE body '}' { $$ = make_block(p, $body, @$); }
;

string:
	STRING_OPEN parts STRING_CLOSE { $$ = make_string(p, $parts, @$); }
;

parts:
	%empty { $$ = (struct list){0}; }
|	parts[all] part { $$ = list_add(p, $all, $part); }
;

part:
	STRING_TEXT { $$ = make_text_part(p, $STRING_TEXT, @$); }
|	STRING_NAME {
		struct span name = {@$.file, @$.start + 1, @$.end};

		$$ = make_expr_part(p, make_name_expr(p, make_name(p, name)), false, @$);
	}
|	INTERP_OPEN expr INTERP_CLOSE { $$ = make_expr_part(p, $expr, true, @$); }
;

list:
	'[' elements_opt ']' { $$ = make_list(p, $elements_opt, @$); }
|	'[' element FOR name IN expr where_opt ']' {
		$$ = make_comprehension(p, $element, $name, $expr, $where_opt, @$);
	}
;

elements_opt:
	%empty { $$ = (struct list){0}; }
|	elements
|	elements COMMA
;

elements:
	element { $$ = list_add(p, (struct list){0}, $element); }
|	elements[all] COMMA element { $$ = list_add(p, $all, $element); }
;

element:
	expr
|	expr[of] BRACE body '}'[end] {
		struct span braces = span_join(@BRACE, @end);

		$$ = make_refine(p, $of, make_block(p, $body, braces), @$);
	}
;

args_opt:
	%empty { $$ = (struct list){0}; }
|	args
|	args COMMA
;

args:
	arg { $$ = list_add(p, (struct list){0}, $arg); }
|	args[all] COMMA arg { $$ = list_add(p, $all, $arg); }
;

arg:
	expr { $$ = make_arg(p, (struct name){0}, $expr, @$); }
|	name '=' expr { $$ = make_arg(p, $name, $expr, @$); }
;

name:
	name_token { $$ = make_name(p, @$); }
;

name_token:
	NAME | SCITQ | PARAM | LET | WORKFLOW | RECRUITER | STEP | FOREACH | PROFILE | TEST | IMPORT
|	AS | IN | WHERE | FOR | INTO | MIN | HELP | ON
;

%%

static void dsl_yyerror(YYLTYPE *place, struct parser *p, const char *message)
{
	/* Syntax errors go to yyreport_syntax_error; what is left is a full stack. */
	(void)message;
	parser_too_deep(p, *place);
}

static int yyreport_syntax_error(const yypcontext_t *context, struct parser *p)
{
	yysymbol_kind_t kinds[YYNTOKENS];
	const char *expected[YYNTOKENS];
	int n = yypcontext_expected_tokens(context, kinds, YYNTOKENS);

	if (n < 0)
		return n;
	for (int i = 0; i < n; i++)
		expected[i] = yysymbol_name(kinds[i]);
	report_syntax(p, yysymbol_name(yypcontext_token(context)), expected, (size_t)n);
	return 0;
}
