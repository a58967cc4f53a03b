/* SPDX-License-Identifier: MIT */
/* tend run: who is told that the program is ready, or stopping. */
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "test.h"
#include "tool.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- --ready-fd ---- */

/* Runs tend by a shell that opens descriptor 7 on `file`. */
static void run_with_fd(const char *file, const char *ready, const char *text, int *ret_status)
{
	char script[256];
	const char *argv[] = { "sh",         "-c", script,    "sh",  tool_path(),       "run",
		               "--ready-fd", "7",  "--ready", ready, helper("printer"), text,
		               NULL };
	struct tend_spawn spawn = test_spawn_options(argv, &test_reliable_all);
	struct tend_error error;
	tend_process *sh = NULL;
	struct tend_exit ended;

	snprintf(script, sizeof script, "exec \"$@\" 7>%s", file);
	*ret_status = -1;
	if (CHECK_OK(tend_spawn(&spawn, &sh, &error), &error) && test_wait(sh, &ended))
		*ret_status = ended.code;
	tend_process_free(sh);
}

static void newline_when_ready(void)
{
	const char *file = tool_file("told");
	int status;

	run_with_fd(file, "^ready$", "booting\\nready\\nready\\n", &status);
	CHECK_INT(0, status);
	tool_check_file(file, "\n");
	run_with_fd(file, "^ready$", "booting\\n", &status);
	CHECK_INT(0, status);
	tool_check_file(file, "");
	run_with_fd("/dev/full", "^ready$", "ready\\n", &status);
	CHECK_INT(0, status); /* the program is none the worse for it */
}

/* The descriptor is closed behind it: who reads to the end does not wait for that of the program. */
static void ready_without_a_regex(void)
{
	const char *argv[] = { tool_path(), "run", "--ready-fd", "7", helper("obedient"), NULL };
	struct tend_spawn spawn = test_spawn_options(argv, &test_reliable_all);
	struct tend_error error;
	struct tend_exit ended;
	tend_process *sh = NULL;
	char got[4];
	int fds[2];

	CHECK_INT(0, pipe2(fds, O_CLOEXEC));
	spawn.pass_fds = &(struct tend_pass_fd){ fds[1], 7 };
	spawn.n_pass_fds = 1;
	if (CHECK_OK(tend_spawn(&spawn, &sh, &error), &error)) {
		close(fds[1]);
		CHECK_INT(1, read(fds[0], got, sizeof got));
		CHECK_INT('\n', got[0]);
		CHECK_INT(0, read(fds[0], got, sizeof got));
		tool_signal(sh, SIGTERM);
		if (test_wait(sh, &ended))
			CHECK_INT(128 + SIGTERM, ended.code);
	}
	tend_process_free(sh);
	close(fds[0]);
}

static void not_for_writing(void)
{
	const char *argv[] = { "sh",         "-c", "exec \"$@\" 7</dev/null", "sh", tool_path(), "run",
		               "--ready-fd", "7",  helper("true-er"),         NULL };
	struct tend_spawn spawn = test_spawn_options(argv, NULL);
	struct tend_error error;
	struct tend_exit ended;
	tend_process *sh = NULL;

	if (CHECK_OK(tend_spawn(&spawn, &sh, &error), &error) && test_wait(sh, &ended))
		CHECK_INT(125, ended.code);
	tend_process_free(sh);
}

/* ---- NOTIFY_SOCKET ---- */

/* A socket named as NOTIFY_SOCKET would name it, and the variable set. */
static int listen_at(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name) + (name[0] == '/'));
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	unlink(name);
	memcpy(address.sun_path, name, strlen(name));
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	CHECK_INT(0, bind(fd, (struct sockaddr *)&address, size));
	setenv("NOTIFY_SOCKET", name, 1);
	return fd;
}

