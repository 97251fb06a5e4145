/* JSON-RPC messages with the headers of the Language Server Protocol, over two descriptors. */
#ifndef LSP_RPC_H
#define LSP_RPC_H

#include "base/str.h"

#include <jansson.h>
#include <stdbool.h>

/* A message larger than this ends the connection. */
#define RPC_MESSAGE_MOST (64u << 20)

enum rpc_error {
	RPC_PARSE_ERROR = -32700,
	RPC_INVALID_REQUEST = -32600,
	RPC_METHOD_NOT_FOUND = -32601,
	RPC_INVALID_PARAMS = -32602,
	RPC_NOT_INITIALIZED = -32002,
	RPC_REQUEST_FAILED = -32803,
};

struct rpc {
	int in, out;
	struct str buffer; /* read and not used yet */
	bool failed;       /* what was written last could not be */
};

enum rpc_read { RPC_MESSAGE, RPC_BAD_JSON, RPC_END };

void rpc_init(struct rpc *rpc, int in, int out);
void rpc_release(struct rpc *rpc);
/* The next message, a new reference. RPC_END: the other side left, or speaks something else. */
enum rpc_read rpc_read(struct rpc *rpc, json_t **message);
/* All of these take over their JSON. */
void rpc_notify(struct rpc *rpc, const char *method, json_t *params);
void rpc_answer(struct rpc *rpc, const json_t *id, json_t *result);
void rpc_refuse(struct rpc *rpc, const json_t *id, enum rpc_error code, const char *message);

#endif
