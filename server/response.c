#include "server/response.h"

#include "base/clock.h"
#include "server/flow.h"
#include "server/metrics.h"
#include "server/server.h"

#include <string.h>

/* What a stream is asked for at a time. */
#define FLOW_BLOCK ((size_t)16 << 10)
/* Seconds, with 429 and 503. */
#define RETRY_AFTER "1"

/* A page loads from its own server only; Swagger UI writes style attributes, and pictures into its
   styles. */
#define PAGE_POLICY                                                                                \
	"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "                \
	"img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "          \
	"frame-ancestors 'none'"

static bool is_page(const struct call *call)
{
	return call->content_type != NULL && strncmp(call->content_type, "text/html", 9) == 0;
}

static bool add_header(struct MHD_Response *response, const char *name, const char *value)
{
	return value == NULL || MHD_add_response_header(response, name, value) == MHD_YES;
}

/* It owns the stream from then on. */
static struct MHD_Response *flow_response(struct exchange *x)
{
	struct flow *flow = x->call.flow;
	struct MHD_Response *response;

	flow->connection = x->connection;
	if (x->call.digest != NULL) {
		flow->auth = x->all->auth;
		memcpy(flow->digest, x->call.digest, sizeof(flow->digest));
	}
	response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, FLOW_BLOCK, flow_read, flow,
	                                             flow_read_end);
	if (response == NULL)
		return NULL;
	x->call.flow = NULL;
	/* Nobody between us keeps it, or waits for more of it. */
	if (!add_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store") ||
	    !add_header(response, "X-Accel-Buffering", "no")) {
		MHD_destroy_response(response);
		return NULL;
	}
	return response;
}

enum MHD_Result response_send(struct exchange *x)
{
	struct call *call = &x->call;
	struct MHD_Response *response;
	enum MHD_Result result;
	size_t len = call->reply.len;
	bool ok;

	x->phase = PHASE_REPLIED;
	metrics_request(x->all->server->metrics, call->route, call->status);
	link_set(&x->all->links, x->link, LINK_SERVED, clock_monotonic_ns());
	if (call->status == CALL_DROPPED)
		return MHD_NO;
	/* libmicrohttpd (0.9.75) would send the last chunk of a body that HEAD has not. */
	if (call->flow != NULL && !x->head)
		response = flow_response(x);
	else if (len == 0)
		response = MHD_create_response_from_buffer(0, str_empty, MHD_RESPMEM_PERSISTENT);
	else
		response = MHD_create_response_from_buffer(len, str_detach(&call->reply),
		                                           MHD_RESPMEM_MUST_FREE);
	if (response == NULL)
		return MHD_NO;
	ok = add_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, call->content_type) &&
	     add_header(response, MHD_HTTP_HEADER_ALLOW, x->allow) &&
	     add_header(response, MHD_HTTP_HEADER_LOCATION, call->location) &&
	     add_header(response, MHD_HTTP_HEADER_CONNECTION, x->close ? "close" : NULL) &&
	     add_header(response, "X-Content-Type-Options", "nosniff") &&
	     add_header(response, "Content-Security-Policy", is_page(call) ? PAGE_POLICY : NULL);
	if (call->status == MHD_HTTP_TOO_MANY_REQUESTS ||
	    call->status == MHD_HTTP_SERVICE_UNAVAILABLE)
		ok = ok && add_header(response, MHD_HTTP_HEADER_RETRY_AFTER, RETRY_AFTER);
	if (call->status == MHD_HTTP_UNAUTHORIZED)
		ok = ok &&
		     add_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE,
		                "Bearer realm=\"scitq\"") &&
		     add_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE,
		                "Basic realm=\"scitq\", charset=\"UTF-8\"");
	result = ok ? MHD_queue_response(x->connection, (unsigned)call->status, response) : MHD_NO;
	MHD_destroy_response(response);
	return result;
}
