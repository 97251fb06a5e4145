/* scitq-server. */
#include "cli/operate.h"

int main(int argc, char **argv)
{
	return operate_main(argc, argv);
}
