#include "stage/seq.h"

#include "net/url.h"
#include "stage/ena.h"
#include "stage/fault.h"
#include "stage/remote.h"

#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define SRA_SERVICE "https://eutils.ncbi.nlm.nih.gov/entrez/eutils"
/* Runs of one answer: NCBI asks for pages of a few thousand. */
#define SRA_PAGE 5000

/* Columns behind the texts. */
enum { READS = SEQ_FIELD_COUNT, BASES, VERSION, COLUMNS };

static const char *const ena_columns[COLUMNS] = {
#define SEQ_FIELD(name, ena, sra) [SEQ_##name] = ena,
        SEQ_FIELDS(SEQ_FIELD)
#undef SEQ_FIELD
                [READS] = "read_count",
        [BASES] = "base_count",
        [VERSION] = "fastq_md5",
};

static const char *const sra_columns[COLUMNS] = {
#define SEQ_FIELD(name, ena, sra) [SEQ_##name] = sra,
        SEQ_FIELDS(SEQ_FIELD)
#undef SEQ_FIELD
                [READS] = "spots",
        [BASES] = "bases",
        [VERSION] = "ReadHash",
};

/* efetch leaves the names out of some answers. */
static const char sra_usual[] =
        "Run,ReleaseDate,LoadDate,spots,bases,spots_with_mates,avgLength,size_MB,AssemblyName,"
        "download_path,Experiment,LibraryName,LibraryStrategy,LibrarySelection,LibrarySource,"
        "LibraryLayout,InsertSize,InsertDev,Platform,Model,SRAStudy,BioProject,Study_Pubmed_id,"
        "ProjectID,Sample,BioSample,SampleType,TaxID,ScientificName,SampleName,g1k_pop_code,source,"
        "g1k_analysis_group,Subject_ID,Sex,Disease,Tumor,Affection_Status,Analyte_Type,"
        "Histological_Type,Body_Site,CenterName,Submission,dbgap_study_accession,Consent,RunHash,"
        "ReadHash";

static void take_rows(const struct report *report, struct seq_runs *runs)
{
	for (size_t i = 0; i < report->n; i++) {
		char *const *row = report->rows[i];
		struct seq_run run = {.reads = strtoull(row[READS], NULL, 10),
		                      .bases = strtoull(row[BASES], NULL, 10),
		                      .version = *row[VERSION] != '\0' ? row[VERSION] : NULL};

		for (size_t c = 0; c < SEQ_FIELD_COUNT; c++)
			run.text[c] = row[c];
		vec_push(&runs->list, run);
	}
}

static enum stage_result find_ena(struct stage *s, const struct uri *uri, struct arena *arena,
                                  struct seq_runs *runs, struct str *error)
{
	struct report report = {0};
	enum stage_result r =
	        ena_ask(s, uri, uri->text, ena_columns, COLUMNS, arena, &report, error);

	if (r == STAGE_OK)
		take_rows(&report, runs);
	return r;
}

/* ---- NCBI ---- */

/* Where the server keeps what a search found. */
struct search {
	const char *environment, *key;
	size_t count;
};

static void add_query(struct str *url, const char *name, const char *value)
{
	str_addf(url, "&%s=", name);
	url_escape(url, value, strlen(value));
}

static void begin_url(struct str *url, const char *program)
{
	const char *service = getenv("SCITQ_SRA_URL"), *key = getenv("NCBI_API_KEY");

	str_addf(url, "%s/%s.fcgi?db=sra",
	         service != NULL && *service != '\0' ? service : SRA_SERVICE, program);
	if (key != NULL && *key != '\0')
		add_query(url, "api_key", key);
}

/* Accessions are looked for where such ones stand. */
static const char *term_of(const char *accession, struct arena *arena)
{
	const char *field = strncmp(accession, "PRJ", 3) == 0   ? "bioproject"
	                    : strncmp(accession, "SAM", 3) == 0 ? "biosample"
	                                                        : "accession";

	return arena_printf(arena, "%s[%s]", accession, field);
}

