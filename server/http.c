#include "server/http.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fd.h"
#include "server/auth.h"
#include "server/endpoint.h"
#include "server/exchange.h"
#include "server/network.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define HEADER_LIMIT ((size_t)32 << 10)
/* A peer that neither sends nor takes a byte; who drips is ended by the links. */
#define SILENCE_SECONDS 120u

struct http {
	struct endpoint main, plain; /* plain: where main speaks TLS */
	struct networks admitted;
	struct exchanges exchanges;
	const struct log *log;
};

/* A private key that anybody can read is none. */
static bool read_pem(const char *path, bool secret, struct str *text, struct problem *problem)
{
	struct stat st;
	int err = stat(path, &st) < 0 ? -errno : file_read(path, text);

	if (err < 0)
		return problem_set(problem, PROBLEM_BAD_VALUE, "cannot read %s: %s", path,
		                   strerror(-err));
	if (secret && (st.st_mode & 007))
		return problem_set(problem, PROBLEM_BAD_VALUE,
		                   "%s can be read by everybody (mode %03o): chmod o= it, and make "
		                   "a new key",
		                   path, (unsigned)st.st_mode & 0777);
	if (strstr(text->p, "-----BEGIN ") == NULL)
		return problem_set(problem, PROBLEM_BAD_VALUE, "%s is no PEM file", path);
	return true;
}

/* What each of them is about is said in server/settings.def. */
static bool options_agree(const struct http_options *o, const struct auth *auth,
                          struct problem *problem)
{
	if ((o->cert == NULL) != (o->key == NULL))
		return problem_set(problem, PROBLEM_BAD_VALUE,
		                   "--tls-cert and --tls-key go together");
	if (auth_is_open(auth) && (o->cert != NULL || o->plain != NULL))
		return problem_set(problem, PROBLEM_BAD_VALUE,
		                   "--open is for this machine alone: not with --tls-cert or "
		                   "--plain");
	if (o->plain != NULL && o->cert != NULL && o->plain_address == NULL)
		return problem_set(problem, PROBLEM_BAD_VALUE,
		                   "--plain beside TLS needs --plain-listen, which those networks "
		                   "can reach");
	if (o->plain_address != NULL && o->cert == NULL)
		return problem_set(problem, PROBLEM_BAD_VALUE,
		                   "--plain-listen goes with --tls-cert: without it --listen "
		                   "speaks plain HTTP");
	return true;
}

static bool open_endpoints(struct http *http, const struct http_options *o, struct problem *problem)
{
	const struct endpoint_callbacks callbacks = {.context = &http->exchanges,
	                                             .start = exchange_start,
	                                             .handle = exchange_handle,
	                                             .completed = exchange_completed,
	                                             .connection = exchange_connection,
	                                             .unescape = exchange_unescape};
	struct endpoint_options e = {
	        .address = o->address,
	        .admitted = &http->admitted,
	        .loopback_only = auth_is_open(http->exchanges.auth),
	        .threads = o->threads,
	        .connections = o->connections,
	        .silence_seconds = SILENCE_SECONDS,
	        .head_bytes = HEADER_LIMIT,
	};
	struct str cert = STR_INIT, key = STR_INIT;
	bool ok = options_agree(o, http->exchanges.auth, problem) &&
	          (o->plain == NULL || networks_add(&http->admitted, o->plain, problem));

	if (o->cert != NULL)
		e.connections /= 2;
	e.per_address = o->per_address ? o->per_address : e.connections - e.connections / 8;
	if (ok && o->cert != NULL) {
		ok = read_pem(o->cert, false, &cert, problem) &&
		     read_pem(o->key, true, &key, problem);
		e.cert = cert.p;
		e.key = key.p;
	}
	ok = ok && endpoint_start(&http->main, &e, &callbacks, http->log, problem);
	if (ok && o->cert != NULL) {
		e.cert = e.key = NULL;
		e.address = o->plain_address ? o->plain_address : "127.0.0.1:0";
		ok = endpoint_start(&http->plain, &e, &callbacks, http->log, problem);
	}
	if (ok && o->plain != NULL)
		log_warn(http->log, "plain HTTP is admitted from %s: who is on the way can read it",
		         o->plain);
	str_release(&cert);
	if (key.len > 0)
		explicit_bzero(key.p, key.len);
	str_release(&key);
	return ok;
}

struct http *http_server_new(const struct http_options *options, struct server *server,
                             struct auth *auth, http_dispatch *dispatch, const struct log *log,
                             struct problem *problem)
{
	struct http *http = xcalloc(1, sizeof(*http));

	http->log = log;
	http->main.listener.fd = http->plain.listener.fd = -1;
	exchanges_init(&http->exchanges, options, server, auth, dispatch);
	if (open_endpoints(http, options, problem))
		return http;
	http_server_free(http);
	return NULL;
}

const char *http_url(const struct http *http)
{
	return http->main.listener.url;
}

const char *http_local_url(const struct http *http)
{
	return http->plain.daemon ? http->plain.listener.local_url : http->main.listener.local_url;
}

void http_sweep(struct http *http)
{
	unsigned n = links_sweep(&http->exchanges.links, clock_monotonic_ns());

	if (n > 0)
		log_info(http->log, "%u connections took too long and were ended", n);
}

void http_refuse(struct http *http)
{
	atomic_store(&http->exchanges.refusing, true);
	body_room_close(&http->exchanges.room);
	endpoint_refuse(&http->main);
	endpoint_refuse(&http->plain);
}

void http_server_free(struct http *http)
{
	if (http == NULL)
		return;
	if (http->main.daemon != NULL) {
		http_refuse(http);
		exchanges_wait(&http->exchanges);
	}
	endpoint_stop(&http->plain);
	endpoint_stop(&http->main);
	networks_release(&http->admitted);
	exchanges_release(&http->exchanges);
	free(http);
}
