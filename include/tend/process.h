/* SPDX-License-Identifier: MIT */
/*
 * A child that runs, and what became of it.  Any thread may call any of these on one handle at the same time, except
 * tend_process_free(), which comes last.
 */
#ifndef TEND_PROCESS_H
#define TEND_PROCESS_H

#include <sys/resource.h>
#include <sys/types.h>
#include <tend/base.h>
#include <tend/consume.h>
#include <tend/error.h>
#include <tend/spawn.h>
#include <tend/stop.h>
#include <tend/stream.h>

TEND_BEGIN_DECLS

/* ---- what it is ---- */

/* The child's number; valid as an identity only while the child has not been reaped.  Any thread; does not block. */
TEND_API pid_t tend_process_pid(const tend_process *process);
/* Its name.  Lent until the handle is freed. */
TEND_API const char *tend_process_name(const tend_process *process);
/*
 * What belongs together with it: as chosen, or TEND_SCOPE_GROUP where there was no cgroup to be had and that was
 * allowed.  Any thread; does not block.
 */
TEND_API enum tend_scope tend_process_scope(const tend_process *process);
/*
 * The directory of its cgroup, for limits and statistics; NULL where it has none.  It is removed when the child has
 * exited and nobody is left in it.  Lent until the handle is freed.
 */
TEND_API const char *tend_process_cgroup(const tend_process *process);
/*
 * Its streams; NULL where the choice was neither a stream nor TEND_OUT_DISCARD (with TEND_OUT_MERGE stderr has none).
 * A discarded one may be used as any other: it ends at once, without a byte.  Borrowed until the handle is freed.
 */
TEND_API tend_stream *tend_process_stdout(tend_process *process);
TEND_API tend_stream *tend_process_stderr(tend_process *process);

/* ---- how it ended ---- */

enum tend_exit_kind {
	TEND_RUNNING,           /* it has not exited (a wait timed out) */
	TEND_EXITED,            /* with `code` */
	TEND_SIGNALED,          /* by `signal` */
	TEND_EXIT_UNKNOWN       /* it is gone, but somebody else took its status (waitpid(-1) in the host, SIGCHLD
				   ignored), and the kernel does not tell (before Linux 6.15) */
};

/* Exit code and signal are two fields and never folded into one. */
struct tend_exit {
	enum tend_exit_kind kind;
	int code;               /* TEND_EXITED: 0 to 255, else 0 */
	int signal;             /* TEND_SIGNALED: the number, else 0 */
	bool core_dumped;
	bool by_us;             /* TEND_SIGNALED: this handle has sent that signal (tend_process_signal(), a stop) */
	bool has_rusage;        /* false: somebody else has reaped it */
	struct rusage rusage;   /* of the child and the descendants it waited for; zero where unknown */
	int64_t wall_ns;        /* from the spawn to the moment its exit was seen */
};

/*
 * Waits until the child has exited, or `timeout` has passed (ret_exit->kind is then TEND_RUNNING).  The exit is the
 * child's own: its descendants may live on and its pipes may stay open.  Does not close stdin.  ret_exit may be NULL.
 * Any number of threads, any number of times.
 * 0, -EINVAL (timeout), -ECHILD (after fork).  Blocks.
 */
TEND_API int tend_process_wait(tend_process *process, tend_duration timeout, struct tend_exit *ret_exit,
                               struct tend_error *err);

enum tend_state {
	TEND_STATE_RUNNING = 1, /* or asleep, or continued again */
	TEND_STATE_STOPPED,     /* by SIGSTOP or its kin, until SIGCONT */
	TEND_STATE_TRACED,      /* stopped by a debugger */
	TEND_STATE_EXITED
};

struct tend_status {
	enum tend_state state;
	struct tend_kernel_state kernel; /* while it has not exited */
	struct tend_exit exit;  /* kind TEND_RUNNING while it has not exited */
};

/*
 * How it is now, without any effect on it, on a later wait, or on the handle.  0, -EINVAL (NULL), -ECHILD (after fork).
 * Any thread; does not block.
 */
