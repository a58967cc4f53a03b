/* SPDX-License-Identifier: MIT */
/* The rule by which a child is started again: wishes 25, 26. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "test.h"

static const struct tend_exit success = { .kind = TEND_EXITED };
static const struct tend_exit failure = { .kind = TEND_EXITED, .code = 3 };
static const struct tend_exit crash = { .kind = TEND_SIGNALED, .signal = 11 };
static const struct tend_exit unknown = { .kind = TEND_EXIT_UNKNOWN };
static const struct tend_exit late = { .kind = TEND_EXITED, .code = 3, .wall_ns = INT64_C(60000000000) };

static tend_duration next(const struct tend_restart *rule, struct tend_restarts *restarts, const struct tend_exit *exit)
{
	tend_duration delay = 0;
	struct tend_error e;

	CHECK_OK(tend_restart_next(rule, restarts, exit, &delay, &e), &e);
	return delay;
}

static void when(void)
{
	static const struct tend_restart never = { .when = TEND_RESTART_NEVER };
	static const struct tend_restart on_failure = { .when = TEND_RESTART_ON_FAILURE, .delay = TEND_MS(5) };
	static const struct tend_restart always = { .when = TEND_RESTART_ALWAYS, .delay = TEND_AT_ONCE };
	struct tend_restarts none = { 0 }, failures = { 0 }, all = { 0 };

	CHECK_INT(TEND_FOREVER, next(&never, &none, &crash));
	CHECK_INT(0, none.total);
	CHECK_INT(TEND_FOREVER, next(&on_failure, &failures, &success));
	CHECK_INT(TEND_MS(5), next(&on_failure, &failures, &failure));
	CHECK_INT(TEND_MS(5), next(&on_failure, &failures, &crash));
	CHECK_INT(TEND_MS(5), next(&on_failure, &failures, &unknown));
	CHECK_INT(3, failures.total);
	CHECK_INT(TEND_AT_ONCE, next(&always, &all, &success));
	CHECK_INT(TEND_AT_ONCE, next(&always, &all, &failure));
	CHECK_INT(2, all.total);
}

/* It doubles up to its limit, and stays there. */
static void delays_grow(void)
{
	static const struct tend_restart rule = { .when = TEND_RESTART_ALWAYS, .delay = TEND_MS(100),
		                                  .max_delay = TEND_MS(500) };
	static const struct tend_restart from_nothing = { .when = TEND_RESTART_ALWAYS, .delay = TEND_AT_ONCE,
		                                          .max_delay = TEND_NS(3) };
	static const struct tend_restart huge = { .when = TEND_RESTART_ALWAYS, .delay = TEND_SECONDS(1),
		                                  .max_delay = TEND_NS(TEND_DURATION_MAX) };
	static const int64_t ms[] = { 100, 200, 400, 500, 500 };
	struct tend_restarts r = { 0 }, n = { 0 }, h = { 0 };

	for (size_t i = 0; i < sizeof ms / sizeof *ms; i++)
		CHECK_INT(TEND_MS(ms[i]), next(&rule, &r, &failure));
	CHECK_INT(TEND_AT_ONCE, next(&from_nothing, &n, &failure));
	CHECK_INT(TEND_NS(1), next(&from_nothing, &n, &failure));
	CHECK_INT(TEND_NS(2), next(&from_nothing, &n, &failure));
	CHECK_INT(TEND_NS(3), next(&from_nothing, &n, &failure));
	for (int i = 0; i < 200; i++)
		CHECK(next(&huge, &h, &failure) >= TEND_SECONDS(1));
	CHECK_INT(TEND_NS(TEND_DURATION_MAX), next(&huge, &h, &failure));
}

