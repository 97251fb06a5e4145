/*
 * From one URI to another, and away with what a URI names. Where rclone speaks both sides it moves
 * the bytes, from one storage to itself without this machine in between where that storage can;
 * what http or run+fastq bring, and what actions make, is fetched to a directory of its own first.
 */
#ifndef STAGE_TRANSFER_H
#define STAGE_TRANSFER_H

#include "stage/list.h"
#include "stage/stage.h"
#include "stage/uri.h"

struct stage_transfer {
	const struct uri *from;
	/* Of a single file its new name, or the folder it goes to; else a folder. No actions. */
	const struct uri *to;
	/* Only files whose names, or paths below the folder, match one of these patterns; n 0: all.
	   From a folder alone. */
	const char *const *patterns;
	size_t npatterns;
	/* Only the files of these names, relative to the folder; NULL: all. From a folder alone. */
	const struct stage_listing *files;
	bool mirror; /* from folder to folder: what `from` has not, `to` loses */
};

/*
 * Files that are there already and the same, by size and date or checksum, are left as they are;
 * others of the same name are replaced, each in one step where the storage can. On failure some may
 * have arrived. `warnings` gets a line for each thing of an archive that was left out, as of
 * stage_put().
 */
enum stage_result stage_transfer(struct stage *s, const struct stage_transfer *t,
                                 struct str *warnings, struct str *error);

/*
 * Delete a file, the matches of a glob, or a folder with all below it; with patterns, as above,
 * only those files. What is not there is STAGE_NOT_FOUND.
 */
enum stage_result stage_remove(struct stage *s, const struct uri *uri, const char *const *patterns,
                               size_t n, struct str *error);

#endif
