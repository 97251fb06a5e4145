#include "compiler/plan_check.h"

#include "compiler/check.h"
#include "compiler/data.h"
#include "compiler/expand.h"
#include "compiler/paths.h"
#include "compiler/recruit.h"
#include "compiler/shellpath.h"
#include "compiler/task.h"

#include <inttypes.h>
#include <fnmatch.h>
#include <string.h>

/* Tasks of one step whose texts are compared with what comes in; the rest is alike. */
#define TEXT_TASKS 20000u

struct judge {
	struct compilation *c;
	struct arena arena; /* of keys kept in the maps */
	struct map files;   /* "output file" -> task that writes it + 1 */
	struct map names;   /* custom name -> task + 1 */
	const struct step *step;
	uint32_t tuple;
};

static bool is_pattern(const char *text)
{
	return text[strcspn(text, "*?[")] != '\0' || text[0] == '\0' ||
	       text[strlen(text) - 1] == '/';
}

/* ---- names ---- */

static const char *name_of_task(struct judge *j, uint32_t task)
{
	uint32_t tuple;
	struct step *step = plan_step(j->c, task, &tuple);
	struct env *other = &j->c->plan.other;

	task_enter(other, step, tuple);
	return task_name(other, step, tuple);
}

static void check_name(struct judge *j)
{
	struct compilation *c = j->c;
	const char *name = task_name(&c->env, j->step, j->tuple);
	uint32_t task = j->step->first_task + j->tuple;
	const struct setting *set = j->step->settings.first[KEY_name];
	bool is_new;
	uint64_t *at;
	struct diag *d;

	if (name[0] == '\0' || name[strcspn(name, "\n\t")] != '\0') {
		d = report(c, E0323, set->expr->span,
		           "the name of a task is empty or of two lines");
		label(c, d, "not a name");
		return;
	}
	name = arena_strdup(&j->arena, name);
	at = map_put(&j->names, name, strlen(name), &is_new);
	if (!is_new) {
		uint32_t tuple;
		const struct step *first = plan_step(c, (uint32_t)*at - 1, &tuple);

		d = report(c, E0504, set->expr->span, "two tasks are named `%s`", name);
		label(c, d, "the same for %s",
		      level_key_text(j->step->level, j->tuple, ",", c->env.arena));
		if (first != j->step)
			relate(c, d, first->symbol->span, "and for this step");
		help(c, d, "put what differs into the name: the variables of the loops");
		return;
	}
	*at = (uint64_t)task + 1;
}

/* A name that was chosen may be that of a task with a name of the usual form. */
static void check_usual_names(struct judge *j)
{
	struct compilation *c = j->c;

	for (size_t i = 0; i < c->program.steps.n && j->names.n > 0; i++) {
		const struct step *step = c->program.steps.v[i];

		if (step->settings.first[KEY_name] != NULL)
			continue;
		for (uint32_t t = 0; t < step->level->n; t++) {
			const char *name;
			uint64_t *at;
			uint32_t tuple;
			struct diag *d;

			env_forget(&c->env);
			name = task_name(&c->env, step, t);
			at = map_get(&j->names, name, strlen(name));
			if (at == NULL)
				continue;
			d = report(c, E0504,
			           plan_step(c, (uint32_t)*at - 1, &tuple)
			                   ->settings.first[KEY_name]
			                   ->expr->span,
			           "two tasks are named `%s`", name);
			relate(c, d, step->symbol->span, "the other one");
			return;
		}
	}
}

/* ---- outputs ---- */

static void written_twice(struct judge *j, const char *file, uint32_t first, struct span span)
{
	struct compilation *c = j->c;
	uint32_t tuple;
	const struct step *other = plan_step(c, first, &tuple);
	const struct setting *output = j->step->settings.first[KEY_output];
	struct diag *d = report(c, E0501, span, "two tasks write `%s`", file);

	label(c, d, "written by %s and %s", name_of_task(j, first),
	      name_of_task(j, j->step->first_task + j->tuple));
	if (other != j->step)
		relate(c, d, other->symbol->span, "the other step");
	else if (output != NULL)
		relate(c, d, output->span, "one folder for both");
	help(c, d, "leave `output` out, or put the loop's variables into it");
}

