/*
 * URIs as tasks name them: scheme://place, a path of this machine, a trailing '/'
 * for a folder, actions behind '|':
 *
 *	file:///data/run1/       /data/reads_[12].fq.gz      https://host/ref.tgz|untar|mv:ref
 *
 * Paths, file URIs and those of rclone's remotes are literal bytes, nothing is
 * percent-decoded; http(s) and ftp URLs are sent as they are. `*`, `?` and `[...]` in
 * the former match names (not across '/', not a leading dot). There a backslash before
 * one of * ? [ ] | \ takes that character as it is; any other backslash is itself. So
 * any path can be written: uri_add_path does it. In an ftp URL `*` and `[...]` match
 * too; a name with such a character is written with %XX there.
 */
#ifndef STAGE_URI_H
#define STAGE_URI_H

#include "base/arena.h"
#include "base/str.h"
#include "base/uri_list.h"

#include <stdbool.h>
#include <stddef.h>

enum uri_action_kind {
	URI_UNTAR,  /* unpack a tar, compressed or not, beside the archive's place */
	URI_GUNZIP, /* x.gz becomes x, x.tgz becomes x.tar */
	URI_UNZIP,
	URI_MV /* what came so far goes into the sub-directory `dir` */
};

struct uri_action {
	enum uri_action_kind kind;
	const char *dir; /* of URI_MV: relative, no "..", no trailing '/'; else NULL */
};

struct uri {
	const char *text;   /* as given, with actions */
	const char *scheme; /* lower case; "file" for a path */
	/* file: the path, without a folder's trailing '/' (but "/" is "/"); where `glob`, the
	   pattern as fnmatch(3) takes it. Remotes: the same behind "scheme://", with that '/'.
	   http(s), ftp: the URL without actions. */
	const char *place;
	bool folder; /* ends in '/' */
	bool glob;
	const struct uri_action *actions; /* in the order of application */
	size_t nactions;
};

/*
 * Parse one URI; everything is owned by the arena. Any scheme is accepted here:
 * whether there is a transport for it is found out on use. On failure returns
 * false and *error says why, without the URI ("unknown action 'gunzup'").
 */
bool uri_parse(struct arena *arena, const char *text, struct uri *uri, const char **error);

/* The first '|' of the text that no backslash takes as it is: where actions begin; NULL: none. */
const char *uri_actions(const char *text);

/* Whether stage_get has a transport for the scheme ("file", "http", a configured remote...). */
bool uri_scheme_known(const char *scheme);

/*
 * Append the URI of exactly this path, escaped where it must be: "file://" and
 * the path when it is absolute, else the bare path. A directory's path ends in '/'.
 */
void uri_add_path(struct str *out, const char *path);
/* The path alone, escaped: what stands behind the scheme of a remote's URI. */
void uri_add_escaped(struct str *out, const char *path);

#endif
