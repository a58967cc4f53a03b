/* SPDX-License-Identifier: MIT */
/*
 * One viewer of one job: its output as server-sent events, which a browser's EventSource understands.
 *
 *   event: start   {"job":1,"name":"count"}
 *   id: 42         {"line":"..."}  with "continued":true where a long line was split
 *   event: gap     {"bytes":100}   which are missing in front of what follows
 *   event: end     {"code":0 or "signal":15, "stopped_by":"nobody", "viewer" or "shutdown", "output":"eof",
 * "bytes":588895}
 *
 * The id of a line is the offset in the output of what follows it; who comes back with it in Last-Event-ID gets what he
 * has not had, or is told what of it is not kept any more.
 */
#ifndef VIEWER_H
#define VIEWER_H

#include "jobs.h"
#include <sys/types.h>

struct viewer;

struct viewer_options {
	int fd;                    /* the viewer's connection, which is only polled */
	unsigned quiet_seconds;    /* after so long without output he is told that we are still there */
	const char *last_event_id; /* NULL: none */
};

/* Takes the job, on failure too.  -EBUSY: there are too many viewers; or as tend_stream_subscribe(). */
int viewer_new(struct job *take_job, const struct viewer_options *options, struct viewer **ret_viewer);

/*
 * The next bytes of the events, at most `room`, and at least one, for which it waits: 0 at the end of the events, -1
 * when the viewer has gone or there is no memory.
 */
ssize_t viewer_read(struct viewer *v, char *bytes, size_t room);

void viewer_free(struct viewer *v);

#endif
