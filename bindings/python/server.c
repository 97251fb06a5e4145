/* Server: an open server of the library, with its style, and join. */
#include "bindings/python/lib.h"

#include <errno.h>

static Server *open_servers; /* under the GIL */

static void raise_closed(void)
{
	PyErr_SetString(error_type, "the server is closed");
}

struct opened *server_enter(const Server *server)
{
	if (server->opened == NULL)
		raise_closed();
	else
		server->opened->users++;
	return server->opened;
}

static void leave(struct opened *o)
{
	if (--o->users > 0 || !o->closing)
		return;
	Py_BEGIN_ALLOW_THREADS;
	scitq_close(o->s, 0);
	Py_END_ALLOW_THREADS;
	PyMem_Free(o);
}

PyObject *server_leave(struct opened *o, struct scitq_answer *answer, bool objects)
{
	bool closed = o->closing;
	PyObject *value = NULL;

	leave(o);
	/* What a signal's handler raised goes before what the call came to meanwhile. */
	if (PyErr_Occurred() != NULL) {
		scitq_free(answer);
		return NULL;
	}
	if (!scitq_ready(answer))
		return lazy_new(answer, objects);
	if (scitq_result(answer) == SCITQ_OK)
		value = value_of(answer, objects);
	else if (closed && scitq_result(answer) == SCITQ_INTERRUPTED)
		raise_closed();
	else
		raise_answer(answer);
	scitq_free(answer);
	return value;
}

/* The library's callbacks: they come without the GIL, those of log from any thread. */

static void log_line(void *context, const char *message)
{
	PyGILState_STATE state = PyGILState_Ensure();
	PyObject *type, *value, *traceback, *done;

	(void)context;
	PyErr_Fetch(&type, &value, &traceback);
	done = PyObject_CallMethod(logger, "warning", "ss", "%s", message);
	if (done == NULL)
		PyErr_WriteUnraisable(logger);
	Py_XDECREF(done);
	PyErr_Restore(type, value, traceback);
	PyGILState_Release(state);
}

static bool is_interrupted(void *context)
{
	const struct opened *o = context;
	PyGILState_STATE state = PyGILState_Ensure();
	bool ends = o->closing || PyErr_CheckSignals() < 0;

	PyGILState_Release(state);
	return ends;
}

static void link_server(Server *server)
{
	server->next = open_servers;
	server->previous = NULL;
	if (open_servers != NULL)
		open_servers->previous = server;
	open_servers = server;
}

static void unlink_server(Server *server)
{
	if (server->previous != NULL)
		server->previous->next = server->next;
	else
		open_servers = server->next;
	if (server->next != NULL)
		server->next->previous = server->previous;
}

/* What is left is what was not sent; of a server with a spool, which keeps it for the next program,
 * nothing is waited for. Calls of other threads end. */
static size_t close_server(Server *server)
{
	struct opened *o = server->opened;
	double seconds = server->spools || PyErr_Occurred() ? 0 : -1;
	size_t left;

	unlink_server(server);
	server->opened = NULL;
	o->users++;
	Py_BEGIN_ALLOW_THREADS;
	left = scitq_flush(o->s, seconds);
	Py_END_ALLOW_THREADS;
	o->closing = true;
	leave(o);
	return left;
}

/* What became of the calls that were not sent. */
static const char *fate(const Server *server)
{
	return server->spools ? "calls that wait in the spool" : "calls that were not sent";
}

void servers_close_all(void)
{
	while (open_servers != NULL) {
		Server *server = open_servers;
		size_t left = close_server(server);

		if (left > 0)
			PySys_WriteStderr("scitq: %s: %zu\n", fate(server), left);
	}
}

/* For PyArg_Parse: the path of a file as the system has it, in bytes; NULL for None. */
static int file_name(PyObject *value, void *bytes)
{
	return value == Py_None ? 1 : PyUnicode_FSConverter(value, bytes);
}

static const char *file_text(PyObject *bytes)
{
	return bytes ? PyBytes_AS_STRING(bytes) : NULL;
}

