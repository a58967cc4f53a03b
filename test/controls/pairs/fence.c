/* SPDX-License-Identifier: MIT */
/* For test/check-pairs.sh: a fence. */
#include <stdatomic.h>

void order(void)
{
	/* (A) pairs with (A) in order */
	atomic_thread_fence(memory_order_seq_cst);
}
