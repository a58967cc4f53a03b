/* SPDX-License-Identifier: MIT */
/*
 * A child whose first thread is not the last.
 *   exec PROGRAM ARGS...  another thread executes the program, while the first one waits
 *   last CODE             the first thread ends; another says "ready", reads stdin to EOF and ends with CODE
 */
#include <pthread.h>

#include "helper.h"

static int code;

static void *execute(void *argv)
{
	execv(*(char **)argv, argv);
	_exit(127);
}

static void *outlive(void *first)
{
	char c;

	pthread_join(*(pthread_t *)first, NULL);
	say("ready\n");
	while (read(STDIN_FILENO, &c, 1) > 0)
		;
	_exit(code);
}

int main(int argc, char **argv)
{
	static pthread_t first;
	pthread_t other;

	need(argc, argv, 2);
	first = pthread_self();
	if (strcmp(argv[1], "exec") == 0) {
		if (pthread_create(&other, NULL, execute, argv + 2) != 0)
			return 5;
		pause_for_ever();
	}
	code = (int)number(argc, argv, 2, 0);
	if (pthread_create(&other, NULL, outlive, &first) != 0)
		return 5;
	pthread_exit(NULL);
}
