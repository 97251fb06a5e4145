/*
 * /swagger.json: the table of routes and the field tables as Swagger 2.0, which
 * is what v1 serves. Printed anew for each call; nobody asks for it often.
 */
#include "model/field.h"
#include "server/route.h"
#include "server/server.h"

#include <ctype.h>
#include <string.h>

/* Steals the value. */
static void put(json_t *object, const char *name, json_t *value)
{
	json_object_set_new(object, name, value);
}

static json_t *type(const char *name, const char *format)
{
	json_t *schema = json_object();

	put(schema, "type", json_string(name));
	if (format != NULL)
		put(schema, "format", json_string(format));
	return schema;
}

static json_t *array_of(json_t *items)
{
	json_t *schema = type("array", NULL);

	put(schema, "items", items);
	return schema;
}

static json_t *field_schema(const struct field *f)
{
	const char *const *words;
	json_t *schema, *list;
	size_t n = 0;

	switch (f->kind) {
	case KIND_INT:
		schema = type("integer", "int64");
		break;
	case KIND_REAL:
		schema = type("number", "double");
		break;
	case KIND_BOOL:
		schema = type("boolean", NULL);
		break;
	case KIND_DATE:
		schema = type("string", "date-time");
		break;
	case KIND_INTS:
		schema = array_of(type("integer", "int64"));
		break;
	default:
		schema = type("string", NULL);
		break;
	}
	words = field_words(f->kind, &n);
	if (words != NULL) {
		list = json_array();
		for (size_t i = 0; i < n; i++)
			json_array_append_new(list, json_string(words[i]));
		put(schema, "enum", list);
	}
	put(schema, "description", json_string(f->help));
	if (!(f->flags & FIELD_SET))
		put(schema, "readOnly", json_true());
	if (f->flags & FIELD_NATURAL)
		put(schema, "minimum", json_integer(0));
	return schema;
}

static json_t *table_schema(const struct table *t)
{
	json_t *schema = type("object", NULL), *properties = json_object(),
	       *required = json_array();

	for (unsigned i = 0; i < t->nfields; i++) {
		const struct field *f = &t->fields[i];

		if (f->flags & FIELD_SECRET)
			continue;
		put(properties, f->name, field_schema(f));
		if (f->flags & FIELD_REQUIRED)
			json_array_append_new(required, json_string(f->name));
	}
	put(schema, "properties", properties);
	if (json_array_size(required) > 0)
		put(schema, "required", required);
	else
		json_decref(required);
	return schema;
}

static json_t *rows_schema(unsigned rows)
{
	json_t *ref = json_object();

	put(ref, "$ref", json_sprintf("#/definitions/%s", table_get(ROUTE_TABLE(rows))->name));
	return ROUTE_IS_LIST(rows) ? array_of(ref) : ref;
}

static json_t *parameter(const char *name, size_t len, const char *in, json_t *schema,
                         const char *help)
{
	put(schema, "name", json_stringn(name, len));
	put(schema, "in", json_string(in));
	if (help != NULL)
		put(schema, "description", json_string(help));
	if (strcmp(in, "path") == 0)
		put(schema, "required", json_true());
	return schema;
}

static void add_path_words(json_t *parameters, const char *pattern)
{
	const char *open = pattern;

	while ((open = strchr(open, '{')) != NULL) {
		size_t len = strcspn(++open, "}");
		const char *kind = route_word_is_number(open, len) ? "integer" : "string";

		json_array_append_new(parameters,
		                      parameter(open, len, "path", type(kind, NULL), NULL));
	}
}

static void add_filter(json_t *parameters, const struct filter *filter)
{
	static const char *const kinds[] = {
	        [FILTER_INT] = "integer", [FILTER_REAL] = "number", [FILTER_BOOL] = "boolean",
	        [FILTER_TEXT] = "string", [FILTER_INTS] = "array",
	};

	for (size_t i = 0; i < filter->n; i++) {
		const struct filter_field *f = &filter->fields[i];
		json_t *schema;

		if (f->kind == FILTER_OBJECT)
			continue;
		schema = type(kinds[f->kind], NULL);
		if (f->kind == FILTER_INTS) {
			put(schema, "items", type("integer", NULL));
			put(schema, "collectionFormat", json_string("csv"));
		}
		json_array_append_new(
		        parameters, parameter(f->name, strlen(f->name), "query", schema, f->help));
	}
}

static void add_body(json_t *parameters, const struct route *route)
{
	json_t *body = json_object();

	if (route->flags & ROUTE_RAW)
		put(body, "schema", type("string", "binary"));
	else if (route->takes != ROUTE_ANY)
		put(body, "schema", rows_schema(route->takes));
	else
		put(body, "schema", type("object", NULL));
	json_array_append_new(parameters,
	                      parameter("payload", 7, "body", body,
	                                "fields that are left out keep their values, or get "
	                                "their defaults"));
}

static json_t *operation(const struct route *route)
{
	json_t *op = json_object(), *parameters = json_array(), *responses = json_object(),
	       *tags = json_array(), *reply = json_object();
	size_t len = strcspn(route->pattern + 1, "/.");

	json_array_append_new(tags, json_stringn(route->pattern + 1, len));
	put(op, "tags", tags);
	put(op, "summary", json_string(route->help));
	add_path_words(parameters, route->pattern);
	add_filter(parameters, route->filter);
	if (route->filter == &filter_body ? strcmp(route->method, "DELETE") != 0
	                                  : (route->flags & ROUTE_RAW) != 0)
		add_body(parameters, route);
	put(op, "parameters", parameters);
	put(reply, "description", json_string("done"));
	if (route->gives != ROUTE_ANY)
		put(reply, "schema", rows_schema(route->gives));
	put(responses, "200", reply);
	reply = json_object();
	put(reply, "description", json_string("a message and a code that say what is wrong"));
	put(responses, "default", reply);
	put(op, "responses", responses);
	return op;
}

static json_t *all_paths(void)
{
	json_t *paths = json_object();

	for (size_t i = 0; i < route_count; i++) {
		json_t *path = json_object_get(paths, routes[i].pattern);
		char method[8];
		size_t k = 0;

		if (path == NULL) {
			path = json_object();
			put(paths, routes[i].pattern, path);
		}
		for (; routes[i].method[k] != '\0' && k < sizeof(method) - 1; k++)
			method[k] = (char)tolower((unsigned char)routes[i].method[k]);
		method[k] = '\0';
		put(path, method, operation(&routes[i]));
	}
	return paths;
}

void show_swagger(struct server *server, struct call *call)
{
	json_t *doc = json_object(), *info = json_object(), *definitions = json_object(),
	       *types = json_array(), *security = json_object(), *basic;

	(void)server;
	put(doc, "swagger", json_string("2.0"));
	put(info, "title", json_string("scitq"));
	put(info, "version", json_string(SCITQ_VERSION));
	put(doc, "info", info);
	put(doc, "basePath", json_string("/"));
	json_array_append_new(types, json_string("application/json"));
	put(doc, "consumes", types);
	put(doc, "produces", json_incref(types));
	basic = type("basic", NULL);
	put(basic, "description", json_string("any name, and the token as password"));
	put(security, "basic", basic);
	put(doc, "securityDefinitions", security);
	put(doc, "paths", all_paths());
	for (int i = 0; i < TABLE_COUNT; i++) {
		const struct table *t = table_get((enum table_id)i);

		put(definitions, t->name, table_schema(t));
	}
	put(doc, "definitions", definitions);
	call_reply(call, 200, doc);
}
