/* SPDX-License-Identifier: MIT */
/*
 * Included in front of the library's sources (cc -include) when they are compiled for the explorer: every atomic access
 * goes through memory.c, which first gives the scheduler the chance to run another thread.  The sources themselves are
 * those that ship.
 */
#ifndef TEND_MODEL_HOOK_H
#define TEND_MODEL_HOOK_H

#include <stdatomic.h>

#include "heap.h"
#include "memory.h"

/* The explorer's threads are fibers of one thread; locals.c keeps a copy of this section for each. */
#define _Thread_local __attribute__((__section__("model_local")))

#undef atomic_init
#undef atomic_load_explicit
#undef atomic_store_explicit
#undef atomic_exchange_explicit
#undef atomic_fetch_add_explicit
#undef atomic_fetch_sub_explicit
#undef atomic_fetch_or_explicit
#undef atomic_fetch_and_explicit
#undef atomic_compare_exchange_strong_explicit
#undef atomic_compare_exchange_weak_explicit

/* The type of what p points to, without _Atomic and const. */
#define MODEL_TYPE(p) __typeof__((void)0, *(p))
#define MODEL_WHAT(p) (p), sizeof *(p)
#define MODEL_HERE __func__, __LINE__
#define MODEL_CHANGE(p, op, v, order) \
	(__extension__({ (MODEL_TYPE(p))model_change(MODEL_WHAT(p), op, (uint64_t)(v), order, MODEL_HERE); }))

#define atomic_init(p, v) model_init(MODEL_WHAT(p), (uint64_t)(v))
#define atomic_load_explicit(p, order) ((MODEL_TYPE(p))model_load(MODEL_WHAT(p), order, MODEL_HERE))
#define atomic_store_explicit(p, v, order) model_store(MODEL_WHAT(p), (uint64_t)(v), order, MODEL_HERE)
#define atomic_exchange_explicit(p, v, order) MODEL_CHANGE(p, MODEL_EXCHANGE, v, order)
#define atomic_fetch_add_explicit(p, v, order) MODEL_CHANGE(p, MODEL_ADD, v, order)
#define atomic_fetch_sub_explicit(p, v, order) MODEL_CHANGE(p, MODEL_SUB, v, order)
#define atomic_fetch_or_explicit(p, v, order) MODEL_CHANGE(p, MODEL_OR, v, order)
#define atomic_fetch_and_explicit(p, v, order) MODEL_CHANGE(p, MODEL_AND, v, order)
#define atomic_compare_exchange_strong_explicit(p, e, v, order, failure) \
	model_compare_exchange(MODEL_WHAT(p), e, (uint64_t)(v), order, failure, MODEL_HERE)
#define atomic_compare_exchange_weak_explicit atomic_compare_exchange_strong_explicit

#endif
