/* What a container engine has under the name of an image. */
#ifndef CLI_IMAGE_H
#define CLI_IMAGE_H

#include "base/engine.h"

/* Appends its digest in the registry that it came from; false where there is no such image. */
bool image_digest(const struct engine *engine, const char *image, struct str *digest);
/* On this machine, or in its registry, which is asked. */
bool image_is_there(const struct engine *engine, const char *image);

#endif
