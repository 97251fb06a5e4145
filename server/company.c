#include "server/company.h"

#include <string.h>

static void drop(struct company *c, size_t i)
{
	free(c->list.v[i].who);
	c->list.v[i] = c->list.v[--c->list.n];
}

void company_release(struct company *c)
{
	while (c->list.n > 0)
		drop(c, c->list.n - 1);
	vec_release(&c->list);
}

static struct follower_name *find(struct company *c, const char *who)
{
	for (size_t i = 0; i < c->list.n; i++) {
		if (strcmp(c->list.v[i].who, who) == 0)
			return &c->list.v[i];
	}
	return NULL;
}

size_t company_count(struct company *c, int64_t now_ns)
{
	size_t there = 0;

	for (size_t i = c->list.n; i-- > 0;) {
		if (c->list.v[i].until_ns < now_ns)
			drop(c, i);
		else
			there += !c->list.v[i].left;
	}
	return there;
}

bool company_note(struct company *c, const char *who, int64_t now_ns, int64_t until_ns)
{
	struct follower_name *known = find(c, who), new;

	if (known != NULL) {
		if (!known->left)
			known->until_ns = until_ns;
		return true;
	}
	if (company_count(c, now_ns) >= COMPANY_MOST)
		return false;
	new = (struct follower_name){xstrdup(who), until_ns, false};
	vec_push(&c->list, new);
	return true;
}

void company_leave(struct company *c, const char *who, int64_t until_ns)
{
	struct follower_name *known = find(c, who);

	/* Nobody has to be remembered for ever, nor any number of them. */
	if (known == NULL && c->list.n < 2 * COMPANY_MOST) {
		vec_push(&c->list, ((struct follower_name){xstrdup(who), until_ns, true}));
	} else if (known != NULL) {
		known->until_ns = until_ns;
		known->left = true;
	}
}

bool company_has_left(struct company *c, const char *who)
{
	const struct follower_name *known = find(c, who);

	return known != NULL && known->left;
}