static void raise_spool(const char *path)
{
	const int code = errno;
	PyObject *name = path ? PyUnicode_DecodeFSDefault(path) : Py_NewRef(Py_None);
	PyObject *error = NULL;

	if (name != NULL)
		error = PyObject_CallFunction(
		        PyExc_OSError, "isO", code,
		        code == EWOULDBLOCK ? "another server that is open has this spool"
		        : code == EPERM     ? "this spool is another user's"
		        : code == EBADMSG   ? "this spool is damaged, or of another version"
		        : code == ESTALE    ? "this spool is six days old, its calls may have been "
		                              "made: touch it to make them, or remove it"
		                            : strerror(code),
		        name);
	if (error != NULL)
		PyErr_SetObject((PyObject *)Py_TYPE(error), error);
	Py_XDECREF(name);
	Py_XDECREF(error);
}

static void raise_unopened(const char *address, const struct scitq_options *options)
{
	if (errno == ENOMEM)
		PyErr_NoMemory();
	else if (errno != EINVAL)
		raise_spool(options->spool);
	else if (!(options->put_timeout > 0 && options->get_timeout > 0))
		PyErr_SetString(PyExc_ValueError, "put_timeout and get_timeout must be above 0");
	else
		PyErr_Format(PyExc_ValueError, "%s is no server: HOST, HOST:PORT or a URL",
		             address ? address : "what SCITQ_SERVER says");
}

static bool open_server(Server *server, const char *address, struct scitq_options *options)
{
	struct opened *o = PyMem_Calloc(1, sizeof(*o));

	if (o == NULL) {
		PyErr_NoMemory();
		return false;
	}
	options->log = log_line;
	options->interrupted = is_interrupted;
	options->context = o;
	o->s = scitq_open(address, options);
	if (o->s == NULL) {
		PyMem_Free(o);
		raise_unopened(address, options);
		return false;
	}
	server->opened = o;
	server->spools = options->spool != NULL;
	link_server(server);
	return true;
}

static int server_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
	static const char *const names[] = {"address",     "style",       "asynchronous",
	                                    "put_timeout", "get_timeout", "token",
	                                    "ca",          "spool",       NULL};
	Server *server = (Server *)self;
	struct scitq_options options = SCITQ_OPTIONS_INIT;
	const char *address = NULL, *style = "dict";
	PyObject *ca = NULL, *spool = NULL;
	int asynchronous = 1;
	bool ok = false;

	if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|zspddzO&O&:Server", (char **)names,
	                                 &address, &style, &asynchronous, &options.put_timeout,
	                                 &options.get_timeout, &options.token, file_name, &ca,
	                                 file_name, &spool))
		return -1;
	options.asynchronous = asynchronous;
	options.ca = file_text(ca);
	options.spool = file_text(spool);
	server->objects = strcmp(style, "object") == 0;
	if (!server->objects && strcmp(style, "dict") != 0)
		PyErr_Format(PyExc_ValueError, "style is 'dict' or 'object', not '%s'", style);
	else if (server->opened != NULL)
		PyErr_SetString(error_type, "the server is open already");
	else
		ok = open_server(server, address, &options);
	Py_XDECREF(ca);
	Py_XDECREF(spool);
	return ok ? 0 : -1;
}

/* For whom no return value does. */
static void tell_left(const Server *server, size_t left)
{
	char text[64];

	snprintf(text, sizeof(text), "%s: %zu", fate(server), left);
	log_line(NULL, text);
}

static void close_forgotten(Server *server)
{
	size_t left = close_server(server);

	if (PyErr_Occurred())
		PyErr_WriteUnraisable((PyObject *)&server_type);
	if (left > 0)
		tell_left(server, left);
}

static void server_dealloc(PyObject *self)
{
	Server *server = (Server *)self;
	PyTypeObject *type = Py_TYPE(self);
	PyObject *kind, *value, *traceback;

	PyErr_Fetch(&kind, &value, &traceback);
	if (server->opened != NULL)
		close_forgotten(server);
	PyErr_Restore(kind, value, traceback);
	type->tp_free(self);
}

