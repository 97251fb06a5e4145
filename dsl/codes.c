#include "dsl/codes.h"

#include <strings.h>

const struct diag_code diag_codes[CODES] = {
#define CODE(id, severity, title, explain) [id] = {#id, SEVERITY_##severity, title, explain},
#include "dsl/codes.def"
#undef CODE
};

const struct diag_code *diag_code_find(const char *text)
{
	for (size_t i = 0; i < CODES; i++) {
		if (strcasecmp(diag_codes[i].code, text) == 0)
			return &diag_codes[i];
	}
	return NULL;
}
