/* What the agent reports, told to a server of scitq v1: logs as text, events as statuses. */
#include "worker/v1_inside.h"

#include "base/alloc.h"
#include "base/base64.h"
#include "model/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const streams[STREAMS] = {"stdout", "stderr"};
static const char *const columns[STREAMS] = {"output", "error"};

/* What the server has of a log beyond `chars` characters. False where it does not say. */
static bool beyond(struct v1_poll *v, const struct v1_known *k, int i, uint64_t *bytes,
                   uint64_t *chars)
{
	json_t *data = json_object(), *body, *reply;
	char path[64], position[32];
	struct v1_log none = {0};
	struct str text = STR_INIT;
	const char *got;
	int status;

	snprintf(path, sizeof(path), "/executions/%" PRId64 "/output", k->id);
	snprintf(position, sizeof(position), "%s_position", columns[i]);
	for (int s = 0; s < STREAMS; s++)
		json_object_set_new(data, columns[s], json_boolean(s == i));
	json_object_set_new(data, position, json_integer((json_int_t)k->logs[i].chars + 1));
	body = json_pack("{s:o}", "data", data);
	reply = v1_ask(v, "GET", path, body, &status);
	got = json_string_value(json_object_get(reply, columns[i]));
	*bytes = got != NULL ? strlen(got) : 0;
	*chars = got != NULL ? v1_log_text(&none, got, *bytes, true, &text) : 0;
	json_decref(body);
	json_decref(reply);
	str_release(&text);
	return v1_went_well(status);
}

/*
 * The last text was not answered: what the server has of it need not go again, so many of the
 * bytes that begin with the same. False where the server does not say.
 */
static bool settle(struct v1_poll *v, struct v1_known *k, int i, const char *data, size_t n,
                   size_t *had)
{
	struct v1_log *log = &k->logs[i];
	struct str text = STR_INIT;
	uint64_t bytes, chars;

	*had = 0;
	if (!log->unsure)
		return true;
	if (!beyond(v, k, i, &bytes, &chars))
		return false;
	log->unsure = false;
	if (chars == 0)
		return true;
	*had = log->tried < n ? log->tried : n;
	(void)v1_log_text(log, data, *had, false, &text);
	log->chars += chars;
	log->bytes += *had;
	str_release(&text);
	return true;
}

/* Append; false where that was not answered. */
static bool append(struct v1_poll *v, struct v1_known *k, int i, const char *data, size_t n,
                   bool last)
{
	struct v1_log *log = &k->logs[i], before;
	struct str text = STR_INIT;
	uint64_t chars;
	char path[64];
	bool ok = true;
	size_t had;

	if (!settle(v, k, i, data, n, &had))
		return false;
	before = *log;
	data += had;
	n -= had;
	chars = v1_log_text(log, data, n, last, &text);
	snprintf(path, sizeof(path), "/executions/%" PRId64 "/%s", k->id, columns[i]);
	if (chars > 0)
		ok = v1_tell(v, "PUT", path, json_pack("{s:o}", "text", json_text(text.p))) != 0;
	if (ok) {
		log->bytes += n;
		log->chars += chars;
	} else {
		*log = before;
		log->unsure = true;
		log->tried = n;
	}
	str_release(&text);
	return ok;
}

/* One an earlier worker began: what the server has of its logs. */
static struct v1_known *adopt(struct v1_poll *v, int64_t id)
{
	struct v1_known *k = v1_add_known(v, id, INT_NULL);

	for (int i = 0; i < STREAMS; i++) {
		uint64_t bytes, chars;

		if (!beyond(v, k, i, &bytes, &chars)) {
			v1_forget(v, id);
			return NULL;
		}
		k->logs[i].bytes = bytes;
		k->logs[i].chars = chars;
	}
	return k;
}

