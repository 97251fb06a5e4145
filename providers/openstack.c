/*
 * Workers as servers of an OpenStack cloud: Keystone v3 for the token and the places, Nova for the
 * machines. Region and flavor are Nova's; the name of a server is the tag of its worker.
 *
 * Of the environment: the OS_* variables of an openrc file (OS_AUTH_URL, OS_USERNAME, OS_PASSWORD,
 * OS_PROJECT_ID or OS_TENANT_ID or OS_PROJECT_NAME, the domains, OS_CACERT; OS_REGION_NAME is the
 * preferred region), and
 *	SCITQ_OPENSTACK_IMAGE    id of the image that machines start from, needed to make one
 *	SCITQ_OPENSTACK_NETWORK  id of their network; without it Nova chooses
 *	SCITQ_OPENSTACK_KEY      name of the key pair that may log in
 *	SCITQ_OPENSTACK_SETUP    file with shell text that a machine runs first, as root
 *	SCITQ_OPENSTACK_WORKER   path of scitq-worker on it (/usr/local/bin/scitq-worker)
 *	SCITQ_OPENSTACK_PRICES   file of lines FLAVOR PRICE, of an hour
 *
 * Source of the calls: the Identity API v3 and Compute API v2.1 references of docs.openstack.org.
 */
#include "base/alloc.h"
#include "base/base64.h"
#include "base/clock.h"
#include "base/fd.h"
#include "model/member.h"
#include "base/str.h"
#include "model/json.h"
#include "net/http.h"
#include "providers/command.h"
#include "providers/speak.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORKER "/usr/local/bin/scitq-worker"
#define CALL_MS 60000
/* How long a machine may take to come, or to go, and how often it is looked at. */
#define WAIT_NS INT64_C(540000000000)
#define LOOK_MS 1000
/* Servers of one answer of Nova at most, as far as it allows. */
#define PAGE 1000

struct cloud {
	struct http *http;
	struct str token, why; /* why: of the last failure */
	json_t *catalog;
};

/* One of the variables that is set and not empty, or NULL. */
static const char *variable(const char *name, const char *older)
{
	const char *value = getenv(name);

	if ((value == NULL || *value == '\0') && older != NULL)
		value = getenv(older);
	return value != NULL && *value != '\0' ? value : NULL;
}

static bool failed(struct cloud *c, const char *what, const char *why)
{
	str_reset(&c->why);
	str_addf(&c->why, "%s: %s", what, why);
	return false;
}

/* "message" of whatever object an error is wrapped in. */
static const char *message_of(json_t *reply)
{
	const char *key, *text = NULL;
	json_t *inside;

	json_object_foreach(reply, key, inside)
	{
		if (text == NULL)
			text = json_string_value(json_object_get(inside, "message"));
	}
	return text ? text : "no reason is given";
}

/*
 * A call to BASE/path; the body is stolen, *reply may be NULL. True where the answer is 2xx, or 404
 * to a DELETE; else c->why is set.
 */
static bool call(struct cloud *c, const char *method, const char *base, const char *path,
                 json_t *body, json_t **reply)
{
	struct str url = STR_INIT, text = STR_INIT, auth = STR_INIT;
	const char *headers[] = {"Content-Type: application/json", "Accept: application/json", NULL,
	                         NULL};
	struct http_request request = {.method = method,
	                               .headers = headers,
	                               .ca = variable("OS_CACERT", NULL),
	                               .timeout_ms = CALL_MS,
	                               .once = strcmp(method, "POST") == 0};
	struct http_response response;
	struct problem problem = {0};
	enum http_error error;
	json_t *got = NULL;
	bool ok;

	http_response_init(&response);
	str_addf(&url, "%.*s%s", (int)(strlen(base) - (base[strlen(base) - 1] == '/')), base, path);
	if (c->token.len > 0) {
		str_addf(&auth, "X-Auth-Token: %s", c->token.p);
		headers[2] = auth.p;
	}
	if (body != NULL)
		json_print(body, &text);
	json_decref(body);
	request.url = url.p;
	request.body = text.p;
	request.body_len = text.len;
	error = http_call(c->http, &request, &response);
	if (error == HTTP_OK && response.body.len > 0)
		got = json_parse(response.body.p, response.body.len, &problem);
	ok = error == HTTP_OK && ((response.status >= 200 && response.status < 300) ||
	                          (response.status == 404 && strcmp(method, "DELETE") == 0));
	if (error != HTTP_OK) {
		failed(c, url.p,
		       response.message.len > 0 ? response.message.p : http_error_text(error));
	} else if (!ok) {
		str_addf(&url, " answers %d", response.status);
		failed(c, url.p, message_of(got));
	}
	if (ok && reply != NULL && got == NULL)
		ok = failed(c, url.p, "the answer is not JSON");
	if (ok && reply != NULL)
		*reply = got;
	else
		json_decref(got);
	http_response_release(&response);
	str_release(&url);
	str_release(&text);
	str_release(&auth);
	return ok;
}

