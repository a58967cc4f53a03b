/* SPDX-License-Identifier: MIT */
/* For test/check-pairs.sh: there is a tag, but not where the operation is. */
#include <stdatomic.h>

static _Atomic unsigned word;

unsigned look(unsigned n)
{
	/* (A) pairs with (A) in look */
	n++;
	n *= 2;
	n--;
	return n + atomic_load_explicit(&word, memory_order_acquire);
}
