/* SPDX-License-Identifier: MIT */
/*
 * tend doctor: what the library says of the kernel, and what can be seen only by using the library: that a child is
 * bound to the life of this program, which takes a second program, installed beside the library.
 */
#include "cmd_doctor.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <tend.h>

#include "cmd.h"
#include "io.h"
#include "options.h"
#include "say.h"

enum { MOST = 32, TEXT_SIZE = 8192, UNWELL = 1 };

static const char help_text[] =
	"usage: tend doctor\n"
	"\n"
	"Tries each facility of the kernel that the library uses, and says what came of it: used; replaced, and\n"
	"by what; missing, and what is refused for that; or untried.\n"
	"\n"
	"  --help, and see tend(1)\n"
	"\n"
	"Exit status: 0; 1: something is missing; 125: tend failed, or a bad option.\n";

static int set_help(void *options, const char *option, const char *value)
{
	(void)option;
	(void)value;
	*(bool *)options = true;
	return 0;
}

static const struct option list[] = { { "--help", NULL, false, set_help } };
static const struct option_table table = { "doctor", list, 1 };

/* ---- what only the library's user sees ---- */

/* A child that is told to end with us runs, and ends: the guardian has been started for it, and has taken it. */
static struct tend_facility try_guardian(void)
{
	static const struct tend_stop kill_it = { .after_kill = TEND_DEFAULT_AFTER_KILL };
	static const char *const argv[] = { "/proc/self/exe", "--version", NULL };
	struct tend_facility f = { .name = "guardian",
		                   .purpose = "a child's whole group ends with this program",
		                   .fallback = "--with-parent is refused" };
	struct tend_exit ended = { .kind = TEND_RUNNING };
	tend_process *child = NULL;
	struct tend_error err;

	f.error = tend_spawn(&(struct tend_spawn){ .argv = argv,
	                                           .in = TEND_IN_NULL,
	                                           .out = TEND_OUT_DISCARD,
	                                           .err = TEND_OUT_DISCARD,
	                                           .with_parent = TEND_WITH_PARENT_TREE,
	                                           .if_forgotten = TEND_FORGOTTEN_TERMINATE(&kill_it) },
	                     &child, &err);
	if (f.error == 0)
		f.error = tend_process_wait(child, TEND_SECONDS(10), &ended, &err);
	f.state = f.error == 0 ? TEND_FACILITY_USED : TEND_FACILITY_MISSING;
	snprintf(f.reason, sizeof f.reason, "%.90s", f.error == 0 ? "it works" : err.message);
	tend_process_free(child);
	return f;
}

/* ---- telling ---- */

static size_t show(char *text, size_t room, const struct tend_facility *f)
{
	int n;

	if (f->state == TEND_FACILITY_USED)
		n = snprintf(text, room, "%-18s %-9s %s\n", f->name, tend_facility_state_name(f->state), f->purpose);
	else
		n = snprintf(text, room, "%-18s %-9s %s: %s; instead: %s\n", f->name,
		             tend_facility_state_name(f->state), f->purpose, f->reason, f->fallback);
	return n > 0 && (size_t)n < room ? (size_t)n : 0;
}

int cmd_doctor(int argc, char **argv)
{
	struct tend_facility all[MOST];
	static char text[TEXT_SIZE];
	struct utsname system;
	bool help = false, unwell = false;
	int i = options_take(&table, &help, &help, argc, argv);
	size_t n, used;

	if (i < 0)
		return CMD_FAILED;
	if (help)
		return io_print(help_text) == 0 ? CMD_OK : CMD_FAILED;
	if (i < argc) {
		say("%.200s is too much: write tend doctor, and nothing else", argv[i]);
		return CMD_FAILED;
	}
	n = tend_kernel_report(all, MOST - 1);
	all[n++] = try_guardian();
	uname(&system);
	used = (size_t)snprintf(text, sizeof text, "tend %s on %s %s, %s\n\n", tend_version(), system.sysname,
	                        system.release, system.machine);
	for (size_t j = 0; j < n; j++) {
		used += show(text + used, sizeof text - used, &all[j]);
		unwell |= all[j].state == TEND_FACILITY_MISSING;
	}
	if (io_print(text) < 0)
		return CMD_FAILED;
	return unwell ? UNWELL : CMD_OK;
}
