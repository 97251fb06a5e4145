#include "stage/scheme.h"

#include "stage/fault.h"
#include "stage/rclone.h"

#include <string.h>

/* To add a scheme: a row here, its functions beside local.c, remote.c and cloud.c. */
static const struct scheme schemes[] = {
        {"file", local_get, local_list, local_put, local_remove, true},
        {"http", remote_get, remote_list, NULL, NULL, false},
        {"https", remote_get, remote_list, NULL, NULL, false},
        {"ftp", cloud_get, cloud_list, cloud_put, cloud_remove, true},
        {"run+fastq", fastq_get, fastq_list, NULL, NULL, false},
        {"run+submitted", fastq_get, fastq_list, NULL, NULL, false},
};

/* Every remote that rclone knows. */
static const struct scheme remotes = {"", cloud_get, cloud_list, cloud_put, cloud_remove, true};

static bool is_remote(const char *name)
{
	struct arena arena;
	bool is;

	arena_init(&arena);
	is = rclone_remote(name, &arena) != NULL;
	arena_release(&arena);
	return is;
}

static const struct scheme *find(const char *name)
{
	for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++)
		if (strcmp(schemes[i].name, name) == 0)
			return &schemes[i];
	return is_remote(name) ? &remotes : NULL;
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
		*r = fault(error, STAGE_BAD_URI, uri->text,
		           "no transport for scheme %s, and no remote of "
		           "rclone is called so",
		           uri->scheme);
	return row;
}
