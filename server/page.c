/*
 * What a browser sees at /: Swagger UI over /swagger.json, or a plain list of the
 * calls where the files of Swagger UI are not installed. They come from the npm
 * package swagger-ui-dist (scripts/swagger-ui) and are read anew for each call.
 * Nothing here needs a token, tells of data, or loads anything from elsewhere:
 * the policy that response.c sends with every page forbids the browser to.
 */
#include "base/fd.h"
#include "server/reader.h"
#include "server/route.h"
#include "server/server.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define HTML "text/html; charset=utf-8"

/* A phone shows it as wide as it is. */
#define HEAD "<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n"

static const char ui_page[] = "<!doctype html>\n<html lang=\"en\">\n" HEAD "<title>scitq</title>\n"
                              "<link rel=\"stylesheet\" href=\"/swagger-ui/swagger-ui.css\">\n"
                              "<link rel=\"icon\" href=\"/swagger-ui/favicon-32x32.png\">\n"
                              "<div id=\"swagger-ui\"></div>\n"
                              "<script src=\"/swagger-ui/swagger-ui-bundle.js\"></script>\n"
                              "<script src=\"/swagger-ui/start.js\"></script>\n";

/* Browsers send no body with a GET. */
static const char ui_start[] = "SwaggerUIBundle({\n"
                               "  url: \"/swagger.json\",\n"
                               "  dom_id: \"#swagger-ui\",\n"
                               "  deepLinking: true,\n"
                               "  docExpansion: \"list\",\n"
                               "  validatorUrl: null,\n"
                               "  requestInterceptor: request => {\n"
                               "    if (request.method === \"GET\") delete request.body;\n"
                               "    return request;\n"
                               "  },\n"
                               "});\n";

/* The files that the page asks for. `text` NULL: in the directory of Swagger UI. */
static const struct {
	const char *name, *type, *text;
} files[] = {
        {"swagger-ui.css", "text/css", NULL},
        {"swagger-ui-bundle.js", "text/javascript", NULL},
        {"favicon-32x32.png", "image/png", NULL},
        {"start.js", "text/javascript", ui_start},
};

static void add_escaped(struct str *out, const char *text)
{
	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '<')
			str_adds(out, "&lt;");
		else if (*p == '&')
			str_adds(out, "&amp;");
		else
			str_addc(out, *p);
	}
}

static void print_list(struct str *out, const char *place)
{
	str_adds(out,
	         "<!doctype html>\n<html lang=\"en\">\n" HEAD
	         "<title>scitq</title>\n<h1>scitq " SCITQ_VERSION "</h1>\n"
	         "<p>The calls of this server; <a href=\"/swagger.json\">/swagger.json</a> tells "
	         "all about them. Swagger UI is not installed: <code>scripts/swagger-ui ");
	add_escaped(out, place);
	str_adds(out, "</code>, from the sources, puts its files there.\n<table>\n");
	for (size_t i = 0; i < route_count; i++) {
		if (routes[i].flags & ROUTE_PAGE)
			continue;
		str_addf(out, "<tr><td>%s<td><code>", routes[i].method);
		add_escaped(out, routes[i].pattern);
		str_adds(out, "</code><td>");
		add_escaped(out, routes[i].help);
		str_addc(out, '\n');
	}
	str_adds(out, "</table>\n");
}

static const char *ui_path(struct reader *reader, struct call *call, const char *name)
{
	return arena_printf(&call->arena, "%s/%s", reader->server->swagger_ui.p, name);
}

void read_page(struct reader *reader, struct call *call)
{
	if (access(ui_path(reader, call, "swagger-ui-bundle.js"), R_OK) == 0)
		str_adds(&call->reply, ui_page);
	else
		print_list(&call->reply, reader->server->swagger_ui.p);
	call_reply_bytes(call, 200, HTML);
}

void read_page_file(struct reader *reader, struct call *call)
{
	const char *type = NULL, *text = NULL;
	int err = -ENOENT;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (strcmp(files[i].name, call->names[0]) == 0) {
			type = files[i].type;
			text = files[i].text;
		}
	}
	if (text != NULL) {
		str_adds(&call->reply, text);
		err = 0;
	} else if (type != NULL) {
		err = file_read(ui_path(reader, call, call->names[0]), &call->reply);
	}
	if (err == 0) {
		call_reply_bytes(call, 200, type);
		return;
	}
	str_reset(&call->reply);
	if (err == -ENOENT)
		problem_set(&call->problem, PROBLEM_NOT_FOUND, "there is no /swagger-ui/%.80s",
		            call->names[0]);
	else
		problem_set(&call->problem, PROBLEM_INTERNAL, "cannot read %.80s: %s",
		            call->names[0], strerror(-err));
	call_problem(call);
}
