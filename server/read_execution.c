/*
 * Executions and their logs, read. In rows the logs are text (log_text.h), at
 * most TEXT_MAX of each and in a list REPLY_MAX in all: beyond that the start is
 * left out, and a line in its place says so. /executions/{id}/log/{stream} gives
 * all the bytes.
 */
#include "server/filter.h"
#include "server/list.h"
#include "server/log_follow.h"
#include "server/log_text.h"
#include "server/reader.h"
#include "store/store.h"

#include <string.h>

#define TEXT_MAX ((int64_t)8 << 20)
#define REPLY_MAX ((size_t)256 << 20)
/* Of a text from a position on: the client asks again for the rest. */
#define POSITION_MAX ((size_t)16 << 20)
#define CHUNK ((size_t)1 << 20)
#define LOG_PAGE ((int64_t)1 << 20)
#define LOG_PAGE_MAX ((int64_t)16 << 20)

struct log_request {
	struct reader *reader;
	struct call *call;
	int64_t execution_id;
	bool ended; /* nothing will be appended any more */
};

/* The last of a log as text: all of it where `max` bytes hold it, else behind a line that says
   so where that is wanted. */
static bool read_end(const struct log_request *l, enum store_stream stream, int64_t max, bool mark,
                     struct str *text, bool *is_null)
{
	struct str bytes = STR_INIT;
	struct log_text decoder;
	enum store_result result;
	int64_t length = 0, from = 0;
	size_t skip = 0;

	result = store_log_length(l->reader->store, l->execution_id, stream, &length);
	*is_null = length == 0;
	if (length > max)
		from = length - max;
	if (result == STORE_OK && length > from)
		result = store_log_read(l->reader->store, l->execution_id, stream, from,
		                        (size_t)(length - from), &bytes);
	if (result != STORE_OK) {
		str_release(&bytes);
		return read_failed(l->reader, l->call, result);
	}
	/* Not in the middle of a character. */
	while (from > 0 && skip < 3 && skip < bytes.len &&
	       ((unsigned char)bytes.p[skip] & 0xc0) == 0x80)
		skip++;
	if (from > 0 && mark)
		str_addf(text, "[the first %lld bytes are left out]\n", (long long)from);
	log_text_init(&decoder, text, 0);
	log_text_add(&decoder, bytes.p + skip, bytes.len - skip);
	if (l->ended)
		log_text_end(&decoder);
	str_release(&bytes);
	return true;
}

/* Set row->output and row->error; *text holds them both, a NUL behind each. */
static bool add_logs(struct log_request *l, struct execution *row, int64_t trunc, int64_t max,
                     struct str *text)
{
	const char **places[] = {&row->output, &row->error};
	size_t starts[2];
	bool nulls[2];

	l->execution_id = row->execution_id;
	l->ended = execution_is_done((enum execution_status)row->status);
	/* A character takes at most four bytes. */
	if (trunc > 0 && trunc < max / 4)
		max = trunc * 4;
	str_reset(text);
	for (int i = 0; i < 2; i++) {
		starts[i] = text->len;
		if (!read_end(l, i ? STORE_STDERR : STORE_STDOUT, max, trunc == 0, text, &nulls[i]))
			return false;
		str_addc(text, '\0');
	}
	for (int i = 0; i < 2; i++) {
		const char *start = text->p + starts[i];

		if (trunc > 0)
			start = log_text_tail(start, strlen(start), (uint64_t)trunc);
		*places[i] = nulls[i] ? NULL : start;
	}
	return true;
}

struct execution_list {
	struct list list;
	bool no_output;
	int64_t trunc;
	struct str text; /* of one row */
};

static bool add_execution(void *context, const void *row)
{
	struct execution_list *e = context;
	struct log_request l = {.reader = e->list.reader, .call = e->list.call};
	struct execution copy = *(const struct execution *)row;
	int64_t max = e->list.call->reply.len < REPLY_MAX ? TEXT_MAX : 0;

	if (!e->no_output && !add_logs(&l, &copy, e->trunc, max, &e->text))
		return false;
	/* As v1 has it: a list of light rows lacks the code too. */
	if (!l.call->ours && (e->no_output || e->trunc > 0))
		copy.return_code = INT_NULL;
	list_print(&e->list, row_to_json(e->list.table, &copy, e->list.view));
	return true;
}

