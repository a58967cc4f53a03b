/* SPDX-License-Identifier: MIT */
/*
 * Passes on the stdout and stderr of a child, byte for byte, in a main loop of GLib, which also learns of its exit and
 * ends it when its time is over.  The program waits nowhere but in g_main_loop_run().  What became of the child is told
 * on stderr when both outputs have ended and it has exited, whichever comes last.
 *
 * Exit status: the child's, 128 + n when signal n ended it, 125 when something was not as it should be.
 *
 * usage: loop_glib [SECONDS COMMAND [ARG...]]      (default: 60, and a few lines on both outputs, with pauses)
 */
#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tend.h>

/* Whom the child leaves behind may hold its outputs open for ever: after the exit they are read for so long. */
#define DRAIN_SECONDS 1
/* Between SIGTERM and SIGKILL. */
#define GRACE_SECONDS 2
/* No output keeps the loop from the rest of its work: its descriptor stays readable for what was not taken. */
#define AT_A_TIME 16

static const struct tend_stream_options whole = {
	.backend = TEND_SINGLE_SUBSCRIBER,
	.delivery = TEND_RELIABLE,
	.replay = TEND_REPLAY_ALL, /* until we are subscribed, see tend_stream_seal_replay() below */
	.read_chunk_size = TEND_DEFAULT_READ_CHUNK_SIZE,
	.max_buffered_chunks = TEND_DEFAULT_MAX_BUFFERED_CHUNKS,
};

struct output {
	struct app *app;
	FILE *to;
	tend_subscription *view;
	unsigned long long bytes;
	enum tend_ending ending;
};

struct app {
	GMainLoop *loop;
	tend_process *child;
	struct output out, err;
	struct tend_exit exit;
	guint timer;             /* of the stop, then of the drain; 0: none */
	bool is_given_up;        /* the drain is over */
	bool has_failed;
	unsigned long calls, events; /* how often the loop has called, and what that brought */
};

/* 0, or -1 when it was said why not. */
static int check(struct app *a, int r, const char *what)
{
	if (r >= 0)
		return 0;
	fprintf(stderr, "loop_glib: %s: %s\n", what, strerror(-r));
	a->has_failed = true;
	g_main_loop_quit(a->loop);
	return -1;
}

static void quit_when_over(struct app *a)
{
	bool ended = a->out.ending != TEND_END_NONE && a->err.ending != TEND_END_NONE;

	if (a->is_given_up || (ended && a->exit.kind != TEND_RUNNING))
		g_main_loop_quit(a->loop);
}

/* ---- one output ---- */

static void take_chunk(struct output *o, const struct tend_chunk *chunk)
{
	o->app->has_failed |= chunk->offset != o->bytes; /* complete and in order */
	o->bytes += chunk->size;
	if (fwrite(chunk->data, 1, chunk->size, o->to) != chunk->size)
		o->app->has_failed = true;
}

/* True: something was there. */
static bool take_one(struct output *o)
{
	struct tend_event event;

	if (check(o->app, tend_subscription_next(o->view, TEND_AT_ONCE, &event), "cannot take output") < 0 ||
	    event.kind == TEND_TIMED_OUT)
		return false;
	o->app->events++;
	if (event.kind == TEND_CHUNK)
		take_chunk(o, &event.chunk);
	else if (event.kind == TEND_GAP)
		o->app->has_failed = true; /* the stream is reliable */
	else
		o->ending = event.ending;
	return true;
}

