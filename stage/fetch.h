/*
 * One stage_get under way: the things that it has so far, each of them somewhere
 * on this machine. A transport adds them, actions replace them, the end puts them
 * in place. Private to stage/.
 */
#ifndef STAGE_FETCH_H
#define STAGE_FETCH_H

#include "base/arena.h"
#include "base/vec.h"
#include "stage/list.h"
#include "stage/stage.h"
#include "stage/uri.h"

struct item {
	const char *name; /* where it will be, below the destination */
	const char *path; /* where it is; absolute unless owned */
	bool folder;
	bool owned; /* made by us in the work directory: moved, not linked */
};

struct items {
	VEC(struct item) list;
};

struct fetch {
	struct stage *s;
	const struct uri *uri;
	const char *dest_dir;
	struct arena arena;
	struct str work; /* DEST/.stage-XXXXXX once it exists */
	unsigned ndirs;  /* directories made in it */
	struct items items;
	struct str *error;
};

struct entries {
	VEC(struct stage_entry) list;
};

/* The entries sorted into the arena; the list is released. */
void entries_finish(struct entries *entries, struct arena *arena, struct stage_listing *listing);

/* What is in a directory of ours, as items. */
enum stage_result fetch_add_made(struct fetch *f, struct items *items, const char *dir);
/* A new directory in the work directory, or NULL with *r. */
const char *fetch_directory(struct fetch *f, enum stage_result *r);

#endif
