/* SPDX-License-Identifier: MIT */
/*
 * What a spawn costs: spawn and wait of /bin/true without pipes, with no memory touched and with 2 GiB of it, in turn
 * in one run, beside fork(2) and posix_spawn(3).  The bar: tend with 2 GiB costs no more than 1.5 times tend with
 * none.  Exit status 1 when it is missed.
 */
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <tend.h>
#include <unistd.h>

#include "bench.h"

#define BIG ((size_t)2 << 30)
#define ROUNDS 9
#define SPAWNS 100
#define FORKS 5 /* 65 ms each with 2 GiB */
#define BAR 1.5

static const char *const argv[] = { "/bin/true", NULL };

static void fail(const char *what)
{
	fprintf(stderr, "bench_spawn: %s\n", what);
	exit(2);
}

static void by_tend(void)
{
	tend_process *p = NULL;
	struct tend_error err;
	struct tend_exit e;
	const struct tend_spawn how = {
		.argv = argv,
		.in = TEND_IN_NULL,
		.out = TEND_OUT_DISCARD,
		.err = TEND_OUT_DISCARD,
		.if_forgotten = TEND_FORGOTTEN_ABORT,
	};

	if (tend_spawn(&how, &p, &err) < 0)
		fail(err.message);
	if (tend_process_wait(p, TEND_FOREVER, &e, &err) < 0 || e.kind != TEND_EXITED || e.code != 0)
		fail("/bin/true did not exit with 0");
	tend_process_free(p);
}

static void await(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || status != 0)
		fail("/bin/true did not exit with 0");
}

static void by_posix_spawn(void)
{
	pid_t pid;

	if (posix_spawn(&pid, argv[0], NULL, NULL, (char *const *)argv, environ) != 0)
		fail("posix_spawn");
	await(pid);
}

static void by_fork(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		execve(argv[0], (char *const *)argv, environ);
		_exit(127);
	}
	await(pid);
}

static void run(void (*spawn)(void), int n, struct figures *f)
{
	double begun = bench_now();

	for (int i = 0; i < n; i++)
		spawn();
	bench_add(f, (bench_now() - begun) / n * 1e6);
}

int main(void)
{
	static struct figures tend[2], posix[2], forked[2];
	double ratio;

	by_tend(); /* warm-up: starts the reaper */
	for (int round = 0; round < ROUNDS; round++) {
		for (int big = 0; big < 2; big++) {
			void *memory = NULL;

			if (big) {
				memory = mmap(NULL, BIG, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
				if (memory == MAP_FAILED)
					fail("mmap of 2 GiB");
				madvise(memory, BIG, MADV_NOHUGEPAGE); /* a heap of small pages, the hard case */
				memset(memory, 1, BIG);
			}
			run(by_tend, SPAWNS, &tend[big]);
			run(by_posix_spawn, SPAWNS, &posix[big]);
			run(by_fork, FORKS, &forked[big]);
			if (big)
				munmap(memory, BIG);
		}
	}
	printf("spawn and wait of /bin/true, no pipes, %d rounds of %d (fork: %d), in turn\n", ROUNDS, SPAWNS, FORKS);
	bench_print("tend, no memory touched", &tend[0], "us");
	bench_print("tend, 2 GiB touched", &tend[1], "us");
	bench_print("posix_spawn, no memory touched", &posix[0], "us");
	bench_print("posix_spawn, 2 GiB touched", &posix[1], "us");
	bench_print("fork, no memory touched", &forked[0], "us");
	bench_print("fork, 2 GiB touched", &forked[1], "us");
	ratio = bench_median(&tend[1]) / bench_median(&tend[0]);
	printf("tend with 2 GiB / tend with none: %.2f (bar: at most %.1f): %s\n", ratio, BAR,
	       ratio <= BAR ? "met" : "MISSED");
	return ratio <= BAR ? EXIT_SUCCESS : EXIT_FAILURE;
}