TEND_API int tend_process_status(tend_process *process, struct tend_status *ret_status);

/*
 * An eventfd for poll(2), epoll and event loops: readable from the moment on when tend_process_wait() with TEND_AT_ONCE
 * tells the exit.  Only poll it: it belongs to the handle, is the same at each call, and is closed with the handle.
 * -EMFILE, -ENFILE, -ENOMEM, -EINVAL (NULL), -ECHILD (after fork).  Any thread; does not block.
 */
TEND_API int tend_process_exit_fd(tend_process *process);

/* ---- signals and stopping ---- */

/*
 * Sends one signal; it can never reach a stranger that got the child's number.  TEND_GROUP: to the leader and to the
 * group.  The leader is gone: 0 when members of its group got the signal, else -ESRCH.  -EINVAL (signal, target),
 * -EPERM, -EPERM after fork too.  Any thread; does not block.
 */
TEND_API int tend_process_signal(tend_process *process, int signal, enum tend_target target, struct tend_error *err);

/*
 * Runs a plan until the child has exited and no member of its group is alive, or after_kill has passed behind SIGKILL.
 * The reaper thread does the work: many processes stop at the same time, and a caller that dies loses nothing.  When a
 * stop is already under way the call waits for that one, which then gives SIGKILL the longer of the two after_kill. 
 * 0 with a report for every outcome but TEND_STOP_REFUSED, which is -EPERM (with a report).  ret_report may be NULL. 
 * -EINVAL (field), -ECHILD (after fork).  Any thread; blocks up to tend_stop_total(), that of the other stop where one
 * is under way: tend_process_kill() cuts it short.
 */
TEND_API int tend_process_stop(tend_process *process, const struct tend_stop *plan,
                               struct tend_stop_report *ret_report, struct tend_error *err);

/*
 * SIGKILL to the group, now, also when another plan is under way; then waits at most `confirm`, which is finite, for
 * all of it to be gone. As tend_process_stop() otherwise.  Blocks up to `confirm`.
 */
TEND_API int tend_process_kill(tend_process *process, tend_duration confirm, struct tend_stop_report *ret_report,
                               struct tend_error *err);

/* ---- stdin ---- */

/*
 * Writes to the child's stdin (TEND_IN_PIPE) until all is written or `timeout` has passed; *ret_written (may be NULL)
 * says how much was, in every case.  All written: 0.  Time over: -ETIMEDOUT.  The child reads no more: -EPIPE, never
 * SIGPIPE, whatever the host's disposition.  Closed or no pipe: -EBADF.  -EINVAL, -ECHILD (after fork).  Any thread,
 * one writes at a time; blocks.
 */
TEND_API int tend_process_stdin_write(tend_process *process, const void *data, size_t size, tend_duration timeout,
                                      size_t *ret_written, struct tend_error *err);
/*
 * The window of the child's terminal (.pty with TEND_IN_PIPE): the child gets SIGWINCH when it changes.  0, -EINVAL (a
 * number that is 0), -ENOTTY (no terminal), -EBADF (stdin has been closed), -ECHILD (after fork).  Any thread; does not
 * block.
 */
TEND_API int tend_process_set_window(tend_process *process, unsigned short rows, unsigned short columns);
/* Closes the child's stdin; it reads EOF.  A second call does nothing.  0, or -ECHILD (after fork).  Any thread;
 * waits for a write in progress to give up, which it does at once. */
TEND_API int tend_process_stdin_close(tend_process *process);

/* ---- one call for all of it ---- */

/* How long output is read on after the child has exited while somebody else still holds the pipe. */
struct tend_drain {
	tend_duration idle;     /* choice: this long without a byte; each byte starts it anew */
	tend_duration total;    /* choice: this long in any case */
};

