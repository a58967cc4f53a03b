/* SPDX-License-Identifier: MIT */
/* For test/check-man.sh: good.3 mentions what is in it. */
#ifndef TEND_CONTROL_SAID_H
#define TEND_CONTROL_SAID_H

#define TEND_SAID_MACRO(x) \
	(x)
enum tend_said { TEND_SAID_ENUMERATOR = 1 };

/* struct tend_comment { int commented; }; */
struct tend_said_struct {
	int said_member; /* one
			    line more */
};

#endif
