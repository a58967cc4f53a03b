/* SPDX-License-Identifier: MIT */
/*
 * tend must outlive the signals that it gets, since the child is stopped by it alone: the child has a process
 * group of its own, and the terminal's Ctrl-C does not reach it.  So all signals are blocked, and one thread takes
 * them one after the other with sigwait(3): no handler, nothing that has to be async-signal-safe.
 *
 * The first of INT, TERM, HUP, QUIT runs the stop plan, the second kills at once, the third ends tend itself.
 * TSTP stops the child's group and then tend; CONT continues it.  USR1, USR2 and WINCH go to the child; where tend is
 * what a container begins with (init.c), all others do, too.
 */
#include "run_signals.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "cmd.h"
#include "init.h"
#include "run_watch.h"
#include "say.h"
#include "signal_name.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Sent to the thread to make it look at `over`; does nothing otherwise. */
enum { NUDGE = SIGURG };

static const int raised_by_faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS };

static pthread_t thread;
static bool started;         /* main's */
static sigset_t mask_before; /* main's: what was blocked when tend began */
static atomic_bool over;
/* whom they concern: set before the thread is started */
static struct run *runs;
static size_t n_runs;
static sigset_t goes_on; /* the thread's: what is passed on */

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

static sigset_t unless_ignored(const int *signals, size_t n)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < n; i++)
		if (!is_ignored(signals[i]))
			sigaddset(&set, signals[i]);
	return set;
}

/*
 * Which signals end what tend runs, and which go on to it.  The first process of a container gets for the program what
 * is meant for that, HUP and QUIT as well: there is no terminal whose end they would tell.
 */
static void choose(sigset_t *ret_ends, sigset_t *ret_goes_on)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	static const int on[] = { SIGUSR1, SIGUSR2, SIGWINCH };
	static const int also_on[] = { SIGUSR1, SIGUSR2, SIGWINCH, SIGHUP, SIGQUIT, SIGALRM, SIGPWR };

	if (!init_is_parent()) {
		*ret_ends = unless_ignored(ends, COUNT(ends));
		*ret_goes_on = unless_ignored(on, COUNT(on));
		return;
	}
	*ret_ends = unless_ignored(ends, 2);
	*ret_goes_on = unless_ignored(also_on, COUNT(also_on));
	for (int n = SIGRTMIN; n <= SIGRTMAX; n++)
		sigaddset(ret_goes_on, n);
}

static sigset_t wanted(void)
{
	static const int job_control[] = { SIGTSTP };
	sigset_t set, ends, stops = unless_ignored(job_control, COUNT(job_control));

	choose(&ends, &goes_on);
	sigorset(&set, &ends, &goes_on);
	sigorset(&set, &set, &stops);
	sigaddset(&set, NUDGE);
	sigaddset(&set, SIGCONT);
	return set;
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

/* Without a process to kill it is remembered: there may be one the next moment. */
static void kill_one(struct run *run, tend_duration confirm)
{
	tend_process *process = run_borrow(run);
	struct tend_stop_report report;
	struct tend_error err;
	int r = process ? tend_process_kill(process, confirm, &report, &err) : 0;

	if (r < 0)
		say("%.60s: cannot kill it: %s", run->name, err.message);
	pthread_mutex_lock(&run->lock);
	run->kill = true;
	if (process && r == 0)
		run->kill_report = report;
	pthread_mutex_unlock(&run->lock);
	if (process)
		run_return(run);
}

/* None waits for another one to be gone. */
static void kill_now(int signal)
{
	char name[24];

	for (size_t i = 0; i < n_runs; i++)
		if (!run_has_exited(&runs[i]))
			say_info("%.60s: %s again: killing it", runs[i].name, signal_name(signal, name));
	for (size_t i = 0; i < n_runs && n_runs > 1; i++)
		if (!run_has_exited(&runs[i]))
			kill_one(&runs[i], TEND_AT_ONCE);
	for (size_t i = 0; i < n_runs; i++)
		if (!run_has_exited(&runs[i]))
			kill_one(&runs[i], TEND_DEFAULT_AFTER_KILL);
}

/* All have ended: what is left is to pass on their output. */
static void give_up(int signal)
{
	bool before = false;

	for (size_t i = 0; i < n_runs; i++) {
		pthread_mutex_lock(&runs[i].lock);
		before |= runs[i].gives_up;
		runs[i].gives_up = true;
		pthread_cond_broadcast(&runs[i].changed);
		pthread_mutex_unlock(&runs[i].lock);
	}
	say_hurry();
	if (before)
		die_of(signal);
}

static bool is_running(struct run *run)
{
	bool is;

	pthread_mutex_lock(&run->lock);
	is = run->process && !run->exited;
	pthread_mutex_unlock(&run->lock);
	return is;
}

/*
 * Said before it is asked for: the owner may have stopped the child, and said so, as soon as that has been done.  And
 * said of all before any is asked for: the first that ends has the others stopped, and they may be gone.
 */
static void interrupt(int signal, unsigned nth)
{
	bool taken = false;
	char name[24];

	for (size_t i = 0; i < n_runs && nth == 1; i++)
		if (is_running(&runs[i]))
			say_info("%.60s: %s: stopping it; once more kills it", runs[i].name, signal_name(signal, name));
	for (size_t i = 0; i < n_runs; i++)
		taken |= run_want_stop(&runs[i], RUN_INTERRUPTED);
	if (!taken)
		give_up(signal);
	else if (nth == 2)
		kill_now(signal);
	else if (nth > 2)
		die_of(signal);
}

static void pass_on(int signal, enum tend_target target)
{
	for (size_t i = 0; i < n_runs; i++) {
		tend_process *process = run_borrow(&runs[i]);

		if (!process)
			continue;
		(void)tend_process_signal(process, signal, target, NULL); /* it may be gone by now */
		run_return(&runs[i]);
	}
}

static void *take_signals(void *arg)
{
	sigset_t set = wanted();
	unsigned interrupts = 0;
	int n;

	(void)arg;
	while (sigwait(&set, &n) == 0 && !atomic_load_explicit(&over, memory_order_acquire)) {
		if (n == SIGTSTP) {
			pass_on(SIGTSTP, TEND_GROUP);
			kill(getpid(), SIGSTOP);
		} else if (n == SIGCONT) {
			pass_on(SIGCONT, TEND_GROUP);
		} else if (sigismember(&goes_on, n)) {
			pass_on(n, TEND_LEADER);
		} else if (n != NUDGE) {
			interrupt(n, ++interrupts);
		}
	}
	return NULL;
}

int run_signals_start(struct run *list, size_t n)
{
	int r;

	runs = list;
	n_runs = n;
	r = pthread_create(&thread, NULL, take_signals, NULL);
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
