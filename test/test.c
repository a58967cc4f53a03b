/* SPDX-License-Identifier: MIT */
/* Runs a table of tests under CUnit, with a watchdog, and fails those that leave something behind. */
#include "test.h"

#include <CUnit/Basic.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "dump.h"
#include "leaks.h"

#if defined(__has_include)
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#endif
#endif
#ifndef RUNNING_ON_VALGRIND
#define RUNNING_ON_VALGRIND 0
#endif

#define COOKIE_NAME "TEND_TEST_COOKIE"

static struct {
	const struct test *tests;
	size_t n_tests;
	pid_t pid;
	unsigned n_run;
	const char *running; /* read by the watchdog */
	char inherited[128]; /* the cookie of the test that runs this program, with a comma, or nothing */
	char cookie[256];    /* NAME=value; read by the watchdog */
	struct leaks before;
} state;

bool test_under_valgrind(void)
{
	return RUNNING_ON_VALGRIND != 0;
}

bool test_has_pidfd_open(void)
{
	int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

bool test_kernel_tells(void)
{
	const char *off = getenv("TEND_DISABLE");
	struct utsname u;
	int major = 0, minor = 0;

	uname(&u);
	sscanf(u.release, "%d.%d", &major, &minor);
	return (major > 6 || (major == 6 && minor >= 15)) && !(off && strstr(off, "pidfd_info"));
}

bool test_under_sanitizer(void)
{
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
	return true;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
	return true;
#else
	return false;
#endif
#else
	return false;
#endif
}

const char *test_name(void)
{
	return state.running;
}

static unsigned slowness(void)
{
	return test_under_valgrind() || test_under_sanitizer() ? 10 : 1;
}

int64_t test_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void pause_ms(int ms)
{
	poll(NULL, 0, ms);
}

/* ---- checks ---- */

static void __attribute__((noreturn)) die(const char *text, const char *file, int line, int status)
{
	dprintf(STDERR_FILENO, "%s:%d: process %d: %s\n", file, line, getpid(), text);
	_exit(status);
}

bool test_check(bool held, const char *text, const char *file, int line)
{
	if (getpid() == state.pid && gettid() != state.pid) {
		dprintf(STDERR_FILENO, "%s:%d: CHECK on a thread; use WORKER_CHECK\n", file, line);
		abort();
	}
	/* CUnit counts nothing in a forked process, and takes nothing before the first test runs */
	if (getpid() != state.pid || state.n_run == 0) {
		if (!held)
			die(text, file, line, 70);
		return true;
	}
	CU_assertImplementation(held, (unsigned)line, text, file, "", CU_FALSE);
	return held;
}

bool test_check_int(intmax_t expected, intmax_t actual, const char *text, const char *file, int line)
{
	char both[512];

	snprintf(both, sizeof both, "%.400s: expected %jd, is %jd", text, expected, actual);
	return test_check(expected == actual, both, file, line);
}

bool test_check_str(const char *expected, const char *actual, const char *text, const char *file, int line)
{
	char both[1024];

	snprintf(both, sizeof both, "%.200s: expected \"%.350s\", is \"%.350s\"", text, expected ? expected : "(null)",
	         actual ? actual : "(null)");
	return test_check(expected && actual ? strcmp(expected, actual) == 0 : expected == actual, both, file, line);
}

bool test_check_mem(const void *expected, size_t n_expected, const void *actual, size_t n_actual, const char *text,
                    const char *file, int line)
{
	const unsigned char *e = expected, *a = actual;
	size_t n = n_expected < n_actual ? n_expected : n_actual, i = 0;
	char both[512];

	while (i < n && e[i] == a[i])
		i++;
	snprintf(both, sizeof both, "%.300s: expected %zu bytes, has %zu; they differ from byte %zu on", text,
	         n_expected, n_actual, i);
	return test_check(i == n_expected && i == n_actual, both, file, line);
}

bool test_check_ok(int result, const struct tend_error *error, const char *text, const char *file, int line)
{
	char both[1024];

	if (result == 0)
		return test_check(true, text, file, line);
	snprintf(both, sizeof both, "%.400s: %d (%s, step %s)", text, result, error ? error->message : "",
	         error ? tend_step_name(error->step) : "");
	return test_check(false, both, file, line);
}

/* ---- the watchdog ---- */

void test_show_threads(void)
{
	dump_threads(__func__);
}

/* The process is lost anyway: should the dump meet a lock that is held, a second alarm ends it. */
static void on_alarm(int sig)
{
	dprintf(STDERR_FILENO, "\ntest %s: took too long\n", state.running ? state.running : "?");
	signal(sig, SIG_DFL);
	alarm(10);
	dump_threads(__func__);
	leaks_kill(state.cookie);
	abort();
}

void test_restart_watchdog(void)
{
	const char *wanted = getenv("TEST_TIMEOUT");
	unsigned seconds = wanted ? (unsigned)strtoul(wanted, NULL, 10) : 0;

	alarm((seconds ? seconds : 120) * slowness());
}

/* ---- running ---- */

static void look_for_leaks(void)
{
	int64_t until = test_now_ns() + slowness() * INT64_C(30000000000);
	char report[600];
	char text[700];

	while (!leaks_check(&state.before, state.cookie, report, sizeof report)) {
		if (test_now_ns() > until) {
			snprintf(text, sizeof text, "%s left behind: %s", state.running, report);
			test_check(false, text, __FILE__, __LINE__);
			leaks_kill(state.cookie);
			/* or the next tests would find its zombies */
			for (int i = 0; i < 500 && waitpid(-1, NULL, WNOHANG) >= 0; i++)
				pause_ms(1);
			return;
		}
		pause_ms(2);
	}
}

static void run_current(void)
{
	const char *name = CU_get_current_test()->pName;

	for (size_t i = 0; i < state.n_tests; i++) {
		if (strcmp(state.tests[i].name, name) != 0)
			continue;
		state.running = name;
		snprintf(state.cookie, sizeof state.cookie, COOKIE_NAME "=%s%d-%u", state.inherited, state.pid,
		         ++state.n_run);
		setenv(COOKIE_NAME, state.cookie + sizeof COOKIE_NAME, 1);
		leaks_look(&state.before);
		test_restart_watchdog();
		state.tests[i].run();
		look_for_leaks();
		alarm(0);
		setenv(COOKIE_NAME, state.inherited, 1);
	}
}

void test_keeps_allocations(long n)
{
	state.before.allocations += n;
}

void test_warm_up(void)
{
	tend_process *p = test_spawn(&test_reliable, "true-er", NULL);
	struct tend_exit ended;
	struct tend_error e;

	if (!p)
		return;
	if (tend_process_wait(p, TEST_PATIENCE, &ended, &e) != 0 || ended.kind != TEND_EXITED || ended.code != 0) {
		fprintf(stderr, "the warm-up child did not end as it should\n");
		exit(1);
	}
	tend_process_free(p);
	leaks_settle(&state.before); /* what is counted from here on must not include the warm-up */
}

static bool is_wanted(int argc, char **argv, const char *name)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], name) == 0)
			return true;
	return argc < 2;
}