/* A child that ran long enough begins a new series. */
static void series_are_limited(void)
{
	static const struct tend_restart rule = { .when = TEND_RESTART_ON_FAILURE, .delay = TEND_MS(10),
		                                  .max_delay = TEND_MS(80), .long_enough = TEND_SECONDS(60),
		                                  .max_restarts = 2 };
	struct tend_restarts r = { 0 };

	CHECK_INT(TEND_MS(10), next(&rule, &r, &failure));
	CHECK_INT(TEND_MS(20), next(&rule, &r, &failure));
	CHECK_INT(TEND_FOREVER, next(&rule, &r, &failure));
	CHECK_INT(TEND_FOREVER, next(&rule, &r, &failure));
	CHECK_INT(2, r.total);
	CHECK_INT(TEND_MS(10), next(&rule, &r, &late));
	CHECK_INT(TEND_MS(20), next(&rule, &r, &failure));
	CHECK_INT(TEND_FOREVER, next(&rule, &r, &failure));
	CHECK_INT(4, r.total);
}

static void check_refused(struct tend_restart rule, const char *field)
{
	struct tend_restarts r = { 0 };
	struct tend_error e;
	tend_duration delay = 1;

	CHECK_INT(-EINVAL, tend_restart_next(&rule, &r, &failure, &delay, &e));
	if (!CHECK(strncmp(e.message, field, strlen(field)) == 0))
		fprintf(stderr, "it says: %s\n", e.message);
	CHECK_INT(1, delay);
	CHECK_INT(0, r.total);
}

static void refusals(void)
{
	static const struct tend_restart good = { .when = TEND_RESTART_NEVER };
	const struct tend_exit running = { .kind = TEND_RUNNING };
	struct tend_restart bad = { .when = TEND_RESTART_ALWAYS };
	struct tend_restarts r = { 0 };
	tend_duration delay;

	check_refused((struct tend_restart){ .when = 0 }, "rule.when is not chosen");
	check_refused((struct tend_restart){ .when = 9 }, "rule.when");
	check_refused(bad, "rule.delay is not chosen");
	bad.delay = 5;
	check_refused(bad, "rule.delay is a plain number");
	bad.delay = TEND_FOREVER;
	check_refused(bad, "rule.delay is TEND_FOREVER");
	bad.delay = TEND_MS(5);
	bad.max_delay = TEND_MS(4);
	check_refused(bad, "rule.max_delay is less");
	bad.max_delay = 0;
	bad.long_enough = 3;
	check_refused(bad, "rule.long_enough");
	CHECK_INT(-EINVAL, tend_restart_next(NULL, &r, &failure, &delay, NULL));
	CHECK_INT(-EINVAL, tend_restart_next(&good, NULL, &failure, &delay, NULL));
	CHECK_INT(-EINVAL, tend_restart_next(&good, &r, NULL, &delay, NULL));
	CHECK_INT(-EINVAL, tend_restart_next(&good, &r, &failure, NULL, NULL));
	CHECK_INT(-EINVAL, tend_restart_next(&good, &r, &running, &delay, NULL));
}

/* The loop that it is for: a child that crashes twice and then does not. */
static void a_real_child(void)
{
	static const struct tend_restart rule = { .when = TEND_RESTART_ON_FAILURE, .delay = TEND_MS(1),
		                                  .max_restarts = 5 };
	struct tend_restarts r = { 0 };
	tend_duration delay = TEND_AT_ONCE;
	struct tend_exit ended;
	int starts = 0;

	for (; delay != TEND_FOREVER; delay = next(&rule, &r, &ended)) {
		tend_process *p = test_spawn(NULL, "exiter", ++starts < 3 ? "1" : "0", NULL);

		if (!p || !test_wait(p, &ended))
			return;
		tend_process_free(p);
	}
	CHECK_INT(3, starts);
	CHECK_INT(2, r.total);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "when", when },
		{ "delays_grow", delays_grow },
		{ "series_are_limited", series_are_limited },
		{ "refusals", refusals },
		{ "a_real_child", a_real_child },
	};

	return test_main(argc, argv, "restart", tests, sizeof tests / sizeof *tests);
}
