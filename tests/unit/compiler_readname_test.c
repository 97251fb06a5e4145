/*
 * Names of files of reads as sequencers and archives write them: what is the sample.
 */
#include "compiler/readname.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void is(const char *name, const char *library, const char *sample, bool bare)
{
	struct readname r = readname_parse(name, strlen(name));

	if (r.library != strlen(library) || strncmp(name, library, r.library) != 0)
		fail_msg("%s: library %.*s", name, (int)r.library, name);
	if (r.sample != strlen(sample) || strncmp(name, sample, r.sample) != 0)
		fail_msg("%s: sample %.*s", name, (int)r.sample, name);
	assert_int_equal(r.bare, bare);
	if (r.bare)
		assert_true(name[r.mate] == '1' || name[r.mate] == '2');
}

static void lettered_reads(void **state)
{
	(void)state;
	is("S_2_R1.fastq.gz", "S_2", "S_2", false);
	is("S_2_R2.fastq.gz", "S_2", "S_2", false);
	is("S.r2.fq.bz2", "S", "S", false);
	is("S-R1.FASTQ.GZ", "S", "S", false);
	is("S_L002_R1.fq", "S", "S", false);
	is("S_R3.fq", "S_R3", "S_R3", false);
	is("S_I1.fq", "S_I1", "S_I1", false);
}

static void bcl2fastq(void **state)
{
	(void)state;
	is("S_2_S1_L001_R1_001.fastq.gz", "S_2_S1", "S_2", false);
	is("S_2_S1_L002_R2_001.fastq.gz", "S_2_S1", "S_2", false);
	is("A_S12_R1_001.fastq.gz", "A_S12", "A", false);
	is("A_S12_L001_I1_001.fastq.gz", "A_S12", "A", false);
	is("A_R1_001.fastq.gz", "A", "A", false);
	/* A number of three digits alone is no tail. */
	is("A_S12_001.fastq.gz", "A_S12_001", "A_S12_001", false);
	is("A_S12.fastq.gz", "A_S12", "A_S12", false);
}

static void bare_numbers(void **state)
{
	(void)state;
	is("S_1.fastq.gz", "S_1", "S_1", true);
	is("S.2.fq", "S.2", "S.2", true);
	is("S_3.fastq.gz", "S_3", "S_3", false);
	is("S-1.fastq.gz", "S-1", "S-1", false);
	is("S12.fastq.gz", "S12", "S12", false);
	is("S_21.fastq.gz", "S_21", "S_21", false);
}

static void extensions(void **state)
{
	(void)state;
	is("S1.fastq.gz", "S1", "S1", false);
	is("S1.sorted.bam", "S1.sorted", "S1.sorted", false);
	is("GSM1.rep1.fq.zst", "GSM1.rep1", "GSM1.rep1", false);
	is("S1", "S1", "S1", false);
	is(".hidden", ".hidden", ".hidden", false);
	is(".gz", ".gz", ".gz", false);
	is("v1.2", "v1.2", "v1.2", true);
	is("_R1.fq", "_R1", "_R1", false);
	is("_1", "_1", "_1", false);
	is("", "", "", false);
	is("1", "1", "1", false);
	is("x.", "x.", "x.", false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(lettered_reads),
	        cmocka_unit_test(bcl2fastq),
	        cmocka_unit_test(bare_numbers),
	        cmocka_unit_test(extensions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
