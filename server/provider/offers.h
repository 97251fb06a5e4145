/* What a provider offers, as rows: flavor, region and flavor_metrics. watch.c is the user. */
#ifndef SERVER_PROVIDER_OFFERS_H
#define SERVER_PROVIDER_OFFERS_H

#include "server/core_inside.h"

/*
 * The rows of the provider become what it says: an object with the arrays regions, flavors and
 * metrics (docs/providers.md). A region about which it does not say whether it is preferred stays
 * as it was. What cannot be read is left out, and logged. False: the group failed.
 */
bool offers_write(struct core *core, const char *provider, json_t *offers);

#endif
