#!/bin/bash
# plain.sh OUTDIR [READS] - the work of qc.scitq as a plain script, one sample after the other
#
# READS is a directory that make-reads made (made here when it is not given). The results lie as
# qc.scitq lays them out, OUTDIR/<step>/<sample>/<file>, and are the numbers it is tested against.
set -euo pipefail
export LC_ALL=C

if [ $# -lt 1 ] || [ $# -gt 2 ]; then
	echo "usage: plain.sh OUTDIR [READS]" >&2
	exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
out=$(cd "$1" && pwd)
reads=${2:-$out/reads}
[ $# -eq 2 ] || "$here/make-reads" "$reads"
reads=$(cd "$reads" && pwd)

mkdir -p "$out/index" "$out/report"
bowtie2-build --quiet --threads 2 "$reads/lambda.fa" "$out/index/genome"

report=$out/report/report.tsv
printf 'sample\treads\tclean\tmapped\tproper\tinsert\terror_rate\n' >"$report"

while IFS=$'\t' read -r sample r1 r2; do
	for step in clean align sort stats; do
		mkdir -p "$out/$step/$sample"
	done
	clean=$out/clean/$sample/$sample
	stats=$out/stats/$sample/$sample
	sorted=$out/sort/$sample/$sample.sorted.bam

	fastp --thread 1 --in1 "$reads/$r1" --in2 "$reads/$r2" --length_required 60 \
		--qualified_quality_phred 10 --json "$clean.fastp.json" --html /dev/null \
		--out1 "${clean}_R1.clean.fastq.gz" --out2 "${clean}_R2.clean.fastq.gz"
	bowtie2 --threads 2 --reorder -x "$out/index/genome" \
		-1 "${clean}_R1.clean.fastq.gz" -2 "${clean}_R2.clean.fastq.gz" |
		samtools view --no-PG -b -o "$out/align/$sample/$sample.bam" -
	samtools sort --no-PG -T "$out/sort/$sample/tmp" -o "$sorted" "$out/align/$sample/$sample.bam"
	samtools index "$sorted"

	seqkit stats --threads 1 --tabular --basename \
		"${clean}_R1.clean.fastq.gz" "$reads/$r1" "${clean}_R2.clean.fastq.gz" "$reads/$r2" \
		>"$stats.reads.tsv"
	samtools flagstat -O tsv "$sorted" >"$stats.flagstat.tsv"
	samtools stats "$sorted" | grep '^SN' | cut -f 2,3 >"$stats.stats.tsv"

	printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$sample" \
		"$(awk -F '\t' 'FNR > 1 && !/clean/ { n += $4 } END { print n }' "$stats.reads.tsv")" \
		"$(awk -F '\t' '/clean/ { n += $4 } END { print n }' "$stats.reads.tsv")" \
		"$(awk -F '\t' '$3 == "mapped" { print $1 }' "$stats.flagstat.tsv")" \
		"$(awk -F '\t' '$3 == "properly paired" { print $1 }' "$stats.flagstat.tsv")" \
		"$(awk -F '\t' '$1 == "insert size average:" { print $2 }' "$stats.stats.tsv")" \
		"$(awk -F '\t' '$1 == "error rate:" { print $2 }' "$stats.stats.tsv")" >>"$report"
done < <(tail -n +2 "$reads/samples.tsv")
cat "$report"
