#include "lsp/answer.h"

#include "compiler/lookup.h"
#include "dsl/codes.h"
#include "dsl/format.h"
#include "dsl/keywords.h"
#include "model/json.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* ---- diagnostics ---- */

/* LSP: 1 error, 2 warning, 3 information. */
static int severity(const struct diag *d)
{
	return d->code->severity == SEVERITY_ERROR     ? 1
	       : d->code->severity == SEVERITY_WARNING ? 2
	                                               : 3;
}

/* The .scitq file is the first source of a compilation; others are sheets. */
static bool is_here(struct span span)
{
	return span_known(span) && span.file == 0;
}

static json_t *diagnostic(const struct buffer *b, const struct diag *d)
{
	struct span span = is_here(d->span) ? d->span : (struct span){0, 0, 0};
	json_t *related = json_array(), *object;
	struct str message = STR_INIT;

	str_adds(&message, d->message);
	if (d->label != NULL)
		str_addf(&message, ": %s", d->label);
	if (d->help != NULL)
		str_addf(&message, "\nhelp: %s", d->help);
	for (unsigned i = 0; i < d->nrelated; i++) {
		if (is_here(d->related[i].span))
			json_array_append_new(
			        related,
			        json_pack("{s:o, s:o}", "location",
			                  buffer_location(b, d->related[i].span), "message",
			                  json_text(d->related[i].text ? d->related[i].text
			                                               : "here")));
	}
	object = json_pack("{s:o, s:i, s:s, s:s, s:o, s:o}", "range",
	                   buffer_range(b, span.start, span.end), "severity", severity(d), "code",
	                   d->code->code, "source", "scitq", "message", json_text(message.p),
	                   "relatedInformation", related);
	str_release(&message);
	return object;
}

json_t *answer_diagnostics(struct buffer *b)
{
	const struct diag_sink *sink = compile_diagnostics(b->compiled);
	json_t *list = json_array();

	for (size_t i = 0; i < sink->n; i++) {
		/* A param gets its value when the file is run. */
		if (sink->list[i].code != code_of(E0310))
			json_array_append_new(list, diagnostic(b, &sink->list[i]));
	}
	return json_pack("{s:s, s:I, s:o}", "uri", b->uri, "version", b->version, "diagnostics",
	                 list);
}

static json_t *quick_fix(const struct buffer *b, const struct diag *d)
{
	json_t *changes = json_object(), *list = json_array(), *action;
	struct str title = STR_INIT;
	const char *shown = d->fix;

	json_object_set_new(changes, b->uri,
	                    json_pack("[{s:o, s:o}]", "range",
	                              buffer_range(b, d->fix_span.start, d->fix_span.end),
	                              "newText", json_text(d->fix)));
	json_array_append_new(list, diagnostic(b, d));
	shown += strspn(shown, " ");
	if (*shown != '\0')
		str_addf(&title, "write `%.*s`", (int)strcspn(shown, "\n"), shown);
	else
		str_adds(&title, "write a plain space");
	action = json_pack("{s:o, s:s, s:b, s:o, s:{s:o}}", "title", json_text(title.p), "kind",
	                   "quickfix", "isPreferred", 1, "diagnostics", list, "edit", "changes",
	                   changes);
	str_release(&title);
	return action;
}

json_t *answer_actions(struct buffer *b, uint32_t start, uint32_t end)
{
	const struct diag_sink *sink = compile_diagnostics(b->compiled);
	json_t *list = json_array();

	for (size_t i = 0; i < sink->n; i++) {
		const struct diag *d = &sink->list[i];

		if (d->fix != NULL && is_here(d->span) && is_here(d->fix_span) &&
		    d->span.start <= end && d->span.end >= start)
			json_array_append_new(list, quick_fix(b, d));
	}
	return list;
}

/* ---- hover ---- */

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* The word that the offset stands in or behind. */
static struct span word_at(const struct buffer *b, uint32_t offset)
{
	struct span span = {0, offset, offset};

