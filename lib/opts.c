/* SPDX-License-Identifier: MIT */
/*
 * A dangerous decision that is left open is refused before anything exists, by the name of the field as the caller
 * writes it, with the values to choose from.
 */
#include "opts.h"

#include <signal.h>
#include <stdio.h>

#include "field.h"

int tend__check_duration(tend_duration d, const char *name, bool finite, struct tend_error *err)
{
	if (d == 0)
		return tend__refuse(err, NULL, name, UNCHOSEN ": choose a duration such as TEND_SECONDS(5)");
	if (d < TEND_DURATION_TAG)
		return tend__refuse(err, NULL, name, "is a plain number: make a duration of it, such as TEND_MS(250)");
	if (finite && d == TEND_FOREVER)
		return tend__refuse(err, NULL, name, "is TEND_FOREVER: choose a finite duration");
	return 0;
}

/* ---- streams ---- */

static int check_replay(const struct tend_replay *o, const char *prefix, struct tend_error *err)
{
	int r = check_choice(field(prefix, "replay.kind"), o->kind, TEND_RETAIN_ALL,
	                     "TEND_REPLAY_NONE, TEND_REPLAY_CHUNKS(n), TEND_REPLAY_BYTES(n) or TEND_REPLAY_ALL", err);

	if (r == 0 && (o->kind == TEND_RETAIN_CHUNKS || o->kind == TEND_RETAIN_BYTES))
		r = check_amount(field(prefix, "replay.amount"), o->amount, SIZE_MAX, err);
	return r;
}

int tend__check_stall(const struct tend_stall *o, enum tend_overflow overflow, const char *prefix,
                      struct tend_error *err)
{
	int r = 0;

	if (o->kind)
		r = check_choice(field(prefix, "stall.kind"), o->kind, TEND_STALLED_LEAVES,
		                 "TEND_STALL_WAIT, TEND_STALL_LOSE(after) or TEND_STALL_LEAVE(after)", err);
	if (r == 0 && o->kind > TEND_STALLED_WAITS)
		r = check_duration(field(prefix, "stall.after"), o->after, true, err);
	if (r == 0 && o->kind == TEND_STALLED_LOSES)
		r = check_choice(field(prefix, "overflow"), overflow, TEND_DROP_OLDEST,
		                 "TEND_DROP_NEWEST or TEND_DROP_OLDEST", err);
	return r;
}

int tend__check_stream_options(const struct tend_stream_options *o, const char *prefix, struct tend_error *err)
{
	int r;

	if (!o)
		return refuse_null(prefix, err);
	r = check_choice(field(prefix, "backend"), o->backend, TEND_BROADCAST,
	                 "TEND_SINGLE_SUBSCRIBER or TEND_BROADCAST", err);
	if (r == 0)
		r = check_choice(field(prefix, "delivery"), o->delivery, TEND_LOSSY,
		                 "TEND_RELIABLE or TEND_LOSSY", err);
	if (r == 0 && o->delivery == TEND_LOSSY)
		r = check_choice(field(prefix, "overflow"), o->overflow, TEND_DROP_OLDEST,
		                 "TEND_DROP_NEWEST or TEND_DROP_OLDEST", err);
	if (r == 0)
		r = tend__check_stall(&o->stall, o->overflow, prefix, err);
	if (r == 0)
		r = check_replay(&o->replay, prefix, err);
	if (r == 0)
		r = check_amount(field(prefix, "read_chunk_size"), o->read_chunk_size, TEND_MAX_READ_CHUNK_SIZE, err);
	if (r == 0)
		r = check_amount(field(prefix, "max_buffered_chunks"), o->max_buffered_chunks,
		                 TEND_MAX_MAX_BUFFERED_CHUNKS, err);
	return r;
}

/* ---- lines and collections ---- */

/* The lowest is a signed char's -128, the highest 255. */
static int check_delimiter(struct field f, unsigned value, struct tend_error *err)
{
	if (value == 0 || value - (TEND_DELIMITER_TAG - 128) < 128 + 256)
		return 0;
	return tend__refuse(err, NULL, full_name(f).text, "is %u: make it of one byte, such as TEND_DELIMITER(';')",
	                    value);
}

static int check_cr(struct field f, unsigned value, struct tend_error *err)
{
	if (value <= TEND_CR_STRIP)
		return 0;
	return tend__refuse(err, NULL, full_name(f).text, "is %d: choose TEND_CR_KEEP or TEND_CR_STRIP", (int)value);
}

