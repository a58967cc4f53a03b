/* SPDX-License-Identifier: MIT */
/*
 * tend_process_complete() with every combination of what can be combined: a part that the child plays, what limits the
 * wait, what is to be done then, how the streams are read, and what is collected of each of the two.
 *
 * A cell is one combination.  What has to come out of it is told by an oracle that knows the parameters alone: who
 * ended the child, what there was to read, and what was kept of it.  Nothing depends on how long something takes: a
 * child acts when its stdin ends or a signal comes; a time is either over at once, with a child that does not end by
 * itself or has ended, or for ever.  The books have to balance behind each child.
 *
 * Where the call leaves the child as it was, one child serves all cells that want the same streams, and all of them are
 * walked.  Where each takes a child of its own, one in 13 is played, so that each value still meets each other one;
 * TEST_STRIDE=1 plays all, for minutes.  Sanitizers, valgrind and check-loop play fewer.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fault.h"
#include "helpers/player.h"
#include "leaks.h"
#include "stream.h"
#include "streams.h"
#include "test.h"

/* ---- the dimensions ---- */

enum faults { NO_FAULT, SIGNALS_LOST, SIGNALS_REFUSED };
enum in_time { NEVER, BY_ITSELF, BEFORE };

/* What the child, and its grandchild, does. */
struct part {
	const char *name;
	const char *mode, *grandchild; /* of helpers/player.c */
	enum in_time ends;
	bool output_ends;        /* BEFORE: and its output, which is waited for as well */
	int term_code, term_signal; /* how it ends when TERM comes; neither: it does not */
	bool stops_survivors;
	bool total_at_once;      /* the drain's end is its total, and not its idle time */
	enum faults faults;
};

static const struct part over_parts[] = {
	{ "over", "over", NULL, .ends = BEFORE },
	{ "over and read", "over", NULL, .ends = BEFORE, .output_ends = true },
	{ "over, held until idle", "over", "group", .ends = BEFORE },
	{ "over, held until the total", "over", "group", .ends = BEFORE, .total_at_once = true },
	{ "over, total at once", "over", NULL, .ends = BEFORE, .total_at_once = true },
	{ "over, held from elsewhere", "over", "session", .ends = BEFORE },
	{ "over, survivors stopped", "over", "group", .ends = BEFORE, .stops_survivors = true },
};
static const struct part ending_parts[] = {
	{ "ends", "ends", NULL, .ends = BY_ITSELF },
	{ "ends, held until idle", "ends", "group", .ends = BY_ITSELF },
	{ "ends, held from elsewhere", "ends", "session", .ends = BY_ITSELF },
	{ "ends, held until the total", "ends", "group", .ends = BY_ITSELF, .total_at_once = true },
	{ "ends, total at once", "ends", NULL, .ends = BY_ITSELF, .total_at_once = true },
	{ "ends, survivors stopped", "ends", "group", .ends = BY_ITSELF, .stops_survivors = true },
};
static const struct part staying_parts[] = {
	{ "says bye", "says-bye", NULL, .term_code = 9 },
	{ "dies", "dies", NULL, .term_signal = SIGTERM },
	{ "stays", "stays", NULL, .ends = NEVER },
	{ "dies, held from elsewhere", "dies", "session", .term_signal = SIGTERM },
	{ "stays, held from elsewhere", "stays", "session", .ends = NEVER },
	{ "stays with its group", "stays", "group", .ends = NEVER },
};
static const struct part unreachable_parts[] = {
	{ "signals get lost", "dies", NULL, .faults = SIGNALS_LOST },
	{ "signals are refused", "dies", NULL, .faults = SIGNALS_REFUSED },
};

/* What ends the wait for who does not end by himself. */
enum limit { PATIENT, AT_ONCE, SILENT, LIMITS };
static const char *const limit_names[] = { "patient", "at once", "silent" };

enum plan { LEAVE, TERM, KILL, PLANS };
static const char *const plan_names[] = { "leave", "term", "kill" };