/* Join. */

struct joining {
	PyObject *progress; /* NULL: none */
	bool objects;
};

static PyObject *counts_value(const struct scitq_counts *c, bool objects)
{
	PyObject *dict =
	        Py_BuildValue("{s:n,s:n,s:n,s:n,s:n,s:n,s:n,s:n}", "succeeded",
	                      (Py_ssize_t)c->succeeded, "failed", (Py_ssize_t)c->failed, "waiting",
	                      (Py_ssize_t)c->waiting, "pending", (Py_ssize_t)c->pending, "running",
	                      (Py_ssize_t)c->running, "paused", (Py_ssize_t)c->paused, "relaunched",
	                      (Py_ssize_t)c->relaunched, "gone", (Py_ssize_t)c->gone);

	return styled(dict, objects);
}

/* False where it raised something, or returned False. */
static bool tell_progress(void *context, const struct scitq_counts *counts)
{
	struct joining *j = context;
	PyGILState_STATE state = PyGILState_Ensure();
	PyObject *value = counts_value(counts, j->objects), *said = NULL;
	bool go_on;

	if (value != NULL)
		said = PyObject_CallFunctionObjArgs(j->progress, value, NULL);
	go_on = said != NULL && said != Py_False;
	Py_XDECREF(value);
	Py_XDECREF(said);
	PyGILState_Release(state);
	return go_on;
}

static bool task_number(PyObject *item, int64_t *id)
{
	PyObject *plain = lazy_value(item), *member;

	if (plain == NULL)
		return false;
	member = PyIndex_Check(plain) ? Py_NewRef(plain) : member_of(plain, "task_id");
	if (member == NULL) {
		if (!PyErr_Occurred())
			PyErr_SetString(
			        PyExc_TypeError,
			        "join takes tasks: what task_create returns, or their numbers");
		return false;
	}
	*id = PyLong_AsLongLong(member);
	Py_DECREF(member);
	return !PyErr_Occurred();
}

static int64_t *task_numbers(PyObject *items, size_t n)
{
	int64_t *ids = PyMem_Calloc(n + 1, sizeof(*ids));

	if (ids == NULL)
		PyErr_NoMemory();
	for (size_t i = 0; ids != NULL && i < n; i++) {
		if (!task_number(PyTuple_GET_ITEM(items, (Py_ssize_t)i), &ids[i])) {
			PyMem_Free(ids);
			ids = NULL;
		}
	}
	return ids;
}

static PyObject *server_join(PyObject *self, PyObject *args, PyObject *kwargs)
{
	static const char *const names[] = {"tasks", "retry", "check", "progress", NULL};
	Server *server = (Server *)self;
	struct scitq_join_options options = {.progress = NULL};
	struct joining joining = {.objects = server->objects};
	PyObject *tasks, *progress = Py_None, *items;
	struct scitq_answer *answer;
	struct opened *opened;
	Py_ssize_t retry = 0;
	int64_t *ids;
	size_t n;
	int check = 0;

	if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|npO:join", (char **)names, &tasks, &retry,
	                                 &check, &progress))
		return NULL;
	if (retry < 0)
		return PyErr_Format(PyExc_ValueError, "retry is %zd", retry);
	items = items_of(tasks, "join takes a list of tasks");
	if (items == NULL)
		return NULL;
	n = (size_t)PyTuple_GET_SIZE(items);
	ids = task_numbers(items, n);
	Py_DECREF(items);
	opened = ids ? server_enter(server) : NULL;
	if (opened == NULL) {
		PyMem_Free(ids);
		return NULL;
	}
	options.retry = (size_t)retry;
	options.check = check;
	if (progress != Py_None) {
		joining.progress = progress;
		options.progress = tell_progress;
		options.context = &joining;
	}
	Py_BEGIN_ALLOW_THREADS;
	answer = scitq_join_ids(opened->s, ids, n, &options);
	Py_END_ALLOW_THREADS;
	PyMem_Free(ids);
	return server_leave(opened, answer, server->objects);
}

