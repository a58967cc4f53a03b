/* SPDX-License-Identifier: MIT */
/* For test/check-child.sh: errno belongs to the parent's thread. */
#include <errno.h>

void tend_control(void);

void tend_control(void)
{
	errno = EINTR;
}
