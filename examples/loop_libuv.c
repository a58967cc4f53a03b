/* SPDX-License-Identifier: MIT */
/*
 * Runs two shell commands at the same time in a loop of libuv.  Of each, the loop watches two descriptors: one for its
 * output, stdout and stderr in their true order, and one for its exit.  The program waits nowhere but in uv_run().
 * Each line is printed as it comes, with the number of its command in front; what became of a command is told when its
 * output has ended and it has exited, whichever comes last.
 *
 * Exit status: 0 when both commands exited with 0, else 1; 125 when something was not as it should be.
 *
 * usage: loop_libuv [COMMAND COMMAND]      (default: two that count, with pauses)
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <tend.h>
#include <uv.h>

/* Whom a child leaves behind may hold its output open for ever: after the exit it is read for so long. */
#define DRAIN_MS 1000
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

struct job {
	int number;
	tend_process *child;
	tend_subscription *view;
	tend_parser *parser;
	uv_poll_t on_output, on_exit; /* closed when they have nothing more to tell; so the loop ends by itself */
	uv_timer_t on_drained;
	unsigned long long bytes;
	enum tend_ending ending;
	bool is_given_up;             /* the drain is over */
	struct tend_exit exit;
	bool has_failed;
	unsigned long calls, events;  /* how often the loop has called, and what that brought */
};

/* 0, or -1 when it was said why not.  Both libraries return negative errno values. */
static int check(struct job *j, int r, const char *what)
{
	if (r >= 0)
		return 0;
	fprintf(stderr, "loop_libuv: command %d: %s: %s\n", j->number, what, strerror(-r));
	j->has_failed = true;
	return -1;
}

static int fail(struct job *j, const struct tend_error *err)
{
	fprintf(stderr, "loop_libuv: command %d: %s: %s\n", j->number, tend_step_name(err->step), err->message);
	j->has_failed = true;
	return -1;
}

static void close_handle(uv_handle_t *handle, void *arg)
{
	(void)arg;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

/* ---- output ---- */

static void print_line(const struct job *j, const struct tend_line *line)
{
	printf("%d: ", j->number);
	fwrite(line->data, 1, line->size, stdout);
	putchar('\n');
}

static int take_chunk(struct job *j, const struct tend_chunk *chunk)
{
	struct tend_line line;
	int r;

	j->has_failed |= chunk->offset != j->bytes; /* complete and in order */
	j->bytes += chunk->size;
	tend_parser_feed(j->parser, chunk);
	while ((r = tend_parser_next(j->parser, &line)) > 0)
		print_line(j, &line);
	return check(j, r, "cannot cut lines");
}

static void tell_end(struct job *j)
{
	const char *how = j->is_given_up ? "held by somebody else" : tend_ending_name(j->ending);

	printf("%d ended: %s, %llu bytes; ", j->number, how, j->bytes);
	if (j->exit.kind == TEND_EXITED)
		printf("exit code %d; ", j->exit.code);
	else if (j->exit.kind == TEND_SIGNALED)
		printf("signal %d; ", j->exit.signal);
	else
		printf("no exit status; ");
	printf("called %lu times for %lu events\n", j->calls, j->events);
}

/* When this and the exit are known, no handle of the job is left. */
static void end_output(struct job *j)
{
	close_handle((uv_handle_t *)&j->on_output, NULL);
	if (j->exit.kind == TEND_RUNNING)
		return;
	close_handle((uv_handle_t *)&j->on_drained, NULL);
	tell_end(j);
}

static void take_end(struct job *j, enum tend_ending ending)
{
	struct tend_line line;

	if (tend_parser_finish(j->parser, &line) > 0)
		print_line(j, &line);
	j->ending = ending;
	end_output(j);
}

static int take(struct job *j)
{
	struct tend_event event;

	for (int n = 0; n < AT_A_TIME && j->ending == TEND_END_NONE; n++) {
		if (check(j, tend_subscription_next(j->view, TEND_AT_ONCE, &event), "cannot take output") < 0)
			return -1;
		if (event.kind == TEND_TIMED_OUT)
			return 0;
		j->events++;
		if (event.kind == TEND_GAP)
			j->has_failed = true; /* the stream is reliable */
		else if (event.kind != TEND_CHUNK)
			take_end(j, event.ending);
		else if (take_chunk(j, &event.chunk) < 0)
			return -1;
	}
	return 0;
}

static void output_is_readable(uv_poll_t *handle, int status, int events)
{
	struct job *j = handle->data;

	(void)events;
	j->calls++;
	if (check(j, status, "cannot poll") < 0 || take(j) < 0)
		uv_stop(handle->loop);
}

/* ---- exit ---- */

/* Somebody else still holds the output.  Who is of the child's group goes, too; what others write is not for us. */
static void drain_is_over(uv_timer_t *handle)
{
	struct job *j = handle->data;

	j->calls++;
	j->events++;
	j->is_given_up = true;
	tend_process_signal(j->child, SIGKILL, TEND_GROUP, NULL);
	end_output(j);
}

static void exit_is_readable(uv_poll_t *handle, int status, int events)
{
	struct job *j = handle->data;

	(void)events;
	j->calls++;
	j->events++;
	close_handle((uv_handle_t *)handle, NULL);
	if (check(j, status, "cannot poll") < 0 ||
	    check(j, tend_process_wait(j->child, TEND_AT_ONCE, &j->exit, NULL), "cannot wait") < 0)
		uv_stop(handle->loop);
	else if (j->ending != TEND_END_NONE)
		end_output(j);
	else
		check(j, uv_timer_start(&j->on_drained, drain_is_over, DRAIN_MS, 0), "cannot set the timer");
}

/* ---- start and end ---- */

static int spawn(struct job *j, const char *command)
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
		return fail(j, &err);
	tend_stream_seal_replay(tend_process_stdout(j->child));
	return 0;
}

