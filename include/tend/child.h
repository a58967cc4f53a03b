/* SPDX-License-Identifier: MIT */
/*
 * What a child is given besides its program and its standard streams: the types of the extras of struct tend_spawn. 
 * All of it is data; nothing of the caller's runs in the child.  An extra that is absent leaves the child what a
 * child of the calling process gets by fork(2) and execve(2).
 */
#ifndef TEND_CHILD_H
#define TEND_CHILD_H

#include <sys/resource.h>
#include <sys/types.h>
#include <tend/base.h>
#include <tend/stop.h>

TEND_BEGIN_DECLS

/* ---- numbers ---- */

/* umask(2): the mode bits that the child's new files do not get, 0 to 0777. */
#define TEND_UMASK(mode) TEND_VALUE(mode)
/* setresuid(2), setresgid(2): all three ids of the child. */
#define TEND_UID(uid) TEND_VALUE(uid)
#define TEND_GID(gid) TEND_VALUE(gid)
/* setpriority(2): the nice value that the child runs at, -20 to 19. */
#define TEND_NICE(n) TEND_VALUE(n)
/* proc_pid_oom_score_adj(5): how soon the child is ended when memory runs out, -1000 (never) to 1000 (first). */
#define TEND_OOM_SCORE_ADJ(n) TEND_VALUE(n)

/* setrlimit(2). */
struct tend_rlimit {
	int resource;           /* RLIMIT_NOFILE, RLIMIT_CORE, ... */
	rlim_t soft, hard;      /* RLIM_INFINITY: none */
};
#define TEND_MAX_RLIMITS 32

enum tend_groups_kind { TEND_GROUPS_LISTED = 1, TEND_GROUPS_KEPT };

/* setgroups(2): the supplementary groups. */
struct tend_groups {
	enum tend_groups_kind kind;
	const gid_t *list;      /* TEND_GROUPS_LISTED */
	size_t n;
};
#define TEND_GROUPS(ids, count)                                                                                        \
	(__extension__(struct tend_groups){ .kind = TEND_GROUPS_LISTED, .list = (ids), .n = (count) })
#define TEND_GROUPS_NONE (__extension__(struct tend_groups){ .kind = TEND_GROUPS_LISTED })
/* Those of the calling process: seldom right for a child with another uid. */
#define TEND_GROUPS_KEEP (__extension__(struct tend_groups){ .kind = TEND_GROUPS_KEPT })
#define TEND_MAX_GROUPS 65536

/* ---- descriptors ---- */

/*
 * A descriptor that the child gets besides 0, 1 and 2.  Sources and targets may overlap in any way; the caller's own
 * descriptor and its flags are not touched.
 */
struct tend_pass_fd {
	int source;             /* the caller's */
	int target;             /* its number in the child: 3 or more, each only once */
};
#define TEND_MAX_PASS_FDS 64

/* ---- what belongs together ---- */

enum tend_scope {
	/*
	 * A process group of its own, in the session of the host (absent is this).  Where that session has a terminal,
	 * the child is in its background.
	 */
	TEND_SCOPE_GROUP = 1,
	/* A session of its own, without a terminal, and with it a group of its own: setsid(2). */
	TEND_SCOPE_SESSION,
	/* The host's own group: Ctrl-C reaches the child too.  Signals to the group go to the child alone then. */
	TEND_SCOPE_NONE,
	/*
	 * A group of its own and a new cgroup (version 2), which no descendant can leave by setsid(2) or a double fork:
	 * see struct tend_cgroup.
	 */
	TEND_SCOPE_CGROUP
};

enum tend_if_no_cgroup {
	TEND_NO_CGROUP_REFUSE = 1, /* the spawn fails with what mkdir(2) or clone3(2) said, step "cgroup" */
	TEND_NO_CGROUP_GROUP       /* a process group has to do; tend_process_scope() tells */
};

/*
 * Where a cgroup is made for the child.  It is removed when the child has exited and it is empty.  With a cgroup, a
 * stop is over when the cgroup is empty, which the kernel reports, and SIGKILL goes to all of it at once
 * (cgroup.kill, Linux 5.14).
 */
