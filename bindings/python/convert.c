#include "bindings/python/lib.h"

#include <datetime.h>
#include <math.h>

bool convert_init(void)
{
	PyDateTime_IMPORT;
	return PyDateTimeAPI != NULL;
}

/* Python to JSON. */

PyObject *items_of(PyObject *value, const char *message)
{
	bool single = PyDict_Check(value) || PyUnicode_Check(value) || lazy_answer(value) != NULL;
	PyObject *iterator = single ? NULL : PyObject_GetIter(value), *items;

	if (single || (iterator == NULL && PyErr_ExceptionMatches(PyExc_TypeError)))
		PyErr_SetString(PyExc_TypeError, message);
	if (iterator == NULL)
		return NULL;
	items = PySequence_Tuple(iterator);
	Py_DECREF(iterator);
	return items;
}

/* What is made of the elements may run anybody's code: of copies, that hold them. */

static json_t *json_of_list(PyObject *value)
{
	PyObject *items = PySequence_Tuple(value);
	json_t *list = items ? json_array() : NULL, *made;
	Py_ssize_t n = items ? PyTuple_GET_SIZE(items) : 0;

	for (Py_ssize_t i = 0; list != NULL && i < n; i++) {
		made = json_of(PyTuple_GET_ITEM(items, i));
		if (json_array_append_new(list, made) != 0) {
			json_decref(list);
			list = NULL;
		}
	}
	Py_XDECREF(items);
	return list;
}

static json_t *json_of_dict(PyObject *value)
{
	PyObject *copy = PyDict_Copy(value), *key, *item;
	json_t *object = copy ? json_object() : NULL, *made;
	Py_ssize_t at = 0, size;

	while (object != NULL && PyDict_Next(copy, &at, &key, &item)) {
		const char *name = NULL;

		if (!PyUnicode_Check(key))
			PyErr_Format(PyExc_TypeError, "a key must be a text, not %R", key);
		else
			name = PyUnicode_AsUTF8AndSize(key, &size);
		made = name ? json_of(item) : NULL;
		if (json_object_setn_new(object, name, name ? (size_t)size : 0, made) != 0) {
			json_decref(object);
			object = NULL;
		}
	}
	Py_XDECREF(copy);
	return object;
}

static json_t *json_of_text(PyObject *value)
{
	Py_ssize_t size;
	const char *text = PyUnicode_AsUTF8AndSize(value, &size);

	return text ? json_stringn(text, (size_t)size) : NULL;
}

static json_t *json_of_integer(PyObject *value)
{
	PyObject *integer = PyNumber_Index(value);
	long long number;

	if (integer == NULL)
		return NULL;
	number = PyLong_AsLongLong(integer);
	Py_DECREF(integer);
	if (number == -1 && PyErr_Occurred())
		return NULL;
	return json_integer(number);
}

/* The same moment in UTC without a zone, as the server has dates; one that has no zone is that. */
static PyObject *in_utc(PyObject *date)
{
	PyObject *offset = PyObject_CallMethod(date, "utcoffset", NULL), *plain = NULL;
	PyObject *replace, *none, *zone;

	if (offset == Py_None)
		plain = Py_NewRef(date);
	if (offset == NULL || offset == Py_None) {
		Py_XDECREF(offset);
		return plain;
	}
	replace = PyObject_GetAttrString(date, "replace");
	none = PyTuple_New(0);
	zone = Py_BuildValue("{s:O}", "tzinfo", Py_None);
	if (replace != NULL && none != NULL && zone != NULL)
		plain = PyObject_Call(replace, none, zone);
	if (plain != NULL)
		Py_SETREF(plain, PyNumber_Subtract(plain, offset));
	Py_XDECREF(replace);
	Py_XDECREF(none);
	Py_XDECREF(zone);
	Py_DECREF(offset);
	return plain;
}

static json_t *json_of_date(PyObject *value)
{
	PyObject *plain = in_utc(value);
	PyObject *text = plain ? PyObject_CallMethod(plain, "isoformat", NULL) : NULL;
	json_t *made = text ? json_of_text(text) : NULL;

	Py_XDECREF(plain);
	Py_XDECREF(text);
	return made;
}

static json_t *json_of_float(PyObject *value)
{
	if (isfinite(PyFloat_AS_DOUBLE(value)))
		return json_real(PyFloat_AS_DOUBLE(value));
	PyErr_Format(PyExc_ValueError, "%R cannot be sent", value);
	return NULL;
}

static json_t *json_of_plain(PyObject *plain)
{
	if (plain == Py_None)
		return json_null();
	if (PyBool_Check(plain))
		return json_boolean(plain == Py_True);
	if (PyUnicode_Check(plain))
		return json_of_text(plain);
	if (PyFloat_Check(plain))
		return json_of_float(plain);
	if (PyDict_Check(plain))
		return json_of_dict(plain);
	if (PyList_Check(plain) || PyTuple_Check(plain) || PyAnySet_Check(plain))
		return json_of_list(plain);
	if (PyDateTime_Check(plain))
		return json_of_date(plain);
	if (PyIndex_Check(plain))
		return json_of_integer(plain);
	PyErr_Format(PyExc_TypeError, "a %s cannot be sent", Py_TYPE(plain)->tp_name);
	return NULL;
}

json_t *json_of(PyObject *value)
{
	PyObject *plain = lazy_value(value);
	json_t *made;

	/* A list may hold itself. */
	if (plain == NULL || Py_EnterRecursiveCall(" in a value that is to be sent"))
		return NULL;
	made = json_of_plain(plain);
	Py_LeaveRecursiveCall();
	/* What is no value has been told by now. */
	if (made == NULL && !PyErr_Occurred())
		PyErr_NoMemory();
	return made;
}

