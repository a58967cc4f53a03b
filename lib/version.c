/* SPDX-License-Identifier: MIT */
/* Which library the program runs with, as against which headers it was compiled with. */
#include <tend/base.h>

#define TEXT(n) #n
#define DOTTED(major, minor, patch) TEXT(major) "." TEXT(minor) "." TEXT(patch)

const char *tend_version(void)
{
	return DOTTED(TEND_VERSION_MAJOR, TEND_VERSION_MINOR, TEND_VERSION_PATCH);
}
