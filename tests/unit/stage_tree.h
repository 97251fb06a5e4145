/* A temporary directory for the tests of stage/, and short ways to fill and read it. */
#ifndef TESTS_UNIT_STAGE_TREE_H
#define TESTS_UNIT_STAGE_TREE_H

#include "base/arena.h"
#include "base/str.h"
#include "stage/get.h"
#include "stage/stage.h"

#include <stdbool.h>

struct tree {
	char root[64];
	struct arena arena;
	struct stage stage;
	struct str error, warnings;
};

/* cmocka fixtures; *state is a struct tree. */
int tree_set_up(void **state);
int tree_tear_down(void **state);

/* root/NAME; lives as long as the tree. */
const char *in(struct tree *t, const char *name);
/* Make root/NAME with its directories. */
void put_file(struct tree *t, const char *name, const char *content);
/* The file's content, "<none>" where there is no such file. */
const char *content(struct tree *t, const char *name);
/* Every file, link and directory below, sorted: "a b/ b/c d@" (directories "/", links "@"). */
const char *shape(struct tree *t, const char *name);
bool is_link(struct tree *t, const char *name);
/* stage_get of a URI in which %s is the root. */
enum stage_result get(struct tree *t, const char *uri, const char *dest, enum stage_mode mode);

#endif
