/*
 * Who hires workers elsewhere, and what of this machine those do not see: a folder that is neither
 * below a directory of options.shared nor on a filesystem of the network. Private to compiler/.
 */
#ifndef COMPILER_REACH_H
#define COMPILER_REACH_H

#include "compiler/compilation.h"
#include "compiler/node.h"

/* The provider, not this machine, that makes workers for the entry (NULL: for a step without any);
   NULL: nobody. */
const char *reach_provider(const struct compilation *c, const struct hire *h);
/* The path of a URI that workers elsewhere do not see; NULL: they do. In the arena. */
const char *reach_hidden(const struct compilation *c, const char *uri, struct arena *arena);

/* Of every task what it writes, and with options.recruit what it takes; after emit. */
void reach_check(struct compilation *c);

#endif
