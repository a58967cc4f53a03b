/* SPDX-License-Identifier: MIT */
/*
 * The main job of the library, three times, on programs that are on this machine anyway:
 *
 *  1. a server (git daemon) is started; one consumer waits for the line that says it is ready, one writes every byte of
 *     its output to a log file, one keeps the output in memory; a client talks to it; it is stopped;
 *  2. a producer (head) floods its pipe with 1 GiB, and a consumer counts every byte of it, in bounded memory;
 *  3. a child that ignores SIGINT and SIGTERM, and has a child of its own, is stopped through all phases of a plan.
 *
 * Each part checks what was promised.  Exit status: 0, 1 when something was not as promised, 77 when git is missing.
 *
 * usage: main_job
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <tend.h>
#include <time.h>
#include <unistd.h>

#define FLOOD_SIZE 1073741824
#define FLOOD_SIZE_TEXT "1073741824"
#define PATIENCE TEND_SECONDS(60)
#define EXIT_NO_GIT 77

/* Everything is retained only until all consumers are there; see tend_stream_seal_replay() below. */
static const struct tend_stream_options shared = {
	.backend = TEND_BROADCAST,
	.delivery = TEND_RELIABLE,
	.replay = TEND_REPLAY_ALL,
	.read_chunk_size = TEND_DEFAULT_READ_CHUNK_SIZE,
	.max_buffered_chunks = TEND_DEFAULT_MAX_BUFFERED_CHUNKS,
};
static const struct tend_stream_options single = {
	.backend = TEND_SINGLE_SUBSCRIBER,
	.delivery = TEND_RELIABLE,
	.replay = TEND_REPLAY_ALL,
	.read_chunk_size = TEND_DEFAULT_READ_CHUNK_SIZE,
	.max_buffered_chunks = TEND_DEFAULT_MAX_BUFFERED_CHUNKS,
};
static const struct tend_line_options lines = {
	.max_length = TEND_DEFAULT_MAX_LINE_LENGTH,
	.overflow = TEND_LINE_TRUNCATE,
};

/* ---- what all parts need ---- */

static int fail(const struct tend_error *err)
{
	printf("   FAILED at step %s: %s\n", tend_step_name(err->step), err->message);
	return err->code;
}