/* One member of "logs": its answer, NULL where the server did not answer. */
json_t *v1_take_log(struct v1_poll *v, json_t *chunk)
{
	const char *stream = json_string_value(json_object_get(chunk, "stream"));
	const char *text = json_string_value(json_object_get(chunk, "data"));
	int64_t offset = v1_number(chunk, "offset"), id = v1_number(chunk, "execution_id");
	int i = stream != NULL && strcmp(stream, streams[1]) == 0;
	struct v1_known *k = v1_find(v, id);
	size_t len = text != NULL ? strlen(text) : 0, n = 0, skip;
	char *data;
	bool ok;

	if (k == NULL)
		k = adopt(v, id);
	if (k == NULL)
		return NULL;
	if (offset > (int64_t)k->logs[i].bytes)
		return json_pack("{s:I}", "wanted", (json_int_t)k->logs[i].bytes);
	data = xmalloc(BASE64_ROOM(len) + 1);
	ok = text != NULL && base64_decode(text, len, data, &n);
	skip = (size_t)(k->logs[i].bytes - (uint64_t)offset);
	ok = ok && (skip >= n || append(v, k, i, data + skip, n - skip, false));
	free(data);
	return ok ? json_pack("{s:I}", "length", (json_int_t)k->logs[i].bytes) : NULL;
}

/* v1 has minus the signal's number for one that a signal ended. */
static json_t *return_code(json_t *event)
{
	int64_t sig = v1_number(event, "signal"), code = v1_number(event, "return_code");

	return sig != INT_NULL    ? json_integer((json_int_t)-sig)
	       : code != INT_NULL ? json_integer((json_int_t)code)
	                          : json_integer(-1);
}

static int finish(struct v1_poll *v, int64_t id, json_t *event)
{
	const char *files = json_string_value(json_object_get(event, "output_files"));
	const char *status = json_string_value(json_object_get(event, "status"));
	const char *message = json_string_value(json_object_get(event, "message"));
	bool succeeded = status != NULL && strcmp(status, "succeeded") == 0;
	struct v1_known *k = v1_find(v, id);
	struct str line = STR_INIT;
	char path[64];
	int told = 200;

	/* v1 has no place for why a task failed but its error text. */
	if (message != NULL && !succeeded && k != NULL && !k->explained)
		str_addf(&line, "\nscitq-worker: %s\n", message);
	for (int i = 0; k != NULL && i < STREAMS; i++) {
		bool mine = columns[i] == columns[1] && line.len > 0;

		if (k->logs[i].npart == 0 && !mine)
			continue;
		if (!append(v, k, i, mine ? line.p : "", mine ? line.len : 0, true))
			told = 0;
		else if (mine)
			k->explained = true;
	}
	str_release(&line);
	snprintf(path, sizeof(path), "/executions/%" PRId64 "/output_files", id);
	if (told != 0 && files != NULL && *files != '\0')
		told = v1_tell(v, "PUT", path, json_pack("{s:s}", "text", files));
	if (told != 0)
		told = v1_set_status(v, id,
		                     json_pack("{s:s, s:o, s:b}", "status",
		                               succeeded ? "succeeded" : "failed", "return_code",
		                               return_code(event), "freeze", succeeded));
	if (told != 0)
		v1_forget(v, id);
	return told;
}

/* The answer to one event; NULL where the server did not answer. */
json_t *v1_take_event(struct v1_poll *v, json_t *event)
{
	const char *type = json_string_value(json_object_get(event, "type"));
	const char *pid = json_string_value(json_object_get(event, "pid"));
	int64_t id = v1_number(event, "execution_id");
	int status = 200;

	if (type == NULL)
		return json_string("fenced");
	if (strcmp(type, "started") == 0)
		status = v1_set_status(v, id,
		                       json_pack("{s:s, s:I, s:b}", "status", "running", "pid",
		                                 (json_int_t)strtol(pid ? pid : "0", NULL, 10),
		                                 "freeze", 0));
	else if (strcmp(type, "refused") == 0)
		status = v1_set_status(v, id,
		                       json_pack("{s:s, s:b}", "status", "refused", "freeze", 0));
	else if (strcmp(type, "finished") == 0)
		status = finish(v, id, event);
	if (status == 0)
		return NULL;
	/* An end that is refused has come from elsewhere already. */
	return json_string(v1_went_well(status) || strcmp(type, "finished") == 0 ? "ok" : "fenced");
}
