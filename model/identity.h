/*
 * The identity of a task: a digest of everything that decides its result, kept
 * with the digest of each part so that two identities can be told apart by the
 * name of the part that differs. It serves resume, plan, why and use_cache.
 *
 * Content enters, not place or date: an input file by its bytes, an upstream
 * output by the identity of the task that makes it.
 */
#ifndef MODEL_IDENTITY_H
#define MODEL_IDENTITY_H

#include "base/str.h"
#include "model/digest.h"

#include <stdbool.h>

/* In this order; the words stand in identity.c. */
enum identity_part {
	IDENTITY_COMMAND,
	IDENTITY_CONTAINER,
	IDENTITY_CONTAINER_OPTIONS,
	IDENTITY_INPUT,
	IDENTITY_RESOURCE,
	IDENTITY_PART_COUNT
};

struct identity {
	struct digest *parts[IDENTITY_PART_COUNT]; /* NULL: nothing added */
	char text[DIGEST_TEXT_SIZE];               /* after identity_finish */
	char part_text[IDENTITY_PART_COUNT][17];   /* 16 digits, "" where nothing was added */
};

void identity_init(struct identity *id);
void identity_add(struct identity *id, enum identity_part part, const char *text);
/* Computes text and part_text; nothing can be added afterwards. */
void identity_finish(struct identity *id);
/* Drop a computation that is not finished. */
void identity_release(struct identity *id);

/* {"command":"...","input":"..."}: what the identity_parts column holds. */
void identity_parts_print(const struct identity *id, struct str *out);
/*
 * The names of the parts in which the JSON text of an earlier identity differs,
 * separated by ", ". False where it is not such a text.
 */
bool identity_difference(const struct identity *now, const char *parts_then, struct str *names);
const char *identity_part_word(enum identity_part part);

#endif
