#include "server/logs.h"

#include "server/news.h"
#include "store/store.h"

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

enum log_append log_append(struct core *core, struct execution_node *execution, int64_t id,
                           bool is_error, int64_t offset, const char *data, size_t len,
                           int64_t *length)
{
	int64_t *cached = known(execution, is_error);
	enum log_append answer = LOG_GROUP_FAILED;

	if (!core_write_log(core))
		return LOG_GROUP_FAILED;
	switch (store_log_append(core->store, id, is_error ? STORE_STDERR : STORE_STDOUT, offset,
	                         data, len, length)) {
	case STORE_OK:
		answer = LOG_STORED;
		break;
	case STORE_GAP:
		answer = LOG_GAP;
		break;
	case STORE_CONFLICT:
		answer = LOG_DIFFERENT;
		break;
	default:
		core_failed(core, store_error(core->store));
		return LOG_GROUP_FAILED;
	}
	if (cached != NULL)
		*cached = *length;
	if (answer == LOG_STORED)
		news_log(core, (uint32_t)id, is_error, *length);
	return answer;
}
