#include "dsl/document.h"

#include "dsl/pieces.h"

#include <string.h>

/* A loop or condition. */
struct around {
	const struct stmt *stmt;
	bool otherwise; /* behind its `else` */
};

struct reader {
	struct arena *arena;
	const char *text;
	const struct pieces *pieces;
	struct document *document;
	VEC(struct document_param) params;
	VEC(struct document_step) steps;
	VEC(struct document_import) imports;
	VEC(struct around) around;
};

/* As written, but on one line. */
static const char *written(struct reader *r, struct span span)
{
	struct str s = STR_INIT;
	const char *text;

	for (uint32_t i = span.start; i < span.end; i++) {
		bool blank = strchr(" \t\r\n", r->text[i]) != NULL;

		if (!blank)
			str_addc(&s, r->text[i]);
		else if (s.len > 0 && s.p[s.len - 1] != ' ')
			str_addc(&s, ' ');
	}
	text = arena_strndup(r->arena, s.p, s.len);
	str_release(&s);
	return text;
}

static const char *written_expr(struct reader *r, const struct expr *e)
{
	return e != NULL ? written(r, e->span) : NULL;
}

/* ---- comments ---- */

/* The words of comments [from, to) of the list; an empty one begins a new paragraph. */
static const char *comment_text(struct reader *r, size_t from, size_t to)
{
	struct str s = STR_INIT;
	const char *text = NULL;

	for (size_t i = from; i < to; i++) {
		const struct comment *c = &r->pieces->comments.v[i];
		uint32_t start = c->span.start;

		while (start < c->span.end && r->text[start] == '#')
			start++;
		if (start < c->span.end && r->text[start] == ' ')
			start++;
		if (s.len > 0)
			str_addc(&s, '\n');
		if (c->blank_before && i > from && s.p[s.len - 1] == '\n')
			str_addc(&s, '\n');
		str_add(&s, r->text + start, c->span.end - start);
	}
	if (s.len > 0)
		text = arena_strndup(r->arena, s.p, s.len);
	str_release(&s);
	return text;
}

/* The number of the piece that begins at this offset. */
static size_t piece_of(const struct reader *r, uint32_t offset)
{
	size_t low = 0, high = r->pieces->list.n;

	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;

		if (r->pieces->list.v[mid].span.start <= offset)
			low = mid;
		else
			high = mid;
	}
	return low;
}

/* The first of the comments before a piece that stand right above it; the end: none do. */
static size_t comments_above(const struct reader *r, const struct piece *p)
{
	size_t end = p->first_comment + p->ncomments, from = end;

	if (p->blank)
		return end;
	while (from > p->first_comment && r->pieces->comments.v[from - 1].own_line) {
		from--;
		if (r->pieces->comments.v[from].blank_before)
			break;
	}
	return from;
}

/* The comment of a step: above it, or behind its brace, where it has one. */
static const char *about_step(struct reader *r, const struct stmt *s, const struct block *body)
{
	const struct piece *p = &r->pieces->list.v[piece_of(r, s->span.start)];
	size_t from = comments_above(r, p), end = p->first_comment + p->ncomments;

	if (from < end)
		return comment_text(r, from, end);
	if (body == NULL)
		return NULL;
	p = &r->pieces->list.v[piece_of(r, body->span.start) + 1];
	if (p->ncomments > 0 && !r->pieces->comments.v[p->first_comment].own_line)
		return comment_text(r, p->first_comment, p->first_comment + 1);
	return NULL;
}

/* Where the comments before the first statement end that are about the file. */
static size_t end_of_about(const struct reader *r, const struct ast *ast, const struct piece *p)
{
	size_t all = p->first_comment + p->ncomments, above = comments_above(r, p);
	bool step = ast->body.n > 0 && ast->body.items[0]->kind == STMT_STEP;

	/* What stands right above a statement is about that, unless it is all there is. */
	if (p->span.start < ast->version_span.end || (above == p->first_comment && !step))
		return all;
	return above;
}

/* The comments that begin the file. */
static const char *about_file(struct reader *r, const struct ast *ast)
{
	size_t end = 0;

	for (size_t i = 0; i < r->pieces->list.n && end == 0; i++) {
		const struct piece *p = &r->pieces->list.v[i];
		bool version = p->span.start <= ast->version_span.end;

		if (p->ncomments > 0)
			end = end_of_about(r, ast, p);
		if (!version)
			break;
	}
	for (size_t i = 0; i < end; i++) {
		/* scitq 1  # version of the language */
		if (r->pieces->comments.v[i].own_line)
			return comment_text(r, i, end);
	}
	return NULL;
}

/* ---- params ---- */

