#include "lsp/session.h"

#include "lsp/answer.h"
#include "lsp/rpc.h"
#include "lsp/tokens.h"

#include <string.h>

struct session {
	struct rpc rpc;
	struct buffers buffers;
	bool initialized, down, over;
};

/* A request about a place of an open file. */
struct place {
	struct buffer *b;
	uint32_t offset;
};

static const char *text_of(const json_t *params, const char *object, const char *member)
{
	return json_string_value(json_object_get(json_object_get(params, object), member));
}

static struct buffer *open_file(struct session *s, const json_t *params)
{
	const char *uri = text_of(params, "textDocument", "uri");

	return uri != NULL ? buffers_find(&s->buffers, uri) : NULL;
}

/* ---- notifications ---- */

static void compile_and_tell(struct session *s, const char *uri, json_t *text, json_int_t version)
{
	struct buffer *b = buffers_put(&s->buffers, uri, json_string_value(text),
	                               json_string_length(text), version);

	rpc_notify(&s->rpc, "textDocument/publishDiagnostics", answer_diagnostics(b));
}

static void did_open(struct session *s, const json_t *params)
{
	json_t *document = json_object_get(params, "textDocument");
	json_t *text = json_object_get(document, "text");
	const char *uri = json_string_value(json_object_get(document, "uri"));

	if (uri != NULL && json_is_string(text))
		compile_and_tell(s, uri, text,
		                 json_integer_value(json_object_get(document, "version")));
}

/* The whole text each time, as `initialize` asked for. */
static void did_change(struct session *s, const json_t *params)
{
	json_t *changes = json_object_get(params, "contentChanges");
	json_t *last = json_array_get(changes, json_array_size(changes) - 1);
	json_t *text = json_object_get(last, "text");
	struct buffer *b = open_file(s, params);

	if (b != NULL && json_is_string(text) && json_object_get(last, "range") == NULL)
		compile_and_tell(s, b->uri, text,
		                 json_integer_value(json_object_get(
		                         json_object_get(params, "textDocument"), "version")));
}

static void did_close(struct session *s, const json_t *params)
{
	struct buffer *b = open_file(s, params);

	if (b == NULL)
		return;
	/* What was told of it is taken back. */
	rpc_notify(&s->rpc, "textDocument/publishDiagnostics",
	           json_pack("{s:s, s:[]}", "uri", b->uri, "diagnostics"));
	buffers_close(&s->buffers, b->uri);
}

static void did_exit(struct session *s, const json_t *params)
{
	(void)params;
	s->over = true;
}

/* ---- requests ---- */

static json_t *initialize(struct session *s, const json_t *params, const char **why)
{
	(void)params;
	(void)why;
	s->initialized = true;
	return json_pack(
	        "{s:{s:s, s:{s:b, s:i}, s:b, s:{s:[s,s,s]}, s:b, s:b, s:b, s:b, s:b, s:b, s:b, "
	        "s:{s:o, s:b}}, s:{s:s, s:s}}",
	        "capabilities", "positionEncoding", "utf-16", "textDocumentSync", "openClose", 1,
	        "change", 1, "hoverProvider", 1, "completionProvider", "triggerCharacters", ".",
	        "$", ">", "definitionProvider", 1, "referencesProvider", 1, "renameProvider", 1,
	        "codeActionProvider", 1, "documentSymbolProvider", 1, "documentFormattingProvider",
	        1, "inlayHintProvider", 1, "semanticTokensProvider", "legend", tokens_legend(),
	        "full", 1, "serverInfo", "name", "scitq-lsp", "version", SCITQ_VERSION);
}

static json_t *go_down(struct session *s, const json_t *params, const char **why)
{
	(void)params;
	(void)why;
	s->down = true;
	return json_null();
}

static uint32_t offset_of(const struct buffer *b, const json_t *position)
{
	return buffer_offset(b, json_integer_value(json_object_get(position, "line")),
	                     json_integer_value(json_object_get(position, "character")));
}

static bool find_place(struct session *s, const json_t *params, struct place *place,
                       const char **why)
{
	place->b = open_file(s, params);
	*why = "the file is not open";
	if (place->b == NULL)
		return false;
	place->offset = offset_of(place->b, json_object_get(params, "position"));
	return true;
}

static json_t *hover(struct session *s, const json_t *params, const char **why)
{
	struct place p;

	return find_place(s, params, &p, why) ? answer_hover(p.b, p.offset) : NULL;
}

static json_t *completion(struct session *s, const json_t *params, const char **why)
{
	struct place p;

	return find_place(s, params, &p, why) ? answer_completion(p.b, p.offset) : NULL;
}

static json_t *definition(struct session *s, const json_t *params, const char **why)
{
	struct place p;

	return find_place(s, params, &p, why) ? answer_definition(p.b, p.offset) : NULL;
}

static json_t *references(struct session *s, const json_t *params, const char **why)
{
	struct place p;
	json_t *context = json_object_get(params, "context");

	if (!find_place(s, params, &p, why))
		return NULL;
	return answer_references(p.b, p.offset,
	                         json_is_true(json_object_get(context, "includeDeclaration")));
}