	while (span.start > 0 && is_word(b->text.p[span.start - 1]))
		span.start--;
	while (span.end < b->text.len && is_word(b->text.p[span.end]))
		span.end++;
	return span;
}

static void add_symbol(struct str *out, const struct lookup_symbol *s)
{
	str_addf(out, "**%s** `%s`", s->kind, s->name);
	if (s->type != NULL)
		str_addf(out, ": %s", s->type);
	if (s->tasks > 0)
		str_addf(out, ", %u task%s", s->tasks, s->tasks == 1 ? "" : "s");
	if (s->help != NULL)
		str_addf(out, "\n\n%s", s->help);
	if (s->value != NULL)
		str_addf(out, "\n\n```\n%s\n```", s->value);
}

/* A setting where a statement begins with it, else a word of the language. */
static void add_word(const struct buffer *b, struct span span, struct str *out)
{
	static const enum attr_home homes[] = {ATTR_STEP,   ATTR_WORKFLOW, ATTR_RECRUITER,
	                                       ATTR_FLAVOR, ATTR_TEST,     ATTR_PROFILE};
	char word[64];
	size_t n = span.end - span.start;

	if (n == 0 || n >= sizeof(word))
		return;
	memcpy(word, b->text.p + span.start, n);
	word[n] = '\0';
	for (size_t i = 0; i < sizeof(homes) / sizeof(*homes); i++) {
		const struct attr *a = attr_find(word, homes[i]);

		if (a == NULL)
			continue;
		str_addf(out, "**setting** `%s`: %s", a->key, attr_type_text(a->type));
		if (a->initial != NULL)
			str_addf(out, ", unless given %s", a->initial);
		str_addf(out, "\n\n%s", a->help);
		return;
	}
	for (size_t i = 0; i < nwords; i++) {
		if (strcmp(words[i].text, word) == 0) {
			str_addf(out, "`%s`\n\n%s", words[i].form, words[i].help);
			return;
		}
	}
}

json_t *answer_hover(struct buffer *b, uint32_t offset)
{
	struct lookup_symbol s;
	struct span span;
	struct str text = STR_INIT;
	struct arena arena;
	json_t *answer = json_null();

	arena_init(&arena);
	if (lookup_at(b->compiled, offset, &arena, &s, &span)) {
		add_symbol(&text, &s);
	} else {
		span = word_at(b, offset);
		add_word(b, span, &text);
	}
	if (text.len > 0)
		answer = json_pack("{s:{s:s, s:o}, s:o}", "contents", "kind", "markdown", "value",
		                   json_text(text.p), "range",
		                   buffer_range(b, span.start, span.end));
	str_release(&text);
	arena_release(&arena);
	return answer;
}

/* ---- definition, references, rename ---- */

struct yield_search {
	const char *name;
	size_t len;
	struct span place;
	bool found;
};

static void is_yield(void *context, const char *name, struct span place)
{
	struct yield_search *s = context;

	if (strlen(name) == s->len && strncmp(name, s->name, s->len) == 0) {
		s->place = place;
		s->found = true;
	}
}

/* `reads` of `clean.reads`. */
static bool find_yield(struct buffer *b, uint32_t offset, struct span *place)
{
	struct span word = word_at(b, offset), step;
	struct yield_search search = {
	        b->text.p + word.start, word.end - word.start, {0, 0, 0}, false};
	char name[128];

	if (word.start == 0 || b->text.p[word.start - 1] != '.')
		return false;
	step = word_at(b, word.start - 1);
	if (step.end - step.start >= sizeof(name))
		return false;
	memcpy(name, b->text.p + step.start, step.end - step.start);
	name[step.end - step.start] = '\0';
	lookup_yields(b->compiled, name, is_yield, &search);
	*place = search.place;
	return search.found;
}

/* Where the name is declared; null where that is in no file of its own. */
static json_t *declaration(struct buffer *b, const struct lookup_symbol *s)
{
	if (is_here(s->declared))
		return buffer_location(b, s->declared);
	if (s->path == NULL || !span_known(s->declared))
		return json_null();
	return file_location(s->path, &compile_sources(b->compiled)->files[s->declared.file],
	                     s->declared);
}