static json_t *domain(const char *id, const char *name)
{
	return variable(id, NULL)
	               ? json_pack("{s:s}", "id", variable(id, NULL))
	               : json_pack("{s:s}", "name",
	                           variable(name, NULL) ? variable(name, NULL) : "Default");
}

static json_t *project(void)
{
	const char *id = variable("OS_PROJECT_ID", "OS_TENANT_ID");
	const char *name = variable("OS_PROJECT_NAME", "OS_TENANT_NAME");

	return id ? json_pack("{s:s}", "id", id)
	          : json_pack("{s:s, s:o}", "name", name ? name : "", "domain",
	                      domain("OS_PROJECT_DOMAIN_ID", "OS_PROJECT_DOMAIN_NAME"));
}

/* Log in. To be closed in any case. */
static bool cloud_open(struct cloud *c)
{
	const char *url = variable("OS_AUTH_URL", NULL), *user = variable("OS_USERNAME", NULL);
	const char *password = variable("OS_PASSWORD", NULL);
	json_t *reply = NULL;
	bool ok;

	*c = (struct cloud){.http = http_new(), .token = STR_INIT, .why = STR_INIT};
	if (url == NULL || user == NULL || password == NULL)
		return failed(c, "OS_AUTH_URL, OS_USERNAME, OS_PASSWORD",
		              "not all of them are set; source the openrc file of the project");
	ok = call(c, "POST", url, "/auth/tokens",
	          json_pack("{s:{s:{s:[s], s:{s:{s:s, s:s, s:o}}}, s:{s:o}}}", "auth", "identity",
	                    "methods", "password", "password", "user", "name", user, "password",
	                    password, "domain", domain("OS_USER_DOMAIN_ID", "OS_USER_DOMAIN_NAME"),
	                    "scope", "project", project()),
	          &reply);
	if (ok && !http_header(c->http, "X-Subject-Token", &c->token))
		ok = failed(c, url, "there is no token in the answer");
	if (ok)
		c->catalog =
		        json_incref(json_object_get(json_object_get(reply, "token"), "catalog"));
	json_decref(reply);
	return ok;
}

static void cloud_close(struct cloud *c)
{
	http_free(c->http);
	if (c->token.len > 0)
		explicit_bzero(c->token.p, c->token.len);
	str_release(&c->token);
	str_release(&c->why);
	json_decref(c->catalog);
}

/* Nova of the i-th region that has one; NULL behind the last. */
static const char *nova(const struct cloud *c, size_t i, const char **region)
{
	json_t *service, *endpoint;
	size_t k, m;

	json_array_foreach(c->catalog, k, service)
	{
		const char *type = json_string_value(json_object_get(service, "type"));

		if (type == NULL || strcmp(type, "compute") != 0)
			continue;
		json_array_foreach(json_object_get(service, "endpoints"), m, endpoint)
		{
			const char *kind =
			        json_string_value(json_object_get(endpoint, "interface"));

			*region = json_string_value(json_object_get(endpoint, "region"));
			if (kind != NULL && strcmp(kind, "public") == 0 && *region != NULL &&
			    i-- == 0)
				return json_string_value(json_object_get(endpoint, "url"));
		}
	}
	return NULL;
}

