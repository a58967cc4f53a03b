/* SPDX-License-Identifier: MIT */
/* For test/check-pairs.sh: the tag in the function before does not count. */
#include <stdatomic.h>

static _Atomic unsigned word;

void publish(void)
{
	atomic_store_explicit(&word, 1, memory_order_relaxed); /* (A) pairs with (A) in publish */
}

unsigned look(void)
{
	return atomic_load_explicit(&word, memory_order_acquire);
}