static enum stage_result parse_search(const struct uri *uri, const struct str *body,
                                      struct arena *arena, struct search *found, struct str *error)
{
	json_t *root = json_loadb(body->p, body->len, 0, NULL);
	json_t *result = json_object_get(root, "esearchresult");
	const char *count = json_string_value(json_object_get(result, "count"));
	const char *environment = json_string_value(json_object_get(result, "webenv"));
	const char *key = json_string_value(json_object_get(result, "querykey"));
	const char *wrong = json_string_value(json_object_get(result, "ERROR"));
	enum stage_result r = STAGE_OK;

	if (wrong != NULL)
		r = fault(error, STAGE_NETWORK, uri->text, "NCBI says: %.200s", wrong);
	else if (count == NULL || environment == NULL || key == NULL)
		r = fault(error, STAGE_NETWORK, uri->text, "what answers is no search of NCBI");
	else if (strtoull(count, NULL, 10) == 0)
		r = fault(error, STAGE_NOT_FOUND, uri->text, "NCBI knows no such reads");
	if (r == STAGE_OK)
		*found = (struct search){arena_strdup(arena, environment), arena_strdup(arena, key),
		                         strtoull(count, NULL, 10)};
	json_decref(root);
	return r;
}

static enum stage_result search(struct stage *s, const struct uri *uri, struct arena *arena,
                                struct search *found, struct str *error)
{
	struct str url = STR_INIT, body = STR_INIT;
	enum stage_result r;

	begin_url(&url, "esearch");
	add_query(&url, "term", term_of(uri->text, arena));
	str_adds(&url, "&usehistory=y&retmax=0&retmode=json");
	r = remote_read(s, uri, url.p, &body, error);
	if (r == STAGE_OK)
		r = parse_search(uri, &body, arena, found, error);
	str_release(&url);
	str_release(&body);
	return r;
}

static enum stage_result fetch_page(struct stage *s, const struct uri *uri,
                                    const struct search *found, size_t first, struct arena *arena,
                                    struct seq_runs *runs, struct str *error)
{
	static const struct report_form form = {',', sra_columns, COLUMNS, 1, sra_usual};
	struct str url = STR_INIT, body = STR_INIT;
	struct report report = {0};
	enum stage_result r;

	begin_url(&url, "efetch");
	add_query(&url, "WebEnv", found->environment);
	add_query(&url, "query_key", found->key);
	str_addf(&url, "&rettype=runinfo&retmode=text&retstart=%zu&retmax=%d", first, SRA_PAGE);
	r = remote_read(s, uri, url.p, &body, error);
	if (r == STAGE_OK &&
	    !report_parse(arena_strndup(arena, body.p, body.len), &form, arena, &report))
		r = fault(error, STAGE_NETWORK, uri->text, "what answers is no runinfo of NCBI");
	if (r == STAGE_OK)
		take_rows(&report, runs);
	str_release(&url);
	str_release(&body);
	return r;
}

static enum stage_result find_sra(struct stage *s, const struct uri *uri, struct arena *arena,
                                  struct seq_runs *runs, struct str *error)
{
	struct search found;
	size_t before = runs->list.n;
	enum stage_result r = search(s, uri, arena, &found, error);

	/* It counts experiments, each of which has a run or more. */
	for (size_t first = 0; r == STAGE_OK && first < found.count; first += SRA_PAGE)
		r = fetch_page(s, uri, &found, first, arena, runs, error);
	if (r == STAGE_OK && runs->list.n == before)
		r = fault(error, STAGE_NOT_FOUND, uri->text, "NCBI has no runs of it");
	return r;
}

enum stage_result seq_find(struct stage *s, enum seq_archive archive, const char *accession,
                           struct arena *arena, struct seq_runs *runs, struct str *error)
{
	struct uri uri = {.text = accession, .place = accession, .scheme = "https"};
	bool word = *accession != '\0';

	for (const char *p = accession; *p != '\0'; p++)
		word = word && (isalnum((unsigned char)*p) || *p == '_' || *p == '.');
	if (!word)
		return fault(error, STAGE_BAD_URI, accession, "is no accession");
	return archive == SEQ_ENA ? find_ena(s, &uri, arena, runs, error)
	                          : find_sra(s, &uri, arena, runs, error);
}
