#include "tests/unit/stage_tree.h"

#include "base/fd.h"
#include "base/vec.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int tree_set_up(void **state)
{
	struct tree *t = calloc(1, sizeof(*t));

	assert(t != NULL);
	snprintf(t->root, sizeof(t->root), "/tmp/stage_test.XXXXXX");
	if (mkdtemp(t->root) == NULL)
		return -1;
	arena_init(&t->arena);
	stage_init(&t->stage);
	t->stage.retry_wait_ms = 1;
	str_init(&t->error);
	str_init(&t->warnings);
	*state = t;
	return 0;
}

int tree_tear_down(void **state)
{
	struct tree *t = *state;

	if (tree_remove(t->root) != 0)
		return -1;
	stage_release(&t->stage);
	str_release(&t->error);
	str_release(&t->warnings);
	arena_release(&t->arena);
	free(t);
	return 0;
}

const char *in(struct tree *t, const char *name)
{
	return arena_printf(&t->arena, "%s/%s", t->root, name);
}

void put_file(struct tree *t, const char *name, const char *text)
{
	const char *path = in(t, name);
	char *dir = arena_strdup(&t->arena, path);
	int fd;

	*strrchr(dir, '/') = '\0';
	if (dir_make(dir, 0777) != 0)
		abort();
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || fd_write_all(fd, text, strlen(text)) != 0)
		abort();
	close(fd);
}

const char *content(struct tree *t, const char *name)
{
	struct str s = STR_INIT;
	const char *out = "<none>";

	if (file_read(in(t, name), &s) == 0)
		out = arena_strndup(&t->arena, s.p, s.len);
	str_release(&s);
	return out;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void add_shape(struct tree *t, const char *dir, const char *prefix, struct str *out)
{
	VEC(char *) names = {0};
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			vec_push(&names, arena_strdup(&t->arena, e->d_name));
	if (d != NULL)
		closedir(d);
	if (names.n > 0)
		qsort(names.v, names.n, sizeof(char *), compare);
	for (size_t i = 0; i < names.n; i++) {
		const char *path = arena_printf(&t->arena, "%s/%s", dir, names.v[i]);
		struct stat st;

		if (lstat(path, &st) != 0)
			abort();
		str_addf(out, "%s%s%s%s", out->len > 0 ? " " : "", prefix, names.v[i],
		         S_ISDIR(st.st_mode)   ? "/"
		         : S_ISLNK(st.st_mode) ? "@"
		                               : "");
		if (S_ISDIR(st.st_mode))
			add_shape(t, path, arena_printf(&t->arena, "%s%s/", prefix, names.v[i]),
			          out);
	}
	vec_release(&names);
}

const char *shape(struct tree *t, const char *name)
{
	struct str s = STR_INIT;
	const char *out;

	add_shape(t, in(t, name), "", &s);
	out = arena_strdup(&t->arena, s.p);
	str_release(&s);
	return out;
}

bool is_link(struct tree *t, const char *name)
{
	struct stat st;

	return lstat(in(t, name), &st) == 0 && S_ISLNK(st.st_mode);
}

enum stage_result get(struct tree *t, const char *uri, const char *dest, enum stage_mode mode)
{
	struct str s = STR_INIT;
	enum stage_result r;
	const char *mark = strstr(uri, "%s");

	if (mark != NULL) {
		str_add(&s, uri, (size_t)(mark - uri));
		str_adds(&s, t->root);
		str_adds(&s, mark + 2);
	} else {
		str_adds(&s, uri);
	}
	str_reset(&t->error);
	r = stage_get_text(&t->stage, s.p, in(t, dest), mode, &t->error);
	str_release(&s);
	return r;
}
