#include "net/easy.h"

#include <string.h>
#include <sys/socket.h>

#define CONNECT_TIMEOUT_MS 10000
#define LOOPBACK "localhost,127.0.0.0/8,::1"

bool easy_global_init(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
		return true;
	alloc_exhausted();
	return false;
}

void easy_global_release(void)
{
	curl_global_cleanup();
}

/* libcurl opens its sockets without FD_CLOEXEC; tasks must not inherit them. */
static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
	(void)context;
	(void)purpose;
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* Loopback never goes through a proxy; this option replaces what the environment says. */
static void set_noproxy(CURL *easy)
{
	const char *env = getenv("no_proxy");
	struct str list = STR_INIT;

	if (env == NULL)
		env = getenv("NO_PROXY");
	if (env == NULL || *env == '\0') {
		easy_set(easy, CURLOPT_NOPROXY, LOOPBACK);
		return;
	}
	str_adds(&list, env);
	if (strcmp(env, "*") != 0)
		str_adds(&list, "," LOOPBACK);
	easy_set(easy, CURLOPT_NOPROXY, list.p);
	str_release(&list);
}

void easy_common(CURL *easy, char error[CURL_ERROR_SIZE])
{
	curl_easy_reset(easy);
	error[0] = '\0';
	easy_set(easy, CURLOPT_ERRORBUFFER, error);
	easy_set(easy, CURLOPT_NOSIGNAL, 1L);
	easy_set(easy, CURLOPT_TCP_NODELAY, 1L);
	easy_set(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	easy_set(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	easy_set(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
	easy_set(easy, CURLOPT_USERAGENT, "scitq/" SCITQ_VERSION);
	easy_set(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	easy_set(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	easy_set(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	set_noproxy(easy);
}

void easy_add_header(struct curl_slist **list, const char *line)
{
	struct curl_slist *longer = curl_slist_append(*list, line);

	if (longer == NULL)
		alloc_exhausted();
	else
		*list = longer;
}

size_t easy_keep(char *data, size_t size, size_t n, void *context)
{
	struct http_response *response = context;

	n *= size;
	if (n > HTTP_BODY_MAX - response->body.len) {
		str_adds(&response->message, "the answer is too large");
		return 0;
	}
	str_add(&response->body, data, n);
	/* The answer has a hole: there is no memory for it, and that is tolerated. */
	return alloc_failed() ? 0 : n;
}

static int look(void *context, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up)
{
	const struct http_request *request = context;

	(void)total;
	(void)now;
	(void)up_total;
	(void)up;
	return !request->go_on(request->context);
}

static void set_body(CURL *easy, const void *body, size_t len)
{
	easy_set(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
	easy_set(easy, CURLOPT_POSTFIELDS, len > 0 ? body : "");
}

enum http_error easy_prepare(CURL *easy, const struct http_request *request,
                             struct http_response *response, struct curl_slist **headers,
                             char error[CURL_ERROR_SIZE])
{
	*headers = NULL;
	str_reset(&response->body);
	str_reset(&response->type);
	str_reset(&response->message);
	response->status = 0;
	response->retry_after = -1;
	response->unsent = true;
	easy_common(easy, error);
	switch (curl_easy_setopt(easy, CURLOPT_URL, request->url)) {
	case CURLE_OK:
		break;
	case CURLE_OUT_OF_MEMORY:
		alloc_exhausted();
		return HTTP_OTHER;
	default:
		str_adds(&response->message, "the URL is too long");
		return HTTP_BAD_URL;
	}
	/* A name may be ".." */
	easy_set(easy, CURLOPT_PATH_AS_IS, 1L);
	if (request->ca != NULL)
		easy_set(easy, CURLOPT_CAINFO, request->ca);
	easy_set(easy, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
	if (request->connect_timeout_ms > 0)
		easy_set(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)request->connect_timeout_ms);
	if (request->direct)
		easy_set(easy, CURLOPT_PROXY, "");
	if (request->once)
		easy_set(easy, CURLOPT_FRESH_CONNECT, 1L);
	if (request->go_on != NULL) {
		easy_set(easy, CURLOPT_NOPROGRESS, 0L);
		easy_set(easy, CURLOPT_XFERINFOFUNCTION, look);
		easy_set(easy, CURLOPT_XFERINFODATA, request);
	}
	easy_set(easy, CURLOPT_WRITEFUNCTION, easy_keep);
	easy_set(easy, CURLOPT_WRITEDATA, response);
	if (request->body_len > 0) {
		set_body(easy, request->body, request->body_len);
		/* Without this a large body waits for "100 Continue". */
		easy_add_header(headers, "Expect:");
	} else if (strcmp(request->method, "HEAD") == 0) {
		easy_set(easy, CURLOPT_NOBODY, 1L);
	} else if (strcmp(request->method, "GET") != 0) {
		/* A length of 0 rather than none. */
		set_body(easy, NULL, 0);
	}
	easy_set(easy, CURLOPT_CUSTOMREQUEST, request->method);
	for (size_t i = 0; request->headers != NULL && request->headers[i] != NULL; i++) {
		if (strpbrk(request->headers[i], "\r\n") != NULL) {
			str_adds(&response->message, "a header holds a line break");
			return HTTP_BAD_URL;
		}
		easy_add_header(headers, request->headers[i]);
	}
	easy_set(easy, CURLOPT_HTTPHEADER, *headers);
	/* What lacks a part is not sent. */
	return alloc_failed() ? HTTP_OTHER : HTTP_OK;
}

/* What OpenSSL says no to has its code; without one the connection has ended under way. */
static bool is_tls_refusal(const char *message)
{
	return strstr(message, "error:") != NULL && strstr(message, "unexpected eof") == NULL;
}

enum http_error easy_error(CURLcode code, const char *message)
{
	switch (code) {
	case CURLE_OK:
		return HTTP_OK;
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
		return HTTP_BAD_URL;
	case CURLE_COULDNT_CONNECT:
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_PARTIAL_FILE:
	case CURLE_WEIRD_SERVER_REPLY:
		return HTTP_NO_CONNECTION;
	case CURLE_OPERATION_TIMEDOUT:
		return HTTP_TIMEOUT;
	case CURLE_SSL_CONNECT_ERROR:
		return is_tls_refusal(message) ? HTTP_TLS : HTTP_NO_CONNECTION;
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
		return HTTP_TLS;
	case CURLE_WRITE_ERROR:
		return HTTP_WRITE;
	case CURLE_ABORTED_BY_CALLBACK:
		return HTTP_CANCELLED;
	default:
		return HTTP_OTHER;
	}
}

int easy_retry_after(CURL *easy)
{
	struct curl_header *header;
	char *end;
	long seconds;

	if (curl_easy_header(easy, "Retry-After", 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
		return -1;
	seconds = strtol(header->value, &end, 10);
	if (end == header->value || *end != '\0' || seconds < 0)
		return -1;
	return seconds > 86400 ? 86400 : (int)seconds;
}

enum http_error easy_result(CURL *easy, CURLcode code, const char *error,
                            struct http_response *response)
{
	const char *type = NULL;
	long status = 0, sent = 0;

	if (curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &sent) == CURLE_OK)
		response->unsent = sent == 0;
	if (code == CURLE_OUT_OF_MEMORY)
		alloc_exhausted();
	if (code == CURLE_WRITE_ERROR && response->message.len > 0)
		return HTTP_OTHER; /* by easy_keep */
	if (code != CURLE_OK) {
		str_reset(&response->message);
		str_adds(&response->message, error[0] ? error : curl_easy_strerror(code));
		return easy_error(code, response->message.p);
	}
	if (curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK)
		response->status = (int)status;
	if (curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &type) == CURLE_OK && type != NULL)
		str_adds(&response->type, type);
	response->retry_after = easy_retry_after(easy);
	return HTTP_OK;
}
