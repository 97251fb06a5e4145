#include "stage/ena.h"

#include "net/url.h"
#include "stage/fault.h"
#include "stage/remote.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define SERVICE "https://www.ebi.ac.uk/ena/portal/api/filereport"

enum column { RUN, FTP, ASPERA, MD5, BYTES, COLUMNS };

static const char *const column_names[][COLUMNS] = {
        [ENA_FASTQ] = {"run_accession", "fastq_ftp", "fastq_aspera", "fastq_md5", "fastq_bytes"},
        [ENA_SUBMITTED] = {"run_accession", "submitted_ftp", "submitted_aspera", "submitted_md5",
                           "submitted_bytes"},
};

/* Part i of a cell whose parts stand for the same files as those of the others; "" where it has
 * none. */
static const char *part(char *const *parts, size_t n, size_t i)
{
	return i < n ? parts[i] : "";
}

/* The last component, where it is a name that a file may have. */
static const char *file_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;

	return *name != '\0' && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 ? name : NULL;
}

static bool is_md5(const char *text)
{
	return strlen(text) == 32 && text[strspn(text, "0123456789abcdef")] == '\0';
}

/* A row of the report: the cells of one run. */
static void take_row(char *const cells[COLUMNS], struct arena *arena, struct ena_files *files)
{
	char **parts[COLUMNS];
	size_t n[COLUMNS], most;

	for (int c = FTP; c < COLUMNS; c++)
		parts[c] = report_cut(cells[c], ';', arena, &n[c]);
	most = n[FTP] > n[ASPERA] ? n[FTP] : n[ASPERA];
	for (size_t i = 0; i < most; i++) {
		const char *ftp = part(parts[FTP], n[FTP], i);
		const char *aspera = part(parts[ASPERA], n[ASPERA], i);
		const char *md5 = part(parts[MD5], n[MD5], i);
		struct ena_file f = {.run = cells[RUN],
		                     .name = file_name(*ftp != '\0' ? ftp : aspera),
		                     .ftp = *ftp != '\0' ? ftp : NULL,
		                     .aspera = *aspera != '\0' ? aspera : NULL,
		                     .md5 = is_md5(md5) ? md5 : "",
		                     .size = strtoull(part(parts[BYTES], n[BYTES], i), NULL, 10)};

		if (f.name != NULL)
			vec_push(&files->list, f);
	}
}

enum stage_result ena_ask(struct stage *s, const struct uri *uri, const char *accession,
                          const char *const *columns, size_t n, struct arena *arena,
                          struct report *report, struct str *error)
{
	const struct report_form form = {'\t', columns, n, n, NULL};
	const char *service = getenv("SCITQ_ENA_URL");
	struct str url = STR_INIT, body = STR_INIT;
	enum stage_result r;

	str_addf(&url, "%s?accession=", service != NULL && *service != '\0' ? service : SERVICE);
	url_escape(&url, accession, strlen(accession));
	str_adds(&url, "&result=read_run&format=tsv&limit=0&fields=");
	for (size_t c = 0; c < n; c++)
		str_addf(&url, "%s%s", c > 0 ? "," : "", columns[c]);
	r = remote_read(s, uri, url.p, &body, error);
	if (r == STAGE_OK &&
	    !report_parse(arena_strndup(arena, body.p, body.len), &form, arena, report))
		r = fault(error, STAGE_NETWORK, uri->text, "what answers is no file report of ENA");
	else if (r == STAGE_OK && report->n == 0)
		r = fault(error, STAGE_NOT_FOUND, uri->text, "ENA knows no such reads");
	str_release(&url);
	str_release(&body);
	return r;
}

enum stage_result ena_report(struct stage *s, const struct uri *uri, const char *accession,
                             enum ena_kind kind, struct arena *arena, struct ena_files *files,
                             struct str *error)
{
	struct report report = {0};
	enum stage_result r =
	        ena_ask(s, uri, accession, column_names[kind], COLUMNS, arena, &report, error);

	for (size_t i = 0; r == STAGE_OK && i < report.n; i++)
		take_row(report.rows[i], arena, files);
	return r;
}
