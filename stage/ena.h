/*
 * What the European Nucleotide Archive says of the reads of an accession: its file report. Source:
 * ENA Portal API, "filereport", results of type read_run as tab-separated text. Private to
 * stage/; fastq.c is the transport that uses it, seq.c tells of the runs themselves.
 *
 * SCITQ_ENA_URL names another address of the same service.
 */
#ifndef STAGE_ENA_H
#define STAGE_ENA_H

#include "base/vec.h"
#include "stage/report.h"
#include "stage/stage.h"
#include "stage/uri.h"

/*
 * The file report of an accession with these columns, a row for each of its runs, at least one;
 * an accession that ENA does not know is STAGE_NOT_FOUND. `uri` is what the user named.
 */
enum stage_result ena_ask(struct stage *s, const struct uri *uri, const char *accession,
                          const char *const *columns, size_t n, struct arena *arena,
                          struct report *report, struct str *error);

struct ena_file {
	const char *run;    /* accession of the run it belongs to */
	const char *name;   /* ERR1_1.fastq.gz */
	const char *ftp;    /* "host/path", as the report has it; NULL: none */
	const char *aspera; /* "host:path"; NULL: none */
	const char *md5;    /* 32 lower-case digits; "": not told */
	uint64_t size;      /* 0: not told */
};

struct ena_files {
	VEC(struct ena_file) list;
};

/* Files that ENA made of the reads, or those that it was given. */
enum ena_kind { ENA_FASTQ, ENA_SUBMITTED };

/*
 * The files of all runs of the accession, in the order of the report, in the arena. One that ENA
 * does not know is STAGE_NOT_FOUND; one without files of that kind is STAGE_OK with none of them.
 */
enum stage_result ena_report(struct stage *s, const struct uri *uri, const char *accession,
                             enum ena_kind kind, struct arena *arena, struct ena_files *files,
                             struct str *error);

#endif
