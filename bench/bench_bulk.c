/* SPDX-License-Identifier: MIT */
/*
 * What bulk output costs: 1 GiB in writes of 64 KiB from a child (this program again), to one reliable consumer,
 * beside plain read(2) loops on a pipe of the default size and on one of 1 MiB.  Every byte is counted; one that is
 * missing fails the run.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <tend.h>
#include <unistd.h>

#include "bench.h"

#define TOTAL ((uint64_t)1 << 30)
#define WRITE ((size_t)64 << 10)
#define ROUNDS 7

static void fail(const char *what)
{
	fprintf(stderr, "bench_bulk: %s\n", what);
	exit(2);
}

/* The child. */
static int produce(void)
{
	static char block[WRITE];

	for (uint64_t left = TOTAL; left > 0;) {
		ssize_t n = write(STDOUT_FILENO, block, left < WRITE ? (size_t)left : WRITE);

		if (n < 0)
			return EXIT_FAILURE;
		left -= (uint64_t)n;
	}
	return EXIT_SUCCESS;
}

static enum tend_flow count(void *arg, const struct tend_chunk *chunk)
{
	uint64_t *n = arg;

	*n += chunk->size;
	return TEND_CONTINUE;
}

static void by_tend(const char *self)
{
	const struct tend_stream_options live = {
		.backend = TEND_SINGLE_SUBSCRIBER,
		.delivery = TEND_RELIABLE,
		.replay = TEND_REPLAY_ALL, /* nothing is missed before the consumer is there */
		.read_chunk_size = TEND_DEFAULT_READ_CHUNK_SIZE,
		.max_buffered_chunks = TEND_DEFAULT_MAX_BUFFERED_CHUNKS,
	};
	struct tend_error err;
	tend_process *p = NULL;
	tend_consumer *c = NULL;
	struct tend_consumed seen;
	uint64_t n = 0;

	if (tend_spawn(&(struct tend_spawn){ .argv = (const char *const[]){ self, "produce", NULL },
	                                     .in = TEND_IN_NULL,
	                                     .out = TEND_OUT_STREAM(live),
	                                     .err = TEND_OUT_INHERIT,
	                                     .if_forgotten = TEND_FORGOTTEN_ABORT },
	               &p, &err) < 0 ||
	    tend_stream_inspect_chunks(tend_process_stdout(p), count, &n, &c, &err) < 0)
		fail(err.message);
	tend_stream_seal_replay(tend_process_stdout(p));
	tend_consumer_wait(c, TEND_FOREVER, &seen, &err);
	if (n != TOTAL || seen.ending != TEND_END_EOF || seen.bytes_dropped)
		fail("tend did not deliver every byte");
	tend_process_wait(p, TEND_FOREVER, NULL, &err);
	tend_consumer_free(c);
	tend_process_free(p);
}

static void by_raw(const char *self, int pipe_size)
{
	static char block[WRITE];
	uint64_t n = 0;
	int fds[2], status;
	ssize_t r;
	pid_t pid;

	if (pipe(fds) < 0)
		fail("pipe");
	if (pipe_size)
		(void)fcntl(fds[0], F_SETPIPE_SZ, pipe_size);
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], STDOUT_FILENO);
		close(fds[0]);
		close(fds[1]);
		execl(self, self, "produce", (char *)NULL);
		_exit(127);
	}
	close(fds[1]);
	while ((r = read(fds[0], block, sizeof block)) > 0)
		n += (uint64_t)r;
	close(fds[0]);
	if (waitpid(pid, &status, 0) != pid || status != 0 || n != TOTAL)
		fail("the raw loop did not get every byte");
}

static void run(struct figures *f, const char *self, int kind)
{
	double begun = bench_now();

	if (kind == 0)
		by_tend(self);
	else
		by_raw(self, kind == 1 ? 0 : 1 << 20);
	bench_add(f, (double)TOTAL / 1e9 / (bench_now() - begun));
}

int main(int argc, char **argv)
{
	static struct figures f[3];

	if (argc > 1 && strcmp(argv[1], "produce") == 0)
		return produce();
	for (int round = 0; round < ROUNDS; round++)
		for (int kind = 0; kind < 3; kind++)
			run(&f[(kind + round) % 3], argv[0], (kind + round) % 3);
	printf("1 GiB in writes of 64 KiB, one reliable consumer on its own thread, %d rounds in turn\n", ROUNDS);
	bench_print("tend, pipe grown on demand", &f[0], "GB/s");
	bench_print("raw read loop, default pipe", &f[1], "GB/s");
	bench_print("raw read loop, 1 MiB pipe", &f[2], "GB/s");
	printf("tend / raw with 1 MiB: %.2f; tend / raw with the default: %.2f\n",
	       bench_median(&f[0]) / bench_median(&f[2]), bench_median(&f[0]) / bench_median(&f[1]));
	return EXIT_SUCCESS;
}
