/*
 * scitq: the commands of commands.c. As `scitq-server` and `scitq-worker` it is that: the private
 * server and worker that it starts.
 */
#include "cli/command.h"
#include "cli/io.h"
#include "cli/operate.h"
#include "runtime/session.h"
#include "worker/worker.h"

#include <string.h>

int main(int argc, char **argv)
{
	if (!io_fill_descriptors())
		return EXIT_CODE_INFRASTRUCTURE;
	if (argc > 0 && strcmp(argv[0], "scitq-server") == 0)
		return operate_main(argc, argv);
	if (argc > 0 && strcmp(argv[0], "scitq-worker") == 0)
		return worker_main(argc, argv);
	return command_main(argc, argv);
}