/* Whether what was read before the call is seen by who comes with the call. */
static const struct reading {
	const char *name;
	struct tend_stream_options options;
} readings[] = {
#define READING(be, del, over, kept)                                                                                   \
	{ .backend = (be), .delivery = (del), .overflow = (over), .replay = { .kind = (kept) }, .read_chunk_size = 64, \
	  .max_buffered_chunks = 16 }
	{ "reliable, from the start", READING(TEND_BROADCAST, TEND_RELIABLE, 0, TEND_RETAIN_ALL) },
	{ "lossy, late", READING(TEND_SINGLE_SUBSCRIBER, TEND_LOSSY, TEND_DROP_OLDEST, TEND_RETAIN_NONE) },
};

enum output { ABSENT, DISCARDED, READ, MERGED };
#define A_FEW 9 /* bytes, and in lines less than any two of them */

/* One stream: where it goes, and what is collected of it. */
static const struct kind {
	const char *name;
	enum output output;
	struct tend_collect collect;
} kinds[] = {
	{ "absent", ABSENT, { .kind = TEND_COLLECTION_NONE } },
	{ "discarded", DISCARDED, { .kind = TEND_COLLECTION_BYTES, .overflow = TEND_TRUSTED_UNBOUNDED } },
	{ "not collected", READ, { .kind = TEND_COLLECTION_NONE } },
	{ "first bytes", READ,
	  { .kind = TEND_COLLECTION_BYTES, .overflow = TEND_DROP_NEWEST, .max_bytes = A_FEW } },
	{ "last bytes", READ, { .kind = TEND_COLLECTION_BYTES, .overflow = TEND_DROP_OLDEST, .max_bytes = A_FEW } },
	{ "everything", READ,
	  { .kind = TEND_COLLECTION_BYTES, .overflow = TEND_TRUSTED_UNBOUNDED, .runs_on = TEND_ON_OWN_THREAD } },
	{ "last lines", READ,
	  { .kind = TEND_COLLECTION_LINES, .overflow = TEND_DROP_OLDEST, .max_bytes = 100, .max_lines = 1 } },
	{ "merged", MERGED, { .kind = TEND_COLLECTION_NONE } }, /* stderr alone */
};
#define KINDS (sizeof kinds / sizeof *kinds)
#define READINGS (sizeof readings / sizeof *readings)

struct cell {
	const struct part *part;
	enum limit limit;
	enum plan plan;
	const struct reading *reading;
	const struct kind *out, *err;
	char name[200];
};

/* A check of the cell `c`, which is named where it fails. */
#define EXPECT(expected, actual) expect(c, expected, actual, #actual, __LINE__)

static bool expect(const struct cell *c, intmax_t expected, intmax_t actual, const char *text, int line)
{
	char both[400];

	if (expected == actual)
		return test_check(true, text, __FILE__, line);
	snprintf(both, sizeof both, "%.100s of [%s]", text, c->name);
	return test_check_int(expected, actual, both, __FILE__, line);
}

/* ---- the oracle ---- */

static bool replays(const struct cell *c)
{
	return c->reading->options.replay.kind == TEND_RETAIN_ALL;
}

static bool is_stopped(const struct cell *c)
{
	return c->part->ends == NEVER && c->plan != LEAVE && c->part->faults == NO_FAULT;
}

static bool exits(const struct cell *c)
{
	return c->part->ends != NEVER || is_stopped(c);
}

static bool has_grandchild(const struct cell *c, const char *where)
{
	return c->part->grandchild && strcmp(c->part->grandchild, where) == 0;
}

/* Whether the child ends when the plan sends TERM.  Its grandchild never does. */
static bool obeys(const struct cell *c)
{
	return (c->part->term_code || c->part->term_signal) && c->plan == TERM;
}

static size_t n_phases(const struct cell *c)
{
	return c->plan == TERM;
}

/* The phase that ends the stop; the last one behind the plan's is SIGKILL. */
static size_t final_phase(const struct cell *c)
{
	if (c->part->faults == SIGNALS_REFUSED)
		return 1;
	return n_phases(c) + !(obeys(c) && c->part->faults == NO_FAULT);
}

