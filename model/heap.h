/* SPDX-License-Identifier: MIT */
/* The watched memory: what tend__malloc() and its like hand out, and the static variables that a model marks. */
#ifndef TEND_MODEL_HEAP_H
#define TEND_MODEL_HEAP_H

#include <stddef.h>
#include <stdint.h>

#include "explore.h"

/* For the static variables that threads of a model share.  What is neither marked so nor allocated is not watched, and
 * keeps its value from one execution to the next. */
#define SHARED __attribute__((__section__("model_shared")))

#define MODEL_MAX_WATCHED (1 << 18)
#define MODEL_UNWATCHED SIZE_MAX
#define MODEL_WATCHED_PARTS (MODEL_MAX_THREADS + 2)

/* Where in the watched memory p[0 .. n) lies.  It fails if this is memory that was freed or never allocated. */
size_t model_watched(const volatile void *p, size_t n);

/* [explorer] */
void model_reset_heap(void);
void model_transfer_heap(void);
uint64_t model_hash_of_heap(uint64_t h);
/* Where part i of the watched memory begins, and how much of it is in use, or was. */
size_t model_watched_part(int i, size_t *ret_n);
/* All that was allocated has been freed. */
void model_claim_nothing_left(void);

#endif
