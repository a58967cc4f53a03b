/* SPDX-License-Identifier: MIT */
/*
 * Hosts in which much happens at once: ten thousand spawns from eight threads, or under a storm of SIGALRM; threads
 * that allocate, write files, change the environment, fork, and take every status.  Afterwards the books are exact.
 */
#include "hostile.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"
#include "thread.h"

#define MANY 10000
#define THREADS 8

static _Atomic bool over;

/* A thread that the end of this process does not wait for, and that is in the books from the beginning. */
static void start(void *(*run)(void *))
{
	pthread_t thread;

	CHECK_INT(0, pthread_create(&thread, NULL, run, NULL));
	pthread_detach(thread);
}

/* ---- ten thousand ---- */

/* Every tenth with both streams and a reader for each, stdin every seventh. */
static bool spawn_one(int i, int code)
{
	char text[16];
	const char *argv[] = { helper("exiter"), text, "x", NULL };
	struct tend_spawn s = test_spawn_options(argv, i % 10 ? NULL : &test_reliable);
	struct tend_exit ended = { .kind = TEND_RUNNING };
	tend_process *p = NULL;
	bool good;

	snprintf(text, sizeof text, "%d", code);
	if (i % 7 == 0)
		s.in = TEND_IN_PIPE;
	good = tend_spawn(&s, &p, NULL) == 0 && tend_process_wait(p, TEST_PATIENCE, &ended, NULL) == 0 &&
	       hostile_is_exit(&ended, TEND_EXITED, code);
	tend_process_free(p);
	return good;
}

/* Each thread has codes of its own, so that a status that goes astray to another one is a wrong one. */
#define CODES (256 / THREADS)

struct share {
	int first_code, n;
};

static void spawn_share(struct test_thread *t, void *arg)
{
	const struct share *s = arg;

	for (int i = 0; i < s->n; i++)
		if (!WORKER_CHECK(t, spawn_one(i, s->first_code + i % CODES)))
			return;
}

static void spawn_from_threads(int n)
{
	struct test_thread threads[THREADS];
	struct share shares[THREADS];

	for (int i = 0; i < THREADS; i++) {
		shares[i] = (struct share){ .first_code = i * CODES, .n = n / THREADS };
		test_thread_start(&threads[i], spawn_share, &shares[i]);
	}
	for (int i = 0; i < THREADS; i++)
		test_thread_join(&threads[i]);
}

/* Hazards 33, 34, 47; PB-15: every exit code is right, and nothing is left of any of them. */
static void ten_thousand(void)
{
	hostile_open_books();
	spawn_from_threads(hostile_rounds(MANY));
	hostile_close_books();
}

/* The same number of threads, while the host takes every status that it can get. */
static void a_thousand(void)
{
	hostile_open_books();
	spawn_from_threads(hostile_rounds(1000));
	hostile_close_books();
}

/* ---- SIGALRM ---- */

static _Atomic pid_t host;
static _Atomic long handled, strayed;

static void on_alarm(int sig)
{
	(void)sig;
	atomic_fetch_add(&handled, 1);
	if (getpid() != atomic_load(&host) || gettid() != atomic_load(&host))
		atomic_fetch_add(&strayed, 1);
}

/* Every `us` microseconds, by the wall clock; 0: never again. */
static void alarm_every(long us)
{
	const struct itimerval storm = { { 0, us }, { 0, us } };

	CHECK_INT(0, setitimer(ITIMER_REAL, &storm, NULL));
}

/* All of a spawn but the new program, which is what costs most of the time. */
static bool exec_fails(void)
{
	const char *argv[] = { "/nowhere/prog", NULL };
	struct tend_spawn s = test_spawn_options(argv, NULL);
	struct tend_error e = { .code = 0 };
	tend_process *p = NULL;

	return tend_spawn(&s, &p, &e) == -ENOENT && e.step == TEND_STEP_EXEC;
}

static void handle_alarms(void)
{
	const struct sigaction action = { .sa_handler = on_alarm };

	atomic_store(&host, getpid());
	CHECK_INT(0, sigaction(SIGALRM, &action, NULL));
}

/*
 * Hazards 7, 9, 29, 91: a handler, without SA_RESTART, runs in the middle of everything, and only ever in the host and
 * on the host's own thread: a child that shares our memory would count in it, and has another pid.
 */
static void alarm_storm(void)
{
	handle_alarms();
	hostile_open_books();
	alarm_every(test_under_valgrind() || test_under_sanitizer() ? 2000 : 100);
	for (int i = 0; i < hostile_rounds(MANY); i++)
		CHECK(i % 20 ? spawn_one(i, i % 256) : exec_fails());
	alarm_every(0);
	hostile_close_books();
	CHECK(atomic_load(&handled) > 0);
	CHECK_INT(0, atomic_load(&strayed));
}

static void scenarios_in_a_storm(void)
{
	handle_alarms();
	alarm_every(500);
	hostile_scenarios();
	CHECK_INT(0, atomic_load(&strayed));
}

/* ---- threads that hold every lock there is ---- */

static void *allocate(void *arg)
{
	for (size_t n = 1; !atomic_load(&over); n = n * 7 % 300007 + 1) {
		char *p = malloc(n);

		if (p)
			*(volatile char *)p = 1;
		free(p);
	}
	return arg;
}

/* No other thread may read the environment meanwhile: who spawns gives it. */
static void *change_environment(void *arg)
{
	char value[16];

	for (unsigned i = 0; !atomic_load(&over); i++) {
		snprintf(value, sizeof value, "%u", i);
		setenv("TEND_TEST_STORM", value, 1);
		unsetenv("TEND_TEST_STORM");
	}
	return arg;
}

