/* scitq: the commands of commands.c. */
#include "cli/command.h"
#include "cli/io.h"
#include "runtime/session.h"

int main(int argc, char **argv)
{
	return io_fill_descriptors() ? command_main(argc, argv) : EXIT_CODE_INFRASTRUCTURE;
}
