/*
 * The parts of the module scitq.lib: values (convert.c), answers that are still to come (lazy.c),
 * the functions of a Server (function.c), the Server itself (server.c), the module (module.c).
 */
#ifndef SCITQ_PYTHON_LIB_H
#define SCITQ_PYTHON_LIB_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <scitq.h>

typedef struct server {
	PyObject_HEAD struct scitq *s; /* NULL: closed */
	bool objects;                  /* rows are argparse.Namespace rather than dict */
	bool spools;
	struct server *next, *previous; /* of those that are open, for the end of the interpreter */
} Server;

extern PyTypeObject server_type, lazy_type, function_type;

/* Set by module.c once; the interpreter's own for as long as it lives. */
extern PyObject *error_type, *unreachable_type, *namespace_type, *logger;

/* convert.c: new references; NULL with the exception set. */

/* A value of Python as JSON. */
json_t *json_of(PyObject *value);
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

/* False with the exception set where it is closed. */
bool server_is_open(const Server *server);
/* Send what is queued by all that are open, and close them. */
void servers_close_all(void);

#endif
