/*
 * What a queued write returns: it holds nothing until somebody looks into it, who then waits until
 * the server has answered. From then on it behaves as the dict or Namespace that it stands for.
 */
#include "bindings/python/lib.h"

/* Seconds between two looks at signals. */
#define SLICE 0.2

typedef struct {
	PyObject_HEAD struct scitq_answer *answer;
	PyObject *value; /* once it was looked into */
	bool objects;
} Lazy;

PyObject *lazy_new(struct scitq_answer *answer, bool objects)
{
	Lazy *lazy = PyObject_GC_New(Lazy, &lazy_type);

	if (lazy == NULL) {
		scitq_free(answer);
		return NULL;
	}
	lazy->answer = answer;
	lazy->value = NULL;
	lazy->objects = objects;
	PyObject_GC_Track(lazy);
	return (PyObject *)lazy;
}

/* What it stands for may be made to hold it. */
static int lazy_traverse(PyObject *self, visitproc visit, void *arg)
{
	Py_VISIT(((Lazy *)self)->value);
	return 0;
}

static int lazy_clear(PyObject *self)
{
	Py_CLEAR(((Lazy *)self)->value);
	return 0;
}

static void lazy_dealloc(PyObject *self)
{
	Lazy *lazy = (Lazy *)self;

	PyObject_GC_UnTrack(self);
	scitq_free(lazy->answer);
	Py_XDECREF(lazy->value);
	PyObject_GC_Del(self);
}

bool answer_wait(struct scitq_answer *answer)
{
	bool done = false;

	while (!done) {
		Py_BEGIN_ALLOW_THREADS;
		done = scitq_wait(answer, SLICE);
		Py_END_ALLOW_THREADS;
		if (!done && PyErr_CheckSignals() < 0)
			return false;
	}
	return true;
}

struct scitq_answer *lazy_answer(PyObject *value)
{
	return Py_IS_TYPE(value, &lazy_type) ? ((Lazy *)value)->answer : NULL;
}

PyObject *lazy_value(PyObject *value)
{
	Lazy *lazy = (Lazy *)value;
	PyObject *made;

	if (!Py_IS_TYPE(value, &lazy_type))
		return value;
	if (lazy->value != NULL)
		return lazy->value;
	if (!answer_wait(lazy->answer))
		return NULL;
	if (scitq_result(lazy->answer) != SCITQ_OK)
		return raise_answer(lazy->answer);
	made = value_of(lazy->answer, lazy->objects);
	/* Another thread may have been there meanwhile: all have the same one. */
	if (lazy->value == NULL)
		lazy->value = made;
	else
		Py_XDECREF(made);
	return lazy->value;
}

static PyObject *lazy_getattro(PyObject *self, PyObject *name)
{
	PyObject *value = lazy_value(self);

	return value ? PyObject_GetAttr(value, name) : NULL;
}

static int lazy_setattro(PyObject *self, PyObject *name, PyObject *to)
{
	PyObject *value = lazy_value(self);

	return value ? PyObject_SetAttr(value, name, to) : -1;
}

static PyObject *lazy_subscript(PyObject *self, PyObject *key)
{
	PyObject *value = lazy_value(self);

	return value ? PyObject_GetItem(value, key) : NULL;
}

static int lazy_ass_subscript(PyObject *self, PyObject *key, PyObject *to)
{
	PyObject *value = lazy_value(self);

	if (value == NULL)
		return -1;
	return to ? PyObject_SetItem(value, key, to) : PyObject_DelItem(value, key);
}

static Py_ssize_t lazy_length(PyObject *self)
{
	PyObject *value = lazy_value(self);

	return value ? PyObject_Size(value) : -1;
}

static int lazy_contains(PyObject *self, PyObject *item)
{
	PyObject *value = lazy_value(self);

	return value ? PySequence_Contains(value, item) : -1;
}

static PyObject *lazy_iter(PyObject *self)
{
	PyObject *value = lazy_value(self);

	return value ? PyObject_GetIter(value) : NULL;
}

static PyObject *lazy_repr(PyObject *self)
{
	PyObject *value = lazy_value(self);

	return value ? PyObject_Repr(value) : NULL;
}

static PyObject *lazy_compare(PyObject *self, PyObject *other, int how)
{
	PyObject *value = lazy_value(self), *with = value ? lazy_value(other) : NULL;

	return with ? PyObject_RichCompare(value, with, how) : NULL;
}

static int lazy_bool(PyObject *self)
{
	PyObject *value = lazy_value(self);

	return value ? PyObject_IsTrue(value) : -1;
}

static PyNumberMethods lazy_number = {.nb_bool = lazy_bool};

static PyMappingMethods lazy_mapping = {
        .mp_length = lazy_length,
        .mp_subscript = lazy_subscript,
        .mp_ass_subscript = lazy_ass_subscript,
};

static PySequenceMethods lazy_sequence = {.sq_contains = lazy_contains};

PyTypeObject lazy_type = {
        PyVarObject_HEAD_INIT(NULL, 0).tp_name = "scitq.lib.Lazy",
        .tp_basicsize = sizeof(Lazy),
        .tp_dealloc = lazy_dealloc,
        .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
        .tp_traverse = lazy_traverse,
        .tp_clear = lazy_clear,
        .tp_doc =
                "What a queued call returns: looking into it waits until the server has answered.",
        .tp_getattro = lazy_getattro,
        .tp_setattro = lazy_setattro,
        .tp_as_number = &lazy_number,
        .tp_as_mapping = &lazy_mapping,
        .tp_as_sequence = &lazy_sequence,
        .tp_iter = lazy_iter,
        .tp_repr = lazy_repr,
        .tp_richcompare = lazy_compare,
        .tp_hash = PyObject_HashNotImplemented,
};
