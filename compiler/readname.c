#include "compiler/readname.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Where the last extension begins; n where there is none. One of digits alone is none. */
static size_t extension(const char *name, size_t n)
{
	size_t dot = n;

	while (dot > 0 && name[dot - 1] != '.')
		dot--;
	/* Not a leading dot, and something behind it that begins with a letter. */
	if (dot <= 1 || dot == n || !isalpha((unsigned char)name[dot]))
		return n;
	return dot - 1;
}

static size_t stem_length(const char *name, size_t n)
{
	static const char *const packed[] = {".gz", ".bz2", ".xz", ".zst"};

	for (size_t i = 0; i < sizeof(packed) / sizeof(*packed); i++) {
		size_t len = strlen(packed[i]);

		if (n > len && strncasecmp(name + n - len, packed[i], len) == 0)
			return extension(name, n - len);
	}
	return extension(name, n);
}

/* The length without a tail of `letter` (0: none) and digits, before which a separator stands. */
static size_t without(const char *name, size_t n, const char *separators, const char *letters,
                      size_t fewest, size_t most)
{
	size_t at = n, digits;

	while (at > 0 && is_digit(name[at - 1]))
		at--;
	digits = n - at;
	if (digits < fewest || digits > most)
		return n;
	if (letters[0] != '\0' && (at == 0 || strchr(letters, name[--at]) == NULL))
		return n;
	if (at < 2 || strchr(separators, name[at - 1]) == NULL)
		return n;
	return at - 1;
}

/* The number of a read with its letter: _R1, .r2; with `tail`, _I1 too. */
static size_t without_read(const char *name, size_t n, bool tail)
{
	size_t shorter = without(name, n, "_.-", tail ? "RI" : "Rr", 1, 1);

	return shorter < n && strchr(tail ? "123" : "12", name[n - 1]) != NULL ? shorter : n;
}

struct readname readname_parse(const char *name, size_t n)
{
	struct readname r = {.stem = stem_length(name, n)};
	size_t tail = without(name, r.stem, "_", "", 3, 3), read;

	r.library = r.sample = r.stem;
	read = tail < r.stem ? without_read(name, tail, true) : tail;
	if (read < tail) {
		/* NAME_S1_L001_R1_001: as bcl2fastq writes it, with or without the lane. */
		r.library = without(name, read, "_", "L", 3, 3);
		r.sample = without(name, r.library, "_", "S", 1, 9);
		return r;
	}
	read = without_read(name, r.stem, false);
	if (read < r.stem) {
		r.library = r.sample = without(name, read, "_", "L", 3, 3);
		return r;
	}
	read = without(name, r.stem, "_.", "", 1, 1);
	if (read < r.stem && (name[r.stem - 1] == '1' || name[r.stem - 1] == '2')) {
		r.bare = true;
		r.mate = r.stem - 1;
	}
	return r;
}