int tend__check_line_options(const struct tend_line_options *o, const char *prefix, struct tend_error *err)
{
	int r;

	if (!o)
		return refuse_null(prefix, err);
	r = check_amount(field(prefix, "max_length"), o->max_length, TEND_MAX_LINE_LENGTH, err);
	if (r == 0)
		r = check_choice(field(prefix, "overflow"), o->overflow, TEND_LINE_SPLIT,
		                 "TEND_LINE_TRUNCATE or TEND_LINE_SPLIT", err);
	if (r == 0)
		r = check_cr(field(prefix, "cr"), o->cr, err);
	if (r == 0)
		r = check_delimiter(field(prefix, "delimiter"), o->delimiter, err);
	return r;
}

/* Options of which only the extras were given are not absent: the choices are missing. */
static bool are_absent(const struct tend_line_options *o)
{
	return !o->max_length && !o->overflow && !o->cr && !o->delimiter && !o->cut_at_utf8 && !o->release_above;
}

static int check_limits(const struct tend_collect *o, const char *prefix, struct tend_error *err)
{
	int r = check_amount(field(prefix, "max_bytes"), o->max_bytes, SIZE_MAX, err);

	if (r == 0 && o->kind == TEND_COLLECTION_LINES)
		r = check_amount(field(prefix, "max_lines"), o->max_lines, SIZE_MAX, err);
	return r;
}

int tend__check_runs_on(enum tend_runs_on runs_on, const char *prefix, struct tend_error *err)
{
	return runs_on == 0 ? 0
	                    : check_choice(field(prefix, "runs_on"), runs_on, TEND_ON_READER,
	                                   "TEND_ON_OWN_THREAD or TEND_ON_READER", err);
}

int tend__check_collect(const struct tend_collect *o, const char *prefix, struct tend_error *err)
{
	struct full_name inner;
	int r;

	if (!o)
		return refuse_null(prefix, err);
	r = check_choice(field(prefix, "kind"), o->kind, TEND_COLLECTION_LINES,
	                 "TEND_COLLECTION_BYTES or TEND_COLLECTION_LINES", err);
	if (r == 0)
		r = check_choice(field(prefix, "overflow"), o->overflow, TEND_TRUSTED_UNBOUNDED,
		                 "TEND_DROP_NEWEST, TEND_DROP_OLDEST or TEND_TRUSTED_UNBOUNDED", err);
	if (r == 0 && o->overflow != TEND_TRUSTED_UNBOUNDED)
		r = check_limits(o, prefix, err);
	if (r == 0)
		r = tend__check_runs_on(o->runs_on, prefix, err);
	if (r < 0 || o->kind != TEND_COLLECTION_LINES || are_absent(&o->line))
		return r;
	inner = full_name(field(prefix, "line."));
	return tend__check_line_options(&o->line, inner.text, err);
}

/* ---- writers ---- */

static int check_write_to(const struct tend_write_to *to, struct tend_error *err)
{
	int r = check_choice(field("", "to.kind"), to->kind, TEND_WRITE_TO_FILE, "TEND_TO_FD(fd) or TEND_TO_FILE(file)",
	                     err);

	if (r == 0 && to->kind == TEND_WRITE_TO_FD && to->fd < 0)
		return tend__refuse(err, NULL, "to.fd", "is %d, which is no descriptor", to->fd);
	if (r == 0 && to->kind == TEND_WRITE_TO_FILE && !to->file)
		return refuse(field("", "to.file"), "must not be NULL", err);
	return r;
}

static int check_write_policy(const struct tend_write *o, struct tend_error *err)
{
	int r = check_choice(field("", "on_failure"), o->on_failure, TEND_WRITE_ASK,
	                     "TEND_WRITE_STOP, TEND_WRITE_GO_ON or TEND_WRITE_ASK", err);

	if (r == 0 && o->on_failure == TEND_WRITE_ASK && !o->ask)
		return refuse(field("", "ask"), "must not be NULL with TEND_WRITE_ASK", err);
	if (r == 0 && o->on_failure != TEND_WRITE_ASK && o->ask)
		return refuse(field("", "ask"), "is never called without TEND_WRITE_ASK", err);
	return r;
}