static bool note_file(struct judge *j, const char *output, const char *file, struct span span)
{
	uint32_t task = j->step->first_task + j->tuple;
	char *key = arena_printf(&j->arena, "%s\n%s", output, file);
	bool is_new;
	uint64_t *at = map_put(&j->files, key, strlen(key), &is_new);

	if (is_new) {
		*at = (uint64_t)task + 1;
	} else if (*at != (uint64_t)task + 1) {
		written_twice(j, file, (uint32_t)*at - 1, span);
		return false;
	}
	return true;
}

/* Files that this task is known to write: yields that are no patterns, "$OUTPUT/x". */
static bool check_written(struct judge *j)
{
	struct compilation *c = j->c;
	const struct setting *yields = task_own_setting(&c->env, j->step, KEY_yields);
	const struct setting *run = task_own_setting(&c->env, j->step, KEY_run);
	const char *output = task_output(&c->env, j->step, j->tuple);

	if (output == NULL)
		return false;
	for (size_t i = 0; yields != NULL && i < yields->nentries; i++) {
		const struct entry *e = &yields->entries[i];
		const char *file = task_yield(&c->env, j->step, e->name);

		if (file == NULL)
			return false;
		if (!is_pattern(file) && !note_file(j, output, file, e->span))
			return false;
	}
	for (size_t i = 0;
	     run != NULL && run->script->kind != SHELL_OTHER && i < run->script->scan.npaths; i++) {
		const struct shell_path *p = &run->script->scan.paths[i];
		const char *file;

		if (p->root != SHELL_OUTPUT || !p->exact)
			continue;
		file = shellpath_text(&c->env, j->step, run->script, p);
		if (file != NULL && !is_pattern(file) &&
		    !note_file(j, output, file,
		               run_source_span(run->script->run, p->offset, p->length)))
			return false;
	}
	return true;
}

/* Folders of their own by construction; only what `output` says can coincide. */
static bool chooses_output(const struct compilation *c)
{
	for (size_t i = 0; i < c->program.steps.n; i++) {
		if (c->program.steps.v[i]->settings.first[KEY_output] != NULL)
			return true;
	}
	return false;
}

/* Yields whose text holds nothing but constants and keys cannot go wrong per task. */
static bool is_plain_name(const struct node *n)
{
	if (n->kind == NODE_CONST)
		return value_is_text(&n->value) ? good_yield(n->value.text) : false;
	if (n->kind != NODE_TEXT)
		return false;
	for (size_t i = 0; i < n->list.n; i++) {
		const struct node *part = n->list.items[i];

		if (part->kind == NODE_VARIABLE && part->type->kind != VTYPE_FILE &&
		    part->type->kind != VTYPE_URI)
			continue;
		if (part->kind != NODE_CONST || !value_is_text(&part->value) ||
		    part->value.text[strcspn(part->value.text, "/.\n|")] == '/' ||
		    strstr(part->value.text, "..") != NULL ||
		    strpbrk(part->value.text, "\n|") != NULL)
			return false;
	}
	return n->list.n > 0;
}

static bool check_yields(struct judge *j, const struct setting *set)
{
	struct compilation *c = j->c;
	bool good = true;

	for (size_t i = 0; set != NULL && i < set->nentries; i++) {
		const struct entry *e = &set->entries[i];
		const char *text;
		struct diag *d;

		if (is_plain_name(e->node))
			continue;
		text = task_yield(&c->env, j->step, e->name);
		if (text == NULL)
			return false;
		if (good_yield(text))
			continue;
		good = false;
		d = report(c, E0505, e->expr ? e->expr->span : e->span,
		           "`%s` is no file below `$OUTPUT`", text);
		label(c, d, "a relative path without `..` is wanted");
	}
	return good;
}

/* ---- commands ---- */

