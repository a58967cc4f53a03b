/* SPDX-License-Identifier: MIT */
/*
 * The i-th failure of everything that can fail, in the tend command: see torture.h.  It says with its exit status and a
 * line on stderr that something failed, or it has passed on what the child wrote and ends as the child did; and the
 * child is gone with it.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cmd.h"
#include "cmd_run.h"
#include "cmd_up.h"
#include "test.h"
#include "torture.h"

#define MAX_ARGS 24

/* A file in memory as this process's `fd` from now on. */
static void catch_output(int fd)
{
	int file = memfd_create("caught", MFD_CLOEXEC);

	CHECK(file >= 0 && dup2(file, fd) == fd);
	close(file);
}

static const char *caught(int fd, char *room, size_t size)
{
	ssize_t n = pread(fd, room, size - 1, 0);

	room[n > 0 ? n : 0] = '\0';
	return room;
}

/* "tend NAME" with these arguments: it ends with `status` and has passed on `out`, or says why not. */
static void call(int (*command)(int argc, char **argv), int status, const char *out, const char *const *args)
{
	char *argv[MAX_ARGS + 2] = { (char[]){ "command" } };
	char said[2048], passed[2048], text[600];
	int argc = 1, r;

	while (args[argc - 1] && argc < MAX_ARGS)
		argv[argc] = (char *)(uintptr_t)args[argc - 1], argc++;
	catch_output(STDOUT_FILENO);
	catch_output(STDERR_FILENO);
	r = command(argc, argv);
	fflush(NULL);
	caught(STDOUT_FILENO, passed, sizeof passed);
	caught(STDERR_FILENO, said, sizeof said);
	if (r == status && strcmp(passed, out) == 0)
		return;
	if (r == status && torture_injects("check_open"))
		return; /* what is closed here is closed in the child */
	snprintf(text, sizeof text, "status %d, stdout \"%.100s\", stderr \"%.300s\"", r, passed, said);
	TOLD(text);
	if (r == status || !said[0])
		WRONG(text);
}
#define RUN(status, out, ...) call(cmd_run, status, out, (const char *const[]){ __VA_ARGS__, NULL })
#define UP(status, out, ...) call(cmd_up, status, out, (const char *const[]){ __VA_ARGS__, NULL })

static void plain(void)
{
	RUN(3, "some text\n", helper("exiter"), "3", "some text\n");
}

static void both_streams(void)
{
	RUN(0, "one\nthree\n", "--tail", "2", "--log", "/dev/null", "--report", "/dev/null", "--name", "both", "--",
	    helper("printer"), "one\\n", "-e", "two\\n", "-o", "three\\n");
}

static void reported(void)
{
	RUN(7, "", "-v", "-v", "--report", "-", "--stdout", "backend=single", "--", helper("exiter"), "7");
}

static void timed_out(void)
{
	/* discarded, as the time may be over before it has said anything */
	RUN(CMD_TIMED_OUT, "", "--timeout", "50ms", "--stop", "TERM:1ms:leader", "--stdout", "discard", "--",
	    helper("stubborn"));
}

static void ready(void)
{
	RUN(CMD_TIMED_OUT, "", "--ready", "^ready", "--ready-timeout", "60s", "--timeout", "50ms", "--stdout",
	    "discard", "--", helper("obedient"));
}

static void from_file(void)
{
	RUN(0, "0\n", "--stdin", "/dev/null", "--stderr", "discard", "--", helper("stdiner"));
}

static void not_found(void)
{
	RUN(CMD_NOT_FOUND, "", "/nowhere/prog");
}

static void restarted(void)
{
	RUN(3, ">x\n>x\n", "--restart", "on-failure:max=1,backoff=1ms", "--prefix=>", "--ready-fd", "2", "--",
	    helper("exiter"), "3", "x\n");
}

static void with_parent(void)
{
	RUN(3, "x\n", "--with-parent", "--scope", "session", "--", helper("exiter"), "3", "x\n");
}

/* The Procfile is in memory, and its directory the one in which a process finds its descriptors. */
static void up(void)
{
	int file = memfd_create("Procfile", MFD_CLOEXEC);
	char path[64], text[512];
	int n = snprintf(text, sizeof text, "a: %s 3 a\nb: %s 0\n", helper("exiter"), helper("exiter"));

	CHECK_INT(n, write(file, text, (size_t)n));
	snprintf(path, sizeof path, "/proc/self/fd/%d", file);
	UP(3, "a.1 | a\n", "--keep-going", "--ready", "a=a", "--report", "-", path);
	close(file);
}

static const struct torture scenarios[] = {
	{ "tool_plain", plain, false, true },
	{ "tool_both_streams", both_streams, false, true },
	{ "tool_reported", reported, false, true },
	{ "tool_timed_out", timed_out, false, true },
	{ "tool_ready", ready, false, true },
	{ "tool_from_file", from_file, false, true },
	{ "tool_not_found", not_found, false, true },
	{ "tool_restarted", restarted, false, true },
	{ "tool_with_parent", with_parent, false, true },
	{ "tool_up", up, false, true },
};

static const char *const known[] = {
	"tool_both_streams:read:1:EIO", /* what was not read is not passed on, which is to be said */
	NULL,
};

int main(int argc, char **argv)
{
	return torture_main(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios, known);
}
