/* SPDX-License-Identifier: MIT */
/* For test/check-pairs.sh: seq_cst by default. */
#include <stdatomic.h>

static _Atomic unsigned word;

unsigned look(void)
{
	return atomic_load(&word);
}
