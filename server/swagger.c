/*
 * /swagger.json: the table of routes and the field tables as Swagger 2.0, which
 * is what v1 serves. Printed anew for each call; nobody asks for it often.
 */
#include "base/str.h"
#include "model/field.h"
#include "server/filter.h"
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

/* "flavor_metrics" -> "FlavorMetrics", as v1 names its models. */
static json_t *model_name(const char *name)
{
	struct str out = STR_INIT;
	bool upper = true;
	json_t *text;

	for (const char *p = name; *p != '\0'; p++) {
		if (*p != '_')
			str_addc(&out, upper ? (char)toupper((unsigned char)*p) : *p);
		upper = *p == '_';
	}
	text = json_string(out.p);
	str_release(&out);
	return text;
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

/* A reference to the model of that name, which is made where it is new. Steals the name. */
static json_t *refer(json_t *models, json_t *name, const struct table *table,
                     const struct filter *shape);

static json_t *shape_field(json_t *models, const struct filter_field *f)
{
	json_t *schema = NULL;

	switch (f->kind) {
	case FILTER_INT:
		schema = type("integer", "int64");
		put(schema, "minimum", json_integer(0));
		break;
	case FILTER_SIGNED:
		schema = type("integer", "int64");
		break;
	case FILTER_REAL:
		schema = type("number", "double");
		break;
	case FILTER_BOOL:
		schema = type("boolean", NULL);
		break;
	case FILTER_TEXT:
		schema = type("string", NULL);
		break;
	case FILTER_DATE:
		schema = type("string", "date-time");
		break;
	case FILTER_INTS:
		schema = array_of(type("integer", "int64"));
		break;
	case FILTER_TEXTS:
		schema = array_of(type("string", NULL));
		break;
	case FILTER_OBJECTS:
		schema = array_of(f->of ? refer(models, model_name(f->of->name), NULL, f->of)
		                        : type("object", NULL));
		break;
	case FILTER_OBJECT:
		schema = type("object", NULL);
		break;
	}
	put(schema, "description", json_string(f->help));
	return schema;
}

static json_t *shape_schema(json_t *models, const struct filter *shape)
{
	json_t *schema = type("object", NULL), *properties = json_object();

	for (size_t i = 0; i < shape->n; i++)
		put(properties, shape->fields[i].name, shape_field(models, &shape->fields[i]));
	put(schema, "properties", properties);
	return schema;
}

/* Filters that v1 describes as models, by its names. */
static const char *filter_model(const struct filter *filter)
{
	return filter == &filter_tasks         ? "TaskFilter"
	       : filter == &filter_task_status ? "TaskStatusFilter"
	       : filter == &filter_executions  ? "ExecutionFilter"
	       : filter == &filter_output      ? "ExecutionOutputFilter"
	                                       : NULL;
}

static json_t *refer(json_t *models, json_t *name, const struct table *table,
                     const struct filter *shape)
{
	json_t *ref = json_object();
	const char *text = json_string_value(name);

	if (json_object_get(models, text) == NULL)
		put(models, text, table ? table_schema(table) : shape_schema(models, shape));
	put(ref, "$ref", json_sprintf("#/definitions/%s", text));
	json_decref(name);
	return ref;
}

static json_t *content_schema(json_t *models, const struct content *content)
{
	const struct table *table = content->shape ? NULL : table_get(content->table);
	json_t *ref = refer(models, model_name(table ? table->name : content->shape->name), table,
	                    content->shape);

	return content->list ? array_of(ref) : ref;
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

/* Each field of the filter as a parameter of the query; its objects are for the body. */
static void add_filter(json_t *parameters, json_t *models, const struct filter *filter)
{
	for (size_t i = 0; i < filter->n; i++) {
		const struct filter_field *f = &filter->fields[i];
		json_t *schema;

		if (f->kind == FILTER_OBJECT)
			continue;
		schema = shape_field(models, f);
		if (f->kind == FILTER_INTS)
			put(schema, "collectionFormat", json_string("csv"));
		json_array_append_new(parameters,
		                      parameter(f->name, strlen(f->name), "query", schema, NULL));
	}
}

static void add_body(json_t *parameters, json_t *schema, const char *help)
{
	json_t *body = json_object();

	put(body, "schema", schema);
	json_array_append_new(parameters, parameter("payload", 7, "body", body, help));
}

/* v1's clients send the filter of a GET in its body. */
static void add_filter_body(json_t *parameters, json_t *models, const struct filter *filter)
{
	const char *name = filter_model(filter);

	add_body(parameters,
	         name ? refer(models, json_string(name), NULL, filter)
	              : shape_schema(models, filter),
	         "the fields of the query may stand here instead");
}

static json_t *route_parameters(json_t *models, const struct route *route)
{
	json_t *parameters = json_array();
	bool has_body = strcmp(route->method, "POST") == 0 || strcmp(route->method, "PUT") == 0;

	add_path_words(parameters, route->pattern);
	add_filter(parameters, models, route->filter);
	if (route->flags & ROUTE_RAW)
		add_body(parameters, type("string", "binary"), "bytes");
	else if (has_body)
		add_body(parameters,
		         route->takes ? content_schema(models, route->takes) : type("object", NULL),
		         "fields that are left out keep their values, or get their defaults");
	else if (route->filter->n > 0 && strcmp(route->method, "GET") == 0)
		add_filter_body(parameters, models, route->filter);
	if (route_gives_rows(route))
		json_array_append_new(parameters,
		                      parameter("X-Fields", 8, "header", type("string", NULL),
		                                "names of the fields wanted, with commas"));
	return parameters;
}

static json_t *response(json_t *schema, const char *help)
{
	json_t *object = json_object();

	put(object, "description", json_string(help));
	if (schema != NULL)
		put(object, "schema", schema);
	return object;
}

static json_t *route_responses(json_t *models, const struct route *route)
{
	static const struct content error = {TABLE_COUNT, &filter_error, false};
	json_t *responses = json_object();

	put(responses, route->flags & ROUTE_MAKES ? "201" : "200",
	    response(route->gives ? content_schema(models, route->gives) : NULL, "done"));
	if (strchr(route->pattern, '{') != NULL)
		put(responses, "404",
		    response(content_schema(models, &error), "there is no such row"));
	put(responses, "default",
	    response(content_schema(models, &error), "it was refused, nothing was changed"));
	return responses;
}

/* "get_tasks_id", one for each route. */
static json_t *operation_id(const struct route *route)
{
	struct str out = STR_INIT;
	json_t *text;

	for (const char *p = route->method; *p != '\0'; p++)
		str_addc(&out, (char)tolower((unsigned char)*p));
	for (const char *p = route->pattern; *p != '\0'; p++) {
		if (isalnum((unsigned char)*p) || *p == '_')
			str_addc(&out, *p);
		else if (out.p[out.len - 1] != '_')
			str_addc(&out, '_');
	}
	text = json_stringn(out.p, out.len);
	str_release(&out);
	return text;
}

static json_t *operation(json_t *models, const struct route *route)
{
	json_t *op = json_object(), *tags = json_array();
	size_t len = strcspn(route->pattern + 1, "/.");

	json_array_append_new(tags, json_stringn(route->pattern + 1, len));
	put(op, "tags", tags);
	put(op, "summary", json_string(route->help));
	put(op, "operationId", operation_id(route));
	put(op, "parameters", route_parameters(models, route));
	put(op, "responses", route_responses(models, route));
	if (route->flags & ROUTE_FLOW) {
		json_t *types = json_array();

		json_array_append_new(types, json_string("text/event-stream"));
		put(op, "produces", types);
	}
	/* None is needed. */
	if (route->role == ROLE_NONE)
		put(op, "security", json_array());
	return op;
}

static json_t *all_paths(json_t *models)
{
	json_t *paths = json_object();

	for (size_t i = 0; i < route_count; i++) {
		json_t *path = json_object_get(paths, routes[i].pattern);
		char method[8];
		size_t k = 0;

		if (routes[i].flags & ROUTE_PAGE)
			continue;
		if (path == NULL) {
			path = json_object();
			put(paths, routes[i].pattern, path);
		}
		for (; routes[i].method[k] != '\0' && k < sizeof(method) - 1; k++)
			method[k] = (char)tolower((unsigned char)routes[i].method[k]);
		method[k] = '\0';
		put(path, method, operation(models, &routes[i]));
	}
	return paths;
}

/* Either of them will do. */
static void add_security(json_t *doc)
{
	json_t *all = json_object(), *basic = type("basic", NULL), *bearer = type("apiKey", NULL);

	put(basic, "description", json_string("any name, and the token as password"));
	put(bearer, "name", json_string("Authorization"));
	put(bearer, "in", json_string("header"));
	put(bearer, "description", json_string("Bearer TOKEN"));
	put(all, "basic", basic);
	put(all, "bearer", bearer);
	put(doc, "securityDefinitions", all);
	put(doc, "security", json_pack("[{s:[]}, {s:[]}]", "basic", "bearer"));
}

void show_swagger(struct server *server, struct call *call)
{
	json_t *doc = json_object(), *info = json_object(), *models = json_object(),
	       *types = json_array();

	(void)server;
	put(doc, "swagger", json_string("2.0"));
	put(info, "title", json_string("scitq"));
	put(info, "version", json_string(SCITQ_VERSION));
	put(info, "description",
	    json_string("Tasks, the workers that run them, and what became of them."));
	put(doc, "info", info);
	put(doc, "basePath", json_string("/"));
	json_array_append_new(types, json_string("application/json"));
	put(doc, "consumes", types);
	put(doc, "produces", json_incref(types));
	add_security(doc);
	put(doc, "paths", all_paths(models));
	put(doc, "definitions", models);
	call_reply(call, 200, doc);
}
