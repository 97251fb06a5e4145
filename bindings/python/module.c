/* The module scitq.lib. */
#include "bindings/python/lib.h"

PyObject *error_type, *unreachable_type, *namespace_type, *logger;

static PyObject *close_all(PyObject *self, PyObject *unused)
{
	(void)self;
	(void)unused;
	servers_close_all();
	if (PyErr_Occurred())
		return NULL;
	Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
        {"_close_all", close_all, METH_NOARGS, "Send what is queued; called when Python ends."},
        {0},
};

/* module.name, called with `argument` where that is not NULL. */
static PyObject *get(const char *from, const char *name, const char *argument)
{
	PyObject *other = PyImport_ImportModule(from);
	PyObject *value = other ? PyObject_GetAttrString(other, name) : NULL, *called;

	Py_XDECREF(other);
	if (value == NULL || argument == NULL)
		return value;
	called = PyObject_CallFunction(value, "s", argument);
	Py_DECREF(value);
	return called;
}

static bool close_at_exit(PyObject *made)
{
	PyObject *reg = get("atexit", "register", NULL);
	PyObject *function = PyObject_GetAttrString(made, "_close_all"), *done = NULL;

	if (reg != NULL && function != NULL)
		done = PyObject_CallFunctionObjArgs(reg, function, NULL);
	Py_XDECREF(reg);
	Py_XDECREF(function);
	Py_XDECREF(done);
	return done != NULL;
}

static bool make_errors(void)
{
	/* Where it is no word of the server's. */
	PyObject *bases, *members = Py_BuildValue("{s:s}", "code", "");

	error_type = members ? PyErr_NewExceptionWithDoc(
	                               "scitq.lib.ScitqError",
	                               "What the server said no to, or failed at; code is its "
	                               "permanent word for it.",
	                               PyExc_RuntimeError, members)
	                     : NULL;
	Py_XDECREF(members);
	bases = error_type ? PyTuple_Pack(2, error_type, PyExc_ConnectionError) : NULL;
	unreachable_type =
	        bases ? PyErr_NewExceptionWithDoc("scitq.lib.Unreachable",
	                                          "The server did not answer.", bases, NULL)
	              : NULL;
	Py_XDECREF(bases);
	return unreachable_type != NULL;
}

/* Once, for as long as the process lives. */
static bool make_parts(void)
{
	static bool made;

	if (made)
		return true;
	namespace_type = get("argparse", "Namespace", NULL);
	logger = get("logging", "getLogger", "scitq");
	if (namespace_type == NULL || logger == NULL || !convert_init() || !make_errors() ||
	    PyType_Ready(&lazy_type) < 0 || PyType_Ready(&function_type) < 0 ||
	    PyType_Ready(&server_type) < 0 || !functions_add(&server_type))
		return false;
	PyType_Modified(&server_type);
	made = true;
	return true;
}

/* Its types and its servers are the process's, and belong to one interpreter. */
static int fill_module(PyObject *made)
{
	if (PyInterpreterState_Get() != PyInterpreterState_Main()) {
		PyErr_SetString(PyExc_ImportError,
		                "scitq.lib can only be used in the main interpreter");
		return -1;
	}
	if (!make_parts() || PyModule_AddObjectRef(made, "Server", (PyObject *)&server_type) < 0 ||
	    PyModule_AddObjectRef(made, "Lazy", (PyObject *)&lazy_type) < 0 ||
	    PyModule_AddObjectRef(made, "ScitqError", error_type) < 0 ||
	    PyModule_AddObjectRef(made, "Unreachable", unreachable_type) < 0 ||
	    !close_at_exit(made))
		return -1;
	return 0;
}

static PyModuleDef_Slot slots[] = {
        {Py_mod_exec, (void *)fill_module},
#ifdef Py_mod_multiple_interpreters
        {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
#endif
        {0, NULL},
};

static PyModuleDef module = {
        PyModuleDef_HEAD_INIT,
        .m_name = "scitq.lib",
        .m_doc = "A scitq server from Python: Server, and what it raises.",
        .m_methods = methods,
        .m_slots = slots,
};

PyMODINIT_FUNC PyInit_lib(void);

PyMODINIT_FUNC PyInit_lib(void)
{
	return PyModuleDef_Init(&module);
}