/* What has ended stays readable for good, so it is not watched any more. */
static gboolean output_is_readable(gint fd, GIOCondition condition, gpointer data)
{
	struct output *o = data;
	int n = 0;

	(void)fd, (void)condition;
	o->app->calls++;
	while (n < AT_A_TIME && o->ending == TEND_END_NONE && take_one(o))
		n++;
	quit_when_over(o->app);
	return o->ending == TEND_END_NONE ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

/* ---- exit and stop ---- */

static void set_timer(struct app *a, unsigned seconds, GSourceFunc call)
{
	if (a->timer)
		g_source_remove(a->timer);
	a->timer = g_timeout_add_seconds(seconds, call, a);
}

/* Somebody else still holds an output.  Who is of the child's group goes, too; what others write is not for us. */
static gboolean drain_is_over(gpointer data)
{
	struct app *a = data;

	a->calls++;
	a->events++;
	a->timer = 0;
	a->is_given_up = true;
	tend_process_signal(a->child, SIGKILL, TEND_GROUP, NULL);
	quit_when_over(a);
	return G_SOURCE_REMOVE;
}

static gboolean grace_is_over(gpointer data)
{
	struct app *a = data;

	a->calls++;
	a->events++;
	a->timer = 0;
	tend_process_signal(a->child, SIGKILL, TEND_GROUP, NULL);
	return G_SOURCE_REMOVE;
}

/* tend_process_stop() would wait until it has worked, and the loop with it. */
static gboolean time_is_over(gpointer data)
{
	struct app *a = data;

	a->calls++;
	a->events++;
	a->timer = 0;
	tend_process_signal(a->child, SIGTERM, TEND_GROUP, NULL);
	set_timer(a, GRACE_SECONDS, grace_is_over);
	return G_SOURCE_REMOVE;
}

static gboolean exit_is_readable(gint fd, GIOCondition condition, gpointer data)
{
	struct app *a = data;

	(void)fd, (void)condition;
	a->calls++;
	a->events++;
	if (check(a, tend_process_wait(a->child, TEND_AT_ONCE, &a->exit, NULL), "cannot wait") == 0)
		set_timer(a, DRAIN_SECONDS, drain_is_over);
	quit_when_over(a);
	return G_SOURCE_REMOVE;
}

/* ---- start and end ---- */

static int fail(const struct tend_error *err)
{
	fprintf(stderr, "loop_glib: %s: %s\n", tend_step_name(err->step), err->message);
	return -1;
}

static int attach(struct output *o, tend_stream *stream)
{
	struct tend_error err;
	int fd;

	if (tend_stream_subscribe(stream, NULL, &o->view, &err) < 0)
		return fail(&err);
	tend_stream_seal_replay(stream);
	fd = tend_subscription_fd(o->view);
	if (check(o->app, fd, "no descriptor") < 0)
		return -1;
	g_unix_fd_add(fd, G_IO_IN, output_is_readable, o);
	return 0;
}

static int start(struct app *a, unsigned seconds, const char *const *argv)
{
	struct tend_error err;
	int fd;

	if (tend_spawn(&(struct tend_spawn){ .argv = argv,
	                                     .in = TEND_IN_NULL,
	                                     .out = TEND_OUT_STREAM(whole),
	                                     .err = TEND_OUT_STREAM(whole),
	                                     .if_forgotten = TEND_FORGOTTEN_TERMINATE(&TEND_STOP_KILL) },
	               &a->child, &err) < 0)
		return fail(&err);
	if (attach(&a->out, tend_process_stdout(a->child)) < 0 || attach(&a->err, tend_process_stderr(a->child)) < 0)
		return -1;
	fd = tend_process_exit_fd(a->child);
	if (check(a, fd, "no descriptor") < 0)
		return -1;
	g_unix_fd_add(fd, G_IO_IN, exit_is_readable, a);
	set_timer(a, seconds, time_is_over);
	return 0;
}

static int print_exit(const struct tend_exit *e)
{
	if (e->kind == TEND_EXITED)
		fprintf(stderr, "loop_glib: exit code %d\n", e->code);
	else if (e->kind == TEND_SIGNALED)
		fprintf(stderr, "loop_glib: signal %d\n", e->signal);
	else
		fprintf(stderr, "loop_glib: no exit status\n");
	return e->kind == TEND_EXITED ? e->code : e->kind == TEND_SIGNALED ? 128 + e->signal : 125;
}

static const char *how(const struct output *o)
{
	return o->ending == TEND_END_NONE ? "held by somebody else" : tend_ending_name(o->ending);
}

/* A call may be for what has been taken already: a few times for each event, at most.  More is a busy loop. */
static int report(const struct app *a)
{
	int status;

	fprintf(stderr, "loop_glib: stdout ended: %s, %llu bytes\n", how(&a->out), a->out.bytes);
	fprintf(stderr, "loop_glib: stderr ended: %s, %llu bytes\n", how(&a->err), a->err.bytes);
	status = print_exit(&a->exit);
	fprintf(stderr, "loop_glib: called %lu times for %lu events\n", a->calls, a->events);
	if (!a->has_failed && a->calls <= 5 * (a->events + 1))
		return status;
	fprintf(stderr, "loop_glib: this was not as promised\n");
	return 125;
}

/* The descriptors are the library's: nobody may watch them any more when they go. */
static void clean_up(struct app *a)
{
	GMainContext *context = g_main_loop_get_context(a->loop);
	GSource *source;

	while ((source = g_main_context_find_source_by_user_data(context, a)) ||
	       (source = g_main_context_find_source_by_user_data(context, &a->out)) ||
	       (source = g_main_context_find_source_by_user_data(context, &a->err)))
		g_source_destroy(source);
	tend_subscription_close(a->out.view);
	tend_subscription_close(a->err.view);
	tend_process_free(a->child);
	g_main_loop_unref(a->loop);
}

int main(int argc, char **argv)
{
	static const char script[] = "for i in 1 2 3; do echo result $i; echo progress $i >&2; sleep 0.1; done";
	static const char *const sh[] = { "sh", "-c", script, NULL };
	struct app a = { .out = { .to = stdout }, .err = { .to = stderr } };
	unsigned long seconds = argc > 1 ? strtoul(argv[1], NULL, 10) : 60;
	int status = 125;

	if (argc == 2 || seconds == 0 || seconds > 86400) {
		fprintf(stderr, "usage: loop_glib [SECONDS COMMAND [ARG...]]\n");
		return 2;
	}
	a.out.app = a.err.app = &a;
	a.loop = g_main_loop_new(NULL, FALSE);
	if (start(&a, (unsigned)seconds, argc > 2 ? (const char *const *)argv + 2 : sh) == 0) {
		g_main_loop_run(a.loop);
		status = report(&a);
	}
	clean_up(&a);
	return status;
}
