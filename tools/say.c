/* SPDX-License-Identifier: MIT */
/*
 * stderr may be a pipe that nobody reads just now.  A thread that has to stop a child must not wait for that, and
 * neither must the library's threads, which call the log function: so lines go through a bounded queue.
 */
#include "say.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tend/error.h>
#include <unistd.h>

#include "io.h"
#include "moment.h"

/* A piece is what is written at once: what a pipe that has room takes without blocking. */
enum { LINE_SIZE = 768, QUEUE_LINES = 256, PIECE_SIZE = 4096 };

static bool quiet;

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t thread;
	/* guarded by lock */
	bool running, stopping, writing;
	bool abandoned; /* the thread is stuck in write(2): nobody is to follow it there */
	size_t first, count;
	unsigned long dropped;
	char *last; /* not written yet from last_at on; NULL: none */
	size_t last_at, last_size;
	bool broken;     /* writing the last piece has failed, and there is no next one */
	int64_t taken;   /* moment: something was written */
	int64_t hurried; /* moment of say_hurry(); MOMENT_NEVER: not yet */
	char lines[QUEUE_LINES][LINE_SIZE];
} queue = { .lock = PTHREAD_MUTEX_INITIALIZER, .hurried = MOMENT_NEVER };

static void print_line(const char *line)
{
	(void)io_write_all(STDERR_FILENO, line, strlen(line));
}