static const char *named_form(const char *type)
{
	static const struct {
		const char *type, *form;
	} forms[] = {{"string", "TEXT"},     {"int", "INT"},     {"float", "NUMBER"},
	             {"bool", "true|false"}, {"size", "SIZE"},   {"duration", "DURATION"},
	             {"depth", "DEPTH"},     {"uri", "ADDRESS"}, {"file", "FILE"}};

	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		if (strcmp(forms[i].type, type) == 0)
			return forms[i].form;
	}
	return type;
}

static void add_form(struct str *out, const struct type *t)
{
	switch (t->kind) {
	case TYPE_BAD:
	case TYPE_RECORD:
		str_adds(out, "RECORD");
		break;
	case TYPE_NAMED:
		str_adds(out, named_form(t->name.text));
		break;
	case TYPE_ENUM:
		for (size_t i = 0; i < t->n; i++)
			str_addf(out, "%s%s", i > 0 ? "|" : "", t->words[i].text);
		break;
	case TYPE_LIST:
		add_form(out, t->element);
		str_adds(out, ",...");
		break;
	}
}

static void read_param(struct reader *r, const struct stmt *s)
{
	struct str form = STR_INIT, limits = STR_INIT;
	struct document_param p = {
	        .name = s->param.name.text,
	        .value = written_expr(r, s->param.value),
	        .help = s->param.help != NULL ? expr_plain_string(s->param.help) : NULL,
	        .optional = s->param.type->optional,
	};

	add_form(&form, s->param.type);
	p.form = arena_strndup(r->arena, form.p, form.len);
	if (s->param.in != NULL)
		str_addf(&limits, "in %s", written_expr(r, s->param.in));
	if (s->param.matches != NULL)
		str_addf(&limits, "%smatches %s", limits.len > 0 ? " " : "",
		         written_expr(r, s->param.matches));
	if (limits.len > 0)
		p.limits = arena_strndup(r->arena, limits.p, limits.len);
	/* A help with values in it is better than none. */
	if (s->param.help != NULL && p.help == NULL)
		p.help = written(r, (struct span){0, s->param.help->span.start + 1,
		                                  s->param.help->span.end - 1});
	vec_push(&r->params, p);
	str_release(&form);
	str_release(&limits);
}

/* ---- steps ---- */

/* "for each sample in samples, lane in lanes where ..., if paired, unless single" */
static const char *read_loops(struct reader *r)
{
	struct str s = STR_INIT;
	const char *text = NULL;

	for (size_t i = 0; i < r->around.n; i++) {
		const struct stmt *around = r->around.v[i].stmt;

		if (around->kind == STMT_IF) {
			str_addf(&s, "%s%s %s", s.len > 0 ? ", " : "",
			         r->around.v[i].otherwise ? "unless" : "if",
			         written_expr(r, around->branch.cond));
			continue;
		}
		for (size_t k = 0; k < around->foreach.n; k++)
			str_addf(&s, "%s%s", s.len > 0 ? ", " : "for each ",
			         written(r, around->foreach.loops[k].span));
		if (around->foreach.where != NULL)
			str_addf(&s, " where %s", written_expr(r, around->foreach.where));
	}
	if (s.len > 0)
		text = arena_strndup(r->arena, s.p, s.len);
	str_release(&s);
	return text;
}

static void read_yields(struct reader *r, const struct block *b, struct document_step *step)
{
	struct document_yield *yields = arena_array(r->arena, struct document_yield, b->n);

	step->nyields = 0;
	for (size_t i = 0; i < b->n; i++) {
		if (b->items[i]->kind == STMT_ATTR)
			yields[step->nyields++] =
			        (struct document_yield){b->items[i]->attr.key.text,
			                                written_expr(r, b->items[i]->attr.value)};
	}
	step->yields = yields;
}

static void read_setting(struct reader *r, const struct stmt *s, struct document_step *step)
{
	if (s->kind == STMT_RUN)
		step->text = s->run->text;
	else if (s->kind == STMT_BLOCK && strcmp(s->block.key.text, "yields") == 0)
		read_yields(r, s->block.body, step);
	else if (s->kind != STMT_ATTR)
		return;
	else if (strcmp(s->attr.key.text, "container") == 0)
		step->container = written_expr(r, s->attr.value);
	else if (strcmp(s->attr.key.text, "input") == 0)
		step->input = written_expr(r, s->attr.value);
	else if (strcmp(s->attr.key.text, "resource") == 0)
		step->resource = written_expr(r, s->attr.value);
}