static enum tend_outcome outcome(const struct cell *c)
{
	if (c->part->ends != NEVER)
		return TEND_COMPLETED;
	if (c->plan == LEAVE)
		return TEND_STILL_RUNNING;
	return c->part->faults == NO_FAULT ? TEND_STOPPED : TEND_NOT_STOPPED;
}

static enum tend_stopped stop_outcome(const struct cell *c)
{
	if (c->part->ends != NEVER || c->plan == LEAVE)
		return TEND_STOP_NOT_RUN;
	if (c->part->faults != NO_FAULT)
		return c->part->faults == SIGNALS_LOST ? TEND_STOP_UNCONFIRMED : TEND_STOP_REFUSED;
	return obeys(c) ? TEND_STOPPED_IN_PHASE : TEND_STOPPED_BY_KILL;
}

/* Whether the grandchild is alive when the call returns, and has the pipes. */
static bool is_held(const struct cell *c)
{
	bool is_left = c->part->ends != NEVER && has_grandchild(c, "group") && !c->part->stops_survivors;

	return exits(c) && (is_left || has_grandchild(c, "session"));
}

/* What becomes of a stream, and what there is of it to collect. */
struct outlook {
	enum tend_ending end, seen_end; /* seen_end: the collector's */
	char all[100], seen[100];
	size_t before;           /* written before the call */
	size_t begin;            /* of what is seen */
};

static void add(char *to, const char *letters, const char *text)
{
	for (; *letters; letters++)
		sprintf(to + strlen(to), "%c%s", *letters, text);
}

static struct outlook outlook(const struct cell *c, bool is_err)
{
	const struct kind *kind = is_err ? c->err : c->out;
	const char *letters = is_err ? "e" : c->err->output == MERGED ? "oe" : "o";
	struct outlook o = { .end = TEND_END_NONE };

	if (kind->output == DISCARDED)
		o.end = o.seen_end = TEND_END_EOF;
	if (kind->output != READ)
		return o;
	if (exits(c))
		o.end = is_held(c) ? TEND_END_DETACHED : TEND_END_EOF;
	o.seen_end = exits(c) ? o.end : TEND_END_CANCELLED;
	add(o.all, letters, PLAYER_HEAD);
	o.before = strlen(o.all);
	if (c->part->ends != NEVER || (is_stopped(c) && obeys(c) && c->part->term_code))
		add(o.all, letters, PLAYER_TAIL);
	if (c->part->ends == BEFORE)
		o.before = strlen(o.all);
	o.begin = replays(c) ? 0 : o.before;
	strcpy(o.seen, o.all + o.begin);
	return o;
}

/* ---- what came out, against the oracle ---- */

static void check_text(const struct cell *c, const char *expected, size_t n, const char *data, size_t size)
{
	if (EXPECT((intmax_t)n, (intmax_t)size))
		EXPECT(0, memcmp(expected, data, n));
}

static void check_bytes(const struct cell *c, const struct tend_collect *how, const char *seen,
                        const struct tend_collected *got)
{
	size_t n = strlen(seen), most = how->overflow == TEND_TRUSTED_UNBOUNDED ? n : how->max_bytes;
	size_t kept = n < most ? n : most;

	check_text(c, how->overflow == TEND_DROP_OLDEST ? seen + n - kept : seen, kept, got->data, got->size);
	EXPECT('\0', got->data[got->size]);
	EXPECT(0, (intmax_t)got->n_lines);
	EXPECT((intmax_t)(n - kept), (intmax_t)got->bytes_left_out);
	EXPECT(0, (intmax_t)got->lines_left_out);
	EXPECT(n > kept, got->truncated);
}

/* The last one may have no LF. */
static size_t split(const char *seen, const char *lines[], size_t sizes[])
{
	size_t n = 0;

	while (*seen) {
		lines[n] = seen;
		sizes[n] = strcspn(seen, "\n");
		seen += sizes[n] + (seen[sizes[n]] == '\n');
		n++;
	}
	return n;
}

