/*
 * Networks in CIDR notation, and whether an address is in one of them: who may
 * speak plain HTTP to a server that other machines reach. An IPv4 address that a
 * dual-stack socket shows as ::ffff:a.b.c.d counts as a.b.c.d.
 */
#ifndef SERVER_NETWORK_H
#define SERVER_NETWORK_H

#include "base/vec.h"
#include "model/problem.h"

#include <stdbool.h>

struct sockaddr;

struct network {
	unsigned char address[16]; /* IPv4 as ::ffff:a.b.c.d */
	unsigned bits;             /* of it that count */
};

struct networks {
	VEC(struct network) list;
};

/* "10.1.0.0/16,fd00::/8": add them. False with *problem set; an address with bits beyond the length
   is refused, as a slip. */
bool networks_add(struct networks *networks, const char *text, struct problem *problem);
void networks_release(struct networks *networks);
bool networks_hold(const struct networks *networks, const struct sockaddr *address);
bool address_is_loopback(const struct sockaddr *address);

#endif
