#include "base/engine.h"

#include "base/child.h"
#include "base/fd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLANKS " \t\r"

struct settings {
	struct str engine, allow;
};

/* To add a key: a row here, a member above, a row in docs/containers.md. */
static const struct {
	const char *name;
	size_t member;
} keys[] = {
        {"container_engine", offsetof(struct settings, engine)},
        {"container_allow", offsetof(struct settings, allow)},
};

/* One line without its end: blank, a comment, or "key = value". */
static bool take_line(struct settings *s, char *line)
{
	char *value, *end;

	line += strspn(line, BLANKS);
	if (*line == '\0' || *line == '#')
		return true;
	value = strchr(line, '=');
	if (value == NULL)
		return false;
	end = value++;
	while (end > line && strchr(BLANKS, end[-1]) != NULL)
		end--;
	*end = '\0';
	value += strspn(value, BLANKS);
	end = value + strlen(value);
	while (end > value && strchr(BLANKS, end[-1]) != NULL)
		*--end = '\0';
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct str *member = (struct str *)((char *)s + keys[i].member);

		if (strcmp(line, keys[i].name) == 0) {
			str_reset(member);
			str_adds(member, value);
			return true;
		}
	}
	return false;
}

static bool read_settings(struct settings *s, struct str *why)
{
	const char *own = getenv("SCITQ_WORKER_CONF");
	const char *path = own != NULL && *own != '\0' ? own : ENGINE_CONF;
	struct str text = STR_INIT;
	int err = file_read(path, &text);
	unsigned number = 1;
	bool ok = true;

	/* The usual file need not be there; one that was asked for must. */
	if (err != 0 && (err != -ENOENT || path == own)) {
		str_addf(why, "cannot read %s: %s", path, strerror(-err));
		ok = false;
	}
	for (char *line = text.p, *end; ok && line < text.p + text.len; line = end + 1, number++) {
		end = strchrnul(line, '\n');
		*end = '\0';
		ok = take_line(s, line);
		if (!ok)
			str_addf(why, "%s:%u: neither a comment nor a known key = value", path,
			         number);
	}
	str_release(&text);
	return ok;
}

bool engine_init(struct engine *e, struct str *why)
{
	static const char *const usual[] = {"podman", "docker"};
	struct settings s = {STR_INIT, STR_INIT};
	bool ok;

	str_init(&e->program);
	str_init(&e->missing);
	ok = read_settings(&s, why);
	e->allow = s.allow;
	if (s.engine.len > 0) {
		if (!child_find(s.engine.p, &e->program))
			str_addf(&e->missing, "%s, which is set as container_engine, is no program",
			         s.engine.p);
	} else if (!child_find(usual[0], &e->program) && !child_find(usual[1], &e->program)) {
		str_adds(&e->missing, "neither podman nor docker is on PATH");
	}
	if (e->missing.len > 0)
		str_reset(&e->program);
	str_release(&s.engine);
	return ok;
}

void engine_release(struct engine *e)
{
	str_release(&e->program);
	str_release(&e->missing);
	str_release(&e->allow);
}

bool engine_is_docker(const char *program)
{
	const char *name = strrchr(program, '/');

	return strncmp(name != NULL ? name + 1 : program, "docker", 6) == 0;
}
