/* SPDX-License-Identifier: MIT */
/* A child that says "ready" on stdout and on stderr, reads stdin to EOF, says "done" on both, and ends with CODE. */
#include "helper.h"

static void say_on_both(const char *word)
{
	if (!put(STDOUT_FILENO, word, strlen(word)) || !put(STDERR_FILENO, word, strlen(word)))
		_exit(3);
}

int main(int argc, char **argv)
{
	char byte;

	say_on_both("ready\n");
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	say_on_both("done\n");
	return (int)number(argc, argv, 1, 0);
}
