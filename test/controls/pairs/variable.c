/* SPDX-License-Identifier: MIT */
/* For test/check-pairs.sh: which order it is cannot be seen. */
#include <stdatomic.h>

static _Atomic unsigned word;

unsigned look(memory_order order)
{
	return atomic_load_explicit(&word, order);
}
