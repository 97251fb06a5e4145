#include "server/endpoint.h"

#include "server/network.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static void log_line(void *context, const char *fmt, va_list ap)
        __attribute__((format(printf, 2, 0)));

static void log_line(void *context, const char *fmt, va_list ap)
{
	char line[512];

	if (vsnprintf(line, sizeof(line), fmt, ap) < 0)
		return;
	line[strcspn(line, "\n")] = '\0';
	log_debug((const struct log *)context, "http: %s", line);
}

/* Of plain HTTP: who may connect. */
static enum MHD_Result admit(void *context, const struct sockaddr *address, socklen_t size)
{
	const struct endpoint *e = context;

	(void)size;
	if (address_is_loopback(address) || networks_hold(e->admitted, address))
		return MHD_YES;
	log_debug(e->log, "a plain connection from outside of the networks of --plain is closed");
	return MHD_NO;
}

static struct MHD_Daemon *start_daemon(struct endpoint *e, const struct endpoint_options *o,
                                       const struct endpoint_callbacks *c)
{
	const bool tls = o->cert != NULL;
	/* What TLS needs, or nothing. */
	struct MHD_OptionItem more[] = {
	        {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)o->cert},
	        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)o->key},
	        {MHD_OPTION_HTTPS_PRIORITIES, 0,
	         (void *)(uintptr_t) "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"},
	        {MHD_OPTION_END, 0, NULL}};

	return MHD_start_daemon(
	        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO |
	                MHD_USE_ERROR_LOG | (tls ? MHD_USE_TLS : 0u),
	        0, tls ? NULL : admit, e, c->handle, c->context, MHD_OPTION_EXTERNAL_LOGGER,
	        log_line, (void *)(uintptr_t)e->log, MHD_OPTION_LISTEN_SOCKET, e->listener.fd,
	        MHD_OPTION_THREAD_POOL_SIZE, o->threads, MHD_OPTION_CONNECTION_LIMIT,
	        o->connections, MHD_OPTION_PER_IP_CONNECTION_LIMIT, o->per_address,
	        MHD_OPTION_CONNECTION_TIMEOUT, o->silence_seconds,
	        MHD_OPTION_CONNECTION_MEMORY_LIMIT, o->head_bytes, MHD_OPTION_URI_LOG_CALLBACK,
	        c->start, c->context, MHD_OPTION_NOTIFY_COMPLETED, c->completed, c->context,
	        MHD_OPTION_NOTIFY_CONNECTION, c->connection, c->context,
	        MHD_OPTION_UNESCAPE_CALLBACK, c->unescape, c->context, MHD_OPTION_ARRAY,
	        tls ? more : more + 3, MHD_OPTION_END);
}

bool endpoint_start(struct endpoint *e, const struct endpoint_options *o,
                    const struct endpoint_callbacks *callbacks, const struct log *log,
                    struct problem *problem)
{
	const bool tls = o->cert != NULL;
	const bool beyond = !o->loopback_only && (tls || o->admitted->list.n > 0);

	*e = (struct endpoint){.listener.fd = -1, .admitted = o->admitted, .log = log};
	if (tls && MHD_is_feature_supported(MHD_FEATURE_TLS) != MHD_YES)
		return problem_set(problem, PROBLEM_INTERNAL,
		                   "this libmicrohttpd was built without TLS");
	if (!listener_open(&e->listener, tls ? "https" : "http", o->address, beyond, problem))
		return false;
	errno = 0;
	e->daemon = start_daemon(e, o, callbacks);
	if (e->daemon != NULL)
		return true;
	if (tls && errno == 0)
		return problem_set(problem, PROBLEM_BAD_VALUE,
		                   "cannot start TLS: the certificate and the key are damaged, or "
		                   "are not of each other (--log-level debug says more)");
	return problem_set(problem, PROBLEM_INTERNAL, "cannot start the HTTP threads: %s",
	                   strerror(errno));
}

void endpoint_refuse(struct endpoint *e)
{
	if (e->daemon != NULL)
		MHD_quiesce_daemon(e->daemon);
}

void endpoint_stop(struct endpoint *e)
{
	if (e->daemon != NULL)
		MHD_stop_daemon(e->daemon);
	e->daemon = NULL;
	listener_close(&e->listener);
}
