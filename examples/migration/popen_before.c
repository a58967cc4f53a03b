/* SPDX-License-Identifier: MIT */
/*
 * The lines of a shell command and its exit code, with popen(3).  See doc/MIGRATION.md; popen_after.c does the same.
 *
 * usage: popen_before SHELL-COMMAND
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

int main(int argc, char **argv)
{
	FILE *output;
	char *line = NULL;
	size_t room = 0;
	ssize_t size;
	int status;

	if (argc != 2) {
		fprintf(stderr, "usage: popen_before SHELL-COMMAND\n");
		return 2;
	}
	output = popen(argv[1], "re");
	if (!output) {
		perror("popen_before");
		return 125;
	}
	while ((size = getline(&line, &room, output)) > 0)
		printf("| %.*s\n", (int)(line[size - 1] == '\n' ? size - 1 : size), line);
	free(line);
	status = pclose(output);
	if (status >= 0 && WIFEXITED(status))
		printf("exit code %d\n", WEXITSTATUS(status));
	else
		printf("no exit code\n");
	return 0;
}
