/* SPDX-License-Identifier: MIT */
/*
 * tend must outlive the signals that it gets, since the child is stopped by it alone: the child has a process
 * group of its own, and the terminal's Ctrl-C does not reach it.  So all signals are blocked, and one thread takes
 * them one after the other with sigwait(3): no handler, nothing that has to be async-signal-safe.
 *
 * The first of INT, TERM, HUP, QUIT runs the stop plan, the second kills at once, the third ends tend itself. 
 * TSTP stops the child's group and then tend; CONT continues it.  USR1, USR2 and WINCH go to the child.
 */
#include "run_signals.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "cmd.h"
#include "run_watch.h"
#include "say.h"
#include "signal_name.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Sent to the thread to make it look at `over`; does nothing otherwise. */
enum { NUDGE = SIGURG };

static const int ends_tend[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
static const int goes_on[] = { SIGUSR1, SIGUSR2, SIGWINCH };
static const int raised_by_faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS };

static pthread_t thread;
static bool started;             /* main's */
static sigset_t mask_before;     /* main's: what was blocked when tend began */
static atomic_bool over;

void run_signals_block(void)
{
	sigset_t set;

	sigfillset(&set);
	for (size_t i = 0; i < COUNT(raised_by_faults); i++)
		sigdelset(&set, raised_by_faults[i]);
	pthread_sigmask(SIG_BLOCK, &set, &mask_before);
	signal(SIGCHLD, SIG_DFL); /* ignored by whoever started us, it would lose the child's exit status */
}

void run_signals_unblock(void)
{
	sigset_t set = mask_before;

	sigaddset(&set, SIGPIPE);
	sigaddset(&set, SIGXFSZ);
	pthread_sigmask(SIG_SETMASK, &set, NULL);
}

/* A blocked signal is taken by sigwait(3) even where it was to be ignored. */
static bool is_ignored(int signal)
{
	struct sigaction action;

	return sigaction(signal, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

static void add_unless_ignored(sigset_t *set, const int *signals, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!is_ignored(signals[i]))
			sigaddset(set, signals[i]);
}

static sigset_t wanted(void)
{
	static const int job_control[] = { SIGTSTP };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, NUDGE);
	sigaddset(&set, SIGCONT);
	add_unless_ignored(&set, ends_tend, COUNT(ends_tend));
	add_unless_ignored(&set, goes_on, COUNT(goes_on));
	add_unless_ignored(&set, job_control, COUNT(job_control));
	return set;
}

static bool is_one_of(int signal, const int *signals, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (signals[i] == signal)
			return true;
	return false;
}

/* Dies as it would have without us; with a status that says the same where the kernel spares it (process 1). */
static void __attribute__((noreturn)) die_of(int number)
{
	sigset_t set;

	signal(number, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, number);
	pthread_kill(pthread_self(), number);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	_exit(CMD_SIGNALED + number);
}

static void kill_now(struct run *run, int signal)
{
	struct tend_stop_report report;
	struct tend_error err;
	char name[24];

	say_info("%.60s: %s again: killing it", run->name, signal_name(signal, name));
	if (tend_process_kill(run->process, TEND_DEFAULT_AFTER_KILL, &report, &err) < 0) {
		say("%.60s: cannot kill it: %s", run->name, err.message);
		return;
	}
	pthread_mutex_lock(&run->lock);
	run->kill_report = report;
	pthread_mutex_unlock(&run->lock);
}

/* The child has ended: what is left is to pass on its output. */
static void give_up(struct run *run, int signal)
{
	bool before;

	pthread_mutex_lock(&run->lock);
	before = run->gives_up;
	run->gives_up = true;
	pthread_cond_broadcast(&run->changed);
	pthread_mutex_unlock(&run->lock);
	if (before)
		die_of(signal);
}

/* Said before it is asked for: main may have stopped the child, and said so, as soon as that has been done. */
static void interrupt(struct run *run, int signal, unsigned nth)
{
	char name[24];

	if (nth == 1 && !run_has_exited(run))
		say_info("%.60s: %s: stopping it; once more kills it", run->name, signal_name(signal, name));
	if (!run_want_stop(run, RUN_INTERRUPTED))
		give_up(run, signal);
	else if (nth == 2)
		kill_now(run, signal);
	else if (nth > 2)
		die_of(signal);
}

static void pass_on(struct run *run, int signal, enum tend_target target)
{
	(void)tend_process_signal(run->process, signal, target, NULL); /* it may be gone by now */
}

static void *take_signals(void *arg)
{
	struct run *run = arg;
	sigset_t set = wanted();
	unsigned interrupts = 0;
	int n;

	while (sigwait(&set, &n) == 0 && !atomic_load_explicit(&over, memory_order_acquire)) {
		if (n == SIGTSTP) {
			pass_on(run, SIGTSTP, TEND_GROUP);
			kill(getpid(), SIGSTOP);
		} else if (n == SIGCONT) {
			pass_on(run, SIGCONT, TEND_GROUP);
		} else if (is_one_of(n, goes_on, COUNT(goes_on))) {
			pass_on(run, n, TEND_LEADER);
		} else if (n != NUDGE) {
			interrupt(run, n, ++interrupts);
		}
	}
	return NULL;
}

int run_signals_start(struct run *run)
{
	int r = pthread_create(&thread, NULL, take_signals, run);

	started = r == 0;
	return -r;
}

void run_signals_stop(void)
{
	if (!started)
		return;
	/* pairs with the load in take_signals: nothing but the flag itself is published */
	atomic_store_explicit(&over, true, memory_order_release);
	pthread_kill(thread, NUDGE);
	pthread_join(thread, NULL);
}