json_t *answer_definition(struct buffer *b, uint32_t offset)
{
	struct lookup_symbol s;
	struct span span;
	struct arena arena;
	json_t *answer = json_null();

	arena_init(&arena);
	if (find_yield(b, offset, &span))
		answer = buffer_location(b, span);
	else if (lookup_at(b->compiled, offset, &arena, &s, &span))
		answer = declaration(b, &s);
	arena_release(&arena);
	return answer;
}

struct places {
	VEC(struct span) list;
};

static void add_place(void *context, struct span name)
{
	struct places *p = context;

	for (size_t i = 0; i < p->list.n; i++) {
		if (p->list.v[i].start == name.start)
			return;
	}
	vec_push(&p->list, name);
}

/* The places of the symbol at the offset; false where there is none. */
static bool find_places(struct buffer *b, uint32_t offset, struct places *places,
                        struct span *declared)
{
	struct lookup_symbol s;
	struct span span;
	struct arena arena;
	bool found;

	arena_init(&arena);
	found = lookup_at(b->compiled, offset, &arena, &s, &span);
	if (found) {
		lookup_places(b->compiled, s.id, add_place, places);
		*declared = s.declared;
	}
	arena_release(&arena);
	return found;
}

json_t *answer_references(struct buffer *b, uint32_t offset, bool with_declaration)
{
	struct places places = {0};
	struct span declared = NO_SPAN;
	json_t *list = json_array();

	find_places(b, offset, &places, &declared);
	for (size_t i = 0; i < places.list.n; i++) {
		if (!with_declaration && is_here(declared) &&
		    places.list.v[i].start == declared.start)
			continue;
		json_array_append_new(list, buffer_location(b, places.list.v[i]));
	}
	vec_release(&places.list);
	return list;
}

static bool is_free_name(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

	return name[0] >= 'a' && name[0] <= 'z' && name[n] == '\0' && !word_is_reserved(name);
}

json_t *answer_rename(struct buffer *b, uint32_t offset, const char *name, const char **why)
{
	struct places places = {0};
	struct span declared = NO_SPAN;
	json_t *edits, *changes;

	*why = "a name begins with a lower-case letter, and is no reserved word";
	if (!is_free_name(name))
		return NULL;
	*why = "there is no name of the file here";
	if (!find_places(b, offset, &places, &declared))
		return NULL;
	*why = "the name is declared in another file";
	if (!is_here(declared)) {
		vec_release(&places.list);
		return NULL;
	}
	edits = json_array();
	for (size_t i = 0; i < places.list.n; i++)
		json_array_append_new(edits, json_pack("{s:o, s:s}", "range",
		                                       buffer_range(b, places.list.v[i].start,
		                                                    places.list.v[i].end),
		                                       "newText", name));
	vec_release(&places.list);
	changes = json_object();
	json_object_set_new(changes, b->uri, edits);
	return json_pack("{s:o}", "changes", changes);
}

/* ---- symbols ---- */

/* LSP's kinds of symbols: variable 13, constant 14, function 12, module 2, object 19. */
static int symbol_kind(enum stmt_kind kind)
{
	switch (kind) {
	case STMT_PARAM:
		return 13;
	case STMT_LET:
		return 14;
	case STMT_STEP:
	case STMT_USE:
		return 12;
	case STMT_IMPORT:
	case STMT_WORKFLOW:
		return 2;
	default:
		return 19;
	}
}

static json_t *symbols_of(const struct buffer *b, const struct block *block);

