/*
 * Prints the part of scitq.h that is made from the field tables: the words of statuses, and a
 * struct for each kind of rows. With scitq.h as its argument it prints that header with this part
 * in the place of its include, as it is installed. Runs when the library is built.
 */
#include "base/fd.h"
#include "client/shapes.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define INCLUDE "#include \"client/scitq_rows.h\""

static const char *c_type(enum field_kind kind)
{
	switch (kind) {
	case KIND_INT:
	case KIND_DATE:
		return "int64_t ";
	case KIND_REAL:
		return "double ";
	case KIND_TEXT:
		return "const char *";
	case KIND_INTS:
		return "struct scitq_ints ";
	case KIND_BOOL:
	case KIND_TASK_STATUS:
	case KIND_EXECUTION_STATUS:
	case KIND_WORKER_STATUS:
	case KIND_JOB_STATUS:
	case KIND_RUN_STATUS:
		return "int8_t ";
	}
	return "";
}

static void print_upper(const char *text)
{
	for (; *text != '\0'; text++)
		putchar(toupper((unsigned char)*text));
}

static void print_status(const char *name, enum field_kind kind)
{
	size_t n;
	const char *const *words = field_words(kind, &n);

	printf("enum scitq_%s_status {\n", name);
	for (size_t i = 0; i < n; i++) {
		fputs("\tSCITQ_", stdout);
		print_upper(name);
		putchar('_');
		print_upper(words[i]);
		puts(",");
	}
	puts("};\n");
}

static void print_table(const struct table *t)
{
	printf("struct scitq_%s {\n", t->name);
	for (unsigned i = 0; i < t->nfields; i++) {
		const struct field *f = &t->fields[i];

		printf("\t%s%s; /* %s */\n", c_type(f->kind), f->name, f->help);
	}
	puts("};\n");
}

static void print_rows(void)
{
	puts("/*\n"
	     " * Rows. What is absent is SCITQ_INT_NULL in numbers and dates, NaN in reals, -1 in "
	     "int8_t,\n"
	     " * NULL in texts. Dates are microseconds since 1970 in UTC. An int8_t is 0 or 1, or "
	     "of a\n"
	     " * status one of the enum of its name.\n"
	     " */\n"
	     "#define SCITQ_INT_NULL INT64_MIN\n\n"
	     "struct scitq_ints {\n"
	     "\tconst int64_t *v; /* NULL: absent */\n"
	     "\tsize_t n;\n"
	     "};\n");
	print_status("task", KIND_TASK_STATUS);
	print_status("execution", KIND_EXECUTION_STATUS);
	print_status("worker", KIND_WORKER_STATUS);
	print_status("job", KIND_JOB_STATUS);
	print_status("run", KIND_RUN_STATUS);
	for (enum row_kind kind = ROWS_NONE; kind < ROWS_COUNT; kind++) {
		if (kind != ROWS_NONE)
			print_table(row_table(kind));
	}
}

int main(int argc, char **argv)
{
	struct str text = STR_INIT;
	char *at;

	if (argc < 2) {
		puts("/* Made by client/rows_print.c. */\n"
		     "#ifndef CLIENT_SCITQ_ROWS_H\n"
		     "#define CLIENT_SCITQ_ROWS_H\n\n"
		     "#include <stddef.h>\n"
		     "#include <stdint.h>\n");
		print_rows();
		puts("#endif");
	} else {
		at = file_read(argv[1], &text) == 0 ? strstr(text.p, INCLUDE) : NULL;
		if (at == NULL) {
			fprintf(stderr, "%s: cannot be read, or lacks %s\n", argv[1], INCLUDE);
			return 1;
		}
		fwrite(text.p, 1, (size_t)(at - text.p), stdout);
		print_rows();
		fputs(strchr(at, '\n') + 1, stdout);
		str_release(&text);
	}
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
