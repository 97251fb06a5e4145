#include "client/events.h"

#include <string.h>

void events_init(struct events *e, bool (*each)(void *, const char *, const struct str *),
                 void *context)
{
	str_init(&e->line);
	str_init(&e->kind);
	str_init(&e->data);
	e->each = each;
	e->context = context;
}

void events_release(struct events *e)
{
	str_release(&e->line);
	str_release(&e->kind);
	str_release(&e->data);
}

void events_reset(struct events *e)
{
	str_reset(&e->line);
	str_reset(&e->kind);
	str_reset(&e->data);
}

static bool end_event(struct events *e)
{
	bool go_on = e->data.len == 0 || e->each(e->context, e->kind.p, &e->data);

	str_reset(&e->kind);
	str_reset(&e->data);
	return go_on;
}

static void take_field(struct events *e, const char *name, struct str *field)
{
	const size_t len = strlen(name);
	const char *value = e->line.p + len;

	if (strncmp(e->line.p, name, len) != 0)
		return;
	value += *value == ' ';
	if (field == &e->data && field->len > 0)
		str_addc(field, '\n');
	if (field == &e->kind)
		str_reset(field);
	str_adds(field, value);
}

bool events_read(struct events *e, const char *text, size_t n)
{
	bool go_on = true;

	for (size_t i = 0; i < n && go_on; i++) {
		if (text[i] == '\r')
			continue;
		if (text[i] != '\n') {
			str_addc(&e->line, text[i]);
			continue;
		}
		if (e->line.len == 0)
			go_on = end_event(e);
		take_field(e, "event:", &e->kind);
		take_field(e, "data:", &e->data);
		str_reset(&e->line);
	}
	return go_on;
}