static const char *receive(int fd)
{
	static char text[64];
	ssize_t n = recv(fd, text, sizeof text - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static bool is_silent(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT) < 0;
}

static void told_by(const char *name)
{
	int fd = listen_at(name);
	struct tool_run r;
	tend_process *tool;

	tool = TOOL_START("run", "--ready", "^ready$", "sh", "-c",
	                  "echo first; read go; echo ready; read go; echo ${NOTIFY_SOCKET-no socket}");
	unsetenv("NOTIFY_SOCKET");
	tool_await_out(tool, "first");
	CHECK(is_silent(fd));
	CHECK_INT(0, tend_process_stdin_write(tool, "\n", 1, TEST_PATIENCE, NULL, NULL));
	CHECK_STR("READY=1", receive(fd));
	CHECK(is_silent(fd));
	CHECK_INT(0, tend_process_stdin_write(tool, "\n", 1, TEST_PATIENCE, NULL, NULL));
	tool_finish(&r, tool);
	CHECK_INT(0, r.status);
	CHECK_STR("first\nready\nno socket\n", r.out);
	CHECK_STR("STOPPING=1", receive(fd));
	CHECK(is_silent(fd));
	tool_free(&r);
	close(fd);
}

static void sockets_of_both_kinds(void)
{
	char name[64];

	told_by(tool_file("socket"));
	snprintf(name, sizeof name, "@tend-test-%d", (int)getpid());
	told_by(name);
}

/* Stopping is told when it begins, not when it is over. */
static void stopping_is_told_first(void)
{
	int fd = listen_at(tool_file("socket"));
	tend_process *tool = TOOL_START("run", "--stop", "TERM:1h", helper("stubborn"));
	struct tool_run r;

	unsetenv("NOTIFY_SOCKET");
	CHECK_STR("READY=1", receive(fd));
	tool_await_out(tool, "ready");
	tool_signal(tool, SIGTERM);
	CHECK_STR("STOPPING=1", receive(fd));
	CHECK(test_alive(tend_process_pid(tool)));
	tool_signal(tool, SIGTERM);
	tool_finish(&r, tool);
	CHECK_INT(128 + SIGKILL, r.status);
	CHECK(is_silent(fd));
	tool_free(&r);
	close(fd);
}

static void bad_sockets(void)
{
	static const char *const names[] = { "relative", "@", "/" };
	char name[200];
	struct tool_run r;

	for (size_t i = 0; i < COUNT(names); i++) {
		setenv("NOTIFY_SOCKET", names[i], 1);
		TOOL_RUN(&r, "run", helper("printer"), "started");
		CHECK_INT(125, r.status);
		CHECK_STR("", r.out);
		tool_check_one_line(r.err, "has to be an absolute path or @NAME");
		tool_free(&r);
	}
	memset(name, '/', 150);
	name[150] = '\0';
	setenv("NOTIFY_SOCKET", name, 1);
	TOOL_RUN(&r, "run", helper("printer"), "started");
	CHECK_INT(125, r.status);
	tool_free(&r);
	setenv("NOTIFY_SOCKET", "/nowhere/at/all", 1);
	TOOL_RUN(&r, "run", helper("exiter"), "3");
	CHECK_INT(3, r.status);
	CHECK(strstr(r.err, "tend: cannot send READY=1 to NOTIFY_SOCKET: No such file") != NULL);
	CHECK(strstr(r.err, "tend: cannot send STOPPING=1 to NOTIFY_SOCKET: No such file") != NULL);
	tool_free(&r);
	setenv("NOTIFY_SOCKET", "", 1);
	TOOL_RUN(&r, "run", helper("exiter"), "3");
	CHECK_STR("", r.err);
	tool_free(&r);
	unsetenv("NOTIFY_SOCKET");
}

static const struct test tests[] = {
	{ "newline_when_ready", newline_when_ready },
	{ "ready_without_a_regex", ready_without_a_regex },
	{ "not_for_writing", not_for_writing },
	{ "sockets_of_both_kinds", sockets_of_both_kinds },
	{ "stopping_is_told_first", stopping_is_told_first },
	{ "bad_sockets", bad_sockets },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "tool_ready", tests, COUNT(tests));
}
