/* SPDX-License-Identifier: MIT */
/* For test/check-headers.sh: an array of no elements is an extension, in C and in C++. */
#ifndef TEND_CONTROL_EXTENSION_H
#define TEND_CONTROL_EXTENSION_H

struct tend_control {
	int none[0];
};

#endif
