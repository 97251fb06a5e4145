/*
 * The steps of a file as a graph: dot for graphviz, mermaid for web pages, svg for
 * those who have neither. Steps, not tasks; an edge is data or order, a thick one a
 * gather.
 */
#include "base/alloc.h"
#include "compiler/compilation.h"
#include "compiler/node.h"

#include <stdlib.h>
#include <string.h>

enum flow flow_of(const struct node *n, const struct step *from, enum flow plain)
{
	enum flow most = FLOW_NONE, f;

	switch (n->kind) {
	case NODE_LIST:
		for (size_t i = 0; i < n->list.n; i++) {
			f = flow_of(n->list.items[i], from, plain);
			most = f > most ? f : most;
		}
		return most;
	case NODE_EACH:
		return flow_of(n->each.body, from, plain);
	case NODE_IF:
		most = flow_of(n->choice.yes, from, plain);
		f = flow_of(n->choice.no, from, plain);
		return f > most ? f : most;
	case NODE_ACTION:
		return flow_of(n->action.of, from, plain);
	case NODE_GATHER:
		f = flow_of(n->gather.output, from, plain);
		return f == FLOW_DATA ? FLOW_GATHER : f;
	case NODE_PREVIOUS:
		return flow_of(n->previous.output, from, plain);
	case NODE_OUTPUT:
		return n->output.step == from ? plain : FLOW_NONE;
	default:
		return FLOW_NONE;
	}
}

enum flow flow_between(const struct step *from, const struct step *to)
{
	static const enum setting_key keys[] = {KEY_input, KEY_resource, KEY_after};
	enum flow most = FLOW_NONE;

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		const struct setting *s = to->settings.first[keys[i]];

		for (; s != NULL; s = s->next) {
			enum flow f =
			        s->node ? flow_of(s->node, from,
			                          keys[i] == KEY_after ? FLOW_ORDER : FLOW_DATA)
			                : FLOW_NONE;

			most = f > most ? f : most;
		}
	}
	return most;
}

/* "fastp", and below it the number of its tasks where that is known. */
static void add_label(const struct compilation *c, const struct step *step, const char *line_break,
                      struct str *out)
{
	str_adds(out, step->symbol->name);
	if (c->done >= COMPILE_EXPAND)
		str_addf(out, "%s%u task%s", line_break, step->level->n,
		         step->level->n == 1 ? "" : "s");
}

void compile_graph_dot(const struct compilation *c, struct str *out)
{
	static const char *const styles[] = {[FLOW_ORDER] = " [style=dashed]",
	                                     [FLOW_DATA] = "",
	                                     [FLOW_GATHER] = " [penwidth=2.5]"};

	if (c->done < COMPILE_CHECK)
		return;
	str_addf(out, "digraph \"%s\" {\n\trankdir=LR;\n\tnode [shape=box, style=rounded];\n",
	         c->workflow);
	for (size_t i = 0; i < c->program.steps.n; i++) {
		str_addf(out, "\t\"%s\" [label=\"", c->program.steps.v[i]->symbol->name);
		add_label(c, c->program.steps.v[i], "\\n", out);
		str_adds(out, "\"];\n");
	}
	for (size_t i = 0; i < c->program.steps.n; i++) {
		for (size_t k = 0; k <= i; k++) {
			const struct step *from = c->program.steps.v[k],
			                  *to = c->program.steps.v[i];
			enum flow f = flow_between(from, to);

			if (f != FLOW_NONE)
				str_addf(out, "\t\"%s\" -> \"%s\"%s;\n", from->symbol->name,
				         to->symbol->name, styles[f]);
		}
	}
	str_adds(out, "}\n");
}

