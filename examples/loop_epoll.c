/* SPDX-License-Identifier: MIT */
/*
 * Drives a child from an event loop, epoll(7): the lines of its stdout, those of its stderr, and its exit.  The program
 * waits nowhere but in epoll_wait(2).  Each line is printed as it comes; what became of the child is told when both
 * outputs have ended and it has exited, whichever comes last.
 *
 * Exit status: the child's, 128 + n when signal n ended it, 125 when something was not as it should be.
 *
 * usage: loop_epoll [COMMAND [ARG...]]      (default: a few lines on both outputs, with pauses)
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <tend.h>
#include <unistd.h>

/* Whom the child leaves behind may hold its outputs open for ever: after the exit they are read for so long. */
#define DRAIN_SECONDS 1
/* No output keeps the loop from the rest of its work: its descriptor stays readable for what was not taken. */
#define AT_A_TIME 16

static const struct tend_stream_options whole = {
	.backend = TEND_SINGLE_SUBSCRIBER,
	.delivery = TEND_RELIABLE,
	.replay = TEND_REPLAY_ALL, /* until we are subscribed, see tend_stream_seal_replay() below */
	.read_chunk_size = TEND_DEFAULT_READ_CHUNK_SIZE,
	.max_buffered_chunks = TEND_DEFAULT_MAX_BUFFERED_CHUNKS,
};
static const struct tend_line_options lines = {
	.max_length = TEND_DEFAULT_MAX_LINE_LENGTH,
	.overflow = TEND_LINE_SPLIT,
};

enum source { OUT, ERR, EXIT, DRAIN };

struct output {
	tend_subscription *view;
	tend_parser *parser;
	unsigned long long bytes, lines;
	enum tend_ending ending;
};

struct loop {
	int epfd, timer_fd;
	tend_process *child;
	struct output output[2]; /* OUT, ERR */
	struct tend_exit exit;
	bool is_given_up;        /* the drain is over */
	bool is_wrong;
	unsigned long calls, events; /* how often there was news from epoll, and what it brought */
};

static const char *const labels[] = { "out", "err" };

/* 0, or -1 when it was said why not. */
static int check(int r, const char *what)
{
	if (r < 0)
		fprintf(stderr, "loop_epoll: %s: %s\n", what, strerror(-r));
	return r < 0 ? -1 : 0;
}

/* `fd` may be what the library returned: a descriptor, or a negative errno value. */
static int watch(struct loop *l, int fd, enum source source)
{
	struct epoll_event e = { .events = EPOLLIN, .data.u32 = source };

	if (fd >= 0 && epoll_ctl(l->epfd, EPOLL_CTL_ADD, fd, &e) < 0)
		fd = -errno;
	return check(fd, "cannot watch");
}

/* What has ended stays readable for good. */
static void unwatch(struct loop *l, int fd)
{
	epoll_ctl(l->epfd, EPOLL_CTL_DEL, fd, NULL);
}

/* ---- one output ---- */

static void print_line(struct output *o, const char *label, const struct tend_line *line)
{
	o->lines++;
	printf("%s: ", label);
	fwrite(line->data, 1, line->size, stdout);
	putchar('\n');
}

static int take_chunk(struct loop *l, struct output *o, const char *label, const struct tend_chunk *chunk)
{
	struct tend_line line;
	int r;

	l->is_wrong |= chunk->offset != o->bytes; /* complete and in order */
	o->bytes += chunk->size;
	tend_parser_feed(o->parser, chunk);
	while ((r = tend_parser_next(o->parser, &line)) > 0)
		print_line(o, label, &line);
	return check(r, "cannot cut lines");
}

static void take_end(struct loop *l, struct output *o, const char *label, enum tend_ending ending)
{
	struct tend_line line;

	if (tend_parser_finish(o->parser, &line) > 0)
		print_line(o, label, &line);
	o->ending = ending;
	unwatch(l, tend_subscription_fd(o->view));
}

static int on_output(struct loop *l, struct output *o, const char *label)
{
	struct tend_event event;

	for (int n = 0; n < AT_A_TIME && o->ending == TEND_END_NONE; n++) {
		if (check(tend_subscription_next(o->view, TEND_AT_ONCE, &event), label) < 0)
			return -1;
		if (event.kind == TEND_TIMED_OUT)
			return 0;
		l->events++;
		if (event.kind == TEND_GAP)
			l->is_wrong = true; /* the stream is reliable */
		else if (event.kind != TEND_CHUNK)
			take_end(l, o, label, event.ending);
		else if (take_chunk(l, o, label, &event.chunk) < 0)
			return -1;
	}
	return 0;
}

/* ---- the exit ---- */

static int on_exit_seen(struct loop *l)
{
	const struct itimerspec once = { .it_value.tv_sec = DRAIN_SECONDS };

	l->events += l->exit.kind == TEND_RUNNING;
	unwatch(l, tend_process_exit_fd(l->child));
	if (check(tend_process_wait(l->child, TEND_AT_ONCE, &l->exit, NULL), "cannot wait") < 0)
		return -1;
	return check(timerfd_settime(l->timer_fd, 0, &once, NULL) < 0 ? -errno : 0, "cannot set the timer");
}

