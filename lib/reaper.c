/* SPDX-License-Identifier: MIT */
/*
 * Problem: see every child exit as soon as it does, reap it once and at the right moment, and run any number of stops
 * at the same time, without signals, without polling, and without a thread per child.
 *
 * Threads: one reaper for the process, from the first spawn on.  Others hand it work through epoll (watch) and the
 * inbox (stop).
 *
 * State
 *   inbox     processes whose `stopping` wants looking at; guarded by reaper.lock, LIFO, each at most once.
 *   stops     processes with a stop in progress; the reaper's alone.
 *   retries   processes whose pidfd is readable and that cannot be waited for yet; the reaper's alone.
 *   dropped   processes of which references have to be given up; the reaper's alone.
 *
 * Invariants
 *   I1  A child is reaped after its exit has been published, under the process's lock, by whoever saw it first, by
 *       the reaper behind a stop, or with the last owner of the process object.  Signalling by number takes the same
 *       lock and looks at `reaped` first, so it cannot meet a recycled number.
 *   I2  Where the group can be signalled by its number only, the leader stays unreaped while a stop is in progress or
 *       there is a handle: it pins the number.
 *   I3  A watched process has a reference until its exit was seen; one with a stop until that has ended.
 *   I4  A readable pidfd is a hint; waitid decides.
 *   I5  A process with a cgroup has one more reference until that is empty and the child has exited; then the
 *       directory is removed.
 *   I6  The events of one epoll_wait(2) name processes, some of them twice; so the reaper gives up references only
 *       when it is through with all of them.
 *
 * How the blocked reaper wakes: a pidfd, cgroup.events, the eventfd (inbox), the timer (earliest deadline of all
 * stops).  Who waits for an exit or a stop sleeps on an event of the process; each publication is followed by a signal
 * of it.
 *
 * In a forked child there is no reaper: the state is made anew, handles from before are foreign.
 */
#include "reaper.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>

#include "clock.h"
#include "error.h"
#include "group.h"
#include "rcu.h"
#include "stopper.h"
#include "survivors.h"
#include "sys.h"

#define REAPER_STACK ((size_t)128 << 10) /* reads /proc, calls the host's log function */
#define EVENTS 64
#define RETRY_NS INT64_C(16000000)

static struct {
	struct tend__lock setup;  /* guards running, and the making of the rest */
	bool running, has_atfork;
	int epfd, timerfd, wake_fd;
	struct tend__lock lock;   /* guards inbox; held while a pidfd is added */
	struct tend_process *inbox;
	struct tend_process *stops, *retries, *dropped;
} reaper = {
	.setup = TEND__LOCK_INIT(TEND__RANK_SETUP),
	.epfd = -1, .timerfd = -1, .wake_fd = -1,
	.lock = TEND__LOCK_INIT(TEND__RANK_REAPER),
};

/* ---- references ---- */

static void drop(tend_process *p)
{
	if (p->dropped++)
		return;
	p->dropped_next = reaper.dropped;
	reaper.dropped = p;
}

static void give_up_dropped(void)
{
	struct tend_process *p = reaper.dropped, *next;

	reaper.dropped = NULL;
	for (; p; p = next) {
		unsigned n = p->dropped;

		next = p->dropped_next;
		p->dropped = 0;
		while (n--)
			tend__process_unref(p);
	}
}

/* ---- the list of stops ---- */

static void link_stop(tend_process *p)
{
	p->in_stops = true;
	p->stops_prev = NULL;
	p->stops_next = reaper.stops;
	if (reaper.stops)
		reaper.stops->stops_prev = p;
	reaper.stops = p;
}

static void unlink_stop(tend_process *p)
{
	p->in_stops = false;
	if (p->stops_prev)
		p->stops_prev->stops_next = p->stops_next;
	else
		reaper.stops = p->stops_next;
	if (p->stops_next)
		p->stops_next->stops_prev = p->stops_prev;
}

