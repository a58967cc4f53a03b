/* SPDX-License-Identifier: MIT */
/* Thread-local variables of code whose threads are fibers of one thread: hook.h puts them into a section. */
#ifndef TEND_MODEL_LOCALS_H
#define TEND_MODEL_LOCALS_H

#include <stdint.h>

void model_reset_locals(void);
/* From here on they are this thread's. */
void model_set_locals(int thread);
void model_transfer_locals(void);
uint64_t model_hash_of_locals(uint64_t h);

#endif
