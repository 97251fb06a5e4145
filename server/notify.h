/*
 * What the service manager is told: ready, stopping, and now and then that the
 * server still works. A datagram to the socket that NOTIFY_SOCKET names; without
 * one nothing is sent. Source: sd_notify(3), "Notes".
 */
#ifndef SERVER_NOTIFY_H
#define SERVER_NOTIFY_H

#include "base/log.h"

#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct notify {
	const struct log *log;
	int fd; /* -1: nobody is to be told */
	struct sockaddr_un address;
	socklen_t size;
	int64_t watchdog_ns; /* longest silence that is allowed; 0: any */
};

/* Reads and removes the variables; before there are threads. The log is borrowed. */
void notify_init(struct notify *notify, const struct log *log);
void notify_release(struct notify *notify);
/* Lines VARIABLE=value, such as "READY=1". */
void notify_send(const struct notify *notify, const char *lines);

#endif