/* `fd` may be what the library returned: a descriptor, or a negative errno value. */
static int watch(struct job *j, uv_loop_t *loop, uv_poll_t *handle, int fd, uv_poll_cb call)
{
	handle->data = j;
	if (check(j, fd, "no descriptor") < 0 || check(j, uv_poll_init(loop, handle, fd), "cannot watch") < 0)
		return -1;
	return check(j, uv_poll_start(handle, UV_READABLE, call), "cannot watch");
}

static int start(struct job *j, uv_loop_t *loop, const char *command)
{
	if (spawn(j, command) < 0 || check(j, uv_timer_init(loop, &j->on_drained), "cannot make a timer") < 0)
		return -1;
	j->on_drained.data = j;
	if (watch(j, loop, &j->on_output, tend_subscription_fd(j->view), output_is_readable) < 0)
		return -1;
	return watch(j, loop, &j->on_exit, tend_process_exit_fd(j->child), exit_is_readable);
}

/* A call may be for what has been taken already: a few times for each event, at most.  More is a busy loop. */
static int status_of(const struct job *j)
{
	if (!j->has_failed && j->calls > 5 * (j->events + 1))
		fprintf(stderr, "loop_libuv: command %d: called too often\n", j->number);
	else if (!j->has_failed)
		return j->exit.kind == TEND_EXITED && j->exit.code == 0 ? 0 : 1;
	return 125;
}

static int run(struct job jobs[2], uv_loop_t *loop, const char *const *commands)
{
	int status = 0;

	for (int i = 0; i < 2 && status == 0; i++)
		status = start(&jobs[i], loop, commands[i]);
	if (status == 0)
		uv_run(loop, UV_RUN_DEFAULT);
	for (int i = 0; i < 2; i++)
		status = status_of(&jobs[i]) > status ? status_of(&jobs[i]) : status;
	/* The descriptors are the library's: nobody may watch them any more when they go. */
	uv_walk(loop, close_handle, NULL);
	uv_run(loop, UV_RUN_DEFAULT);
	uv_loop_close(loop);
	for (int i = 0; i < 2; i++) {
		tend_subscription_close(jobs[i].view);
		tend_parser_free(jobs[i].parser);
		tend_process_free(jobs[i].child);
	}
	return status;
}

int main(int argc, char **argv)
{
	static const char *const counters[] = {
		"for i in 1 2 3; do echo $i; sleep 0.1; done",
		"for i in a b c; do echo $i >&2; sleep 0.1; done",
	};
	struct job jobs[2] = { { .number = 1 }, { .number = 2 } };
	uv_loop_t loop;
	int r;

	if (argc != 1 && argc != 3) {
		fprintf(stderr, "usage: loop_libuv [COMMAND COMMAND]\n");
		return 2;
	}
	r = uv_loop_init(&loop);
	if (r < 0) {
		fprintf(stderr, "loop_libuv: %s\n", uv_strerror(r));
		return 125;
	}
	return run(jobs, &loop, argc > 1 ? (const char *const *)argv + 1 : counters);
}
