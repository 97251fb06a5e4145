#include "server/advertise.h"

#include "base/fd.h"
#include "model/certificate.h"

#include <stdlib.h>
#include <string.h>

/* The host of HOST, HOST:PORT, [HOST] or [HOST]:PORT, and the port, 0: none. */
static long split(const char *text, struct str *host)
{
	const char *end = text + strcspn(text, ":");

	if (*text == '[') {
		text++;
		end = text + strcspn(text, "]");
	} else if (*end == ':' && strchr(end + 1, ':') != NULL) {
		end = text + strlen(text);
	}
	str_add(host, text, (size_t)(end - text));
	end += *end == ']';
	return *end == ':' ? strtol(end + 1, NULL, 10) : 0;
}

static void set_address(struct str *address, const char *host, long port)
{
	bool v6 = strchr(host, ':') != NULL;

	str_reset(address);
	str_addf(address, "%s%s%s:%ld", v6 ? "[" : "", host, v6 ? "]" : "", port);
}

static void add_host(const struct settings *settings, struct str *host, long *port)
{
	*port = split(settings->advertise ? settings->advertise : "127.0.0.1", host);
}

/* Of the last start; 0: there was none. */
static long last_port(const struct state_dir *dir)
{
	struct str path = STR_INIT, text = STR_INIT;
	long port = 0;

	state_dir_file(dir, "port", &path);
	if (file_read(path.p, &text) == 0)
		port = strtol(text.p, NULL, 10);
	str_release(&path);
	str_release(&text);
	return port > 0 && port < 65536 ? port : 0;
}

static bool certify(struct advertised *a, const char *host, const struct state_dir *dir,
                    struct http_options *http, struct problem *problem)
{
	struct str name = STR_INIT, error = STR_INIT;
	bool ok;

	str_addf(&name, "tls-%s.crt", host);
	state_dir_file(dir, name.p, &a->cert);
	str_reset(&name);
	str_addf(&name, "tls-%s.key", host);
	state_dir_file(dir, name.p, &a->key);
	ok = certificate_make(host, a->cert.p, a->key.p, &error);
	if (!ok)
		problem_set(problem, PROBLEM_INTERNAL, "%s", error.p);
	http->cert = a->cert.p;
	http->key = a->key.p;
	str_release(&name);
	str_release(&error);
	return ok;
}

bool advertise_begin(struct advertised *a, const struct settings *settings,
                     const struct state_dir *dir, struct http_options *http,
                     struct problem *problem)
{
	struct str host = STR_INIT;
	long port;
	bool ok = true;

	*a = (struct advertised){STR_INIT, STR_INIT, STR_INIT, STR_INIT, false};
	if (settings->advertise == NULL && !(settings->private_mode && settings->providers != NULL))
		return true;
	if (settings->advertise != NULL && (settings->listen != NULL || settings->tls_cert != NULL))
		return problem_set(problem, PROBLEM_BAD_VALUE,
		                   "--advertise listens by itself, with a certificate that it "
		                   "makes: not with --listen or --tls-cert");
	if (settings->listen != NULL)
		return true;
	add_host(settings, &host, &port);
	if (host.len == 0 || strchr(host.p, '/') != NULL)
		ok = problem_set(problem, PROBLEM_BAD_VALUE,
		                 "--advertise is \"%.80s\", not an address of this machine",
		                 settings->advertise);
	a->keeps_port = port == 0;
	set_address(&a->address, host.p, port != 0 ? port : last_port(dir));
	http->address = a->address.p;
	ok = ok && (settings->advertise == NULL || certify(a, host.p, dir, http, problem));
	str_release(&host);
	return ok;
}

bool advertise_move(struct advertised *a, const struct settings *settings,
                    struct http_options *http)
{
	struct str host = STR_INIT;
	long port;

	if (!a->keeps_port || strcmp(strrchr(a->address.p, ':'), ":0") == 0)
		return false;
	add_host(settings, &host, &port);
	set_address(&a->address, host.p, 0);
	http->address = a->address.p;
	str_release(&host);
	return true;
}

bool advertise_end(struct advertised *a, const struct settings *settings,
                   const struct state_dir *dir, const char *url, struct problem *problem)
{
	struct str host = STR_INIT, path = STR_INIT;
	const char *port = strrchr(url, ':') + 1;
	long asked;
	int err = 0;

	str_adds(&a->url, settings->url ? settings->url : url);
	if (settings->advertise != NULL && settings->url == NULL) {
		add_host(settings, &host, &asked);
		set_address(&path, host.p, strtol(port, NULL, 10));
		str_reset(&a->url);
		str_addf(&a->url, "https://%s", path.p);
		str_reset(&path);
	}
	if (a->keeps_port) {
		state_dir_file(dir, "port", &path);
		err = file_replace(path.p, port, strlen(port), 0600);
		if (err != 0)
			problem_set(problem, PROBLEM_INTERNAL, "cannot write %s: %s", path.p,
			            strerror(-err));
	}
	str_release(&host);
	str_release(&path);
	return err == 0;
}

void advertise_release(struct advertised *a)
{
	str_release(&a->address);
	str_release(&a->cert);
	str_release(&a->key);
	str_release(&a->url);
}
