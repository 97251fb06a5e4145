/*
 * Lists of tasks in a status that may be that of most: waiting, pending, succeeded. No
 * index has them, since every task would pay for it, and a walk along the primary key or
 * a batch takes long where they are few. Where what is known (known.h) tells where they
 * are they are found by their numbers. Of list.c.
 */
#ifndef SERVER_KNOWN_LIST_H
#define SERVER_KNOWN_LIST_H

#include "server/known.h"
#include "server/list.h"

/* Whether the list is one of those, and worth it. Outside transactions of the reader. */
bool known_list_begin(struct list *list, struct known_scan *scan);
/* In place of store_select(). */
enum store_result known_list_select(struct list *list, struct known_scan *scan, store_row *row,
                                    void *context);

#endif
