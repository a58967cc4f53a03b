/* SPDX-License-Identifier: MIT */
/* tend(1): finds the command and hands over to it.  Thin on purpose: the commands are users of the library. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <tend.h>

#include "cmd.h"
#include "cmd_doctor.h"
#include "cmd_run.h"
#include "cmd_up.h"
#include "io.h"
#include "say.h"

static const struct cmd commands[] = {
	{ "run", cmd_run, "run a program, pass on its output, stop it when told to, and say how it ended" },
	{ "up", cmd_up, "run the processes of a Procfile together" },
	{ "doctor", cmd_doctor, "say which facilities of the kernel are used here" },
};

/*
 * 0, 1 and 2 must be open, or a file that tend opens would become the child's stdin or be written to as tend's own
 * stdout.  Whatever is missing is opened the wrong way round, so that using it still fails.
 */
static int open_missing_stdio(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd)
			return -1;
	return 0;
}

static int help(void)
{
	char text[1024];
	int n = snprintf(text, sizeof text, "usage: tend COMMAND [options] ...\n\ncommands:\n");

	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		n += snprintf(text + n, sizeof text - (size_t)n, "  %-6s %s\n", commands[i].name, commands[i].summary);
	snprintf(text + n, sizeof text - (size_t)n, "%s",
	         "\ntend COMMAND --help lists the options of a command; tend --version; man 1 tend.\n");
	return io_print(text) == 0 ? CMD_OK : CMD_FAILED;
}

static int version(void)
{
	char text[64];

	snprintf(text, sizeof text, "tend %s\n", tend_version());
	return io_print(text) == 0 ? CMD_OK : CMD_FAILED;
}

int main(int argc, char **argv)
{
	if (open_missing_stdio() < 0)
		return CMD_FAILED;
	if (argc < 2) {
		say("no command given: write tend run [options] [--] COMMAND [ARG...]; tend --help lists the others");
		return CMD_FAILED;
	}
	if (strcmp(argv[1], "--help") == 0)
		return help();
	if (strcmp(argv[1], "--version") == 0)
		return version();
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	say("%.60s is no command of tend: write tend run [options] [--] COMMAND [ARG...]; tend --help lists the others",
	    argv[1]);
	return CMD_FAILED;
}
