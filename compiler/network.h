/*
 * What other machines are asked while a file is compiled: the files of a folder or glob on a
 * storage. Each question is asked once per compilation; offline none is.
 */
#ifndef COMPILER_NETWORK_H
#define COMPILER_NETWORK_H

#include "compiler/compilation.h"

struct network_listing {
	const struct compile_found *files;
	size_t n;
	const char *root; /* what the names are relative to; ends in '/' */
};

/*
 * What is there, at least one file; NULL after an error, reported at `span`, and when offline. The
 * files' versions are remembered for network_version(). Lives as long as the compilation.
 */
const struct network_listing *network_find(struct compilation *c, const char *uri,
                                           struct span span);

/* What was told of the file of that URI; NULL: nothing. */
const char *network_version(const struct compilation *c, const char *uri);

/* The `list` of compile_disk. */
int network_list(void *context, const char *uri, compile_found_fn *found, void *found_context,
                 struct str *why);

#endif
