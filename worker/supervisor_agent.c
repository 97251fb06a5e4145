/* The supervisor's talk with its agent; message.h has the words. */
#include "worker/supervisor_inside.h"

#include "base/clock.h"
#include "worker/boot.h"

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

/* A start is told with the end that may follow at once. */
#define START_COLLECT_NS (3 * INT64_C(1000000))
/* While so many other tasks wait that the agent need not hear of any one. */
#define BUSY_COLLECT_NS (10 * INT64_C(1000000))

/* What was said is to be sent within so long. */
void supervisor_flush_within(struct supervisor *s, int64_t ns)
{
	int64_t at = clock_monotonic_ns() + ns;

	if (s->flush_at_ns == 0 || at < s->flush_at_ns)
		s->flush_at_ns = at;
}

static bool is_busy(const struct supervisor *s)
{
	return s->waiting.n >= 2 * s->running.n + 2;
}

void supervisor_say_started(struct supervisor *s, const struct held *h)
{
	size_t m;

	if (s->agent.fd < 0 || !s->welcomed)
		return;
	m = message_begin(&s->agent.out, MESSAGE_STARTED);
	message_add_number(&s->agent.out, h->id);
	message_add_number(&s->agent.out, (uint64_t)h->pid);
	message_end(&s->agent.out, m);
	supervisor_flush_within(s, is_busy(s) ? BUSY_COLLECT_NS : START_COLLECT_NS);
}

void supervisor_say_exited(struct supervisor *s, const struct held *h)
{
	size_t m;

	if (s->agent.fd < 0 || !s->welcomed)
		return;
	m = message_begin(&s->agent.out, MESSAGE_EXITED);
	message_add_number(&s->agent.out, h->id);
	message_add_ending(&s->agent.out, &h->ending);
	message_end(&s->agent.out, m);
	supervisor_flush_within(s, is_busy(s) ? BUSY_COLLECT_NS : 0);
}

static struct held *find(struct supervisor *s, uint64_t id)
{
	struct held *h = held_list_find(&s->running, id);

	if (h == NULL)
		h = held_list_find(&s->waiting, id);
	return h != NULL ? h : held_list_find(&s->ended, id);
}

static void say_welcome(struct supervisor *s)
{
	struct held_list *lists[] = {&s->waiting, &s->running, &s->ended};
	struct str *out = &s->agent.out;
	size_t m = message_begin(out, MESSAGE_WELCOME);

	message_add_number(out, MESSAGE_VERSION);
	message_add_text(out, s->instance);
	message_add_number(out, s->waiting.n + s->running.n + s->ended.n);
	message_end(out, m);
	for (size_t l = 0; l < 3; l++) {
		for (size_t i = 0; i < lists[l]->n; i++) {
			const struct held *h = lists[l]->v[i];

			m = message_begin(out, MESSAGE_TASK);
			message_add_number(out, h->id);
			message_add_number(out, (uint64_t)h->state);
			message_add_bytes(out, h->note.p, h->note.len);
			message_add_number(out, (uint64_t)h->pid);
			message_add_ending(out, &h->ending);
			message_end(out, m);
		}
	}
	s->welcomed = true;
	supervisor_flush_within(s, 0);
}

static void forget(struct supervisor *s, struct held *h)
{
	switch (h->state) {
	case HELD_WAITING:
		held_list_remove(&s->waiting, h);
		held_free(h);
		break;
	case HELD_RUNNING:
		h->forgotten = true;
		supervisor_signal_task(s, h, SIGKILL);
		break;
	case HELD_ENDED:
		held_list_remove(&s->ended, h);
		held_free(h);
		break;
	}
}

/* False where the frame is not one that an agent sends. */
static bool obey(struct supervisor *s, struct message *m)
{
	struct held *h;
	uint64_t number;

	if (m->type == MESSAGE_START) {
		h = held_new(m);
		if (h == NULL)
			return false;
		vec_push(&s->waiting, h);
		return true;
	}
	if (m->type == MESSAGE_END) {
		s->ending = true;
		return true;
	}
	number = message_number(m);
	switch (m->type) {
	case MESSAGE_HELLO:
		s->agentless_ns = (int64_t)message_number(m);
		str_reset(&s->gpus);
		str_adds(&s->gpus, message_text(m));
		say_welcome(s);
		return number == MESSAGE_VERSION && !m->broken;
	case MESSAGE_LEASE:
		s->expires_ns = (int64_t)number;
		s->lease_ns = (int64_t)message_number(m);
		return !m->broken;
	case MESSAGE_SIGNAL: {
		int sig = (int)message_number(m);
		enum stop_cause cause = (enum stop_cause)message_number(m);
		int64_t grace_ns = (int64_t)message_number(m);

		h = find(s, number);
		if (!m->broken && h != NULL)
			supervisor_stop_task(s, h, sig, cause, grace_ns);
		return !m->broken;
	}
	case MESSAGE_NOTE: {
		size_t n;
		const char *note = message_bytes(m, &n);

		h = find(s, number);
		if (!m->broken && h != NULL) {
			str_reset(&h->note);
			str_add(&h->note, note, n);
		}
		return !m->broken;
	}
	case MESSAGE_FORGET:
		h = find(s, number);
		if (h != NULL)
			forget(s, h);
		return !m->broken;
	default:
		return false;
	}
}

static void lose_agent(struct supervisor *s)
{
	channel_close(&s->agent);
	s->flush_at_ns = 0;
	s->alone_since_ns = clock_boot_ns();
}

void supervisor_hear(struct supervisor *s)
{
	int alive = channel_fill(&s->agent), got;
	struct message m;

	while ((got = channel_take(&s->agent, &m)) > 0) {
		if (!obey(s, &m)) {
			got = -1;
			break;
		}
	}
	if (got < 0) {
		log_error(&s->log, "the agent says what this version does not understand");
		(void)channel_flush(&s->agent);
	}
	if (got < 0 || alive <= 0)
		lose_agent(s);
}

void supervisor_accept(struct supervisor *s)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);
	int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0 || peer.uid != geteuid()) {
		close(fd);
		return;
	}
	/* Agents hold a lock: an older one that is still connected is gone or stuck. */
	channel_open(&s->agent, fd);
	s->welcomed = false;
	s->alone_since_ns = 0;
}

/* Send what was said, once it is time; the rest of it when the socket has room. */
void supervisor_flush(struct supervisor *s)
{
	if (s->agent.fd < 0 || s->flush_at_ns == 0 || s->flush_at_ns > clock_monotonic_ns())
		return;
	s->flush_at_ns = 0;
	if (channel_flush(&s->agent) < 0)
		lose_agent(s);
}
