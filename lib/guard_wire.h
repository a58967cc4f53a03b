/* SPDX-License-Identifier: MIT */
/* What the library tells the guardian, each a datagram of a SOCK_SEQPACKET socket. */
#ifndef TEND_LIB_GUARD_WIRE_H
#define TEND_LIB_GUARD_WIRE_H

#include <stdint.h>

/* The guardian's descriptors. */
#define GUARD_SOCKET 3
#define GUARD_HOST 4 /* a pidfd of the host */

enum { GUARD_ADD = 1, GUARD_REMOVE };

/* ADD comes with descriptors: a pidfd of the leader, and, if has_cgroup, one of cgroup.kill. */
#define GUARD_VERSION 1u

struct guard_message {
	uint32_t version;   /* a guardian that is older or newer than the library takes no message for another */
	uint32_t what;
	uint32_t has_group; /* the leader's group is its own */
	uint32_t has_cgroup;
	int32_t pid;
	uint64_t id;        /* never used again */
};

#endif