static json_t *rename_symbol(struct session *s, const json_t *params, const char **why)
{
	const char *name = json_string_value(json_object_get(params, "newName"));
	struct place p;

	if (!find_place(s, params, &p, why))
		return NULL;
	return answer_rename(p.b, p.offset, name != NULL ? name : "", why);
}

/* Of a request about a range of a file; NULL: not open. */
static struct buffer *find_range(struct session *s, const json_t *params, uint32_t *start,
                                 uint32_t *end, const char **why)
{
	struct buffer *b = open_file(s, params);
	const json_t *range = json_object_get(params, "range");

	*why = "the file is not open";
	if (b == NULL)
		return NULL;
	*start = offset_of(b, json_object_get(range, "start"));
	*end = offset_of(b, json_object_get(range, "end"));
	return b;
}

static json_t *actions(struct session *s, const json_t *params, const char **why)
{
	uint32_t start, end;
	struct buffer *b = find_range(s, params, &start, &end, why);

	return b != NULL ? answer_actions(b, start, end) : NULL;
}

static json_t *hints(struct session *s, const json_t *params, const char **why)
{
	uint32_t start, end;
	struct buffer *b = find_range(s, params, &start, &end, why);

	return b != NULL ? answer_hints(b, start, end) : NULL;
}

static json_t *tokens(struct session *s, const json_t *params, const char **why)
{
	struct buffer *b = open_file(s, params);

	*why = "the file is not open";
	return b != NULL ? answer_tokens(b) : NULL;
}

static json_t *symbols(struct session *s, const json_t *params, const char **why)
{
	struct buffer *b = open_file(s, params);

	*why = "the file is not open";
	return b != NULL ? answer_symbols(b) : NULL;
}

static json_t *formatting(struct session *s, const json_t *params, const char **why)
{
	struct buffer *b = open_file(s, params);

	*why = "the file is not open";
	return b != NULL ? answer_formatting(b) : NULL;
}

/* To add a method: a row, and what `initialize` says of it. */
static const struct {
	const char *method;
	/* The result; NULL: refused, and *why. */
	json_t *(*request)(struct session *s, const json_t *params, const char **why);
	void (*notification)(struct session *s, const json_t *params);
} methods[] = {
        {"initialize", initialize, NULL},
        {"shutdown", go_down, NULL},
        {"exit", NULL, did_exit},
        {"textDocument/didOpen", NULL, did_open},
        {"textDocument/didChange", NULL, did_change},
        {"textDocument/didClose", NULL, did_close},
        {"textDocument/hover", hover, NULL},
        {"textDocument/completion", completion, NULL},
        {"textDocument/definition", definition, NULL},
        {"textDocument/references", references, NULL},
        {"textDocument/rename", rename_symbol, NULL},
        {"textDocument/codeAction", actions, NULL},
        {"textDocument/documentSymbol", symbols, NULL},
        {"textDocument/formatting", formatting, NULL},
        {"textDocument/inlayHint", hints, NULL},
        {"textDocument/semanticTokens/full", tokens, NULL},
};

#define METHODS (sizeof(methods) / sizeof(*methods))

static void serve_request(struct session *s, size_t i, const json_t *id, const json_t *params)
{
	const char *why = NULL;
	json_t *result;

	if (i == METHODS || methods[i].request == NULL) {
		rpc_refuse(&s->rpc, id, RPC_METHOD_NOT_FOUND, "there is no such request");
		return;
	}
	if (s->down) {
		rpc_refuse(&s->rpc, id, RPC_INVALID_REQUEST, "the server is shut down");
		return;
	}
	if (!s->initialized && methods[i].request != initialize) {
		rpc_refuse(&s->rpc, id, RPC_NOT_INITIALIZED, "`initialize` comes first");
		return;
	}
	result = methods[i].request(s, params, &why);
	if (result != NULL)
		rpc_answer(&s->rpc, id, result);
	else
		rpc_refuse(&s->rpc, id, RPC_REQUEST_FAILED, why);
}

static void serve_message(struct session *s, const json_t *message)
{
	const char *method = json_string_value(json_object_get(message, "method"));
	const json_t *id = json_object_get(message, "id");
	const json_t *params = json_object_get(message, "params");
	size_t i = 0;

	if (method == NULL)
		return; /* an answer; we ask nothing */
	while (i < METHODS && strcmp(methods[i].method, method) != 0)
		i++;
	if (id != NULL)
		serve_request(s, i, id, params);
	else if (i < METHODS && methods[i].notification != NULL &&
	         (s->initialized || methods[i].notification == did_exit))
		methods[i].notification(s, params);
}

int session_serve(int in, int out)
{
	struct session s = {0};
	json_t *message;
	enum rpc_read read;

	rpc_init(&s.rpc, in, out);
	while (!s.over && !s.rpc.failed && (read = rpc_read(&s.rpc, &message)) != RPC_END) {
		if (read == RPC_BAD_JSON) {
			rpc_refuse(&s.rpc, json_null(), RPC_PARSE_ERROR, "the message is no JSON");
			continue;
		}
		serve_message(&s, message);
		json_decref(message);
	}
	buffers_release(&s.buffers);
	rpc_release(&s.rpc);
	/* As the protocol wants it: an end that was announced is a good one. */
	return s.down ? 0 : 1;
}
