#include "worker/join.h"

#include "base/fd.h"
#include "model/digest.h"
#include "model/join.h"

#include <string.h>

#define OWN_DIGITS 48

/* "TOKEN DIGEST": what was made for the join token of that digest. */
static bool read_own(struct options *o, const char *path, const char *digest)
{
	struct str text = STR_INIT;
	size_t len;
	bool ours;

	if (file_read(path, &text) != 0)
		str_reset(&text);
	len = strcspn(text.p, " ");
	ours = len == OWN_DIGITS && strncmp(text.p + len, " ", 1) == 0 &&
	       strncmp(text.p + len + 1, digest, DIGEST_TEXT_SIZE - 1) == 0;
	if (ours)
		str_add(&o->own, text.p, len);
	explicit_bzero(text.p, text.len);
	str_release(&text);
	return ours;
}

bool join_prepare(struct options *o, const struct log *log)
{
	char digest[DIGEST_TEXT_SIZE], own[OWN_DIGITS + 1];
	struct str path = STR_INIT, text = STR_INIT;
	int err = 0;

	str_reset(&o->own);
	if (o->private_mode || o->v1 || !token_is_for_joining(o->token.p))
		return true;
	str_addf(&path, "%s/token", o->work.p);
	digest_bytes(o->token.p, o->token.len, digest);
	if (!read_own(o, path.p, digest)) {
		random_hex(own, OWN_DIGITS);
		str_adds(&o->own, own);
		str_addf(&text, "%s %s\n", own, digest);
		err = file_replace(path.p, text.p, text.len, 0600);
		explicit_bzero(own, sizeof(own));
		explicit_bzero(text.p, text.len);
	}
	if (err != 0)
		log_error(log, "cannot write %s: %s", path.p, strerror(-err));
	str_release(&path);
	str_release(&text);
	return err == 0;
}
