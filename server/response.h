/*
 * The answer of a call as libmicrohttpd sends it: its headers, and its bytes or its stream. For
 * exchange.c.
 */
#ifndef SERVER_RESPONSE_H
#define SERVER_RESPONSE_H

#include "server/exchange.h"

/* MHD_NO closes the connection without a word. Once per exchange. */
enum MHD_Result response_send(struct exchange *x);

#endif
