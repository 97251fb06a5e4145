/* The lines that the library has for a person: options.log of scitq.h. */
#ifndef CLIENT_VOICE_H
#define CLIENT_VOICE_H

struct voice {
	void (*log)(void *context, const char *message); /* NULL: nobody listens */
	void *context;
};

void voice_say(const struct voice *voice, const char *fmt, ...)
        __attribute__((format(printf, 2, 3)));

#endif