void compile_graph_mermaid(const struct compilation *c, struct str *out)
{
	static const char *const arrows[] = {
	        [FLOW_ORDER] = "-.->", [FLOW_DATA] = "-->", [FLOW_GATHER] = "==>"};

	if (c->done < COMPILE_CHECK)
		return;
	str_adds(out, "flowchart LR\n");
	/* Numbers, since `end` and other names mean something to mermaid. */
	for (size_t i = 0; i < c->program.steps.n; i++) {
		str_addf(out, "\ts%zu[\"", i);
		add_label(c, c->program.steps.v[i], "<br>", out);
		str_adds(out, "\"]\n");
	}
	for (size_t i = 0; i < c->program.steps.n; i++) {
		for (size_t k = 0; k <= i; k++) {
			enum flow f = flow_between(c->program.steps.v[k], c->program.steps.v[i]);

			if (f != FLOW_NONE)
				str_addf(out, "\ts%zu %s s%zu\n", k, arrows[f], i);
		}
	}
}

/* ---- svg ---- */

/* In pixels; a character of the font is about this wide. */
#define CHARACTER 8u
#define BOX_HEIGHT 44u
#define ROW_HEIGHT 64u
#define COLUMN_GAP 72u
#define MARGIN 20u

/* A step with its place: columns are the ranks of the plan, rows follow who is taken from. */
struct box {
	const struct step *step;
	double pull; /* mean row of the steps before it */
	unsigned row, x, y, width;
};

struct drawing {
	const struct compilation *c;
	struct box *boxes; /* by number of the step */
	unsigned columns, rows, width, height;
};

static unsigned box_width(const struct compilation *c, const struct step *step)
{
	struct str label = STR_INIT;
	size_t n;

	add_label(c, step, "\n", &label);
	n = strcspn(label.p, "\n");
	n = strlen(label.p) - n > n ? strlen(label.p) - n : n;
	str_release(&label);
	return (unsigned)n * CHARACTER + 2 * CHARACTER;
}

static int by_pull(const void *a, const void *b)
{
	const struct box *x = *(struct box *const *)a, *y = *(struct box *const *)b;

	if (x->pull != y->pull)
		return x->pull < y->pull ? -1 : 1;
	return x->step->number < y->step->number ? -1 : 1;
}

static double pull_of(const struct drawing *d, const struct step *step)
{
	double sum = 0;

	for (size_t i = 0; i < step->before.n; i++)
		sum += d->boxes[step->before.v[i]].row;
	return step->before.n > 0 ? sum / (double)step->before.n : 0;
}

/* One column, whose steps lie behind those of the columns before it. */
static void place_column(struct drawing *d, unsigned rank)
{
	const struct program *p = &d->c->program;
	VEC(struct box *) column = {0};
	unsigned widest = 0;

	for (size_t i = 0; i < p->steps.n; i++) {
		struct box *box = &d->boxes[i];

		if (p->steps.v[i]->rank != rank)
			continue;
		box->step = p->steps.v[i];
		box->pull = pull_of(d, box->step);
		box->width = box_width(d->c, box->step);
		widest = box->width > widest ? box->width : widest;
		vec_push(&column, box);
	}
	if (column.n > 1)
		qsort(column.v, column.n, sizeof(*column.v), by_pull);
	for (size_t i = 0; i < column.n; i++) {
		column.v[i]->row = (unsigned)i;
		column.v[i]->x = d->width;
		column.v[i]->y = MARGIN + (unsigned)i * ROW_HEIGHT;
	}
	d->rows = column.n > d->rows ? (unsigned)column.n : d->rows;
	d->width += widest + COLUMN_GAP;
	vec_release(&column);
}

