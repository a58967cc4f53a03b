/* SPDX-License-Identifier: MIT */
/* For test/check-headers.sh: nothing is wrong with it. */
#ifndef TEND_CONTROL_ALONE_H
#define TEND_CONTROL_ALONE_H

#include <stddef.h>

int tend_control(size_t n);

#endif
