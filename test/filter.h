/* SPDX-License-Identifier: MIT */
/* Filters, seccomp(2): what the kernel is to refuse from now on, to all threads of this process and all it starts. */
#ifndef TEND_TEST_FILTER_H
#define TEND_TEST_FILTER_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * From now on `call` fails with `error` where the lower half of its i-th argument (from 0) `test`s: BPF_JEQ is `value`,
 * BPF_JSET has one of its bits.  False: no filter can be installed, or, under valgrind, none has this meaning.
 */
bool filter_refuse_some(long call, int i, unsigned short test, uint32_t value, int error);

/* The same, for a test that is left out without it, and says so. */
bool filter_refused(long call, int i, unsigned short test, uint32_t value, int error);

/* Whatever it is called with. */
bool filter_refuse(long call, int error);

#endif
