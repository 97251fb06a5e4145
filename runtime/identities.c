#include "runtime/identities.h"

#include "base/alloc.h"
#include "model/attempt.h"
#include "model/removal.h"
#include "stage/list.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_LEN (DIGEST_TEXT_SIZE - 1)

/* What an upstream task wrote: its identity, and which of its files. */
static void add_produced(const struct identities *ids, const struct submission_uri *u,
                         enum identity_part part, struct arena *arena, struct identity *out)
{
	/* Below the producer's output; a gather has too many inputs to ask it each time. */
	size_t n = ids->output_len[u->producer], len = strlen(u->uri);
	const char *below = u->uri + (n < len ? n : len);

	identity_add(out, part, "task");
	identity_add(out, part, arena_strndup(arena, ids->text[u->producer], TEXT_LEN));
	identity_add(out, part, below);
}

/* What was there before: the names and bytes of local files, the address of others and what was
 * told of their content. */
static bool add_source(const struct identities *ids, const struct submission_uri *u,
                       enum identity_part part, struct arena *arena, struct identity *out,
                       struct str *error)
{
	char text[DIGEST_TEXT_SIZE];
	struct stage_listing listing;
	const char *why = NULL;
	struct uri uri;

	if (!uri_parse(arena, u->uri, &uri, &why)) {
		str_addf(error, "%s: %s", u->uri, why);
		return false;
	}
	if (strcmp(uri.scheme, "file") != 0) {
		identity_add(out, part, "uri");
		identity_add(out, part, u->uri);
		if (u->version != NULL) {
			identity_add(out, part, "version");
			identity_add(out, part, u->version);
		}
		return true;
	}
	if (stage_list(NULL, &uri, STAGE_RECURSIVE, arena, &listing, error) != STAGE_OK)
		return false;
	for (size_t i = 0; i < listing.n; i++) {
		int err = digests_file(ids->digests, listing.entries[i].place, text);

		if (err != 0) {
			str_addf(error, "%s: %s", listing.entries[i].place, strerror(-err));
			return false;
		}
		identity_add(out, part, "file");
		identity_add(out, part, listing.entries[i].name);
		identity_add(out, part, text);
	}
	return true;
}

static bool add_uris(const struct identities *ids, const struct submission_uri *uris, size_t n,
                     enum identity_part part, struct arena *arena, struct identity *out,
                     struct str *error)
{
	for (size_t i = 0; i < n; i++) {
		if (uris[i].producer != UINT32_MAX)
			add_produced(ids, &uris[i], part, arena, out);
		else if (!add_source(ids, &uris[i], part, arena, out, error))
			return false;
		identity_add(out, part, uris[i].actions);
	}
	return true;
}

/* Attempts may run in other containers: any of them may make the result. */
static void add_attempts(const struct submission_task *task, struct arena *arena,
                         struct identity *out)
{
	const struct task *first = &task->row;

	for (unsigned k = 0; first->attempt_settings != NULL && k <= first->retry; k++) {
		struct task row = *first;
		struct problem problem;
		bool ok = attempt_settings_apply(&row, k, arena, &problem);

		/* The compiler wrote it. */
		assert(ok);
		(void)ok;
		if (row.container != first->container)
			identity_add(out, IDENTITY_CONTAINER, row.container);
		if (row.container_options != first->container_options)
			identity_add(out, IDENTITY_CONTAINER_OPTIONS, row.container_options);
	}
}

bool identities_parts(const struct identities *ids, const struct submission_task *task,
                      struct identity *out, struct str *error)
{
	struct arena arena;
	bool ok;

	arena_init(&arena);
	identity_init(out);
	identity_add(out, IDENTITY_COMMAND, task->identity_command);
	if (task->row.container != NULL)
		identity_add(out, IDENTITY_CONTAINER, task->row.container);
	if (task->row.container_options != NULL)
		identity_add(out, IDENTITY_CONTAINER_OPTIONS, task->row.container_options);
	add_attempts(task, &arena, out);
	ok = add_uris(ids, task->inputs, task->ninputs, IDENTITY_INPUT, &arena, out, error) &&
	     add_uris(ids, task->resources, task->nresources, IDENTITY_RESOURCE, &arena, out,
	              error);
	if (ok)
		identity_finish(out);
	else
		identity_release(out);
	arena_release(&arena);
	return ok;
}

/* What a plan says beside the results: two that differ in it are not one run. */
static void add_rules(struct digest *rules, uint32_t number, const struct submission_task *task)
{
	char text[80];

	if (task->row.attempt_settings != NULL) {
		snprintf(text, sizeof(text), "%u attempts %lld", number,
		         (long long)task->row.retry);
		digest_add_text(rules, text);
		digest_add_text(rules, task->row.attempt_settings);
	}
	if (task->row.accept_failure == 1) {
		snprintf(text, sizeof(text), "%u accepts", number);
		digest_add_text(rules, text);
	}
	for (size_t i = 0; i < task->ngathers; i++) {
		snprintf(text, sizeof(text), "%u gather %zu may fail %u", number, i,
		         task->may_fail[i]);
		digest_add_text(rules, text);
	}
}

bool identities_compute(struct identities *ids, const struct submission *s, struct digests *digests,
                        struct str *error)
{
	struct submission_task task;
	struct identity id;
	struct digest *rules = digest_new();
	struct arena arena;
	bool ok = true;

	*ids = (struct identities){.submission = s, .digests = digests};
	ids->text = xcalloc(s->task_count, sizeof(*ids->text));
	ids->output_len = xcalloc(s->task_count, sizeof(*ids->output_len));
	results_init(&ids->results, s);
	arena_init(&arena);
	for (uint32_t i = 0; i < s->task_count && ok; i++) {
		arena_clear(&arena);
		memset(&task, 0, sizeof(task));
		s->task(s, i, &arena, &task);
		if (task.row.output != NULL)
			ids->output_len[i] = (uint32_t)strlen(task.row.output);
		ok = identities_parts(ids, &task, &id, error);
		if (ok)
			memcpy(ids->text[i], id.text, TEXT_LEN);
		add_rules(rules, i, &task);
		results_add(&ids->results, i, &task);
	}
	for (size_t i = 0; i < s->hook_count; i++) {
		digest_add_text(rules, s->hooks[i].word);
		digest_add_text(rules, s->hooks[i].text);
	}
	digest_finish(rules, ids->rules);
	arena_release(&arena);
	if (!ok)
		identities_release(ids);
	return ok;
}

void identities_complete(const struct identities *ids, uint32_t i, struct submission_task *task,
                         struct arena *arena)
{
	if (i >= ids->submission->first_removal)
		task->row.command = arena_printf(arena, REMOVAL_COMMAND " %.*s%s", TEXT_LEN,
		                                 ids->text[task->removes],
		                                 task->row.command + strlen(REMOVAL_COMMAND));
}

void identities_release(struct identities *ids)
{
	results_release(&ids->results);
	free(ids->text);
	free(ids->output_len);
	ids->text = NULL;
	ids->output_len = NULL;
}

void identities_plan_digest(const struct identities *ids, char text[DIGEST_TEXT_SIZE])
{
	struct digest *d = digest_new();

	digest_add_text(d, ids->submission->workflow);
	digest_add(d, ids->text, (size_t)ids->submission->task_count * TEXT_LEN);
	digest_add_text(d, ids->rules);
	digest_finish(d, text);
}