/* "tend: ...", one line whatever is in it. */
static void format_line(char line[LINE_SIZE], const char *format, va_list ap)
{
	static const char prefix[] = "tend: ";
	size_t used = sizeof prefix - 1;
	char *c;

	memcpy(line, prefix, used);
	line[used] = '\0';
	vsnprintf(line + used, LINE_SIZE - used - 1, format, ap);
	for (c = line; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	c[0] = '\n';
	c[1] = '\0';
}

/* Lock held. */
static void push(const char *line)
{
	if (queue.count == QUEUE_LINES) {
		queue.dropped++;
		return;
	}
	memcpy(queue.lines[(queue.first + queue.count++) % QUEUE_LINES], line, strlen(line) + 1);
	pthread_cond_broadcast(&queue.changed);
}

/* Lock held.  Takes the oldest line; when there is none, the count of those that were dropped. */
static bool pop(char line[LINE_SIZE])
{
	if (queue.count > 0) {
		memcpy(line, queue.lines[queue.first], LINE_SIZE);
		queue.first = (queue.first + 1) % QUEUE_LINES;
		queue.count--;
		return true;
	}
	if (queue.dropped == 0)
		return false;
	snprintf(line, LINE_SIZE, "tend: %lu lines of tend are left out here: stderr was full\n", queue.dropped);
	queue.dropped = 0;
	return true;
}

/* Lock held, but for the write itself. */
static int write_unlocked(const char *bytes, size_t size)
{
	int r;

	queue.writing = true;
	pthread_mutex_unlock(&queue.lock);
	r = io_write_all(STDERR_FILENO, bytes, size);
	pthread_mutex_lock(&queue.lock);
	queue.writing = false;
	queue.taken = moment_now();
	return r;
}

/* Lock held, but for the write itself.  False: there is nothing left. */
static bool write_last_piece(void)
{
	size_t left = queue.last_size - queue.last_at, size = left < PIECE_SIZE ? left : PIECE_SIZE;

	if (!queue.last)
		return false;
	queue.broken = write_unlocked(queue.last + queue.last_at, size) < 0;
	queue.last_at += size;
	if (queue.last_at < queue.last_size && !queue.broken)
		return true;
	free(queue.last);
	queue.last = NULL;
	return true;
}

static void *write_lines(void *arg)
{
	char line[LINE_SIZE];

	(void)arg;
	pthread_mutex_lock(&queue.lock);
	for (;;) {
		if (pop(line)) {
			(void)write_unlocked(line, strlen(line));
			continue;
		}
		if (write_last_piece())
			continue;
		pthread_cond_broadcast(&queue.changed);
		if (queue.stopping)
			break;
		pthread_cond_wait(&queue.changed, &queue.lock);
	}
	pthread_mutex_unlock(&queue.lock);
	return NULL;
}

static void say_line(const char *line)
{
	bool queued;

	pthread_mutex_lock(&queue.lock);
	queued = queue.running || queue.abandoned;
	if (queue.running)
		push(line);
	pthread_mutex_unlock(&queue.lock);
	if (!queued)
		print_line(line);
}

void say(const char *format, ...)
{
	char line[LINE_SIZE];
	va_list ap;

	va_start(ap, format);
	format_line(line, format, ap);
	va_end(ap);
	say_line(line);
}

void say_info(const char *format, ...)
{
	char line[LINE_SIZE];
	va_list ap;

	if (quiet)
		return;
	va_start(ap, format);
	format_line(line, format, ap);
	va_end(ap);
	say_line(line);
}

void say_quiet(bool value)
{
	quiet = value;
}

static void log_event(void *arg, const struct tend_log_event *event)
{
	(void)arg;
	if (event->name[0])
		say_info("%.60s: %s: %s", event->name, event->event, event->message);
	else
		say_info("%s: %s", event->event, event->message);
}

void say_log(unsigned verbose)
{
	if (verbose)
		(void)tend_set_log(log_event, NULL, verbose > 1 ? TEND_LOG_DEBUG : TEND_LOG_INFO);
	else
		(void)tend_set_log(NULL, NULL, TEND_LOG_ERROR);
}

void say_into(FILE *stream, const char *format, ...)
{
	char line[LINE_SIZE];
	va_list ap;

	va_start(ap, format);
	format_line(line, format, ap);
	va_end(ap);
	fputs(line, stream);
}

void say_start(void)
{
	moment_cond_init(&queue.changed);
	queue.stopping = false;
	queue.hurried = MOMENT_NEVER;
	queue.taken = moment_now();
	queue.running = pthread_create(&queue.thread, NULL, write_lines, NULL) == 0;
}

void say_last(char *take_text, size_t size)
{
	bool queued;

	pthread_mutex_lock(&queue.lock);
	queued = queue.running && size > 0;
	if (queued) {
		queue.last = take_text;
		queue.last_at = 0;
		queue.last_size = size;
		queue.taken = moment_now();
		pthread_cond_broadcast(&queue.changed);
	}
	pthread_mutex_unlock(&queue.lock);
	if (queued)
		return;
	(void)io_write_all(STDERR_FILENO, take_text, size);
	free(take_text);
}

void say_hurry(void)
{
	pthread_mutex_lock(&queue.lock);
	if (queue.hurried == MOMENT_NEVER)
		queue.hurried = moment_now();
	pthread_cond_broadcast(&queue.changed);
	pthread_mutex_unlock(&queue.lock);
}

/* Lock held. */
static bool has_drained(void)
{
	return queue.count == 0 && queue.dropped == 0 && !queue.writing && !queue.last;
}

/* Lock held.  The moment when waiting is over, as far as one can see now. */
static int64_t patience(int64_t deadline, int64_t began)
{
	int64_t idle = moment_after(queue.taken > began ? queue.taken : began, SAY_IDLE_NS);
	int64_t hurry = queue.hurried == MOMENT_NEVER ? MOMENT_NEVER : moment_after(queue.hurried, SAY_HURRY_NS);

	deadline = idle < deadline ? idle : deadline;
	return hurry < deadline ? hurry : deadline;
}

bool say_stop(int64_t deadline_ns)
{
	int64_t began = moment_now();
	bool drained, all;

	pthread_mutex_lock(&queue.lock);
	if (!queue.running) {
		pthread_mutex_unlock(&queue.lock);
		return true;
	}
	queue.stopping = true;
	pthread_cond_broadcast(&queue.changed);
	while (!has_drained() && moment_now() < patience(deadline_ns, began))
		moment_wait(&queue.changed, &queue.lock, patience(deadline_ns, began));
	drained = has_drained();
	queue.running = false;
	queue.abandoned = !drained;
	all = drained && !queue.broken;
	pthread_mutex_unlock(&queue.lock);
	if (drained)
		pthread_join(queue.thread, NULL);
	else
		pthread_detach(queue.thread);
	return all;
}