static const char *nova_of(struct cloud *c, const char *region)
{
	const char *url, *name;

	if (region == NULL)
		region = variable("OS_REGION_NAME", NULL);
	for (size_t i = 0; (url = nova(c, i, &name)) != NULL; i++) {
		if (region == NULL || strcmp(name, region) == 0)
			return url;
	}
	failed(c, region ? region : "(any)", "no such region has a compute service");
	return NULL;
}

/*
 * The servers of this owner in all regions, each with the member `nova`: where it is. NULL where
 * they cannot be read.
 */
static json_t *read_servers(struct cloud *c, const char *owner)
{
	json_t *servers = json_array(), *reply, *server;
	struct str path = STR_INIT, marker = STR_INIT;
	const char *url, *region;
	bool ok = true;
	size_t n, k;

	for (size_t i = 0; ok && (url = nova(c, i, &region)) != NULL; i++) {
		str_reset(&marker);
		do {
			str_reset(&path);
			str_addf(&path, "/servers/detail?name=%s-&limit=%d%s%s", owner, PAGE,
			         marker.len > 0 ? "&marker=" : "", marker.p);
			reply = NULL;
			ok = call(c, "GET", url, path.p, NULL, &reply);
			n = json_array_size(json_object_get(reply, "servers"));
			json_array_foreach(json_object_get(reply, "servers"), k, server)
			{
				const char *name = member_text(server, "name");

				str_reset(&marker);
				str_adds(&marker, member_text(server, "id"));
				if (strncmp(name, owner, strlen(owner)) != 0 ||
				    name[strlen(owner)] != '-')
					continue;
				json_object_set_new(server, "nova", json_string(url));
				json_array_append(servers, server);
			}
			/* A page may be shorter than what was asked for; one that has none is
			   the last. */
			ok = ok && (n == 0 || marker.len > 0);
			json_decref(reply);
		} while (ok && n > 0);
	}
	str_release(&path);
	str_release(&marker);
	if (ok)
		return servers;
	json_decref(servers);
	return NULL;
}

static json_t *find_server(json_t *servers, const char *tag)
{
	json_t *server;
	size_t i;

	json_array_foreach(servers, i, server)
	{
		if (strcmp(member_text(server, "name"), tag) == 0)
			return server;
	}
	return NULL;
}

static void list(const struct request *request)
{
	struct cloud c;
	json_t *servers = cloud_open(&c) ? read_servers(&c, request->owner) : NULL, *server;
	json_t *workers = json_array();
	size_t i;

	json_array_foreach(servers, i, server)
	{
		const char *status = member_text(server, "status"), *state = "ended";

		if (strcmp(status, "DELETED") == 0 || strcmp(status, "SOFT_DELETED") == 0)
			continue;
		if (strcmp(status, "ACTIVE") == 0)
			state = "running";
		else if (strcmp(status, "BUILD") == 0)
			state = "pending";
		json_array_append_new(workers, json_pack("{s:s, s:s, s:s}", "tag",
		                                         member_text(server, "name"), "state",
		                                         state, "text", status));
	}
	if (servers != NULL)
		say_result(NULL, json_pack("{s:O}", "workers", workers));
	else
		say_error(NULL, false, "%s", c.why.p);
	json_decref(workers);
	json_decref(servers);
	cloud_close(&c);
}

/* Making machines. */

static const char start_script[] =
        "umask 077\n"
        "dir=/var/lib/scitq-worker\n"
        "mkdir -p \"$dir\" && printf %s \"$token\" >\"$dir/token\" || exit 1\n"
        "set -- \"$server\" \"$concurrency\" -n \"$name\" --prefetch \"$prefetch\" "
        "--state \"$dir\" --work \"$dir/work\" --log \"$dir/log\"\n"
        "if [ -n \"$ca\" ]; then\n"
        "\tprintf %s \"$ca\" >\"$dir/ca.pem\" || exit 1\n"
        "\tset -- \"$@\" --ca \"$dir/ca.pem\"\n"
        "fi\n"
        "unset token ca\n"
        "export HOME=/root\n"
        "setsid \"$worker\" \"$@\" </dev/null >/dev/null 2>&1 &\n";

