/* SPDX-License-Identifier: MIT */
/* What every host of check-hosts.sh does with the library, by the public headers alone. */
#ifndef TEND_TEST_HOSTS_SCENARIO_H
#define TEND_TEST_HOSTS_SCENARIO_H

/*
 * Runs children in the usual ways: output, stdin, a stop, a failure, a consumer of each kind.  NULL, or what was not as
 * it should be.
 */
const char *scenario(void);

/* A child that stays, and is to be killed when this process exits: its number. */
int scenario_leave_one(void);

#endif
