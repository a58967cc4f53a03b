/* SPDX-License-Identifier: MIT */
/* For test/check-headers.sh: a fine name in C. */
#ifndef TEND_CONTROL_KEYWORD_H
#define TEND_CONTROL_KEYWORD_H

struct tend_control {
	int class;
};

#endif
