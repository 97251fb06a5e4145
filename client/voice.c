#include "client/voice.h"

#include "base/str.h"

void voice_say(const struct voice *voice, const char *fmt, ...)
{
	struct str text = STR_INIT;
	va_list ap;

	if (voice->log == NULL)
		return;
	va_start(ap, fmt);
	str_vaddf(&text, fmt, ap);
	va_end(ap);
	/* There may be no memory for it. */
	if (text.len > 0)
		voice->log(voice->context, text.p);
	str_release(&text);
}
