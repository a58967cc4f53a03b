/* SPDX-License-Identifier: MIT */
/*
 * Whom the server answers.  Any page that a browser of this machine shows can send requests to 127.0.0.1; and a name of
 * a stranger's domain may suddenly mean 127.0.0.1, so that his page counts as ours (DNS rebinding).  So a request has
 * to name this server as the browser's user knows it, and one that a page has sent has to come from our own page.
 */
#ifndef GUARD_H
#define GUARD_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>

#define GUARD_MAX_NAMES 16

/* What the Host header of a request may say: "127.0.0.1:8080". */
struct guard {
	char *names[GUARD_MAX_NAMES];
	size_t n_names;
};

/* False: no memory, or too many. */
bool guard_allow(struct guard *guard, const char *name);
void guard_clear(struct guard *guard);

/*
 * 0, or the HTTP status of the refusal.  A page elsewhere may have a link to ours, and nothing else; `is_page` says
 * that ours is what is asked for.
 */
unsigned guard_refuses(const struct guard *guard, struct MHD_Connection *connection, bool is_page);

#endif
