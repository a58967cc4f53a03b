/* SPDX-License-Identifier: MIT */
/*
 * Starting a child.  Everything that decides what happens later is spelled out in one struct; a choice that is left at
 * 0 is refused by its name before any child exists.
 */
#ifndef TEND_SPAWN_H
#define TEND_SPAWN_H

#include <tend/base.h>
#include <tend/child.h>
#include <tend/error.h>
#include <tend/stop.h>
#include <tend/stream.h>

TEND_BEGIN_DECLS

typedef struct tend_process tend_process;

enum tend_input_kind {
	TEND_INPUT_NULL = 1,
	TEND_INPUT_PIPE,
	TEND_INPUT_INHERIT,
	TEND_INPUT_FD,
	TEND_INPUT_BYTES
};

/* The child's stdin. */
struct tend_input {
	enum tend_input_kind kind;
	int fd;                  /* TEND_INPUT_FD */
	const void *bytes;       /* TEND_INPUT_BYTES: may be NULL when n is 0 */
	size_t n;
};
#define TEND_IN_NULL (__extension__(struct tend_input){ .kind = TEND_INPUT_NULL })       /* /dev/null */
/* A pipe, or the terminal with .pty, for tend_process_stdin_write(). */
#define TEND_IN_PIPE (__extension__(struct tend_input){ .kind = TEND_INPUT_PIPE })
#define TEND_IN_INHERIT (__extension__(struct tend_input){ .kind = TEND_INPUT_INHERIT }) /* the host's own */
/* A descriptor of the caller's, who keeps it and may close it after the call; its flags are not touched. */
#define TEND_IN_FD(f) (__extension__(struct tend_input){ .kind = TEND_INPUT_FD, .fd = (f) })

/*
 * These bytes and then EOF.  They are copied before the call returns, and no thread is needed to feed them: what fits
 * in a pipe is in one, more is in a file in memory (memfd_create(2)), so nothing can block, whatever the child does.
 */
#define TEND_IN_BYTES(p, size)                                                                                         \
	(__extension__(struct tend_input){ .kind = TEND_INPUT_BYTES, .bytes = (p), .n = (size) })

enum tend_output_kind {
	TEND_OUTPUT_STREAM = 1,
	TEND_OUTPUT_DISCARD,
	TEND_OUTPUT_INHERIT,
	TEND_OUTPUT_FD,
	TEND_OUTPUT_MERGE
};

/* The child's stdout or stderr. */
struct tend_output {
	enum tend_output_kind kind;
	int fd;                            /* TEND_OUTPUT_FD */
	struct tend_stream_options stream; /* TEND_OUTPUT_STREAM */
};
#define TEND_OUT_STREAM(options) (__extension__(struct tend_output){ .kind = TEND_OUTPUT_STREAM, .stream = (options) })
#define TEND_OUT_DISCARD (__extension__(struct tend_output){ .kind = TEND_OUTPUT_DISCARD })
#define TEND_OUT_INHERIT (__extension__(struct tend_output){ .kind = TEND_OUTPUT_INHERIT })
#define TEND_OUT_FD(f) (__extension__(struct tend_output){ .kind = TEND_OUTPUT_FD, .fd = (f) })
/* stderr only: wherever stdout goes; with a stream both share one pipe, which keeps the true order. */
#define TEND_OUT_MERGE (__extension__(struct tend_output){ .kind = TEND_OUTPUT_MERGE })

enum tend_forgotten_kind { TEND_IF_FORGOTTEN_ABORT = 1, TEND_IF_FORGOTTEN_TERMINATE, TEND_IF_FORGOTTEN_DETACH };

/* What tend_process_free() does when the child still runs. */
struct tend_forgotten {
	enum tend_forgotten_kind kind;
	const struct tend_stop *stop;      /* TEND_IF_FORGOTTEN_TERMINATE: copied */
};
/* A bug in the host: SIGKILL to the group, one line on stderr that names the process and .where, abort(3). */
#define TEND_FORGOTTEN_ABORT (__extension__(struct tend_forgotten){ .kind = TEND_IF_FORGOTTEN_ABORT })
/* The reaper thread runs the plan (a pointer); the freeing thread does not wait for it. */
#define TEND_FORGOTTEN_TERMINATE(plan)                                                                                 \
	(__extension__(struct tend_forgotten){ .kind = TEND_IF_FORGOTTEN_TERMINATE, .stop = (plan) })
/* As tend_process_detach(). */
#define TEND_FORGOTTEN_DETACH (__extension__(struct tend_forgotten){ .kind = TEND_IF_FORGOTTEN_DETACH })

/* How a name is made where none is given.  Beware of secrets in all but the first. */
enum tend_auto_name { TEND_NAME_PROGRAM = 1, TEND_NAME_ARGS, TEND_NAME_ENV_ARGS, TEND_NAME_FULL };

