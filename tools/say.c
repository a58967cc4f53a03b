/* SPDX-License-Identifier: MIT */
/*
 * stderr may be a pipe that nobody reads just now.  A thread that has to stop a child must not wait for that, and
 * neither must the library's threads, which call the log function: so lines go through a bounded queue.
 */
#include "say.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "io.h"
#include "moment.h"

enum { LINE_SIZE = 768, QUEUE_LINES = 256 };

static bool quiet;

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t thread;
	/* guarded by lock */
	bool running, stopping, writing;
	size_t first, count;
	unsigned long dropped;
	char lines[QUEUE_LINES][LINE_SIZE];
} queue = { .lock = PTHREAD_MUTEX_INITIALIZER };

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

static void *write_lines(void *arg)
{
	char line[LINE_SIZE];

	(void)arg;
	pthread_mutex_lock(&queue.lock);
	for (;;) {
		queue.writing = pop(line);
		if (queue.writing) {
			pthread_mutex_unlock(&queue.lock);
			print_line(line);
			pthread_mutex_lock(&queue.lock);
			continue;
		}
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
	queued = queue.running;
	if (queued)
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

void say_start(void)
{
	moment_cond_init(&queue.changed);
	queue.stopping = false;
	queue.running = pthread_create(&queue.thread, NULL, write_lines, NULL) == 0;
}

void say_stop(int64_t deadline_ns)
{
	bool over = false, drained;

	pthread_mutex_lock(&queue.lock);
	if (!queue.running) {
		pthread_mutex_unlock(&queue.lock);
		return;
	}
	queue.stopping = true;
	queue.running = false;
	pthread_cond_broadcast(&queue.changed);
	while (!over && (queue.count > 0 || queue.dropped > 0 || queue.writing))
		over = !moment_wait(&queue.changed, &queue.lock, deadline_ns);
	drained = queue.count == 0 && queue.dropped == 0 && !queue.writing;
	pthread_mutex_unlock(&queue.lock);
	if (drained)
		pthread_join(queue.thread, NULL);
	else
		pthread_detach(queue.thread);
}
