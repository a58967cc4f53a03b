/* SPDX-License-Identifier: MIT */
/*
 * Every key is there in every report; what does not apply, or is not known, is null.  Names and arguments are
 * bytes and JSON is UTF-8: bytes that are no UTF-8 stand as U+FFFD.
 */
#include "run_report.h"

#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "signal_name.h"

/* ---- text ---- */

/* The length of the UTF-8 character at `s`, or 0 where there is none: overlong forms and surrogates are none. */
static size_t utf8_length(const unsigned char *s)
{
	static const struct {
		unsigned char mask, value, least_second, most_second;
		size_t length;
	} forms[] = {
		{ 0x80, 0x00, 0, 0, 1 },       { 0xff, 0xe0, 0xa0, 0xbf, 3 }, { 0xff, 0xed, 0x80, 0x9f, 3 },
		{ 0xf0, 0xe0, 0x80, 0xbf, 3 }, { 0xff, 0xf0, 0x90, 0xbf, 4 }, { 0xff, 0xf4, 0x80, 0x8f, 4 },
		{ 0xfc, 0xf0, 0x80, 0xbf, 4 }, { 0xe0, 0xc0, 0x80, 0xbf, 2 },
	};
	size_t form = 0;

	while (form < sizeof forms / sizeof *forms && (s[0] & forms[form].mask) != forms[form].value)
		form++;
	if (form == sizeof forms / sizeof *forms || s[0] == 0xc0 || s[0] == 0xc1)
		return 0;
	if (forms[form].length > 1 && (s[1] < forms[form].least_second || s[1] > forms[form].most_second))
		return 0;
	for (size_t i = 2; i < forms[form].length; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return forms[form].length;
}

static json_t *text(const char *bytes)
{
	const unsigned char *s = (const unsigned char *)bytes;
	char *clean = malloc(strlen(bytes) * 3 + 1), *to = clean; /* one bad byte becomes three */
	json_t *json;

	if (!clean)
		return NULL;
	while (*s) {
		size_t n = utf8_length(s);

		memcpy(to, n ? (const char *)s : "\xef\xbf\xbd", n ? n : 3);
		to += n ? n : 3;
		s += n ? n : 1;
	}
	*to = '\0';
	json = json_string(clean);
	free(clean);
	return json;
}

static json_t *signal_text(int signal)
{
	char name[24];

	return text(signal_name(signal, name));
}

static json_t *number(uint64_t n)
{
	return json_integer((json_int_t)n);
}

static json_t *milliseconds(int64_t ns)
{
	return json_integer(ns / 1000000);
}

static json_t *time_milliseconds(struct timeval t)
{
	return json_integer((json_int_t)t.tv_sec * 1000 + t.tv_usec / 1000);
}

/* ---- pieces ---- */

static json_t *argv_json(const char *const *argv)
{
	json_t *list = json_array();

	for (; *argv; argv++)
		json_array_append_new(list, text(*argv));
	return list;
}

static json_t *processes_json(const struct tend_pid_name *named, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n && i < TEND_MAX_NAMED; i++)
		json_array_append_new(
			list, json_pack("{s:I, s:o}", "pid", (json_int_t)named[i].pid, "comm", text(named[i].comm)));
	return list;
}

static bool was_stopped(const struct run *run)
{
	return run->stop.outcome != TEND_STOP_NOT_RUN && run->stop.outcome != TEND_STOPPED_BEFORE;
}

static const char *const target_names[] = {
	[TEND_LEADER] = "leader", [TEND_GROUP] = "group", [TEND_CGROUP] = "cgroup"
};

/* A signal that reached nobody because all were gone is no error. */
static json_t *stop_errors(const struct tend_stop_report *stop)
{
	json_t *list = json_array();
	char name[24];

	for (size_t i = 0; i < stop->n_signals; i++) {
		const struct tend_signal_sent *sent = &stop->signals[i];

		if (sent->error != 0 && sent->error != -ESRCH)
			json_array_append_new(list, json_sprintf("%s to the %s: %s", signal_name(sent->signal, name),
			                                         target_names[sent->target], strerror(-sent->error)));
	}
	return list;
}

static json_t *stop_json(const struct run *run)
{
	const struct tend_stop_report *stop = &run->stop;
	json_t *json = json_object(), *signals = json_array();

	for (size_t i = 0; i < stop->n_signals; i++)
		json_array_append_new(signals, signal_text(stop->signals[i].signal));
	json_object_set_new(json, "phase", was_stopped(run) ? number(stop->phase) : json_null());
	json_object_set_new(json, "signals", signals);
	json_object_set_new(json, "errors", stop_errors(stop));
	return json;
}

/* The child's exit where it is known. */
static const struct tend_exit *known_exit(const struct run *run)
{
	bool known =
		run->has_result && (run->result.exit.kind == TEND_EXITED || run->result.exit.kind == TEND_SIGNALED);

	return known ? &run->result.exit : NULL;
}