static void check_lines(const struct cell *c, const struct tend_collect *how, const char *seen,
                        const struct tend_collected *got)
{
	const char *lines[16];
	size_t sizes[16], n = split(seen, lines, sizes);
	size_t most = how->overflow == TEND_TRUSTED_UNBOUNDED ? n : how->max_lines;
	size_t kept = n < most ? n : most, from = how->overflow == TEND_DROP_OLDEST ? n - kept : 0;
	size_t size = 0, left_out = 0;

	if (!EXPECT((intmax_t)kept, (intmax_t)got->n_lines))
		return;
	for (size_t i = 0; i < n; i++) {
		bool is_kept = i >= from && i < from + kept;

		*(is_kept ? &size : &left_out) += sizes[i];
		if (is_kept)
			check_text(c, lines[i], sizes[i], got->lines[i - from].data, got->lines[i - from].size);
	}
	EXPECT((intmax_t)size, (intmax_t)got->size);
	EXPECT((intmax_t)left_out, (intmax_t)got->bytes_left_out);
	EXPECT((intmax_t)(n - kept), (intmax_t)got->lines_left_out);
	EXPECT(n > kept, got->truncated);
	EXPECT(0, (intmax_t)got->lines_cut);
}

static void check_collected(const struct cell *c, const struct kind *kind, const struct outlook *o,
                            const struct tend_collected *got)
{
	EXPECT(kind->collect.kind, got->kind);
	if (kind->collect.kind == TEND_COLLECTION_NONE)
		return;
	if (kind->collect.kind == TEND_COLLECTION_BYTES)
		check_bytes(c, &kind->collect, o->seen, got);
	else
		check_lines(c, &kind->collect, o->seen, got);
	EXPECT(0, got->failed);
	EXPECT(o->seen_end, got->consumed.ending);
	EXPECT((intmax_t)strlen(o->seen), (intmax_t)got->consumed.bytes);
	EXPECT(0, (intmax_t)got->consumed.gaps);
	EXPECT(0, (intmax_t)got->consumed.bytes_dropped);
	EXPECT(o->begin > 0, got->consumed.began_late);
	EXPECT((intmax_t)o->begin, (intmax_t)got->consumed.first_offset);
	EXPECT(o->seen_end == TEND_END_EOF && o->begin == 0 && !got->truncated, got->complete);
}

static void check_output(const struct cell *c, bool is_err, const struct tend_output_result *got, pid_t grandchild)
{
	const struct kind *kind = is_err ? c->err : c->out;
	struct outlook o = outlook(c, is_err);

	EXPECT(kind->output == DISCARDED, got->is_discarded);
	EXPECT(o.end, got->end);
	EXPECT(0, got->read_errno);
	EXPECT((intmax_t)strlen(o.all), (intmax_t)got->bytes);
	EXPECT(o.all[0] != '\0', got->chunks > 0);
	EXPECT(o.end == TEND_END_DETACHED, (intmax_t)got->n_held_by);
	if (got->n_held_by)
		EXPECT(grandchild, got->held_by[0].pid);
	check_collected(c, kind, &o, &got->collected);
}

static void check_exit(const struct cell *c, const struct tend_exit *got)
{
	bool by_term = is_stopped(c) && obeys(c);
	int code = c->part->ends != NEVER ? 7 : by_term ? c->part->term_code : 0;
	int signal = is_stopped(c) ? (by_term ? c->part->term_signal : SIGKILL) : 0;

	EXPECT(!exits(c) ? TEND_RUNNING : signal ? TEND_SIGNALED : TEND_EXITED, got->kind);
	EXPECT(code, got->code);
	EXPECT(signal, got->signal);
	EXPECT(signal != 0, got->by_us);
	EXPECT(exits(c), got->wall_ns > 0);
}

