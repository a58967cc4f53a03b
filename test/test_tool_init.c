/* SPDX-License-Identifier: MIT */
/* tend as process 1 of a PID namespace, as in a container.  Run by unshare(1), where that may make one. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test.h"
#include "tool.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define MOST_ARGS 24

/* "unshare", with a user namespace where nothing else is allowed; NULL: there are no namespaces here. */
static const char *const *in_namespace(void)
{
	static const char *const ways[][8] = {
		{ "unshare", "--pid", "--fork", "--mount-proc", "--kill-child", NULL },
		{ "unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc", "--kill-child", NULL },
	};
	static const char *const *found;
	static bool looked;

	for (size_t i = 0; i < COUNT(ways) && !looked; i++) {
		const char *argv[10] = { NULL };
		struct tend_exit ended = { .kind = TEND_RUNNING };
		tend_process *p = NULL;
		size_t n = 0;

		for (; ways[i][n]; n++)
			argv[n] = ways[i][n];
		argv[n] = "true";
		if (tend_spawn(&(struct tend_spawn){ .argv = argv,
		                                     .in = TEND_IN_NULL,
		                                     .out = TEND_OUT_DISCARD,
		                                     .err = TEND_OUT_DISCARD,
		                                     .if_forgotten = TEND_FORGOTTEN_TERMINATE(&TEND_STOP_KILL) },
		               &p, NULL) == 0)
			test_wait(p, &ended);
		tend_process_free(p);
		if (!found && ended.kind == TEND_EXITED && ended.code == 0)
			found = ways[i];
	}
	if (!looked && !found)
		fprintf(stderr, "there are no PID namespaces here\n");
	looked = true;
	return found;
}

