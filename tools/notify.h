/* SPDX-License-Identifier: MIT */
/* Telling a service manager how things are: the protocol of sd_notify(3). */
#ifndef TEND_TOOLS_NOTIFY_H
#define TEND_TOOLS_NOTIFY_H

/* Remembers NOTIFY_SOCKET (environment).  0, or -1 after saying that it names no socket.  Main, before any thread. */
int notify_init(void);

/*
 * Sends a line such as "READY=1", if anybody wants to know; says so where that fails.  Any thread; blocks for a second
 * at most, where the receiver's queue is full.
 */
void notify_send(const char *state);

#endif
