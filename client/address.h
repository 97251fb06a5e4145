/*
 * How people name a server: HOST, HOST:PORT, NAME:TOKEN@HOST (as v1's
 * SCITQ_SERVER), or a URL of http or https; IPv6 addresses stand in brackets.
 */
#ifndef CLIENT_ADDRESS_H
#define CLIENT_ADDRESS_H

#include "base/str.h"

#include <stdbool.h>

/*
 * Append the URL, without token and without a slash at its end, and the token, where there is
 * one. The port is 5000 unless given, but for https, which has its own. False, with nothing
 * appended, where it names no server.
 */
bool client_address(const char *server, struct str *url, struct str *token);

#endif
