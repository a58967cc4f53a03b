/* SPDX-License-Identifier: MIT */
/* For test/check-pairs.sh: nothing is wrong with it; its partners are in good_a.c. */
#include <stdatomic.h>

_Atomic unsigned word;

__attribute__((__noinline__)) unsigned look(void)
{
	unsigned first;

	first = atomic_load_explicit(&word, memory_order_acquire); /* (B) pairs with (A) in publish */
	/* (A) pairs with (C) in exchange */
	/* (D) pairs with (C) in exchange */
	return first + atomic_load_explicit(&word, memory_order_seq_cst);
}

unsigned __attribute_like(void)
{
	/* (E) pairs with (C) in exchange */
	return atomic_load_explicit(&word, memory_order_acquire);
}
