/* SPDX-License-Identifier: MIT */
/* A host whose child allocates between clone and exec, or which writes behind a block: ./allocates [behind] */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char *volatile p = malloc(13);
	int status = 0;
	pid_t pid;

	(void)argv;
	if (argc > 1) {
		p[13] = 'x';
		free(p);
		return 0;
	}
	pid = vfork();
	if (pid == 0) {
		free(malloc(1));
		_exit(0);
	}
	free(p);
	waitpid(pid, &status, 0);
	printf("good\n");
	return WEXITSTATUS(status);
}
