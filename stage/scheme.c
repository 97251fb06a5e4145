#include "stage/scheme.h"

#include "stage/fault.h"

#include <string.h>

/*
 * To add a scheme: a row here, its functions beside local.c and remote.c. ftp has
 * no listing: libcurl knows the size of a file, directories come in many dialects.
 */
static const struct scheme schemes[] = {
        {"file", local_get, local_list, local_put},
        {"http", remote_get, remote_list, NULL},
        {"https", remote_get, remote_list, NULL},
        {"ftp", remote_get, remote_list, NULL},
};

static const struct scheme *find(const char *name)
{
	for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++)
		if (strcmp(schemes[i].name, name) == 0)
			return &schemes[i];
	return NULL;
}

bool uri_scheme_known(const char *scheme)
{
	return find(scheme) != NULL;
}

const struct scheme *scheme_find(const struct uri *uri, struct str *error, enum stage_result *r)
{
	const struct scheme *row = find(uri->scheme);

	*r = STAGE_OK;
	if (row == NULL)
		*r = fault(error, STAGE_BAD_URI, uri->text, "no transport for scheme %s",
		           uri->scheme);
	return row;
}
