/* SPDX-License-Identifier: MIT */
/*
 * Runs a command.  Every byte of its stdout goes to FILE, and each line of its stderr to our own stderr, with the
 * command's name in front.  Then it says whether FILE has all of it.
 *
 * usage: stream_to_file FILE [COMMAND [ARG...]]      (default: ls -l /)
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <tend.h>
#include <unistd.h>

static const struct tend_stream_options live = {
	.backend = TEND_SINGLE_SUBSCRIBER,
	.delivery = TEND_RELIABLE, /* a slow disk slows the command; nothing is lost */
	.replay = TEND_REPLAY_ALL, /* until the writer is there, see tend_stream_seal_replay() below */
	.read_chunk_size = TEND_DEFAULT_READ_CHUNK_SIZE,
	.max_buffered_chunks = TEND_DEFAULT_MAX_BUFFERED_CHUNKS,
};

static int fail(const struct tend_error *err)
{
	fprintf(stderr, "stream_to_file: %s: %s\n", tend_step_name(err->step), err->message);
	return 125;
}

/* TEND_CONTINUE would try again with the next chunk, and leave a hole. */
static enum tend_flow complain(void *file_name, const struct tend_write_failure *failure)
{
	fprintf(stderr, "stream_to_file: cannot write to %s: %s; it ends with byte %llu of %s\n", (char *)file_name,
	        strerror(failure->error), (unsigned long long)(failure->offset + failure->written), failure->label);
	return TEND_BREAK;
}

static void prefix(void *name, const struct tend_line *line, tend_writer *writer)
{
	tend_writer_emit(writer, name, strlen(name));
	tend_writer_emit(writer, ": ", 2);
	tend_writer_emit(writer, line->data, line->size);
}

static int start(tend_stream *stream, const struct tend_write *options, tend_consumer **ret_writer,
                 struct tend_error *err)
{
	int r = tend_stream_write(stream, options, ret_writer, err);

	return r < 0 ? r : tend_stream_seal_replay(stream);
}

/* The writer has all that the command wrote, or all that came until the drain was over. */
static int report(tend_consumer *writer, const char *file_name, struct tend_error *err)
{
	struct tend_written w;

	if (tend_consumer_wait(writer, TEND_FOREVER, NULL, err) < 0 || tend_consumer_written(writer, &w, err) < 0)
		return fail(err);
	printf("%llu bytes written to %s, ended by %s: %s\n", (unsigned long long)w.bytes_written, file_name,
	       tend_ending_name(w.consumed.ending), w.complete ? "complete" : "not complete");
	return w.complete ? 0 : 1;
}

static int run(const char *const *argv, const char *file_name, int fd)
{
	TEND_AUTO(tend_process) child = NULL;
	TEND_AUTO(tend_consumer) to_file = NULL;
	TEND_AUTO(tend_consumer) to_stderr = NULL;
	struct tend_result result;
	struct tend_error err;

	if (tend_spawn(&(struct tend_spawn){ .argv = argv,
	                                     .in = TEND_IN_NULL,
	                                     .out = TEND_OUT_STREAM(live),
	                                     .err = TEND_OUT_STREAM(live),
	                                     .if_forgotten = TEND_FORGOTTEN_TERMINATE(&TEND_STOP_KILL) },
	               &child, &err) < 0 ||
	    start(tend_process_stdout(child),
	          &(struct tend_write){ .what = TEND_WRITE_CHUNKS,
	                                .to = TEND_TO_FD(fd),
	                                .on_failure = TEND_WRITE_ASK,
	                                .ask = complain,
	                                .arg = (void *)file_name },
	          &to_file, &err) < 0 ||
	    start(tend_process_stderr(child),
	          &(struct tend_write){
			  .what = TEND_WRITE_LINES,
			  .to = TEND_TO_FILE(stderr),
			  .on_failure = TEND_WRITE_GO_ON,
			  .line = { .max_length = TEND_DEFAULT_MAX_LINE_LENGTH, .overflow = TEND_LINE_SPLIT },
			  .line_end = TEND_LINE_END_ALWAYS,
			  .map_line = prefix,
			  .arg = (void *)argv[0] },
	          &to_stderr, &err) < 0 ||
	    tend_process_complete(
		    child,
		    &(struct tend_complete){ .timeout = TEND_FOREVER,
	                                     .drain = { .idle = TEND_MS(100), .total = TEND_SECONDS(3) } },
		    &result, &err) < 0 ||
	    tend_consumer_wait(to_stderr, TEND_FOREVER, NULL, &err) < 0)
		return fail(&err);
	if (result.exit.kind != TEND_EXITED || result.exit.code != 0)
		printf("the command failed: exit code %d, signal %d\n", result.exit.code, result.exit.signal);
	return report(to_file, file_name, &err);
}

int main(int argc, char **argv)
{
	static const char *const ls[] = { "ls", "-l", "/", NULL };
	int fd, status;

	if (argc < 2) {
		fprintf(stderr, "usage: stream_to_file FILE [COMMAND [ARG...]]\n");
		return 2;
	}
	fd = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0) {
		perror(argv[1]);
		return 1;
	}
	status = run(argc > 2 ? (const char *const *)argv + 2 : ls, argv[1], fd);
	close(fd);
	return status;
}
