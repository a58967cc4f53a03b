/* SPDX-License-Identifier: MIT */
#include "filter.h"

#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "test.h"

bool filter_refuse_some(long call, int i, unsigned short test, uint32_t value, int error)
{
	size_t at = offsetof(struct seccomp_data, args) + (size_t)i * sizeof(uint64_t);
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)at + (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0)),
		BPF_JUMP((unsigned short)(BPF_JMP | test | BPF_K), value, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = { .len = sizeof filter / sizeof *filter, .filter = filter };

	return !test_under_valgrind() && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0;
}

bool filter_refuse(long call, int error)
{
	return filter_refuse_some(call, 0, BPF_JGE, 0, error);
}

bool filter_refused(long call, int i, unsigned short test, uint32_t value, int error)
{
	bool installed = filter_refuse_some(call, i, test, value, error);

	if (!installed)
		printf("(left out: no filter can be installed) ");
	return installed;
}
