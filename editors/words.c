#include "editors/words.h"

#include <stdio.h>
#include <string.h>

void print_words(enum word_kind kind, const char *separator)
{
	for (size_t i = 0, n = 0; i < nwords; i++) {
		if (words[i].kind == kind)
			printf("%s%s", n++ > 0 ? separator : "", words[i].text);
	}
}

void print_settings(const char *separator)
{
	for (size_t i = 0, n = 0; i < nattrs; i++) {
		size_t first = 0;

		while (strcmp(attrs[first].key, attrs[i].key) != 0)
			first++;
		if (first == i && !(attrs[i].homes & ATTR_FLAVOR))
			printf("%s%s", n++ > 0 ? separator : "", attrs[i].key);
	}
}