static bool check_has_command(struct judge *j)
{
	struct compilation *c = j->c;
	const struct setting *run = task_own_setting(&c->env, j->step, KEY_run);
	const struct setting *exec = task_own_setting(&c->env, j->step, KEY_exec);
	struct diag *d;

	if ((run != NULL) != (exec != NULL))
		return true;
	d = report(c, run ? E0408 : E0407, j->step->stmt->head, "step `%s` %s for %s",
	           j->step->symbol->name, run ? "has two commands" : "runs nothing",
	           task_name(&c->env, j->step, j->tuple));
	label(c, d, run ? "both `run` and `exec`" : "neither `run` nor `exec`");
	return false;
}

/* ---- what comes in ---- */

/* What stands in $INPUT, or $RESOURCE, of one task before its command starts. */
struct staging {
	struct judge *judge;
	enum setting_key key;
	struct map names; /* path below the root -> uri */
	VEC(const char *) globs;
	bool unknown; /* something with names that cannot be told */
	bool bad;
};

/* The last component of a yield, below what `mv` says; NULL: not known. */
static const char *staged_name(struct staging *s, const char *name, const char *actions)
{
	struct arena *arena = s->judge->c->env.arena;
	const char *text = name;
	size_t n;

	if (name[0] == '\0' || name[strlen(name) - 1] == '/')
		return NULL;
	/* A glob arrives with its path from the first pattern on. */
	if (strpbrk(name, "*?[") == NULL)
		text = arena_strdup(arena, path_name(name, &n));
	while (strncmp(actions, "|mv:", 4) == 0) {
		n = strcspn(actions + 4, "|");
		text = arena_printf(arena, "%.*s/%s", (int)n, actions + 4, text);
		actions += 4 + n;
	}
	return actions[0] == '\0' ? text : NULL;
}

static void overwritten(struct staging *s, const struct data_item *item, const char *name)
{
	struct judge *j = s->judge;
	struct compilation *c = j->c;
	const char *root = s->key == KEY_input ? "INPUT" : "RESOURCE";
	const struct level *l = item->gathered ? item->producer->level : NULL;
	struct diag *d =
	        report(c, E0502, item->span, "two files named `%s` would meet in `$%s` of %s", name,
	               root, task_name(&c->env, j->step, j->tuple));

	label(c, d, "the second would overwrite the first");
	while (l != NULL && l->kind != LEVEL_LOOP)
		l = l->outer;
	if (item->gathered && l != NULL)
		help(c, d, "gather them into folders: `gather %s%s%s into \"$%s/\"`",
		     item->producer->symbol->name, item->yield ? "." : "",
		     item->yield ? item->yield : "", l->symbol->name);
	else
		help(c, d, "put one of them into a folder: `|> mv(\"DIR\")`");
	s->bad = true;
}

static void note_staged(struct staging *s, const struct data_item *item, const char *name,
                        const char *uri)
{
	struct arena *arena = s->judge->c->env.arena;
	bool is_new;
	uint64_t *at;

	if (name == NULL) {
		s->unknown = true;
		return;
	}
	if (strpbrk(name, "*?[") != NULL) {
		vec_push(&s->globs, name);
		return;
	}
	at = map_put(&s->names, name, strlen(name), &is_new);
	if (is_new)
		*at = (uint64_t)(uintptr_t)arena_strdup(arena, uri);
	else if (strcmp((const char *)(uintptr_t)*at, uri) != 0)
		overwritten(s, item, name);
}

