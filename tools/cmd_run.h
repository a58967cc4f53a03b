/* SPDX-License-Identifier: MIT */
/* tend run. */
#ifndef TEND_TOOLS_CMD_RUN_H
#define TEND_TOOLS_CMD_RUN_H

/* Runs a program; returns the exit status of tend. */
int cmd_run(int argc, char **argv);

#endif
