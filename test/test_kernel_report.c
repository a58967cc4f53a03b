/* SPDX-License-Identifier: MIT */
/* What tend_kernel_report() says of a kernel that lacks things, and that it leaves nothing behind. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "fault.h"
#include "filter.h"
#include "test.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

enum { ROOM = 32 };

static const struct tend_facility *find(const struct tend_facility *all, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(all[i].name, name) == 0)
			return &all[i];
	CHECK_STR(name, "no such facility");
	return NULL;
}

/* Every field says something, and the same thing. */
static void check_one(const struct tend_facility *f)
{
	CHECK(f->name && f->name[0] && f->purpose && f->purpose[0] && f->fallback && f->fallback[0] && f->reason[0]);
	CHECK(f->state >= TEND_FACILITY_USED && f->state <= TEND_FACILITY_UNTRIED);
	CHECK_INT(f->state == TEND_FACILITY_USED || f->state == TEND_FACILITY_UNTRIED, f->error == 0);
}

static void tells_all(void)
{
	struct tend_facility all[ROOM];
	size_t n = tend_kernel_report(NULL, 0);

	CHECK(n > 0 && n < ROOM);
	CHECK_INT(n, tend_kernel_report(all, ROOM));
	for (size_t i = 0; i < n; i++)
		check_one(&all[i]);
	memset(all, 0x55, sizeof all);
	CHECK_INT(n, tend_kernel_report(all, 1));
	check_one(&all[0]);
	CHECK(all[1].state == (enum tend_facility_state)0x55555555);
	if (test_has_pidfd_open())
		CHECK_INT(TEND_FACILITY_USED, find(all, 1, "clone")->state);
}

static void names_of_states(void)
{
	CHECK_STR("used", tend_facility_state_name(TEND_FACILITY_USED));
	CHECK_STR("replaced", tend_facility_state_name(TEND_FACILITY_REPLACED));
	CHECK_STR("missing", tend_facility_state_name(TEND_FACILITY_MISSING));
	CHECK_STR("untried", tend_facility_state_name(TEND_FACILITY_UNTRIED));
	CHECK_STR("unknown", tend_facility_state_name(0));
	CHECK_STR("unknown", tend_facility_state_name(99));
}

/* Run by what_is_switched_off in a process where TEND_DISABLE says so. */
static void check_switched_off(void)
{
	static const char *const pairs[][2] = {
		{ "vfork", "clone" },
		{ "clone_pidfd", "clone-pidfd" },
		{ "pidfd_signal", "pidfd-signal" },
		{ "pidfd_group", "pidfd-group" },
		{ "pidfd_info", "pidfd-info" },
		{ "pidfd_info", "pidfd-exit" },
		{ "close_range", "close-range" },
		{ "clone3", "clone-into-cgroup" },
	};
	const char *off = getenv("TEND_DISABLE");
	struct tend_facility all[ROOM];
	size_t n = tend_kernel_report(all, ROOM);

	for (size_t i = 0; off && i < COUNT(pairs); i++) {
		const struct tend_facility *f = find(all, n, pairs[i][1]);

		if (!f || strcmp(off, pairs[i][0]) != 0 || f->state == TEND_FACILITY_UNTRIED)
			continue;
		CHECK_INT(TEND_FACILITY_REPLACED, f->state);
		CHECK_INT(-ENOSYS, f->error);
		CHECK_STR("Function not implemented", f->reason);
	}
}

/* What a filter that ends programs might not expect is not tried; any filter may be such a one. */
static void what_a_filter_may_not_expect(void)
{
	struct tend_facility all[ROOM];
	size_t n;

	if (!test_is_apart() || !filter_refused(SYS_acct, 0, BPF_JEQ, 0, EPERM))
		return;
	n = tend_kernel_report(all, ROOM);
	for (size_t i = 0; i < n; i++) {
		CHECK_INT(strcmp(all[i].name, "close-range") == 0, all[i].state == TEND_FACILITY_UNTRIED);
		if (all[i].state == TEND_FACILITY_UNTRIED)
			CHECK_STR("there is a seccomp filter, which might end the program", all[i].reason);
	}
}

static void what_is_switched_off(void)
{
	static const char *const off[] = { "vfork",      "clone_pidfd", "pidfd_signal", "pidfd_group",
		                           "pidfd_info", "close_range", "clone3" };

	for (size_t i = 0; i < COUNT(off); i++) {
		const char *again[] = { "check_switched_off", NULL };

		CHECK_INT(0, test_run_self(again, "TEND_DISABLE", off[i], NULL, 0));
	}
}

/* Whatever fails is told, and nothing is left: the runner looks at descriptors, children and cgroups' processes. */
static void each_call_fails(void)
{
	static const int errors[] = { EMFILE, ENOMEM, EPERM, ENOSYS };
	struct tend_facility all[ROOM];
	bool fired = true;

	for (size_t e = 0; e < COUNT(errors); e++, fired = true)
		for (unsigned long i = 1; fired; i++) {
			size_t n;

			fault_only_this_thread(true);
			fault_fail_sys(NULL, i, errors[e]);
			n = tend_kernel_report(all, ROOM);
			fired = fault_fired();
			fault_reset();
			for (size_t j = 0; j < n; j++)
				check_one(&all[j]);
		}
}

/* Nor where there is no memory. */
static void each_allocation_fails(void)
{
	struct tend_facility all[ROOM];
	bool fired = true;

	for (unsigned long i = 1; fired; i++) {
		fault_fail_alloc(i);
		(void)tend_kernel_report(all, ROOM);
		fired = fault_fired();
		fault_reset();
	}
}

/* What a call says shows at the facility that is tried with it. */
static void a_refusal_is_told(void)
{
	struct tend_facility all[ROOM];
	size_t n;

	fault_fail_sys("memfd", 1, ENOSYS);
	n = tend_kernel_report(all, ROOM);
	fault_reset();
	CHECK_INT(TEND_FACILITY_MISSING, find(all, n, "memfd")->state);
	CHECK_INT(-ENOSYS, find(all, n, "memfd")->error);
	CHECK_STR("Function not implemented", find(all, n, "memfd")->reason);
}

static const struct test tests[] = {
	{ "tells_all", tells_all },
	{ "names_of_states", names_of_states },
	{ "check_switched_off", check_switched_off },
	{ "what_is_switched_off", what_is_switched_off },
	{ "what_a_filter_may_not_expect", what_a_filter_may_not_expect },
	{ "each_call_fails", each_call_fails },
	{ "each_allocation_fails", each_allocation_fails },
	{ "a_refusal_is_told", a_refusal_is_told },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "kernel_report", tests, COUNT(tests));
}
