/*
 * What the public archives of sequencing reads say of the runs of an accession: of a study, a
 * sample, an experiment or a single run.
 *
 * SEQ_ENA asks the file report of the European Nucleotide Archive (SCITQ_ENA_URL names another
 * address of it). SEQ_SRA asks NCBI's Sequence Read Archive by its E-utilities, esearch and efetch
 * with the report "runinfo" (SCITQ_SRA_URL, NCBI_API_KEY).
 */
#ifndef STAGE_SEQ_H
#define STAGE_SEQ_H

#include "base/arena.h"
#include "base/vec.h"
#include "stage/stage.h"

enum seq_archive { SEQ_ENA, SEQ_SRA };

/* Texts that are told of a run: our name, which is ENA's where not said, ENA's, SRA's. "" where an
 * archive does not tell it. To add one: a row here. */
#define SEQ_FIELDS(F)                                                                              \
	F(run, "run_accession", "Run")                                                             \
	F(sample, "sample_accession", "BioSample")                                                 \
	F(sample_name, "sample_alias", "SampleName")                                               \
	F(study, "study_accession", "BioProject")                                                  \
	F(experiment, "experiment_accession", "Experiment")                                        \
	F(library_name, "library_name", "LibraryName")                                             \
	F(library_layout, "library_layout", "LibraryLayout")                                       \
	F(library_strategy, "library_strategy", "LibraryStrategy")                                 \
	F(library_source, "library_source", "LibrarySource")                                       \
	F(library_selection, "library_selection", "LibrarySelection")                              \
	F(instrument_platform, "instrument_platform", "Platform")                                  \
	F(instrument_model, "instrument_model", "Model")                                           \
	F(scientific_name, "scientific_name", "ScientificName")                                    \
	F(tax_id, "tax_id", "TaxID")

enum seq_field {
#define SEQ_FIELD(name, ena, sra) SEQ_##name,
	SEQ_FIELDS(SEQ_FIELD)
#undef SEQ_FIELD
	        SEQ_FIELD_COUNT
};

struct seq_run {
	const char *text[SEQ_FIELD_COUNT];
	uint64_t reads; /* spots: of paired reads the pairs; 0: not told */
	uint64_t bases;
	const char *version; /* of its reads, another text once they change; NULL: not told */
};

struct seq_runs {
	VEC(struct seq_run) list; /* in the archive's order; texts in the arena */
};

/*
 * Add the runs, at least one, or STAGE_NOT_FOUND. Lines in `error` begin with the accession. One
 * that is no word of letters and digits is STAGE_BAD_URI.
 */
enum stage_result seq_find(struct stage *s, enum seq_archive archive, const char *accession,
                           struct arena *arena, struct seq_runs *runs, struct str *error);

#endif
