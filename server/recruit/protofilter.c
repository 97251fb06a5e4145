#include "server/recruit/protofilter.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define AUTO "auto"

const struct machine machine_unknown = {.cpu = NAN,
                                        .ram = NAN,
                                        .disk = NAN,
                                        .gpumem = NAN,
                                        .gpus = NAN,
                                        .cost = NAN,
                                        .eviction = NAN,
                                        .available = NAN,
                                        .walltime = NAN};

const struct machine_column machine_columns[MACHINE_COLUMNS] = {
        {"name", MACHINE_TEXT, offsetof(struct machine, name)},
        {"provider", MACHINE_TEXT, offsetof(struct machine, provider)},
        {"cpu", MACHINE_INTEGER, offsetof(struct machine, cpu)},
        {"ram", MACHINE_REAL, offsetof(struct machine, ram)},
        {"disk", MACHINE_REAL, offsetof(struct machine, disk)},
        {"tags", MACHINE_TEXT, offsetof(struct machine, tags)},
        {"gpu", MACHINE_TEXT, offsetof(struct machine, gpu)},
        {"gpumem", MACHINE_REAL, offsetof(struct machine, gpumem)},
        {"region", MACHINE_TEXT, offsetof(struct machine, region)},
        {"available", MACHINE_INTEGER, offsetof(struct machine, available)},
        {"cost", MACHINE_REAL, offsetof(struct machine, cost)},
        {"eviction", MACHINE_INTEGER, offsetof(struct machine, eviction)},
        {"gpus", MACHINE_INTEGER, offsetof(struct machine, gpus)},
};

enum operator{ OP_EQ, OP_NE, OP_GE, OP_LE, OP_GT, OP_LT, OP_LIKE, OP_UNLIKE, OP_HAS, OP_LACKS };

/* Longer ones before those that they begin with. */
static const struct {
	const char *text;
	enum operator op;
	bool of_numbers, of_texts;
} operators[] = {
        {">=", OP_GE, true, false}, {"<=", OP_LE, true, false},     {"==", OP_EQ, true, true},
        {"!=", OP_NE, true, true},  {"!~", OP_UNLIKE, false, true}, {"!#", OP_LACKS, false, true},
        {">", OP_GT, true, false},  {"<", OP_LT, true, false},      {"~", OP_LIKE, false, true},
        {"#", OP_HAS, false, true}, {"=", OP_EQ, true, true},
};
#define OPERATORS (sizeof(operators) / sizeof(operators[0]))

struct condition {
	const struct machine_column *column;
	enum operator op;
	const char *text; /* of a text */
	double number;    /* of a number */
};

/* % stands for any text, as in SQL; case does not matter. */
static bool is_like(const char *text, const char *pattern)
{
	const char *star = NULL, *again = NULL;

	while (*text != '\0') {
		if (*pattern == '%') {
			star = ++pattern;
			again = text;
		} else if (strncasecmp(text, pattern, 1) == 0) {
			text++;
			pattern++;
		} else if (star != NULL) {
			pattern = star;
			text = ++again;
		} else {
			return false;
		}
	}
	return pattern[strspn(pattern, "%")] == '\0';
}

static bool number_holds(enum operator op, double a, double b)
{
	switch (op) {
	case OP_EQ:
		return a >= b && a <= b;
	case OP_NE:
		return !(a >= b && a <= b);
	case OP_GE:
		return a >= b;
	case OP_LE:
		return a <= b;
	case OP_GT:
		return a > b;
	default:
		return a < b;
	}
}

static bool text_holds(enum operator op, const char *a, const char *b)
{
	switch (op) {
	case OP_EQ:
		return strcmp(a, b) == 0;
	case OP_NE:
		return strcmp(a, b) != 0;
	case OP_LIKE:
		return is_like(a, b);
	case OP_UNLIKE:
		return !is_like(a, b);
	case OP_HAS:
		return strstr(a, b) != NULL;
	default:
		return strstr(a, b) == NULL;
	}
}

static bool condition_holds(const struct condition *c, const struct machine *machine)
{
	const void *value = (const char *)machine + c->column->offset;
	const char *text;

	if (c->column->kind != MACHINE_TEXT)
		return number_holds(c->op, *(const double *)value, c->number);
	text = *(const char *const *)value;
	return text_holds(c->op, text ? text : "", c->text);
}

bool protofilter_holds(const struct protofilter *filter, const struct machine *machine)
{
	for (size_t i = 0; i < filter->n; i++) {
		if (!condition_holds(&filter->conditions[i], machine))
			return false;
	}
	return true;
}