static bool add_tests(int argc, char **argv, CU_pSuite suite)
{
	int n = 0;

	for (size_t i = 0; i < state.n_tests; i++) {
		if (!is_wanted(argc, argv, state.tests[i].name))
			continue;
		if (!CU_add_test(suite, state.tests[i].name, run_current))
			return false;
		n++;
	}
	if (n == 0 || (argc > 1 && n != argc - 1))
		fprintf(stderr, "%s: no test, or an unknown one, was named\n", argv[0]);
	return n > 0 && (argc < 2 || n == argc - 1);
}

int test_main(int argc, char **argv, const char *suite, const struct test *tests, size_t n_tests)
{
	struct sigaction alarmed = { .sa_handler = on_alarm, .sa_flags = SA_NODEFER }; /* for its own alarm */
	const char *inherited = getenv(COOKIE_NAME);
	static struct leaks before;
	CU_pSuite s;
	bool failed;

	if (inherited)
		snprintf(state.inherited, sizeof state.inherited, "%s,", inherited);
	state.tests = tests;
	state.n_tests = n_tests;
	state.pid = getpid();
	dump_prepare();
	/* whoever forks does not print twice what is buffered */
	setvbuf(stdout, NULL, _IONBF, 0);
	sigaction(SIGALRM, &alarmed, NULL);
	if (CU_initialize_registry() != CUE_SUCCESS)
		return 1;
	s = CU_add_suite(suite, NULL, NULL);
	if (!s || !add_tests(argc, argv, s))
		return 1;
	state.running = "warm-up";
	test_restart_watchdog();
	leaks_look(&before);
	test_warm_up();
	if (!leaks_same_signals(&before, &state.before)) {
		fprintf(stderr, "the warm-up changed the signal mask or a disposition\n");
		return 1;
	}
	CU_basic_set_mode(CU_BRM_VERBOSE);
	failed = CU_basic_run_tests() != CUE_SUCCESS || CU_get_number_of_failures() != 0 ||
	         CU_get_number_of_tests_run() != s->uiNumberOfTests;
	printf("\n");
	CU_cleanup_registry();
	return failed;
}
