/* SPDX-License-Identifier: MIT */
/*
 * Spawning in a host that does not make it easy: signals blocked, ignored and raining down, descriptors that leak or
 * are missing, many threads, and kernels without what the fast ways need.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fault.h"
#include "test.h"
#include "thread.h"

static bool report(const char *what, char *out, size_t size)
{
	const char *argv[] = { helper("reporter"), what, NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);

	return test_output_of(&s, out, size);
}

/* Fewer where each one is slow. */
static int rounds(int n)
{
	return test_under_valgrind() || test_under_sanitizer() || getenv("TEST_ROUND") ? n / 10 : n;
}

/* PB-8, hazard 40: the child leads a group of its own, in our session, when the spawn returns. */
static void own_group(void)
{
	const char *argv[] = { helper("reporter"), "pgid", NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	struct tend_error e;
	struct tend_exit ended;
	tend_process *p = NULL;
	char line[64], expected[64];

	if (!CHECK_OK(tend_spawn(&s, &p, &e), &e))
		return;
	snprintf(expected, sizeof expected, "%d", tend_process_pid(p));
	if (test_await_line(tend_process_stdout(p), expected, line, sizeof line))
		CHECK_STR("", line);
	test_wait(p, &ended);
	tend_process_free(p);
	p = test_spawn(&test_reliable_all, "obedient", NULL);
	if (!p)
		return;
	CHECK_INT(tend_process_pid(p), getpgid(tend_process_pid(p)));
	CHECK_INT(getsid(0), getsid(tend_process_pid(p)));
	tend_process_free(p);
}

/*
 * PB-12, hazards 21, 22: whatever the spawning thread blocks and the host ignores, the child begins with nothing of
 * it.
 */
static void signal_state_is_clean(void)
{
	static const int ignored[] = { SIGPIPE, SIGHUP, SIGUSR1, SIGTTOU };
	struct sigaction before[sizeof ignored / sizeof *ignored], rt_before, action = { .sa_handler = SIG_IGN };
	int rt = SIGRTMIN + 3;
	sigset_t most, mask_before;
	char out[512];

	for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
		sigaction(ignored[i], &action, &before[i]);
	sigaction(rt, &action, &rt_before);
	sigfillset(&most);
	sigdelset(&most, SIGALRM); /* the watchdog's */
	pthread_sigmask(SIG_SETMASK, &most, &mask_before);
	if (report("signals", out, sizeof out)) {
		CHECK(strstr(out, "SigBlk:\t0000000000000000\n") != NULL);
		CHECK(strstr(out, "SigIgn:\t0000000000000000\n") != NULL);
	}
	pthread_sigmask(SIG_SETMASK, &mask_before, NULL);
	sigaction(rt, &rt_before, NULL);
	for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
		sigaction(ignored[i], &before[i], NULL);
}

/* As the kernel has it.  Not everywhere is there a restorer: what is behind the handler is all zero, or only kept. */
struct kernel_action {
	unsigned long handler, flags, restorer, mask;
};

static long dispose_raw(long sig, const struct kernel_action *action, struct kernel_action *ret_old)
{
	return syscall(SYS_rt_sigaction, sig, action, ret_old, sizeof(uint64_t));
}

/* proc(5): a mask of this process, such as "SigIgn"; 0: it is not to be had. */
static uint64_t own_mask(const char *key)
{
	FILE *f = fopen("/proc/self/status", "re");
	unsigned long long mask = 0;
	char line[256];

	while (f && fgets(line, sizeof line, f))
		if (strncmp(line, key, strlen(key)) == 0)
			sscanf(line + strlen(key), ": %llx", &mask);
	if (f)
		fclose(f);
	return mask;
}

/*
 * PB-12, hazards 21, 22: 32 and 33, which the C library keeps for itself, and neither ignores, nor blocks, nor shows to
 * who asks it.  A host that was started with them ignored hands that on all the same.
 */
static void signals_of_the_c_library_are_clean(void)
{
	const struct kernel_action ignore = { .handler = (unsigned long)SIG_IGN };
	const uint64_t both = UINT64_C(3) << (32 - 1), most = ~(UINT64_C(1) << (SIGALRM - 1)); /* the watchdog's */
	struct kernel_action before[2];
	uint64_t mask_before;
	char out[512];

	if (test_under_valgrind()) {
		printf("(left out: valgrind keeps signals for itself) ");
		return;
	}
	if (!test_is_apart())
		return;
	for (int i = 0; i < 2; i++)
		CHECK_INT(0, dispose_raw(32 + i, &ignore, &before[i]));
	CHECK_INT(0, syscall(SYS_rt_sigprocmask, SIG_SETMASK, &most, &mask_before, sizeof most));
	CHECK((own_mask("SigIgn") & both) == both);
	CHECK((own_mask("SigBlk") & both) == both);
	if (report("signals", out, sizeof out)) {
		CHECK(strstr(out, "SigBlk:\t0000000000000000\n") != NULL);
		CHECK(strstr(out, "SigIgn:\t0000000000000000\n") != NULL);
	}
	CHECK((own_mask("SigIgn") & both) == both); /* and the host's are as they were */
	CHECK((own_mask("SigBlk") & both) == both);
	CHECK_INT(0, syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask_before, NULL, sizeof mask_before));
	for (int i = 0; i < 2; i++)
		CHECK_INT(0, dispose_raw(32 + i, &before[i], NULL));
}

