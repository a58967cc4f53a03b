/* SPDX-License-Identifier: MIT */
/*
 * The command with arguments drawn at random: right ones, each with a value that is right or not, and bytes that mean
 * nothing.  Right, it runs the program, passes its bytes on and reports in JSON; wrong, it refuses with 125 and one
 * line that names a wrong option, and nothing was run.  OPTIONS_ROUNDS and OPTIONS_SEED draw more, and others.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "test.h"
#include "tool.h"

#define MOST_ARGS 40
#define MOST_BYTES 40

static unsigned seed;

struct line {
	const char *args[MOST_ARGS + 1];
	size_t n;
	const char *wrong[MOST_ARGS]; /* options that are to be named */
	size_t n_wrong;
	char bytes[4][MOST_BYTES];    /* what is drawn byte by byte */
	bool has_report, is_silent, may_fail;
};

static unsigned draw(unsigned n)
{
	return (unsigned)rand_r(&seed) % n;
}

static void add(struct line *l, const char *arg)
{
	l->args[l->n++] = arg;
}

/* Control characters, quotes, what is no UTF-8: any byte but NUL. */
static const char *noise(char to[MOST_BYTES])
{
	size_t n = 1 + draw(MOST_BYTES - 2);

	for (size_t i = 0; i < n; i++)
		to[i] = (char)(1 + draw(255));
	to[n] = '\0';
	return to;
}

static const struct {
	const char *option;
	const char *right[4], *wrong[6];
} options[] = {
	{ "--name", { "a name", "\x1b[2J\n", "\"\\" }, { "" } },
	{ "--timeout", { "90s", "1.5h", "100000ms" }, { "", "0", "0s", "5", "-1s", "1e9h" } },
	{ "--stop", { "TERM:1s", "INT:0s:leader,TERM:2s", "HUP:1ms:group" },
	  { "", "KILL:1s", "TERM", "TERM:1", "NOPE:1s", "TERM:1s:nobody" } },
	{ "--stdin", { "null", "inherit", "/dev/null" }, { "" } },
	{ "--stdout", { "stream", "delivery=lossy,overflow=oldest", "chunk=1KiB,depth=1" },
	  { "", "delivery", "delivery=maybe", "depth=0", "chunk=1TiB", "colour=red" } },
	{ "--stderr", { "inherit", "stream", "replay=bytes:10" },
	  { "replay=bytes", "backend=x", ",", "=", "stream=1" } },
	{ "--ready", { "never|also never", "(x)?$", "." }, { "(", "*{" , "[" } },
	{ "--tail", { "1", "20", "100000" }, { "", "0", "-1", "100001", "1x", "99999999999999999999" } },
	{ "--drain", { "0s,0s", "10ms,1s", "1s,0.5s" }, { "", "1s", ",", "1s,", "1s,2s,3s", "x,1s" } },
};

static void draw_option(struct line *l)
{
	size_t i = draw(sizeof options / sizeof *options), n = 0;
	const char *const *values = options[i].right;

	add(l, options[i].option);
	if (draw(25) == 0) {
		values = options[i].wrong;
		l->wrong[l->n_wrong++] = options[i].option;
	}
	while (n < (values == options[i].right ? 4 : 6) && values[n])
		n++;
	add(l, values[draw((unsigned)n)]);
}

static void draw_options(struct line *l)
{
	unsigned n = draw(6);

	add(l, "run");
	for (unsigned i = 0; i < n; i++)
		draw_option(l);
	if (draw(2)) {
		add(l, "--report");
		add(l, tool_file("report"));
		l->has_report = true;
	}
	if (draw(10) == 0)
		add(l, "-v");
	if (draw(12) == 0) {
		static const char *const unknown[] = { "--tiemout", "-x", "--timeout=", "--help=yes", "--\xff\xfe" };
		static const char *const named[] = { "--tiemout", "-x", "--timeout", "--help", "--" };
		unsigned which = draw(5);

		l->wrong[l->n_wrong++] = named[which];
		add(l, unknown[which]);
	}
}

/* ---- what comes of it ---- */

/* One line, and it names what is wrong. */
static void check_refused(const struct line *l, const struct tool_run *r)
{
	bool named = false;

	CHECK_INT(125, r->status);
	CHECK_STR("", r->out);
	for (size_t i = 0; i < l->n_wrong; i++)
		named |= strstr(r->err, l->wrong[i]) != NULL;
	if (!CHECK(named))
		fprintf(stderr, "%s", r->err);
	CHECK(strncmp(r->err, "tend: ", 6) == 0);
	CHECK(strchr(r->err, '\n') == r->err + strlen(r->err) - 1);
	CHECK(access(tool_file("report"), F_OK) != 0);
}

static void check_report(void)
{
	json_t *report = tool_report(tool_file("report"));

	if (report) {
		CHECK_INT(7, tool_int(report, "exit_code"));
		CHECK(tool_text(report, "name") != NULL);
		CHECK(json_array_size(tool_at(report, "argv")) == 4);
	}
	json_decref(report);
	unlink(tool_file("report"));
}

/* Bytes of a program that may be anything, in what it is called with and in what it writes. */
static void one_line(void)
{
	struct line l = { .n = 0 };
	struct tool_run r;

	draw_options(&l);
	add(&l, "--");
	add(&l, helper("exiter"));
	add(&l, "7");
	add(&l, noise(l.bytes[0]));
	add(&l, noise(l.bytes[1]));
	tool_run(&r, l.args);
	if (l.n_wrong) {
		check_refused(&l, &r);
	} else {
		CHECK_INT(7, r.status);
		CHECK_STR(l.bytes[0], r.out);
		if (l.has_report)
			check_report();
	}
	tool_free(&r);
}

static long from_environment(const char *name, long otherwise)
{
	const char *given = getenv(name);

	return given ? strtol(given, NULL, 10) : otherwise;
}

static long rounds(void)
{
	return from_environment("OPTIONS_ROUNDS", test_under_valgrind() ? 20 : 300);
}

static void command_lines(void)
{
	for (long i = rounds(); i > 0; i--)
		one_line();
}

/* Nothing but noise: it is refused, or it is the name of a program that is not there. */
static void noise_alone(void)
{
	for (long i = rounds(); i > 0; i--) {
		struct line l = { .n = 0 };
		struct tool_run r;

		if (draw(4))
			add(&l, "run");
		for (unsigned n = draw(4); n > 0; n--)
			add(&l, noise(l.bytes[n]));
		tool_run(&r, l.args);
		CHECK(r.status == 125 || r.status == 126 || r.status == 127);
		CHECK_STR("", r.out);
		CHECK(r.err[0] != '\0');
		tool_free(&r);
	}
}

static const struct test tests[] = {
	{ "command_lines", command_lines },
	{ "noise_alone", noise_alone },
};

int main(int argc, char **argv)
{
	seed = (unsigned)from_environment("OPTIONS_SEED", 1);
	return test_main(argc, argv, "tool_random", tests, sizeof tests / sizeof *tests);
}