static bool stage_item(void *context, const struct data_item *item)
{
	struct staging *s = context;
	struct compilation *c = s->judge->c;
	struct env *other = &c->plan.other;
	const char *yield, *actions = arena_strdup(c->env.arena, item->actions);
	struct diag *d;

	if (item->producer == NULL) {
		const char *text = item->text.text;
		bool folder =
		        text[strlen(text) - 1] == '/' ||
		        (!value_is_uri(text) &&
		         c->files.kind(c->files.context,
		                       value_path(c, &item->text, c->env.arena)) == PLACE_FOLDER);

		if (value_is_uri(text) && strpbrk(text, "?*[|") != NULL)
			folder = true;
		note_staged(s, item, folder ? NULL : staged_name(s, text, actions), text);
		return !s->bad;
	}
	if (item->yield == NULL) {
		s->unknown = true;
		return true;
	}
	task_enter(other, item->producer, item->tuple);
	yield = task_yield(other, item->producer, item->yield);
	if (yield == NULL) {
		d = report(c, E0210, item->span, "`%s` of `%s` is not yielded for %s", item->yield,
		           item->producer->symbol->name,
		           level_key_text(item->producer->level, item->tuple, ",", c->env.arena));
		label(c, d, "nothing to take");
		s->bad = true;
		return false;
	}
	note_staged(s, item, staged_name(s, yield, actions),
	            arena_printf(c->env.arena, "%u/%s", item->producer->first_task + item->tuple,
	                         yield));
	return !s->bad;
}

static void not_there(struct staging *s, const struct script *script, const struct shell_path *p,
                      const char *text)
{
	struct judge *j = s->judge;
	struct compilation *c = j->c;
	const struct setting *set = j->step->settings.first[s->key];
	const char *root = s->key == KEY_input ? "INPUT" : "RESOURCE", *nearest;
	VEC(const char *) names = {0};
	struct diag *d = report(c, E0406, run_source_span(script->run, p->offset, p->length),
	                        "nothing puts `%s` into `$%s`", text, root);

	label(c, d, "not there for %s", task_name(&c->env, j->step, j->tuple));
	if (set != NULL)
		relate(c, d, set->span, "what comes in");
	for (size_t i = 0; i < s->names.cap; i++) {
		if (s->names.slots[i].key != NULL)
			vec_push(&names, s->names.slots[i].key);
	}
	nearest = word_nearest(text, names.v, names.n);
	if (nearest != NULL)
		help(c, d, "there is `%s`", nearest);
	else if (set == NULL)
		help(c, d, "add `%s = ...` to the step", setting_key_text(s->key));
	vec_release(&names);
	s->bad = true;
}

/*
 * "$INPUT/x" of the text against what comes in. Also right are a folder on the way
 * to a file, the common start of what a glob names (an index), and a file that a
 * program puts beside another (x.bam.bai).
 */
static bool comes_in(const struct staging *s, const char *text)
{
	size_t n = strlen(text);

	for (size_t i = 0; i < s->globs.n; i++) {
		if (fnmatch(s->globs.v[i], text, FNM_PATHNAME) == 0 ||
		    (strcspn(s->globs.v[i], "*?[") >= n && strncmp(s->globs.v[i], text, n) == 0))
			return true;
	}
	for (size_t i = 0; i < s->names.cap; i++) {
		const struct map_slot *slot = &s->names.slots[i];

		if (slot->key == NULL)
			continue;
		if (slot->len > n ? slot->key[n] == '/' && memcmp(slot->key, text, n) == 0
		                  : memcmp(slot->key, text, slot->len) == 0)
			return true;
	}
	return false;
}

static void check_texts(struct staging *s, const struct script *script)
{
	enum shell_path_root root = s->key == KEY_input ? SHELL_INPUT : SHELL_RESOURCE;
	struct compilation *c = s->judge->c;

	for (size_t i = 0; i < script->scan.npaths && !s->bad; i++) {
		const struct shell_path *p = &script->scan.paths[i];
		const char *text;
		size_t n;

		if (p->root != root || !p->exact)
			continue;
		text = shellpath_text(&c->env, s->judge->step, script, p);
		if (text == NULL)
			continue;
		n = strlen(text);
		while (n > 0 && text[n - 1] == '/')
			n--;
		text = arena_strndup(c->env.arena, text, n);
		if (n > 0 && strpbrk(text, "*?[") == NULL && !comes_in(s, text))
			not_there(s, script, p, text);
	}
}

static bool names_paths(const struct script *script, enum setting_key key)
{
	enum shell_path_root root = key == KEY_input ? SHELL_INPUT : SHELL_RESOURCE;

	for (size_t i = 0; script != NULL && script->kind != SHELL_OTHER && i < script->scan.npaths;
	     i++) {
		if (script->scan.paths[i].root == root && script->scan.paths[i].exact)
			return true;
	}
	return false;
}