static void draw_edge(const struct box *from, const struct box *to, enum flow flow, struct str *out)
{
	static const char *const styles[] = {[FLOW_ORDER] = " stroke-dasharray=\"5 4\"",
	                                     [FLOW_DATA] = "",
	                                     [FLOW_GATHER] = " stroke-width=\"2.5\""};
	unsigned x = from->x + from->width, y = from->y + BOX_HEIGHT / 2;
	unsigned end_x = to->x, end_y = to->y + BOX_HEIGHT / 2;
	unsigned lane = to->y + (BOX_HEIGHT + ROW_HEIGHT) / 2, half = COLUMN_GAP / 2;

	if (from == to)
		/* previous(): out of the box and back into it, below. */
		str_addf(out, "<path d=\"M%u %u c30 24 -%u 24 -%u 0\"%s/>\n", x - CHARACTER,
		         from->y + BOX_HEIGHT, from->width + 60 - 2 * CHARACTER,
		         from->width - 2 * CHARACTER, styles[flow]);
	else if (to->step->rank == from->step->rank + 1)
		str_addf(out, "<path d=\"M%u %u C%u %u %u %u %u %u\"%s/>\n", x, y, x + half, y,
		         end_x - half, end_y, end_x, end_y, styles[flow]);
	else
		/* Past other columns between two rows, where no box stands. */
		str_addf(out,
		         "<path d=\"M%u %u C%u %u %u %u %u %u L%u %u C%u %u %u %u %u %u\"%s/>\n", x,
		         y, x + half / 2, y, x + half / 2, lane, x + half, lane, end_x - half, lane,
		         end_x - half / 2, lane, end_x - half / 2, end_y, end_x, end_y,
		         styles[flow]);
}

static void draw_edges(const struct drawing *d, struct str *out)
{
	const struct program *p = &d->c->program;

	for (size_t i = 0; i < p->steps.n; i++) {
		for (size_t k = 0; k <= i; k++) {
			enum flow f = flow_between(p->steps.v[k], p->steps.v[i]);

			if (f != FLOW_NONE)
				draw_edge(&d->boxes[k], &d->boxes[i], f, out);
		}
	}
}

static void draw_box(const struct drawing *d, const struct box *box, struct str *out)
{
	unsigned middle = box->x + box->width / 2;
	struct str label = STR_INIT;
	size_t n;

	/* Names are letters, digits and underscores: nothing to escape. */
	add_label(d->c, box->step, "\n", &label);
	n = strcspn(label.p, "\n");
	str_addf(out, "<rect x=\"%u\" y=\"%u\" width=\"%u\" height=\"%u\" rx=\"6\"/>\n", box->x,
	         box->y, box->width, BOX_HEIGHT);
	str_addf(out, "<text x=\"%u\" y=\"%u\">%.*s</text>\n", middle, box->y + 19, (int)n,
	         label.p);
	str_addf(out, "<text x=\"%u\" y=\"%u\" class=\"n\">%s</text>\n", middle, box->y + 35,
	         label.p + n + 1);
	str_release(&label);
}

void compile_graph_svg(const struct compilation *c, struct str *out)
{
	struct drawing d = {.c = c, .width = MARGIN};

	if (c->done < COMPILE_PLAN)
		return;
	d.boxes = xcalloc(c->program.steps.n + 1, sizeof(*d.boxes));
	for (size_t i = 0; i < c->program.steps.n; i++) {
		if (c->program.steps.v[i]->rank >= d.columns)
			d.columns = c->program.steps.v[i]->rank + 1;
	}
	for (unsigned rank = 0; rank < d.columns; rank++)
		place_column(&d, rank);
	if (d.columns > 0)
		d.width += MARGIN - COLUMN_GAP;
	d.height = 2 * MARGIN + d.rows * ROW_HEIGHT;
	str_addf(out,
	         "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"%u\" "
	         "viewBox=\"0 0 %u %u\">\n<title>%s</title>\n",
	         d.width, d.height, d.width, d.height, c->workflow);
	str_adds(out, "<style>text { font: 13px monospace; text-anchor: middle } .n { font-size: "
	              "11px; fill: "
	              "#666 } rect { fill: #fff; stroke: #333 } path { fill: none; stroke: #333 "
	              "}</style>\n"
	              "<defs><marker id=\"a\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" "
	              "markerWidth=\"8\" "
	              "markerHeight=\"8\" markerUnits=\"userSpaceOnUse\" orient=\"auto\">"
	              "<path d=\"M0 0 L8 4 L0 8 z\" style=\"fill: #333\"/></marker></defs>\n"
	              "<g marker-end=\"url(#a)\">\n");
	draw_edges(&d, out);
	str_adds(out, "</g>\n");
	for (size_t i = 0; i < c->program.steps.n; i++)
		draw_box(&d, &d.boxes[i], out);
	str_adds(out, "</svg>\n");
	free(d.boxes);
}