/* 0 when it held. */
static int promise(bool held, const char *what)
{
	if (!held)
		printf("   NOT AS PROMISED: %s\n", what);
	return held ? 0 : -EPROTO;
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool line_contains(void *text, const struct tend_line *line)
{
	return memmem(line->data, line->size, text, strlen(text)) != NULL;
}

static int spawn(const char *const *argv, const struct tend_stream_options *out, tend_process **ret_process)
{
	struct tend_error err;
	int r = tend_spawn(&(struct tend_spawn){ .argv = argv,
	                                         .in = TEND_IN_NULL,
	                                         .out = TEND_OUT_STREAM(*out),
	                                         .err = TEND_OUT_MERGE,
	                                         .if_forgotten = TEND_FORGOTTEN_TERMINATE(&TEND_STOP_KILL) },
	                   ret_process, &err);

	return r < 0 ? fail(&err) : 0;
}

/* Runs a command to its end: 0 when it exits with 0.  `ret_output` gets the beginning of what it wrote. */
static int run(const char *const *argv, char *ret_output, size_t size)
{
	const struct tend_complete options = {
		.timeout = PATIENCE,
		.out = TEND_COLLECT_BYTES(.overflow = TEND_DROP_NEWEST, .max_bytes = size - 1),
		.drain = { .idle = TEND_MS(100), .total = TEND_SECONDS(3) },
		.stop = &TEND_STOP_KILL,
	};
	TEND_AUTO(tend_process) child = NULL;
	struct tend_result result;
	struct tend_error err;
	int r = spawn(argv, &single, &child);

	if (r < 0)
		return r;
	if (tend_process_complete(child, &options, &result, &err) < 0)
		return fail(&err);
	snprintf(ret_output, size, "%s", result.out.collected.data);
	if (result.exit.kind == TEND_EXITED && result.exit.code == 0)
		return 0;
	printf("   %s %s failed: %s\n", argv[0], argv[1], ret_output);
	return -EPROTO;
}

/* ---- 1. a server ---- */

struct server {
	char directory[64]; /* holds the repository "project" and the log */
	char log_path[80];
	char url[64];
	tend_process *process;
	tend_stream *output; /* stdout and stderr, in one pipe */
	tend_consumer *logger, *keeper;
};

static int make_repository(struct server *s)
{
	char project[96], output[1024];
	const char *const init[] = { "git", "init", "--quiet", project, NULL };
	const char *const commit[] = {
		"git", "-C", project, "-c", "user.name=tend", "-c", "user.email=tend@localhost", "-c",
		"commit.gpgsign=false", "commit", "--quiet", "--allow-empty", "--message=first", NULL
	};
	int r;

	snprintf(s->directory, sizeof s->directory, "/tmp/tend-main-job.XXXXXX");
	if (!mkdtemp(s->directory))
		return -errno;
	snprintf(s->log_path, sizeof s->log_path, "%s/log", s->directory);
	snprintf(project, sizeof project, "%s/project", s->directory);
	r = run(init, output, sizeof output);
	return r < 0 ? r : run(commit, output, sizeof output);
}

/* A port that nobody listens on now. */
static int free_port(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r = fd;

	if (r >= 0)
		r = bind(fd, (struct sockaddr *)&address, sizeof address);
	if (r >= 0)
		r = getsockname(fd, (struct sockaddr *)&address, &size);
	if (r < 0)
		r = -errno;
	if (fd >= 0)
		close(fd);
	return r < 0 ? r : ntohs(address.sin_port);
}

static enum tend_flow write_chunk(void *file, const struct tend_chunk *chunk)
{
	return fwrite(chunk->data, 1, chunk->size, file) == chunk->size ? TEND_CONTINUE : TEND_BREAK;
}

/* Called exactly once, last: from here on nobody needs the file. */
static void close_file(void *file, const struct tend_end *end)
{
	(void)end;
	fclose(file);
}

static int attach_consumers(struct server *s)
{
	const struct tend_visitor writer = { .on_chunk = write_chunk, .on_end = close_file };
	const struct tend_collect all = TEND_COLLECT_BYTES(.overflow = TEND_DROP_NEWEST, .max_bytes = 1 << 20);
	FILE *log = fopen(s->log_path, "we");
	struct tend_error err;

	if (!log)
		return -errno;
	if (tend_stream_consume(s->output, &writer, log, &s->logger, &err) < 0) {
		fclose(log);
		return fail(&err);
	}
	if (tend_stream_collect(s->output, &all, &s->keeper, &err) < 0)
		return fail(&err);
	return 0;
}

static int start_server(struct server *s)
{
	char port[32], base[96];
	const char *const argv[] = { "git", "daemon", "--verbose", "--export-all", "--listen=127.0.0.1", port, base,
		                     NULL };
	int r = free_port();

	if (r < 0)
		return r;
	snprintf(port, sizeof port, "--port=%d", r);
	snprintf(base, sizeof base, "--base-path=%s", s->directory);
	snprintf(s->url, sizeof s->url, "git://127.0.0.1:%d/project", r);
	r = spawn(argv, &shared, &s->process);
	if (r < 0)
		return r;
	s->output = tend_process_stdout(s->process);
	return attach_consumers(s);
}

static int await_ready(struct server *s)
{
	char ready[] = "Ready to rumble";
	double began = seconds();
	struct tend_line_found found;
	struct tend_error err;

	if (tend_stream_wait_for_line(s->output, &lines, line_contains, ready, PATIENCE, &found, &err) < 0)
		return fail(&err);
	tend_stream_seal_replay(s->output);
	if (found.outcome != TEND_LINE_MATCHED)
		return promise(false, "the server says that it is ready");
	printf("   ready after %.0f ms, with the line \"%s\"\n", (seconds() - began) * 1e3, found.text);
	return 0;
}

static int talk_to_server(const struct server *s)
{
	const char *const argv[] = { "git", "ls-remote", s->url, NULL };
	char output[1024];
	int r = run(argv, output, sizeof output);
	size_t n = 0;

	if (r < 0)
		return r;
	for (const char *c = output; *c; c++)
		n += *c == '\n';
	printf("   a client asked it for the repository's references and got %zu\n", n);
	return promise(n >= 1, "the client gets an answer");
}

static int stop_server(struct server *s)
{
	struct tend_stop_report report;
	struct tend_error err;

	if (tend_process_stop(s->process, &TEND_STOP_TERM(TEND_SECONDS(10)), &report, &err) < 0)
		return fail(&err);
	printf("   sent SIGTERM: all of its processes were gone after %.0f ms\n", (double)report.duration_ns / 1e6);
	return promise(report.outcome == TEND_STOPPED_IN_PHASE, "SIGTERM is enough for a server that obeys");
}

/* Whether the file holds exactly these bytes. */
static bool holds(const char *path, const char *data, size_t size)
{
	FILE *f = fopen(path, "re");
	char *content = malloc(size + 1);
	bool same = f && content && fread(content, 1, size + 1, f) == size && memcmp(content, data, size) == 0;

	free(content);
	if (f)
		fclose(f);
	return same;
}

static int compare_log(struct server *s)
{
	struct tend_consumed logged, kept;
	struct tend_collected memory;
	struct tend_error err;
	uint64_t read;
	bool same;

	if (tend_consumer_wait(s->logger, PATIENCE, &logged, &err) < 0 ||
	    tend_consumer_wait(s->keeper, PATIENCE, &kept, &err) < 0 ||
	    tend_consumer_collected(s->keeper, &memory, &err) < 0)
		return fail(&err);
	read = tend_stream_stats(s->output).bytes_read; /* all of it: the consumers have seen the end */
	same = memory.complete && logged.ending == TEND_END_EOF && logged.bytes == read && memory.size == read &&
	       holds(s->log_path, memory.data, memory.size);
	printf("   read %llu bytes of its output, logged %llu\n", (unsigned long long)read,
	       (unsigned long long)logged.bytes);
	if (same)
		printf("   the log file and the copy in memory hold the same bytes, to the last one\n");
	return promise(same, "the log and the stream agree to the byte");
}

static int serve(struct server *s)
{
	int r = make_repository(s);

	if (r == 0)
		r = start_server(s);
	if (r == 0)
		r = await_ready(s);
	if (r == 0)
		r = talk_to_server(s);
	if (r == 0)
		r = stop_server(s);
	if (r == 0)
		r = compare_log(s);
	return r;
}

static int server_part(void)
{
	struct server s = { .directory = "" };
	const char *const argv[] = { "rm", "-rf", s.directory, NULL };
	char output[256];
	int r;

	printf("1. A server that says when it is ready: git daemon\n");
	r = serve(&s);
	tend_consumer_free(s.logger);
	tend_consumer_free(s.keeper);
	tend_process_free(s.process);
	if (s.directory[0])
		run(argv, output, sizeof output);
	return r;
}

/* ---- 2. a flood ---- */

static enum tend_flow count_bytes(void *total, const struct tend_chunk *chunk)
{
	*(uint64_t *)total += chunk->size;
	return TEND_CONTINUE;
}

static int count_flood(tend_process *producer, uint64_t *total, struct tend_consumed *ret_consumed)
{
	tend_stream *output = tend_process_stdout(producer);
	TEND_AUTO(tend_consumer) counter = NULL;
	struct tend_error err;

	if (tend_stream_inspect_chunks(output, count_bytes, total, &counter, &err) < 0)
		return fail(&err);
	tend_stream_seal_replay(output);
	if (tend_consumer_wait(counter, TEND_FOREVER, ret_consumed, &err) < 0)
		return fail(&err);
	return 0;
}

/* 0 when all of it has been counted and the producer has ended well. */
static int check_flood(tend_process *producer, uint64_t total, const struct tend_consumed *consumed)
{
	struct tend_exit end;
	struct tend_error err;
	bool exact = total == FLOOD_SIZE && consumed->ending == TEND_END_EOF && consumed->gaps == 0;

	if (tend_process_wait(producer, PATIENCE, &end, &err) < 0)
		return fail(&err);
	if (promise(exact, "every byte is counted") < 0)
		return -EPROTO;
	return promise(end.kind == TEND_EXITED && end.code == 0, "head ends well");
}

static int flood_part(void)
{
	const char *const argv[] = { "head", "-c", FLOOD_SIZE_TEXT, "/dev/zero", NULL };
	static uint64_t total; /* the counter's; static: valid until it has ended, whatever happens here */
	TEND_AUTO(tend_process) producer = NULL;
	double began = seconds();
	struct tend_consumed consumed;
	struct rusage usage;
	int r;

	printf("2. A flood, counted to the last byte: head -c " FLOOD_SIZE_TEXT " /dev/zero\n");
	r = spawn(argv, &single, &producer);
	if (r == 0)
		r = count_flood(producer, &total, &consumed);
	if (r < 0)
		return r;
	getrusage(RUSAGE_SELF, &usage);
	printf("   %llu bytes counted, %llu lost, in %.2f s\n", (unsigned long long)total,
	       (unsigned long long)consumed.bytes_dropped, seconds() - began);
	printf("   this program never used more than %ld MiB of memory\n", usage.ru_maxrss / 1024);
	return check_flood(producer, total, &consumed);
}

/* ---- 3. a stubborn child ---- */

static const char *signal_name(int number)
{
	switch (number) {
	case SIGINT:
		return "SIGINT";
	case SIGTERM:
		return "SIGTERM";
	case SIGKILL:
		return "SIGKILL";
	case SIGCONT:
		return "SIGCONT";
	default:
		return "a signal";
	}
}

static void print_signals(const struct tend_stop_report *report)
{
	for (size_t i = 0; i < report->n_signals; i++) {
		const struct tend_signal_sent *s = &report->signals[i];

		printf("   after %3.0f ms, phase %zu: %s to %s\n", (double)s->after_ns / 1e6, s->phase,
		       signal_name(s->signal), s->target == TEND_GROUP ? "it and its group" : "it alone");
	}
}

/* Whether a signal was sent in a phase. */
static bool was_sent(const struct tend_stop_report *report, int number, size_t phase)
{
	for (size_t i = 0; i < report->n_signals; i++)
		if (report->signals[i].signal == number && report->signals[i].phase == phase)
			return true;
	return false;
}

static int stop_stubborn(tend_process *child)
{
	const struct tend_stop_phase phases[] = {
		{ .signal = SIGINT, .target = TEND_LEADER, .duration = TEND_MS(200) },
		{ .signal = SIGTERM, .target = TEND_GROUP, .duration = TEND_MS(300) },
	};
	const struct tend_stop plan = { .phases = phases, .n_phases = 2, .after_kill = TEND_DEFAULT_AFTER_KILL };
	struct tend_stop_report report;
	struct tend_exit end;
	struct tend_error err;
	bool all;

	if (tend_process_stop(child, &plan, &report, &err) < 0 || tend_process_wait(child, PATIENCE, &end, &err) < 0)
		return fail(&err);
	print_signals(&report);
	printf("   after %3.0f ms it was dead, and %zu processes of its group were left\n",
	       (double)report.duration_ns / 1e6, report.n_survivors);
	all = was_sent(&report, SIGINT, 1) && was_sent(&report, SIGTERM, 2) && was_sent(&report, SIGKILL, 3);
	return promise(all && report.outcome == TEND_STOPPED_BY_KILL && report.n_survivors == 0 &&
	                       end.kind == TEND_SIGNALED && end.signal == SIGKILL,
	               "all phases are gone through, and SIGKILL ends the child and its group");
}

static int stubborn_part(void)
{
	const char *const argv[] = { "sh", "-c", "trap '' INT TERM; sleep 600 & echo deaf; wait", NULL };
	char deaf[] = "deaf";
	TEND_AUTO(tend_process) child = NULL;
	tend_stream *output;
	struct tend_line_found found;
	struct tend_error err;
	int r;

	printf("3. A child that ignores SIGINT and SIGTERM, and has a child of its own\n");
	r = spawn(argv, &single, &child);
	if (r < 0)
		return r;
	output = tend_process_stdout(child);
	if (tend_stream_wait_for_line(output, &lines, line_contains, deaf, PATIENCE, &found, &err) < 0)
		return fail(&err);
	r = promise(found.outcome == TEND_LINE_MATCHED, "the child says that it ignores signals");
	return r < 0 ? r : stop_stubborn(child);
}

int main(void)
{
	int failed = 0, r;

	setvbuf(stdout, NULL, _IOLBF, 0);
	r = server_part();
	if (r == -ENOENT) {
		printf("   git is not here\n");
		return EXIT_NO_GIT;
	}
	failed += r < 0;
	failed += flood_part() < 0;
	failed += stubborn_part() < 0;
	if (failed)
		printf("%d of 3 parts went wrong.\n", failed);
	else
		printf("All three went as promised.\n");
	return failed ? 1 : 0;
}
