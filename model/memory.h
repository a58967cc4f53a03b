/* SPDX-License-Identifier: MIT */
/*
 * Memory as the explorer's threads see it.  Every access of the code under exploration comes by here: the atomic ones
 * through hook.h, the plain ones through the calls that the compiler puts in front of them for -fsanitize=thread, whose
 * run-time library instrument.c replaces.
 */
#ifndef TEND_MODEL_MEMORY_H
#define TEND_MODEL_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- atomic accesses: each is a point where another thread may go on ---- */
enum model_op { MODEL_EXCHANGE, MODEL_ADD, MODEL_SUB, MODEL_OR, MODEL_AND };
uint64_t model_load(const volatile void *p, size_t size, int order, const char *function, int line);
void model_store(volatile void *p, size_t size, uint64_t v, int order, const char *function, int line);
uint64_t model_change(volatile void *p, size_t size, enum model_op op, uint64_t v, int order, const char *function,
                      int line);
bool model_compare_exchange(volatile void *p, size_t size, void *expected, uint64_t v, int order, int failure,
                            const char *function, int line);
/* The first value of an atomic object, a plain access. */
void model_init(volatile void *p, size_t size, uint64_t v);

/* ---- plain accesses ---- */
void model_read(const volatile void *p, size_t n);
void model_write(volatile void *p, size_t n);

/* ---- accesses to what is not memory: a lock, a descriptor, a sleeper; they may order what threads do ---- */
void model_see(const void *object);
void model_touch(const void *object, bool acquires, bool releases);

/* What is not visible of the current thread's stores becomes so: a system call, a locked instruction. */
void model_drain(void);

/* [explorer] */
void model_reset_memory(void);
void model_transfer_memory(void);
uint64_t model_hash_of_memory(uint64_t h); /* what is in no heap yet */
bool model_has_delayed(int t);
void model_make_visible(int t);            /* the oldest one */

#endif