/* What cloud-init runs on the machine. */
static bool add_user_data(const struct request *request, const struct wanted *worker,
                          struct str *encoded, struct str *why)
{
	const char *setup = variable("SCITQ_OPENSTACK_SETUP", NULL);
	const char *program = variable("SCITQ_OPENSTACK_WORKER", NULL);
	struct str script = STR_INIT;
	int err = 0;

	str_adds(&script, "#!/bin/sh\n");
	if (setup != NULL)
		err = file_read(setup, &script);
	if (err != 0)
		str_addf(why, "%s: %s", setup, strerror(-err));
	str_addc(&script, '\n');
	shell_variable(&script, "name", worker->name);
	shell_variable(&script, "token", worker->token);
	shell_variable(&script, "server", request->server);
	shell_variable(&script, "ca", request->ca);
	shell_variable(&script, "worker", program ? program : WORKER);
	str_addf(&script, "concurrency=%" PRId64 "\nprefetch=%" PRId64 "\n", worker->concurrency,
	         worker->prefetch);
	str_adds(&script, start_script);
	base64_add(encoded, script.p, script.len);
	explicit_bzero(script.p, script.len);
	str_release(&script);
	return err == 0;
}

/* The flavor's id; NULL with c->why set, or unset where there is none of that name. */
static char *flavor_id(struct cloud *c, const char *url, const char *name)
{
	json_t *reply = NULL, *flavor;
	char *id = NULL;
	size_t i;

	str_reset(&c->why);
	if (!call(c, "GET", url, "/flavors/detail", NULL, &reply))
		return NULL;
	json_array_foreach(json_object_get(reply, "flavors"), i, flavor)
	{
		if (id == NULL && name != NULL && strcmp(member_text(flavor, "name"), name) == 0)
			id = xstrdup(member_text(flavor, "id"));
	}
	json_decref(reply);
	return id;
}

static bool ask_for(struct cloud *c, const char *url, const char *flavor,
                    const struct request *request, const struct wanted *worker)
{
	const char *network = variable("SCITQ_OPENSTACK_NETWORK", NULL);
	const char *key = variable("SCITQ_OPENSTACK_KEY", NULL);
	struct str data = STR_INIT;
	json_t *server;
	bool ok;

	str_reset(&c->why);
	ok = add_user_data(request, worker, &data, &c->why);
	server =
	        json_pack("{s:s, s:s, s:s, s:s}", "name", worker->tag, "flavorRef", flavor,
	                  "imageRef", variable("SCITQ_OPENSTACK_IMAGE", NULL), "user_data", data.p);
	if (network != NULL)
		json_object_set_new(server, "networks", json_pack("[{s:s}]", "uuid", network));
	if (key != NULL)
		json_object_set_new(server, "key_name", json_string(key));
	server = json_pack("{s:o}", "server", server);
	if (ok)
		ok = call(c, "POST", url, "/servers", server, NULL);
	else
		json_decref(server);
	str_release(&data);
	return ok;
}

/* Of those that are not settled yet: what became of them. How many are still being made. */
static size_t look_after(struct cloud *c, const struct request *request, bool *settled)
{
	json_t *servers = read_servers(c, request->owner);
	size_t left = 0;

	for (size_t i = 0; i < json_array_size(request->workers); i++) {
		const char *tag = member_text(json_array_get(request->workers, i), "tag");
		json_t *server = find_server(servers, tag);
		const char *status = member_text(server, "status");

		if (settled[i])
			continue;
		/* An answer that did not come is no end. */
		if (servers == NULL || strcmp(status, "BUILD") == 0) {
			left++;
			continue;
		}
		settled[i] = true;
		if (strcmp(status, "ACTIVE") == 0)
			say_result(tag, NULL);
		else
			say_error(tag, false, "its server is %s: %s", *status ? status : "gone",
			          member_text(json_object_get(server, "fault"), "message"));
	}
	json_decref(servers);
	return left;
}

