/* SPDX-License-Identifier: MIT */
/* Starts a program itself, and says so: "/bin/shutdown" is no shell. */
#include <stdio.h>
#include <unistd.h>

int run(char *const *argv, char *const *envp);
int run(char *const *argv, char *const *envp)
{
	puts("/bin/shutdown");
	return execve(argv[0], argv, envp);
}
