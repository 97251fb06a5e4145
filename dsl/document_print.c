/*
 * A document as plain text, as a manual page (man(7), groff) and as Markdown: one
 * writer per form behind a table of what they have to print.
 */
#include "dsl/document.h"

#include <string.h>

/* What is printed of a document, in this order; in each form by its own rules. */
struct writer {
	void (*title)(struct str *out, const struct document *d);
	void (*about)(struct str *out, const char *text);
	void (*section)(struct str *out, const char *title); /* in lower-case letters */
	void (*param)(struct str *out, const struct document_param *p);
	void (*step)(struct str *out, const struct document_step *s);
	void (*fact)(struct str *out, const char *what, const char *value);
	void (*text)(struct str *out, const char *text); /* of run; NULL: not shown */
};

/* Lines of a text, those that are not empty behind `indent`. */
static void add_lines(struct str *out, const char *text, const char *indent)
{
	while (*text != '\0') {
		size_t n = strcspn(text, "\n");

		if (n > 0)
			str_adds(out, indent);
		str_add(out, text, n);
		str_addc(out, '\n');
		text += n + (text[n] == '\n');
	}
}

/* "default 60", "required", "may be none": what is known of a param's value. */
static void add_value(struct str *out, const struct document_param *p, const char *open,
                      const char *close)
{
	if (p->limits != NULL)
		str_addf(out, "%s%s%s, ", open, p->limits, close);
	if (p->value != NULL)
		str_addf(out, "default %s%s%s", open, p->value, close);
	else
		str_adds(out, p->optional ? "none unless given" : "required");
}

/* ---- text ---- */

static void text_title(struct str *out, const struct document *d)
{
	str_addf(out, "%s\n", d->name != NULL ? d->name : d->file);
}

static void text_about(struct str *out, const char *text)
{
	str_addc(out, '\n');
	add_lines(out, text, "  ");
}

static void text_section(struct str *out, const char *title)
{
	str_addf(out, "\n%s:\n", title);
}

static void text_param(struct str *out, const struct document_param *p)
{
	str_addf(out, "  --param %s=%s\n        ", p->name, p->form);
	if (p->help != NULL)
		str_addf(out, "%s; ", p->help);
	add_value(out, p, "", "");
	str_addc(out, '\n');
}

static void text_step(struct str *out, const struct document_step *s)
{
	str_addf(out, "  %s%s%s\n", s->name, s->loops ? ", " : "", s->loops ? s->loops : "");
	if (s->about != NULL)
		add_lines(out, s->about, "        ");
}

static void text_fact(struct str *out, const char *what, const char *value)
{
	str_addf(out, "      %-10s %s\n", what, value);
}

/* ---- man ---- */

/* One line of text as groff prints it: no requests, no escapes, ASCII minus signs. */
static void add_roff(struct str *out, const char *text)
{
	if (*text == '.' || *text == '\'')
		str_adds(out, "\\&");
	for (; *text != '\0'; text++) {
		if (*text == '\\')
			str_adds(out, "\\e");
		else if (*text == '-')
			str_adds(out, "\\-");
		else if (*text == '\n' && (text[1] == '.' || text[1] == '\''))
			str_adds(out, "\n\\&");
		else
			str_addc(out, *text);
	}
}

static void man_title(struct str *out, const struct document *d)
{
	const char *name = d->name != NULL ? d->name : d->file;

	str_adds(out, ".TH \"");
	add_roff(out, name);
	str_adds(out, "\" 7 \"\" scitq\n.SH NAME\n");
	add_roff(out, name);
	str_adds(out, " \\- a scitq workflow\n.SH SYNOPSIS\nscitq\\-run [OPTION]... ");
	add_roff(out, d->file);
	str_adds(out, " [\\-\\-param NAME=VALUE]...\n");
}

/* Paragraphs; lines that are indented stay as they are. */
static void man_about(struct str *out, const char *text)
{
	bool kept = false;

	str_adds(out, ".SH DESCRIPTION\n");
	while (*text != '\0') {
		size_t n = strcspn(text, "\n");
		struct str line = STR_INIT;
		bool keep = *text == ' ' || *text == '\t';

		str_add(&line, text, n);
		if (keep != kept)
			str_adds(out, keep ? ".nf\n" : ".fi\n");
		kept = keep;
		if (n == 0)
			str_adds(out, ".PP");
		else
			add_roff(out, line.p);
		str_addc(out, '\n');
		text += n + (text[n] == '\n');
		str_release(&line);
	}
	if (kept)
		str_adds(out, ".fi\n");
}

static void man_section(struct str *out, const char *title)
{
	str_adds(out, ".SH ");
	for (; *title != '\0'; title++)
		str_addc(out, (char)(*title - 'a' + 'A'));
	str_addc(out, '\n');
}

static void man_param(struct str *out, const struct document_param *p)
{
	struct str value = STR_INIT;

	str_adds(out, ".TP\n\\-\\-param ");
	add_roff(out, p->name);
	str_addc(out, '=');
	add_roff(out, p->form);
	str_addc(out, '\n');
	if (p->help != NULL) {
		add_roff(out, p->help);
		str_adds(out, ";\n");
	}
	add_value(&value, p, "", "");
	add_roff(out, value.p);
	str_addc(out, '\n');
	str_release(&value);
}

