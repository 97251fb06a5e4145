/*
 * scitq-run --recruit PROVIDER[:REGION]: the recruiters of a file that name no provider get this
 * one. The compiler looks whether its workers reach what they need.
 */
#ifndef CLI_RECRUIT_H
#define CLI_RECRUIT_H

#include "base/arena.h"
#include "model/submission.h"

struct recruit_wish {
	const char *provider; /* NULL: none */
	const char *region;   /* NULL: any */
	const char *shared;   /* directories that its workers see too, with : between them; NULL */
};

/* "slurm:main" cut in place. False where it is no provider. */
bool recruit_wish_read(struct recruit_wish *wish, char *text);

/* The submission with its recruiters changed; new rows live in the arena. */
struct submission recruit_apply(const struct recruit_wish *wish, const struct submission *s,
                                struct arena *arena);

#endif
