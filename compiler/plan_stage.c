/*
 * What comes into $INPUT and $RESOURCE of each task: names that would meet there,
 * and files that the text reads though nothing puts them there.
 */
#include "compiler/check.h"
#include "compiler/data.h"
#include "compiler/expand.h"
#include "compiler/paths.h"
#include "compiler/plan_check.h"
#include "compiler/shellpath.h"
#include "compiler/task.h"

#include <fnmatch.h>
#include <string.h>

/* One file that comes in. */
struct arrival {
	const char *uri; /* of an output: who makes it and its yield */
	struct span span;
	bool value; /* a file or address, not an output */
};

/* An archive that comes in as it is. */
struct archive {
	const char *name;
	size_t stem;        /* length of the name without what tells the format */
	const char *action; /* that would unpack it */
};

/* What stands in $INPUT, or $RESOURCE, of one task before its command starts. */
struct staging {
	struct judge *judge;
	enum setting_key key;
	struct map names; /* path below the root -> struct arrival */
	VEC(const char *) globs;
	VEC(struct archive) archives;
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

static void note_archive(struct staging *s, const char *name)
{
	static const struct {
		const char *end, *action;
	} kinds[] = {{".tar", "untar"},     {".tar.gz", "untar"},  {".tgz", "untar"},
	             {".tar.bz2", "untar"}, {".tbz2", "untar"},    {".tar.xz", "untar"},
	             {".txz", "untar"},     {".tar.zst", "untar"}, {".zip", "unzip"},
	             {".gz", "gunzip"}};
	size_t n = strlen(name);

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		size_t len = strlen(kinds[i].end);

		if (n > len && strcmp(name + n - len, kinds[i].end) == 0) {
			struct archive a = {name, n - len, kinds[i].action};

			vec_push(&s->archives, a);
			return;
		}
	}
}

/* The archive that holds this path, if it is not a mistake: by its name, NULL where none is. */
static const struct archive *archive_of(const struct staging *s, const char *path)
{
	for (size_t i = 0; i < s->archives.n; i++) {
		const struct archive *a = &s->archives.v[i];

		if (strncmp(path, a->name, a->stem) == 0 &&
		    (path[a->stem] == '\0' ||
		     (path[a->stem] == '/' && strcmp(a->action, "gunzip") != 0)))
			return a;
	}
	return NULL;
}

/* The name of the folder that a path lies in. */
static const char *parent_name(struct arena *arena, const char *path)
{
	const char *folder = path_directory(arena, path), *name;
	size_t n;

	name = path_name(folder, &n);
	return arena_strndup(arena, name, n);
}

/* Two files of one name. Those of one list can be told apart by their folders at best. */
static void help_overwritten(struct staging *s, struct diag *d, const struct arrival *first,
                             const char *second, bool one_list)
{
	struct compilation *c = s->judge->c;
	const char *a = parent_name(c->env.arena, first->uri);
	const char *b = parent_name(c->env.arena, second);

	label(c, d, "`%s` and `%s`", first->uri, second);
	if (!one_list) {
		relate(c, d, first->span, "the first");
		help(c, d, "put one of them into a folder: `|> mv(\"DIR\")`");
	} else if (strcmp(a, b) != 0 && good_yield(a) && good_yield(b)) {
		help(c, d,
		     "rename one, or list them one by one with folders: "
		     "[\"%s\" |> mv(\"%s\"), \"%s\" |> mv(\"%s\")]",
		     first->uri, a, second, b);
	} else {
		help(c, d, "rename one, or list them one by one, each `|> mv(\"DIR\")`");
	}
}

