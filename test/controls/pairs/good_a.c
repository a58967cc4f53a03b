/* SPDX-License-Identifier: MIT */
/* For test/check-pairs.sh: nothing is wrong with it; its partners are in good_b.c. */
#include <stdatomic.h>

extern _Atomic unsigned word;

void publish(unsigned value)
{
	const char *text = "/* atomic_store(&word) */";

	/* (A) pairs with (B) in look: a comment that
	 * goes on */
	atomic_store_explicit(&word, value + (text != 0),
	                      memory_order_release);
	atomic_fetch_add_explicit(&word, 1, memory_order_relaxed);
}

unsigned exchange(void)
{
	/* (C) pairs with (A) in look, (D) in look and with (E) in
	 * __attribute_like */
	return atomic_exchange_explicit(&word, 0, memory_order_acq_rel);
}
