/* SPDX-License-Identifier: MIT */
/* One child by libtend: bulk output, lines, ping-pong; and what all works of tend start with. */
#include "by_tend.h"

#include <stdlib.h>
#include <string.h>

#include "driver.h"

#define MAX_CONSUMERS 64

struct tend_stream_options stream_options(void)
{
	return (struct tend_stream_options){
		.backend = option_number("consumers", 1) > 1 ? TEND_BROADCAST : TEND_SINGLE_SUBSCRIBER,
		.delivery = TEND_RELIABLE,
		.replay = TEND_REPLAY_ALL, /* until it is sealed: nothing is missed before the consumers are there */
		.read_chunk_size = option_number("chunk", TEND_DEFAULT_READ_CHUNK_SIZE),
		.max_buffered_chunks = option_number("depth", TEND_DEFAULT_MAX_BUFFERED_CHUNKS),
	};
}

enum tend_runs_on runs_on(void)
{
	return option_is("on", "reader") ? TEND_ON_READER : TEND_ON_OWN_THREAD;
}

struct tend_spawn one_stream(const char *const *argv, const struct tend_stream_options *out)
{
	return (struct tend_spawn){
		.argv = argv,
		.in = TEND_IN_NULL,
		.out = TEND_OUT_STREAM(*out),
		.err = TEND_OUT_DISCARD,
		.if_forgotten = TEND_FORGOTTEN_ABORT,
	};
}

tend_process *start(const struct tend_spawn *how)
{
	tend_process *process = NULL;
	struct tend_error err;

	if (tend_spawn(how, &process, &err) < 0)
		fail("%s", err.message);
	return process;
}

tend_consumer *consume(tend_stream *stream, const struct tend_visitor *visitor, void *self)
{
	tend_consumer *consumer = NULL;
	struct tend_error err;

	if (tend_stream_consume(stream, visitor, self, &consumer, &err) < 0)
		fail("%s", err.message);
	return consumer;
}

void await_consumer(tend_consumer *consumer)
{
	struct tend_consumed seen;
	struct tend_error err;

	if (tend_consumer_wait(consumer, TEND_FOREVER, &seen, &err) < 0)
		fail("%s", err.message);
	if (seen.ending != TEND_END_EOF || seen.bytes_dropped > 0 || seen.began_late)
		fail("a consumer did not get the whole stream: %s", tend_ending_name(seen.ending));
	tend_consumer_free(consumer);
}

void await(tend_process *process)
{
	struct tend_exit exit;
	struct tend_error err;

	if (tend_process_wait(process, TEND_FOREVER, &exit, &err) < 0)
		fail("%s", err.message);
	if (exit.kind != TEND_EXITED || exit.code != 0)
		fail("a child did not exit with 0");
	delivered.exits++;
	tend_process_free(process);
}

enum tend_flow count_chunk(void *self, const struct tend_chunk *chunk)
{
	uint64_t *bytes = self;

	*bytes += chunk->size;
	return TEND_CONTINUE;
}

/* ---- works ---- */

/* The consumers share nothing: what each counts lies on a cache line of its own. */
static void bulk(void)
{
	const char *const *argv = child_words("bulk", "bytes", "write", NULL);
	const struct tend_visitor visitor = { .on_chunk = count_chunk, .runs_on = runs_on() };
	const struct tend_stream_options options = stream_options();
	const struct tend_spawn how = one_stream(argv, &options);
	static struct {
		_Alignas(64) uint64_t bytes;
	} counts[MAX_CONSUMERS];
	tend_consumer *consumers[MAX_CONSUMERS];
	size_t n = option_number("consumers", 1);
	tend_process *process;

	if (n == 0 || n > MAX_CONSUMERS)
		fail("consumers= is 1 to %d", MAX_CONSUMERS);
	measure_begin();
	process = start(&how);
	for (size_t i = 0; i < n; i++)
		consumers[i] = consume(tend_process_stdout(process), &visitor, &counts[i].bytes);
	tend_stream_seal_replay(tend_process_stdout(process));
	measure_threads();
	for (size_t i = 0; i < n; i++) {
		await_consumer(consumers[i]);
		delivered.bytes += counts[i].bytes;
	}
	note("pipe_bytes", (double)tend_stream_stats(tend_process_stdout(process)).pipe_size);
	await(process);
	measure_end();
}

