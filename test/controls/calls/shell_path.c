/* SPDX-License-Identifier: MIT */
#include <unistd.h>

int run(char *const *argv, char *const *envp);
int run(char *const *argv, char *const *envp)
{
	return execve("/bin/sh", argv, envp);
}
