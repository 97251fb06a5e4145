"""The QC example in a place of its own, and its numbers beside those of the plain script."""

import glob
import os
import shutil
import subprocess

from lib import EXAMPLES, Failure, check, digest

PER_SAMPLE = ["clean", "align", "sort", "stats"]


def prepare(place, samples=None):
    """Copies qc.scitq and makes its reads; with `samples`, only that many. Returns their names."""
    shutil.copy(os.path.join(EXAMPLES, "qc", "qc.scitq"), place.path)
    reads = place.file("reads")
    subprocess.run([os.path.join(EXAMPLES, "qc", "make-reads"), reads], check=True,
                   stdout=subprocess.DEVNULL)
    sheet = os.path.join(reads, "samples.tsv")
    with open(sheet, encoding="utf-8") as lines:
        lines = lines.readlines()
    if samples is not None:
        lines = lines[:samples + 1]
        with open(sheet, "w", encoding="utf-8") as out:
            out.writelines(lines)
    return [line.split("\t")[0] for line in lines[1:]]


def plain(place):
    """The same work by plain.sh, into plain/."""
    got = subprocess.run([os.path.join(EXAMPLES, "qc", "plain.sh"), place.file("plain"), place.file("reads")],
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if got.returncode:
        raise Failure(f"plain.sh: exit {got.returncode}\n{got.stdout}")


def alignments(path):
    return subprocess.run(["samtools", "view", path], check=True, stdout=subprocess.PIPE).stdout


def compare(place, samples):
    """Every number of the workflow equals that of the plain script."""
    ours, theirs = place.file("results", "qc"), place.file("plain")
    same = ["report/report.tsv"]
    for sample in samples:
        same += [f"stats/{sample}/{sample}.{kind}.tsv" for kind in ("reads", "flagstat", "stats")]
        same += [f"clean/{sample}/{sample}_R{mate}.clean.fastq.gz" for mate in (1, 2)]
    for path in same:
        check(os.path.exists(os.path.join(ours, path)), f"results/qc/{path} was not made")
        check(digest(os.path.join(ours, path)) == digest(os.path.join(theirs, path)),
              f"{path} differs from the plain script's")
    with open(os.path.join(ours, "report/report.tsv"), encoding="utf-8") as report:
        check([line.split("\t")[0] for line in report][1:] == samples, "the report has other samples")
    for sample in samples:
        path = f"sort/{sample}/{sample}.sorted.bam"
        mine = alignments(os.path.join(ours, path))
        check(mine.count(b"\n") > 1000, f"{path} is empty")
        check(mine == alignments(os.path.join(theirs, path)), f"{path} differs from the plain script's")
        check(os.path.exists(os.path.join(ours, path + ".bai")), f"{path} has no index")
    extra = [path for path in glob.glob(os.path.join(ours, "*", "*", "*.tmp*"))]
    check(not extra, f"left in the results: {extra}")


def all_tasks(samples):
    return {"index", "report"} | {f"{step}:{sample}" for step in PER_SAMPLE for sample in samples}
