/* SPDX-License-Identifier: MIT */
/* The commands of tend(1), and the exit statuses that all of them share. */
#ifndef TEND_TOOLS_CMD_H
#define TEND_TOOLS_CMD_H

/* As timeout(1) and env(1).  128 + n: signal n ended the child. */
enum cmd_status {
	CMD_OK = 0,
	CMD_TIMED_OUT = 124,
	CMD_FAILED = 125,         /* tend itself failed, or an option was refused */
	CMD_NOT_EXECUTABLE = 126, /* the program is there, but cannot be executed */
	CMD_NOT_FOUND = 127,
	CMD_SIGNALED = 128
};

struct cmd {
	const char *name;
	int (*run)(int argc, char **argv); /* argv[0] is the command's name; returns the exit status of tend */
	const char *summary;
};

#endif
