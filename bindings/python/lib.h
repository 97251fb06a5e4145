/*
 * The parts of the module scitq.lib: values (convert.c), answers that are still to come (lazy.c),
 * the functions of a Server (function.c), the Server itself (server.c), the module (module.c).
 */
#ifndef SCITQ_PYTHON_LIB_H
#define SCITQ_PYTHON_LIB_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <scitq.h>

/* A server of the library, and how many calls are in it: the last one that leaves it when it was
 * closed frees it. All under the GIL. */
struct opened {
	struct scitq *s;
	size_t users;
	bool closing;
};

typedef struct server {
	PyObject_HEAD struct opened *opened; /* NULL: closed */
	bool objects;                        /* rows are argparse.Namespace rather than dict */
	bool spools;
	struct server *next, *previous; /* of those that are open, for the end of the interpreter */
} Server;

extern PyTypeObject server_type, lazy_type, function_type;

/* Set by module.c once; the interpreter's own for as long as it lives. */
extern PyObject *error_type, *unreachable_type, *namespace_type, *logger;

/* convert.c: new references; NULL with the exception set. */

/* A value of Python as JSON. */
json_t *json_of(PyObject *value);
/* The elements as a tuple, which nobody changes meanwhile; TypeError with `message` for what is no
 * list but one row or text. */
PyObject *items_of(PyObject *value, const char *message);
/* The dict, whose reference is taken and which may be NULL, in that style. */
PyObject *styled(PyObject *dict, bool objects);
/* What the answer says, in the style of the server. */
PyObject *value_of(struct scitq_answer *answer, bool objects);
/* Raise what went wrong with the answer; always NULL. */
PyObject *raise_answer(struct scitq_answer *answer);
/* Member or attribute `name` of a row; NULL without an exception where it has none. */
PyObject *member_of(PyObject *row, const char *name);
bool convert_init(void);

/* lazy.c */

/* Takes the reference to the answer. */
PyObject *lazy_new(struct scitq_answer *answer, bool objects);
/* The answer where `value` is one that is still to come, borrowed; else NULL. */
struct scitq_answer *lazy_answer(PyObject *value);
/* Wait until it is there, without the GIL and with an eye on signals. False with the exception set.
 */
bool answer_wait(struct scitq_answer *answer);
/* What a lazy object stands for, borrowed; others are themselves. NULL with the exception set. */
PyObject *lazy_value(PyObject *value);

/* function.c */

/* One for each function of the library, put into the dictionary of the type. */
bool functions_add(PyTypeObject *type);

/* server.c */

/* To call it without the GIL; NULL with the exception set where it is closed. */
struct opened *server_enter(const Server *server);
/* The value of what was called, or NULL with the exception set; the answer is given up. */
PyObject *server_leave(struct opened *o, struct scitq_answer *answer, bool objects);
/* Send what is queued by all that are open, and close them. */
void servers_close_all(void);

#endif