/* Each phase's signal until the last one, all of them to the group; SIGCONT, which may find nobody, follows some. */
static void check_stop(const struct cell *c, const struct tend_stop_report *got)
{
	static const int errors[] = { [NO_FAULT] = 0, [SIGNALS_LOST] = -ESRCH, [SIGNALS_REFUSED] = -EPERM };
	bool ran = stop_outcome(c) != TEND_STOP_NOT_RUN;
	size_t phase = 0;

	EXPECT(stop_outcome(c), got->outcome);
	EXPECT(ran ? (intmax_t)final_phase(c) : 0, (intmax_t)got->phase);
	for (size_t i = 0; i < got->n_signals; i++) {
		const struct tend_signal_sent *sent = &got->signals[i];

		if (sent->signal == SIGCONT)
			continue;
		phase++;
		EXPECT(phase > n_phases(c) ? SIGKILL : SIGTERM, sent->signal);
		EXPECT(TEND_GROUP, sent->target);
		EXPECT((intmax_t)phase, (intmax_t)sent->phase);
		EXPECT(errors[c->part->faults], sent->error);
	}
	EXPECT(ran ? (intmax_t)final_phase(c) : 0, (intmax_t)phase);
	EXPECT(ran, got->duration_ns > 0);
	if (outcome(c) != TEND_NOT_STOPPED)
		EXPECT(0, (intmax_t)got->n_survivors);
}

static void check_survivors(const struct cell *c, const struct tend_result *got, pid_t grandchild)
{
	bool survives = c->part->ends != NEVER && has_grandchild(c, "group");

	if (EXPECT(survives, (intmax_t)got->n_survivors) && survives)
		EXPECT(grandchild, got->survivors[0].pid);
	if (!c->part->stops_survivors)
		EXPECT(TEND_STOP_NOT_RUN, got->survivors_stop.outcome);
	else if (got->survivors_stop.outcome != TEND_STOPPED_BEFORE) /* the reaper was first */
		EXPECT(TEND_STOPPED_BY_KILL, got->survivors_stop.outcome);
}

static void check_result(const struct cell *c, const struct tend_result *got, pid_t grandchild)
{
	EXPECT(outcome(c), got->outcome);
	EXPECT(c->part->ends == NEVER, got->timed_out);
	EXPECT(c->part->ends == NEVER && c->limit == SILENT, got->inactive);
	check_exit(c, &got->exit);
	check_stop(c, &got->stop);
	check_output(c, false, &got->out, grandchild);
	check_output(c, true, &got->err, grandchild);
	check_survivors(c, got, grandchild);
}

/* ---- playing a cell ---- */

static struct tend_output output_of(const struct cell *c, const struct kind *kind, int null_fd)
{
	switch (kind->output) {
	case DISCARDED:
		return TEND_OUT_DISCARD;
	case READ:
		return TEND_OUT_STREAM(c->reading->options);
	case MERGED:
		return TEND_OUT_MERGE;
	default:
		return TEND_OUT_FD(null_fd);
	}
}

static tend_process *spawn_part(const struct cell *c, int ready_fd, int null_fd)
{
	static const struct tend_stop kill_them = { .after_kill = TEST_PATIENCE };
	const char *argv[] = { helper("player"), c->part->mode, c->part->grandchild, NULL };
	const struct tend_pass_fd pass = { .source = ready_fd, .target = 3 };
	struct tend_spawn s = test_spawn_options(argv, NULL);
	tend_process *p = NULL;
	struct tend_error e;

	s.in = TEND_IN_PIPE;
	s.out = output_of(c, c->out, null_fd);
	s.err = output_of(c, c->err, null_fd);
	s.pass_fds = &pass;
	s.n_pass_fds = 1;
	if (c->part->stops_survivors)
		s.survivors = TEND_SURVIVORS_STOP(&kill_them);
	return CHECK_OK(tend_spawn(&s, &p, &e), &e) ? p : NULL;
}

/* Until child and grandchild are as they should be: the grandchild's number, 0 where there is none. */
static pid_t await_ready(int fd)
{
	char number[32];
	size_t used = 0;
	ssize_t n;

	while ((n = read(fd, number + used, sizeof number - 1 - used)) > 0)
		used += (size_t)n;
	CHECK_INT(0, n);
	number[used] = '\0';
	return atoi(number);
}

/*
 * Who comes late sees nothing of what has been read by then, and of a child that is left running only that is taken
 * which has been read: in both cases all that was written before has to be.
 */
