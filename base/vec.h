/*
 * A growable array as a struct of its own type:
 *
 *	struct { struct node **v; size_t n, cap; } nodes = {0};
 *	vec_push(&nodes, node);
 *	for (size_t i = 0; i < nodes.n; i++) use(nodes.v[i]);
 *	vec_release(&nodes);
 */
#ifndef BASE_VEC_H
#define BASE_VEC_H

#include "base/alloc.h"

#include <stddef.h>
#include <stdlib.h>

#define VEC(type)                                                                                  \
	struct {                                                                                   \
		type *v;                                                                           \
		size_t n, cap;                                                                     \
	}

#define vec_reserve(x, want)                                                                       \
	do {                                                                                       \
		if ((x)->cap < (want)) {                                                           \
			const size_t vec_cap_ = (x)->cap * 2 > (want) ? (x)->cap * 2 : (want);     \
			void *const vec_v_ = xreallocarray((x)->v, vec_cap_, sizeof(*(x)->v));     \
			if (vec_v_ != NULL) {                                                      \
				(x)->v = vec_v_;                                                   \
				(x)->cap = vec_cap_;                                               \
			}                                                                          \
		}                                                                                  \
	} while (0)

#define vec_push(x, value)                                                                         \
	do {                                                                                       \
		if ((x)->n == (x)->cap)                                                            \
			vec_reserve((x), (x)->n ? (x)->n * 2 : 8);                                 \
		/* Full where there is no memory, and that is tolerated (alloc.h). */              \
		if ((x)->n < (x)->cap)                                                             \
			(x)->v[(x)->n++] = (value);                                                \
	} while (0)

#define vec_release(x)                                                                             \
	do {                                                                                       \
		free((x)->v);                                                                      \
		(x)->v = NULL;                                                                     \
		(x)->n = (x)->cap = 0;                                                             \
	} while (0)

#endif
