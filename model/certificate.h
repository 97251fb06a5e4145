/*
 * A certificate that a server makes for itself: who is to trust it is given the certificate. The
 * second user of libcrypto.
 */
#ifndef MODEL_CERTIFICATE_H
#define MODEL_CERTIFICATE_H

#include "base/str.h"

#include <stdbool.h>

/*
 * Write a new P-256 key (0600) and a certificate (0644) for the host, a name or an address, that is
 * valid for ten years; PEM. Where both files are there nothing is done. False with a sentence in
 * *error.
 */
bool certificate_make(const char *host, const char *cert_path, const char *key_path,
                      struct str *error);

#endif