static void create(const struct request *request)
{
	const int64_t until = clock_monotonic_ns() + WAIT_NS;
	const size_t n = json_array_size(request->workers);
	bool *settled = xcalloc(n + 1, sizeof(*settled));
	json_t *servers = NULL;
	const char *url = NULL;
	struct wanted worker;
	char *flavor = NULL;
	struct cloud c;

	if (cloud_open(&c) && (servers = read_servers(&c, request->owner)) != NULL &&
	    (url = nova_of(&c, request->region)) != NULL)
		flavor = flavor_id(&c, url, request->flavor);
	for (size_t i = 0; i < n; i++) {
		settled[i] = true;
		if (!request_worker(request, i, &worker))
			continue;
		if (find_server(servers, worker.tag) != NULL)
			settled[i] = false;
		else if (flavor == NULL && c.why.len > 0)
			say_error(worker.tag, false, "%s", c.why.p);
		else if (flavor == NULL)
			say_error(worker.tag, true, "there is no flavor %s",
			          request->flavor ? request->flavor : "(none)");
		else if (worker.token == NULL || worker.name == NULL || request->server == NULL)
			say_error(worker.tag, true, "the request lacks token, name or server");
		else if (variable("SCITQ_OPENSTACK_IMAGE", NULL) == NULL)
			say_error(worker.tag, true, "SCITQ_OPENSTACK_IMAGE is not set");
		else if (ask_for(&c, url, flavor, request, &worker))
			settled[i] = false;
		else
			say_error(worker.tag, false, "%s", c.why.p);
	}
	while (look_after(&c, request, settled) > 0 && clock_monotonic_ns() < until)
		(void)poll(NULL, 0, LOOK_MS);
	for (size_t i = 0; i < n; i++) {
		if (!settled[i])
			say_error(member_text(json_array_get(request->workers, i), "tag"), false,
			          "its server is not there after %d s",
			          (int)(WAIT_NS / 1000000000));
	}
	json_decref(servers);
	free(settled);
	free(flavor);
	cloud_close(&c);
}

static bool delete_server(struct cloud *c, json_t *server)
{
	struct str path = STR_INIT;
	bool ok = true;

	/* It was told so before. */
	if (strcmp(member_text(server, "OS-EXT-STS:task_state"), "deleting") != 0) {
		str_addf(&path, "/servers/%s", member_text(server, "id"));
		ok = call(c, "DELETE", member_text(server, "nova"), path.p, NULL, NULL);
	}
	str_release(&path);
	return ok;
}

/* Delete what is there of the workers of the request; how many are, -1: that cannot be told. */
static long delete_servers(struct cloud *c, const struct request *request)
{
	json_t *servers = read_servers(c, request->owner), *server;
	long n = servers == NULL ? -1 : 0;
	size_t i, k;

	for (i = 0; i < json_array_size(request->workers); i++) {
		const char *tag = member_text(json_array_get(request->workers, i), "tag");

		json_array_foreach(servers, k, server)
		{
			if (n >= 0 && strcmp(member_text(server, "name"), tag) == 0)
				n = delete_server(c, server) ? n + 1 : -1;
		}
	}
	json_decref(servers);
	return n;
}

static void destroy(const struct request *request)
{
	const int64_t until = clock_monotonic_ns() + WAIT_NS;
	struct cloud c;
	long left = cloud_open(&c) ? delete_servers(&c, request) : -1;

	while (left > 0 && clock_monotonic_ns() < until) {
		(void)poll(NULL, 0, LOOK_MS);
		left = delete_servers(&c, request);
	}
	if (left == 0)
		say_result(NULL, NULL);
	else
		say_error(NULL, false, "%s",
		          left < 0 ? c.why.p : "servers that were deleted are still there");
	cloud_close(&c);
}

/* What can be had. */

