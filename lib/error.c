/* SPDX-License-Identifier: MIT */
/* One place that turns (errno, step) into a sentence, and one that hands events to the host's log function. */
#include "error.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "mem.h"

static const char *const step_names[] = {
	[TEND_STEP_NONE] = "none",
	[TEND_STEP_OPTIONS] = "options",
	[TEND_STEP_ALLOCATE] = "allocate",
	[TEND_STEP_THREAD] = "thread",
	[TEND_STEP_PIPE] = "pipe",
	[TEND_STEP_OPEN] = "open",
	[TEND_STEP_CLONE] = "clone",
	[TEND_STEP_PIDFD] = "pidfd",
	[TEND_STEP_PROCESS_GROUP] = "process-group",
	[TEND_STEP_STDIO] = "stdio",
	[TEND_STEP_CLOSE_FDS] = "close-fds",
	[TEND_STEP_CHDIR] = "chdir",
	[TEND_STEP_SIGNALS] = "signals",
	[TEND_STEP_EXEC] = "exec",
	[TEND_STEP_SUBSCRIBE] = "subscribe",
	[TEND_STEP_READ] = "read",
	[TEND_STEP_WRITE] = "write",
	[TEND_STEP_WAIT] = "wait",
	[TEND_STEP_SIGNAL_LEADER] = "signal-leader",
	[TEND_STEP_SIGNAL_GROUP] = "signal-group",
	[TEND_STEP_FORK] = "fork",
	[TEND_STEP_CALLBACK] = "callback",
	[TEND_STEP_SESSION] = "session",
	[TEND_STEP_TERMINAL] = "terminal",
	[TEND_STEP_CGROUP] = "cgroup",
	[TEND_STEP_RLIMITS] = "rlimits",
	[TEND_STEP_SCHEDULING] = "scheduling",
	[TEND_STEP_IDS] = "ids",
	[TEND_STEP_PARENT] = "parent",
	[TEND_STEP_PRIVILEGES] = "privileges",
	[TEND_STEP_BYTES] = "bytes",
	[TEND_STEP_SHUTDOWN] = "shutdown",
	[TEND_STEP_OOM_SCORE] = "oom-score",
};

const char *tend_step_name(enum tend_step step)
{
	size_t i = (size_t)step;

	return i < sizeof step_names / sizeof *step_names ? step_names[i] : "unknown";
}

static void copy_cut(char *to, size_t room, const char *from)
{
	size_t n = from ? strnlen(from, room - 1) : 0;

	if (n)
		memcpy(to, from, n);
	to[n] = '\0';
}

static void fill(struct tend_error *err, int code, enum tend_step step, const char *name)
{
	memset(err, 0, sizeof *err);
	err->code = code;
	err->step = step;
	copy_cut(err->name, sizeof err->name, name);
}

/* err may be NULL. */
TEND_PRINTF(5, 0) static void fill_message(struct tend_error *err, int code, enum tend_step step, const char *name,
                                           const char *format, va_list ap)
{
	if (!err)
		return;
	fill(err, code, step, name);
	vsnprintf(err->message, sizeof err->message, format, ap);
}

int tend__error(struct tend_error *err, int code, enum tend_step step, const char *name, const char *format, ...)
{
	int saved = errno;
	va_list ap;

	va_start(ap, format);
	fill_message(err, code, step, name, format, ap);
	va_end(ap);
	errno = saved;
	return code;
}

/* ": No such file or directory" behind what is there, as far as there is room. */
static void append_errno(char *message, size_t room, int code)
{
	size_t used = strlen(message);
	const char *text = strerrordesc_np(-code);

	if (used < room)
		snprintf(message + used, room - used, ": %s", text ? text : "unknown error");
}

int tend__error_sys(struct tend_error *err, int code, enum tend_step step, const char *name, const char *format, ...)
{
	int saved = errno;
	va_list ap;

	va_start(ap, format);
	fill_message(err, code, step, name, format, ap);
	va_end(ap);
	if (err)
		append_errno(err->message, sizeof err->message, code);
	errno = saved;
	return code;
}

int tend__refuse(struct tend_error *err, const char *name, const char *field, const char *format, ...)
{
	va_list ap;
	int used;

	if (!err)
		return -EINVAL;
	fill(err, -EINVAL, TEND_STEP_OPTIONS, name);
	used = snprintf(err->message, sizeof err->message, "%s ", field);
	if (used < 0 || (size_t)used >= sizeof err->message)
		return -EINVAL;
	va_start(ap, format);
	vsnprintf(err->message + used, sizeof err->message - (size_t)used, format, ap);
	va_end(ap);
	return -EINVAL;
}

/*
 * The log function and its argument have to be read together by threads that hold no lock, so they sit in one record
 * that is never changed and never freed; `older` keeps replaced records reachable.  Hosts set it once or twice.
 */
struct log_target {
	tend_log_fn *fn;
	void *arg;
	enum tend_log_level level;
	struct log_target *older;
};
static struct log_target *_Atomic log_target;

int tend_set_log(tend_log_fn *fn, void *arg, enum tend_log_level level)
{
	struct log_target *t;

	if (fn && (level < TEND_LOG_ERROR || level > TEND_LOG_DEBUG))
		return -EINVAL;
	t = tend__calloc(1, sizeof *t);
	if (!t)
		return -ENOMEM;
	t->fn = fn;
	t->arg = arg;
	t->level = level;
	t->older = atomic_load_explicit(&log_target, memory_order_relaxed);
	/* (L) pairs with (L) in tend__log */
	while (!atomic_compare_exchange_weak_explicit(&log_target, &t->older, t, memory_order_release,
	                                              memory_order_relaxed))
		;
	return 0;
}

void tend__log(enum tend_log_level level, const char *event, const char *name, pid_t pid, const char *format, ...)
{
	/* (L) pairs with (L) in tend_set_log: the record's fields */
	const struct log_target *t = atomic_load_explicit(&log_target, memory_order_acquire);
	struct tend_log_event e = { .level = level, .event = event, .name = name ? name : "", .pid = pid };
	char message[256];
	va_list ap;
	int saved = errno, state;

	if (!t || !t->fn || level > t->level)
		return;
	va_start(ap, format);
	vsnprintf(message, sizeof message, format, ap);
	va_end(ap);
	e.message = message;
	/* others may wait for the end of this call: a thread must not vanish in it */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	t->fn(t->arg, &e);
	pthread_setcancelstate(state, NULL);
	errno = saved;
}
