/*
 * Recruiters: conditions that exclude each other, limits that let nobody in, and
 * what a step asks of workers that it can never get.
 */
#include "compiler/check.h"
#include "compiler/reach.h"
#include "compiler/recruit.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* ---- flavor { cpu >= 32 } ---- */

static bool is_text_key(const struct attr *attr)
{
	return attr->type == ATTR_STRING;
}

static void check_constraint(struct checker *k, struct constraint *con)
{
	const struct stmt *s = con->stmt;
	enum op op = s->constraint.op;
	bool text = is_text_key(con->attr);
	const struct vtype *want = text                           ? vtype_of_kind(VTYPE_STRING)
	                           : con->attr->type == ATTR_SIZE ? vtype_of_kind(VTYPE_SIZE)
	                                                          : vtype_of_kind(VTYPE_FLOAT);
	struct value v = check_constant(k, s->constraint.value, want);
	struct diag *d;

	con->node = v.kind == VALUE_BAD ? node_bad(k, s->span)
	                                : node_const(k, v, s->constraint.value->span, want);
	if (text ? op != OP_EQ && op != OP_NE && op < OP_HAS : op >= OP_HAS) {
		d = report(k->c, E0302, s->constraint.op_span, "`%s` does not take `%s`",
		           con->attr->key, op_text(op));
		label(k->c, d, "not for %s", text ? "texts" : "numbers");
		help(k->c, d, text ? "use == != like unlike has lacks" : "use == != < <= > >=");
	} else if (text && v.kind != VALUE_BAD && v.text[strcspn(v.text, ":")] != '\0') {
		d = report(k->c, E0323, s->constraint.value->span,
		           "a condition of a flavor cannot hold `:`");
		label(k->c, d, "holds `:`");
	}
}

/* Do two conditions on one key leave nothing? */
static bool exclude(const struct constraint *a, const struct constraint *b)
{
	enum op p = a->stmt->constraint.op, q = b->stmt->constraint.op;
	const struct value *x = &a->node->value, *y = &b->node->value;
	double m, n;

	if (is_text_key(a->attr)) {
		bool same = value_equal(x, y);

		if (p == OP_EQ && q == OP_EQ)
			return !same;
		return same && ((p == OP_EQ && q == OP_NE) || (p == OP_HAS && q == OP_LACKS) ||
		                (p == OP_LIKE && q == OP_UNLIKE));
	}
	m = x->kind == VALUE_SIZE ? (double)x->integer : value_real(x);
	n = y->kind == VALUE_SIZE ? (double)y->integer : value_real(y);
	if (p == OP_EQ)
		return q == OP_EQ   ? m != n
		       : q == OP_NE ? m == n
		       : q == OP_LT ? m >= n
		       : q == OP_LE ? m > n
		       : q == OP_GT ? m <= n
		                    : m < n;
	if ((p == OP_GT || p == OP_GE) && (q == OP_LT || q == OP_LE))
		return p == OP_GE && q == OP_LE ? m > n : m >= n;
	return false;
}

static void check_exclusion(struct compilation *c, const struct setting *set)
{
	for (size_t i = 0; i < set->nconstraints; i++) {
		for (size_t j = 0; j < set->nconstraints; j++) {
			const struct constraint *a = &set->constraints[i],
			                        *b = &set->constraints[j];
			const struct constraint *first = i < j ? a : b, *second = i < j ? b : a;
			struct diag *d;

			if (i == j || a->attr != b->attr || !exclude(a, b))
				continue;
			d = report(c, E0601, second->stmt->span,
			           "no flavor can meet both conditions on `%s`", a->attr->key);
			label(c, d, "excludes the other");
			relate(c, d, first->stmt->span, "the other");
			return;
		}
	}
}

void check_flavor(struct checker *k, struct setting *set)
{
	bool bad = false;

	if (set->expr != NULL) {
		set->node = check_expr(k, set->expr, vtype_of_kind(VTYPE_STRING));
		return;
	}
	for (size_t i = 0; i < set->nconstraints; i++) {
		check_constraint(k, &set->constraints[i]);
		bad |= set->constraints[i].node->kind == NODE_BAD;
	}
	if (!bad)
		check_exclusion(k->c, set);
}

/* ---- recruiters = [a, b { ... }] ---- */

void check_hires(struct checker *k, struct setting *set)
{
	for (size_t i = 0; i < set->nhires; i++) {
		struct hire *h = &set->hires[i];
		struct binding *b = h->name ? binding_of(k->c, h->name) : NULL;
		struct diag *d;

		if (h->name == NULL)
			continue;
		if (b != NULL && b->reported)
			continue;
		if (b == NULL || b->symbol == NULL) {
			struct str name = STR_INIT;

			expr_dump(h->name, &name);
			d = report(k->c, E0201, h->name->span, "there is no recruiter `%s`",
			           name.p);
			str_release(&name);
			label(k->c, d, "unknown name");
			if (b != NULL && b->elsewhere != NULL)
				relate(k->c, d, b->elsewhere->span, "not in scope up there");
			else if (b != NULL && b->nearest != NULL) {
				help(k->c, d, "write `%s`", b->nearest);
				fix(k->c, d, h->name->span, "%s", b->nearest);
			}
			continue;
		}
		if (b->symbol->recruiter == NULL) {
			d = report(k->c, E0301, h->name->span, "a recruiter is wanted here");
			label(k->c, d, "is a %s", symbol_kind_text(b->symbol->kind));
			relate(k->c, d, b->symbol->span, "declared here");
			continue;
		}
		if (h->over != NULL)
			check_settings(k, h->over);
	}
}

