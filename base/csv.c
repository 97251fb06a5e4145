#include "base/csv.h"

#include <string.h>

char *csv_cell(char **p, bool *more)
{
	char *cell = *p, *to = *p, *from = *p;

	*more = false;
	if (*from != '"') {
		from = strchr(cell, ',');
		*more = from != NULL;
		*p = from ? from + 1 : cell + strlen(cell);
		if (from != NULL)
			*from = '\0';
		return cell;
	}
	for (from++; *from != '\0'; from++) {
		if (*from == '"' && from[1] == '"')
			from++;
		else if (*from == '"')
			break;
		*to++ = *from;
	}
	if (*from != '"' || (from[1] != ',' && from[1] != '\0'))
		return NULL;
	*more = from[1] == ',';
	*p = from + (*more ? 2 : 1);
	*to = '\0';
	return cell;
}