/* unshare(1), tend as process 1 in there with `args`; a terminal where `pty` is given. */
static tend_process *start(const char *const *args, const struct tend_pty *pty)
{
	const char *const *way = in_namespace();
	const char *argv[MOST_ARGS] = { NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	struct tend_error error;
	tend_process *p = NULL;
	size_t n = 0;

	if (!way)
		return NULL;
	for (; *way; way++)
		argv[n++] = *way;
	argv[n++] = tool_path();
	for (; *args; args++)
		argv[n++] = *args;
	s.in = TEND_IN_PIPE;
	s.pty = pty;
	if (pty)
		s.err = TEND_OUT_MERGE;
	return CHECK_OK(tend_spawn(&s, &p, &error), &error) ? p : NULL;
}
#define START(...) start((const char *const[]){ __VA_ARGS__, NULL }, NULL)

/* To process 1, the child of unshare(1). */
static void send(tend_process *p, int signal)
{
	pid_t pid = tool_child(p);

	if (pid > 1)
		CHECK_INT(0, kill(pid, signal));
}

static void statuses(void)
{
	struct tool_run r;

	if (!in_namespace())
		return;
	tool_finish(&r, START("run", helper("exiter"), "7"));
	CHECK_INT(7, r.status);
	CHECK_STR("", r.err);
	tool_free(&r);
	tool_finish(&r, START("run", helper("crasher"), "9"));
	CHECK_INT(128 + SIGKILL, r.status);
	tool_free(&r);
	tool_finish(&r, START("run", "--frobnicate"));
	CHECK_INT(125, r.status);
	tool_free(&r);
	tool_finish(&r, START("run", "/no/such/program"));
	CHECK_INT(127, r.status);
	tool_free(&r);
}

/* tend is process 1, and its program is not. */
static void is_the_first_process(void)
{
	struct tool_run r;

	if (!in_namespace())
		return;
	tool_finish(&r, START("run", "sh", "-c", "cat /proc/1/comm; test $$ -gt 1 && echo second"));
	CHECK_STR("tend\nsecond\n", r.out);
	tool_free(&r);
}

/* A process whose parent has gone is reaped when it ends: its number is free again. */
static void orphans_are_reaped(void)
{
	struct tool_run r;

	if (!in_namespace())
		return;
	tool_finish(&r, START("run", "sh", "-c",
	                      "pid=$(sh -c 'exec >&- 2>&-; true & echo $! >&3' 3>&1); "
	                      "while test -e /proc/$pid; do :; done; echo reaped"));
	CHECK_INT(0, r.status);
	CHECK_STR("reaped\n", r.out);
	tool_free(&r);
}

static void signals_are_passed_on(void)
{
	static const int all[] = { SIGHUP, SIGUSR1, SIGUSR2, SIGWINCH, SIGQUIT, SIGALRM, SIGPWR, SIGHUP };
	struct tool_run r;
	tend_process *p;
	char line[16];

	if (!in_namespace())
		return;
	p = START("run", "--stop", "TERM:1h", helper("catcher"), "15", "5"); /* SIGTERM */
	if (!p)
		return;
	tool_await_out(p, "ready");
	for (size_t i = 0; i < COUNT(all); i++) {
		send(p, all[i]);
		snprintf(line, sizeof line, "got %d", all[i]);
		tool_await_out(p, line);
	}
	send(p, SIGINT);
	tool_finish(&r, p);
	CHECK_INT(5, r.status);
	CHECK(strstr(r.out, "got 2\n") == NULL);
	tool_free(&r);
}

static void signals_that_stop(void)
{
	static const int signals[] = { SIGTERM, SIGINT };
	struct tool_run r;
	tend_process *p;

	if (!in_namespace())
		return;
	for (size_t i = 0; i < COUNT(signals); i++) {
		p = START("run", "--stop", "TERM:1h", helper("stubborn"));
		if (!p)
			return;
		tool_await_out(p, "ready");
		send(p, signals[i]);
		tool_await_err(p, "tend: stubborn: SIG");
		send(p, signals[i]);
		tool_finish(&r, p);
		CHECK_INT(128 + SIGKILL, r.status);
		CHECK(strstr(r.err, " again: killing it") != NULL);
		tool_free(&r);
	}
}

/* The terminal sends Ctrl-C to process 1 and to the rest of tend: it counts once. */
static void the_terminals_signals_count_once(void)
{
	static const struct tend_pty pty = { .mode = TEND_PTY_COOKED };
	struct tend_exit ended;
	tend_process *p;

	if (!in_namespace())
		return;
	p = start((const char *const[]){ "run", "--stop", "TERM:1h", helper("catcher"), "10", "9", NULL },
	          &pty); /* USR1 */
	if (!p)
		return;
	tool_await_out(p, "ready");
	CHECK_INT(0, tend_process_stdin_write(p, "\x03", 1, TEST_PATIENCE, NULL, NULL));
	tool_await_out(p, "got 15");
	send(p, SIGUSR1); /* a SIGINT that was pending would have come before it: its number is lower */
	if (test_wait(p, &ended))
		CHECK_INT(9, ended.code);
	tend_process_free(p);
}

/* All processes of a Procfile, as well. */
static void a_procfile(void)
{
	const char *procfile = tool_file("Procfile");
	FILE *f = fopen(procfile, "we");
	struct tool_run r;

	if (!in_namespace() || !CHECK(f != NULL))
		return;
	fputs("a: sh -c 'exit 4'\nb: sleep 600\n", f);
	fclose(f);
	tool_finish(&r, START("up", procfile));
	CHECK_INT(4, r.status);
	tool_free(&r);
}

static const struct test tests[] = {
	{ "statuses", statuses },
	{ "is_the_first_process", is_the_first_process },
	{ "orphans_are_reaped", orphans_are_reaped },
	{ "signals_are_passed_on", signals_are_passed_on },
	{ "signals_that_stop", signals_that_stop },
	{ "the_terminals_signals_count_once", the_terminals_signals_count_once },
	{ "a_procfile", a_procfile },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "tool_init", tests, COUNT(tests));
}
