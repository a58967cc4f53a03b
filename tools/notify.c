/* SPDX-License-Identifier: MIT */
/* One datagram to a local socket is all that there is to it, so no library is needed. */
#include "notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "say.h"

static struct sockaddr_un address;
static socklen_t address_size; /* 0: nobody wants to know */

/* "/path", or "@name" in the abstract name space, whose names begin with a NUL and have no end but their size. */
int notify_init(void)
{
	const char *name = getenv("NOTIFY_SOCKET");
	size_t n = name ? strlen(name) : 0;

	address_size = 0;
	if (n == 0)
		return 0;
	if ((name[0] != '/' && name[0] != '@') || n < 2 || n >= sizeof address.sun_path) {
		say("NOTIFY_SOCKET is '%.200s': it has to be an absolute path or @NAME, of at most %zu bytes", name,
		    sizeof address.sun_path - 1);
		return -1;
	}
	memset(&address, 0, sizeof address);
	address.sun_family = AF_UNIX;
	memcpy(address.sun_path, name, n);
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	address_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + (name[0] == '/'));
	return 0;
}

static int send_line(const char *state)
{
	static const struct timeval second = { .tv_sec = 1 };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), r = 0;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &second, sizeof second) < 0 ||
	    sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&address, address_size) < 0)
		r = -errno;
	close(fd);
	return r;
}

void notify_send(const char *state)
{
	int r = address_size ? send_line(state) : 0;

	if (r < 0)
		say("cannot send %s to NOTIFY_SOCKET: %s", state, strerror(-r));
}
