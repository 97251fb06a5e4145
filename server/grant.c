#include "server/grant.h"

#include "base/map.h"
#include "base/uri_list.h"
#include "model/json.h"
#include "server/attempt.h"
#include "server/columns.h"
#include "server/record.h"

#include <string.h>

static const uint64_t grant_columns =
        BIT(TASK_COL_name) | BIT(TASK_COL_batch) | BIT(TASK_COL_run_id) | BIT(TASK_COL_command) |
        BIT(TASK_COL_script) | BIT(TASK_COL_container) | BIT(TASK_COL_container_options) |
        BIT(TASK_COL_input) | BIT(TASK_COL_output) | BIT(TASK_COL_resource) | BIT(TASK_COL_cpu) |
        BIT(TASK_COL_memory) | BIT(TASK_COL_gpu) | BIT(TASK_COL_download_timeout) |
        BIT(TASK_COL_run_timeout) | BIT(TASK_COL_upload_timeout) | BIT(TASK_COL_yields) |
        BIT(TASK_COL_attempt_settings) | BIT(TASK_COL_use_cache) | BIT(TASK_COL_identity);

/* The list without the words that the map has with a 1, as it is where it has none of them. NULL
   where nothing is left. */
static const char *without(struct core *core, const char *list, const struct map *left,
                           uint32_t *nleft)
{
	struct str kept = STR_INIT;
	const char *error, *text = NULL;
	const uint32_t before = *nleft;
	char **words;
	size_t n;

	/* What cannot be read the worker will say, who has to. */
	if (list == NULL || !uri_list_split(&core->arena, list, &words, &n, &error))
		return list;
	for (size_t i = 0; i < n; i++) {
		const uint64_t *out = map_get(left, words[i], strlen(words[i]));

		if (out != NULL && *out == 1)
			++*nleft;
		else
			uri_list_add(&kept, words[i]);
	}
	if (*nleft == before)
		text = list;
	else if (kept.len > 0)
		text = arena_strndup(&core->arena, kept.p, kept.len);
	str_release(&kept);
	return text;
}

/*
 * What the task takes from the one that it requires: with a 1 where that has failed, with a 0 where
 * another one has given it all the same.
 */
static void note_input(struct core *core, const struct requirement *row, struct map *left)
{
	const struct task_node *other;
	const char *error;
	char **words;
	size_t n;

	if (row->input == NULL || (other = core_task(core, row->other_task_id)) == NULL ||
	    !uri_list_split(&core->arena, row->input, &words, &n, &error))
		return;
	for (size_t i = 0; i < n; i++) {
		bool is_new;
		uint64_t *out = map_put(left, words[i], strlen(words[i]), &is_new);

		*out = (is_new || *out == 1) && other->status == TASK_FAILED;
	}
}

/* What tasks that failed would have given goes out of input and resource. */
static bool leave_out(struct core *core, uint32_t id, const struct task_node *node,
                      struct task *task, uint32_t *nleft)
{
	struct requirement *rows;
	struct map left = MAP_INIT;
	size_t n;

	*nleft = 0;
	/* Nothing that it requires has failed: a grant is no place for a query. */
	if (!(node->flags & TASK_PARTIAL) && !class_of(&core->state, node)->accepts_failure)
		return true;
	if (!record_requirements(core, id, &rows, &n))
		return false;
	for (size_t i = 0; i < n; i++)
		note_input(core, &rows[i], &left);
	task->input = without(core, task->input, &left, nleft);
	task->resource = without(core, task->resource, &left, nleft);
	map_release(&left);
	return !core->group_failed;
}

bool grant_settle(struct core *core, uint32_t id, const struct task_node *node, struct task *task,
                  uint32_t *left)
{
	attempt_apply(core, node, task);
	if (!leave_out(core, id, node, task, left))
		return false;
	/* A whole result is not that of a task which does without a part. */
	if (*left > 0 || (node->flags & TASK_PARTIAL))
		task->use_cache = false;
	return true;
}

