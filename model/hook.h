/* SPDX-License-Identifier: MIT */
/*
 * Included in front of lib/chan.c and lib/wake.c (cc -include) when they are compiled for the explorer: every atomic
 * access first gives the scheduler the chance to run another thread.  The sources themselves are those that ship.
 */
#ifndef TEND_MODEL_HOOK_H
#define TEND_MODEL_HOOK_H

#include <stdatomic.h>

/* May switch to another thread of the model.  `weak`: a relaxed access; a scenario says whether these count. */
void model_point(int weak);

#define MODEL_POINT(order) model_point((order) == memory_order_relaxed)

#undef atomic_load_explicit
#undef atomic_store_explicit
#undef atomic_exchange_explicit
#undef atomic_fetch_add_explicit
#undef atomic_fetch_sub_explicit
#undef atomic_fetch_or_explicit
#undef atomic_compare_exchange_strong_explicit
#undef atomic_compare_exchange_weak_explicit

/* The explorer runs one thread at a time, so the order itself says nothing to it. */
#ifdef __clang__
#define MODEL_OP(name) __c11_atomic_##name
#define MODEL_LOAD __c11_atomic_load
#define MODEL_STORE __c11_atomic_store
#define MODEL_EXCHANGE __c11_atomic_exchange
#define MODEL_CAS(p, e, v) __c11_atomic_compare_exchange_strong(p, e, v, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)
#else
#define MODEL_OP(name) __atomic_##name
#define MODEL_LOAD __atomic_load_n
#define MODEL_STORE __atomic_store_n
#define MODEL_EXCHANGE __atomic_exchange_n
#define MODEL_CAS(p, e, v) __atomic_compare_exchange_n(p, e, v, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)
#endif

#define atomic_load_explicit(p, order) (MODEL_POINT(order), MODEL_LOAD(p, __ATOMIC_SEQ_CST))
#define atomic_store_explicit(p, v, order) (MODEL_POINT(order), MODEL_STORE(p, v, __ATOMIC_SEQ_CST))
#define atomic_exchange_explicit(p, v, order) (MODEL_POINT(order), MODEL_EXCHANGE(p, v, __ATOMIC_SEQ_CST))
#define atomic_fetch_add_explicit(p, v, order) (MODEL_POINT(order), MODEL_OP(fetch_add)(p, v, __ATOMIC_SEQ_CST))
#define atomic_fetch_sub_explicit(p, v, order) (MODEL_POINT(order), MODEL_OP(fetch_sub)(p, v, __ATOMIC_SEQ_CST))
#define atomic_fetch_or_explicit(p, v, order) (MODEL_POINT(order), MODEL_OP(fetch_or)(p, v, __ATOMIC_SEQ_CST))
#define atomic_compare_exchange_strong_explicit(p, e, v, order, failure) (MODEL_POINT(order), MODEL_CAS(p, e, v))
#define atomic_compare_exchange_weak_explicit(p, e, v, order, failure) (MODEL_POINT(order), MODEL_CAS(p, e, v))

#endif
