/*
 * Bringing what a URI names into a directory, then applying its actions.
 *
 *	file:///d/x.fq           DEST/x.fq
 *	file:///d/               what d contains, as DEST/...
 *	file:///d/run?/x.fq      DEST/run1/x.fq ...: the path from the first glob on
 *	https://h/p/x.fq?y=z     DEST/x.fq
 *	...x.tar.gz|untar|mv:d   DEST/d/<members>
 *
 * Local files are never changed, neither their bytes nor their mode nor dates: an
 * action on a local archive unpacks straight from it. What needs work (a
 * download, actions) is done in a hidden directory DEST/.stage-XXXXXX and moved
 * into place when complete; it is removed on failure too.
 */
#ifndef STAGE_GET_H
#define STAGE_GET_H

#include "stage/stage.h"
#include "stage/uri.h"

enum stage_mode {
	/* Local files: a reflink (same bytes on disk, own file), else an absolute symbolic link.
	   Sub-directories of a folder: one symbolic link each. What a link leads to is still the
	   user's: the caller sees to it that nobody writes there (stage->linked tells of it). */
	STAGE_LINK,
	/* Real files and directories; symbolic links in the source are followed. */
	STAGE_COPY
};

/*
 * dest_dir is made where it is missing; what it holds already stays. A name that
 * is taken is STAGE_CONFLICT, except that directories are merged and the same
 * link twice is one link. On failure dest_dir may hold a part of the files (each
 * one whole). `error` gets one line per item that failed; the result is that of
 * the first.
 */
enum stage_result stage_get(struct stage *s, const struct uri *uri, const char *dest_dir,
                            enum stage_mode mode, struct str *error);

/* uri_parse and stage_get in one. */
enum stage_result stage_get_text(struct stage *s, const char *uri, const char *dest_dir,
                                 enum stage_mode mode, struct str *error);

#endif
