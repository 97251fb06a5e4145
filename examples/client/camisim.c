/*
 * A simulation for each sample of a table, on workers that are deployed for it:
 * camisim SERVER SAMPLES.tsv
 */
#define _POSIX_C_SOURCE 200809L
#include <scitq.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME "camisim1"
#define GENOME_SOURCE "s3://rnd/resource/mygenomes.tgz"
#define DOCKER_IMAGE "privateregistry01.container-registry.ovh.net/library/camisim-shared:1.3.0.7"
#define MOST 1000

static struct scitq_answer *create(struct scitq *s, const char *sample)
{
	static const char *const items[] = {"composition.tsv", "metadata.tsv", "config.ini",
	                                    "id_to_genome.tsv"};
	static const char *const resource[] = {GENOME_SOURCE "|untar", NULL};
	char input[4][512], output[512];
	const char *inputs[5] = {NULL};
	struct scitq_new_task task = {
	        .command = "metagenomesimulation.py /input/config.ini",
	        .name = sample,
	        .batch = NAME,
	        .input = inputs,
	        .resource = resource,
	        .output = output,
	        .container = DOCKER_IMAGE,
	};

	for (size_t i = 0; i < 4; i++) {
		snprintf(input[i], sizeof(input[i]), "s3://rnd/camisim/" NAME "/%s/%s", sample,
		         items[i]);
		inputs[i] = input[i];
	}
	snprintf(output, sizeof(output), "s3://rnd/results/camisim/" NAME "/%s/", sample);
	return scitq_task_create(s, &task);
}

/* The samples are the columns of the first line, but for the first. */
static size_t create_all(struct scitq *s, const char *path, struct scitq_answer **tasks)
{
	FILE *file = fopen(path, "r");
	char *line = NULL, *rest, *sample;
	size_t size = 0, n = 0;

	if (file == NULL || getline(&line, &size, file) < 0) {
		perror(path);
		exit(2);
	}
	line[strcspn(line, "\n")] = '\0';
	strtok_r(line, "\t", &rest);
	while (n < MOST && (sample = strtok_r(NULL, "\t", &rest)) != NULL)
		tasks[n++] = create(s, sample);
	free(line);
	fclose(file);
	return n;
}

static bool progress(void *context, const struct scitq_counts *counts)
{
	(void)context;
	fprintf(stderr, "%zu running, %zu succeeded, %zu failed\n", counts->running,
	        counts->succeeded, counts->failed);
	return true;
}

int main(int argc, char **argv)
{
	const struct scitq_new_workers workers = {
	        .number = 5, .batch = NAME, .region = "UK1", .flavor = "i1-180", .concurrency = 9};
	const struct scitq_join_options join = {.retry = 2, .check = true, .progress = progress};
	struct scitq_answer *tasks[MOST], *deployed, *done;
	struct scitq *s = argc > 2 ? scitq_open(argv[1], NULL) : NULL;
	size_t n;
	bool ok;

	if (s == NULL) {
		fputs("usage: camisim SERVER SAMPLES.tsv\n", stderr);
		return 2;
	}
	n = create_all(s, argv[2], tasks);
	deployed = scitq_worker_deploy(s, &workers);
	done = NULL;
	ok = scitq_result(deployed) == SCITQ_OK;
	if (ok) {
		done = scitq_join(s, tasks, n, &join);
		ok = scitq_result(done) == SCITQ_OK;
	}
	if (!ok)
		fprintf(stderr, "camisim: %s\n", scitq_error(done ? done : deployed));
	for (size_t i = 0; i < n; i++)
		scitq_free(tasks[i]);
	scitq_free(deployed);
	scitq_free(done);
	scitq_close(s, -1);
	return ok ? 0 : 1;
}
