/*
 * The steps of a file as a graph: dot for graphviz, mermaid for web pages. Steps,
 * not tasks; an edge is data or order, a thick one a gather.
 */
#include "compiler/compilation.h"
#include "compiler/node.h"

#include <string.h>

/* How a step takes what another one makes. */
enum flow { FLOW_NONE, FLOW_ORDER, FLOW_DATA, FLOW_GATHER };

static enum flow flow_of(const struct node *n, const struct step *from, enum flow plain)
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

static enum flow flow_between(const struct step *from, const struct step *to)
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
