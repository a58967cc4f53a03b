/* SPDX-License-Identifier: MIT */
/* For test/check-man.sh: good.3 does not mention what is in it. */
#ifndef TEND_CONTROL_UNSAID_H
#define TEND_CONTROL_UNSAID_H

#define TEND_UNSAID_MACRO 1
enum tend_unsaid { TEND_SAID_ENUMERATOR, /* said */ TEND_UNSAID_ENUMERATOR };

struct tend_unsaid_struct {
	char said_member[8], unsaid_member[8];
	int (*unsaid_function)(int said_member);
};

#endif