/* "trim(sample, reads)" */
static const char *step_name(struct reader *r, const struct stmt *s)
{
	const char *name = s->step.name.text;

	for (size_t i = 0; i < s->step.nparams; i++)
		name = arena_printf(r->arena, "%s%s%s", name, i > 0 ? ", " : "(",
		                    s->step.params[i].text);
	return s->step.has_params
	               ? arena_printf(r->arena, "%s%s)", name, s->step.nparams == 0 ? "(" : "")
	               : name;
}

static void read_use(struct reader *r, const struct stmt *s)
{
	const char *module = s->use.module.text;

	vec_push(&r->steps, ((struct document_step){
	                            .name = s->use.name.text,
	                            .of = arena_printf(r->arena, "%s%s%s", module ? module : "",
	                                               module ? "." : "", s->use.step.text),
	                            .about = about_step(r, s, s->use.body),
	                            .loops = read_loops(r)}));
}

static void read_import(struct reader *r, const struct stmt *s)
{
	const char *path = expr_plain_string(s->import.path);

	if (path != NULL)
		vec_push(&r->imports, ((struct document_import){path, s->import.as.text}));
}

static void read_step(struct reader *r, const struct stmt *s)
{
	struct document_step step = {
	        .name = step_name(r, s),
	        .about = about_step(r, s, s->step.body),
	        .loops = read_loops(r),
	};

	for (size_t i = 0; i < s->step.body->n; i++)
		read_setting(r, s->step.body->items[i], &step);
	vec_push(&r->steps, step);
}

static void read_block(struct reader *r, const struct block *b);

static void read_inside(struct reader *r, struct around around, const struct block *b)
{
	vec_push(&r->around, around);
	read_block(r, b);
	r->around.n--;
}

static void read_stmt(struct reader *r, const struct stmt *s)
{
	switch (s->kind) {
	case STMT_PARAM:
		read_param(r, s);
		break;
	case STMT_WORKFLOW:
		r->document->name = written(r, (struct span){0, s->workflow.name->span.start + 1,
		                                             s->workflow.name->span.end - 1});
		break;
	case STMT_STEP:
		read_step(r, s);
		break;
	case STMT_USE:
		read_use(r, s);
		break;
	case STMT_IMPORT:
		read_import(r, s);
		break;
	case STMT_FOREACH:
		read_inside(r, (struct around){.stmt = s}, s->foreach.body);
		break;
	case STMT_IF:
		read_inside(r, (struct around){.stmt = s}, s->branch.then);
		if (s->branch.otherwise != NULL)
			read_inside(r, (struct around){s, true}, s->branch.otherwise);
		break;
	default:
		break;
	}
}

static void read_block(struct reader *r, const struct block *b)
{
	for (size_t i = 0; i < b->n; i++)
		read_stmt(r, b->items[i]);
}

bool document_read(struct document *d, struct arena *arena, struct sources *sources, uint32_t file,
                   struct diag_sink *sink)
{
	struct pieces pieces;
	const struct ast *ast = pieces_read(&pieces, arena, sources, file, sink);
	struct reader r = {
	        .arena = arena,
	        .text = sources->files[file].text,
	        .pieces = &pieces,
	        .document = d,
	};
	struct document_param *params;
	struct document_step *steps;
	struct document_import *imports;

	*d = (struct document){.file = sources->files[file].name};
	if (ast == NULL) {
		pieces_release(&pieces);
		return false;
	}
	d->about = about_file(&r, ast);
	read_block(&r, &ast->body);
	d->nparams = r.params.n;
	d->nsteps = r.steps.n;
	params = arena_array(arena, struct document_param, r.params.n);
	steps = arena_array(arena, struct document_step, r.steps.n);
	for (size_t i = 0; i < r.params.n; i++)
		params[i] = r.params.v[i];
	for (size_t i = 0; i < r.steps.n; i++)
		steps[i] = r.steps.v[i];
	imports = arena_array(arena, struct document_import, r.imports.n);
	for (size_t i = 0; i < r.imports.n; i++)
		imports[i] = r.imports.v[i];
	d->nimports = r.imports.n;
	d->imports = imports;
	d->params = params;
	d->steps = steps;
	vec_release(&r.params);
	vec_release(&r.steps);
	vec_release(&r.imports);
	vec_release(&r.around);
	pieces_release(&pieces);
	return true;
}

void document_add_params(struct document *d, const struct document *module, const char *as,
                         struct arena *arena)
{
	size_t n = d->nparams + module->nparams;
	struct document_param *params = arena_array(arena, struct document_param, n);

	for (size_t i = 0; i < d->nparams; i++)
		params[i] = d->params[i];
	for (size_t i = 0; i < module->nparams; i++) {
		params[d->nparams + i] = module->params[i];
		params[d->nparams + i].name =
		        arena_printf(arena, "%s.%s", as, module->params[i].name);
	}
	d->params = params;
	d->nparams = n;
}
