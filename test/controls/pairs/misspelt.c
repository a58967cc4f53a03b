/* SPDX-License-Identifier: MIT */
/* For test/check-pairs.sh: no letter in front. */
#include <stdatomic.h>

static _Atomic unsigned word;

void publish(void)
{
	/* pairs with (A) in publish */
	atomic_store_explicit(&word, 1, memory_order_release);
}