struct tend_complete {
	tend_duration timeout;       /* choice: for the child to exit */
	struct tend_collect out;     /* extra: absent: stdout is not collected */
	struct tend_collect err;     /* extra */
	struct tend_drain drain;     /* choice where stdout or stderr is a stream */
	const struct tend_stop *stop;/* extra: what to do when the time is over; absent: leave it running */
	tend_duration inactivity;    /* extra: the time is over, too, when nothing was read from stdout or stderr for
					this long, from the call on; TEND_FOREVER is refused */
	bool keep_stdin_open;        /* extra: absent: stdin (TEND_IN_PIPE) is closed first, or a child that reads it
					would never end */
};

enum tend_outcome {
	TEND_COMPLETED = 1,     /* it exited by itself in time */
	TEND_STILL_RUNNING,     /* the time was over, and there was no plan to stop it: it runs on */
	TEND_STOPPED,           /* the time was over, and the plan ended it: see `stop` */
	TEND_NOT_STOPPED        /* the time was over, and the plan did not end it: see `stop` */
};

/* "completed", "still-running", ...  A static string. */
TEND_API const char *tend_outcome_name(enum tend_outcome outcome);

/* One stream of a finished process. */
struct tend_output_result {
	struct tend_collected collected; /* kind TEND_COLLECTION_NONE where nothing was to be collected */
	enum tend_ending end;    /* of the stream: TEND_END_NONE while it is still read, TEND_END_DETACHED when the
				    drain ran out */
	int read_errno;
	uint64_t bytes, chunks;  /* read from the pipe */
	bool is_discarded;       /* TEND_OUT_DISCARD: that there is nothing says nothing about the child */
	struct tend_pid_name held_by[TEND_MAX_NAMED]; /* who still held the pipe when the drain ran out */
	size_t n_held_by;        /* how many there are; only the first TEND_MAX_NAMED are named */
};

struct tend_result {
	enum tend_outcome outcome;
	bool timed_out;
	bool inactive;           /* timed_out because of `inactivity` */
	struct tend_exit exit;
	struct tend_stop_report stop;
	struct tend_output_result out, err;
	/*
	 * Members of the group, or of the cgroup, that were alive behind the child's exit: how many, and the first of
	 * them.  With TEND_SURVIVORS_STOP() and a child that exited by itself: before they were stopped; see then
	 * `survivors_stop` for what became of them.  Otherwise at the end of the call.
	 */
	struct tend_pid_name survivors[TEND_MAX_NAMED];
	size_t n_survivors;
	struct tend_stop_report survivors_stop;
};

/*
 * Collects output, waits for the exit, stops the child when the time is over and a plan is given, reads what is left,
 * and hands back all it has, in every case.  When the child has exited the streams are let go of (a descendant that
 * still writes gets SIGPIPE).  Collectors see what was retained and what comes after the call.  The collected bytes
 * belong to the process handle and live until tend_result_clear() or tend_process_free().
 * 0 for every outcome, TEND_NOT_STOPPED included.  -EINVAL (field), -EBUSY (a single-subscriber stream has its
 * subscriber), -ENOMEM, -EAGAIN (thread), -ECHILD (after fork): then nothing was started, nothing waited for.
 * -EDEADLK in a visitor that the reader of one of its streams runs.  Any thread; blocks up to timeout +
 * tend_stop_total(stop) + drain.total (and tend_stop_total() of TEND_SURVIVORS_STOP's plan; instead of either, that of
 * a stop that somebody else has begun), and for as long as a visitor that a reader runs does not return.
 */
TEND_API int tend_process_complete(tend_process *process, const struct tend_complete *options,
                                   struct tend_result *ret_result, struct tend_error *err);

/* Frees the collected output of a result before its process is freed.  Any thread, not after tend_process_free(). */
TEND_API void tend_result_clear(struct tend_result *result, tend_process *process);

/* ---- letting go ---- */