static void await_readers_of(const struct cell *c, tend_process *p)
{
	tend_stream *streams[] = { tend_process_stdout(p), tend_process_stderr(p) };
	bool has_to_be_read = !replays(c) || !exits(c);
	tend_stream *last = NULL;

	for (int i = 0; i < 2; i++) {
		struct outlook o = outlook(c, i);

		if ((i ? c->err : c->out)->output != READ)
			continue;
		while (c->part->output_ends && tend_stream_stats(streams[i]).end == TEND_END_NONE)
			sched_yield();
		while (has_to_be_read && tend_stream_stats(streams[i]).bytes_read < o.before)
			sched_yield();
		last = streams[i];
	}
	if (last && has_to_be_read)
		await_read(last, 1); /* has been read; and no reader is giving anything out any more */
}

static void arm(const struct cell *c)
{
	int error = c->part->faults == SIGNALS_LOST ? ESRCH : EPERM;

	if (c->part->faults == NO_FAULT)
		return;
	fault_fail_sys_from("pidfd_signal", 1, error);
	fault_fail_sys_from("kill", 1, error);
}

static int complete(const struct cell *c, tend_process *p, struct tend_result *ret, struct tend_error *err)
{
	tend_duration until_obeyed = obeys(c) && c->part->faults == NO_FAULT ? TEST_PATIENCE : TEND_AT_ONCE;
	const struct tend_stop_phase term = { SIGTERM, TEND_GROUP, until_obeyed };
	const struct tend_stop plan = {
		.phases = &term,
		.n_phases = n_phases(c),
		.after_kill = c->part->faults == SIGNALS_LOST ? TEND_AT_ONCE : TEST_PATIENCE,
	};
	const struct tend_complete o = {
		.timeout = c->limit == AT_ONCE ? TEND_AT_ONCE : TEND_FOREVER,
		.inactivity = c->limit != SILENT ? 0 : c->part->ends == BY_ITSELF ? TEST_PATIENCE : TEND_MS(1),
		.stop = c->plan == LEAVE ? NULL : &plan,
		.out = c->out->collect,
		.err = c->err->collect,
		.drain = { .idle = c->part->total_at_once ? TEST_PATIENCE : TEND_AT_ONCE,
		           .total = c->part->total_at_once ? TEND_AT_ONCE : TEST_PATIENCE },
	};
	int r;

	arm(c);
	r = tend_process_complete(p, &o, ret, err);
	fault_reset();
	return r;
}

/* Nothing was begun: the child is there, its stdin is open, and its slots are free. */
static void check_refused(const struct cell *c, int r, const struct tend_error *e)
{
	EXPECT(-EINVAL, r);
	EXPECT(TEND_STEP_OPTIONS, e->step);
	EXPECT(0, strncmp(e->message, "inactivity ", strlen("inactivity ")));
}

static void check_slot_is_free(const struct cell *c, tend_stream *stream)
{
	tend_subscription *sub = NULL;

	if (!stream)
		return;
	EXPECT(0, tend_stream_subscribe(stream, NULL, &sub, NULL));
	tend_subscription_close(sub);
}

/* A child, for as many cells as it is good for. */
struct stage {
	tend_process *p;
	pid_t grandchild;        /* 0: none */
	int null_fd;
	bool stdin_closed;
	struct cell of;          /* the first one */
};

static void play(const struct cell *c, struct stage *s)
{
	bool is_refused = c->limit == SILENT && c->out->output != READ && c->err->output != READ;
	struct tend_error e = { .code = 0 };
	struct tend_result result;
	int r = complete(c, s->p, &result, &e);

	if (is_refused) {
		check_refused(c, r, &e);
	} else if (CHECK_OK(r, &e)) {
		check_result(c, &result, s->grandchild);
		tend_result_clear(&result, s->p);
		s->stdin_closed = true;
	}
	if (c->part->ends != BEFORE)
		EXPECT(s->stdin_closed ? -EBADF : 0,
		       tend_process_stdin_write(s->p, "x", 1, TEND_AT_ONCE, NULL, NULL));
	if (c->part->ends == NEVER && (is_refused || !exits(c)))
		EXPECT(true, test_alive(tend_process_pid(s->p)));
	check_slot_is_free(c, tend_process_stdout(s->p));
	check_slot_is_free(c, tend_process_stderr(s->p));
}