static void *use_stdio(void *arg)
{
	FILE *f = fopen("/dev/null", "we");

	for (int i = 0; f && !atomic_load(&over); i++) {
		fprintf(f, "%d\n", i);
		fflush(NULL); /* takes the lock of every file there is */
	}
	if (f)
		fclose(f);
	return arg;
}

static void spawn_with_environment(struct test_thread *t, void *arg)
{
	static const char *const env[] = { "A=1", NULL };
	const char *argv[] = { helper("exiter"), "9", NULL };

	(void)arg;
	for (int i = 0; i < hostile_rounds(150); i++) {
		struct tend_spawn s = test_spawn_options(argv, i % 10 ? NULL : &test_reliable);
		struct tend_exit ended = { .kind = TEND_RUNNING };
		tend_process *p = NULL;

		s.env = env;
		if (!WORKER_CHECK_INT(t, 0, tend_spawn(&s, &p, NULL)))
			return;
		WORKER_CHECK_INT(t, 0, tend_process_wait(p, TEST_PATIENCE, &ended, NULL));
		WORKER_CHECK_INT(t, 9, ended.code);
		tend_process_free(p);
	}
}

/* Hazards 9, 20: a child takes no lock between its birth and its program, so none can be held for ever. */
static void lock_storm(void)
{
	struct test_thread spawners[2];

	hostile_open_books(); /* all that looks at the environment has done so */
	start(allocate);
	start(change_environment);
	start(use_stdio);
	for (int i = 0; i < 2; i++)
		test_thread_start(&spawners[i], spawn_with_environment, NULL);
	for (int i = 0; i < 2; i++)
		test_thread_join(&spawners[i]);
	atomic_store(&over, true);
	hostile_close_books();
}

/* The same without shared memory: the child is a copy of a process whose locks are held by threads that it lacks. */
static void without_shared_memory(void)
{
	setenv("TEND_DISABLE", "vfork", 1);
}

static void start_allocating(void)
{
	start(allocate);
	start(use_stdio);
}

/* ---- forks of the host ---- */

/*
 * Copies of the host, taken at any moment: each can spawn for itself, and does nobody any harm.  ThreadSanitizer has no
 * threads in such a copy, so there they only are.
 */
static void fork_again_and_again(struct test_thread *t, void *arg)
{
	int forks = 0;

	(void)arg;
	while (!atomic_load(&over) || forks < 5) {
		int status = -1;
		pid_t pid = fork();

		if (pid == 0) {
			alarm(100);
			test_end_copy(test_under_sanitizer() || hostile_exit_code_arrives(forks % 250) ? 0 : 1);
		}
		if (!WORKER_CHECK(t, pid > 0))
			return;
		WORKER_CHECK_INT(t, pid, waitpid(pid, &status, 0));
		WORKER_CHECK(t, test_copy_is_well(status));
		forks++;
	}
}

/* Hazard 48; and a copy that holds the pipes of a spawn under way must not be waited for. */
static void forks_in_mid_flight(void)
{
	struct test_thread forker;

	hostile_open_books();
	test_thread_start(&forker, fork_again_and_again, NULL);
	spawn_from_threads(hostile_rounds(2000));
	atomic_store(&over, true);
	test_thread_join(&forker);
	hostile_close_books();
}

/* ---- a thief ---- */

static void *thieve(void *arg)
{
	for (;;)
		if (waitpid(-1, NULL, 0) < 0)
			sched_yield();
	return arg;
}

static void start_thief(void)
{
	start(thieve);
}

#define AT_ONCE 25

/* Hazard 30: 500 children against a thief that sleeps in waitpid(-1); each status is right, or honestly unknown. */
static void five_hundred_stolen(void)
{
	hostile_open_books();
	for (int round = 0; round < hostile_rounds(20); round++) {
		tend_process *p[AT_ONCE] = { NULL };
		struct tend_exit ended;
		char code[16];

		for (int i = 0; i < AT_ONCE; i++) {
			snprintf(code, sizeof code, "%d", (round * AT_ONCE + i) % 250);
			p[i] = test_spawn(NULL, "exiter", code, NULL);
		}
		for (int i = 0; i < AT_ONCE; i++) {
			CHECK(test_wait(p[i], &ended));
			CHECK(hostile_is_exit(&ended, TEND_EXITED, (round * AT_ONCE + i) % 250));
			tend_process_free(p[i]);
		}
	}
	hostile_close_books();
}

static void thief_without_info(void)
{
	setenv("TEND_DISABLE", "pidfd_info", 1);
	start_thief();
}

int main(int argc, char **argv)
{
	static const struct hostile settings[] = {
		{ .name = "ten_thousand", .run = ten_thousand },
		{ .name = "a_thousand_against_a_thief", .arrange = start_thief, .run = a_thousand,
		  .takes_status = true },
		{ .name = "alarm_storm", .run = alarm_storm },
		{ .name = "scenarios_in_a_storm", .run = scenarios_in_a_storm },
		{ .name = "lock_storm", .run = lock_storm },
		{ .name = "lock_storm_without_vfork", .arrange = without_shared_memory, .run = lock_storm },
		{ .name = "scenarios_among_threads", .arrange = start_allocating },
		{ .name = "forks_in_mid_flight", .run = forks_in_mid_flight },
		{ .name = "five_hundred_stolen", .arrange = start_thief, .run = five_hundred_stolen,
		  .takes_status = true },
		{ .name = "five_hundred_stolen_for_good", .arrange = thief_without_info, .run = five_hundred_stolen,
		  .takes_status = true },
	};

	return hostile_main(argc, argv, "hostile_storm", settings, sizeof settings / sizeof *settings);
}
