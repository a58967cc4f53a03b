/* SPDX-License-Identifier: MIT */
/* The states that a search has seen, each with the most of its bound that was ever left there. */
#ifndef TEND_MODEL_STATES_H
#define TEND_MODEL_STATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

uint64_t model_hash(uint64_t h, const void *p, size_t n);

/* Notes a state; false if it was noted before with as much left.  left: 1 to 255. */
bool model_is_new(uint64_t hash, unsigned left);
size_t model_states(void);
void model_forget_states(void);

#endif
