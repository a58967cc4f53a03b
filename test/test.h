/* SPDX-License-Identifier: MIT */
/*
 * What every test program shares: a runner that also looks for what a test left behind, checks that print both
 * values, the paths of the helper children, and the options that most tests spawn with.
 */
#ifndef TEND_TEST_H
#define TEND_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <tend.h>

struct test {
	const char *name;
	void (*run)(void);
};

/*
 * Runs the tests of the table whose names are in argv[1..], all when there are none, as one CUnit suite in this
 * process, and returns the exit status: 0, or 1 when a check failed or a name is unknown.
 *
 * A test that takes longer than TEST_TIMEOUT seconds (environment, 120; ten times that under valgrind and sanitizers)
 * is named, with what each thread waits for, and aborted.  After each test there must be, at the latest after half
 * a minute: no thread, descriptor, child, zombie or live allocation of the library more than before, the same signal
 * mask and dispositions, and no process anywhere that inherited the test's TEND_TEST_COOKIE.
 */
int test_main(int argc, char **argv, const char *suite, const struct test *tests, size_t n_tests);

/* Spawns a child and waits for it, so that what the library keeps for good exists before anything is counted. */
void test_warm_up(void);

/* The test that runs. */
const char *test_name(void);

/* The watchdog's time begins anew. */
void test_restart_watchdog(void);

/* To stderr: each thread of this process, and what it waits for.  Also in a signal handler that ends the process. */
void test_show_threads(void);

/* The test that runs leaves `n` allocations behind on purpose (a log target, which is never freed). */
void test_keeps_allocations(long n);

/* Defined by test/fault.c: how many allocations of the library are alive. */
long test_live_allocations(void) __attribute__((weak));

/*
 * Runs this program again, in a child of its own, with `argv` behind argv[0] (NULL-terminated) and, where they are not
 * NULL, the environment variable `key` set to `value` and its stderr collected into `err`.  Returns the wait status.
 * Restarts the watchdog.
 */
int test_run_self(const char *const *argv, const char *key, const char *value, char *err, size_t err_size);

/* For a test that changes its process for good: runs it again in a process of its own; whether this is the one. */
bool test_is_apart(void);
/* The same, with mounts of its own. */
bool test_has_own_mounts(void);

/* The path of this program.  Static storage.  On the main thread. */
const char *test_self(void);

/* The path of a helper child, such as helper("echoer").  Static storage.  Any thread. */
const char *helper(const char *name);

/* memcheck and its like / ThreadSanitizer or AddressSanitizer. */
bool test_under_valgrind(void);
bool test_under_sanitizer(void);

/* Whether there is pidfd_open(2): not under valgrind. */
bool test_has_pidfd_open(void);

/* Whether the kernel keeps the status of who was reaped by somebody else (Linux 6.15) and TEND_DISABLE lets it tell. */
bool test_kernel_tells(void);

/* CLOCK_MONOTONIC. */
int64_t test_now_ns(void);

/* Longer than anything takes, also on a slow machine under valgrind; shorter than the watchdog. */
#define TEST_PATIENCE TEND_SECONDS(100)

/*
 * Each records a failure with its place and values, goes on, and returns whether it held.  On the main thread only;
 * workers use WORKER_CHECK.  In a process forked from the test, and before the first one, a failure is printed and
 * ends the process with status 70.
 */
#define CHECK(cond) test_check(!!(cond), #cond, __FILE__, __LINE__)
#define CHECK_INT(expected, actual) test_check_int(expected, actual, #actual, __FILE__, __LINE__)
#define CHECK_STR(expected, actual) test_check_str(expected, actual, #actual, __FILE__, __LINE__)
#define CHECK_MEM(expected, n, actual, n2) test_check_mem(expected, n, actual, n2, #actual, __FILE__, __LINE__)
/* 0 of a call that fills `error`, a struct tend_error; prints its message otherwise. */
#define CHECK_OK(result, error) test_check_ok(result, error, #result, __FILE__, __LINE__)

bool test_check(bool held, const char *text, const char *file, int line);
bool test_check_int(intmax_t expected, intmax_t actual, const char *text, const char *file, int line);
bool test_check_str(const char *expected, const char *actual, const char *text, const char *file, int line);
bool test_check_mem(const void *expected, size_t n_expected, const void *actual, size_t n_actual, const char *text,
                    const char *file, int line);
bool test_check_ok(int result, const struct tend_error *error, const char *text, const char *file, int line);

extern const struct tend_stream_options test_reliable;     /* broadcast, reliable, no replay, 64 KiB x 16 */
extern const struct tend_stream_options test_reliable_all; /* the same with TEND_REPLAY_ALL */
extern const struct tend_stream_options test_single;       /* single subscriber, reliable, no replay */
extern const struct tend_stream_options test_single_all;   /* the same with TEND_REPLAY_ALL */

/* A stream named "test" on a new pipe, whose write end is the caller's. */
tend_stream *test_pipe_stream(const struct tend_stream_options *options, int *ret_write_fd);

/* A copy of the program `of` in a new file, `path` for mkstemp(3), and a descriptor that writes to it. */
int test_writable_copy(char *path, const char *of);

/*
 * Runs a helper with the arguments that follow, up to a NULL: stdin null, both streams `live`, killed when forgotten.
 * NULL when that failed, after recording it.
 */
tend_process *test_spawn(const struct tend_stream_options *live, const char *helper_name, ...)
        __attribute__((sentinel));

/* A spawn of `argv`: stdin null, both streams `live`, discarded where that is NULL, killed when forgotten. */
struct tend_spawn test_spawn_options(const char *const *argv, const struct tend_stream_options *live);

/*
 * Spawns, waits for the end, and copies what went to stdout (a stream with TEND_REPLAY_ALL) as a string.  Records a
 * failure, also when the exit code is not 0.
 */
bool test_output_of(const struct tend_spawn *spawn, char *out, size_t size);

/* Waits until the child has exited; records a failure when it has not. */
bool test_wait(tend_process *process, struct tend_exit *ret_exit);

/* Descriptors that this process has open, right now. */
size_t test_count_fds(void);
/* Whether this process has neither a child nor a zombie, right now. */
bool test_no_children(void);

/* Waits until there are `fds` descriptors, and neither a child nor a zombie: the reaper is behind what a free began. */
bool test_settle(size_t fds);

/*
 * Reads lines of `stream` (with TEND_REPLAY_ALL) until one starts with `prefix`; copies its rest.  Records a failure.
 */
bool test_await_line(tend_stream *stream, const char *prefix, char *rest, size_t size);

/* Whether the process exists and is no zombie. */
bool test_alive(pid_t pid);

/*
 * Ends a copy of the host that fork(2) has made while other threads were busy: with the exit status `failure`, or by
 * SIGKILL where that is 0.  At an exit valgrind looks for what is lost, and misses what they had in hand.
 */
void test_end_copy(int failure) __attribute__((__noreturn__));
/* Whether that is the wait status of a copy that has ended with 0. */
bool test_copy_is_well(int status);
/* Waits until it is not; records a failure when that takes for ever. */
bool test_await_gone(pid_t pid);

#endif
