/* Prints lib.pyi, what type checkers and editors know of scitq.lib, from the table of functions. */
#include "client/calls.h"

#include <stdio.h>
#include <string.h>

static bool is_one_of(const char *name, size_t len, const char *const *words)
{
	for (; *words != NULL; words++) {
		if (strlen(*words) == len && memcmp(name, *words, len) == 0)
			return true;
	}
	return false;
}

static bool ends_with(const struct call_argument *a, const char *end)
{
	size_t n = strlen(end);

	return a->len >= n && memcmp(a->name + a->len - n, end, n) == 0;
}

/* Of arguments that are no field of the function's rows. */
static const char *type_of_name(const struct call_argument *a)
{
	static const char *const integers[] = {
	        "limit", "after", "number",          "concurrency",    "prefetch", "signal",
	        "rank",  "trunc", "output_position", "error_position", NULL};
	static const char *const flags[] = {"reverse", "no_output", "detached", NULL};
	static const char *const outputs[] = {"output", "error", NULL};
	static const char *const reals[] = {"min_cpu",      "min_ram", "min_disk",
	                                    "max_eviction", "memory",  NULL};

	if (is_one_of(a->name, a->len, integers))
		return "int";
	if (is_one_of(a->name, a->len, flags) || is_one_of(a->name, a->len, outputs))
		return "bool";
	return is_one_of(a->name, a->len, reals) ? "float" : "str";
}

static const char *type_of(const struct call_row *row, const struct call_argument *a)
{
	static const char *const lists[] = {"input", "resource", NULL};
	static const char *const shell[] = {"shell", NULL};

	if (ends_with(a, "_ids"))
		return "Iterable[_Row]";
	/* Lists may be narrowed to several; boot_id is a text. */
	if (ends_with(a, "_id") && (a->field == NULL || a->field->kind == KIND_INT))
		return call_is_read(row) && !a->needed ? "_Row | Iterable[_Row]" : "_Row";
	if (is_one_of(a->name, a->len, shell))
		return "bool | str";
	if (is_one_of(a->name, a->len, lists))
		return "str | list[str] | tuple[str, ...] | set[str]";
	if (a->field == NULL)
		return type_of_name(a);
	switch (a->field->kind) {
	case KIND_INT:
		return "int";
	case KIND_REAL:
		return "float";
	case KIND_BOOL:
		return "bool";
	case KIND_DATE:
		return "datetime";
	case KIND_INTS:
		return "list[int]";
	case KIND_TEXT:
	case KIND_TASK_STATUS:
	case KIND_EXECUTION_STATUS:
	case KIND_WORKER_STATUS:
	case KIND_JOB_STATUS:
	case KIND_RUN_STATUS:
		break;
	}
	return "str";
}

static void print_function(const struct call_row *row)
{
	static const char *const gives[] = {
	        [GIVES_ONE] = "Any", [GIVES_LIST] = "list[Any]", [GIVES_ANY] = "Any"};
	struct call_argument a;
	bool optional = false;

	printf("    def %s(self", row->name);
	for (unsigned i = 0; call_argument(row, i, &a); i++) {
		/* Python wants none without a default behind one that has it. */
		optional |= !a.needed;
		printf(", %.*s: %s%s", (int)a.len, a.name, type_of(row, &a),
		       optional ? " | None = ..." : "");
	}
	printf(") -> %s:\n        \"\"\"%s\"\"\"\n", gives[row->gives], row->help);
}

int main(void)
{
	puts("from collections.abc import Callable, Iterable, Iterator\n"
	     "from datetime import datetime\n"
	     "from os import PathLike\n"
	     "from typing import Any, Literal, TypeAlias, TypeVar, final\n\n"
	     "# A number, or the dict or object of which it is the number, lazy or not.\n"
	     "_Row: TypeAlias = Any\n"
	     "_Path: TypeAlias = str | PathLike[str] | None\n"
	     "_S = TypeVar(\"_S\", bound=Server)\n\n"
	     "class ScitqError(RuntimeError):\n"
	     "    code: str\n\n"
	     "class Unreachable(ScitqError, ConnectionError): ...\n\n"
	     "# The dict or object that the server will have answered.\n"
	     "@final\n"
	     "class Lazy:\n"
	     "    def __getattribute__(self, name: str) -> Any: ...\n"
	     "    def __setattr__(self, name: str, value: Any) -> None: ...\n"
	     "    def __getitem__(self, key: Any) -> Any: ...\n"
	     "    def __setitem__(self, key: Any, value: Any) -> None: ...\n"
	     "    def __delitem__(self, key: Any) -> None: ...\n"
	     "    def __contains__(self, item: Any) -> bool: ...\n"
	     "    def __iter__(self) -> Iterator[Any]: ...\n"
	     "    def __len__(self) -> int: ...\n"
	     "    def __bool__(self) -> bool: ...\n\n"
	     "class Server:\n"
	     "    def __init__(self, address: str | None = ..., style: Literal[\"dict\", "
	     "\"object\"] = ...,\n"
	     "                 asynchronous: bool = ..., put_timeout: float = ..., get_timeout: "
	     "float = ...,\n"
	     "                 token: str | None = ..., ca: _Path = ..., spool: _Path = ...) -> "
	     "None: ...\n"
	     "    @property\n"
	     "    def pending(self) -> int: ...\n"
	     "    def __enter__(self: _S) -> _S: ...\n"
	     "    def __exit__(self, *what: object) -> Literal[False]: ...\n"
	     "    def join(self, tasks: Iterable[_Row], retry: int = ..., check: bool = ...,\n"
	     "             progress: Callable[[Any], object] | None = ...) -> Any: ...\n"
	     "    def flush(self, timeout: float | None = ...) -> int: ...\n"
	     "    def close(self) -> int: ...");
	for (int i = 0; i < CALL_COUNT; i++)
		print_function(call_row((enum call_number)i));
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
