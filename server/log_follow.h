/*
 * Following a log. The reader that serves the call watches the execution first, so
 * that nothing that is appended meanwhile is missed, then looks at its row.
 */
#ifndef SERVER_LOG_FOLLOW_H
#define SERVER_LOG_FOLLOW_H

#include "server/log_board.h"
#include "server/reader.h"
#include "store/store.h"

/* Watch the execution of the path; forget it where nothing comes of it. */
struct log_watch *log_follow_begin(struct call *call);
void log_follow_forget(struct call *call, struct log_watch *watch);
/* Answer with the log from the offset on; takes the watch. */
void log_follow(struct call *call, struct log_watch *watch, enum store_stream stream,
                int64_t offset);

#endif
