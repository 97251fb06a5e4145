/*
 * The seeds of a fuzzer and every input that once broke what it reads, run once more without the
 * fuzzer. CORPUS is the folder of them.
 */
#include "base/fd.h"
#include "base/str.h"

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIRECTORY "tests/fuzz/corpus/" CORPUS

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int is_file(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int main(void)
{
	struct dirent **names;
	int n = scandir(DIRECTORY, &names, is_file, alphasort), failed = 0;

	for (int i = 0; i < n; i++) {
		struct str text = STR_INIT;
		char path[512];

		snprintf(path, sizeof(path), DIRECTORY "/%s", names[i]->d_name);
		if (file_read(path, &text) != 0) {
			fprintf(stderr, "%s: cannot be read\n", path);
			failed++;
		} else {
			/* Named first: a crash says no more. */
			printf("%s\n", path);
			fflush(stdout);
			LLVMFuzzerTestOneInput((const uint8_t *)text.p, text.len);
		}
		str_release(&text);
		free(names[i]);
	}
	if (n > 0)
		free(names);
	return n <= 0 || failed > 0;
}
