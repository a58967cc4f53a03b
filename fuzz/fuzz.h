/* SPDX-License-Identifier: MIT */
/* A fuzz target: what an input is for, decoded from bytes that a fuzzer thought up, or kept from an earlier run. */
#ifndef TEND_FUZZ_FUZZ_H
#define TEND_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Of the corpus: fuzz/corpus/NAME. */
extern const char fuzz_name[];

/* NULL, or what goes wrong with this input, in static storage. */
const char *fuzz_check(const uint8_t *data, size_t size);

/* What libFuzzer calls: aborts on an input that goes wrong. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
