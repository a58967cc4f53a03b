/* SPDX-License-Identifier: MIT */
/* The tend command in a terminal, under a shell with job control, as a person uses it: Ctrl-C, Ctrl-Z and fg, resizing.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "test.h"
#include "tool.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define MOST_ARGS 16

/* The command in the foreground, and there again when it was stopped (147: SIGSTOP) and a line has been typed. */
static const char script[] = "stty -echo; set -m; \"$@\"; r=$?; "
			     "if [ $r = 147 ]; then echo stopped; read x; fg >/dev/null; r=$?; fi; echo \"ended $r\"";

/* On a new terminal, whose Ctrl-C is a signal; without an echo, which may come before or behind what that does. */
static tend_process *start(const char *const *args)
{
	static const struct tend_pty pty = { .mode = TEND_PTY_COOKED, .rows = 24, .columns = 80 };
	const char *argv[MOST_ARGS + 8] = { "sh", "-c", script, "sh", tool_path() };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	struct tend_error error;
	tend_process *p = NULL;
	size_t n = 5;

	for (; *args && n < MOST_ARGS; args++)
		argv[n++] = *args;
	s.in = TEND_IN_PIPE;
	s.err = TEND_OUT_MERGE;
	s.pty = &pty;
	return CHECK_OK(tend_spawn(&s, &p, &error), &error) ? p : NULL;
}
#define START(...) start((const char *const[]){ __VA_ARGS__, NULL })

static void type(tend_process *p, const char *keys)
{
	struct tend_error error;

	CHECK_OK(tend_process_stdin_write(p, keys, strlen(keys), TEST_PATIENCE, NULL, &error), &error);
}

/* The shell says with which status the command has ended. */
static void check_ended(tend_process *p, int status)
{
	struct tend_exit ended;

	CHECK_INT(status, atoi(tool_await_out(p, "ended ")));
	test_wait(p, &ended);
	tend_process_free(p);
}

static void short_pause(void)
{
	struct timespec t = { .tv_nsec = 2000000 };

	nanosleep(&t, NULL);
}

static bool is_stopped(pid_t pid)
{
	char path[64], text[512] = "", *end;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (f && !fgets(text, sizeof text, f))
		text[0] = '\0';
	if (f)
		fclose(f);
	end = strrchr(text, ')');
	return end && end[1] && end[2] == 'T';
}

static void await_stopped(pid_t pid, bool stopped)
{
	int64_t end = test_now_ns() + INT64_C(60000000000);

	while (is_stopped(pid) != stopped && test_now_ns() < end)
		short_pause();
	CHECK_INT(stopped, is_stopped(pid));
}

/* ---- Ctrl-C ---- */

static void interrupt_once(void)
{
	tend_process *p = START("run", "--stop", "TERM:1h", helper("obedient"));

	if (!p)
		return;
	tool_await_out(p, "ready");
	type(p, "\x03");
	tool_await_out(p, "tend: obedient: stopped in phase 1, by SIGTERM");
	check_ended(p, 128 + SIGTERM);
}

static void interrupt_twice(void)
{
	tend_process *p = START("run", "--stop", "TERM:1h", helper("stubborn"));

	if (!p)
		return;
	tool_await_out(p, "ready");
	type(p, "\x03");
	tool_await_out(p, "tend: stubborn: SIGINT: stopping it; once more kills it");
	type(p, "\x03");
	check_ended(p, 128 + SIGKILL);
}

/* The child is in another group: Ctrl-\ reaches it by way of tend alone, as its plan says. */
static void quit(void)
{
	tend_process *p = START("run", "--stop", "INT:1h", helper("catcher"), "2", "6"); /* SIGINT */

	if (!p)
		return;
	tool_await_out(p, "ready");
	type(p, "\x1c");
	check_ended(p, 6);
}

/* All processes of a Procfile. */
static void interrupt_a_procfile(void)
{
	const char *procfile = tool_file("Procfile");
	FILE *f = fopen(procfile, "we");
	tend_process *p;

	if (!CHECK(f != NULL))
		return;
	fprintf(f, "a: %s\nb: %s\n", helper("obedient"), helper("obedient"));
	fclose(f);
	setenv("NO_COLOR", "1", 1);
	p = START("up", "--stop", "TERM:1h", procfile);
	unsetenv("NO_COLOR");
	if (!p)
		return;
	tool_await_out(p, "a.1 | ready");
	tool_await_out(p, "b.1 | ready");
	type(p, "\x03");
	tool_await_out(p, "tend: a.1: stopped in phase 1, by SIGTERM");
	check_ended(p, 128 + SIGTERM);
}

/* ---- Ctrl-Z, and fg ---- */

static void stop_and_go_on(void)
{
	tend_process *p = START("run", "--stop", "TERM:1h", "sh", "-c", "echo pid $$; exec \"$0\"", helper("obedient"));
	pid_t child;

	if (!p)
		return;
	child = atoi(tool_await_out(p, "pid "));
	tool_await_out(p, "ready");
	if (!CHECK(child > 1))
		return;
	type(p, "\x1a");
	await_stopped(child, true);
	tool_await_out(p, "stopped"); /* the shell has the terminal again */
	type(p, "\n");
	await_stopped(child, false);
	type(p, "\x03");
	check_ended(p, 128 + SIGTERM);
}

/* ---- resizing ---- */

static void resize(void)
{
	tend_process *p = START("run", helper("catcher"), "28", "4"); /* SIGWINCH */

	if (!p)
		return;
	tool_await_out(p, "ready");
	CHECK_INT(0, tend_process_set_window(p, 40, 100));
	tool_await_out(p, "window 40 100");
	check_ended(p, 4);
}

static const struct test tests[] = {
	{ "interrupt_once", interrupt_once },
	{ "interrupt_twice", interrupt_twice },
	{ "quit", quit },
	{ "interrupt_a_procfile", interrupt_a_procfile },
	{ "stop_and_go_on", stop_and_go_on },
	{ "resize", resize },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "tool_terminal", tests, COUNT(tests));
}
