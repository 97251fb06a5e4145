#include "cli/lock.h"

#include "base/engine.h"
#include "base/fd.h"
#include "base/linediff.h"
#include "cli/image.h"
#include "model/json.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

/*
 * What is locked, as the file has it: by section and name a digest, null where none is
 * known. Images are asked of this machine's engine.
 */
static json_t *state_of(struct compilation *c, const struct engine *engine)
{
	json_t *all = json_pack("{s:i}", "scitq_lock", 1);

	for (size_t i = 0; i < compile_lock_count(c); i++) {
		const struct lock_entry *e = compile_lock_entry(c, i);
		const char *section = lock_section_text(e->section);
		struct str digest = STR_INIT;

		if (json_object_get(all, section) == NULL)
			json_object_set_new(all, section, json_object());
		if (e->digest != NULL)
			str_adds(&digest, e->digest);
		else if (!image_digest(engine, e->key, &digest))
			str_reset(&digest);
		json_object_set_new_nocheck(json_object_get(all, section), e->key,
		                            digest.len > 0 ? json_text(digest.p) : json_null());
		str_release(&digest);
	}
	return all;
}

/* A digest that is not known on one of the sides tells nothing. */
static bool differs(json_t *now, json_t *before)
{
	return before == NULL ||
	       (json_is_string(now) && json_is_string(before) && !json_equal(now, before));
}

static void compare(struct compilation *c, const char *name, json_t *now, json_t *old, bool refuse)
{
	for (size_t i = 0; i < compile_lock_count(c); i++) {
		const struct lock_entry *e = compile_lock_entry(c, i);
		const char *section = lock_section_text(e->section);
		json_t *before = json_object_get(json_object_get(old, section), e->key);

		if (differs(json_object_get(json_object_get(now, section), e->key), before))
			compile_lock_differs(c, i, name, before ? "" : NULL, refuse);
	}
}

/* The new file, and on standard error in what it differs. */
static int update(const struct lock *l, json_t *now)
{
	char *text = json_dumps(now, JSON_INDENT(2) | JSON_SORT_KEYS);
	struct str after = STR_INIT, shown = STR_INIT;
	int err = 0;

	if (text == NULL) {
		fprintf(stderr, "scitq-run: %s: a path in it would not be UTF-8\n", l->file.name.p);
		return EXIT_CODE_INFRASTRUCTURE;
	}
	str_addf(&after, "%s\n", text);
	free(text);
	if (after.len != l->file.text.len || memcmp(after.p, l->file.text.p, after.len) != 0) {
		linediff(&l->file.text, &after, l->file.name.p, l->file.name.p, &shown);
		fputs(shown.p, stderr);
		err = file_replace(l->file.name.p, after.p, after.len, 0644);
	}
	if (err != 0)
		fprintf(stderr, "scitq-run: %s: %s\n", l->file.name.p, strerror(-err));
	str_release(&after);
	str_release(&shown);
	return err == 0 ? 0 : EXIT_CODE_INFRASTRUCTURE;
}

int lock_open(struct lock *l, const struct run_options *o)
{
	struct str error = STR_INIT;
	int code = 0;

	*l = (struct lock){.file = {.name = STR_INIT, .text = STR_INIT}};
	if (strcmp(o->files.v[0], "/dev/stdin") == 0) {
		if (o->locked || o->update_lock)
			code = usage_error("standard input has no lock file");
	} else if (!lock_file_read(&l->file, o->files.v[0], &error)) {
		fprintf(stderr, "scitq-run: %s\n", error.p);
		code = EXIT_CODE_USAGE;
	} else if (l->file.content == NULL && o->locked) {
		code = usage_error("--locked wants %s; --update-lock writes it", l->file.name.p);
	}
	str_release(&error);
	frozen_init(&l->frozen, o->update_lock ? NULL : lock_file_answers(&l->file));
	return code;
}

int lock_use(struct lock *l, const struct run_options *o, struct compilation *c)
{
	struct str why = STR_INIT;
	struct engine engine = {0};
	json_t *now;
	int code = 0;

	if (l->file.content == NULL && !o->update_lock)
		return 0;
	/* Without an engine the digests of images are not known here; that is no mistake. */
	if ((o->locked || o->update_lock) && !engine_init(&engine, &why))
		fprintf(stderr, "scitq-run: images are not looked at: %s\n", why.p);
	now = state_of(c, &engine);
	if (json_object_size(l->frozen.used) > 0)
		json_object_set(now, "answers", l->frozen.used);
	if (o->update_lock)
		code = update(l, now);
	else
		compare(c, l->file.name.p, now, l->file.content, o->locked);
	engine_release(&engine);
	json_decref(now);
	str_release(&why);
	return code;
}

void lock_close(struct lock *l)
{
	frozen_release(&l->frozen);
	lock_file_release(&l->file);
}