static void add_declaration(const struct buffer *b, const struct stmt *s, json_t *list)
{
	const struct name *name = NULL;
	const struct block *body = NULL;
	json_t *object;

	switch (s->kind) {
	case STMT_PARAM:
		name = &s->param.name;
		break;
	case STMT_LET:
		name = &s->let.name;
		break;
	case STMT_RECRUITER:
		name = &s->recruiter.name;
		break;
	case STMT_STEP:
		name = &s->step.name;
		break;
	case STMT_USE:
		name = &s->use.name;
		break;
	case STMT_IMPORT:
		name = &s->import.as;
		break;
	case STMT_PROFILE:
		name = &s->profile.name;
		break;
	case STMT_FOREACH:
		body = s->foreach.body;
		break;
	case STMT_WORKFLOW:
	case STMT_THEN:
	case STMT_TEST:
		break;
	default:
		return;
	}
	object = json_pack("{s:i, s:o, s:o}", "kind", symbol_kind(s->kind), "range",
	                   buffer_range(b, s->span.start, s->span.end), "selectionRange",
	                   name != NULL ? buffer_range(b, name->span.start, name->span.end)
	                                : buffer_range(b, s->head.start, s->head.end));
	/* What has no name, as a loop, is called by its first line. */
	json_object_set_new(object, "name",
	                    name != NULL ? json_text(name->text)
	                                 : json_stringn(b->text.p + s->head.start,
	                                                s->head.end - s->head.start));
	if (body != NULL)
		json_object_set_new(object, "children", symbols_of(b, body));
	json_array_append_new(list, object);
}

/* What stands in an `if` is listed beside it. */
static void add_branches(const struct buffer *b, const struct stmt *s, json_t *list)
{
	const struct block *branches[] = {s->branch.then, s->branch.otherwise};

	for (size_t i = 0; i < 2; i++) {
		json_t *inner = branches[i] != NULL ? symbols_of(b, branches[i]) : json_array();

		json_array_extend(list, inner);
		json_decref(inner);
	}
}

static json_t *symbols_of(const struct buffer *b, const struct block *block)
{
	json_t *list = json_array();

	for (size_t i = 0; i < block->n; i++) {
		add_declaration(b, block->items[i], list);
		if (block->items[i]->kind == STMT_IF)
			add_branches(b, block->items[i], list);
	}
	return list;
}

json_t *answer_symbols(struct buffer *b)
{
	return symbols_of(b, &compile_ast(b->compiled)->body);
}

/* ---- hints ---- */

struct hints {
	const struct buffer *b;
	uint32_t start, end;
	json_t *list;
};

static void add_hint(void *context, const struct lookup_symbol *s)
{
	struct hints *h = context;
	char label[32];

	if (s->tasks == 0 || !is_here(s->declared) || s->declared.end < h->start ||
	    s->declared.end > h->end)
		return;
	snprintf(label, sizeof(label), "%u task%s", s->tasks, s->tasks == 1 ? "" : "s");
	json_array_append_new(h->list, json_pack("{s:o, s:s, s:b}", "position",
	                                         buffer_position(h->b, s->declared.end), "label",
	                                         label, "paddingLeft", 1));
}

json_t *answer_hints(struct buffer *b, uint32_t start, uint32_t end)
{
	struct hints hints = {b, start, end, json_array()};
	struct arena arena;

	arena_init(&arena);
	/* At the end of the file each step is known. */
	lookup_visible(b->compiled, (uint32_t)b->text.len, &arena, add_hint, &hints);
	arena_release(&arena);
	return hints.list;
}

/* ---- layout ---- */

json_t *answer_formatting(struct buffer *b)
{
	struct arena arena;
	struct sources sources;
	struct diag_sink sink;
	struct str out = STR_INIT;
	json_t *edits = json_null();

	arena_init(&arena);
	sources_init(&sources, &arena);
	diag_sink_init(&sink, &arena);
	if (dsl_format(&arena, &sources, sources_add(&sources, b->path, b->text.p, b->text.len),
	               &sink, &out) == FORMAT_OK) {
		edits = json_array();
		if (out.len != b->text.len || memcmp(out.p, b->text.p, out.len) != 0)
			json_array_append_new(edits,
			                      json_pack("{s:o, s:o}", "range",
			                                buffer_range(b, 0, (uint32_t)b->text.len),
			                                "newText", json_text(out.p)));
	}
	str_release(&out);
	diag_sink_release(&sink);
	sources_release(&sources);
	arena_release(&arena);
	return edits;
}
