/* SPDX-License-Identifier: MIT */
/*
 * The child of all benchmarks: every contestant drives this one program, so that what differs between them is their
 * own.  It does what its first argument says and does as little else as possible; a write that fails ends it with 1,
 * and the contestant, which counts exits of 0, sees it.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PIECE ((size_t)64 << 10)
#define MESSAGE 64 /* bytes of a ping, and of its answer */
#define BEFORE_EXIT_NS 2000000 /* so that whoever waits for the exit of "stamp" is asleep by then */

static void fail(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE);
}

static uint64_t number(const char *text)
{
	char *end;
	uint64_t n = strtoull(text, &end, 10);

	if (*text == '\0' || *end != '\0') {
		fprintf(stderr, "child: \"%s\" is no number\n", text);
		exit(2);
	}
	return n;
}

static void put(const void *data, size_t size)
{
	const char *at = data;

	while (size > 0) {
		ssize_t n = write(STDOUT_FILENO, at, size);

		if (n < 0)
			fail("child: write");
		at += n;
		size -= (size_t)n;
	}
}

static void *block_of(size_t size)
{
	void *block = calloc(1, size);

	if (!block)
		fail("child: memory");
	return block;
}

/* bulk BYTES SIZE: BYTES bytes in writes of SIZE */
static void bulk(char **argv)
{
	uint64_t left = number(argv[0]);
	size_t size = number(argv[1]);
	char *block = block_of(size);

	for (; left >= size; left -= size)
		put(block, size);
	put(block, left);
}

/* hold BYTES SIZE: the same, and then waits for the end of its stdin */
static void hold(char **argv)
{
	char byte;

	bulk(argv);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
}

/*
 * lines N LENGTH: N lines of LENGTH bytes, the LF included, in writes of 64 KiB wherever the lines end.  The block
 * holds whole lines, so what follows it is its own beginning.
 */
static void lines(char **argv)
{
	uint64_t left = number(argv[0]);
	size_t length = number(argv[1]), at = 0;
	size_t size = length < PIECE ? PIECE / length * length : length;
	char *block = block_of(size + PIECE);

	memset(block, 'x', size + PIECE);
	for (size_t i = length - 1; i < size + PIECE; i += length)
		block[i] = '\n';
	for (left *= length; left > 0;) {
		size_t n = left < PIECE ? (size_t)left : PIECE;

		put(block + at, n);
		at = (at + n) % size;
		left -= n;
	}
}

/* numbers: without end; the word of 8 bytes at each offset that is a multiple of 8 is that offset */
static void numbers(char **argv)
{
	uint64_t *block = block_of(PIECE);

	(void)argv;
	for (uint64_t offset = 0;; offset += PIECE) {
		for (size_t i = 0; i < PIECE / sizeof *block; i++)
			block[i] = offset + i * sizeof *block;
		put(block, PIECE);
	}
}

/* pong: answers each message of 64 bytes with one of 64 bytes, until the end of its stdin */
static void pong(char **argv)
{
	char message[MESSAGE];
	size_t n = 0;

	(void)argv;
	for (;;) {
		ssize_t r = read(STDIN_FILENO, message + n, sizeof message - n);

		if (r <= 0)
			return;
		n += (size_t)r;
		if (n == sizeof message) {
			put(message, n);
			n = 0;
		}
	}
}

/* drip N RATE SIZE: N messages of SIZE bytes, RATE in a second */
static void drip(char **argv)
{
	uint64_t n = number(argv[0]), rate = number(argv[1]);
	size_t size = number(argv[2]);
	char *block = block_of(size);
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	for (; n > 0; n--) {
		at.tv_nsec += (long)(1000000000 / rate);
		at.tv_sec += at.tv_nsec / 1000000000;
		at.tv_nsec %= 1000000000;
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
		put(block, size);
	}
}

static void leave(int signal)
{
	(void)signal;
	_exit(EXIT_SUCCESS);
}

static void stay_with(void (*on_term)(int))
{
	struct sigaction action = { .sa_handler = on_term };

	sigaction(SIGTERM, &action, NULL);
}

/* idle: until SIGTERM, silently */
static void idle(char **argv)
{
	(void)argv;
	stay_with(leave);
	for (;;)
		pause();
}

/* obey: says that it is ready, and exits with 0 at SIGTERM */
static void obey(char **argv)
{
	stay_with(leave);
	put("ready\n", 6);
	idle(argv);
}

/* stubborn: says that it is ready, and stays until SIGKILL */
static void stubborn(char **argv)
{
	(void)argv;
	stay_with(SIG_IGN);
	put("ready\n", 6);
	for (;;)
		pause();
}

/* stamp FILE: the time of its exit, in ns of CLOCK_MONOTONIC, goes to the first 8 bytes of FILE */
static void stamp(char **argv)
{
	const struct timespec nap = { .tv_nsec = BEFORE_EXIT_NS };
	int fd = open(argv[0], O_RDWR | O_CLOEXEC);
	int64_t *word = MAP_FAILED;
	struct timespec now;

	if (fd >= 0)
		word = mmap(NULL, sizeof *word, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (word == MAP_FAILED)
		fail("child: map");
	*word = 0; /* faults the page in */
	nanosleep(&nap, NULL);
	clock_gettime(CLOCK_MONOTONIC, &now);
	*word = now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
	_exit(EXIT_SUCCESS);
}

static const struct mode {
	const char *name;
	int n_args;
	void (*run)(char **argv);
} modes[] = {
	{ "bulk", 2, bulk },
	{ "drip", 3, drip },
	{ "hold", 2, hold },
	{ "idle", 0, idle },
	{ "lines", 2, lines },
	{ "numbers", 0, numbers },
	{ "obey", 0, obey },
	{ "pong", 0, pong },
	{ "stamp", 1, stamp },
	{ "stubborn", 0, stubborn },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof modes / sizeof *modes; i++) {
		if (strcmp(argv[1], modes[i].name) != 0 || argc - 2 != modes[i].n_args)
			continue;
		modes[i].run(argv + 2);
		return EXIT_SUCCESS;
	}
	fprintf(stderr, "usage: child MODE ARGUMENT...; its modes stand at the end of child.c\n");
	return 2;
}