/* Somebody else still holds an output.  Who is of the child's group goes, too; what others write is not for us. */
static void on_drained(struct loop *l)
{
	l->events++;
	l->is_given_up = true;
	tend_process_signal(l->child, SIGKILL, TEND_GROUP, NULL);
}

/* ---- the loop ---- */

static int dispatch(struct loop *l, enum source source)
{
	l->calls++;
	switch (source) {
	case OUT:
	case ERR:
		return on_output(l, &l->output[source], labels[source]);
	case EXIT:
		return on_exit_seen(l);
	case DRAIN:
		on_drained(l);
	}
	return 0;
}

static bool is_over(const struct loop *l)
{
	bool ended = l->output[OUT].ending != TEND_END_NONE && l->output[ERR].ending != TEND_END_NONE;

	return l->is_given_up || (ended && l->exit.kind != TEND_RUNNING);
}

static int run(struct loop *l)
{
	while (!is_over(l)) {
		struct epoll_event news[4];
		int n = epoll_wait(l->epfd, news, 4, -1);

		if (n < 0 && errno != EINTR)
			return check(-errno, "cannot poll");
		for (int i = 0; i < n && !is_over(l); i++)
			if (dispatch(l, news[i].data.u32) < 0)
				return -1;
	}
	return 0;
}

/* ---- start and end ---- */

static int fail(const struct tend_error *err)
{
	fprintf(stderr, "loop_epoll: %s: %s\n", tend_step_name(err->step), err->message);
	return -1;
}

static int attach(struct loop *l, enum source source, tend_stream *stream)
{
	struct output *o = &l->output[source];
	struct tend_error err;

	if (tend_parser_new(&lines, &o->parser, &err) < 0 || tend_stream_subscribe(stream, NULL, &o->view, &err) < 0)
		return fail(&err);
	tend_stream_seal_replay(stream);
	return watch(l, tend_subscription_fd(o->view), source);
}

static int start(struct loop *l, const char *const *argv)
{
	struct tend_error err;

	l->epfd = epoll_create1(EPOLL_CLOEXEC);
	l->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (l->epfd < 0 || l->timer_fd < 0)
		return check(-errno, "cannot make the loop");
	if (tend_spawn(&(struct tend_spawn){ .argv = argv,
	                                     .in = TEND_IN_NULL,
	                                     .out = TEND_OUT_STREAM(whole),
	                                     .err = TEND_OUT_STREAM(whole),
	                                     .if_forgotten = TEND_FORGOTTEN_TERMINATE(&TEND_STOP_KILL) },
	               &l->child, &err) < 0)
		return fail(&err);
	if (attach(l, OUT, tend_process_stdout(l->child)) < 0 || attach(l, ERR, tend_process_stderr(l->child)) < 0)
		return -1;
	if (watch(l, tend_process_exit_fd(l->child), EXIT) < 0)
		return -1;
	return watch(l, l->timer_fd, DRAIN);
}

static int print_exit(const struct tend_exit *e)
{
	if (e->kind == TEND_EXITED)
		printf("exit code %d\n", e->code);
	else if (e->kind == TEND_SIGNALED)
		printf("signal %d\n", e->signal);
	else
		printf("no exit status\n");
	return e->kind == TEND_EXITED ? e->code : e->kind == TEND_SIGNALED ? 128 + e->signal : 125;
}

/* A call may be for what has been taken already: a few times for each event, at most.  More is a busy loop. */
static int report(struct loop *l)
{
	int status;

	for (int i = OUT; i <= ERR; i++)
		printf("%s ended: %s, %llu bytes, %llu lines\n", labels[i],
		       l->output[i].ending == TEND_END_NONE ? "held by somebody else" :
		                                              tend_ending_name(l->output[i].ending),
		       l->output[i].bytes, l->output[i].lines);
	status = print_exit(&l->exit);
	printf("called %lu times for %lu events\n", l->calls, l->events);
	if (!l->is_wrong && l->calls <= 5 * (l->events + 1))
		return status;
	fprintf(stderr, "loop_epoll: this was not as promised\n");
	return 125;
}

static void clean_up(struct loop *l)
{
	for (int i = OUT; i <= ERR; i++) {
		tend_subscription_close(l->output[i].view);
		tend_parser_free(l->output[i].parser);
	}
	tend_process_free(l->child);
	if (l->timer_fd >= 0)
		close(l->timer_fd);
	if (l->epfd >= 0)
		close(l->epfd);
}

int main(int argc, char **argv)
{
	static const char script[] = "for i in 1 2 3; do echo result $i; echo progress $i >&2; sleep 0.1; done";
	static const char *const sh[] = { "sh", "-c", script, NULL };
	struct loop l = { .epfd = -1, .timer_fd = -1 };
	int status = 125;

	if (start(&l, argc > 1 ? (const char *const *)argv + 1 : sh) == 0 && run(&l) == 0)
		status = report(&l);
	clean_up(&l);
	return status;
}
