/* SPDX-License-Identifier: MIT */
/*
 * What a caller gets to read: errors, names of outcomes, log events, plans refused by field; and the spans of time in
 * them.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../lib/error.h"
#include "fault.h"
#include "test.h"

/* ---- names ---- */

typedef const char *name_of(int value);

static const char *step_name(int v) { return tend_step_name((enum tend_step)v); }
static const char *ending_name(int v) { return tend_ending_name((enum tend_ending)v); }
static const char *outcome_name(int v) { return tend_outcome_name((enum tend_outcome)v); }
static const char *stopped_name(int v) { return tend_stopped_name((enum tend_stopped)v); }

/* Each value from `first` to `last` has a name of its own; what is none is "unknown". */
static void check_names(name_of *name, int first, int last)
{
	for (int i = first; i <= last; i++) {
		CHECK(name(i)[0] != '\0');
		CHECK(strcmp(name(i), "unknown") != 0);
		for (int j = first; j < i; j++)
			CHECK(strcmp(name(i), name(j)) != 0);
	}
	CHECK_STR("unknown", name(last + 1));
	CHECK_STR("unknown", name(-1));
	CHECK_STR("unknown", name(1000000));
}

static void names(void)
{
	check_names(step_name, TEND_STEP_NONE, TEND_STEP_OOM_SCORE);
	check_names(ending_name, TEND_END_NONE, TEND_END_STALLED);
	check_names(outcome_name, TEND_COMPLETED, TEND_NOT_STOPPED);
	check_names(stopped_name, TEND_STOP_NOT_RUN, TEND_STOP_REFUSED);
	CHECK_STR("options", tend_step_name(TEND_STEP_OPTIONS));
	CHECK_STR("exec", tend_step_name(TEND_STEP_EXEC));
	CHECK_STR("signal-group", tend_step_name(TEND_STEP_SIGNAL_GROUP));
	CHECK_STR("read-error", tend_ending_name(TEND_END_READ_ERROR));
	CHECK_STR("by-kill", tend_stopped_name(TEND_STOPPED_BY_KILL));
	CHECK_STR("still-running", tend_outcome_name(TEND_STILL_RUNNING));
}

static void version(void)
{
	char expected[32];

	snprintf(expected, sizeof expected, "%d.%d.%d", TEND_VERSION_MAJOR, TEND_VERSION_MINOR, TEND_VERSION_PATCH);
	CHECK_STR(expected, tend_version());
}

/* ---- spans of time ---- */

/* Constant expressions, exact, saturating at both ends; 0 stays "not chosen". */
static void spans(void)
{
	static const tend_duration constant = TEND_SECONDS(5);
	int64_t variable = 250;

	CHECK(constant - TEND_AT_ONCE == INT64_C(5000000000));
	CHECK(TEND_MS(variable) - TEND_AT_ONCE == INT64_C(250000000));
	CHECK(TEND_SECONDS(0.25) == TEND_MS(250));
	CHECK(TEND_US(1) == TEND_NS(1000));
	CHECK(TEND_MINUTES(1) == TEND_SECONDS(60));
	CHECK(TEND_MS(0) == TEND_AT_ONCE);
	CHECK(TEND_MS(-1) == TEND_AT_ONCE);
	CHECK(TEND_SECONDS(INT64_MIN) == TEND_AT_ONCE);
	CHECK(TEND_SECONDS(INT64_MAX) == TEND_FOREVER);
	CHECK(TEND_NS(TEND_DURATION_MAX) < TEND_FOREVER);
	CHECK(TEND_NS(TEND_DURATION_MAX + 1) == TEND_FOREVER);
	CHECK(TEND_AT_ONCE != 0);
}

/* ---- the error struct ---- */

static bool is_filled_with(const void *p, size_t n, int byte)
{
	const unsigned char *b = p;

	while (n > 0 && b[n - 1] == byte)
		n--;
	return n == 0;
}

/* CN-1 to CN-4: what the named values are; they are nobody's default. */
static void constants(void)
{
	CHECK_INT(64 << 10, TEND_DEFAULT_READ_CHUNK_SIZE);
	CHECK_INT(16, TEND_DEFAULT_MAX_BUFFERED_CHUNKS);
	CHECK_INT(16 << 10, TEND_DEFAULT_MAX_LINE_LENGTH);
	CHECK(TEND_DEFAULT_AFTER_KILL == TEND_MS(3000));
}

/* Untouched on success, whatever is in it. */
static void untouched_on_success(void)
{
	const char *argv[] = { helper("true-er"), NULL };
	struct tend_spawn s = test_spawn_options(argv, NULL);
	struct tend_stop_report report;
	struct tend_exit ended;
	struct tend_error e;
	tend_process *p = NULL;

	memset(&e, 0xa5, sizeof e);
	if (!CHECK_INT(0, tend_spawn(&s, &p, &e)))
		return;
	CHECK_INT(0, tend_process_wait(p, TEST_PATIENCE, &ended, &e));
	CHECK_INT(0, tend_process_stop(p, &TEND_STOP_KILL, &report, &e));
	CHECK(is_filled_with(&e, sizeof e, 0xa5));
	tend_process_free(p);
}