void protofilter_least(const struct protofilter *filter, struct machine *machine,
                       struct arena *arena)
{
	for (size_t i = 0; i < filter->n; i++) {
		const struct condition *c = &filter->conditions[i];
		void *value = (char *)machine + c->column->offset;
		double *number = value;
		const char **text = value;
		double least = c->op == OP_GT ? c->number + 1 : c->number;

		if (c->column->kind != MACHINE_TEXT) {
			if ((c->op == OP_EQ || c->op == OP_GE || c->op == OP_GT) &&
			    !(*number >= least))
				*number = least;
		} else if (c->op == OP_EQ) {
			*text = c->text;
		} else if (c->op == OP_HAS) {
			*text = arena_printf(arena, "%s%s", *text ? *text : "", c->text);
		}
	}
}

/* Where an error is told: the whole text, and the place in it. */
struct place {
	const char *field, *text;
	struct problem *problem;
};

static bool wrong(const struct place *at, const char *where, const char *what, const char *item,
                  size_t len)
{
	return problem_set(at->problem, PROBLEM_BAD_VALUE,
	                   "%s is \"%.120s\": at character %zu %s, not \"%.*s\"", at->field,
	                   at->text, (size_t)(where - at->text) + 1, what,
	                   (int)(len < 60 ? len : 60), item);
}

static const struct machine_column *column_named(const char *name, size_t len)
{
	for (size_t i = 0; i < MACHINE_COLUMNS; i++) {
		if (strlen(machine_columns[i].name) == len &&
		    strncmp(machine_columns[i].name, name, len) == 0)
			return &machine_columns[i];
	}
	return NULL;
}

static bool read_value(struct condition *c, const struct place *at, const char *where, size_t len,
                       struct arena *arena)
{
	char *end;

	c->text = arena_strndup(arena, where, len);
	if (c->column->kind == MACHINE_TEXT)
		return true;
	c->number = strtod(c->text, &end);
	return (end != c->text && *end == '\0' && !isnan(c->number)) ||
	       wrong(at, where, "a number is wanted", c->text, len);
}

static bool read_condition(struct condition *c, const struct place *at, const char *item,
                           size_t len, struct arena *arena)
{
	size_t name = strcspn(item, "<>=!~#");

	name = name < len ? name : len;
	c->column = column_named(item, name);
	if (c->column == NULL)
		return wrong(at, item, "a column of flavors such as cpu is wanted", item, name);
	for (size_t i = 0; i < OPERATORS; i++) {
		size_t n = strlen(operators[i].text);
		const char *value = item + name + n;
		bool is_text = c->column->kind == MACHINE_TEXT;

		if (name + n > len || strncmp(item + name, operators[i].text, n) != 0)
			continue;
		if (is_text ? !operators[i].of_texts : !operators[i].of_numbers)
			return wrong(at, item + name,
			             is_text ? "one of = != ~ !~ # !# is wanted"
			                     : "one of = != >= <= > < is wanted",
			             item + name, n);
		c->op = operators[i].op;
		return read_value(c, at, value, len - name - n, arena);
	}
	return wrong(at, item + name, "a comparison such as >= is wanted", item + name, len - name);
}

bool protofilter_parse(struct protofilter *filter, const char *field, const char *text, size_t from,
                       struct arena *arena, struct problem *problem)
{
	const struct place at = {field, text, problem};
	const char *item = text + from;
	struct condition *conditions;
	size_t most = 1;

	for (const char *p = item; *p != '\0'; p++)
		most += *p == ':';
	conditions = arena_array(arena, struct condition, most);
	*filter = (struct protofilter){.conditions = conditions};
	while (*item != '\0') {
		size_t len = strcspn(item, ":");
		struct condition *c = &conditions[filter->n];

		/* Two colons in a row are one, as v1 has it. */
		if (len > 0) {
			if (!read_condition(c, &at, item, len, arena))
				return false;
			filter->metal |= strcasestr(c->text, "metal") != NULL;
			filter->eviction |= strcmp(c->column->name, "eviction") == 0;
			filter->n++;
		}
		item += len + (item[len] == ':');
	}
	return true;
}

bool wanted_parse(struct wanted *wanted, const char *field, const char *text, struct arena *arena,
                  struct problem *problem)
{
	const size_t n = strlen(AUTO);

	*wanted = (struct wanted){.name = NULL};
	if (strncmp(text, AUTO, n) == 0 && (text[n] == ':' || text[n] == '\0'))
		return protofilter_parse(&wanted->filter, field, text, n, arena, problem);
	if (text[0] == '\0')
		return problem_set(problem, PROBLEM_BAD_VALUE,
		                   "%s is empty: a flavor, auto, or auto: with conditions is "
		                   "wanted",
		                   field);
	wanted->name = arena_strdup(arena, text);
	return true;
}

bool wanted_holds(const struct wanted *wanted, const struct machine *machine)
{
	if (wanted->name != NULL)
		return machine->name != NULL && strcmp(machine->name, wanted->name) == 0;
	return protofilter_holds(&wanted->filter, machine);
}

bool is_auto(const char *text)
{
	return text == NULL || strcmp(text, AUTO) == 0;
}