static void open_stage(const struct cell *c, struct stage *s)
{
	int fds[2];

	*s = (struct stage){ .of = *c, .null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC) };
	if (!EXPECT(true, s->null_fd >= 0) || !EXPECT(0, pipe2(fds, O_CLOEXEC)))
		return;
	s->p = spawn_part(c, fds[1], s->null_fd);
	close(fds[1]);
	if (s->p) {
		s->grandchild = await_ready(fds[0]);
		if (c->part->ends == BEFORE)
			test_wait(s->p, &(struct tend_exit){ .kind = TEND_RUNNING });
		await_readers_of(c, s->p);
	}
	close(fds[0]);
}

/* Whoever is behind the last unref, the reaper or a reader, has its time. */
static void close_stage(struct stage *s, const struct leaks *before)
{
	int64_t until = test_now_ns() + INT64_C(60000000000);
	const struct cell *c = &s->of;
	static struct leaks now;
	bool balance;

	if (s->grandchild) {
		kill(s->grandchild, SIGKILL); /* nobody else ends all of them */
		test_await_gone(s->grandchild);
	}
	tend_process_free(s->p);
	close(s->null_fd);
	do {
		leaks_look(&now);
		balance = now.threads == before->threads && now.allocations == before->allocations &&
		          memcmp(now.fd_open, before->fd_open, sizeof now.fd_open) == 0 && test_no_children();
	} while (!balance && test_now_ns() < until && poll(NULL, 0, 1) == 0);
	EXPECT((intmax_t)before->threads, (intmax_t)now.threads);
	EXPECT(before->allocations, now.allocations);
	EXPECT(0, memcmp(now.fd_open, before->fd_open, sizeof now.fd_open));
	EXPECT(true, test_no_children());
	s->p = NULL;
}

/* Whether the child is behind the call what it was in front of it. */
static bool leaves_it_as_it_was(const struct cell *c)
{
	return !exits(c) || (c->part->ends == BEFORE && !c->part->stops_survivors);
}

static bool serves(const struct stage *s, const struct cell *c)
{
	return s->p && leaves_it_as_it_was(&s->of) && leaves_it_as_it_was(c) && s->of.part == c->part &&
	       s->of.reading == c->reading && s->of.out->output == c->out->output &&
	       s->of.err->output == c->err->output;
}

/* ---- the walk ---- */

/* Whether what comes out does not depend on who is faster. */
static bool is_certain(const struct cell *c)
{
	if (c->part->ends == NEVER && c->limit == PATIENT)
		return false; /* it would never end */
	if (c->part->ends == BEFORE && c->limit == PATIENT)
		return false; /* it is, but there is no tie */
	if (c->part->ends == BY_ITSELF && c->limit == AT_ONCE)
		return false; /* it may, or may not, be in time */
	return c->out->output != MERGED && !(c->out->output == ABSENT && c->err->output == MERGED);
}

/* Primes that divide no dimension, nor the 55 pairs of streams that there are. */
static size_t stride(const struct cell *c)
{
	const char *wanted = getenv("TEST_STRIDE");

	if (wanted)
		return strtoul(wanted, NULL, 10);
	if (test_under_valgrind() || test_under_sanitizer() || getenv("TEST_ROUND"))
		return leaves_it_as_it_was(c) ? 37 : 61;
	return leaves_it_as_it_was(c) ? 1 : 13;
}

/* With the plan and the limit changing fastest, a child serves many in a row. */
static struct cell cell(size_t number, const struct part *parts, size_t n_parts, enum plan first, size_t n_plans)
{
	size_t limits[] = { n_plans, LIMITS, KINDS, KINDS, READINGS, n_parts }, at[6];
	struct cell c;

	for (size_t i = 0; i < 6; number /= limits[i], i++)
		at[i] = number % limits[i];
	c = (struct cell){
		.part = &parts[at[5]],
		.limit = (enum limit)at[1],
		.plan = (enum plan)((size_t)first + at[0]),
		.reading = &readings[at[4]],
		.out = &kinds[at[2]],
		.err = &kinds[at[3]],
	};
	snprintf(c.name, sizeof c.name, "%s; %s; %s; %s; out %s; err %s", c.part->name, limit_names[c.limit],
	         plan_names[c.plan], c.reading->name, c.out->name, c.err->name);
	return c;
}

