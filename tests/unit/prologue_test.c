/* The values and the text of a command, read back. */
#include "base/str.h"
#include "compiler/prologue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define TRAP                                                                                       \
	"set -E; trap \"echo \\$((LINENO + $((6 - LINENO)))) > "                                   \
	"\\\"\\${SCITQ_LINE:-/dev/null}\\\"\" ERR"

static void read(const char *command, const char *text, const char *values)
{
	struct prologue p;
	struct arena arena;
	struct str all = STR_INIT;

	arena_init(&arena);
	prologue_read(command, &arena, &p);
	assert_string_equal(p.text, text);
	for (size_t i = 0; i < p.nvalues; i++)
		str_addf(&all, "%s=%s|%s\n", p.values[i].name,
		         p.values[i].text != NULL ? p.values[i].text : "(list)",
		         p.values[i].assignment);
	assert_string_equal(all.p, values);
	str_release(&all);
	arena_release(&arena);
}

static void with_values(void **state)
{
	(void)state;
	read(TRAP "; export i='2'; y=('a b' 'c'\\''d'); e=()\necho $i\n", "echo $i\n",
	     "i=2|export i='2'\ny=(list)|y=('a b' 'c'\\''d')\ne=(list)|e=()\n");
	read("export who='it'\\''s'\ntrue", "true", "who=it's|export who='it'\\''s'\n");
	read(TRAP "; export two='a\nb'\ntrue", "true", "two=a\nb|export two='a\nb'\n");
	read("export a=''; export b=''''\\''\nx", "export a=''; export b=''''\\''\nx", "");
}

static void without_values(void **state)
{
	(void)state;
	read("", "", "");
	read("echo hello", "echo hello", "");
	read(TRAP "\necho hello", "echo hello", "");
	/* Of a person's own text nothing is taken for a value that no compiler writes so. */
	read("export a=b\ntrue", "export a=b\ntrue", "");
	read("export a='b' c='d'\ntrue", "export a='b' c='d'\ntrue", "");
	read("export a='b", "export a='b", "");
	read("a=(x)\ntrue", "a=(x)\ntrue", "");
	read("a=('x'", "a=('x'", "");
	read("export a='b'; ", "export a='b'; ", "");
	read("set -E; trap \"", "set -E; trap \"", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(with_values),
	        cmocka_unit_test(without_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
