/* SPDX-License-Identifier: MIT */
/*
 * Runs two shell commands at the same time in a loop of libevent.  Of each, the loop has three events: output is there,
 * stdout and stderr in their true order; the command has exited; it is time to give up on output that somebody else
 * holds.  The program waits nowhere but in event_base_dispatch(), which returns when no event is left to wait for.
 * Each line is printed as it comes, with the number of its command in front; what became of a command is told when its
 * output has ended and it has exited, whichever comes last.
 *
 * Exit status: 0 when both commands exited with 0, else 1; 125 when something was not as it should be.
 *
 * usage: loop_libevent [COMMAND COMMAND]      (default: two that count, with pauses)
 */
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <tend.h>

#define N_JOBS 2
/* No output keeps the loop from the rest of its work: its descriptor stays readable for what was not taken. */
#define AT_A_TIME 16

/* Whom a child leaves behind may hold its output open for ever: after the exit it is read for so long. */
static const struct timeval drain = { .tv_sec = 1 };

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

struct job {
	int number;
	tend_process *child;
	tend_subscription *view;
	tend_parser *parser;
	struct event *on_output, *on_exit, *on_drained;
	unsigned long long bytes;
	const char *output_end;      /* how; NULL: it has not */
	struct tend_exit exit;
	bool is_wrong;
	unsigned long calls, events; /* how often the loop has called, and what that brought */
};

/* ---- what can go wrong ---- */

/* Nothing of the job is waited for any more, so the loop ends with the other one. */
static void give_up(struct job *j, const char *what, const char *why)
{
	fprintf(stderr, "loop_libevent: command %d: %s: %s\n", j->number, what, why);
	j->is_wrong = true;
	event_del(j->on_output);
	event_del(j->on_exit);
	event_del(j->on_drained);
}

/* Before the loop runs; false, to be returned. */
static bool refuse(const struct job *j, const char *what, const char *why)
{
	fprintf(stderr, "loop_libevent: command %d: %s: %s\n", j->number, what, why);
	return false;
}

/* ---- the end of a job ---- */

static void tell(const struct job *j)
{
	printf("%d ended: %s, %llu bytes; ", j->number, j->output_end, j->bytes);
	if (j->exit.kind == TEND_EXITED)
		printf("exit code %d; ", j->exit.code);
	else if (j->exit.kind == TEND_SIGNALED)
		printf("signal %d; ", j->exit.signal);
	else
		printf("no exit status; ");
	printf("called %lu times for %lu events\n", j->calls, j->events);
}

/* What has ended stays readable for good, so it is not watched any more. */
static void end_output(struct job *j, const char *how)
{
	event_del(j->on_output);
	j->output_end = how;
	if (j->exit.kind == TEND_RUNNING)
		return;
	event_del(j->on_drained);
	tell(j);
}

/* ---- output ---- */

static void print_line(const struct job *j, const struct tend_line *line)
{
	printf("%d: ", j->number);
	fwrite(line->data, 1, line->size, stdout);
	putchar('\n');
}

static void take_chunk(struct job *j, const struct tend_chunk *chunk)
{
	struct tend_line line;
	int r;

	if (chunk->offset != j->bytes) {
		give_up(j, "output is missing", "the stream is reliable");
		return;
	}
	j->bytes += chunk->size;
	tend_parser_feed(j->parser, chunk);
	while ((r = tend_parser_next(j->parser, &line)) > 0)
		print_line(j, &line);
	if (r < 0)
		give_up(j, "cannot cut lines", strerror(-r));
}

static void take_end(struct job *j, enum tend_ending ending)
{
	struct tend_line line;

	if (tend_parser_finish(j->parser, &line) > 0)
		print_line(j, &line);
	end_output(j, tend_ending_name(ending));
}

static void take(struct job *j, const struct tend_event *event)
{
	j->events++;
	if (event->kind == TEND_CHUNK)
		take_chunk(j, &event->chunk);
	else if (event->kind == TEND_GAP)
		give_up(j, "output is missing", "the stream is reliable");
	else
		take_end(j, event->ending);
}

static void output_is_readable(evutil_socket_t fd, short what, void *arg)
{
	struct job *j = arg;
	struct tend_event event;

	(void)fd, (void)what;
	j->calls++;
	for (int n = 0; n < AT_A_TIME && !j->output_end && !j->is_wrong; n++) {
		int r = tend_subscription_next(j->view, TEND_AT_ONCE, &event);

		if (r < 0)
			give_up(j, "cannot take output", strerror(-r));
		else if (event.kind == TEND_TIMED_OUT)
			return;
		else
			take(j, &event);
	}
}

/* ---- exit ---- */

/* Somebody else still holds the output.  Who is of the child's group goes, too; what others write is not for us. */
static void drain_is_over(evutil_socket_t fd, short what, void *arg)
{
	struct job *j = arg;

	(void)fd, (void)what;
	j->calls++;
	j->events++;
	tend_process_signal(j->child, SIGKILL, TEND_GROUP, NULL);
	end_output(j, "held by somebody else");
}

