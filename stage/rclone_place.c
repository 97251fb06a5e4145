#include "stage/rclone_place.h"

#include "net/url.h"
#include "stage/fault.h"
#include "stage/local.h"
#include "stage/rclone.h"

#include <string.h>

/* A remote of that name is made of a URL by the environment. */
#define FTP_REMOTE "scitqftp:"

/* Cut the pattern before its first component with a glob, which may hide behind backslashes. */
static void cut_pattern(struct rclone_place *r, const char *pattern, struct arena *arena)
{
	const char *slash = NULL, *p = pattern;
	char *plain;
	size_t len = 0;

	for (; *p != '\0' && strchr("*?[", *p) == NULL; p++) {
		if (*p == '/')
			slash = p;
		else if (*p == '\\' && p[1] != '\0')
			p++;
	}
	r->pattern = arena_strdup(arena, slash != NULL ? slash + 1 : pattern);
	plain = arena_alloc(arena, strlen(pattern) + 1);
	for (p = pattern; slash != NULL && p < slash; p++) {
		if (*p == '\\')
			p++;
		plain[len++] = *p;
	}
	plain[len] = '\0';
	r->path = plain;
}

static const char *without_slash(struct arena *arena, const char *path)
{
	size_t n = strlen(path);

	while (n > 1 && path[n - 1] == '/')
		n--;
	return arena_strndup(arena, path, n);
}

/* rclone keeps passwords in a form of its own. */
static enum stage_result obscure(struct stage *s, const struct uri *uri, const char *password,
                                 struct str *out, struct str *error)
{
	static const char *const words[] = {"obscure", "-", NULL};
	struct rclone_run run = {
	        .subject = uri->text, .words = words, .input = password, .out = out};
	enum stage_result r = rclone_run(s, &run, error);

	while (out->len > 0 && (unsigned char)out->p[out->len - 1] <= ' ')
		out->p[--out->len] = '\0';
	return r;
}

/* The remote that an ftp URL describes. */
static enum stage_result find_ftp(struct stage *s, const struct uri *uri, struct arena *arena,
                                  struct rclone_place *r, struct str *error)
{
	struct str password = STR_INIT, path = STR_INIT;
	struct url_server server;
	const char *slash = strchr(uri->place + strlen("ftp://"), '/');
	const char **extra = arena_array(arena, const char *, 6);
	enum stage_result result;

	url_server_init(&server);
	r->base = FTP_REMOTE;
	r->extra = extra;
	r->root = slash == NULL ? uri->place
	                        : arena_strndup(arena, uri->place, (size_t)(slash - uri->place));
	if (slash != NULL)
		url_unescape(&path, slash + 1, strlen(slash + 1));
	r->path = arena_strdup(arena, path.p);
	result = url_server_read(&server, r->root)
	                 ? obscure(s, uri, server.user.len > 0 ? server.password.p : "anonymous@",
	                           &password, error)
	                 : fault(error, STAGE_BAD_URI, uri->text, "is no URL");
	extra[0] = "RCLONE_CONFIG_SCITQFTP_TYPE=ftp";
	extra[1] = arena_printf(arena, "RCLONE_CONFIG_SCITQFTP_HOST=%s", server.host.p);
	extra[2] = arena_printf(arena, "RCLONE_CONFIG_SCITQFTP_PORT=%s", server.port.p);
	extra[3] = arena_printf(arena, "RCLONE_CONFIG_SCITQFTP_USER=%s",
	                        server.user.len > 0 ? server.user.p : "anonymous");
	extra[4] = arena_printf(arena, "RCLONE_CONFIG_SCITQFTP_PASS=%s", password.p);
	str_release(&password);
	str_release(&path);
	url_server_release(&server);
	return result;
}

enum stage_result rclone_place_find(struct stage *s, const struct uri *uri, struct arena *arena,
                                    struct rclone_place *r, struct str *error)
{
	const char *name, *path;
	enum stage_result result;

	memset(r, 0, sizeof(*r));
	r->uri = uri;
	if (strcmp(uri->scheme, "file") == 0) {
		r->base = r->root = "";
		r->path = uri->place;
	} else if (strcmp(uri->scheme, "ftp") == 0) {
		result = find_ftp(s, uri, arena, r, error);
		if (result != STAGE_OK)
			return result;
	} else {
		name = rclone_remote(uri->scheme, arena);
		if (name == NULL)
			return fault(error, STAGE_BAD_URI, uri->text, "rclone has no remote %s",
			             uri->scheme);
		r->base = arena_printf(arena, "%s:", name);
		path = strstr(uri->place, "://") + 3;
		r->root = arena_strndup(arena, uri->place, (size_t)(path - uri->place));
		r->path = path;
	}
	if (uri->glob)
		cut_pattern(r, r->path, arena);
	/* Only now: the current directory may hold what would be a pattern. */
	if (*r->base == '\0' && (*r->path != '\0' || *uri->place != '/'))
		r->path = local_absolute(arena, r->path);
	r->path = without_slash(arena, r->path);
	if (*r->base == '\0' && *r->path == '\0')
		r->path = "/";
	return STAGE_OK;
}

const char *rclone_place_spec(const struct rclone_place *r, const char *name, struct arena *arena)
{
	return arena_printf(arena, "%s%s%s%s", r->base, r->path,
	                    *name != '\0' && *r->path != '\0' ? "/" : "", name);
}

enum stage_result rclone_place_run(struct stage *s, const struct rclone_place *r,
                                   const char *const *words, const char *input, struct str *out,
                                   struct str *error)
{
	struct rclone_run all = {r->uri->text, words, r->extra, input, out};

	return rclone_run(s, &all, error);
}
