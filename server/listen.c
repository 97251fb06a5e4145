#include "server/listen.h"

#include "server/network.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool failed(const char *address, const char *what, struct problem *problem)
{
	return problem_set(problem, PROBLEM_INTERNAL, "cannot %s %s: %s", what, address,
	                   strerror(errno));
}

static void print_url(char url[80], const char *scheme, const char *host, const char *port)
{
	bool v6 = strchr(host, ':') != NULL;

	snprintf(url, 80, "%s://%s%.50s%s:%.6s", scheme, v6 ? "[" : "", host, v6 ? "]" : "", port);
}

static bool set_url(struct listener *l, const char *scheme, const char *text,
                    struct problem *problem)
{
	struct sockaddr_storage bound;
	socklen_t size = sizeof(bound);
	char host[NI_MAXHOST], port[NI_MAXSERV];
	const char *local = host;

	if (getsockname(l->fd, (struct sockaddr *)&bound, &size) < 0)
		return failed(text, "listen on", problem);
	if (getnameinfo((struct sockaddr *)&bound, size, host, sizeof(host), port, sizeof(port),
	                NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return problem_set(problem, PROBLEM_INTERNAL, "cannot print the address of %s",
		                   text);
	if (strcmp(host, "0.0.0.0") == 0)
		local = "127.0.0.1";
	else if (strcmp(host, "::") == 0)
		local = "::1";
	print_url(l->url, scheme, host, port);
	print_url(l->local_url, scheme, local, port);
	return true;
}

static bool listen_on(struct listener *l, const char *scheme, const struct addrinfo *info,
                      const char *text, struct problem *problem)
{
	int one = 1;

	l->fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd < 0)
		return failed(text, "open a socket for", problem);
	if (setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) < 0)
		return failed(text, "set up a socket for", problem);
	if (bind(l->fd, info->ai_addr, info->ai_addrlen) < 0 || listen(l->fd, SOMAXCONN) < 0)
		return failed(text, "listen on", problem);
	return set_url(l, scheme, text, problem);
}

/* "HOST:PORT" or "[HOST]:PORT" in two. */
static bool split(const char *text, char host[64], char port[8], struct problem *problem)
{
	const char *colon = strrchr(text, ':'), *end = colon;
	size_t len;

	if (colon != NULL && text[0] == '[' && colon > text && colon[-1] == ']') {
		text++;
		end--;
	}
	len = colon ? (size_t)(end - text) : 0;
	if (len == 0 || len >= 64 || strlen(colon + 1) == 0 || strlen(colon + 1) > 5 ||
	    strspn(colon + 1, "0123456789") != strlen(colon + 1) ||
	    strtol(colon + 1, NULL, 10) > 65535)
		return problem_set(problem, PROBLEM_BAD_VALUE,
		                   "\"%.80s\" is not ADDRESS:PORT, such as 127.0.0.1:5000", text);
	memcpy(host, text, len);
	host[len] = '\0';
	memcpy(port, colon + 1, strlen(colon));
	return true;
}

bool listener_open(struct listener *l, const char *scheme, const char *address, bool beyond,
                   struct problem *problem)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	struct addrinfo *found = NULL;
	char host[64], port[8];
	int err;
	bool ok;

	l->fd = -1;
	if (!split(address, host, port, problem))
		return false;
	err = getaddrinfo(host, port, &hints, &found);
	if (err != 0)
		return problem_set(problem, PROBLEM_BAD_VALUE, "\"%.80s\" is no address: %s",
		                   address, gai_strerror(err));
	if (beyond || address_is_loopback(found->ai_addr))
		ok = listen_on(l, scheme, found, address, problem);
	else
		ok = problem_set(problem, PROBLEM_BAD_VALUE,
		                 "%s can be reached from other machines: without --tls-cert and "
		                 "--tls-key, or --plain for plain HTTP, and with --open, only a "
		                 "loopback address is listened on",
		                 address);
	freeaddrinfo(found);
	if (!ok)
		listener_close(l);
	return ok;
}

void listener_close(struct listener *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}