/* An event without EV_PERSIST comes once. */
static void exit_is_readable(evutil_socket_t fd, short what, void *arg)
{
	struct job *j = arg;
	int r = tend_process_wait(j->child, TEND_AT_ONCE, &j->exit, NULL);

	(void)fd, (void)what;
	j->calls++;
	j->events++;
	if (r < 0)
		give_up(j, "cannot wait", strerror(-r));
	else if (j->output_end)
		tell(j);
	else if (event_add(j->on_drained, &drain) < 0)
		give_up(j, "cannot wait", "no timer");
}

/* ---- start and end ---- */

/* `fd` may be what the library returned: a descriptor, or a negative errno value. */
static bool watch(struct job *j, struct event_base *loop, int fd, short what, event_callback_fn call,
                  struct event **ret_event)
{
	if (fd < 0)
		return refuse(j, "no descriptor", strerror(-fd));
	*ret_event = event_new(loop, fd, what, call, j);
	if (!*ret_event || event_add(*ret_event, NULL) < 0)
		return refuse(j, "cannot watch", "libevent refuses");
	return true;
}

static bool spawn(struct job *j, const char *command)
{
	struct tend_error err;

	if (tend_spawn(&(struct tend_spawn){ .argv = (const char *const[]){ "sh", "-c", command, NULL },
	                                     .in = TEND_IN_NULL,
	                                     .out = TEND_OUT_STREAM(whole),
	                                     .err = TEND_OUT_MERGE,
	                                     .if_forgotten = TEND_FORGOTTEN_TERMINATE(&TEND_STOP_KILL) },
	               &j->child, &err) < 0 ||
	    tend_parser_new(&lines, &j->parser, &err) < 0 ||
	    tend_stream_subscribe(tend_process_stdout(j->child), NULL, &j->view, &err) < 0)
		return refuse(j, tend_step_name(err.step), err.message);
	tend_stream_seal_replay(tend_process_stdout(j->child));
	return true;
}

static bool start(struct job *j, struct event_base *loop, const char *command)
{
	if (!spawn(j, command))
		return false;
	j->on_drained = evtimer_new(loop, drain_is_over, j);
	if (!j->on_drained)
		return refuse(j, "cannot watch", "no timer");
	return watch(j, loop, tend_subscription_fd(j->view), EV_READ | EV_PERSIST, output_is_readable, &j->on_output) &&
	       watch(j, loop, tend_process_exit_fd(j->child), EV_READ, exit_is_readable, &j->on_exit);
}

/* The descriptors are the library's: nobody may watch them any more when they go. */
static void clean_up(struct job *j)
{
	struct event *const all[] = { j->on_output, j->on_exit, j->on_drained };

	for (int i = 0; i < 3; i++)
		if (all[i])
			event_free(all[i]);
	tend_subscription_close(j->view);
	tend_parser_free(j->parser);
	tend_process_free(j->child);
}

/* A call may be for what has been taken already: a few times for each event, at most.  More is a busy loop. */
static int status_of(const struct job *j)
{
	if (!j->is_wrong && j->calls <= 5 * (j->events + 1))
		return j->exit.kind == TEND_EXITED && j->exit.code == 0 ? 0 : 1;
	fprintf(stderr, "loop_libevent: command %d: this was not as promised\n", j->number);
	return 125;
}

static int run(struct job *jobs, struct event_base *loop, const char *const *commands)
{
	int status = 0;

	for (int i = 0; i < N_JOBS; i++)
		if (!start(&jobs[i], loop, commands[i]))
			return 125;
	if (event_base_dispatch(loop) < 0)
		return 125;
	for (int i = 0; i < N_JOBS; i++) {
		int one = status_of(&jobs[i]);

		status = one > status ? one : status;
	}
	return status;
}

int main(int argc, char **argv)
{
	static const char *const counters[N_JOBS] = {
		"for i in 1 2 3; do echo $i; sleep 0.1; done",
		"for i in a b c; do echo $i >&2; sleep 0.1; done",
	};
	struct job jobs[N_JOBS] = { { .number = 1 }, { .number = 2 } };
	struct event_base *loop;
	int status;

	if (argc != 1 && argc != 1 + N_JOBS) {
		fprintf(stderr, "usage: loop_libevent [COMMAND COMMAND]\n");
		return 2;
	}
	loop = event_base_new();
	if (!loop) {
		fprintf(stderr, "loop_libevent: libevent makes no loop\n");
		return 125;
	}
	status = run(jobs, loop, argc > 1 ? (const char *const *)argv + 1 : counters);
	for (int i = 0; i < N_JOBS; i++)
		clean_up(&jobs[i]);
	event_base_free(loop);
	return status;
}
