/* SPDX-License-Identifier: MIT */
/* The runner itself: a test that hangs is ended, and what is said of it names each thread and what it waits for. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "blocked.h"
#include "process.h"
#include "stream.h"
#include "streams.h"
#include "test.h"

static void wait_for_ever(struct test_thread *t, void *arg)
{
	(void)t;
	tend_process_wait(arg, TEND_FOREVER, NULL, NULL);
}

static void write_for_ever(struct test_thread *t, void *arg)
{
	static char lots[1 << 20];

	(void)t;
	tend_process_stdin_write(arg, lots, sizeof lots, TEND_FOREVER, NULL, NULL);
}

static enum tend_flow look_on(void *self, const struct tend_chunk *chunk)
{
	(void)self;
	(void)chunk;
	return TEND_CONTINUE;
}

/* Everything that a process may wait for, and it is known that it does; then the time is over. */
static void hangs(void)
{
	static const struct tend_visitor visitor = { .on_chunk = look_on };
	const char *argv[] = { helper("obedient"), NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable);
	struct tend_stream_options one = stream_options(test_reliable, 1, 1);
	static struct blocked waiter, writer;
	tend_consumer *consumer = NULL;
	tend_process *p = NULL;
	tend_stream *full;
	int fd;

	s.name = "hanger";
	s.in = TEND_IN_PIPE;
	full = test_pipe_stream(&one, &fd);
	stream_subscribe(full);
	stream_put(fd, "abc");
	if (!CHECK_INT(0, tend_spawn(&s, &p, NULL)) ||
	    !CHECK_INT(0, tend_stream_consume(tend_process_stdout(p), &visitor, NULL, &consumer, NULL)))
		return;
	blocked_start(&waiter, wait_for_ever, p);
	blocked_in(&waiter, FOR_EXIT_OF(p));
	blocked_start(&writer, write_for_ever, p);
	blocked_in(&writer, IN_POLL_OF(p->in.fd));
	blocked_thread_in(asleep_find("tend-test:test"), ON_WORD_OF(&full->tx_parker));
	blocked_thread_in(asleep_find("tend-use:hanger"), ON_ANY_WORD);
	blocked_thread_in(asleep_find("tend-out:hanger"), IN_POLL_OF(tend_process_stdout(p)->fd));
	raise(SIGALRM);
}

/* The line of the thread whose name is that, and the one behind it: NULL, after recording it, when there is none. */
static const char *lines_of(const char *dump, const char *name)
{
	static char found[2048];
	const char *at = strstr(dump, name), *end;

	if (!CHECK(at != NULL))
		return NULL;
	end = strchr(at, '\n');
	if (end)
		end = strchr(end + 1, '\n');
	snprintf(found, sizeof found, "%.*s", end ? (int)(end - at) : (int)strlen(at), at);
	return found;
}

static void names_threads_and_what_they_wait_for(void)
{
	/*
	 * Under sanitizers the functions are not told, nor by a kernel without the file: names only.  None of these can
	 * be inlined, as they are called from other files; but fault.c may have given a system call another first name.
	 */
	static const struct {
		const char *thread, *sleeps, *function;
	} expected[] = {
		{ " tend-reaper: ", "epoll: ", "_epoll_wait < " },
		{ " tend-out:hanger: ", "poll: ", "_poll < " },
		{ " tend-test:test: ", "futex: word ", "tend__park < " },
		{ " tend-use:hanger: ", "futex: word ", "tend__chan_pop < " },
		{ "for room, ", "[eventfd] for input", "tend_process_stdin_write < " }, /* has no name of its own */
		{ "_futex_wait < tend__event_sleep < ", "", "tend_process_wait < " },
	};
	const char *argv[] = { "hangs", NULL };
	static char dump[1 << 16];
	int status;

	status = test_run_self(argv, "TEST_HANG", "1", dump, sizeof dump);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	CHECK(strstr(dump, "test hangs: took too long\n") != NULL);
	if (!asleep_can_be_known() || test_under_sanitizer())
		return;
	for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
		const char *lines = lines_of(dump, expected[i].thread);

		if (!lines)
			fprintf(stderr, "not there: \"%s\", but\n%s", expected[i].thread, dump);
		else if (!CHECK(strstr(lines, expected[i].sleeps)) || !CHECK(strstr(lines, expected[i].function)))
			fprintf(stderr, "not \"%s\", \"%s\" in\n%s\n", expected[i].sleeps, expected[i].function, lines);
	}
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "names_threads_and_what_they_wait_for", names_threads_and_what_they_wait_for },
	};
	static const struct test hanging[] = { { "hangs", hangs } };
	struct rlimit none = { 0, 0 };

	if (getenv("TEST_HANG")) {
		setrlimit(RLIMIT_CORE, &none);
		return test_main(argc, argv, "hanging", hanging, 1);
	}
	return test_main(argc, argv, "watchdog", tests, sizeof tests / sizeof *tests);
}
