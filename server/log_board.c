#include "server/log_board.h"

#include "base/alloc.h"
#include "base/map.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

struct log_board {
	pthread_mutex_t lock;
	struct map watches; /* by the bytes of the execution's number, which stand in the watch */
	atomic_uint used;
};

struct log_board *log_board_new(void)
{
	struct log_board *board = xcalloc(1, sizeof(*board));

	pthread_mutex_init(&board->lock, NULL);
	return board;
}

void log_board_free(struct log_board *board)
{
	if (board == NULL)
		return;
	assert(atomic_load(&board->used) == 0);
	map_release(&board->watches);
	pthread_mutex_destroy(&board->lock);
	free(board);
}

/* Under the lock. */
static struct log_watch *find(struct log_board *board, uint32_t execution)
{
	uint64_t *place = map_get(&board->watches, (const char *)&execution, sizeof(execution));

	return place ? (struct log_watch *)(uintptr_t)*place : NULL;
}

struct log_watch *log_watch(struct log_board *board, uint32_t execution)
{
	struct log_watch *watch;
	bool is_new;

	pthread_mutex_lock(&board->lock);
	watch = find(board, execution);
	if (watch == NULL) {
		watch = xcalloc(1, sizeof(*watch));
		watch->execution = execution;
		*map_put(&board->watches, (const char *)&watch->execution, sizeof(watch->execution),
		         &is_new) = (uint64_t)(uintptr_t)watch;
	}
	watch->users++;
	atomic_fetch_add(&board->used, 1);
	pthread_mutex_unlock(&board->lock);
	return watch;
}

void log_unwatch(struct log_board *board, struct log_watch *watch)
{
	pthread_mutex_lock(&board->lock);
	atomic_fetch_sub(&board->used, 1);
	if (--watch->users == 0) {
		map_delete(&board->watches, (const char *)&watch->execution,
		           sizeof(watch->execution));
		free(watch);
	}
	pthread_mutex_unlock(&board->lock);
}

void log_watch_length(struct log_watch *watch, int stream, int64_t length)
{
	int_least64_t known = atomic_load(&watch->length[stream]);

	while (known < length &&
	       !atomic_compare_exchange_weak(&watch->length[stream], &known, length))
		continue;
}

bool log_board_used(struct log_board *board)
{
	return atomic_load(&board->used) > 0;
}

bool log_board_grown(struct log_board *board, uint32_t execution, int stream, int64_t length)
{
	struct log_watch *watch;

	pthread_mutex_lock(&board->lock);
	watch = find(board, execution);
	if (watch != NULL)
		log_watch_length(watch, stream, length);
	pthread_mutex_unlock(&board->lock);
	return watch != NULL;
}

bool log_board_ended(struct log_board *board, uint32_t execution)
{
	struct log_watch *watch;

	pthread_mutex_lock(&board->lock);
	watch = find(board, execution);
	if (watch != NULL)
		atomic_store(&watch->ended, true);
	pthread_mutex_unlock(&board->lock);
	return watch != NULL;
}
