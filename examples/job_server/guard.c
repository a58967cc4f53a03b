/* SPDX-License-Identifier: MIT */
#include "guard.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A header of a request: the only one of its name, or something is wrong. */
struct header {
	const char *name;
	const char *value; /* NULL: it is not there */
	unsigned n;
};

bool guard_allow(struct guard *guard, const char *name)
{
	char *copy = guard->n_names < GUARD_MAX_NAMES ? strdup(name) : NULL;

	if (copy)
		guard->names[guard->n_names++] = copy;
	return copy;
}

void guard_clear(struct guard *guard)
{
	while (guard->n_names > 0)
		free(guard->names[--guard->n_names]);
}

static enum MHD_Result look_at(void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct header *h = arg;

	(void)kind;
	if (strcasecmp(name, h->name) == 0) {
		h->value = value ? value : "";
		h->n++;
	}
	return MHD_YES;
}

static struct header find(struct MHD_Connection *connection, const char *name)
{
	struct header h = { .name = name };

	MHD_get_connection_values(connection, MHD_HEADER_KIND, look_at, &h);
	return h;
}

static bool is_ours(const struct guard *guard, const char *name)
{
	for (size_t i = 0; i < guard->n_names; i++)
		if (strcasecmp(guard->names[i], name) == 0)
			return true;
	return false;
}

/* An origin is a scheme and what its requests have in Host.  "null" is anybody's. */
static bool is_same_origin(const char *origin, const char *host)
{
	static const char *const schemes[] = { "http://", "https://" }; /* the latter: from a proxy in front of us */

	for (int i = 0; i < 2; i++) {
		size_t n = strlen(schemes[i]);

		if (strncasecmp(origin, schemes[i], n) == 0 && strcasecmp(origin + n, host) == 0)
			return true;
	}
	return false;
}

static bool is_same_site(const char *site)
{
	return strcmp(site, "same-origin") == 0 || strcmp(site, "none") == 0;
}

unsigned guard_refuses(const struct guard *guard, struct MHD_Connection *connection, bool is_page)
{
	struct header host = find(connection, "Host");
	struct header origin = find(connection, "Origin");
	struct header site = find(connection, "Sec-Fetch-Site");

	if (host.n != 1 || !is_ours(guard, host.value))
		return MHD_HTTP_MISDIRECTED_REQUEST;
	if (origin.n > 1 || (origin.n == 1 && !is_same_origin(origin.value, host.value)))
		return MHD_HTTP_FORBIDDEN;
	if (!is_page && (site.n > 1 || (site.n == 1 && !is_same_site(site.value))))
		return MHD_HTTP_FORBIDDEN;
	return 0;
}