void read_executions(struct reader *reader, struct call *call)
{
	struct execution_list e = {.text = STR_INIT};
	struct list *list = &e.list;

	list_init(list, reader, call, TABLE_EXECUTION);
	e.no_output = json_is_true(json_object_get(call->body, "no_output"));
	e.trunc = json_integer_value(json_object_get(call->body, "trunc"));
	if (list_where(list, "task_id", "task_id", false) &&
	    list_where(list, "status", "status", false) &&
	    list_where(list, "latest", "latest", false) &&
	    list_where(list, "task_name", "name", true) &&
	    list_where(list, "batch", "batch", true) && list_where(list, "run_id", "run_id", true))
		list_send(list, add_execution, NULL, &e);
	else
		call_problem(call);
	str_release(&e.text);
}

/* The execution that the path names; false with the problem set. */
static bool get_execution(struct reader *reader, struct call *call, struct execution *row,
                          uint64_t mask)
{
	enum store_result result;

	row->execution_id = call->ids[0];
	result = store_get(reader->store, TABLE_EXECUTION, row, mask, &call->arena);
	if (result == STORE_NONE)
		return problem_set(&call->problem, PROBLEM_NOT_FOUND, "there is no execution %lld",
		                   (long long)call->ids[0]);
	return result == STORE_OK || read_failed(reader, call, result);
}

void read_execution(struct reader *reader, struct call *call)
{
	struct log_request l = {.reader = reader, .call = call};
	struct str text = STR_INIT;
	struct execution row = {0};
	json_t *object = NULL;

	if (get_execution(reader, call, &row, STORE_ALL) && add_logs(&l, &row, 0, TEXT_MAX, &text))
		object = row_to_json(table_get(TABLE_EXECUTION), &row,
		                     filter_full(call->body) ? VIEW_FULL : VIEW_V1);
	str_release(&text);
	if (object != NULL)
		call_reply(call, 200, object);
	else
		call_problem(call);
}

/* The text after the first `skip` characters, POSITION_MAX of it at most. */
static bool read_from(const struct log_request *l, enum store_stream stream, uint64_t skip,
                      json_t **out)
{
	struct str bytes = STR_INIT, text = STR_INIT;
	struct log_text decoder;
	enum store_result result;
	int64_t offset = 0;

	log_text_init(&decoder, &text, skip);
	do {
		str_reset(&bytes);
		result = store_log_read(l->reader->store, l->execution_id, stream, offset, CHUNK,
		                        &bytes);
		offset += (int64_t)bytes.len;
		log_text_add(&decoder, bytes.p, bytes.len);
	} while (result == STORE_OK && bytes.len == CHUNK && text.len < POSITION_MAX);
	if (l->ended && bytes.len < CHUNK)
		log_text_end(&decoder);
	if (result == STORE_OK)
		*out = offset == 0 ? json_null() : json_stringn(text.p, text.len);
	str_release(&bytes);
	str_release(&text);
	return result == STORE_OK || read_failed(l->reader, l->call, result);
}

/* output, error, output_position and error_position, from "data" or beside it. */
static json_t *output_member(const struct call *call, const char *name)
{
	json_t *value = json_object_get(json_object_get(call->body, "data"), name);

	if (value == NULL)
		value = json_object_get(call->body, name);
	return json_is_null(value) ? NULL : value;
}

static bool check_data(struct call *call)
{
	json_t *data = json_object_get(call->body, "data");

	if (!json_is_object(data))
		return true;
	if (json_object_get(data, "data") != NULL)
		return problem_set(&call->problem, PROBLEM_UNKNOWN_FIELD,
		                   "this call takes no field data in data");
	return filter_check(&filter_output, data, &call->problem);
}

