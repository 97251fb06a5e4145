/*
 * What other machines are asked while a file is compiled: the files of a folder or glob on a
 * storage, the runs of an accession, the bytes of a sheet. Each question is asked once per
 * compilation; offline none is.
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

/*
 * The runs that an archive has of the accession, at least one; else as network_find(). What is told
 * of their reads is for the caller to remember, by network_remember().
 */
const struct seq_runs *network_runs(struct compilation *c, enum seq_archive archive,
                                    const char *accession, struct span span);
/* What network_version() says of that URI; both texts live as long as the compilation. */
void network_remember(struct compilation *c, const char *uri, const char *version);

/*
 * The bytes of a small file, NUL-terminated; else as network_find(). Lives as long as the
 * compilation.
 */
const struct str *network_read(struct compilation *c, const char *uri, struct span span);

/* The `list`, `runs` and `fetch` of compile_disk. */
int network_fetch(void *context, const char *uri, struct str *out, struct str *why);
int network_ask_runs(void *context, enum seq_archive archive, const char *accession,
                     struct arena *arena, struct seq_runs *runs, struct str *why);
int network_list(void *context, const char *uri, compile_found_fn *found, void *found_context,
                 struct str *why);

#endif
