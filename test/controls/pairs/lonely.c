/* SPDX-License-Identifier: MIT */
/* For test/check-pairs.sh: the partner has a tag, of another letter. */
#include <stdatomic.h>

static _Atomic unsigned word;

void publish(void)
{
	/* (A) pairs with (B) in look */
	atomic_store_explicit(&word, 1, memory_order_release);
}

unsigned look(void)
{
	/* (C) pairs with (A) in publish */
	return atomic_load_explicit(&word, memory_order_acquire);
}