/* "FLAVOR PRICE" of the file of prices; below 0: it is not there. */
static double price_of(const struct str *prices, const char *flavor)
{
	size_t len = strlen(flavor);

	for (const char *line = prices->p; *line != '\0';) {
		if (strncmp(line, flavor, len) == 0 && line[len] == ' ')
			return strtod(line + len, NULL);
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	return -1;
}

/* What a limit leaves, in parts of this size. */
static int64_t room(json_t *limits, const char *most, const char *used, int64_t part, int64_t room)
{
	int64_t all = json_integer_value(json_object_get(limits, most));
	int64_t left = all - json_integer_value(json_object_get(limits, used));

	/* -1 is no limit. */
	if (json_object_get(limits, most) == NULL || all < 0 || part <= 0)
		return room;
	left = left > 0 ? left / part : 0;
	return left < room ? left : room;
}

static bool has_named(json_t *array, const char *name)
{
	return find_server(array, name) != NULL;
}

static void add_flavor(json_t *offers, const char *region, json_t *flavor, json_t *limits,
                       const struct str *prices)
{
	const char *name = member_text(flavor, "name");
	int64_t cpus = json_integer_value(json_object_get(flavor, "vcpus"));
	int64_t ram = json_integer_value(json_object_get(flavor, "ram"));
	int64_t n = room(limits, "maxTotalInstances", "totalInstancesUsed", 1, 100000);
	json_t *place;

	if (json_is_true(json_object_get(flavor, "OS-FLV-DISABLED:disabled")))
		return;
	n = room(limits, "maxTotalCores", "totalCoresUsed", cpus, n);
	n = room(limits, "maxTotalRAMSize", "totalRAMUsed", ram, n);
	if (!has_named(json_object_get(offers, "flavors"), name))
		json_array_append_new(
		        json_object_get(offers, "flavors"),
		        json_pack("{s:s, s:I, s:f, s:f}", "name", name, "cpu", (json_int_t)cpus,
		                  "ram", (double)ram * 1048576 / 1e9, "disk",
		                  json_number_value(json_object_get(flavor, "disk"))));
	place = json_pack("{s:s, s:s, s:I}", "flavor", name, "region", region, "available",
	                  (json_int_t)n);
	if (price_of(prices, name) >= 0)
		json_object_set_new(place, "cost", json_real(price_of(prices, name)));
	json_array_append_new(json_object_get(offers, "metrics"), place);
}

static bool add_region(struct cloud *c, json_t *offers, const char *url, const char *region,
                       const struct str *prices)
{
	const char *preferred = variable("OS_REGION_NAME", NULL);
	json_t *names = NULL, *limits = NULL, *flavor;
	bool ok = call(c, "GET", url, "/flavors/detail", NULL, &names) &&
	          call(c, "GET", url, "/limits", NULL, &limits);
	size_t i;

	json_array_append_new(json_object_get(offers, "regions"),
	                      json_pack("{s:s, s:b}", "name", region, "preferred",
	                                preferred != NULL && strcmp(preferred, region) == 0));
	json_array_foreach(json_object_get(names, "flavors"), i, flavor)
	{
		add_flavor(offers, region, flavor,
		           json_object_get(json_object_get(limits, "limits"), "absolute"), prices);
	}
	json_decref(names);
	json_decref(limits);
	return ok;
}

static void flavors(const struct request *request)
{
	json_t *offers = json_pack("{s:[], s:[], s:[]}", "regions", "flavors", "metrics");
	const char *url, *region, *file = variable("SCITQ_OPENSTACK_PRICES", NULL);
	struct str prices = STR_INIT;
	struct cloud c;
	bool ok = cloud_open(&c);
	int err = file != NULL ? file_read(file, &prices) : 0;

	(void)request;
	if (ok && err != 0)
		ok = failed(&c, file, strerror(-err));
	for (size_t i = 0; ok && (url = nova(&c, i, &region)) != NULL; i++)
		ok = add_region(&c, offers, url, region, &prices);
	if (ok)
		say_result(NULL, json_incref(offers));
	else
		say_error(NULL, false, "%s", c.why.p);
	json_decref(offers);
	str_release(&prices);
	cloud_close(&c);
}

int main(void)
{
	static const struct verb verbs[] = {{"create", create, NULL},
	                                    {"destroy", destroy, NULL},
	                                    {"list", list, NULL},
	                                    {"flavors", flavors, NULL}};

	return provider_main(verbs, sizeof(verbs) / sizeof(verbs[0]));
}
