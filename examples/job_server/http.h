/* SPDX-License-Identifier: MIT */
/*
 * The server: which request does what.
 *
 *   GET  /                 the page
 *   GET  /jobs             the commands and the jobs, as JSON
 *   POST /jobs?name=NAME   starts a command
 *   GET  /jobs/N/events    watches a job: server-sent events, see viewer.h
 *   POST /jobs/N/stop      stops a job, and says what became of that when it is over
 */
#ifndef HTTP_H
#define HTTP_H

#include "jobs.h"

struct http;

struct http_options {
	const char *address;      /* an IPv4 or IPv6 address, as a number */
	unsigned short port;      /* 0: any that is free */
	const char *const *hosts; /* what Host may say besides the address and "localhost", NULL-terminated */
	size_t max_viewers;
	unsigned idle_seconds; /* a connection on which nothing moves for so long is closed; at least 3 */
};

/* NULL when it was said why not.  The jobs are lent until http_free(). */
struct http *http_new(const struct http_options *options, struct jobs *jobs);
/* "http://127.0.0.1:8080/"; lent. */
const char *http_url(const struct http *http);
/* Nobody new is let in; whoever is in is served. */
void http_close(struct http *http);
/* Waits for all who are in; when all jobs have ended nobody is in for long. */
void http_free(struct http *http);

#endif
