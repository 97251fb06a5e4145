#include "server/logs.h"

#include "server/news.h"
#include "store/store.h"

#include <string.h>

bool log_stream(const char *word, bool *is_error, struct problem *problem)
{
	*is_error = strcmp(word, "stderr") == 0;
	return *is_error || strcmp(word, "stdout") == 0 ||
	       problem_set(problem, PROBLEM_BAD_VALUE, "stream is \"%.40s\", not stdout or stderr",
	                   word);
}

static int64_t *known(struct execution_node *execution, bool is_error)
{
	if (execution == NULL)
		return NULL;
	return is_error ? &execution->stderr_length : &execution->stdout_length;
}

int64_t log_length(struct core *core, struct execution_node *execution, int64_t id, bool is_error)
{
	int64_t *length = known(execution, is_error);
	int64_t n = 0;

	if (length != NULL && *length >= 0)
		return *length;
	if (core->group_failed)
		return -1;
	if (store_log_length(store_own(core->store), id, is_error ? STORE_STDERR : STORE_STDOUT,
	                     &n) != STORE_OK) {
		core_failed(core, "the length of a log cannot be read");
		return -1;
	}
	if (length != NULL)
		*length = n;
	return n;
}

static enum log_append appended(struct core *core, struct execution_node *execution, int64_t id,
                                bool is_error, enum store_result result, int64_t length)
{
	int64_t *cached = known(execution, is_error);

	if (result != STORE_OK && result != STORE_GAP && result != STORE_CONFLICT) {
		core_failed(core, store_error(core->store));
		return LOG_GROUP_FAILED;
	}
	if (cached != NULL)
		*cached = length;
	if (result == STORE_OK)
		news_log(core, (uint32_t)id, is_error, length);
	return result == STORE_OK ? LOG_STORED : result == STORE_GAP ? LOG_GAP : LOG_DIFFERENT;
}

enum log_append log_append(struct core *core, struct execution_node *execution, int64_t id,
                           bool is_error, int64_t offset, const char *data, size_t len,
                           int64_t *length)
{
	enum store_result result;

	if (!core_write_log(core))
		return LOG_GROUP_FAILED;
	result = store_log_append(core->store, id, is_error ? STORE_STDERR : STORE_STDOUT, offset,
	                          data, len, length);
	return appended(core, execution, id, is_error, result, *length);
}

enum log_append log_append_put(struct core *core, struct execution_node *execution, int64_t id,
                               bool is_error, int64_t offset, size_t len, int64_t *length)
{
	enum store_result result;

	if (!core_write_log(core))
		return LOG_GROUP_FAILED;
	result = store_log_append_put(core->store, id, is_error ? STORE_STDERR : STORE_STDOUT,
	                              offset, len, length);
	return appended(core, execution, id, is_error, result, *length);
}
