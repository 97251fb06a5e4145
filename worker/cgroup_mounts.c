#include "worker/cgroup_mounts.h"

#include "base/alloc.h"
#include "base/fd.h"
#include "base/vec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const cgroup_controller_words[CGROUP_CONTROLLERS] = {"memory", "pids", "cpu",
                                                                 "freezer"};

static bool has_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = list; (p = strstr(p, word)) != NULL; p += n) {
		if ((p == list || strchr(", \n", p[-1]) != NULL) &&
		    (p[n] == '\0' || strchr(", \n", p[n]) != NULL))
			return true;
	}
	return false;
}

unsigned cgroup_controllers_of(const char *list)
{
	unsigned bits = 0;

	for (size_t i = 0; i < CGROUP_CONTROLLERS; i++)
		bits |= has_word(list, cgroup_controller_words[i]) ? 1U << i : 0;
	return bits;
}

/* Our own place in a hierarchy, of /proc/self/cgroup; `name` is one of its controllers, "" for
   version 2. False where we have none. */
static bool own_place(const char *membership, const char *name, struct str *place)
{
	for (const char *line = membership; line != NULL && *line != '\0';) {
		const char *list = strchr(line, ':'), *path, *end = strchrnul(line, '\n');

		path = list != NULL ? strchr(list + 1, ':') : NULL;
		if (path != NULL && path < end) {
			struct str words = STR_INIT;
			bool is;

			str_add(&words, list + 1, (size_t)(path - list - 1));
			is = *name == '\0' ? words.len == 0 : has_word(words.p, name);
			str_release(&words);
			if (is) {
				str_reset(place);
				str_add(place, path + 1, (size_t)(end - path - 1));
				return true;
			}
		}
		line = *end == '\n' ? end + 1 : NULL;
	}
	return false;
}

/* Our own directory in the hierarchy that is mounted at `point` from `root` on. */
static void add_own_directory(struct str *dir, const char *point, const char *root,
                              const char *place)
{
	size_t n = strlen(root);

	if (strcmp(root, "/") == 0)
		n = 0;
	else if (strncmp(place, root, n) != 0)
		place = "", n = 0;
	str_adds(dir, point);
	if (strcmp(place + n, "/") != 0)
		str_adds(dir, place + n);
}

/* One line of /proc/self/mountinfo. */
struct mount_line {
	char root[512], point[512], kind[32], options[512];
};

static bool read_mount(const char *line, struct mount_line *m)
{
	const char *rest = strstr(line, " - ");

	return rest != NULL && sscanf(line, "%*d %*d %*s %511s %511s", m->root, m->point) == 2 &&
	       sscanf(rest, " - %31s %*s %511s", m->kind, m->options) == 2;
}

/* Of one line of mountinfo. */
static void add_mount(struct cgroup_mounts *mounts, const char *line, const char *membership)
{
	struct str place = STR_INIT, dir = STR_INIT;
	struct cgroup_mount mount = {0};
	const char *name = "";
	struct mount_line m;

	if (!read_mount(line, &m))
		return;
	mount.unified = strcmp(m.kind, "cgroup2") == 0;
	if (strcmp(m.kind, "cgroup") == 0)
		mount.controllers = cgroup_controllers_of(m.options);
	for (size_t i = 0; i < CGROUP_CONTROLLERS; i++)
		name = mount.controllers & 1U << i ? cgroup_controller_words[i] : name;
	if ((mount.unified || mount.controllers != 0) && own_place(membership, name, &place)) {
		add_own_directory(&dir, m.point, m.root, place.p);
		if (mount.unified && dir.len > strlen(m.point)) {
			mount.directory = xstrndup(dir.p, (size_t)(strrchr(dir.p, '/') - dir.p));
			vec_push(mounts, mount);
		}
		mount.directory = str_detach(&dir);
		vec_push(mounts, mount);
	}
	str_release(&place);
	str_release(&dir);
}

void cgroup_mounts_read(struct cgroup_mounts *mounts)
{
	struct str lines = STR_INIT, membership = STR_INIT;
	char *rest = NULL;

	*mounts = (struct cgroup_mounts){0};
	if (file_read("/proc/self/mountinfo", &lines) == 0 &&
	    file_read("/proc/self/cgroup", &membership) == 0) {
		for (char *line = strtok_r(lines.p, "\n", &rest); line != NULL;
		     line = strtok_r(NULL, "\n", &rest))
			add_mount(mounts, line, membership.p);
	}
	str_release(&lines);
	str_release(&membership);
}

void cgroup_mounts_release(struct cgroup_mounts *mounts)
{
	for (size_t i = 0; i < mounts->n; i++)
		free(mounts->v[i].directory);
	vec_release(mounts);
}