void check_recruiter_block(struct checker *k, struct recruiter_block *b)
{
	check_settings(k, &b->settings);
}

/* ---- what cannot work ---- */

static bool is_local(const char *provider)
{
	return provider != NULL && strcmp(provider, "local") == 0;
}

static void check_cap(struct compilation *c, const struct step *step, const struct hire *h)
{
	const struct setting *set = hire_setting(h, KEY_maximum_workers);
	const struct setting *whole = step_setting(c, step, KEY_maximum_workers);
	int64_t cap = hire_int(h, KEY_maximum_workers);
	int64_t limit = step_int(c, step, KEY_maximum_workers);
	struct diag *d;

	if (cap == 0) {
		d = report(c, E0602, set->span, "a recruiter that may hire no worker");
		label(c, d, "hires nobody for `%s`", step->symbol->name);
		help(c, d, "raise `maximum_workers`, or leave the recruiter out");
	} else if (cap != INT_NULL && limit != INT_NULL && cap > limit) {
		d = report(c, W0601, set->span,
		           "more workers than the workflow may have: %" PRId64 " of %" PRId64, cap,
		           limit);
		label(c, d, "never reached");
		relate(c, d, whole->span, "for all steps together");
	}
}

static void check_concurrency(struct compilation *c, const struct step *step, const struct hire *h)
{
	const struct setting *set = hire_setting(h, KEY_concurrency);
	int64_t concurrency = hire_int(h, KEY_concurrency);
	const struct constraint *con = NULL;
	double most = hire_most(h, "cpu", &con);
	struct diag *d;

	if (concurrency == INT_NULL) {
		set = step_setting(c, step, KEY_concurrency);
		concurrency = step_int(c, step, KEY_concurrency);
	}
	if (concurrency == INT_NULL || (double)concurrency <= most)
		return;
	d = report(c, W0604, set->span, "%" PRId64 " tasks at a time on at most %g cpus",
	           concurrency, most);
	label(c, d, "more tasks than cpus");
	relate(c, d, con->stmt->span, "the flavor's cpus");
}

static void check_place(struct compilation *c, const struct hire *h)
{
	const struct setting *provider = hire_setting(h, KEY_provider);
	const struct setting *region = hire_setting(h, KEY_region);
	bool local = is_local(hire_text(h, KEY_provider));
	struct diag *d;

	if ((provider == NULL) != (region == NULL) && !local) {
		const struct setting *set = provider ? provider : region;

		d = report(c, W0605, set->span, "`%s` without `%s` hires nobody",
		           setting_key_text(set->key), provider ? "region" : "provider");
		label(c, d, "workers that are there are taken, none is made");
		help(c, d, "add `%s`%s", provider ? "region = auto" : "provider",
		     provider ? "" : ", or remove `region`");
	}
}

/* h NULL: a step without recruiters. Of those with the same one the first is told of. */
static void check_storage(struct compilation *c, const struct step *step, const struct hire *h)
{
	const struct setting *provider = h ? hire_setting(h, KEY_provider) : NULL;
	const struct setting *storage = c->program.defaults.first[KEY_storage];
	const char *who = reach_provider(c, h);
	const char *path = who ? reach_hidden(c, c->storage, &c->arena) : NULL;
	struct span span = provider                      ? provider->span
	                   : storage != NULL             ? storage->span
	                   : c->program.workflow != NULL ? c->program.workflow->head
	                                                 : step->stmt->head;
	struct diag *d;

	if (path == NULL || step->settings.first[KEY_output] != NULL)
		return;
	d = report(c, E0605, span, "workers of `%s` cannot reach the storage of the results", who);
	if (provider != NULL) {
		label(c, d, "hired for `%s`", step->symbol->name);
		if (storage != NULL)
			relate(c, d, storage->span, "a folder of this machine");
	} else {
		label(c, d, "%s is a folder of this machine", path);
	}
	help(c, d,
	     "set `storage` in `workflow` to an address that they reach, like "
	     "\"s3://bucket/results\"; where they see the directory too, say so: --shared DIR");
}

void check_recruiters(struct compilation *c)
{
	for (size_t i = 0; i < c->program.steps.n; i++) {
		const struct step *step = c->program.steps.v[i];
		size_t n;
		const struct hire *h = step_hires(c, step, &n);

		for (size_t k = 0; k < n; k++) {
			check_cap(c, step, &h[k]);
			check_concurrency(c, step, &h[k]);
			check_place(c, &h[k]);
			check_storage(c, step, &h[k]);
		}
		if (n == 0)
			check_storage(c, step, NULL);
	}
}
