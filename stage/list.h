/*
 * What a URI names, without bringing it: the files below a folder, the matches of
 * a glob, one file. The compiler's files() and existence checks use it.
 */
#ifndef STAGE_LIST_H
#define STAGE_LIST_H

#include "base/arena.h"
#include "stage/stage.h"
#include "stage/uri.h"

enum stage_list_flag {
	STAGE_RECURSIVE = 1 << 0, /* descend into the sub-directories of a folder */
	STAGE_FOLDERS = 1 << 1,   /* of a folder, name the sub-directories too */
	STAGE_DIGESTS = 1 << 2,   /* tell digests; files of this machine are read for it */
	/* Tell digests where the storage keeps them, so that no byte of a file is read for it. */
	STAGE_KEPT_DIGESTS = 1 << 3,
};

struct stage_entry {
	/* Relative to the folder, or to the directory in which the glob begins (see stage/get.h);
	   a single file's own name. That of a directory ends in '/'. */
	const char *name;
	/* The file itself: a path, which uri_add_path turns into a URI; a URL for other schemes. */
	const char *place;
	uint64_t size;
	int64_t mtime_ns; /* since 1970, UTC; INT64_MIN: not told (http) */
	/* "md5:HEX", "sha256:HEX", or of http the server's "etag:..."; NULL: not asked for, or the
	   other side has none. */
	const char *digest;
};

struct stage_listing {
	struct stage_entry *entries; /* sorted by name, bytewise; owned by the arena */
	size_t n;
};

/*
 * List regular files (symbolic links to files count as files, links to
 * directories are followed unless they form a loop); `how` is of stage_list_flag. Names that begin
 * with ".scitq-part-" are files in the making and left out.
 *
 * A folder that is there but empty is STAGE_OK with n = 0; one that is not there
 * is STAGE_NOT_FOUND, and so are a glob without a match and a missing file.
 * http(s) can tell of single files only. `s` may be NULL: then nothing is
 * cancelled and a connection does not outlive the call.
 */
enum stage_result stage_list(struct stage *s, const struct uri *uri, unsigned how,
                             struct arena *arena, struct stage_listing *listing, struct str *error);

#endif
