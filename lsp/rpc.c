#include "lsp/rpc.h"

#include "base/fd.h"
#include "model/json.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CHUNK 65536
#define HEADER_MOST 4096

void rpc_init(struct rpc *rpc, int in, int out)
{
	*rpc = (struct rpc){.in = in, .out = out, .buffer = STR_INIT};
}

void rpc_release(struct rpc *rpc)
{
	str_release(&rpc->buffer);
}

/* More bytes into the buffer; false at the end and after an error. */
static bool fill(struct rpc *rpc)
{
	ssize_t n;

	str_reserve(&rpc->buffer, rpc->buffer.len + CHUNK);
	n = fd_read(rpc->in, rpc->buffer.p + rpc->buffer.len, CHUNK);
	if (n <= 0)
		return false;
	rpc->buffer.len += (size_t)n;
	rpc->buffer.p[rpc->buffer.len] = '\0';
	return true;
}

static void drop(struct rpc *rpc, size_t n)
{
	rpc->buffer.len -= n;
	memmove(rpc->buffer.p, rpc->buffer.p + n, rpc->buffer.len);
	rpc->buffer.p[rpc->buffer.len] = '\0';
}

/* The length that the headers in [text, end) name; 0: none, or too large. */
static size_t content_length(const char *text, const char *end)
{
	static const char name[] = "Content-Length:";

	while (text < end) {
		const char *next = strstr(text, "\r\n");

		if (strncasecmp(text, name, sizeof(name) - 1) == 0) {
			unsigned long n = strtoul(text + sizeof(name) - 1, NULL, 10);

			return n <= RPC_MESSAGE_MOST ? n : 0;
		}
		text = next != NULL ? next + 2 : end;
	}
	return 0;
}

enum rpc_read rpc_read(struct rpc *rpc, json_t **message)
{
	struct problem problem = {0};
	const char *end;
	size_t head, n;

	while ((end = strstr(rpc->buffer.p, "\r\n\r\n")) == NULL) {
		if (rpc->buffer.len > HEADER_MOST || !fill(rpc))
			return RPC_END;
	}
	head = (size_t)(end - rpc->buffer.p) + 4;
	n = content_length(rpc->buffer.p, end);
	if (n == 0)
		return RPC_END;
	while (rpc->buffer.len < head + n) {
		if (!fill(rpc))
			return RPC_END;
	}
	*message = json_parse(rpc->buffer.p + head, n, &problem);
	drop(rpc, head + n);
	return *message != NULL ? RPC_MESSAGE : RPC_BAD_JSON;
}

static void send_message(struct rpc *rpc, json_t *message)
{
	struct str body = STR_INIT, all = STR_INIT;

	json_object_set_new(message, "jsonrpc", json_string("2.0"));
	json_print(message, &body);
	str_addf(&all, "Content-Length: %zu\r\n\r\n", body.len);
	str_add(&all, body.p, body.len);
	if (fd_write_all(rpc->out, all.p, all.len) != 0)
		rpc->failed = true;
	str_release(&body);
	str_release(&all);
	json_decref(message);
}

void rpc_notify(struct rpc *rpc, const char *method, json_t *params)
{
	send_message(rpc, json_pack("{s:s, s:o}", "method", method, "params", params));
}

void rpc_answer(struct rpc *rpc, const json_t *id, json_t *result)
{
	send_message(rpc, json_pack("{s:O, s:o}", "id", id, "result", result));
}

void rpc_refuse(struct rpc *rpc, const json_t *id, enum rpc_error code, const char *message)
{
	send_message(rpc, json_pack("{s:O, s:{s:i, s:s}}", "id", id, "error", "code", (int)code,
	                            "message", message));
}
