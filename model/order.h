/* SPDX-License-Identifier: MIT */
/* Who uses what, what has to come before what, and who knows of what. */
#ifndef TEND_MODEL_ORDER_H
#define TEND_MODEL_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "explore.h"

/* ---- accesses of thread t to objects that threads meet at: atomic ones, locks, descriptors, sleepers ---- */
void model_order_read(int t, const volatile void *object, bool acquires);
void model_order_store(int t, const volatile void *object, bool releases);
void model_order_change(int t, const volatile void *object, bool acquires, bool releases);

/* A store that is delayed: what its thread had done when it was made. */
struct model_past {
	bool releases;
	uint16_t clock[MODEL_MAX_THREADS + 1];
	uint64_t hash;
};
struct model_past model_order_delay(int t, bool releases);
/* It becomes visible; its own thread reads it before. */
void model_order_visible(int t, const volatile void *object, const struct model_past *past);
void model_order_read_own(int t, const struct model_past *past);

/* ---- plain accesses of thread t to watched memory, which fail if they are a data race ---- */
void model_order_new(int t, size_t at, size_t n);
void model_order_plain_read(int t, size_t at, size_t n);
void model_order_plain_write(int t, size_t at, size_t n);

/* ---- [explorer] ---- */
void model_forget_what_matters(void);
/* Whether two threads use the object, and one of them changes it. */
bool model_matters(const volatile void *object);
void model_reset_order(int n_threads);
void model_fork(void); /* behind setup: the threads begin */
void model_join(void); /* in front of check: all have ended */
void model_transfer_order(void);
uint64_t model_hash_of_trace(void);
void model_moves_on(void);              /* the current thread has passed a point */
void model_time_is_over(int t);         /* it goes on for that reason */

#endif