static PyObject *server_flush(PyObject *self, PyObject *args, PyObject *kwargs)
{
	static const char *const names[] = {"timeout", NULL};
	Server *server = (Server *)self;
	PyObject *timeout = Py_None;
	struct opened *opened;
	double seconds = -1;
	size_t left;

	if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:flush", (char **)names, &timeout))
		return NULL;
	if (timeout != Py_None)
		seconds = PyFloat_AsDouble(timeout);
	if (PyErr_Occurred() || (opened = server_enter(server)) == NULL)
		return NULL;
	Py_BEGIN_ALLOW_THREADS;
	left = scitq_flush(opened->s, seconds);
	Py_END_ALLOW_THREADS;
	leave(opened);
	return PyErr_Occurred() ? NULL : PyLong_FromSize_t(left);
}

static PyObject *server_close(PyObject *self, PyObject *unused)
{
	Server *server = (Server *)self;
	size_t left = 0;

	(void)unused;
	if (server->opened != NULL)
		left = close_server(server);
	if (PyErr_Occurred() && left > 0)
		tell_left(server, left);
	return PyErr_Occurred() ? NULL : PyLong_FromSize_t(left);
}

static PyObject *server_with(PyObject *self, PyObject *unused)
{
	const Server *server = (Server *)self;

	(void)unused;
	if (server->opened == NULL)
		raise_closed();
	return server->opened ? Py_NewRef(self) : NULL;
}

static PyObject *server_exit(PyObject *self, PyObject *args)
{
	PyObject *left;

	(void)args;
	left = server_close(self, NULL);
	if (left == NULL)
		return NULL;
	Py_DECREF(left);
	Py_RETURN_FALSE;
}

static PyObject *server_pending(PyObject *self, void *unused)
{
	const Server *server = (Server *)self;

	(void)unused;
	if (server->opened == NULL)
		raise_closed();
	return server->opened ? PyLong_FromSize_t(scitq_pending(server->opened->s)) : NULL;
}

#define KEYWORDS(function) ((PyCFunction)(void (*)(void))(function))

static PyMethodDef server_methods[] = {
        {"join", KEYWORDS(server_join), METH_VARARGS | METH_KEYWORDS,
         "join($self, tasks, retry=0, check=False, progress=None)\n--\n\n"
         "Wait until every task has succeeded or failed for good; those that fail are relaunched "
         "up "
         "to retry times. Counts by status."},
        {"flush", KEYWORDS(server_flush), METH_VARARGS | METH_KEYWORDS,
         "flush($self, timeout=None)\n--\n\n"
         "Wait until what is queued is sent; how much is not."},
        {"close", server_close, METH_NOARGS,
         "close($self)\n--\n\n"
         "Send what is queued, or leave it to the spool, and end; how much was not sent."},
        {"__enter__", server_with, METH_NOARGS, NULL},
        {"__exit__", server_exit, METH_VARARGS, NULL},
        {0},
};

static PyGetSetDef server_members[] = {
        {"pending", server_pending, NULL, "Calls that are queued and not sent yet.", NULL},
        {0},
};

PyTypeObject server_type = {
        PyVarObject_HEAD_INIT(NULL, 0).tp_name = "scitq.lib.Server",
        .tp_basicsize = sizeof(Server),
        .tp_dealloc = server_dealloc,
        .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
        .tp_doc = "Server(address=None, style='dict', asynchronous=True, put_timeout=30, "
                  "get_timeout=150, token=None, ca=None, spool=None)\n--\n\n"
                  "A scitq server: HOST, HOST:PORT, NAME:TOKEN@HOST or a URL.",
        .tp_methods = server_methods,
        .tp_getset = server_members,
        .tp_new = PyType_GenericNew,
        .tp_init = server_init,
};