/* No key of the level's loop holds the sign. */
static bool keys_lack(const struct level *l, char sign)
{
	struct str scratch = STR_INIT;
	bool lack = true;
	uint32_t outer_n = l->per_tuple ? l->outer->n : 1;

	for (uint32_t i = 0; i < outer_n && lack; i++) {
		const struct list *list = l->lists[i].list;

		for (size_t k = 0; k < list->n && lack; k++) {
			struct value v = list_at(list, k);
			size_t len;
			const char *key = element_key(&v, &len, &scratch);

			lack = memchr(key, sign, len) == NULL;
		}
	}
	str_release(&scratch);
	return lack;
}

/* The depth-th part of a name is the key of this level's loop and nothing else. */
static bool is_key_of(const struct node *part, const struct level *l)
{
	return part->kind == NODE_VARIABLE && part->symbol == l->symbol &&
	       part->type->kind != VTYPE_FILE && part->type->kind != VTYPE_URI &&
	       part->type->kind != VTYPE_ANY;
}

/*
 * The names that one gather brings all differ, since each holds the keys of all
 * loops that it collapses, and where one key ends can be seen. This spares
 * rendering a million names.
 */
static bool names_differ(const struct node *gather)
{
	const struct node *output = gather->gather.output, *text;
	const struct pairing *p = output->output.pairing;
	const struct setting *yields = output->output.step->settings.first[KEY_yields];
	size_t part = 0;

	if (output->output.yield == NULL || yields->next != NULL || yields->guard != NULL)
		return false;
	text = NULL;
	for (size_t i = 0; i < yields->nentries; i++) {
		if (strcmp(yields->entries[i].name, output->output.yield) == 0)
			text = yields->entries[i].node;
	}
	if (text == NULL || text->kind != NODE_TEXT || !is_plain_name(text))
		return false;
	for (unsigned i = 0; i < p->n; i++) {
		const struct node *next;

		if (p->path[i]->kind != LEVEL_LOOP || p->match[i] != NULL)
			continue;
		while (part < text->list.n && !is_key_of(text->list.items[part], p->path[i]))
			part++;
		if (part == text->list.n)
			return false;
		part++;
		/* What follows must not be mistaken for a part of the key. */
		if (part == text->list.n)
			continue;
		next = text->list.items[part];
		if (next->kind != NODE_CONST || next->value.len == 0 ||
		    (p->collapsed > 1 && !keys_lack(p->path[i], next->value.text[0])))
			return false;
	}
	return true;
}

/* One file or one output cannot meet another. */
static bool is_single(const struct node *n)
{
	while (n->kind == NODE_ACTION)
		n = n->action.of;
	if (n->kind == NODE_GATHER)
		return n->gather.into == NULL && names_differ(n);
	return n->kind == NODE_OUTPUT || n->kind == NODE_PREVIOUS ||
	       (!n->has_data && n->type->kind != VTYPE_LIST && n->type->kind != VTYPE_ANY);
}

/* Every setting of the key brings a single thing, or things that cannot meet. */
static bool stages_single(const struct step *step, enum setting_key key)
{
	for (const struct setting *set = step->settings.first[key]; set != NULL; set = set->next) {
		if (!is_single(set->node))
			return false;
	}
	return true;
}

static bool check_staging(struct judge *j, enum setting_key key, bool single)
{
	struct compilation *c = j->c;
	const struct setting *first = j->step->settings.first[key];
	const struct setting *set = first ? task_own_setting(&c->env, j->step, key) : NULL;
	const struct setting *run = task_own_setting(&c->env, j->step, KEY_run);
	bool texts = run != NULL && j->tuple < TEXT_TASKS && names_paths(run->script, key);
	struct staging s = {.judge = j, .key = key};
	struct data_walk w = {
	        .env = &c->env,
	        .other = &c->plan.other,
	        .step = j->step,
	        .tuple = j->tuple,
	        .entered = true,
	        .item = stage_item,
	        .context = &s,
	};

	if (!texts && (set == NULL || single))
		return true;
	if (set != NULL && !data_walk(&w, set->node))
		s.bad = true;
	if (texts && !s.bad && !s.unknown)
		check_texts(&s, run->script);
	map_release(&s.names);
	vec_release(&s.globs);
	return !s.bad;
}

