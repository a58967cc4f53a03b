/* SPDX-License-Identifier: MIT */
/*
 * The hot paths, each a fixed number of times, for count.py, which has callgrind count their instructions.  Whatever
 * could differ from run to run is taken out: a burst is one write that fills the empty pipe, which no read can come
 * in between of, so the reader always finds the same chunks, and the next burst comes when all of it has been seen.
 */
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <tend.h>
#include <unistd.h>

#define BURST ((size_t)256 << 10) /* a pipe of an unprivileged user may be so big */
#define CHUNK ((size_t)16 << 10)
#define BURSTS 200
#define BUFFERED_BURSTS 100 /* 25 MiB */
#define LINE 64
#define SPAWNS 100

struct seen {
	sem_t burst;
	uint64_t bytes, lines;
};

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "counted: %s\n", what);
	exit(2);
}

static const struct tend_stream_options options = {
	.backend = TEND_SINGLE_SUBSCRIBER,
	.delivery = TEND_RELIABLE,
	.replay = { .kind = TEND_RETAIN_NONE },
	.read_chunk_size = CHUNK,
	.max_buffered_chunks = BURST / CHUNK,
};

/* ---- streams ---- */

static void note_bytes(struct seen *s, size_t n)
{
	s->bytes += n;
	if (s->bytes % BURST == 0)
		sem_post(&s->burst);
}

static enum tend_flow count_chunk(void *arg, const struct tend_chunk *chunk)
{
	note_bytes(arg, chunk->size);
	return TEND_CONTINUE;
}

static enum tend_flow count_line(void *arg, const struct tend_line *line)
{
	struct seen *s = arg;

	s->lines++;
	note_bytes(s, line->size + 1);
	return TEND_CONTINUE;
}

static void open_pipe(int *ret_fds)
{
	if (pipe2(ret_fds, O_CLOEXEC) < 0 || fcntl(ret_fds[1], F_SETPIPE_SZ, (int)BURST) < (int)BURST)
		fail("there is no pipe of the size of a burst");
}

static void put_burst(int fd)
{
	static char burst[BURST];

	if (burst[0] == 0) {
		memset(burst, 'x', sizeof burst);
		for (size_t i = LINE - 1; i < sizeof burst; i += LINE)
			burst[i] = '\n';
	}
	if (write(fd, burst, sizeof burst) != (ssize_t)sizeof burst)
		fail("a burst did not fit into the pipe");
}

static void stream(const struct tend_inspect *inspect)
{
	tend_consumer *consumer = NULL;
	tend_stream *s = NULL;
	struct tend_consumed consumed;
	struct seen seen = { 0 };
	struct tend_error err;
	int fds[2];

	open_pipe(fds);
	sem_init(&seen.burst, 0, 0);
	if (tend_stream_open(fds[0], &options, "", &s, &err) < 0 ||
	    tend_stream_inspect(s, inspect, &seen, &consumer, &err) < 0)
		fail(err.message);
	for (int i = 0; i < BURSTS; i++) {
		put_burst(fds[1]);
		sem_wait(&seen.burst);
	}
	close(fds[1]);
	if (tend_consumer_wait(consumer, TEND_FOREVER, &consumed, &err) < 0)
		fail(err.message);
	if (consumed.ending != TEND_END_EOF || seen.bytes != (uint64_t)BURST * BURSTS ||
	    seen.lines != (inspect->on_line ? seen.bytes / LINE : 0))
		fail("not everything was seen");
	tend_consumer_free(consumer);
	tend_stream_free(s);
}

static void chunks_on_reader(void)
{
	stream(&(struct tend_inspect){ .on_chunk = count_chunk, .runs_on = TEND_ON_READER });
}

static void lines_on_reader(void)
{
	stream(&(struct tend_inspect){ .on_line = count_line,
	                               .line = { .max_length = CHUNK, .overflow = TEND_LINE_SPLIT },
	                               .runs_on = TEND_ON_READER });
}

/* ---- a buffer between two threads, which never meet in it ---- */

static void await_empty(int fd)
{
	int n;

	while (ioctl(fd, FIONREAD, &n) == 0 && n > 0)
		sched_yield();
}

static size_t count_threads(void)
{
	DIR *tasks = opendir("/proc/self/task");
	size_t n = 0;

	for (struct dirent *entry; tasks && (entry = readdir(tasks)) != NULL;)
		n += entry->d_name[0] != '.';
	if (tasks)
		closedir(tasks);
	return n;
}

/* All is buffered, and the reader gone, before the first chunk is taken: so nobody ever has to be woken. */
static void chunks_buffered(void)
{
	struct tend_subscribe deep = { .max_buffered_chunks = BUFFERED_BURSTS * BURST / CHUNK };
	tend_subscription *subscription = NULL;
	tend_stream *s = NULL;
	struct tend_event event;
	struct tend_error err;
	uint64_t bytes = 0;
	int fds[2];

	open_pipe(fds);
	if (tend_stream_open(fds[0], &options, "", &s, &err) < 0 ||
	    tend_stream_subscribe(s, &deep, &subscription, &err) < 0)
		fail(err.message);
	for (int i = 0; i < BUFFERED_BURSTS; i++) {
		put_burst(fds[1]);
		await_empty(fds[1]);
	}
	close(fds[1]);
	while (count_threads() > 1)
		sched_yield();
	while (tend_subscription_next(subscription, TEND_FOREVER, &event) == 0 && event.kind == TEND_CHUNK)
		bytes += event.chunk.size;
	if (event.kind != TEND_EOF || bytes != (uint64_t)BURST * BUFFERED_BURSTS)
		fail("not everything was seen");
	tend_subscription_close(subscription);
	tend_stream_free(s);
}

/* ---- starts ---- */

static void spawns(struct tend_output output)
{
	const char *const argv[] = { "/bin/true", NULL };
	const struct tend_spawn how = {
		.argv = argv,
		.env = (const char *const[]){ "PATH=/bin", NULL }, /* as long on every machine */
		.in = TEND_IN_NULL,
		.out = output,
		.err = output,
		.if_forgotten = TEND_FORGOTTEN_ABORT,
	};

	for (int i = 0; i < SPAWNS; i++) {
		tend_process *process = NULL;
		struct tend_exit exit;
		struct tend_error err;

		if (tend_spawn(&how, &process, &err) < 0 || tend_process_wait(process, TEND_FOREVER, &exit, &err) < 0)
			fail(err.message);
		if (exit.kind != TEND_EXITED || exit.code != 0)
			fail("/bin/true did not exit with 0");
		tend_process_free(process);
	}
}

static void spawns_without_pipes(void)
{
	spawns(TEND_OUT_DISCARD);
}

static void spawns_with_pipes(void)
{
	spawns(TEND_OUT_STREAM(options));
}

static const struct path {
	const char *name;
	void (*run)(void);
} paths[] = {
	{ "chunks-on-reader", chunks_on_reader },
	{ "chunks-buffered", chunks_buffered },
	{ "lines-on-reader", lines_on_reader },
	{ "spawns-without-pipes", spawns_without_pipes },
	{ "spawns-with-pipes", spawns_with_pipes },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc == 2 && i < sizeof paths / sizeof *paths; i++) {
		if (strcmp(argv[1], paths[i].name) != 0)
			continue;
		paths[i].run();
		return EXIT_SUCCESS;
	}
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		puts(paths[i].name);
	return argc == 1 ? EXIT_SUCCESS : 2;
}
