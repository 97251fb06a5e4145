#include "base/state_dir.h"

#include <stdlib.h>

bool state_dir_default(struct str *path)
{
	const char *xdg = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

	if (xdg != NULL && *xdg == '/')
		str_addf(path, "%s/scitq", xdg);
	else if (home != NULL && *home == '/')
		str_addf(path, "%s/.local/state/scitq", home);
	else
		return false;
	return true;
}
