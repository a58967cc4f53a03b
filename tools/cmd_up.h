/* SPDX-License-Identifier: MIT */
/* tend up. */
#ifndef TEND_TOOLS_CMD_UP_H
#define TEND_TOOLS_CMD_UP_H

/* Runs the processes of a Procfile; returns the exit status of tend. */
int cmd_up(int argc, char **argv);

#endif