/* A name that is too long is cut, and everything stays NUL-terminated; no error struct is needed. */
static void long_names_are_cut(void)
{
	char name[300], program[300];
	const char *argv[] = { program, NULL };
	struct tend_spawn s = test_spawn_options(argv, NULL);
	struct tend_error e;
	tend_process *p = NULL;

	memset(name, 'n', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	memset(program, 'p', sizeof program - 1);
	memcpy(program, "/nowhere/", 9);
	program[sizeof program - 1] = '\0';
	s.name = name;
	memset(&e, 0xa5, sizeof e);
	CHECK(tend_spawn(&s, &p, &e) < 0);
	CHECK_INT(sizeof e.name - 1, strnlen(e.name, sizeof e.name));
	CHECK(strnlen(e.message, sizeof e.message) < sizeof e.message);
	CHECK(strnlen(e.message, sizeof e.message) > 20);
	CHECK_INT(0, e.signal);
	CHECK(tend_spawn(&s, &p, NULL) < 0);
	CHECK(p == NULL);
}

/* Handles that are none are refused, not followed. */
static void null_handles(void)
{
	struct tend_complete o = { .timeout = TEND_AT_ONCE };
	struct tend_stop_report report;
	struct tend_result result;
	struct tend_exit ended;
	struct tend_error e;

	CHECK_INT(-EINVAL, tend_process_wait(NULL, TEND_AT_ONCE, &ended, &e));
	CHECK_INT(-EINVAL, tend_process_signal(NULL, SIGTERM, TEND_LEADER, &e));
	CHECK_INT(-EINVAL, tend_process_stop(NULL, &TEND_STOP_KILL, &report, &e));
	CHECK_INT(-EINVAL, tend_process_kill(NULL, TEND_SECONDS(1), &report, &e));
	CHECK_INT(-EINVAL, tend_process_complete(NULL, &o, &result, &e));
	CHECK_INT(TEND_STEP_OPTIONS, e.step);
}

/* ---- plans ---- */

static void plans_refused(void)
{
	static const struct {
		const char *field;
		struct tend_stop_phase phase;
	} bad[] = {
		{ "phases[0].signal", { 0, TEND_GROUP, TEND_MS(1) } },
		{ "phases[0].signal", { SIGKILL, TEND_GROUP, TEND_MS(1) } },
		{ "phases[0].signal", { SIGSTOP, TEND_GROUP, TEND_MS(1) } },
		{ "phases[0].signal", { 65, TEND_GROUP, TEND_MS(1) } },
		{ "phases[0].signal", { -1, TEND_GROUP, TEND_MS(1) } },
		{ "phases[0].target", { SIGTERM, 0, TEND_MS(1) } },
		{ "phases[0].target", { SIGTERM, 9, TEND_MS(1) } },
		{ "phases[0].duration", { SIGTERM, TEND_GROUP, 0 } },
		{ "phases[0].duration", { SIGTERM, TEND_GROUP, 100 } },
		{ "phases[0].duration", { SIGTERM, TEND_GROUP, TEND_FOREVER } },
	};
	static const struct tend_stop whole[] = {
		{ .after_kill = 0 },
		{ .after_kill = TEND_FOREVER },
		{ .n_phases = 1, .after_kill = TEND_MS(1) },
		{ .phases = &bad[0].phase, .n_phases = TEND_MAX_STOP_PHASES + 1, .after_kill = TEND_MS(1) },
	};
	tend_process *p = test_spawn(&test_reliable, "obedient", NULL);
	struct tend_stop_report r;
	struct tend_error e;

	if (!p)
		return;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct tend_stop plan = { .phases = &bad[i].phase, .n_phases = 1, .after_kill = TEND_MS(1) };

		CHECK_INT(-EINVAL, tend_process_stop(p, &plan, &r, &e));
		CHECK(strstr(e.message, bad[i].field) != NULL);
		CHECK_INT(TEND_STEP_OPTIONS, e.step);
		CHECK_INT(0, tend_stop_total(&plan));
	}
	for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
		CHECK_INT(-EINVAL, tend_process_stop(p, &whole[i], &r, &e));
	CHECK_INT(-EINVAL, tend_process_kill(p, 0, &r, &e));
	CHECK(test_alive(tend_process_pid(p)));
	tend_process_free(p);
}

/* 17.11: the total of a plan. */
static void total_of_a_plan(void)
{
	static const struct tend_stop_phase phases[] = { { SIGINT, TEND_GROUP, TEND_SECONDS(1) },
		                                         { SIGTERM, TEND_LEADER, TEND_SECONDS(2) },
		                                         { SIGHUP, TEND_GROUP, TEND_MS(500) } };
	struct tend_stop plan = { .phases = phases, .n_phases = 3, .after_kill = TEND_MS(250) };

	CHECK(tend_stop_total(&plan) == TEND_MS(3750));
	CHECK(tend_stop_total(&TEND_STOP_KILL) == TEND_DEFAULT_AFTER_KILL);
	CHECK(tend_stop_total(&TEND_STOP_TERM(TEND_SECONDS(2))) == TEND_SECONDS(5));
}