static void man_step(struct str *out, const struct document_step *s)
{
	str_adds(out, ".SS ");
	add_roff(out, s->name);
	str_addc(out, '\n');
	if (s->loops != NULL) {
		str_adds(out, "Runs ");
		add_roff(out, s->loops);
		str_adds(out, ".\n");
	}
	if (s->about != NULL) {
		add_roff(out, s->about);
		str_addc(out, '\n');
	}
}

static void man_fact(struct str *out, const char *what, const char *value)
{
	str_addf(out, ".TP\n%s\n", what);
	add_roff(out, value);
	str_addc(out, '\n');
}

/* ---- Markdown ---- */

static void markdown_title(struct str *out, const struct document *d)
{
	str_addf(out, "# %s\n", d->name != NULL ? d->name : d->file);
}

static void markdown_about(struct str *out, const char *text)
{
	str_addf(out, "\n%s\n", text);
}

static void markdown_section(struct str *out, const char *title)
{
	str_addf(out, "\n## %c%s\n\n", title[0] - 'a' + 'A', title + 1);
}

static void markdown_param(struct str *out, const struct document_param *p)
{
	str_addf(out, "- `%s=%s`", p->name, p->form);
	if (p->help != NULL)
		str_addf(out, ": %s", p->help);
	str_adds(out, " (");
	add_value(out, p, "`", "`");
	str_adds(out, ")\n");
}

static void markdown_step(struct str *out, const struct document_step *s)
{
	str_addf(out, "### %s\n\n", s->name);
	if (s->loops != NULL)
		str_addf(out, "Runs `%s`.\n\n", s->loops);
	if (s->about != NULL)
		str_addf(out, "%s\n\n", s->about);
}

static void markdown_fact(struct str *out, const char *what, const char *value)
{
	str_addf(out, "- %s: `%s`\n", what, value);
}

/* Between fences longer than any in the text. */
static void markdown_text(struct str *out, const char *text)
{
	size_t longest = 2, run = 0;

	for (const char *p = text; *p != '\0'; p++) {
		run = *p == '`' ? run + 1 : 0;
		longest = run > longest ? run : longest;
	}
	str_addc(out, '\n');
	for (size_t i = 0; i <= longest; i++)
		str_addc(out, '`');
	str_addf(out, "\n%s", text);
	for (size_t i = 0; i <= longest; i++)
		str_addc(out, '`');
	str_adds(out, "\n\n");
}

/* ---- all of them ---- */

static const struct {
	const char *word;
	struct writer writer;
} forms[DOCUMENT_FORMS] = {
        [DOCUMENT_TEXT] = {"text",
                           {text_title, text_about, text_section, text_param, text_step, text_fact,
                            NULL}},
        [DOCUMENT_MAN] = {"man",
                          {man_title, man_about, man_section, man_param, man_step, man_fact, NULL}},
        [DOCUMENT_MARKDOWN] = {"markdown",
                               {markdown_title, markdown_about, markdown_section, markdown_param,
                                markdown_step, markdown_fact, markdown_text}},
};

int document_form_find(const char *word)
{
	for (int i = 0; i < DOCUMENT_FORMS; i++) {
		if (strcmp(forms[i].word, word) == 0)
			return i;
	}
	return -1;
}

static void print_params(const struct document *d, const struct writer *w, struct str *out)
{
	if (d->nparams > 0)
		w->section(out, "params");
	for (size_t i = 0; i < d->nparams; i++)
		w->param(out, &d->params[i]);
}

static void print_facts(const struct document_step *s, const struct writer *w, struct str *out)
{
	if (s->of != NULL)
		w->fact(out, "uses", s->of);
	if (s->container != NULL)
		w->fact(out, "container", s->container);
	if (s->input != NULL)
		w->fact(out, "input", s->input);
	if (s->resource != NULL)
		w->fact(out, "resource", s->resource);
	for (size_t i = 0; i < s->nyields; i++) {
		struct str yield = STR_INIT;

		str_addf(&yield, "%s = %s", s->yields[i].name, s->yields[i].file);
		w->fact(out, "yields", yield.p);
		str_release(&yield);
	}
	if (s->text != NULL && w->text != NULL)
		w->text(out, s->text);
}

void document_print(const struct document *d, enum document_form form, struct str *out)
{
	const struct writer *w = &forms[form].writer;

	w->title(out, d);
	if (d->about != NULL)
		w->about(out, d->about);
	print_params(d, w, out);
	if (d->nsteps > 0)
		w->section(out, "steps");
	for (size_t i = 0; i < d->nsteps; i++) {
		w->step(out, &d->steps[i]);
		print_facts(&d->steps[i], w, out);
	}
}

void document_print_help(const struct document *d, struct str *out)
{
	const struct writer *w = &forms[DOCUMENT_TEXT].writer;

	str_addf(out, "usage: scitq-run [OPTION]... %s%s\n", d->file,
	         d->nparams > 0 ? " [--param NAME=VALUE]..." : "");
	if (d->about != NULL)
		w->about(out, d->about);
	print_params(d, w, out);
	str_adds(out, "\nThe options are those of scitq-run --help.\n");
}