static json_t *rusage_json(const struct tend_exit *ended)
{
	json_t *json = json_object();

	json_object_set_new(json, "user_ms", ended ? time_milliseconds(ended->rusage.ru_utime) : json_null());
	json_object_set_new(json, "system_ms", ended ? time_milliseconds(ended->rusage.ru_stime) : json_null());
	json_object_set_new(json, "max_rss_kib", ended ? json_integer(ended->rusage.ru_maxrss) : json_null());
	return json;
}

/* NULL: it has not been started at all. */
static const char *outcome(const struct run *run)
{
	const struct tend_exit *ended = known_exit(run);

	if (run->started == 0)
		return NULL;
	if (!run->process)
		return "spawn-failed";
	if (run->why == RUN_TIMED_OUT)
		return "timed-out";
	if (run->why == RUN_NOT_READY)
		return "not-ready";
	if (!ended)
		return "unknown";
	return ended->kind == TEND_EXITED ? "exited" : "signaled";
}

/* A stream that is not read has nothing to tell. */
static json_t *unread_json(void)
{
	return json_pack("{s:n, s:n, s:n, s:n, s:n, s:n, s:n, s:n}", "bytes", "chunks", "lines", "gaps",
	                 "bytes_dropped", "complete", "end", "held_by");
}

static json_t *stream_json(const struct run *run, const struct run_stream *s, const struct tend_output_result *result)
{
	struct tend_stream_stats stats;
	json_t *json;

	if (!s->stream)
		return unread_json();
	stats = tend_stream_stats(s->stream);
	json = json_object();
	json_object_set_new(json, "bytes", number(stats.bytes_read));
	json_object_set_new(json, "chunks", number(stats.chunks_read));
	json_object_set_new(json, "lines", s->pass.ended ? number(s->pass.line_ends) : json_null());
	json_object_set_new(json, "gaps", number(s->gaps));
	json_object_set_new(json, "bytes_dropped", number(s->bytes_dropped));
	json_object_set_new(json, "complete", json_boolean(s->complete));
	json_object_set_new(json, "end", stats.end == TEND_END_NONE ? json_null() : text(tend_ending_name(stats.end)));
	json_object_set_new(json, "held_by",
	                    run->has_result ? processes_json(result->held_by, result->n_held_by) : json_array());
	return json;
}

static json_t *survivors_json(const struct run *run)
{
	if (run->has_result)
		return processes_json(run->result.survivors, run->result.n_survivors);
	return processes_json(run->stop.survivors, run->stop.n_survivors);
}

/* ---- the whole ---- */

static void add_ending(json_t *json, const struct run *run)
{
	const struct tend_exit *ended = known_exit(run);
	bool was_killed = ended && ended->kind == TEND_SIGNALED;

	json_object_set_new(json, "outcome", outcome(run) ? json_string(outcome(run)) : json_null());
	json_object_set_new(json, "exit_code", ended && !was_killed ? json_integer(ended->code) : json_null());
	json_object_set_new(json, "signal", was_killed ? signal_text(ended->signal) : json_null());
	json_object_set_new(json, "core_dumped", ended ? json_boolean(ended->core_dumped) : json_null());
	json_object_set_new(json, "timed_out", json_boolean(run->why == RUN_TIMED_OUT));
	json_object_set_new(json, "stop", stop_json(run));
	json_object_set_new(json, "duration_ms",
	                    run->has_result ? milliseconds(run->result.exit.wall_ns) : json_null());
	json_object_set_new(json, "ready_ms", run->ready_ns >= 0 ? milliseconds(run->ready_ns) : json_null());
	json_object_set_new(json, "rusage", rusage_json(ended));
}

/* Lock held. */
static json_t *report_json(const struct run *run)
{
	json_t *json = json_object();

	json_object_set_new(json, "name", text(run->name));
	json_object_set_new(json, "argv", argv_json(run->options->argv));
	json_object_set_new(json, "pid", run->process ? json_integer(run->pid) : json_null());
	add_ending(json, run);
	json_object_set_new(json, "stdout", stream_json(run, &run->streams[0], &run->result.out));
	json_object_set_new(json, "stderr", stream_json(run, &run->streams[1], &run->result.err));
	json_object_set_new(json, "survivors", survivors_json(run));
	json_object_set_new(json, "restarts", json_integer(run->restarts.total));
	return json;
}

static json_t *locked_report_json(struct run *run)
{
	json_t *json;

	pthread_mutex_lock(&run->lock);
	json = report_json(run);
	pthread_mutex_unlock(&run->lock);
	return json;
}

static char *dump(json_t *take_json)
{
	char *text = take_json ? json_dumps(take_json, JSON_INDENT(2)) : NULL;

	json_decref(take_json);
	return text;
}

char *run_report_text(struct run *run)
{
	return dump(locked_report_json(run));
}

char *run_report_list_text(struct run *runs, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, locked_report_json(&runs[i]));
	return dump(list);
}
