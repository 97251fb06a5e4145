/*
 * A function of the library as a method of Server. Its name, arguments and help are the library's;
 * an argument that names a row (task_id, required_task_ids...) may be a row, lazy or not.
 */
#include "bindings/python/lib.h"

typedef struct {
	PyObject_HEAD const char *name, *help;
} Function;

/* A call that is made up. */
struct making {
	json_t *arguments;
	struct scitq_lazy *lazy;
	PyObject **kept; /* the objects whose answers those are */
	size_t nlazy;
};

static void making_release(struct making *m)
{
	for (size_t i = 0; i < m->nlazy; i++)
		Py_DECREF(m->kept[i]);
	PyMem_Free(m->lazy);
	PyMem_Free(m->kept);
	json_decref(m->arguments);
}

/* The argument and its place in the list of them are another call's answer. */
static bool add_lazy(struct making *m, const char *argument, size_t index, PyObject *value)
{
	struct scitq_lazy *lazy = PyMem_Realloc(m->lazy, (m->nlazy + 1) * sizeof(*lazy));
	PyObject **kept = PyMem_Realloc(m->kept, (m->nlazy + 1) * sizeof(*kept));

	m->lazy = lazy ? lazy : m->lazy;
	m->kept = kept ? kept : m->kept;
	if (lazy == NULL || kept == NULL) {
		PyErr_NoMemory();
		return false;
	}
	lazy[m->nlazy] = (struct scitq_lazy){argument, index, lazy_answer(value)};
	kept[m->nlazy] = Py_NewRef(value);
	m->nlazy++;
	return true;
}

/* The number of a row: of the row itself, or what was given. */
static json_t *number_of(PyObject *value, const char *argument)
{
	const char *name =
	        strcmp(argument, "required_task_ids") == 0 || strcmp(argument, "other_task_id") == 0
	                ? "task_id"
	                : argument;
	PyObject *plain = lazy_value(value), *member;
	json_t *number;

	if (plain == NULL || PyIndex_Check(plain) || PyUnicode_Check(plain))
		return plain ? json_of(plain) : NULL;
	member = member_of(plain, name);
	if (member == NULL && !PyErr_Occurred())
		PyErr_Format(PyExc_TypeError,
		             "%s is wanted: a number, or a row that has it, not a %s", name,
		             Py_TYPE(plain)->tp_name);
	number = member ? json_of(member) : NULL;
	Py_XDECREF(member);
	return number;
}

static json_t *numbers_of(struct making *m, const char *argument, PyObject *value)
{
	PyObject *items = items_of(value, "a list of rows or their numbers is wanted");
	json_t *list = items ? json_array() : NULL;
	Py_ssize_t n = items ? PyTuple_GET_SIZE(items) : 0;

	for (Py_ssize_t i = 0; i < n; i++) {
		PyObject *item = PyTuple_GET_ITEM(items, i);
		struct scitq_answer *answer = lazy_answer(item);
		json_t *number;

		if (answer != NULL && !scitq_ready(answer))
			number = add_lazy(m, argument, (size_t)i, item) ? json_null() : NULL;
		else
			number = number_of(item, argument);
		if (json_array_append_new(list, number) != 0) {
			json_decref(list);
			list = NULL;
			break;
		}
	}
	Py_XDECREF(items);
	if (list == NULL && !PyErr_Occurred())
		PyErr_NoMemory();
	return list;
}

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), k = strlen(end);

	return n >= k && strcmp(text + n - k, end) == 0;
}

/* Whatever can be walked, but for rows and texts. */
static bool is_list(PyObject *value)
{
	return Py_TYPE(value)->tp_iter != NULL && !PyUnicode_Check(value) &&
	       !PyDict_Check(value) && lazy_answer(value) == NULL;
}

/* `argument` is the library's own text, which lives on. */
static bool set_argument(struct making *m, const char *argument, PyObject *value)
{
	struct scitq_answer *answer = lazy_answer(value);
	json_t *made;

	if (value != Py_None &&
	    (ends_with(argument, "_ids") || (ends_with(argument, "_id") && is_list(value)))) {
		made = numbers_of(m, argument, value);
	} else if (ends_with(argument, "_id") && value != Py_None) {
		if (answer != NULL && !scitq_ready(answer))
			return add_lazy(m, argument, 0, value);
		made = number_of(value, argument);
	} else {
		made = json_of(value);
	}
	if (made == NULL)
		return false;
	if (json_object_set_new(m->arguments, argument, made) != 0) {
		PyErr_NoMemory();
		return false;
	}
	return true;
}

static bool is_given(const struct making *m, const char *argument)
{
	bool given = json_object_get(m->arguments, argument) != NULL;

	for (size_t i = 0; i < m->nlazy; i++)
		given = given || strcmp(m->lazy[i].argument, argument) == 0;
	return given;
}

static bool take_positional(const Function *f, struct making *m, PyObject *args, char *names,
                            size_t *used)
{
	Py_ssize_t n = PyTuple_GET_SIZE(args);
	bool needed;

	for (Py_ssize_t i = 1; i < n; i++) {
		char *name = names + *used;

		if (!scitq_argument(f->name, (size_t)(i - 1), name, &needed)) {
			PyErr_Format(PyExc_TypeError, "%s takes %zd arguments, not %zd", f->name,
			             i - 1, n - 1);
			return false;
		}
		*used += SCITQ_NAME_SIZE;
		if (!set_argument(m, name, PyTuple_GET_ITEM(args, i)))
			return false;
	}
	return true;
}