/* ---- letting go ---- */

/* It is looked at no more. */
static void unwatch(tend_process *p)
{
	p->watched = false;
	drop(p);
}

static bool is_released(tend_process *p)
{
	bool released;

	tend__lock(&p->lock);
	released = p->released;
	tend__unlock(&p->lock);
	return released;
}

/* A handle was released: the child is somebody else's from now on.  Who is in `retries` is met there. */
static void on_released(tend_process *p)
{
	if (p->cgroup_watched) {
		tend__sys_epoll_del(reaper.epfd, p->cgroup.events_fd);
		p->cgroup_watched = false;
		drop(p);
	}
	if (!p->watched || p->in_retries)
		return;
	tend__sys_epoll_del(reaper.epfd, p->pidfd);
	unwatch(p);
}

/* ---- stops, and who waits for what ---- */

/*
 * A dead child that its tracer has not let go of: the pidfd says exited, waitid does not.  It is taken out of epoll,
 * which would come back at once, and looked at now and then.
 */
static void retry_later(tend_process *p)
{
	p->in_retries = true;
	p->retries_next = reaper.retries;
	reaper.retries = p;
}

/* Whether the stop that has just ended found nobody alive. */
static bool take_outcome(tend_process *p, bool *ret_released)
{
	bool gone;

	tend__lock(&p->lock);
	gone = p->stopping.gone && !p->stopping.active;
	if (p->is_given_up && !p->stopping.active && !tend__process_has_exited(p))
		p->released = true;
	*ret_released = p->released;
	tend__unlock(&p->lock);
	return gone;
}

static void end_stop(tend_process *p)
{
	bool released, gone = take_outcome(p, &released);

	unlink_stop(p);
	if (gone)
		tend__process_reap(p);
	if (released)
		on_released(p);
	drop(p);
}

/* Somebody may be gone: what a stop was waiting for. */
static void look_now(tend_process *p)
{
	if (!p->in_stops)
		return;
	p->stopping.look_at = 0;
	if (tend__stopper_look(p))
		end_stop(p);
}

/* ---- cgroups ---- */

/* In epoll a cgroup is told from its process by the lowest bit. */
static void *cgroup_tag(tend_process *p)
{
	return (char *)p + 1;
}

static tend_process *tagged_cgroup(void *tag)
{
	return (uintptr_t)tag & 1 ? (tend_process *)(void *)((char *)tag - 1) : NULL;
}

/*
 * From the first stop on, or the exit; until then nobody wants to know.  Where it cannot be watched a stop looks at it
 * in steps, and the directory is removed with the handle.
 */
static void watch_cgroup(tend_process *p)
{
	if (!p->cgroup.path || p->cgroup_watched)
		return;
	if (tend__process_has_exited(p) && tend__cgroup_is_empty(&p->cgroup)) {
		tend__cgroup_remove(&p->cgroup);
		return;
	}
	if (tend__sys_epoll_add_file(reaper.epfd, p->cgroup.events_fd, cgroup_tag(p)) < 0)
		return;
	p->cgroup_watched = true;
	tend__process_ref(p);
}

/* It has changed, or the child has exited: is that all of it? */
static void look_at_cgroup(tend_process *p)
{
	if (!p->cgroup_watched || !tend__process_has_exited(p))
		return;
	if (!p->cgroup_emptied && !tend__cgroup_is_empty(&p->cgroup))
		return;
	tend__sys_epoll_del(reaper.epfd, p->cgroup.events_fd);
	look_now(p);
	tend__cgroup_remove(&p->cgroup);
	p->cgroup_watched = false;
	drop(p);
}

static void on_cgroup(tend_process *p)
{
	if (!p->cgroup_watched) /* it was let go of in this very round */
		return;
	p->cgroup_emptied |= tend__cgroup_take_event(&p->cgroup);
	look_at_cgroup(p);
}

/* ---- exits ---- */