void grant_ahead(struct core *core, const int64_t *ids, size_t n)
{
	record_tasks(core, ids, n, grant_columns, &core->ahead);
}

static const uint64_t *find_ahead(const struct core *core, int64_t id)
{
	return map_get(&core->ahead, (const char *)&id, sizeof(id));
}

bool grant_is_ahead(const struct core *core, int64_t id)
{
	return find_ahead(core, id) != NULL;
}

void grant_forget(struct core *core)
{
	map_release(&core->ahead);
}

bool grant_read(struct core *core, uint32_t id, const struct task_node *node, struct task *task,
                uint32_t *left)
{
	const uint64_t *ahead = find_ahead(core, id);

	if (ahead != NULL)
		*task = *(const struct task *)(uintptr_t)*ahead;
	else if (!record_task(core, id, grant_columns, task))
		return false;
	return grant_settle(core, id, node, task, left);
}

/* ,"name": */
static void add_name(struct str *out, const char *name)
{
	str_add(out, ",\"", 2);
	str_adds(out, name);
	str_add(out, "\":", 2);
}

/* Bytes that stand for themselves between quotes. */
static size_t plain(const char *text)
{
	size_t n = 0;

	while ((unsigned char)text[n] >= 0x20 && (unsigned char)text[n] < 0x80 && text[n] != '"' &&
	       text[n] != '\\')
		n++;
	return n;
}

static void add_text(struct str *out, const char *name, const char *text)
{
	size_t n;

	add_name(out, name);
	if (text == NULL) {
		str_add(out, "null", 4);
		return;
	}
	n = plain(text);
	if (text[n] == '\0') {
		str_addc(out, '"');
		str_add(out, text, n);
		str_addc(out, '"');
	} else {
		json_t *value = json_text(text);

		json_print(value, out);
		json_decref(value);
	}
}

static void add_integer(struct str *out, const char *name, int64_t value)
{
	char digits[24];
	size_t i = sizeof(digits);
	uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

	add_name(out, name);
	if (value == INT_NULL) {
		str_add(out, "null", 4);
		return;
	}
	do
		digits[--i] = (char)('0' + left % 10);
	while ((left /= 10) > 0);
	if (value < 0)
		digits[--i] = '-';
	str_add(out, digits + i, sizeof(digits) - i);
}

static void add_real(struct str *out, const char *name, double value)
{
	json_t *number = isnan(value) ? json_null() : json_real(value);

	add_name(out, name);
	json_print(number, out);
	json_decref(number);
}

void grant_print(struct str *out, const struct execution_node *execution, const struct task *task)
{
	size_t start;

	if (out->len > 0)
		str_addc(out, ',');
	start = out->len;
	add_integer(out, "execution_id", execution->id);
	/* The first member has a brace before it, not a comma. */
	out->p[start] = '{';
	add_integer(out, "epoch", execution->epoch);
	add_integer(out, "task_id", execution->task);
	add_text(out, "name", task->name);
	add_text(out, "batch", task->batch);
	add_integer(out, "run_id", task->run_id);
	add_text(out, "command", task->command);
	add_text(out, "script", task->script);
	add_text(out, "container", task->container);
	add_text(out, "container_options", task->container_options);
	add_text(out, "input", task->input);
	add_text(out, "output", task->output);
	add_text(out, "resource", task->resource);
	add_text(out, "yields", task->yields);
	add_real(out, "weight", execution->weight);
	add_real(out, "cpu", task->cpu);
	add_integer(out, "memory", task->memory);
	add_integer(out, "gpu", task->gpu);
	add_integer(out, "download_timeout", task->download_timeout);
	add_integer(out, "run_timeout", task->run_timeout);
	add_integer(out, "upload_timeout", task->upload_timeout);
	if (task->use_cache == 1) {
		str_adds(out, ",\"use_cache\":true");
		/* Whoever submits a run computes it; else the worker, that sees the inputs. */
		add_text(out, "identity", task->run_id != INT_NULL ? task->identity : NULL);
	}
	str_addc(out, '}');
}
