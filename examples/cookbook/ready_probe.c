/* SPDX-License-Identifier: MIT */
/*
 * Starts a server and tries to connect to its UNIX socket until that works.  Between two tries it waits for the
 * server's exit, so a server that has died is noticed at once.  Then the server is stopped.
 *
 * usage: ready_probe SOCKET COMMAND [ARG...]
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <tend.h>
#include <unistd.h>

#define TRIES 600 /* of 50 ms each */

static int fail(const struct tend_error *err)
{
	fprintf(stderr, "ready_probe: %s: %s\n", tend_step_name(err->step), err->message);
	return 125;
}

static bool accepts_connections(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool is_ready;

	strncpy(address.sun_path, path, sizeof address.sun_path - 1);
	is_ready = fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0;
	if (fd >= 0)
		close(fd);
	return is_ready;
}

/* 0: it is ready. */
static int await(tend_process *server, const char *path)
{
	struct tend_exit ended;
	struct tend_error err;

	for (int i = 0; i < TRIES; i++) {
		if (accepts_connections(path)) {
			printf("ready\n");
			return 0;
		}
		if (tend_process_wait(server, TEND_MS(50), &ended, &err) < 0)
			return fail(&err);
		if (ended.kind != TEND_RUNNING) {
			printf("it ended before it was ready: exit code %d, signal %d\n", ended.code, ended.signal);
			return 1;
		}
	}
	printf("not ready within %d seconds\n", TRIES / 20);
	return 1;
}

int main(int argc, char **argv)
{
	const struct tend_stop plan = TEND_STOP_TERM(TEND_SECONDS(5));
	TEND_AUTO(tend_process) server = NULL;
	struct tend_error err;
	int status;

	if (argc < 3 || strlen(argv[1]) >= sizeof((struct sockaddr_un *)NULL)->sun_path) {
		fprintf(stderr, "usage: ready_probe SOCKET COMMAND [ARG...]      (SOCKET: at most 107 bytes)\n");
		return 2;
	}
	if (tend_spawn(&(struct tend_spawn){ .argv = (const char *const *)argv + 2,
	                                     .in = TEND_IN_NULL,
	                                     .out = TEND_OUT_INHERIT,
	                                     .err = TEND_OUT_INHERIT,
	                                     .if_forgotten = TEND_FORGOTTEN_TERMINATE(&plan) },
	               &server, &err) < 0)
		return fail(&err);
	status = await(server, argv[1]);
	return tend_process_stop(server, &plan, NULL, &err) < 0 ? fail(&err) : status;
}