static void on_exit_seen(tend_process *p)
{
	tend__survivors_look(p);
	look_now(p);
	watch_cgroup(p);
	look_at_cgroup(p);
	unwatch(p);
}

static void look_at_exit(tend_process *p, bool pidfd_is_readable)
{
	if (tend__process_observe(p, pidfd_is_readable))
		on_exit_seen(p);
	else if (is_released(p))
		unwatch(p);
	else
		retry_later(p);
}

static void on_pidfd(tend_process *p)
{
	if (!p->watched) /* it was let go of in this very round */
		return;
	look_at_exit(p, true);
	tend__sys_epoll_del(reaper.epfd, p->pidfd); /* behind what somebody waits for; the reference is still there */
}

/* Looks at all of them at every wake-up; when to wake up for them at the latest. */
static int64_t run_retries(void)
{
	struct tend_process *p = reaper.retries, *next;

	reaper.retries = NULL;
	for (; p; p = next) {
		next = p->retries_next;
		p->in_retries = false;
		look_at_exit(p, true);
	}
	return reaper.retries ? tend__after(tend__now_ns(), RETRY_NS) : TEND__NEVER;
}

/* ---- stops ---- */

static struct tend_process *take_inbox(void)
{
	struct tend_process *first;

	tend__lock(&reaper.lock);
	first = reaper.inbox;
	reaper.inbox = NULL;
	tend__unlock(&reaper.lock);
	return first;
}

/* Whether somebody wants SIGKILL at once. */
static bool take_kill(tend_process *p)
{
	struct tend__stopping *s = &p->stopping;
	bool asked;

	tend__lock(&p->lock);
	asked = s->kill_asked;
	s->kill_asked = false;
	tend__unlock(&p->lock);
	return asked;
}

static bool is_active(tend_process *p)
{
	bool active;

	tend__lock(&p->lock);
	active = p->stopping.active;
	tend__unlock(&p->lock);
	return active;
}

/* A new stop, or a kill for the one in progress, which may have ended meanwhile. */
static void on_stop(tend_process *p)
{
	bool over = false;

	if (is_released(p))
		on_released(p);
	if (p->in_stops) {
		drop(p); /* one reference for a stop is enough */
		tend__stopper_extend(p);
	} else if (is_active(p)) {
		link_stop(p);
		watch_cgroup(p);
		over = tend__stopper_begin(p);
	} else {
		drop(p);
		return;
	}
	if (!over && take_kill(p))
		over = tend__stopper_kill(p);
	if (over)
		end_stop(p);
}

static void on_inbox(void)
{
	struct tend_process *p, *next;

	tend__sys_unring(reaper.wake_fd);
	for (p = take_inbox(); p; p = next) {
		tend__lock(&reaper.lock);
		next = p->inbox_next;
		p->in_inbox = false;
		tend__unlock(&reaper.lock);
		on_stop(p);
	}
}

/* Looks at every stop that is due; the earliest deadline of the rest. */
static int64_t run_stops(void)
{
	int64_t earliest = TEND__NEVER, now = tend__now_ns();
	struct tend_process *p, *next;

	for (p = reaper.stops; p; p = next) {
		next = p->stops_next;
		if (tend__stopper_next(p) <= now && tend__stopper_look(p)) {
			end_stop(p);
			continue;
		}
		if (tend__stopper_next(p) < earliest)
			earliest = tend__stopper_next(p);
	}
	return earliest;
}

/* ---- the thread ---- */

static _Thread_local bool is_reaper;

bool tend__is_reaper(void)
{
	return is_reaper;
}

