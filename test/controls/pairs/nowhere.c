/* SPDX-License-Identifier: MIT */
/* For test/check-pairs.sh: the partner is not there. */
#include <stdatomic.h>

static _Atomic unsigned word;

void publish(void)
{
	/* (A) pairs with (A) in gone */
	atomic_store_explicit(&word, 1, memory_order_release);
}
