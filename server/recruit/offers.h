/*
 * What providers offer: flavors, their metrics and regions, joined. Read from the
 * database by GET /flavor/ and by the recruiters, chosen from here by both.
 *
 * First come offers of preferred regions, then the cheaper ones, then those with the
 * lower rate of eviction; what has no price comes last. Bare metal and what is evicted
 * more often than 5 % are left out unless they are asked for.
 */
#ifndef SERVER_RECRUIT_OFFERS_H
#define SERVER_RECRUIT_OFFERS_H

#include "base/arena.h"
#include "base/map.h"
#include "base/vec.h"
#include "model/resources.h"
#include "server/recruit/protofilter.h"
#include "store/store.h"

/* Machines of a flavor in a region whose provider tells no quota: a mistake is not to cost a
   fortune. */
#define OFFER_UNTOLD_QUOTA 1000

struct offer {
	struct machine machine; /* all of name, provider and region are set */
	bool preferred;
};

struct offers {
	struct arena arena;
	VEC(struct offer) list;
	struct map places; /* "provider/region/name" -> place in the list */
};

void offers_init(struct offers *offers);
void offers_release(struct offers *offers);
/* Read them anew; by whoever owns the reader, which may be in a transaction. */
enum store_result offers_read(struct offers *offers, struct store_reader *reader);

/* The one of that name there; NULL: nobody offers it. Any of the three may be NULL. */
const struct offer *offers_find(const struct offers *offers, const char *provider,
                                const char *region, const char *name);

/* GPUs of a flavor: where only a kind or memory of them is told there is one; NaN: not known. */
double offers_gpus(const struct flavor *row);

struct wish {
	const struct wanted *wanted;
	const char *provider, *region;     /* NULL or auto: any */
	double min_cpu, min_ram, min_disk; /* NaN: any */
	double max_eviction;               /* NaN: 5, unless the filter speaks of it */
};

bool offer_fits(const struct offer *offer, const struct wish *wish);
/*
 * Who names flavor, provider and region is served even where nobody has told that it is offered:
 * that machine, of which nothing else is known. False where the wish leaves one of them open.
 */
bool offer_named(const struct wish *wish, struct offer *offer);
/* The order in which they are taken; for qsort() of pointers to offers. */
int offer_compare(const void *a, const void *b);

#endif
