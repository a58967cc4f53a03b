/* SPDX-License-Identifier: MIT */
/* For test/check-headers.sh: it uses size_t and does not include <stddef.h>. */
#ifndef TEND_CONTROL_NEEDS_OTHER_H
#define TEND_CONTROL_NEEDS_OTHER_H

int tend_control(size_t n);

#endif