/*
 * Frees the handle; NULL is allowed.  A child that still runs is treated as .if_forgotten says.  Its streams end as by
 * tend_stream_free(), with TEND_FORGOTTEN_TERMINATE when the stop is over, so that a child that is shutting down can
 * still write.  Returns NULL.  One thread, last; does not wait for the child, only for its readers to leave, as
 * tend_stream_free() does.  In a process forked from the one that spawned it, the call closes the copy's end of the
 * child's stdin and does nothing else; a copy that neither executes another program nor frees its handles keeps the
 * child from reading EOF.
 */
TEND_API tend_process *tend_process_free(tend_process *process);
TEND_API void tend_process_auto(tend_process **process);

/*
 * From here on the child may outlive the handle: tend_process_free() leaves it alone.  Its piped stdin, stdout and
 * stderr still close with the handle; it is still reaped when it exits.  Any thread; does not block.
 */
TEND_API void tend_process_detach(tend_process *process);

/* What a released child comes with.  Descriptors that there are none of are -1; they have O_CLOEXEC. */
struct tend_released {
	pid_t pid;
	int pidfd;              /* for waitid(2) with P_PIDFD, poll(2), pidfd_send_signal(2) */
	int in, out, err;       /* our ends of its pipes; O_NONBLOCK */
	struct tend_exit exit;  /* kind TEND_RUNNING: the caller has to reap it; else it has been reaped already, or
				   is */
};

/*
 * Hands the child over, with its pipes still open, and frees the handle; it is not signalled, reaped or watched by the
 * library any more.  What was read from its pipes by then has gone to the subscribers, whose streams end; but for a
 * chunk that a reliable one had no room for, which is lost as by tend_stream_free().  A cgroup is the caller's to
 * remove.  0, -EINVAL (NULL), -EBUSY (it is being stopped), -EDEADLK (in a visitor that a reader runs), -EMFILE,
 * -ECHILD (after fork): the handle is as it was then.  One thread, in place of tend_process_free().
 */
TEND_API int tend_process_release(tend_process *process, struct tend_released *ret_released);

/* ---- processes that are not ours ---- */

struct tend_adopt {
	pid_t pid;                          /* choice, unless pidfd is given */
	tend_value pidfd;                   /* extra: TEND_FD(fd) of pidfd_open(2); the caller keeps it */
	const char *name;                   /* extra: absent is what /proc calls it */
	struct tend_forgotten if_forgotten; /* choice; TEND_FORGOTTEN_DETACH in all likelihood */
};

/*
 * A handle of a process that somebody else has started: it can be waited for, signalled and stopped, with the group
 * that it leads, if it leads one; it has no streams, no stdin, and is reaped by its parent.  How it ended is known
 * where the kernel tells (Linux 6.15), when its parent has reaped it within two seconds; otherwise TEND_EXIT_UNKNOWN.
 * A number alone may have become another process's before the call; a pidfd cannot.  0, -EINVAL (field), -ESRCH (no
 * such process), -ENOMEM, -EMFILE, -EAGAIN (thread), -ESHUTDOWN.  Any thread; does not block.
 */
TEND_API int tend_adopt(const struct tend_adopt *adopt, tend_process **ret_process, struct tend_error *err);

/* ---- the end of the host ---- */

/*
 * Ends all children, as .if_forgotten says (TEND_FORGOTTEN_ABORT: SIGKILL; TEND_FORGOTTEN_DETACH and detached ones:
 * left alone), all at the same time; what is there still after `within` gets SIGKILL, and one second to go.  Nothing
 * can be started afterwards: tend_spawn() and tend_adopt() say -ESHUTDOWN; handles stay valid, and are to be freed.
 * exit(3) does the same with ten seconds, when a child has been started; on any thread, also in a callback; in a log
 * function on the library's own thread it can wait for nobody, and all get SIGKILL.  quick_exit(3) and _exit(2) end
 * nobody.
 * 0; -ETIMEDOUT: some child is still there behind SIGKILL; -EINVAL (within), -EDEADLK (from a log function on the
 * library's own thread).  Any thread; blocks up to `within` and a second.
 */
TEND_API int tend_shutdown(tend_duration within, struct tend_error *err);

TEND_END_DECLS

#endif
