#include "compiler/archive.h"

#include "compiler/network.h"

#include <string.h>
#include <strings.h>

/* The fields of a record: those of a run, and these. */
enum { FIELD_RUNS = SEQ_FIELD_COUNT, FIELD_URIS, FIELD_READS, FIELD_BASES, FIELDS };

static const char *const field_names[FIELDS] = {
#define SEQ_FIELD(name, ena, sra) [SEQ_##name] = #name,
        SEQ_FIELDS(SEQ_FIELD)
#undef SEQ_FIELD
                [FIELD_RUNS] = "runs",
        [FIELD_URIS] = "uris",
        [FIELD_READS] = "reads",
        [FIELD_BASES] = "bases",
};

static const struct shape shape = {field_names, FIELDS};

const struct vtype *archive_type(struct arena *arena)
{
	struct vtype *record = arena_new(arena, struct vtype);

	record->kind = VTYPE_RECORD;
	record->shape = &shape;
	record->fields = arena_array(arena, const struct vtype *, FIELDS);
	for (size_t i = 0; i < SEQ_FIELD_COUNT; i++)
		record->fields[i] = vtype_of_kind(VTYPE_STRING);
	record->fields[FIELD_RUNS] = vtype_list(arena, vtype_of_kind(VTYPE_STRING));
	record->fields[FIELD_URIS] = vtype_list(arena, vtype_of_kind(VTYPE_URI));
	record->fields[FIELD_READS] = vtype_of_kind(VTYPE_INT);
	record->fields[FIELD_BASES] = vtype_of_kind(VTYPE_INT);
	return vtype_list(arena, record);
}

/* The runs of one record. */
struct sample {
	const char *key;
	VEC(const struct seq_run *) runs;
	uint64_t reads;
};

struct samples {
	VEC(struct sample) list;
	struct map numbers; /* by key */
};

static bool is_paired(const struct seq_run *run)
{
	return strcasecmp(run->text[SEQ_library_layout], "paired") == 0;
}

static bool wanted(const struct archive_wish *w, const struct seq_run *run)
{
	bool paired = is_paired(run) && !w->only_r1;

	if (w->strategy != NULL && strcasecmp(run->text[SEQ_library_strategy], w->strategy) != 0)
		return false;
	if (w->pairs && !paired)
		return false;
	return w->layout == NULL || paired == (strcmp(w->layout, "paired") == 0);
}

static struct sample *sample_of(struct samples *all, const char *key)
{
	bool is_new;
	uint64_t *number = map_put(&all->numbers, key, strlen(key), &is_new);

	if (is_new) {
		*number = all->list.n;
		vec_push(&all->list, (struct sample){.key = key});
	}
	return &all->list.v[*number];
}

static void choose(struct samples *all, const struct seq_runs *runs, const struct archive_wish *w)
{
	for (size_t i = 0; i < runs->list.n; i++) {
		const struct seq_run *run = &runs->list.v[i];
		struct sample *s;

		if (!wanted(w, run))
			continue;
		s = sample_of(all, run->text[w->by_run ? SEQ_run : SEQ_sample]);
		/* What an archive does not count is taken. */
		if (w->depth > 0 && s->reads >= (uint64_t)w->depth)
			continue;
		s->reads += run->reads;
		vec_push(&s->runs, run);
	}
}

/* What the runs say; where they differ, all of it, with ';' between. */
static struct value common_text(const struct sample *s, enum seq_field field, struct arena *arena)
{
	struct str text = STR_INIT;
	struct map seen = MAP_INIT;
	struct value v;

	for (size_t i = 0; i < s->runs.n; i++) {
		const char *one = s->runs.v[i]->text[field];
		bool is_new;

		map_put(&seen, one, strlen(one), &is_new);
		if (is_new)
			str_addf(&text, "%s%s", i > 0 ? ";" : "", one);
	}
	map_release(&seen);
	v = value_string(arena_strndup(arena, text.p, text.len));
	str_release(&text);
	return v;
}

/* run+fastq@sra@filter_r1://SRR1 */
static const char *uri_of(struct compilation *c, enum seq_archive archive,
                          const struct archive_wish *w, const struct seq_run *run)
{
	const char *uri =
	        arena_printf(&c->arena, "run+fastq%s%s://%s", archive == SEQ_SRA ? "@sra" : "",
	                     w->only_r1 && is_paired(run) ? "@filter_r1" : "", run->text[SEQ_run]);

	network_remember(c, uri, run->version);
	return uri;
}

static struct value record_of(struct compilation *c, enum seq_archive archive,
                              const struct archive_wish *w, const struct sample *s,
                              struct arena *arena)
{
	struct record *r = arena_new(arena, struct record);
	struct value *fields = arena_array(arena, struct value, FIELDS);
	struct value *names = arena_array(arena, struct value, s->runs.n);
	struct value *uris = arena_array(arena, struct value, s->runs.n);
	uint64_t bases = 0;

	for (size_t i = 0; i < s->runs.n; i++) {
		const char *uri = uri_of(c, archive, w, s->runs.v[i]);

		names[i] = value_string(s->runs.v[i]->text[SEQ_run]);
		uris[i] = value_text(VALUE_URI, uri, strlen(uri), 0);
		bases += s->runs.v[i]->bases;
	}
	for (int i = 0; i < SEQ_FIELD_COUNT; i++)
		fields[i] = common_text(s, (enum seq_field)i, arena);
	fields[FIELD_RUNS] = value_list(arena, names, s->runs.n);
	fields[FIELD_URIS] = value_list(arena, uris, s->runs.n);
	fields[FIELD_READS] = value_int((int64_t)s->reads);
	fields[FIELD_BASES] = value_int((int64_t)bases);
	*r = (struct record){.shape = &shape,
	                     .fields = fields,
	                     .key = value_string(s->key),
	                     .total = FIELDS + 2 * s->runs.n};
	return (struct value){.kind = VALUE_RECORD, .record = r};
}

struct value archive_samples(struct compilation *c, enum seq_archive archive, const char *accession,
                             const struct archive_wish *wish, struct span span, struct arena *arena)
{
	const struct seq_runs *runs;
	struct samples all = {.numbers = MAP_INIT};
	struct value *records, v;
	struct diag *d;

	if ((wish->pairs || (wish->layout != NULL && strcmp(wish->layout, "paired") == 0)) &&
	    (wish->only_r1 || (wish->layout != NULL && strcmp(wish->layout, "single") == 0))) {
		d = report(c, E0315, span, "no run has pairs and is single");
		label(c, d, "nothing can be found");
		help(c, d, "%s",
		     wish->only_r1 ? "with `only_r1` paired runs count as single"
		                   : "a depth of `2x10M` asks for pairs");
		return VALUE_BAD_INIT;
	}
	runs = network_runs(c, archive, accession, span);
	if (runs == NULL)
		return VALUE_BAD_INIT;
	choose(&all, runs, wish);
	records = arena_array(arena, struct value, all.list.n);
	for (size_t i = 0; i < all.list.n; i++)
		records[i] = record_of(c, archive, wish, &all.list.v[i], arena);
	v = value_list(arena, records, all.list.n);
	for (size_t i = 0; i < all.list.n; i++)
		vec_release(&all.list.v[i].runs);
	vec_release(&all.list);
	map_release(&all.numbers);
	return v;
}
