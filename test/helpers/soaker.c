/* SPDX-License-Identifier: MIT */
/*
 * A child that writes OUT bytes to its stdout and ERR bytes to its stderr, in pieces of random sizes in random order,
 * and ends as told.  Byte i of each is i % 251.
 *
 *   soaker OUT ERR SEED exit CODE
 *   soaker OUT ERR SEED kill           SIGKILL, by itself
 *   soaker OUT ERR SEED pause          until it is ended
 *   soaker OUT ERR SEED ignore         the same, and not by SIGTERM
 *   soaker OUT ERR SEED leave CODE     a child of its own that holds both pipes and pauses; then CODE
 */
#include <signal.h>
#include <stdint.h>

#include "helper.h"

#define PERIOD 251
#define MOST 20000

static unsigned char pattern[MOST + PERIOD];
static unsigned seed;

static uint64_t write_piece(int fd, uint64_t at, uint64_t end)
{
	uint64_t n = 1 + (uint64_t)rand_r(&seed) % MOST;

	if (n > end - at)
		n = end - at;
	if (!put(fd, pattern + at % PERIOD, (size_t)n))
		_exit(3);
	return at + n;
}

static void write_all(uint64_t out_end, uint64_t err_end)
{
	uint64_t out = 0, err = 0;

	while (out < out_end || err < err_end) {
		if (out < out_end && (err == err_end || rand_r(&seed) % 2))
			out = write_piece(STDOUT_FILENO, out, out_end);
		else
			err = write_piece(STDERR_FILENO, err, err_end);
	}
}

int main(int argc, char **argv)
{
	const char *end;

	need(argc, argv, 4);
	seed = (unsigned)number(argc, argv, 3, 1);
	end = argv[4];
	for (size_t i = 0; i < sizeof pattern; i++)
		pattern[i] = (unsigned char)(i % PERIOD);
	if (strcmp(end, "ignore") == 0)
		signal(SIGTERM, SIG_IGN);
	write_all(strtoull(argv[1], NULL, 10), strtoull(argv[2], NULL, 10));
	if (strcmp(end, "kill") == 0)
		raise(SIGKILL);
	if (strcmp(end, "pause") == 0 || strcmp(end, "ignore") == 0)
		pause_for_ever();
	if (strcmp(end, "leave") == 0 && fork() == 0)
		pause_for_ever();
	return (int)number(argc, argv, 5, 0);
}