/* ---- steps ---- */

/* What has to be looked at for each task of a step. */
struct needs {
	bool command, name, yields, outputs;
	bool single_input, single_resource;
	bool texts; /* of the first tasks */
};

static bool all_plain(const struct setting *yields)
{
	for (; yields != NULL; yields = yields->next) {
		for (size_t i = 0; i < yields->nentries; i++) {
			if (!is_plain_name(yields->entries[i].node))
				return false;
		}
	}
	return true;
}

static struct needs needs_of(const struct step *step, bool outputs)
{
	const struct settings *s = &step->settings;
	const struct setting *run = s->first[KEY_run];
	struct needs n = {
	        .command = s->first[KEY_exec] != NULL || run == NULL || run->next != NULL ||
	                   run->guard != NULL,
	        .name = s->first[KEY_name] != NULL,
	        .yields = !all_plain(s->first[KEY_yields]),
	        .outputs = outputs,
	        .single_input = stages_single(step, KEY_input),
	        .single_resource = stages_single(step, KEY_resource),
	};

	for (; run != NULL; run = run->next)
		n.texts |= names_paths(run->script, KEY_input) ||
		           names_paths(run->script, KEY_resource);
	return n;
}

static bool check_task(struct judge *j, const struct needs *needs)
{
	struct compilation *c = j->c;

	env_forget(&c->env);
	env_forget(&c->plan.other);
	task_enter(&c->env, j->step, j->tuple);
	if (needs->command && !check_has_command(j))
		return false;
	if (needs->name)
		check_name(j);
	if (needs->yields && !check_yields(j, task_own_setting(&c->env, j->step, KEY_yields)))
		return false;
	if (needs->outputs && !check_written(j))
		return false;
	return check_staging(j, KEY_input, needs->single_input) &&
	       check_staging(j, KEY_resource, needs->single_resource) && c->sink.errors == 0;
}

static void check_step_tasks(struct judge *j, bool outputs)
{
	struct needs needs = needs_of(j->step, outputs);
	bool every = needs.command || needs.name || needs.yields || needs.outputs ||
	             !needs.single_input || !needs.single_resource;
	uint32_t n = j->step->level->n;

	if (!every)
		n = !needs.texts ? 0 : n < TEXT_TASKS ? n : TEXT_TASKS;
	for (j->tuple = 0; j->tuple < n; j->tuple++) {
		if (!check_task(j, &needs))
			break;
	}
}

static void check_triggers(struct compilation *c, const struct step *step)
{
	size_t n;
	const struct hire *h = step_hires(c, step, &n);

	for (size_t i = 0; i < n; i++) {
		int64_t least = hire_int(c, &h[i], KEY_minimum_tasks);
		struct diag *d;

		if (least == INT_NULL || least <= (int64_t)step->level->n)
			continue;
		d = report(c, W0602, hire_setting(c, &h[i], KEY_minimum_tasks)->span,
		           "this recruiter never acts for `%s`", step->symbol->name);
		label(c, d, "more than its %u task%s", step->level->n,
		      step->level->n == 1 ? "" : "s");
		relate(c, d, h[i].span, "recruits here");
	}
}

void plan_check(struct compilation *c)
{
	struct judge j = {.c = c};
	bool outputs = chooses_output(c);

	arena_init(&j.arena);
	for (size_t i = 0; i < c->program.steps.n; i++) {
		j.step = c->program.steps.v[i];
		check_step_tasks(&j, outputs);
		check_triggers(c, j.step);
	}
	if (c->sink.errors == 0)
		check_usual_names(&j);
	map_release(&j.files);
	map_release(&j.names);
	arena_release(&j.arena);
}
