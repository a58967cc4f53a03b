/* SPDX-License-Identifier: MIT */
/*
 * What went wrong, and where.  Every fallible call returns 0 or a negative errno(3) value and fills the struct
 * tend_error that its last parameter points to (NULL: not wanted).  The struct belongs to the caller, needs no
 * initialisation, holds nothing that has to be freed, and is left untouched on success.
 */
#ifndef TEND_ERROR_H
#define TEND_ERROR_H

#include <sys/types.h>
#include <tend/base.h>

TEND_BEGIN_DECLS

/* The step that failed. */
enum tend_step {
	TEND_STEP_NONE,
	TEND_STEP_OPTIONS,      /* a field of the caller's struct was refused; the message names it */
	TEND_STEP_ALLOCATE,     /* memory */
	TEND_STEP_THREAD,       /* a reader, consumer or reaper thread could not be started */
	TEND_STEP_PIPE,         /* pipe2(2), eventfd(2), fcntl(2) on our own descriptors */
	TEND_STEP_OPEN,         /* open(2) of /dev/null */
	TEND_STEP_CLONE,        /* clone(2) */
	TEND_STEP_PIDFD,        /* pidfd_open(2), epoll_ctl(2) on it */
	TEND_STEP_PROCESS_GROUP,/* in the child: setpgid(2) */
	TEND_STEP_STDIO,        /* in the child: dup2(2) onto 0, 1, 2 */
	TEND_STEP_CLOSE_FDS,    /* in the child: close_range(2) or its fallback */
	TEND_STEP_CHDIR,        /* in the child: chdir(2) */
	TEND_STEP_SIGNALS,      /* in the child: rt_sigaction, rt_sigprocmask */
	TEND_STEP_EXEC,         /* in the child: execve(2) */
	TEND_STEP_SUBSCRIBE,    /* the stream's slot is taken, or the stream is gone */
	TEND_STEP_READ,         /* read(2) of a stream, or of what a new child has to say */
	TEND_STEP_WRITE,        /* write(2) to the child's stdin */
	TEND_STEP_WAIT,         /* waitid(2) */
	TEND_STEP_SIGNAL_LEADER,/* pidfd_send_signal(2) to the child */
	TEND_STEP_SIGNAL_GROUP, /* the same to its process group */
	TEND_STEP_FORK,         /* the handle belongs to the process that this one was forked from */
	TEND_STEP_CALLBACK,     /* the call is not allowed from inside a visitor */
	TEND_STEP_SESSION,      /* in the child: setsid(2) */
	TEND_STEP_TERMINAL,     /* pty(7): opening it; in the child: taking it as the controlling terminal */
	TEND_STEP_CGROUP,       /* making a cgroup, or putting the child into it */
	TEND_STEP_RLIMITS,      /* in the child: setrlimit(2) */
	TEND_STEP_SCHEDULING,   /* in the child: setpriority(2), sched_setaffinity(2), sched_setscheduler(2) */
	TEND_STEP_IDS,          /* in the child: setgroups(2), setresgid(2), setresuid(2) */
	TEND_STEP_PARENT,       /* in the child: prctl(2) PR_SET_PDEATHSIG, or the host was gone by then */
	TEND_STEP_PRIVILEGES,   /* in the child: prctl(2) PR_SET_NO_NEW_PRIVS */
	TEND_STEP_BYTES,        /* memfd_create(2) and write(2) for TEND_IN_BYTES */
	TEND_STEP_SHUTDOWN,     /* the library has been shut down */
	TEND_STEP_OOM_SCORE,    /* in the child: writing /proc/self/oom_score_adj */
};

struct tend_error {
	int code;               /* the negative errno value that the call returned */
	enum tend_step step;
	pid_t pid;              /* the child's, 0 where there is none */
	int signal;             /* the signal that could not be sent, else 0 */
	char name[64];          /* the process's or stream's name, cut to fit, NUL-terminated, "" where there is none */
	char message[256];      /* one finished sentence, NUL-terminated */
};

/* The step as a word: "options", "exec", "signal-group"; "unknown" for a number that is no step.  A static string.
 * Any thread; does not block. */
TEND_API const char *tend_step_name(enum tend_step step);

enum tend_log_level { TEND_LOG_ERROR = 1, TEND_LOG_WARNING, TEND_LOG_INFO, TEND_LOG_DEBUG };

/* One thing that happened.  Lent to the callback for the time of the call. */
struct tend_log_event {
	enum tend_log_level level;
	const char *event;      /* a stable word: "spawn", "exit", "reap", "gap", "read-error", "stop-phase", ... */
	const char *name;       /* the process's or stream's name, "" where there is none */
	pid_t pid;              /* 0 where there is none */
	const char *message;    /* one sentence, without argv or environment of the child */
};

typedef void tend_log_fn(void *arg, const struct tend_log_event *event);

/*
 * Sends every event of `level` and more important ones to `fn` from now on; NULL turns logging off, which is the
 * state at start.  `fn` is called on whichever thread the event happens, library threads among them, never with a
 * library lock held, possibly by several threads at once; it must not block and must not call tend_ functions.  An
 * "exit" event comes before any call reports that exit: such a call waits for the function to return.
 * A call that is under way when the function is replaced may still finish, so `arg` must stay valid.
 * Any thread; does not block.  -ENOMEM, -EINVAL (level).
 */
TEND_API int tend_set_log(tend_log_fn *fn, void *arg, enum tend_log_level level);

TEND_END_DECLS

#endif
