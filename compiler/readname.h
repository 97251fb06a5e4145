/*
 * What the name of a file of sequencing reads says: to which sample it belongs.
 * files(group = prefix) puts the files of one sample together by it.
 *
 *	S_2_R1.fastq.gz, S_2_R2.fastq.gz                  S_2
 *	A_S1_L001_R1_001.fastq.gz, A_S1_L002_R2_001...    A      (as bcl2fastq names them)
 *	x.1.fq, x.2.fq; SRR7_1.fastq.gz, SRR7_2.fastq.gz  x; SRR7
 *	S_2.fastq.gz                                      S_2
 */
#ifndef COMPILER_READNAME_H
#define COMPILER_READNAME_H

#include <stdbool.h>
#include <stddef.h>

/* Lengths of beginnings of the name; each at least 1 unless the name is empty. */
struct readname {
	size_t stem;    /* without what tells format and compression */
	size_t library; /* without lane and number of the read, where the stem tells them */
	size_t sample;  /* without the number that bcl2fastq gave the sample, too */
	/*
	 * The stem ends in `_1` or `.2` alone. That is the number of a read where the name
	 * with the other number is there as well, and a part of the sample's name elsewhere;
	 * library and sample are then as if it were no read. `mate` is the place of the digit.
	 */
	bool bare;
	size_t mate;
};

/* name: the last component of a path, of n bytes. */
struct readname readname_parse(const char *name, size_t n);

#endif