struct counted {
	uint64_t bytes, lines;
	size_t length; /* of each line, without its LF */
};

static enum tend_flow count_line(void *self, const struct tend_line *line)
{
	struct counted *c = self;

	if (line->size != c->length || line->flags != 0)
		return TEND_BREAK;
	c->bytes += line->size + 1;
	c->lines++;
	return TEND_CONTINUE;
}

static void lines(void)
{
	const char *const *argv = child_words("lines", "lines", "length", NULL);
	const struct tend_stream_options options = stream_options();
	const struct tend_spawn how = one_stream(argv, &options);
	struct counted c = { .length = option_number("length", 1) - 1 };
	const struct tend_inspect inspect = {
		.on_line = count_line,
		.line = { .max_length = c.length + 1, .overflow = TEND_LINE_SPLIT },
		.runs_on = runs_on(),
	};
	tend_consumer *consumer = NULL;
	tend_process *process;
	struct tend_error err;

	measure_begin();
	process = start(&how);
	if (tend_stream_inspect(tend_process_stdout(process), &inspect, &c, &consumer, &err) < 0)
		fail("%s", err.message);
	tend_stream_seal_replay(tend_process_stdout(process));
	measure_threads();
	await_consumer(consumer);
	await(process);
	measure_end();
	delivered.bytes = c.bytes;
	delivered.lines = c.lines;
}

/* ---- ping-pong: the visitor that gets an answer sends the next message ---- */

struct game {
	tend_process *process;
	size_t left;    /* messages that are still to be sent */
	size_t here;    /* bytes of the answer that have come */
	int64_t served; /* when the message was sent that is being answered */
};

static void serve(struct game *g)
{
	static const char message[MESSAGE] = "ping";
	struct tend_error err;

	g->left--;
	g->served = now_ns();
	if (tend_process_stdin_write(g->process, message, sizeof message, TEND_FOREVER, NULL, &err) < 0)
		fail("%s", err.message);
}

static enum tend_flow take_answer(void *self, const struct tend_chunk *chunk)
{
	struct game *g = self;

	delivered.bytes += chunk->size;
	g->here += chunk->size;
	if (g->here < MESSAGE)
		return TEND_CONTINUE;
	g->here = 0;
	samples_add(now_ns() - g->served);
	if (g->left > 0)
		serve(g);
	else
		tend_process_stdin_close(g->process);
	return TEND_CONTINUE;
}

static void pingpong(void)
{
	const char *const *argv = child_words("pong", NULL);
	const struct tend_visitor visitor = { .on_chunk = take_answer, .runs_on = runs_on() };
	const struct tend_stream_options options = stream_options();
	struct tend_spawn how = one_stream(argv, &options);
	struct game g = { .left = option_number("n", 1000) };
	tend_consumer *consumer;

	how.in = TEND_IN_PIPE;
	samples_reserve(g.left);
	measure_begin();
	g.process = start(&how);
	consumer = consume(tend_process_stdout(g.process), &visitor, &g);
	tend_stream_seal_replay(tend_process_stdout(g.process));
	measure_threads();
	serve(&g);
	await_consumer(consumer);
	await(g.process);
	measure_end();
}

static const struct work works[] = {
	{ "bulk", bulk },
	{ "burst", tend_burst },
	{ "drip", tend_drip },
	{ "exit", tend_exits },
	{ "handover", tend_handover },
	{ "idle", tend_idle },
	{ "kill", tend_kills },
	{ "lines", lines },
	{ "live", tend_live },
	{ "pingpong", pingpong },
	{ "spawn", tend_spawns },
	{ "stop", tend_stops },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	return driver_main(argc, argv, works);
}
