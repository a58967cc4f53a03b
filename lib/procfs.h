/* SPDX-License-Identifier: MIT */
/* Looking other processes up in /proc: who is in a group, who holds a pipe. */
#ifndef TEND_LIB_PROCFS_H
#define TEND_LIB_PROCFS_H

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <tend/stop.h>

/*
 * [any] Processes in group `pgid` that are alive, the leader (pid == pgid) left out: how many; the first TEND_MAX_NAMED
 * by name in ret_names (may be NULL).  Where /proc cannot be read for lack of descriptors, is not there, or not ours,
 * nobody knows: then one, with pid 0 and the name "?".
 */
size_t tend__procfs_group(pid_t pgid, struct tend_pid_name *ret_names);
/* [any] Whether /proc is there and shows the PID namespace that we are in: else nothing below is known. */
bool tend__procfs_is_ours(void);
/*
 * [any] The process that a pidfd stands for; -ESRCH: it is gone; -EREMOTE: it has no number in our PID namespace;
 * -EINVAL: that is no pidfd; -ENOSYS: not known.
 */
pid_t tend__procfs_pid_of(int pidfd);
/* [any] What the kernel says of it; all zero where that cannot be read. */
void tend__procfs_state(pid_t pid, struct tend_kernel_state *ret_state);
/* [any] A process's number and its name, "?" where it is not known. */
void tend__procfs_name(pid_t pid, struct tend_pid_name *ret_name);
/* [any] The begin of a small file, NUL-terminated: 0, or a negative errno value; -ESRCH when there is nothing. */
int tend__procfs_slurp(const char *path, char *ret_text, size_t room);
/* [any, not cancellable] As opendir(3), through sys.c. */
DIR *tend__procfs_folder(const char *path);
/* [any] Processes but our own that have the pipe with this inode open, likewise. */
size_t tend__procfs_holders(uint64_t pipe_inode, struct tend_pid_name *ret_names);

#endif