struct tend_cgroup {
	/* Extra: an absolute path in a cgroup2 file system, where the host may make directories; absent: the host's own
	   cgroup. */
	const char *parent;
	enum tend_if_no_cgroup if_unavailable; /* choice with TEND_SCOPE_CGROUP */
};

enum tend_survivors_kind { TEND_SURVIVORS_LEFT = 1, TEND_SURVIVORS_TOLD, TEND_SURVIVORS_STOPPED };

/*
 * What becomes of members of the group, or of the cgroup, that are alive when the child has exited by itself.  A stop
 * ends them in any case.
 */
struct tend_survivors {
	enum tend_survivors_kind kind;
	const struct tend_stop *stop; /* TEND_SURVIVORS_STOPPED: copied */
};
/* They are left alone; absent is this.  tend_process_complete() names them. */
#define TEND_SURVIVORS_LEAVE (__extension__(struct tend_survivors){ .kind = TEND_SURVIVORS_LEFT })
/* The same, and a log event "survivors" tells of them. */
#define TEND_SURVIVORS_REPORT (__extension__(struct tend_survivors){ .kind = TEND_SURVIVORS_TOLD })
/*
 * The reaper runs the plan (a pointer), whether or not anybody waits.  exit(3) and tend_shutdown() wait for the end of
 * it, as for the plan of a handle that was forgotten.
 */
#define TEND_SURVIVORS_STOP(plan)                                                                                      \
	(__extension__(struct tend_survivors){ .kind = TEND_SURVIVORS_STOPPED, .stop = (plan) })

enum tend_with_parent {
	/*
	 * SIGKILL to the child when the host ends, however it ends: prctl(2) PR_SET_PDEATHSIG, set by a thread that
	 * lives as long as the host.  The child alone: its descendants live on.  An execve(2) of the host ends that
	 * thread, and so the child.  The kernel forgets it when the child executes a set-user-ID program, and sends
	 * nothing when the host has no right to signal the child by then: another uid without CAP_KILL.
	 *
	 * What is a thread's own (nice value, affinity, scheduling policy, namespaces, capabilities, seccomp filters)
	 * the child has of that thread, which has it from who started the first such child, and not of the caller. 
	 * One such child is cloned at a time: the next one waits for the exec of this one, and for its on_busy.
	 */
	TEND_WITH_PARENT_CHILD = 1,
	/*
	 * The same, and SIGKILL to its group, or cgroup, from a guardian process that outlives the host (one for all
	 * children, started with the first).  It acts when the host has ended or executes another program, also for
	 * children that were detached, and for what they left behind.  Without a cgroup a descendant in a group of
	 * its own escapes; what forked in the moment between the child's start and the guardian's knowledge of it may,
	 * and, before Linux 6.9, any other member, as the leader ends at the same time and its group's number with it.
	 */
	TEND_WITH_PARENT_TREE
};

/* ---- a terminal ---- */

enum tend_pty_mode {
	TEND_PTY_RAW = 1,       /* bytes pass as they are: no echo, no CRLF, no signals from characters; cfmakeraw(3) */
	TEND_PTY_COOKED         /* as a new terminal is: echo, "\n" comes out as "\r\n", Ctrl-C is SIGINT */
};

/*
 * A pseudoterminal, pty(7), in place of the pipes of those standard streams that would be pipes: it is the child's
 * controlling terminal, in a session of its own.  stdout has to be a stream; stderr is merged into it or goes
 * elsewhere; TEND_IN_PIPE types into it.  The end of the stream is the hangup of the child's side.  Closing stdin types
 * the end-of-file character in cooked mode, and in raw mode, which has none, does nothing that the child could see.
 * A terminal that takes no more by then does not get it.
 * SIGHUP to the session when both are closed.
 */
struct tend_pty {
	enum tend_pty_mode mode;       /* choice */
	unsigned short rows, columns;  /* extra: absent is 24 x 80 */
};

TEND_END_DECLS

#endif