/* v1's functions have `id` where the library says task_id and the like. */
static const char *real_name(const Function *f, const char *name, char first[SCITQ_NAME_SIZE])
{
	bool needed;

	if (strcmp(name, "id") == 0 && scitq_argument(f->name, 0, first, &needed) &&
	    ends_with(first, "_id"))
		return first;
	return name;
}

static bool take_keywords(const Function *f, struct making *m, PyObject *kwargs,
                          char first[SCITQ_NAME_SIZE])
{
	PyObject *key, *value;
	Py_ssize_t at = 0, size;

	while (kwargs != NULL && PyDict_Next(kwargs, &at, &key, &value)) {
		const char *name = PyUnicode_AsUTF8AndSize(key, &size);

		if (name == NULL)
			return false;
		if (strlen(name) != (size_t)size) {
			PyErr_Format(PyExc_TypeError, "%s takes no argument %R", f->name, key);
			return false;
		}
		name = real_name(f, name, first);
		if (is_given(m, name)) {
			PyErr_Format(PyExc_TypeError, "%s got %s twice", f->name, name);
			return false;
		}
		if (!set_argument(m, name, value))
			return false;
	}
	return true;
}

static PyObject *function_call(PyObject *self, PyObject *args, PyObject *kwargs)
{
	const Function *f = (const Function *)self;
	Py_ssize_t n = PyTuple_GET_SIZE(args);
	struct making m = {.arguments = json_object()};
	char *names = PyMem_Malloc((size_t)(n + 1) * SCITQ_NAME_SIZE);
	char first[SCITQ_NAME_SIZE];
	struct scitq_answer *answer;
	struct opened *opened;
	PyObject *value = NULL;
	size_t used = 0;
	Server *server;

	if (n < 1 || !PyObject_TypeCheck(PyTuple_GET_ITEM(args, 0), &server_type)) {
		PyErr_Format(PyExc_TypeError, "%s is a method of a Server", f->name);
		goto end;
	}
	server = (Server *)PyTuple_GET_ITEM(args, 0);
	if (names == NULL || m.arguments == NULL) {
		PyErr_NoMemory();
		goto end;
	}
	if (!take_positional(f, &m, args, names, &used) || !take_keywords(f, &m, kwargs, first) ||
	    (opened = server_enter(server)) == NULL)
		goto end;
	json_incref(m.arguments);
	Py_BEGIN_ALLOW_THREADS;
	answer = scitq_call(opened->s, f->name, m.arguments, m.lazy, m.nlazy);
	Py_END_ALLOW_THREADS;
	value = server_leave(opened, answer, server->objects);
end:
	making_release(&m);
	PyMem_Free(names);
	return value;
}

static PyObject *function_get(PyObject *self, PyObject *instance, PyObject *type)
{
	(void)type;
	return instance == NULL ? Py_NewRef(self) : PyMethod_New(self, instance);
}

static PyObject *function_repr(PyObject *self)
{
	return PyUnicode_FromFormat("<function %s of scitq.lib.Server>",
	                            ((const Function *)self)->name);
}

static PyObject *function_name(PyObject *self, void *unused)
{
	(void)unused;
	return PyUnicode_FromString(((const Function *)self)->name);
}

static PyObject *function_doc(PyObject *self, void *unused)
{
	(void)unused;
	return PyUnicode_FromString(((const Function *)self)->help);
}

/* "($self, task_id, status=None)", which inspect.signature() and help() read. */
static PyObject *function_signature(PyObject *self, void *unused)
{
	const Function *f = (const Function *)self;
	PyObject *text = PyUnicode_FromString("($self");
	char name[SCITQ_NAME_SIZE];
	bool needed, optional = false;

	(void)unused;
	for (size_t i = 0; text != NULL && scitq_argument(f->name, i, name, &needed); i++) {
		/* Python wants none without a default behind one that has it. */
		optional = optional || !needed;
		PyUnicode_AppendAndDel(
		        &text, PyUnicode_FromFormat(", %s%s", name, optional ? "=None" : ""));
	}
	if (text != NULL)
		PyUnicode_AppendAndDel(&text, PyUnicode_FromString(")"));
	return text;
}

static PyObject *function_module(PyObject *self, void *unused)
{
	(void)self;
	(void)unused;
	return PyUnicode_FromString("scitq.lib");
}

static PyGetSetDef function_members[] = {
        {"__name__", function_name, NULL, NULL, NULL},
        {"__doc__", function_doc, NULL, NULL, NULL},
        {"__text_signature__", function_signature, NULL, NULL, NULL},
        {"__module__", function_module, NULL, NULL, NULL},
        {0},
};

PyTypeObject function_type = {
        PyVarObject_HEAD_INIT(NULL, 0).tp_name = "scitq.lib.Function",
        .tp_basicsize = sizeof(Function),
        .tp_flags = Py_TPFLAGS_DEFAULT,
        .tp_call = function_call,
        .tp_descr_get = function_get,
        .tp_repr = function_repr,
        .tp_getset = function_members,
};

bool functions_add(PyTypeObject *type)
{
	const char *name, *help;

	for (size_t i = 0; (name = scitq_function(i, &help)) != NULL; i++) {
		Function *f = PyObject_New(Function, &function_type);
		int failed;

		if (f == NULL)
			return false;
		f->name = name;
		f->help = help;
		failed = PyDict_SetItemString(type->tp_dict, name, (PyObject *)f) < 0;
		Py_DECREF(f);
		if (failed)
			return false;
	}
	return true;
}
