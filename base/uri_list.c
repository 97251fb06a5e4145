#include "base/uri_list.h"

#include <string.h>

#define BLANKS " \t\n"

/* One quoted word; *text stands on the quote and ends behind the closing one. */
static bool split_quoted(const char **text, struct str *word, const char **error)
{
	char quote = *(*text)++;

	while (**text != quote) {
		if (quote == '"' && **text == '\\' && ((*text)[1] == '"' || (*text)[1] == '\\'))
			(*text)++;
		if (**text == '\0') {
			*error = quote == '"' ? "unterminated double quote"
			                      : "unterminated single quote";
			return false;
		}
		str_addc(word, *(*text)++);
	}
	(*text)++;
	if (**text != '\0' && strchr(BLANKS, **text) == NULL) {
		*error = "text behind a closing quote";
		return false;
	}
	return true;
}

static void split_plain(const char **text, struct str *word)
{
	while (**text != '\0' && strchr(BLANKS, **text) == NULL) {
		if (**text == '\\' && (*text)[1] != '\0' && strchr(BLANKS, (*text)[1]) != NULL)
			(*text)++;
		str_addc(word, *(*text)++);
	}
}

bool uri_list_split(struct arena *arena, const char *list, char ***uris, size_t *n,
                    const char **error)
{
	struct str word = STR_INIT;
	size_t most = 1; /* words and the NULL: no more than blanks + 2 */
	bool ok = true;

	for (const char *p = list; *p != '\0'; p++)
		most += strchr(BLANKS, *p) != NULL;
	*uris = arena_array(arena, char *, most + 1);
	*n = 0;
	*error = NULL;
	while (ok && *(list += strspn(list, BLANKS)) != '\0') {
		str_reset(&word);
		if (*list == '\'' || *list == '"')
			ok = split_quoted(&list, &word, error);
		else
			split_plain(&list, &word);
		if (ok)
			(*uris)[(*n)++] = arena_strndup(arena, word.p, word.len);
	}
	str_release(&word);
	return ok;
}

void uri_list_add(struct str *list, const char *uri)
{
	size_t n = strlen(uri);

	if (list->len > 0)
		str_addc(list, ' ');
	if (n > 0 && strchr("'\"", uri[0]) == NULL && uri[n - 1] != '\\' &&
	    uri[strcspn(uri, BLANKS)] == '\0') {
		str_adds(list, uri);
		return;
	}
	str_addc(list, '"');
	for (; *uri != '\0'; uri++) {
		if (*uri == '"' || *uri == '\\')
			str_addc(list, '\\');
		str_addc(list, *uri);
	}
	str_addc(list, '"');
}
