/* SPDX-License-Identifier: MIT */
/* tend doctor. */
#ifndef TEND_TOOLS_CMD_DOCTOR_H
#define TEND_TOOLS_CMD_DOCTOR_H

/* Says what of the kernel is used here; returns the exit status of tend. */
int cmd_doctor(int argc, char **argv);

#endif