static void overwritten(struct staging *s, const struct data_item *item, const char *name,
                        const struct arrival *first)
{
	struct judge *j = s->judge;
	struct compilation *c = j->c;
	const char *root = s->key == KEY_input ? "INPUT" : "RESOURCE";
	const struct level *l = item->gather ? item->producer->level : NULL;
	struct diag *d =
	        report(c, E0502, item->span, "two files named `%s` would meet in `$%s` of %s", name,
	               root, task_name(&c->env, j->step, j->tuple));

	label(c, d, "the second would overwrite the first");
	while (l != NULL && l->kind != LEVEL_LOOP)
		l = l->outer;
	if (item->gather && l != NULL)
		help(c, d, "gather them into folders: `gather %s%s%s into \"$%s/\"`",
		     item->producer->symbol->name, item->yield ? "." : "",
		     item->yield ? item->yield : "", l->symbol->name);
	else if (first->value && item->producer == NULL)
		help_overwritten(s, d, first, item->text.text,
		                 first->span.start == item->span.start);
	else
		help(c, d, "put one of them into a folder: `|> mv(\"DIR\")`");
	s->bad = true;
}

static void note_staged(struct staging *s, const struct data_item *item, const char *name,
                        const char *uri)
{
	struct arena *arena = s->judge->c->env.arena;
	const struct arrival *first;
	struct arrival *here;
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
	first = (const struct arrival *)(uintptr_t)*at;
	if (!is_new) {
		if (strcmp(first->uri, uri) != 0)
			overwritten(s, item, name, first);
		return;
	}
	here = arena_new(arena, struct arrival);
	*here = (struct arrival){arena_strdup(arena, uri), item->span, item->producer == NULL};
	*at = (uint64_t)(uintptr_t)here;
	note_archive(s, name);
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
	const char *base = strrchr(text, '/'), *last = NULL;
	const struct archive *packed = archive_of(s, text);
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
	for (size_t i = 0; base != NULL && i < names.n; i++) {
		if (strcmp(names.v[i], base + 1) == 0)
			last = names.v[i];
	}
	if (packed != NULL)
		help(c, d, "`%s` comes in as it is; to unpack it, write `|> %s` behind it",
		     packed->name, packed->action);
	else if (last != NULL)
		help(c, d,
		     "there is `%s`, without its folder; the last part of a path in `$x` is "
		     "`${x##*/}`",
		     last);
	else if (nearest != NULL)
		help(c, d, "there is `%s`", nearest);
	else if (s->archives.n > 0 && strcmp(s->archives.v[0].action, "gunzip") != 0)
		help(c, d, "`%s` comes in as it is; to unpack it, write `|> %s` behind it",
		     s->archives.v[0].name, s->archives.v[0].action);
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

/* Not all names are known, but that of an archive whose content is wanted is. */
static void check_packed(struct staging *s, const struct script *script, const struct shell_path *p,
                         const char *text)
{
	struct compilation *c = s->judge->c;
	const struct archive *packed = archive_of(s, text);
	struct diag *d;

	if (packed == NULL || comes_in(s, text))
		return;
	d = report(c, W0406, run_source_span(script->run, p->offset, p->length),
	           "`%s` comes in as an archive", packed->name);
	label(c, d, "its content is meant");
	relate(c, d, s->judge->step->settings.first[s->key]->span, "nothing unpacks it here");
	help(c, d, "write `|> %s` behind it", packed->action);
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
		if (n == 0 || strpbrk(text, "*?[") != NULL)
			continue;
		if (s->unknown)
			check_packed(s, script, p, text);
		else if (!comes_in(s, text))
			not_there(s, script, p, text);
	}
}

bool plan_names_paths(const struct script *script, enum setting_key key)
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
	if (text == NULL || text->kind != NODE_TEXT || !plan_plain_name(text))
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
bool plan_stages_single(const struct step *step, enum setting_key key)
{
	for (const struct setting *set = step->settings.first[key]; set != NULL; set = set->next) {
		if (!is_single(set->node))
			return false;
	}
	return true;
}

bool plan_check_staging(struct judge *j, enum setting_key key, bool single)
{
	struct compilation *c = j->c;
	const struct setting *first = j->step->settings.first[key];
	const struct setting *set = first ? task_own_setting(&c->env, j->step, key) : NULL;
	const struct setting *run = task_own_setting(&c->env, j->step, KEY_run);
	bool texts = run != NULL && j->tuple < TEXT_TASKS && plan_names_paths(run->script, key);
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
	if (texts && !s.bad)
		check_texts(&s, run->script);
	map_release(&s.names);
	vec_release(&s.globs);
	vec_release(&s.archives);
	return !s.bad;
}
