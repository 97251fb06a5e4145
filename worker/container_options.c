#include "worker/container_options.h"

#include "base/words.h"

#include <string.h>

enum safety {
	FREE,  /* stays within the container */
	OPEN,  /* only where the operator allows it */
	NEVER, /* the worker sets it */
};

struct row {
	const char *name; /* without the dashes */
	char letter;      /* 0: none */
	bool value;       /* it takes one */
	enum safety safety;
	/* The values that need no permission, separated by blanks; NULL: all. */
	const char *values;
};

/*
 * The options that podman and docker share and tasks use. To add one: a row. One that is
 * not here is refused, or, where the operator allows it, takes its value behind '='.
 */
static const struct row rows[] = {
        {"add-host", 0, true, FREE, NULL},
        {"attach", 'a', true, NEVER, NULL},
        {"cap-add", 0, true, OPEN, NULL},
        {"cap-drop", 0, true, FREE, NULL},
        {"cgroup-parent", 0, true, NEVER, NULL},
        {"cgroupns", 0, true, OPEN, NULL},
        {"cidfile", 0, true, NEVER, NULL},
        {"cpu-period", 0, true, FREE, NULL},
        {"cpu-quota", 0, true, FREE, NULL},
        {"cpu-shares", 'c', true, FREE, NULL},
        {"cpus", 0, true, FREE, NULL},
        {"cpuset-cpus", 0, true, FREE, NULL},
        {"cpuset-mems", 0, true, FREE, NULL},
        {"detach", 'd', false, NEVER, NULL},
        {"device", 0, true, OPEN, NULL},
        {"dns", 0, true, FREE, NULL},
        {"dns-search", 0, true, FREE, NULL},
        {"entrypoint", 0, true, FREE, NULL},
        {"env", 'e', true, FREE, NULL},
        {"env-file", 0, true, OPEN, NULL},
        {"gpus", 0, true, FREE, NULL},
        {"group-add", 0, true, OPEN, NULL},
        {"hostname", 'h', true, FREE, NULL},
        {"init", 0, false, FREE, NULL},
        {"interactive", 'i', false, NEVER, NULL},
        {"ipc", 0, true, OPEN, "private none"},
        {"label", 'l', true, NEVER, NULL},
        {"label-file", 0, true, NEVER, NULL},
        {"log-driver", 0, true, NEVER, NULL},
        {"memory", 'm', true, FREE, NULL},
        {"memory-reservation", 0, true, FREE, NULL},
        {"memory-swap", 0, true, FREE, NULL},
        {"mount", 0, true, OPEN, NULL},
        {"name", 0, true, NEVER, NULL},
        {"net", 0, true, OPEN, "none bridge default private"},
        {"network", 0, true, OPEN, "none bridge default private"},
        {"no-healthcheck", 0, false, FREE, NULL},
        {"oom-score-adj", 0, true, OPEN, NULL},
        {"pid", 0, true, OPEN, "private"},
        {"pids-limit", 0, true, FREE, NULL},
        {"platform", 0, true, FREE, NULL},
        {"privileged", 0, false, OPEN, NULL},
        {"publish", 'p', true, OPEN, NULL},
        {"publish-all", 'P', false, OPEN, NULL},
        {"pull", 0, true, NEVER, NULL},
        {"read-only", 0, false, FREE, NULL},
        {"restart", 0, true, NEVER, NULL},
        {"rm", 0, false, NEVER, NULL},
        {"runtime", 0, true, OPEN, NULL},
        {"security-opt", 0, true, OPEN, "no-new-privileges no-new-privileges:true"},
        {"shm-size", 0, true, FREE, NULL},
        {"sig-proxy", 0, true, NEVER, NULL},
        {"stop-signal", 0, true, FREE, NULL},
        {"sysctl", 0, true, OPEN, NULL},
        {"tmpfs", 0, true, FREE, NULL},
        {"tty", 't', false, NEVER, NULL},
        {"ulimit", 0, true, OPEN, NULL},
        {"user", 'u', true, FREE, NULL},
        {"userns", 0, true, OPEN, NULL},
        {"uts", 0, true, OPEN, "private"},
        {"volume", 'v', true, OPEN, NULL},
        {"volumes-from", 0, true, OPEN, NULL},
        {"workdir", 'w', true, FREE, NULL},
};

/* One option of the task. */
struct option_word {
	const struct row *row; /* NULL: not in the table */
	const char *name;
	const char *value; /* NULL: none */
};

static const struct row *find_name(const char *name, size_t n)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strlen(rows[i].name) == n && memcmp(rows[i].name, name, n) == 0)
			return &rows[i];
	}
	return NULL;
}

