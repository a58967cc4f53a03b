/* SPDX-License-Identifier: MIT */
/*
 * The hot paths, each a fixed number of times, for count.py, which has callgrind count their instructions.  Whatever could
 * differ from run to run is taken out: a burst is one write that fills the empty pipe, which no read can come in between
 * of, so the reader always finds the same chunks, and the next burst comes when all of it has been seen.
 */
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tend.h>
#include <unistd.h>

#define BURST ((size_t)256 << 10) /* a pipe of an unprivileged user may be so big */
#define CHUNK ((size_t)16 << 10)
#define BURSTS 200
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

/* Ends behind the write: what is written later would not be counted as a burst. */
static void pour(int fd, struct seen *s)
{
	static char burst[BURST];

	memset(burst, 'x', sizeof burst);
	for (size_t i = LINE - 1; i < sizeof burst; i += LINE)
		burst[i] = '\n';
	for (int i = 0; i < BURSTS; i++) {
		if (write(fd, burst, sizeof burst) != (ssize_t)sizeof burst)
			fail("a burst did not fit into the pipe");
		sem_wait(&s->burst);
	}
	close(fd);
}

static void stream(const struct tend_inspect *inspect)
{
	tend_consumer *consumer = NULL;
	tend_stream *s = NULL;
	struct tend_consumed consumed;
	struct seen seen = { 0 };
	struct tend_error err;
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0 || fcntl(fds[1], F_SETPIPE_SZ, (int)BURST) < (int)BURST ||
	    sem_init(&seen.burst, 0, 0) < 0)
		fail("there is no pipe of the size of a burst");
	if (tend_stream_open(fds[0], &options, "", &s, &err) < 0 ||
	    tend_stream_inspect(s, inspect, &seen, &consumer, &err) < 0)
		fail(err.message);
	pour(fds[1], &seen);
	if (tend_consumer_wait(consumer, TEND_FOREVER, &consumed, &err) < 0)
		fail(err.message);
	if (consumed.ending != TEND_END_EOF || seen.bytes != (uint64_t)BURST * BURSTS ||
	    seen.lines != (inspect->on_line ? seen.bytes / LINE : 0))
		fail("not everything was seen");
	tend_consumer_free(consumer);
	tend_stream_free(s);
}

static void chunks(enum tend_runs_on runs_on)
{
	stream(&(struct tend_inspect){ .on_chunk = count_chunk, .runs_on = runs_on });
}

static void chunks_on_reader(void)
{
	chunks(TEND_ON_READER);
}

static void chunks_on_own_thread(void)
{
	chunks(TEND_ON_OWN_THREAD);
}

static void lines(enum tend_runs_on runs_on)
{
	stream(&(struct tend_inspect){ .on_line = count_line,
	                               .line = { .max_length = CHUNK, .overflow = TEND_LINE_SPLIT },
	                               .runs_on = runs_on });
}

static void lines_on_reader(void)
{
	lines(TEND_ON_READER);
}

static void lines_on_own_thread(void)
{
	lines(TEND_ON_OWN_THREAD);
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
	{ "chunks-on-own-thread", chunks_on_own_thread },
	{ "lines-on-reader", lines_on_reader },
	{ "lines-on-own-thread", lines_on_own_thread },
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
