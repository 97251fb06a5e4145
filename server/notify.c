#include "server/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* WATCHDOG_PID names the process that the limit is for. */
static int64_t read_watchdog(void)
{
	const char *pid = getenv("WATCHDOG_PID"), *text = getenv("WATCHDOG_USEC");
	int64_t us;

	if (text == NULL || (pid != NULL && strtol(pid, NULL, 10) != getpid()))
		return 0;
	us = strtoll(text, NULL, 10);
	return us > 0 && us < INT64_MAX / 1000 ? us * 1000 : 0;
}

void notify_init(struct notify *notify, const struct log *log)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t len = path ? strlen(path) : 0;

	*notify = (struct notify){.log = log, .fd = -1};
	if (len > 1 && len < sizeof(notify->address.sun_path) && (*path == '/' || *path == '@')) {
		notify->address.sun_family = AF_UNIX;
		memcpy(notify->address.sun_path, path, len);
		/* An address of the abstract namespace. */
		if (*path == '@')
			notify->address.sun_path[0] = '\0';
		notify->size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
		notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (notify->fd < 0)
			log_error(log, "cannot speak to the service manager: %s", strerror(errno));
		notify->watchdog_ns = read_watchdog();
	} else if (len > 0) {
		log_error(log, "NOTIFY_SOCKET names no socket: %s", path);
	}
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_PID");
	unsetenv("WATCHDOG_USEC");
}

void notify_release(struct notify *notify)
{
	if (notify->fd >= 0)
		close(notify->fd);
	notify->fd = -1;
}

void notify_send(const struct notify *notify, const char *lines)
{
	ssize_t n;

	if (notify->fd < 0)
		return;
	do
		n = sendto(notify->fd, lines, strlen(lines), MSG_NOSIGNAL,
		           (const struct sockaddr *)&notify->address, notify->size);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		log_error(notify->log, "cannot tell the service manager %.40s: %s", lines,
		          strerror(errno));
}
