/* SPDX-License-Identifier: MIT */
/* Streams for the line parser, decoded from bytes that a fuzzer thought up, or kept from an earlier run. */
#ifndef TEND_FUZZ_FUZZ_LINE_H
#define TEND_FUZZ_FUZZ_LINE_H

#include <stddef.h>
#include <stdint.h>

/* NULL, or what the line parser does wrong with this input, in static storage. */
const char *fuzz_line_check(const uint8_t *data, size_t size);

/* What libFuzzer calls: aborts on an input that goes wrong. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