void read_output(struct reader *reader, struct call *call)
{
	static const char *const names[] = {"output", "error"};
	static const char *const positions[] = {"output_position", "error_position"};
	static const char *const starts[] = {"output_start", "error_start"};
	struct log_request l = {.reader = reader, .call = call, .execution_id = call->ids[0]};
	struct execution row = {0};
	const struct table *table = table_get(TABLE_EXECUTION);
	json_t *object = json_object();
	bool ok;

	ok = check_data(call) &&
	     get_execution(reader, call, &row, (uint64_t)1 << table_field(table, "status"));
	l.ended = ok && execution_is_done((enum execution_status)row.status);
	for (int i = 0; ok && i < 2; i++) {
		json_t *position = output_member(call, positions[i]), *text = NULL;
		int64_t from;

		if (position == NULL)
			position = output_member(call, starts[i]);
		from = position ? json_integer_value(position) : 1;
		if (json_is_false(output_member(call, names[i])))
			continue;
		if (from < 1)
			ok = problem_set(&call->problem, PROBLEM_BAD_VALUE,
			                 "%s is 0, the first character is 1", positions[i]);
		ok = ok &&
		     read_from(&l, i ? STORE_STDERR : STORE_STDOUT, (uint64_t)from - 1, &text);
		if (ok)
			json_object_set_new(object, names[i], text);
	}
	if (ok) {
		call_reply(call, 200, object);
		return;
	}
	json_decref(object);
	call_problem(call);
}

static int64_t number(const struct call *call, const char *name, int64_t otherwise)
{
	json_t *value = json_object_get(call->body, name);

	return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

static bool find_stream(struct call *call, enum store_stream *stream)
{
	if (strcmp(call->names[0], "stdout") == 0)
		*stream = STORE_STDOUT;
	else if (strcmp(call->names[0], "stderr") == 0)
		*stream = STORE_STDERR;
	else
		return problem_set(&call->problem, PROBLEM_NOT_FOUND,
		                   "there is no log %.80s: stdout and stderr are", call->names[0]);
	return true;
}

/* The offset that is asked for. */
static enum store_result begin_of(struct reader *reader, struct call *call,
                                  enum store_stream stream, int64_t *offset)
{
	int64_t tail = number(call, "tail", -1), length = 0;
	enum store_result result = STORE_OK;

	*offset = number(call, "offset", 0);
	if (tail >= 0) {
		result = store_log_length(reader->store, call->ids[0], stream, &length);
		*offset = length > tail ? length - tail : 0;
	}
	return result;
}

static void follow_log(struct reader *reader, struct call *call, enum store_stream stream)
{
	const struct table *table = table_get(TABLE_EXECUTION);
	struct log_watch *watch = log_follow_begin(call);
	struct execution row = {0};
	int64_t offset = 0, length = 0;
	enum store_result result;

	if (json_is_integer(json_object_get(call->body, "limit")))
		problem_set(&call->problem, PROBLEM_BAD_VALUE,
		            "limit and follow do not go together");
	else if (get_execution(reader, call, &row, (uint64_t)1 << table_field(table, "status"))) {
		result = begin_of(reader, call, stream, &offset);
		if (result == STORE_OK)
			result = store_log_length(reader->store, call->ids[0], stream, &length);
		if (result != STORE_OK)
			read_failed(reader, call, result);
	}
	if (call->problem.code != PROBLEM_NONE) {
		log_follow_forget(call, watch);
		call_problem(call);
		return;
	}
	/* The row first: an end that is noted meanwhile has its last bytes noted before. */
	log_watch_length(watch, (int)stream, length);
	if (execution_is_done((enum execution_status)row.status))
		atomic_store(&watch->ended, true);
	log_follow(call, watch, stream, offset);
}

void read_log(struct reader *reader, struct call *call)
{
	const struct table *table = table_get(TABLE_EXECUTION);
	int64_t tail = number(call, "tail", -1),
	        limit = tail >= 0 ? tail : number(call, "limit", LOG_PAGE), offset = 0;
	struct execution row = {0};
	enum store_stream stream = STORE_STDOUT;
	enum store_result result;

	if (!find_stream(call, &stream)) {
		call_problem(call);
		return;
	}
	if (json_is_true(json_object_get(call->body, "follow"))) {
		follow_log(reader, call, stream);
		return;
	}
	if (!get_execution(reader, call, &row, (uint64_t)1 << table_field(table, "status"))) {
		call_problem(call);
		return;
	}
	result = begin_of(reader, call, stream, &offset);
	if (limit > LOG_PAGE_MAX)
		limit = LOG_PAGE_MAX;
	if (result == STORE_OK && limit > 0)
		result = store_log_read(reader->store, call->ids[0], stream, offset, (size_t)limit,
		                        &call->reply);
	if (result == STORE_OK) {
		call_reply_bytes(call, 200, "application/octet-stream");
		return;
	}
	read_failed(reader, call, result);
	call_problem(call);
}