/* The place in the caller's source, "main.c:42". */
#define TEND_HERE __FILE__ ":" TEND__STRING(__LINE__)
#define TEND__STRING(line) TEND__STRING_OF(line)
#define TEND__STRING_OF(line) #line

struct tend_spawn {
	const char *name;                  /* extra: for messages and logs; absent: as auto_name says */
	enum tend_auto_name auto_name;     /* extra: absent is TEND_NAME_PROGRAM */
	const char *where;                 /* extra: TEND_HERE, for the message of TEND_FORGOTTEN_ABORT; a static
					      string */
	const char *const *argv;           /* choice: NULL-terminated, at least argv[0] */
	/*
	 * Extra: what to execute when it is not argv[0].  A name without a slash is looked for in the directories of
	 * the calling process's PATH (confstr(3) _CS_PATH where it is unset), an empty entry being the current
	 * directory; EACCES is reported only when nothing else was found.  A relative path means relative to the
	 * calling process's current directory, not to `cwd`.  Never run through a shell, also not when the kernel
	 * says ENOEXEC.
	 */
	const char *program;
	/*
	 * Extra: the whole environment, NULL-terminated "KEY=value"; absent: a copy of the host's environ(7), which no
	 * other thread may change during the call.
	 */
	const char *const *env;
	const char *const *env_unset;      /* extra: names to take out of it, NULL-terminated */
	const char *const *env_set;        /* extra: "KEY=value" to put into it afterwards, NULL-terminated */
	const char *cwd;                   /* extra: chdir(2) in the child */
	struct tend_input in;              /* choice */
	struct tend_output out;            /* choice */
	struct tend_output err;            /* choice */
	struct tend_forgotten if_forgotten;/* choice */

	/* What the child is like, all extras: <tend/child.h>. */
	const struct tend_pass_fd *pass_fds; /* at most TEND_MAX_PASS_FDS */
	size_t n_pass_fds;
	enum tend_scope scope;             /* absent: TEND_SCOPE_GROUP; with pty TEND_SCOPE_SESSION */
	struct tend_cgroup cgroup;         /* TEND_SCOPE_CGROUP */
	struct tend_survivors survivors;   /* of the child's own exit; absent: TEND_SURVIVORS_LEAVE */
	enum tend_with_parent with_parent; /* absent: the child outlives a host that is killed */
	const struct tend_pty *pty;
	tend_value umask;                  /* TEND_UMASK(mode) */
	tend_value nice;                   /* TEND_NICE(n) */
	tend_value oom_score_adj;          /* TEND_OOM_SCORE_ADJ(n); absent: the host's */
	const struct tend_rlimit *rlimits; /* at most TEND_MAX_RLIMITS; set before the ids, in this order */
	size_t n_rlimits;
	/* TEND_UID(n), TEND_GID(n); a uid makes gid and groups choices.  Such a child begins as a copy of the host,
	 * whose
	   cost depends on its size: in shared memory the kernel would take the host for a set-user-ID program. */
	tend_value uid, gid;
	struct tend_groups groups;
	bool no_new_privs;                 /* prctl(2) PR_SET_NO_NEW_PRIVS */
	bool reset_affinity;               /* all CPUs of the cpuset, not those of the calling thread */
	bool reset_scheduler;              /* SCHED_OTHER, not the policy of the calling thread */
	/*
	 * How long execve(2) is tried again while it says ETXTBSY, which it does while anybody has the program open for
	 * writing, a child between fork and exec of another thread of the host that wrote it included.  TEND_FOREVER is
	 * refused.  Absent: not at all.
	 */
	tend_duration on_busy;
};

/*
 * Starts a child in a process group of its own, with an empty signal mask, default dispositions of all signals, and no
 * descriptor but 0, 1, 2 and those of pass_fds.  Its pages are not copied: the cost does not depend on the size of
 * the host (clone(2) with CLONE_VM | CLONE_VFORK), unless uid or gid is given.  The struct and all it points to are
 * copied.  When the call returns 0 the new program is running and its output is being read; on failure nothing is
 * left: no child, no zombie, no thread, no descriptor. In the child, in this order: group, session or cgroup;
 * the terminal; signals; descriptors; oom_score_adj, umask, rlimits, scheduling; groups, gid, uid; with_parent;
 * no_new_privs; cwd; execve(2). Errors: -EINVAL with the field's name; what pipe2(2), pthread_create(3), clone(2),
 * setpgid(2), dup2(2), chdir(2), execve(2) and the calls named at the extras return, with the step in err->step:
 * -ENOENT, -EACCES, -ENOEXEC, -E2BIG, -EMFILE, -EAGAIN, -ENOMEM, -EPERM, ...; -ECHILD when the child was ended before
 * it could execute the program; -ESHUTDOWN after tend_shutdown().
 * Any thread, any number at once; blocks until the child has executed the program, with on_busy for that long more.
 */
TEND_API int tend_spawn(const struct tend_spawn *spawn, tend_process **ret_process, struct tend_error *err);

TEND_END_DECLS

#endif
