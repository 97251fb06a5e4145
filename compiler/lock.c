/*
 * What a compilation depended on besides its own file and params: modules, sheets,
 * listings, images. Noted on the way, each once, so that a lock file can freeze it and
 * tell drift from it.
 */
#include "compiler/lock.h"

#include "compiler/node.h"
#include "compiler/paths.h"

#include <string.h>

static const char *const sections[LOCK_SECTIONS] = {
        [LOCK_MODULES] = "modules", [LOCK_SOURCES] = "sources", [LOCK_IMAGES] = "images"};

const char *lock_section_text(enum lock_section section)
{
	return sections[section];
}

void lock_note(struct compilation *c, enum lock_section section, const char *key,
               const char *digest, struct span span)
{
	struct lock_entry *e;
	bool is_new;
	const char *name = arena_printf(&c->arena, "%d %s", (int)section, key);

	map_put(&c->locked_keys, name, strlen(name), &is_new);
	if (!is_new)
		return;
	e = arena_new(&c->arena, struct lock_entry);
	*e = (struct lock_entry){section, arena_strdup(&c->arena, key),
	                         digest ? arena_strdup(&c->arena, digest) : NULL, span};
	vec_push(&c->locks, e);
}

/* Relative to the .scitq file where it lies below it, so that the lock can move with it. */
const char *lock_path(struct compilation *c, const char *full)
{
	size_t n = strlen(c->bases.v[0]);

	if (strncmp(full, c->bases.v[0], n) == 0 && full[n] == '/')
		return full + n + 1;
	return full;
}

void lock_note_text(struct compilation *c, enum lock_section section, const char *key,
                    const void *data, size_t len, struct span span)
{
	char digest[DIGEST_TEXT_SIZE];

	digest_bytes(data, len, digest);
	lock_note(c, section, key, digest, span);
}

static void note_image(struct compilation *c, const struct setting *set)
{
	const char *image, *at;

	for (; set != NULL; set = set->next) {
		if (set->node == NULL || set->node->kind != NODE_CONST ||
		    !value_is_text(&set->node->value))
			continue;
		image = set->node->value.text;
		at = strchr(image, '@');
		lock_note(c, LOCK_IMAGES, image, at ? at + 1 : NULL,
		          set->expr ? set->expr->span : set->span);
	}
}

/* Images that depend on a loop are not known here; they are not locked. */
static void note_images(struct compilation *c)
{
	note_image(c, c->program.defaults.first[KEY_container]);
	for (size_t i = 0; i < c->program.steps.n; i++)
		note_image(c, c->program.steps.v[i]->settings.first[KEY_container]);
}

size_t compile_lock_count(struct compilation *c)
{
	if (!c->images_noted)
		note_images(c);
	c->images_noted = true;
	return c->locks.n;
}

struct lock_entry *compile_lock_entry(struct compilation *c, size_t i)
{
	return c->locks.v[i];
}

void compile_lock_differs(struct compilation *c, size_t i, const char *lock, const char *before,
                          bool refuse)
{
	const struct lock_entry *e = c->locks.v[i];
	const struct diag_code *code = code_of(refuse ? E0333 : W0301);
	struct diag *d;

	if (before == NULL)
		d = diag_add(&c->sink, code, e->span, "`%s` is not in %s", e->key, lock);
	else
		d = diag_add(&c->sink, code, e->span, "`%s` is not what %s says", e->key, lock);
	label(c, d, before == NULL ? "new since then" : "changed since then");
	help(c, d, "--update-lock accepts it, and shows the difference");
	diag_sort(&c->sink);
}