/* ---- the log ---- */

static struct {
	pthread_mutex_t lock;
	pid_t pid;
	unsigned spawns, exits, others, secrets, below;
	enum tend_log_level level;
} seen = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void note(void *arg, const struct tend_log_event *event)
{
	if (strcmp(event->event, "exit") == 0)
		usleep(20000); /* gives whoever does not wait for this the time to be early */
	pthread_mutex_lock(&seen.lock);
	if (arg != &seen || event->level > seen.level || !event->message || !event->message[0])
		seen.below++;
	if (strstr(event->message, "secret"))
		seen.secrets++;
	if (strcmp(event->name, "logged") != 0)
		seen.others++;
	else if (strcmp(event->event, "spawn") == 0)
		seen.spawns++, seen.pid = event->pid;
	else if (strcmp(event->event, "exit") == 0)
		seen.exits += event->pid == seen.pid;
	pthread_mutex_unlock(&seen.lock);
}

static void log_to_note(enum tend_log_level level)
{
	pthread_mutex_lock(&seen.lock);
	seen.level = level;
	pthread_mutex_unlock(&seen.lock);
	CHECK_INT(0, tend_set_log(note, &seen, level));
}

static void run_logged(unsigned exits)
{
	const char *argv[] = { helper("true-er"), "--token=secret", NULL };
	const char *env[] = { "KEY=secret", NULL };
	struct tend_spawn s = test_spawn_options(argv, NULL);
	size_t fds = test_count_fds();
	struct tend_exit ended;
	struct tend_error e;
	tend_process *p = NULL;

	s.name = "logged";
	s.env = env;
	if (!CHECK_OK(tend_spawn(&s, &p, &e), &e))
		return;
	test_wait(p, &ended);
	pthread_mutex_lock(&seen.lock);
	CHECK_INT(exits, seen.exits); /* by now, not later */
	pthread_mutex_unlock(&seen.lock);
	tend_process_free(p);
	test_settle(fds);
}

/*
 * LG: spawn and exit are told once, with name and pid, without what may be secret, the exit before a wait reports it;
 * not below the level, not when it is off.
 */
static void log_events(void)
{
	test_keeps_allocations(3); /* each target is kept for good */
	log_to_note(TEND_LOG_DEBUG);
	run_logged(1);
	log_to_note(TEND_LOG_ERROR);
	run_logged(1);
	CHECK_INT(0, tend_set_log(NULL, NULL, TEND_LOG_DEBUG));
	run_logged(1);
	CHECK_INT(-EINVAL, tend_set_log(note, &seen, 0));
	CHECK_INT(-EINVAL, tend_set_log(note, &seen, TEND_LOG_DEBUG + 1));
	pthread_mutex_lock(&seen.lock);
	CHECK_INT(1, seen.spawns);
	CHECK_INT(1, seen.exits);
	CHECK_INT(0, seen.secrets);
	CHECK_INT(0, seen.others);
	CHECK_INT(0, seen.below);
	pthread_mutex_unlock(&seen.lock);
}

/* What is said of an errno value that nobody has heard of, and of one for which there is no room. */
static void odd_errors(void)
{
	struct tend_error e;

	CHECK_INT(-9999, tend__error_sys(&e, -9999, TEND_STEP_READ, "odd", "cannot read"));
	CHECK_STR("cannot read: unknown error", e.message);
	CHECK_INT(-9999, tend__error_sys(NULL, -9999, TEND_STEP_READ, "odd", "cannot read"));
	CHECK_INT(-EIO, tend__error_sys(&e, -EIO, TEND_STEP_READ, "odd", "%0*d", (int)sizeof e.message + 7, 1));
	CHECK_INT(sizeof e.message - 1, strlen(e.message));
	CHECK_INT(-EINVAL, tend__refuse(NULL, "odd", "field", "is odd"));
}

static void count_call(void *arg, const struct tend_log_event *event)
{
	(void)event;
	++*(int *)arg;
}

/* A log that there is no memory for changes nothing. */
static void no_memory_for_a_log(void)
{
	int n_calls = 0;

	fault_fail_alloc(1);
	CHECK_INT(-ENOMEM, tend_set_log(count_call, &n_calls, TEND_LOG_DEBUG));
	CHECK(fault_fired());
	fault_reset();
	tend__log(TEND_LOG_ERROR, "test", NULL, 0, "nobody hears it");
	CHECK_INT(0, n_calls);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "names", names },
		{ "version", version },
		{ "spans", spans },
		{ "constants", constants },
		{ "untouched_on_success", untouched_on_success },
		{ "long_names_are_cut", long_names_are_cut },
		{ "null_handles", null_handles },
		{ "plans_refused", plans_refused },
		{ "total_of_a_plan", total_of_a_plan },
		{ "odd_errors", odd_errors },
		{ "no_memory_for_a_log", no_memory_for_a_log },
		{ "log_events", log_events },
	};

	return test_main(argc, argv, "error", tests, sizeof tests / sizeof *tests);
}