/* JSON to Python. */

static PyObject *date_of(const char *text)
{
	int64_t us;
	PyObject *days, *epoch, *date = NULL;

	if (!scitq_date(text, &us))
		return PyUnicode_FromString(text);
	/* Without a zone, as UTC: what v1's clients have. */
	epoch = PyDateTime_FromDateAndTime(1970, 1, 1, 0, 0, 0, 0);
	days = PyDelta_FromDSU((int)(us / 86400000000), (int)(us / 1000000 % 86400),
	                       (int)(us % 1000000));
	if (epoch != NULL && days != NULL)
		date = PyNumber_Add(epoch, days);
	Py_XDECREF(epoch);
	Py_XDECREF(days);
	return date;
}

static PyObject *plain_value(const json_t *json);

static PyObject *list_of(const json_t *json)
{
	size_t n = json_array_size(json);
	PyObject *list = PyList_New((Py_ssize_t)n);

	for (size_t i = 0; list != NULL && i < n; i++) {
		PyObject *item = plain_value(json_array_get(json, i));

		if (item == NULL)
			Py_CLEAR(list);
		else
			PyList_SET_ITEM(list, (Py_ssize_t)i, item);
	}
	return list;
}

/* An object; with an answer its dates are parsed. */
static PyObject *dict_of(const json_t *json, struct scitq_answer *answer)
{
	PyObject *dict = PyDict_New();
	const char *name;
	json_t *member;

	json_object_foreach((json_t *)json, name, member)
	{
		PyObject *value;
		int failed;

		if (dict == NULL)
			break;
		value = answer != NULL && json_is_string(member) && scitq_is_date(answer, name)
		                ? date_of(json_string_value(member))
		                : plain_value(member);
		failed = value == NULL || PyDict_SetItemString(dict, name, value) < 0;
		Py_XDECREF(value);
		if (failed)
			Py_CLEAR(dict);
	}
	return dict;
}

static PyObject *plain_value(const json_t *json)
{
	switch (json_typeof(json)) {
	case JSON_OBJECT:
		return dict_of(json, NULL);
	case JSON_ARRAY:
		return list_of(json);
	case JSON_STRING:
		return PyUnicode_FromStringAndSize(json_string_value(json),
		                                   (Py_ssize_t)json_string_length(json));
	case JSON_INTEGER:
		return PyLong_FromLongLong(json_integer_value(json));
	case JSON_REAL:
		return PyFloat_FromDouble(json_real_value(json));
	case JSON_TRUE:
		Py_RETURN_TRUE;
	case JSON_FALSE:
		Py_RETURN_FALSE;
	case JSON_NULL:
		break;
	}
	Py_RETURN_NONE;
}

PyObject *styled(PyObject *dict, bool objects)
{
	PyObject *none, *object;

	if (dict == NULL || !objects)
		return dict;
	none = PyTuple_New(0);
	object = none ? PyObject_Call(namespace_type, none, dict) : NULL;
	Py_XDECREF(none);
	Py_DECREF(dict);
	return object;
}

static PyObject *row_of(const json_t *json, struct scitq_answer *answer, bool objects)
{
	return json_is_object(json) ? styled(dict_of(json, answer), objects) : plain_value(json);
}

PyObject *value_of(struct scitq_answer *answer, bool objects)
{
	const json_t *json = scitq_json(answer);
	size_t n = json_array_size(json);
	PyObject *list;

	if (json == NULL)
		Py_RETURN_NONE;
	if (!json_is_array(json))
		return row_of(json, answer, objects);
	list = PyList_New((Py_ssize_t)n);
	for (size_t i = 0; list != NULL && i < n; i++) {
		PyObject *row = row_of(json_array_get(json, i), answer, objects);

		if (row == NULL)
			Py_CLEAR(list);
		else
			PyList_SET_ITEM(list, (Py_ssize_t)i, row);
	}
	return list;
}

PyObject *raise_answer(struct scitq_answer *answer)
{
	const char *hint = scitq_hint(answer);
	PyObject *type = error_type, *error, *message;

	if (scitq_result(answer) == SCITQ_MEMORY)
		return PyErr_NoMemory();
	if (scitq_result(answer) == SCITQ_USAGE) {
		PyErr_SetString(PyExc_TypeError, scitq_error(answer));
		return NULL;
	}
	if (scitq_result(answer) == SCITQ_UNREACHABLE || scitq_result(answer) == SCITQ_CLOSED)
		type = unreachable_type;
	message = hint[0] ? PyUnicode_FromFormat("%s (%s)", scitq_error(answer), hint)
	                  : PyUnicode_FromString(scitq_error(answer));
	error = message ? PyObject_CallFunctionObjArgs(type, message, NULL) : NULL;
	Py_XDECREF(message);
	if (error != NULL) {
		PyObject *code = PyUnicode_FromString(scitq_code(answer));

		if (code != NULL && PyObject_SetAttrString(error, "code", code) == 0)
			PyErr_SetObject(type, error);
		Py_XDECREF(code);
		Py_DECREF(error);
	}
	return NULL;
}

PyObject *member_of(PyObject *row, const char *name)
{
	PyObject *key, *value;

	if (PyDict_Check(row)) {
		key = PyUnicode_FromString(name);
		value = key ? PyDict_GetItemWithError(row, key) : NULL;
		Py_XINCREF(value);
		Py_XDECREF(key);
		return value;
	}
	value = PyObject_GetAttrString(row, name);
	if (value == NULL && PyErr_ExceptionMatches(PyExc_AttributeError))
		PyErr_Clear();
	return value;
}