static void walk(const struct part *parts, size_t n_parts, enum plan first, size_t n_plans)
{
	size_t n = n_parts * LIMITS * n_plans * READINGS * KINDS * KINDS, n_played = 0, n_certain = 0;
	const char *round = getenv("TEST_ROUND");
	struct stage stage = { .p = NULL };
	static struct leaks before;

	leaks_look(&before);
	for (size_t i = 0; i < n; i++) {
		struct cell c = cell(i, parts, n_parts, first, n_plans);

		if (!is_certain(&c) || (n_certain++ + (round ? strtoul(round, NULL, 10) : 0)) % stride(&c) > 0)
			continue;
		if (!serves(&stage, &c)) {
			if (stage.p)
				close_stage(&stage, &before);
			open_stage(&c, &stage);
			test_restart_watchdog();
		}
		if (stage.p)
			play(&c, &stage);
		n_played++;
	}
	if (stage.p)
		close_stage(&stage, &before);
	CHECK(n_played > 0);
	printf("%zu of %zu cells ", n_played, n_certain);
}

#define WALK(parts, first, n_plans) walk(parts, sizeof(parts) / sizeof *(parts), first, n_plans)

/* What is over has won against any time-out: ties are resolved towards completion.  WC-2, WC-4, WC-16, WC-19 */
static void over_before_the_call(void)
{
	WALK(over_parts, LEAVE, PLANS);
}

/* WC-10, WC-24: the plan is not run, and nothing is cut off. */
static void ends_by_itself(void)
{
	WALK(ending_parts, LEAVE, PLANS);
}

/* WC-14, WC-22: time over without a plan; each call after the first one is one more on the same child. */
static void left_running(void)
{
	WALK(staying_parts, LEAVE, 1);
}

/* WC-7, WC-15: time over, and stopped: by the phase's signal, or by SIGKILL behind it. */
static void stopped(void)
{
	WALK(staying_parts, TERM, 2);
}

/* ER-13, TM-10: the plan does not end it: what there is comes back all the same. */
static void cannot_be_stopped(void)
{
	WALK(unreachable_parts, TERM, 2);
}

/*
 * The smallest case of a drain that is over before it begins, without a child: all that is in the pipe is read, and,
 * where nobody can write to it any more, its end.  The reader has not looked at the pipe yet when it is told.
 */
static void drained_at_once(void)
{
	for (int i = 0; i < 200; i++) {
		bool is_held = i % 2;
		const struct tend_collect all = TEND_COLLECT_BYTES(.overflow = TEND_TRUSTED_UNBOUNDED);
		struct tend_collected what = { .size = 0 };
		tend_consumer *collector = NULL;
		tend_stream *stream = NULL;
		int fds[2];

		if (!CHECK_INT(0, pipe2(fds, O_CLOEXEC)))
			return;
		stream_put(fds[1], "all of it");
		if (!is_held)
			close(fds[1]);
		if (CHECK_INT(0, tend_stream_open(fds[0], &test_reliable_all, "drained", &stream, NULL))) {
			tend__stream_drain(stream, INT64_MAX, 0);
			CHECK_INT(0, tend_stream_collect(stream, &all, &collector, NULL));
			CHECK_INT(0, tend_consumer_wait(collector, TEST_PATIENCE, NULL, NULL));
			CHECK_INT(0, tend_consumer_collected(collector, &what, NULL));
			CHECK_INT(9, (intmax_t)what.size);
			CHECK_INT(is_held ? TEND_END_DETACHED : TEND_END_EOF, what.consumed.ending);
		}
		tend_consumer_free(collector);
		tend_stream_free(stream);
		if (is_held)
			close(fds[1]);
	}
}

static const struct test tests[] = {
	{ "over_before_the_call", over_before_the_call },
	{ "ends_by_itself", ends_by_itself },
	{ "left_running", left_running },
	{ "stopped", stopped },
	{ "cannot_be_stopped", cannot_be_stopped },
	{ "drained_at_once", drained_at_once },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "complete_matrix", tests, sizeof tests / sizeof *tests);
}
