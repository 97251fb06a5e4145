/*
 * ena("PRJEB1", layout = paired, ...) and sra(...): samples of a study in a public archive, as
 * records. They are chosen by run, as one sample may have runs of several kinds, and then put
 * together by sample.
 */
#ifndef COMPILER_ARCHIVE_H
#define COMPILER_ARCHIVE_H

#include "compiler/compilation.h"
#include "compiler/node.h"

struct archive_wish {
	const char *layout;   /* "paired" or "single"; NULL: any */
	const char *strategy; /* as "WGS"; NULL: any */
	/* Of each sample only as many runs as are needed to have so many; 0: all. */
	int64_t depth;
	bool pairs;   /* of the depth: it counts pairs */
	bool only_r1; /* of paired reads the first file alone: such a run counts as single */
	bool by_run;  /* a record for each run */
};

/* A list of records of archive_type(); BAD after an error at `span`, and where nobody is asked. */
struct value archive_samples(struct compilation *c, enum seq_archive archive, const char *accession,
                             const struct archive_wish *wish, struct span span,
                             struct arena *arena);

/* A list of the records. */
const struct vtype *archive_type(struct arena *arena);

#endif