/* What goes for lines alone, or not for them. */
static int check_write_what(const struct tend_write *o, struct tend_error *err)
{
	int r;

	if (o->what == TEND_WRITE_CHUNKS)
		return o->map_line ? refuse(field("", "map_line"), "is for TEND_WRITE_LINES", err) : 0;
	if (o->map_chunk)
		return refuse(field("", "map_chunk"), "is for TEND_WRITE_CHUNKS", err);
	r = tend__check_line_options(&o->line, "line.", err);
	if (r == 0 && (unsigned)o->line_end > TEND_LINE_END_NEVER)
		return tend__refuse(err, NULL, "line_end", "is %d, which is no enum tend_line_end", (int)o->line_end);
	return r;
}

int tend__check_write(const struct tend_write *o, struct tend_error *err)
{
	int r;

	if (!o)
		return refuse_null("", err);
	r = check_choice(field("", "what"), o->what, TEND_WRITE_LINES, "TEND_WRITE_CHUNKS or TEND_WRITE_LINES", err);
	if (r == 0)
		r = check_write_to(&o->to, err);
	if (r == 0)
		r = check_write_policy(o, err);
	if (r == 0)
		r = check_write_what(o, err);
	return r < 0 ? r : tend__check_runs_on(o->runs_on, "", err);
}

/* ---- stopping ---- */

static int check_signal(int signal, const char *prefix, struct tend_error *err)
{
	if (signal == 0)
		return refuse(field(prefix, "signal"), "is not chosen: 1 to 64", err);
	if (signal == SIGKILL)
		return refuse(field(prefix, "signal"), "is SIGKILL, which follows the last phase in any case", err);
	if (signal == SIGSTOP)
		return refuse(field(prefix, "signal"), "is SIGSTOP, which stops nothing for good", err);
	if (signal < 0 || signal > 64)
		return refuse(field(prefix, "signal"), "is no signal: 1 to 64", err);
	return 0;
}

static int check_phase(const struct tend_stop_phase *phase, const char *prefix, struct tend_error *err)
{
	int r = check_signal(phase->signal, prefix, err);

	if (r == 0)
		r = check_choice(field(prefix, "target"), phase->target, TEND_CGROUP,
		                 "TEND_LEADER, TEND_GROUP or TEND_CGROUP", err);
	if (r == 0)
		r = check_duration(field(prefix, "duration"), phase->duration, true, err);
	return r;
}

int tend__check_stop(const struct tend_stop *o, const char *prefix, struct tend_error *err)
{
	struct full_name phase;
	char number[32];
	int r = 0;

	if (!o)
		return refuse_null(prefix, err);
	if (o->n_phases > TEND_MAX_STOP_PHASES)
		return check_amount(field(prefix, "n_phases"), o->n_phases, TEND_MAX_STOP_PHASES, err);
	if (o->n_phases > 0 && !o->phases)
		return refuse(field(prefix, "phases"), "must not be NULL when n_phases is not 0", err);
	for (size_t i = 0; i < o->n_phases && r == 0; i++) {
		snprintf(number, sizeof number, "phases[%zu].", i);
		phase = full_name(field(prefix, number));
		r = check_phase(&o->phases[i], phase.text, err);
	}
	return r < 0 ? r : check_duration(field(prefix, "after_kill"), o->after_kill, true, err);
}

/* ---- completing ---- */

/* Absent, or complete: a collection of which only the kind was forgotten is refused. */
static int check_optional_collect(const struct tend_collect *o, const char *prefix, struct tend_error *err)
{
	bool absent = o->kind == TEND_COLLECTION_NONE && !o->overflow && !o->max_bytes && !o->max_lines;

	return absent ? 0 : tend__check_collect(o, prefix, err);
}

static int check_drain(const struct tend_drain *o, struct tend_error *err)
{
	int r = check_duration(field("drain.", "idle"), o->idle, false, err);

	return r < 0 ? r : check_duration(field("drain.", "total"), o->total, false, err);
}

int tend__check_complete(const struct tend_complete *o, bool has_stream, struct tend_error *err)
{
	int r;

	if (!o)
		return refuse_null("", err);
	r = tend__check_duration(o->timeout, "timeout", false, err);
	if (r == 0)
		r = check_optional_collect(&o->out, "out.", err);
	if (r == 0)
		r = check_optional_collect(&o->err, "err.", err);
	if (r == 0 && has_stream)
		r = check_drain(&o->drain, err);
	if (r == 0 && o->stop)
		r = tend__check_stop(o->stop, "stop.", err);
	if (r == 0 && o->inactivity)
		r = tend__check_duration(o->inactivity, "inactivity", true, err);
	return r;
}
