#include "worker/message.h"

#include <string.h>

/* A frame: uint32_t bytes that follow, uint32_t type, fields. A field is 8 bytes, or 8 bytes of
   length, the bytes and a NUL. */
#define HEADER 8

size_t message_begin(struct str *out, enum message_type type)
{
	size_t begun = out->len;
	uint32_t header[2] = {0, (uint32_t)type};

	str_add(out, header, sizeof(header));
	return begun;
}

void message_add_number(struct str *out, uint64_t value)
{
	str_add(out, &value, sizeof(value));
}

void message_add_real(struct str *out, double value)
{
	str_add(out, &value, sizeof(value));
}

void message_add_bytes(struct str *out, const void *data, size_t n)
{
	message_add_number(out, n);
	str_add(out, data, n);
	str_addc(out, '\0');
}

void message_add_text(struct str *out, const char *text)
{
	message_add_bytes(out, text, strlen(text));
}

void message_add_texts(struct str *out, char *const *texts, size_t n)
{
	message_add_number(out, n);
	for (size_t i = 0; i < n; i++)
		message_add_text(out, texts[i]);
}

void message_add_ending(struct str *out, const struct ending *e)
{
	message_add_number(out, e->started);
	message_add_number(out, (uint64_t)e->start_errno);
	message_add_text(out, e->failed);
	message_add_number(out, (uint64_t)e->status);
	message_add_number(out, (uint64_t)e->cause);
	message_add_number(out, e->strays);
	message_add_number(out, e->cpu_us);
	message_add_number(out, e->peak_memory);
	message_add_number(out, e->duration_ns);
	message_add_number(out, e->oom);
}

void message_end(struct str *out, size_t begun)
{
	uint32_t len = (uint32_t)(out->len - begun - sizeof(len));

	memcpy(out->p + begun, &len, sizeof(len));
}

int message_take(const struct str *in, size_t *used, struct message *m)
{
	const char *p = in->p + *used;
	size_t left = in->len - *used;
	uint32_t header[2];

	if (left < HEADER)
		return 0;
	memcpy(header, p, sizeof(header));
	if (header[0] < sizeof(header[1]) || header[0] > MESSAGE_MAX || header[1] < MESSAGE_HELLO ||
	    header[1] > MESSAGE_EXITED)
		return -1;
	if (left < sizeof(header[0]) + header[0])
		return 0;
	*m = (struct message){(enum message_type)header[1], p + HEADER,
	                      p + sizeof(header[0]) + header[0], false};
	*used += sizeof(header[0]) + header[0];
	return 1;
}

static bool field(struct message *m, void *value, size_t n)
{
	if (m->broken || (size_t)(m->end - m->p) < n) {
		m->broken = true;
		memset(value, 0, n);
		return false;
	}
	memcpy(value, m->p, n);
	m->p += n;
	return true;
}

uint64_t message_number(struct message *m)
{
	uint64_t value;

	field(m, &value, sizeof(value));
	return value;
}

double message_real(struct message *m)
{
	double value;

	field(m, &value, sizeof(value));
	return value;
}

const char *message_bytes(struct message *m, size_t *n)
{
	uint64_t len = message_number(m);
	const char *bytes = m->p;

	if (n != NULL)
		*n = 0;
	if (m->broken || (uint64_t)(m->end - m->p) <= len || bytes[len] != '\0') {
		m->broken = true;
		return "";
	}
	m->p += len + 1;
	if (n != NULL)
		*n = (size_t)len;
	return bytes;
}

const char *message_text(struct message *m)
{
	return message_bytes(m, NULL);
}

size_t message_count(struct message *m)
{
	uint64_t n = message_number(m);

	/* Each text takes at least its length and its NUL. */
	if (n > (uint64_t)(m->end - m->p) / 9) {
		m->broken = true;
		return 0;
	}
	return (size_t)n;
}

void message_ending(struct message *m, struct ending *e)
{
	e->started = message_number(m) != 0;
	e->start_errno = (int)message_number(m);
	e->failed = message_text(m);
	e->status = (int)message_number(m);
	e->cause = (enum stop_cause)message_number(m);
	e->strays = message_number(m) != 0;
	e->cpu_us = message_number(m);
	e->peak_memory = message_number(m);
	e->duration_ns = message_number(m);
	e->oom = message_number(m) != 0;
}
