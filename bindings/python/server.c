/* Server: an open server of the library, with its style, and join. */
#include "bindings/python/lib.h"

#include <errno.h>

static Server *open_servers; /* under the GIL */

bool server_is_open(const Server *server)
{
	if (server->s == NULL)
		PyErr_SetString(error_type, "the server was closed");
	return server->s != NULL;
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
	PyGILState_STATE state = PyGILState_Ensure();
	bool raised = PyErr_CheckSignals() < 0;

	(void)context;
	PyGILState_Release(state);
	return raised;
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

/* What is left is what was not sent in so many seconds. */
static size_t close_server(Server *server, double seconds)
{
	struct scitq *s = server->s;
	size_t left;

	unlink_server(server);
	server->s = NULL;
	Py_BEGIN_ALLOW_THREADS;
	left = scitq_close(s, seconds);
	Py_END_ALLOW_THREADS;
	return left;
}

void servers_close_all(void)
{
	while (open_servers != NULL) {
		Server *server = open_servers;
		/* A spool keeps it for the next program. */
		bool kept = server->spools;
		size_t left = close_server(server, kept ? 0 : -1);

		if (left > 0)
			PySys_WriteStderr(kept ? "scitq: %zu calls wait in the spool\n"
			                       : "scitq: %zu calls were not sent\n",
			                  left);
	}
}

static PyObject *server_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
	static const char *const names[] = {"address",     "style",       "asynchronous",
	                                    "put_timeout", "get_timeout", "token",
	                                    "ca",          "spool",       NULL};
	struct scitq_options options = SCITQ_OPTIONS_INIT;
	const char *address = NULL, *style = "dict";
	int asynchronous = 1;
	Server *server;

	if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|zspddzzz:Server", (char **)names, &address,
	                                 &style, &asynchronous, &options.put_timeout,
	                                 &options.get_timeout, &options.token, &options.ca,
	                                 &options.spool))
		return NULL;
	if (strcmp(style, "dict") != 0 && strcmp(style, "object") != 0)
		return PyErr_Format(PyExc_ValueError, "style is 'dict' or 'object', not '%s'",
		                    style);
	server = (Server *)type->tp_alloc(type, 0);
	if (server == NULL)
		return NULL;
	options.asynchronous = asynchronous;
	options.log = log_line;
	options.interrupted = is_interrupted;
	server->objects = strcmp(style, "object") == 0;
	server->spools = options.spool != NULL;
	server->s = scitq_open(address, &options);
	if (server->s == NULL) {
		if (errno == EINVAL)
			PyErr_Format(PyExc_ValueError, "%s is no server: HOST, HOST:PORT or a URL",
			             address ? address : "nothing");
		else
			PyErr_SetFromErrnoWithFilename(PyExc_OSError, options.spool);
		Py_DECREF(server);
		return NULL;
	}
	link_server(server);
	return (PyObject *)server;
}

static int server_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
	(void)self;
	(void)args;
	(void)kwargs;
	return 0;
}

static void server_dealloc(PyObject *self)
{
	Server *server = (Server *)self;
	PyTypeObject *type = Py_TYPE(self);
	PyObject *kind, *value, *traceback;

	PyErr_Fetch(&kind, &value, &traceback);
	if (server->s != NULL)
		close_server(server, server->spools ? 0 : -1);
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
		if (!task_number(PySequence_Fast_GET_ITEM(items, (Py_ssize_t)i), &ids[i])) {
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
	PyObject *tasks, *progress = Py_None, *items, *value = NULL;
	struct scitq_answer *answer = NULL;
	Py_ssize_t retry = 0;
	int64_t *ids;
	size_t n;
	int check = 0;

	if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|npO:join", (char **)names, &tasks, &retry,
	                                 &check, &progress) ||
	    !server_is_open(server))
		return NULL;
	if (retry < 0)
		return PyErr_Format(PyExc_ValueError, "retry is %zd", retry);
	items = PySequence_Fast(tasks, "join takes a list of tasks");
	if (items == NULL)
		return NULL;
	n = (size_t)PySequence_Fast_GET_SIZE(items);
	ids = task_numbers(items, n);
	Py_DECREF(items);
	if (ids == NULL)
		return NULL;
	options.retry = (size_t)retry;
	options.check = check;
	if (progress != Py_None) {
		joining.progress = progress;
		options.progress = tell_progress;
		options.context = &joining;
	}
	Py_BEGIN_ALLOW_THREADS;
	answer = scitq_join_ids(server->s, ids, n, &options);
	Py_END_ALLOW_THREADS;
	PyMem_Free(ids);
	if (scitq_result(answer) != SCITQ_OK)
		raise_answer(answer);
	else
		value = value_of(answer, server->objects);
	scitq_free(answer);
	return value;
}

static PyObject *server_flush(PyObject *self, PyObject *args, PyObject *kwargs)
{
	static const char *const names[] = {"timeout", NULL};
	Server *server = (Server *)self;
	PyObject *timeout = Py_None;
	double seconds = -1;
	size_t left;

	if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:flush", (char **)names, &timeout) ||
	    !server_is_open(server))
		return NULL;
	if (timeout != Py_None)
		seconds = PyFloat_AsDouble(timeout);
	if (PyErr_Occurred())
		return NULL;
	Py_BEGIN_ALLOW_THREADS;
	left = scitq_flush(server->s, seconds);
	Py_END_ALLOW_THREADS;
	return PyErr_Occurred() ? NULL : PyLong_FromSize_t(left);
}

static PyObject *server_close(PyObject *self, PyObject *unused)
{
	Server *server = (Server *)self;
	size_t left = 0;

	(void)unused;
	if (server->s != NULL)
		left = close_server(server, server->spools ? 0 : -1);
	return PyErr_Occurred() ? NULL : PyLong_FromSize_t(left);
}

static PyObject *server_enter(PyObject *self, PyObject *unused)
{
	(void)unused;
	return Py_NewRef(self);
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
	Server *server = (Server *)self;

	(void)unused;
	return server_is_open(server) ? PyLong_FromSize_t(scitq_pending(server->s)) : NULL;
}

#define KEYWORDS(function) ((PyCFunction)(void (*)(void))(function))

static PyMethodDef server_methods[] = {
        {"join", KEYWORDS(server_join), METH_VARARGS | METH_KEYWORDS,
         "join(tasks, retry=0, check=False, progress=None): wait until every task has succeeded or "
         "failed for good; those that fail are relaunched up to retry times. Counts by status."},
        {"flush", KEYWORDS(server_flush), METH_VARARGS | METH_KEYWORDS,
         "flush(timeout=None): wait until what is queued is sent; how much is not."},
        {"close", server_close, METH_NOARGS,
         "close(): send what is queued, or leave it to the spool, and end; how much was not sent."},
        {"__enter__", server_enter, METH_NOARGS, NULL},
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
                  "get_timeout=150, token=None, ca=None, spool=None)",
        .tp_methods = server_methods,
        .tp_getset = server_members,
        .tp_new = server_new,
        .tp_init = server_init,
};