static const struct row *find_letter(char letter)
{
	for (size_t i = 0; letter != '\0' && i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].letter == letter)
			return &rows[i];
	}
	return NULL;
}

/* "--name", "--name=value", "-n" or "-nvalue"; false where it is none of these. */
static bool parse(const char *word, struct arena *arena, struct option_word *o)
{
	size_t n;

	memset(o, 0, sizeof(*o));
	if (strncmp(word, "--", 2) == 0 && word[2] != '\0') {
		n = strcspn(word + 2, "=");
		o->name = arena_strndup(arena, word + 2, n);
		o->row = find_name(o->name, n);
		o->value = word[2 + n] == '=' ? word + 3 + n : NULL;
		return n > 0;
	}
	if (word[0] != '-' || word[1] == '\0' || word[1] == '-')
		return false;
	o->row = find_letter(word[1]);
	if (o->row == NULL)
		return false;
	o->name = o->row->name;
	if (word[2] != '\0')
		o->value = word + (word[2] == '=' ? 3 : 2);
	/* Letters in one word, as -it: none of those that take no value is allowed anyway. */
	return o->value == NULL || o->row->value;
}

/* Whether the value begins so, and ends or goes on with what ends a path in a mount. */
static bool begins_with(const char *value, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(value, prefix, n) == 0 &&
	       (value[n] == '\0' || strchr(":/,", value[n]) != NULL ||
	        (n > 0 && strchr(":/,", prefix[n - 1]) != NULL));
}

/* Whether ".." is a component of a path in the value. */
static bool climbs(const char *value)
{
	for (const char *p = value; (p = strstr(p, "..")) != NULL; p += 2) {
		if ((p == value || strchr("/:,=", p[-1]) != NULL) &&
		    (p[2] == '\0' || strchr("/:,", p[2]) != NULL))
			return true;
	}
	return false;
}

static bool operator_allows(const struct option_word *o, char *const *allow, struct arena *arena)
{
	for (; *allow != NULL; allow++) {
		struct option_word a;

		if (!parse(*allow, arena, &a) || strcmp(a.name, o->name) != 0)
			continue;
		if (a.value == NULL ||
		    (o->value != NULL && begins_with(o->value, a.value) && !climbs(o->value)))
			return true;
	}
	return false;
}

static bool is_free(const struct option_word *o, struct arena *arena)
{
	char **values;
	size_t n;

	if (o->row == NULL)
		return false;
	if (o->row->safety == FREE)
		return true;
	if (o->row->values == NULL || o->value == NULL ||
	    words_split(o->row->values, arena, &values, &n) != WORDS_OK)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(values[i], o->value) == 0)
			return true;
	}
	return false;
}

static bool may(const struct option_word *o, char *const *allow, struct arena *arena,
                struct str *error)
{
	if (o->row != NULL && o->row->safety == NEVER) {
		str_addf(error, "container option --%s is the worker's own", o->name);
		return false;
	}
	if (is_free(o, arena) || operator_allows(o, allow, arena))
		return true;
	str_addf(error,
	         "container option --%s%s%s is not allowed on this worker; its operator can allow "
	         "it by container_allow in the worker's configuration",
	         o->name, o->value != NULL ? "=" : "", o->value != NULL ? o->value : "");
	return false;
}

bool container_options_read(const char *text, const char *allow, struct arena *arena, char ***words,
                            size_t *n, struct str *error)
{
	enum words_error bad = words_split(text != NULL ? text : "", arena, words, n);
	char **given = *words, **allowed;
	size_t nallowed, made = 0;

	if (bad != WORDS_OK) {
		str_addf(error, "container_options cannot be split into words: %s",
		         words_error_text(bad));
		return false;
	}
	bad = words_split(allow, arena, &allowed, &nallowed);
	if (bad != WORDS_OK) {
		str_addf(error, "container_allow of the worker cannot be split into words: %s",
		         words_error_text(bad));
		return false;
	}
	for (size_t i = 0; i < *n; i++) {
		const char *word = given[i];
		struct option_word o;

		if (!parse(word, arena, &o)) {
			str_addf(error, "'%s' in container_options is no option", word);
			return false;
		}
		if (o.row != NULL && o.row->value && o.value == NULL) {
			if (++i == *n) {
				str_addf(error, "container option --%s needs a value", o.name);
				return false;
			}
			o.value = given[i];
		}
		if (!may(&o, allowed, arena, error))
			return false;
		given[made++] = o.value != NULL ? arena_printf(arena, "--%s=%s", o.name, o.value)
		                                : arena_printf(arena, "--%s", o.name);
	}
	given[made] = NULL;
	*n = made;
	return true;
}
