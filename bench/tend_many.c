/* SPDX-License-Identifier: MIT */
/* Many children at once by libtend: both outputs of each are streams, and each stream has a consumer that counts. */
#include "by_tend.h"

#include <dirent.h>
#include <fcntl.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "driver.h"

/* One stream of a child, counted by one thread. */
struct output {
	tend_consumer *consumer;
	uint64_t bytes, awaited;
};

struct child {
	tend_process *process;
	struct output out, err;
};

struct many {
	struct child *children;
	size_t n;
};

static sem_t arrived; /* posted once for each stream of which all that is awaited has come */

static enum tend_flow count(void *self, const struct tend_chunk *chunk)
{
	struct output *o = self;

	o->bytes += chunk->size;
	if (o->bytes == o->awaited)
		sem_post(&arrived);
	return TEND_CONTINUE;
}

static void begin_count(struct output *o, tend_stream *stream, uint64_t awaited)
{
	const struct tend_visitor visitor = { .on_chunk = count, .runs_on = runs_on() };

	o->awaited = awaited;
	o->consumer = consume(stream, &visitor, o);
	tend_stream_seal_replay(stream);
}

/* `in_fd` is the stdin of all, -1: /dev/null; `awaited` bytes of a stdout are what `arrived` is posted for. */
static struct many start_many(const char *const *argv, int in_fd, uint64_t awaited)
{
	const struct tend_stream_options options = stream_options();
	struct tend_spawn how = one_stream(argv, &options);
	struct many m = { .n = option_number("children", 1) };

	m.children = calloc(m.n, sizeof *m.children);
	if (!m.children)
		fail("there is no memory for the children");
	how.err = TEND_OUT_STREAM(options);
	if (in_fd >= 0)
		how.in = TEND_IN_FD(in_fd);
	for (size_t i = 0; i < m.n; i++) {
		struct child *c = &m.children[i];

		c->process = start(&how);
		begin_count(&c->out, tend_process_stdout(c->process), awaited);
		begin_count(&c->err, tend_process_stderr(c->process), 0);
	}
	measure_threads();
	return m;
}

static void end_many(struct many *m)
{
	for (size_t i = 0; i < m->n; i++) {
		struct child *c = &m->children[i];

		await_consumer(c->out.consumer);
		await_consumer(c->err.consumer);
		await(c->process);
		delivered.bytes += c->out.bytes + c->err.bytes;
	}
	measure_end();
	free(m->children);
}

void tend_burst(void)
{
	const char *const *argv = child_words("bulk", "bytes", "write", NULL);
	struct many m;

	measure_begin();
	m = start_many(argv, -1, 0);
	end_many(&m);
}

void tend_drip(void)
{
	const char *const *argv = child_words("drip", "n", "rate", "size", NULL);
	struct many m;

	measure_begin();
	m = start_many(argv, -1, 0);
	end_many(&m);
}

/* ---- children that stay ---- */

/* All of them are alive when the last byte has come: the end of their common stdin lets them go. */
void tend_live(void)
{
	const char *const *argv = child_words("hold", "bytes", "write", NULL);
	int hold[2];
	struct many m;

	if (pipe2(hold, O_CLOEXEC) < 0 || sem_init(&arrived, 0, 0) < 0)
		fail("pipe2 failed");
	measure_begin();
	m = start_many(argv, hold[0], option_number("bytes", 1));
	for (size_t i = 0; i < m.n; i++)
		sem_wait(&arrived);
	measure_threads();
	close(hold[1]);
	end_many(&m);
	close(hold[0]);
}

/* ---- children that do nothing ---- */

struct activity {
	uint64_t wakeups; /* context switches, voluntary or not */
	uint64_t ticks;   /* of CPU time */
};

static uint64_t ticks_of(const char *path)
{
	FILE *f = fopen(path, "re");
	unsigned long user = 0, system = 0;

	if (!f || fscanf(f, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
		fail("cannot read %s", path);
	fclose(f);
	return user + system;
}

/* Of all threads but the calling one, which does the measuring. */
static struct activity activity_of_others(void)
{
	DIR *tasks = opendir("/proc/self/task");
	struct activity sum = { 0 };
	struct dirent *entry;
	char path[64 + sizeof entry->d_name];

	if (!tasks)
		fail("cannot read /proc/self/task");
	while ((entry = readdir(tasks)) != NULL) {
		if (entry->d_name[0] == '.' || atoi(entry->d_name) == gettid())
			continue;
		snprintf(path, sizeof path, "/proc/self/task/%s/status", entry->d_name);
		sum.wakeups += proc_number(path, "voluntary_ctxt_switches:");
		sum.wakeups += proc_number(path, "nonvoluntary_ctxt_switches:");
		snprintf(path, sizeof path, "/proc/self/task/%s/stat", entry->d_name);
		sum.ticks += ticks_of(path);
	}
	closedir(tasks);
	return sum;
}

/* Until nothing has happened for 100 ms: the children and the threads that begin have done with that. */
static struct activity settle(void)
{
	const struct timespec nap = { .tv_nsec = 100000000 };
	struct activity now = activity_of_others(), before;

	do {
		before = now;
		nanosleep(&nap, NULL);
		now = activity_of_others();
	} while (now.wakeups != before.wakeups);
	return now;
}

void tend_idle(void)
{
	const char *const *argv = child_words("idle", NULL);
	const struct timespec rest = { .tv_sec = (time_t)option_number("seconds", 10) };
	uint64_t resident = resident_kib();
	struct activity before, after;
	struct many m;

	measure_begin();
	m = start_many(argv, -1, 0);
	note("kib_per_child", (double)(resident_kib() - resident) / (double)m.n);
	before = settle();
	nanosleep(&rest, NULL);
	after = activity_of_others();
	note("wakeups", (double)(after.wakeups - before.wakeups));
	note("ticks", (double)(after.ticks - before.ticks));
	for (size_t i = 0; i < m.n; i++)
		if (tend_process_signal(m.children[i].process, SIGTERM, TEND_LEADER, NULL) < 0)
			fail("cannot end a child");
	end_many(&m);
}
