/* SPDX-License-Identifier: MIT */
/*
 * Starting a child.  Everything that decides what happens later is spelled out in one struct; a choice that is left at
 * 0 is refused by its name before any child exists.
 */
#ifndef TEND_SPAWN_H
#define TEND_SPAWN_H

#include <tend/base.h>
#include <tend/error.h>
#include <tend/stop.h>
#include <tend/stream.h>

TEND_BEGIN_DECLS

typedef struct tend_process tend_process;

enum tend_input_kind { TEND_INPUT_NULL = 1, TEND_INPUT_PIPE, TEND_INPUT_INHERIT, TEND_INPUT_FD };

/* The child's stdin. */
struct tend_input {
	enum tend_input_kind kind;
	int fd;                  /* TEND_INPUT_FD */
};
#define TEND_IN_NULL (__extension__(struct tend_input){ .kind = TEND_INPUT_NULL })       /* /dev/null */
#define TEND_IN_PIPE (__extension__(struct tend_input){ .kind = TEND_INPUT_PIPE })       /* tend_process_stdin_write()
											    */
#define TEND_IN_INHERIT (__extension__(struct tend_input){ .kind = TEND_INPUT_INHERIT }) /* the host's own */
/* A descriptor of the caller's, who keeps it and may close it after the call; its flags are not touched. */
#define TEND_IN_FD(f) (__extension__(struct tend_input){ .kind = TEND_INPUT_FD, .fd = (f) })

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
/* A bug in the host: SIGKILL to the group, one line on stderr that names the process, abort(3). */
#define TEND_FORGOTTEN_ABORT (__extension__(struct tend_forgotten){ .kind = TEND_IF_FORGOTTEN_ABORT })
/* The reaper thread runs the plan (a pointer); the freeing thread does not wait for it. */
#define TEND_FORGOTTEN_TERMINATE(plan)                                                                                 \
	(__extension__(struct tend_forgotten){ .kind = TEND_IF_FORGOTTEN_TERMINATE, .stop = (plan) })
/* As tend_process_detach(). */
#define TEND_FORGOTTEN_DETACH (__extension__(struct tend_forgotten){ .kind = TEND_IF_FORGOTTEN_DETACH })

/* How a name is made where none is given.  Beware of secrets in all but the first. */
enum tend_auto_name { TEND_NAME_PROGRAM = 1, TEND_NAME_ARGS, TEND_NAME_ENV_ARGS, TEND_NAME_FULL };

struct tend_spawn {
	const char *name;                  /* extra: for messages and logs; absent: as auto_name says */
	enum tend_auto_name auto_name;     /* extra: absent is TEND_NAME_PROGRAM */
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
	const char *cwd;                   /* extra: chdir(2) in the child */
	struct tend_input in;              /* choice */
	struct tend_output out;            /* choice */
	struct tend_output err;            /* choice */
	struct tend_forgotten if_forgotten;/* choice */
};

/*
 * Starts a child in a process group of its own, with an empty signal mask, default dispositions of all signals, and no
 * descriptor but 0, 1 and 2.  Its pages are not copied: the cost does not depend on the size of the host (clone(2) with
 * CLONE_VM | CLONE_VFORK).  The struct and all it points to are copied.  When the call returns 0 the new program is
 * running and its output is being read; on failure nothing is left: no child, no zombie, no thread, no descriptor.
 * Errors: -EINVAL with the field's name; what pipe2(2), pthread_create(3), clone(2), setpgid(2), dup2(2), chdir(2) and
 * execve(2) return, with the step in err->step: -ENOENT, -EACCES, -ENOEXEC, -E2BIG, -EMFILE, -EAGAIN, -ENOMEM, ...
 * Any thread, any number at once; blocks until the child has executed the program.
 */
TEND_API int tend_spawn(const struct tend_spawn *spawn, tend_process **ret_process, struct tend_error *err);

TEND_END_DECLS

#endif