static void *run(void *arg)
{
	struct epoll_event events[EVENTS];
	int64_t armed = TEND__NEVER;

	(void)arg;
	is_reaper = true;
	tend__sys_name_thread("tend-reaper");
	for (;;) {
		int n = tend__sys_epoll_wait(reaper.epfd, events, EVENTS);
		int64_t earliest, stops;

		tend__lock(&reaper.lock); /* see tend__reaper_watch */
		tend__unlock(&reaper.lock);

		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr == &reaper.wake_fd)
				on_inbox();
			else if (events[i].data.ptr == &reaper.timerfd)
				tend__sys_unring(reaper.timerfd), armed = TEND__NEVER;
			else if (tagged_cgroup(events[i].data.ptr))
				on_cgroup(tagged_cgroup(events[i].data.ptr));
			else
				on_pidfd(events[i].data.ptr);
		}
		earliest = run_retries();
		if (earliest > (stops = run_stops()))
			earliest = stops;
		if (earliest != armed) {
			tend__sys_timerfd_set(reaper.timerfd, earliest);
			armed = earliest;
		}
		give_up_dropped();
	}
	return NULL;
}

static void close_all(void)
{
	tend__sys_close(reaper.wake_fd);
	tend__sys_close(reaper.timerfd);
	tend__sys_close(reaper.epfd);
	reaper.epfd = reaper.timerfd = reaper.wake_fd = -1;
}

/* The parent's epoll set is shared: closing the descriptor leaves it alone, changing it would not. */
static void after_fork_in_child(void)
{
	close_all();
	tend__lock_init(&reaper.setup, TEND__RANK_SETUP);
	tend__lock_init(&reaper.lock, TEND__RANK_REAPER);
	reaper.running = false;
	reaper.inbox = reaper.stops = reaper.retries = reaper.dropped = NULL;
}

static int make(void)
{
	pthread_t thread;
	int r;

	if (!reaper.has_atfork) {
		r = -pthread_atfork(NULL, NULL, after_fork_in_child);
		if (r < 0)
			return r;
		reaper.has_atfork = true;
	}
	reaper.epfd = tend__sys_epoll();
	if (reaper.epfd < 0)
		return reaper.epfd;
	reaper.timerfd = tend__sys_timerfd();
	if (reaper.timerfd < 0)
		return reaper.timerfd;
	reaper.wake_fd = tend__sys_eventfd();
	if (reaper.wake_fd < 0)
		return reaper.wake_fd;
	r = tend__sys_epoll_add(reaper.epfd, reaper.timerfd, &reaper.timerfd);
	if (r == 0)
		r = tend__sys_epoll_add(reaper.epfd, reaper.wake_fd, &reaper.wake_fd);
	if (r == 0)
		r = tend__sys_thread(&thread, REAPER_STACK, run, NULL);
	if (r == 0)
		pthread_detach(thread);
	return r;
}

int tend__reaper_start(struct tend_error *err)
{
	int r = 0;

	tend__lock(&reaper.setup);
	if (!reaper.running) {
		r = make();
		if (r < 0)
			close_all();
		else
			reaper.running = true;
	}
	tend__unlock(&reaper.setup);
	if (r < 0)
		return tend__error_sys(err, r, TEND_STEP_THREAD, NULL, "cannot start the reaper thread");
	return 0;
}

int tend__reaper_watch(tend_process *p)
{
	int r;

	tend__process_ref(p);
	/*
	 * The event may come before this returns: the lock orders what was written to *p before what the reaper
	 * reads.
	 */
	tend__lock(&reaper.lock);
	p->watched = true;
	r = tend__sys_epoll_add(reaper.epfd, p->pidfd, p);
	tend__unlock(&reaper.lock);
	if (r < 0)
		tend__process_unref(p);
	return r;
}

void tend__reaper_notify_locked(tend_process *p)
{
	bool ring = false;

	tend__lock(&reaper.lock);
	if (!p->in_inbox) {
		tend__process_ref(p);
		p->in_inbox = ring = true;
		p->inbox_next = reaper.inbox;
		reaper.inbox = p;
	}
	tend__unlock(&reaper.lock);
	if (ring)
		tend__sys_ring(reaper.wake_fd);
}
