/* SPDX-License-Identifier: MIT */
/* The section holds those of the thread that runs, and for each other one there is a copy. */
#include "locals.h"

#include <string.h>

#include "explore.h"
#include "states.h"

#define MAX_LOCALS 256

extern char __start_model_local[], __stop_model_local[];
static char in_a_model_without_any __attribute__((__section__("model_local"), __used__));

static struct {
	int of; /* whose are in the section */
	char copies[MODEL_MAX_THREADS + 1][MAX_LOCALS];
} locals;

static size_t n_locals(void)
{
	return (size_t)(__stop_model_local - __start_model_local);
}

void model_reset_locals(void)
{
	if (n_locals() > MAX_LOCALS)
		model_fail("too many thread-local variables");
	memset(&locals, 0, sizeof locals);
	memset(__start_model_local, 0, n_locals());
	locals.of = MODEL_MAIN;
}

void model_set_locals(int thread)
{
	memcpy(locals.copies[locals.of], __start_model_local, n_locals());
	memcpy(__start_model_local, locals.copies[thread], n_locals());
	locals.of = thread;
}

void model_transfer_locals(void)
{
	model_transfer(&locals, sizeof locals);
	model_transfer(__start_model_local, n_locals());
}

uint64_t model_hash_of_locals(uint64_t h)
{
	for (int i = 0; i <= MODEL_MAX_THREADS; i++)
		h = model_hash(h, i == locals.of ? __start_model_local : locals.copies[i], n_locals());
	return h;
}
