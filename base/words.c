#include "base/words.h"

#include "base/str.h"
#include "base/vec.h"

#include <stdbool.h>
#include <string.h>

const char *words_error_text(enum words_error e)
{
	switch (e) {
	case WORDS_OK:
		return "no error";
	case WORDS_OPEN_SINGLE:
		return "unterminated single quote";
	case WORDS_OPEN_DOUBLE:
		return "unterminated double quote";
	case WORDS_TRAILING_BACKSLASH:
		return "backslash at the end";
	}
	return "unknown error";
}

/* Copy one double-quoted part; *p stands after its opening quote. */
static bool add_double_quoted(const char **p, struct str *word)
{
	for (; **p != '\0'; (*p)++) {
		if (**p == '"') {
			(*p)++;
			return true;
		}
		if (**p == '\\' && (*p)[1] != '\0' && strchr("$`\"\\\n", (*p)[1]) != NULL) {
			(*p)++;
			if (**p == '\n')
				continue;
		}
		str_addc(word, **p);
	}
	return false;
}

/* Copy one word; *p stands on its first character and ends on a blank or NUL. */
static enum words_error add_word(const char **p, struct str *word)
{
	while (**p != '\0' && strchr(" \t\n", **p) == NULL) {
		char c = *(*p)++;

		if (c == '\'') {
			const char *end = strchr(*p, '\'');

			if (end == NULL)
				return WORDS_OPEN_SINGLE;
			str_add(word, *p, (size_t)(end - *p));
			*p = end + 1;
		} else if (c == '"') {
			if (!add_double_quoted(p, word))
				return WORDS_OPEN_DOUBLE;
		} else if (c == '\\') {
			if (**p == '\0')
				return WORDS_TRAILING_BACKSLASH;
			if (**p != '\n')
				str_addc(word, **p);
			(*p)++;
		} else {
			str_addc(word, c);
		}
	}
	return WORDS_OK;
}

enum words_error words_split(const char *text, struct arena *arena, char ***words, size_t *n)
{
	VEC(char *) list = {0};
	struct str word = STR_INIT;
	enum words_error err = WORDS_OK;

	while (err == WORDS_OK) {
		text += strspn(text, " \t\n");
		if (*text == '\0')
			break;
		str_reset(&word);
		err = add_word(&text, &word);
		if (err == WORDS_OK)
			vec_push(&list, arena_strndup(arena, word.p, word.len));
	}
	*words = arena_array(arena, char *, list.n + 1);
	if (list.n > 0)
		memcpy(*words, list.v, list.n * sizeof(*list.v));
	*n = list.n;
	vec_release(&list);
	str_release(&word);
	return err;
}