/* In a process of its own: what the host would hear of its signals is as it was before the library's first call. */
static int use_and_compare(void)
{
	const char *argv[] = { helper("obedient"), NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	struct sigaction before[65], after;
	sigset_t mask, mask_after;
	tend_process *p = NULL;

	sigemptyset(&mask);
	sigemptyset(&mask_after);
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	for (int sig = 1; sig < 65; sig++)
		sigaction(sig, NULL, &before[sig]);
	s.in = TEND_IN_PIPE;
	if (tend_spawn(&s, &p, NULL) != 0 || tend_process_kill(p, TEST_PATIENCE, NULL, NULL) != 0)
		return 10;
	tend_process_stdin_write(p, "x", 1, TEST_PATIENCE, NULL, NULL);
	for (int sig = 1; sig < 65; sig++)
		if (sigaction(sig, NULL, &after) == 0 && (after.sa_handler != before[sig].sa_handler ||
		                                          after.sa_flags != before[sig].sa_flags))
			return sig;
	pthread_sigmask(SIG_SETMASK, NULL, &mask_after);
	tend_process_free(p);
	return memcmp(&mask, &mask_after, sizeof mask) != 0;
}

/* Hazard 32: dispositions, that of SIGCHLD above all, and masks are the host's. */
static void signals_are_the_hosts(void)
{
	const char *argv[] = { "--use-and-compare", NULL };

	CHECK_INT(0, test_run_self(argv, NULL, NULL, NULL, 0));
}

/* Hazard 1: a descriptor that the host left open without CLOEXEC stays the host's, with its flag as it was. */
static void no_descriptor_leaks(void)
{
	char out[512];

	CHECK_INT(77, dup2(STDIN_FILENO, 77));
	CHECK_INT(900, dup2(STDIN_FILENO, 900));
	if (report("fds", out, sizeof out))
		CHECK_STR("0\n1\n2\n", out);
	CHECK_INT(0, fcntl(77, F_GETFD));
	CHECK_INT(0, fcntl(900, F_GETFD));
	close(77);
	close(900);
}

/* ---- closed standard streams ---- */

/* In a process of its own that has closed some of 0, 1 and 2 before anything: pipes to a child work. */
static int closed_stdio(const char *which)
{
	const char *argv[] = { helper("echoer"), NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	struct tend_complete all = {
		.timeout = TEST_PATIENCE,
		.out = TEND_COLLECT_BYTES(.overflow = TEND_TRUSTED_UNBOUNDED),
		.drain = { .idle = TEST_PATIENCE, .total = TEST_PATIENCE },
	};
	struct tend_result result;
	tend_process *p = NULL;

	for (; *which; which++)
		close(*which - '0');
	s.in = TEND_IN_PIPE;
	for (int i = 0; i < 3; i++) {
		if (tend_spawn(&s, &p, NULL) != 0)
			return 10;
		if (tend_process_stdin_write(p, "hello", 5, TEST_PATIENCE, NULL, NULL) != 0)
			return 11;
		if (tend_process_complete(p, &all, &result, NULL) != 0)
			return 12;
		if (result.exit.kind != TEND_EXITED || result.exit.code != 0)
			return 13;
		if (result.out.collected.size != 5 || memcmp(result.out.collected.data, "hello", 5) != 0)
			return 14;
		p = tend_process_free(p);
	}
	return 0;
}

/* The same, and what the child inherits is what we had: nothing, and not something of the library's. */
static int closed_and_inherited(const char *which)
{
	const char *argv[] = { helper("reporter"), "fds", NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	char expected[16], out[64];
	size_t n = 0;
	bool good;

	for (const char *w = which; *w; w++)
		close(*w - '0');
	s.in = TEND_IN_INHERIT;
	s.err = TEND_OUT_INHERIT;
	for (char c = '0'; c < '3'; c++)
		if (c == '1' || !strchr(which, c))
			n += (size_t)snprintf(expected + n, sizeof expected - n, "%c\n", c);
	for (int i = 0; i < 2; i++) {
		struct tend_complete all = {
			.timeout = TEST_PATIENCE,
			.out = TEND_COLLECT_BYTES(.overflow = TEND_TRUSTED_UNBOUNDED),
			.drain = { .idle = TEST_PATIENCE, .total = TEST_PATIENCE },
		};
		struct tend_result r;
		tend_process *p = NULL;

		if (tend_spawn(&s, &p, NULL) != 0)
			return 20;
		good = tend_process_complete(p, &all, &r, NULL) == 0;
		snprintf(out, sizeof out, "%s", good ? r.out.collected.data : "");
		tend_process_free(p);
		if (!good || strcmp(out, expected) != 0)
			return 21 + i;
	}
	return 0;
}

/* Hazard 14: with 0, 1 or 2 closed, pipes and the library's own descriptors get their numbers. */
static void standard_streams_closed(void)
{
	static const char *const subsets[] = { "0", "1", "2", "01", "12", "02", "012" };

	for (size_t i = 0; i < sizeof subsets / sizeof *subsets; i++) {
		const char *argv[] = { "--closed-stdio", subsets[i], NULL };

		CHECK_INT(0, WEXITSTATUS(test_run_self(argv, NULL, NULL, NULL, 0)));
		argv[0] = "--closed-and-inherited";
		CHECK_INT(0, WEXITSTATUS(test_run_self(argv, NULL, NULL, NULL, 0)));
	}
}

/* ---- signals ---- */

static _Atomic pid_t host;
static _Atomic int handled, strayed_process, strayed_thread;

static void on_storm(int sig)
{
	(void)sig;
	atomic_fetch_add(&handled, 1);
	if (getpid() != atomic_load(&host))
		atomic_fetch_add(&strayed_process, 1);
	else if (gettid() != atomic_load(&host))
		atomic_fetch_add(&strayed_thread, 1);
}

static void storm(timer_t *timer, long interval_ns)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	struct itimerspec spec = { .it_interval = { 0, interval_ns }, .it_value = { 0, interval_ns } };

	CHECK_INT(0, timer_create(CLOCK_MONOTONIC, &event, timer));
	CHECK_INT(0, timer_settime(*timer, 0, &spec, NULL));
}

static _Atomic bool storm_must_end;

static void *storm_the_group(void *arg)
{
	sigset_t storms;

	sigemptyset(&storms);
	sigaddset(&storms, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &storms, NULL);
	while (!atomic_load(&storm_must_end))
		kill(0, SIGUSR1);
	return arg;
}

/*
 * In a process that leads a group of its own: signals to the group reach a child, too, until it has left the group.
 * They must neither run the host's handler in the child, on memory that is the host's, nor kill the new program.
 */
static int group_storm(void)
{
	struct sigaction action = { .sa_handler = on_storm, .sa_flags = SA_RESTART };
	const char *argv[] = { helper("exiter"), "3", NULL };
	struct tend_spawn s = test_spawn_options(argv, NULL);
	pthread_t thread;
	int killed = 0;

	if (setpgid(0, 0) != 0)
		return 10;
	atomic_store(&host, getpid());
	sigaction(SIGUSR1, &action, NULL);
	if (pthread_create(&thread, NULL, storm_the_group, NULL) != 0)
		return 11;
	while (!atomic_load(&handled)) /* the thread may begin when all children have been */
		sched_yield();
	for (int i = 0; i < rounds(100); i++) {
		struct tend_exit ended;
		tend_process *p = NULL;

		if (tend_spawn(&s, &p, NULL) != 0 || tend_process_wait(p, TEST_PATIENCE, &ended, NULL) != 0)
			return 12;
		killed += ended.kind != TEND_EXITED || ended.code != 3;
		tend_process_free(p);
	}
	atomic_store(&storm_must_end, true);
	pthread_join(thread, NULL);
	if (atomic_load(&strayed_process))
		return 13;
	return killed ? 14 : 0;
}

/* Hazards 7, 40. */
static void storm_on_the_group(void)
{
	const char *argv[] = { "--group-storm", NULL };

	CHECK_INT(0, test_run_self(argv, NULL, NULL, NULL, 0));
}

/* Hazards 7, 29: the host's handlers run in the host, on the host's threads, however many signals there are. */
static void signal_storm(void)
{
	struct sigaction before, action = { .sa_handler = on_storm, .sa_flags = SA_RESTART };
	const char *argv[] = { helper("exiter"), "3", NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable);
	timer_t timer;

	atomic_store(&host, getpid());
	atomic_store(&handled, 0);
	sigaction(SIGUSR1, &action, &before);
	storm(&timer, test_under_valgrind() || test_under_sanitizer() ? 2000000 : 50000);
	for (int i = 0; i < rounds(200); i++) {
		struct tend_exit ended;
		struct tend_error e;
		tend_process *p = NULL;

		if (!CHECK_OK(tend_spawn(&s, &p, &e), &e))
			break;
		if (test_wait(p, &ended))
			CHECK_INT(3, ended.code);
		tend_process_free(p);
	}
	timer_delete(timer);
	sigaction(SIGUSR1, &before, NULL);
	CHECK(atomic_load(&handled) > 0);
	CHECK_INT(0, atomic_load(&strayed_process));
	CHECK_INT(0, atomic_load(&strayed_thread));
}

/* ---- threads ---- */

static void spawn_many(struct test_thread *t, void *arg)
{
	int base = *(int *)arg;
	char code[16];
	const char *argv[] = { helper("exiter"), code, NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable);

	for (int i = 0; i < rounds(30); i++) {
		struct tend_exit ended = { .kind = TEND_RUNNING };
		tend_process *p = NULL;

		snprintf(code, sizeof code, "%d", (base + i) % 256);
		if (!WORKER_CHECK_INT(t, 0, tend_spawn(&s, &p, NULL)))
			return;
		WORKER_CHECK_INT(t, 0, tend_process_wait(p, TEST_PATIENCE, &ended, NULL));
		WORKER_CHECK_INT(t, TEND_EXITED, ended.kind);
		WORKER_CHECK_INT(t, (base + i) % 256, ended.code);
		tend_process_free(p);
	}
}

/* PB-15, hazards 33, 34: any number of threads at once; each gets the status of its own child. */
static void eight_threads_spawn(void)
{
	struct test_thread threads[8];
	int bases[8];

	for (int i = 0; i < 8; i++) {
		bases[i] = i * 30;
		test_thread_start(&threads[i], spawn_many, &bases[i]);
	}
	for (int i = 0; i < 8; i++)
		test_thread_join(&threads[i]);
}

static _Atomic bool echoes_done;

/* Keeps a few children alive that never end by themselves: whatever leaks into them stays open. */
static void spawn_holders(struct test_thread *t, void *arg)
{
	const char *argv[] = { helper("obedient"), NULL };
	struct tend_spawn s = test_spawn_options(argv, NULL);
	tend_process *held[4] = { NULL };
	struct tend_stop_report r;

	(void)arg;
	for (size_t i = 0; !atomic_load(&echoes_done); i = (i + 1) % 4) {
		if (held[i])
			WORKER_CHECK_INT(t, 0, tend_process_kill(held[i], TEST_PATIENCE, &r, NULL));
		held[i] = tend_process_free(held[i]);
		if (!WORKER_CHECK_INT(t, 0, tend_spawn(&s, &held[i], NULL)))
			break;
	}
	for (size_t i = 0; i < 4; i++)
		tend_process_free(held[i]);
}

/* Hazard 1: a child that another thread spawns at the same time does not hold our pipe open. */
static void siblings_do_not_hold_pipes(void)
{
	const char *argv[] = { helper("echoer"), NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable);
	struct test_thread holder;

	s.in = TEND_IN_PIPE;
	atomic_store(&echoes_done, false);
	test_thread_start(&holder, spawn_holders, NULL);
	for (int i = 0; i < rounds(100); i++) {
		struct tend_exit ended;
		struct tend_error e;
		tend_process *p = NULL;
		bool good;

		if (!CHECK_OK(tend_spawn(&s, &p, &e), &e))
			break;
		tend_process_stdin_close(p);
		/* a leak would keep it from ending for ever */
		good = CHECK_OK(tend_process_wait(p, TEND_SECONDS(30), &ended, &e), &e) &&
		       CHECK_INT(TEND_EXITED, ended.kind);
		tend_process_free(p);
		if (!good)
			break;
	}
	atomic_store(&echoes_done, true);
	test_thread_join(&holder);
}

static void spawn_and_free(struct test_thread *t, void *arg)
{
	(void)arg;
	for (int i = 0; i < rounds(50); i++) {
		const char *argv[] = { i % 2 ? helper("obedient") : helper("true-er"), NULL };
		struct tend_spawn s = test_spawn_options(argv, &test_reliable);
		tend_process *p = NULL;

		s.in = TEND_IN_PIPE;
		if (WORKER_CHECK_INT(t, 0, tend_spawn(&s, &p, NULL)))
			tend_process_free(p);
	}
}

/* Hazard 64: handles freed at every moment of their child's life, by many threads; the runner sees what stays. */
static void free_at_once(void)
{
	struct test_thread threads[4];

	for (int i = 0; i < 4; i++)
		test_thread_start(&threads[i], spawn_and_free, NULL);
	for (int i = 0; i < 4; i++)
		test_thread_join(&threads[i]);
}

/* ---- kernels without ---- */

/* Run by with_fallbacks in a process where TEND_DISABLE says what there is not: the other way is really taken. */
static void takes_the_way_that_is_left(void)
{
	const char *disabled = getenv("TEND_DISABLE");
	bool no_vfork = disabled && (strstr(disabled, "vfork") || strstr(disabled, "clone_pidfd"));
	bool no_group = disabled && strstr(disabled, "pidfd_group");
	unsigned long shared = fault_sys_calls("spawn_shared"), copied = fault_sys_calls("spawn_copied");
	unsigned long kills = fault_sys_calls("kill");
	tend_process *p = test_spawn(&test_reliable_all, "obedient", NULL);
	struct tend_stop_report stopped;
	struct tend_error e;

	if (!p)
		return;
	CHECK_INT(!no_vfork, fault_sys_calls("spawn_shared") - shared);
	CHECK_INT(no_vfork, fault_sys_calls("spawn_copied") - copied);
	CHECK_OK(tend_process_kill(p, TEST_PATIENCE, &stopped, &e), &e);
	CHECK_INT(TEND_STOPPED_BY_KILL, stopped.outcome);
	if (no_group)
		CHECK(fault_sys_calls("kill") > kills);
	tend_process_free(p);
}

/*
 * Hazard 5: no page of the host's is copied, nor made read-only so that it would be: what the host writes behind a
 * spawn it writes without a fault.  Behind a copy each page would have one.
 */
static void pages_are_not_copied(void)
{
	size_t size = (size_t)64 << 20, page = (size_t)sysconf(_SC_PAGESIZE);
	char *much = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const char *disabled = getenv("TEND_DISABLE");
	bool is_copied = disabled && (strstr(disabled, "vfork") || strstr(disabled, "clone_pidfd"));
	struct rusage before, behind;
	tend_process *p;
	long faults;

	if (!CHECK(much != MAP_FAILED))
		return;
	madvise(much, size, MADV_NOHUGEPAGE);
	memset(much, 1, size);
	p = test_spawn(NULL, "obedient", NULL);
	CHECK_INT(0, getrusage(RUSAGE_SELF, &before));
	for (size_t i = 0; i < size; i += page)
		((volatile char *)much)[i] = 2;
	CHECK_INT(0, getrusage(RUSAGE_SELF, &behind));
	faults = behind.ru_minflt - before.ru_minflt;
	if (is_copied) /* the control: it can be seen */
		CHECK(faults >= (long)(size / page));
	else if (!test_under_valgrind() && !test_under_sanitizer())
		CHECK(faults < (long)(size / page / 16));
	munmap(much, size);
	tend_process_kill(p, TEST_PATIENCE, NULL, NULL);
	tend_process_free(p);
}

/* Hazards 3, 6, 27, 36: the whole of this suite again with each facility missing, and with all. */
static void with_fallbacks(void)
{
	static const char *const missing[] = { "vfork", "clone_pidfd", "pidfd_group", "pidfd_signal", "close_range",
		                               "vfork,clone_pidfd,pidfd_group,pidfd_signal,close_range" };
	static const char *const again[] = { "takes_the_way_that_is_left",
		                             "pages_are_not_copied",
		                             "own_group",
		                             "signal_state_is_clean",
		                             "signals_of_the_c_library_are_clean",
		                             "no_descriptor_leaks",
		                             "standard_streams_closed",
		                             "signal_storm",
		                             "storm_on_the_group",
		                             "eight_threads_spawn",
		                             "siblings_do_not_hold_pipes",
		                             "free_at_once",
		                             NULL };

	for (size_t i = 0; i < sizeof missing / sizeof *missing; i++)
		CHECK_INT(0, test_run_self(again, "TEND_DISABLE", missing[i], NULL, 0));
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "own_group", own_group },
		{ "pages_are_not_copied", pages_are_not_copied },
		{ "signal_state_is_clean", signal_state_is_clean },
		{ "signals_of_the_c_library_are_clean", signals_of_the_c_library_are_clean },
		{ "signals_are_the_hosts", signals_are_the_hosts },
		{ "no_descriptor_leaks", no_descriptor_leaks },
		{ "standard_streams_closed", standard_streams_closed },
		{ "signal_storm", signal_storm },
		{ "storm_on_the_group", storm_on_the_group },
		{ "eight_threads_spawn", eight_threads_spawn },
		{ "siblings_do_not_hold_pipes", siblings_do_not_hold_pipes },
		{ "free_at_once", free_at_once },
		{ "takes_the_way_that_is_left", takes_the_way_that_is_left },
		{ "with_fallbacks", with_fallbacks },
	};

	if (argc == 2 && strcmp(argv[1], "--use-and-compare") == 0)
		return use_and_compare();
	if (argc == 2 && strcmp(argv[1], "--group-storm") == 0)
		return group_storm();
	if (argc == 3 && strcmp(argv[1], "--closed-stdio") == 0)
		return closed_stdio(argv[2]);
	if (argc == 3 && strcmp(argv[1], "--closed-and-inherited") == 0)
		return closed_and_inherited(argv[2]);
	return test_main(argc, argv, "host", tests, sizeof tests / sizeof *tests);
}
