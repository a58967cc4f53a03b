/* SPDX-License-Identifier: MIT */
/*
 * The command with arguments drawn at random: right ones, each with a value that is right or not, and bytes that mean
 * nothing.  Right, it runs the program, passes its bytes on and reports in JSON; wrong, it refuses with 125 and one
 * line that names a wrong option, and nothing was run.  Whatever names a program and its children choose, what is
 * said of them is text.  OPTIONS_ROUNDS and OPTIONS_SEED draw more, and others.
 */
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "test.h"
#include "tool.h"

#define MOST_ARGS 40
#define MOST_BYTES 40
#define COMM_BYTES 16 /* TASK_COMM_LEN */

static unsigned seed;

struct line {
	const char *args[MOST_ARGS + 1];
	size_t n;
	const char *wrong[MOST_ARGS]; /* options that are to be named */
	size_t n_wrong;
	char bytes[4][MOST_BYTES];    /* what is drawn byte by byte */
	const char *name;             /* as it was given, or NULL */
	bool has_report;
};

static unsigned draw(unsigned n)
{
	return (unsigned)rand_r(&seed) % n;
}

static void add(struct line *l, const char *arg)
{
	l->args[l->n++] = arg;
}

/* Characters of all lengths, the first and the last of each, and what only looks like one. */
static const char *const pieces[] = {
	"\xc2\x80", "\xc3\xa9", "\xdf\xbf",
	"\xe0\xa0\x80", "\xe2\x82\xac", "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf",
	"\xf0\x90\x80\x80", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf",
	"\xc0\xaf", "\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", /* overlong */
	"\xed\xa0\x80", "\xed\xbf\xbf", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xfe", "\xff",
	"\xc3", "\xe2\x82", "\xf0\x9f\x98", "\xe2\xc3\xa9", "\x80", "\xbf",
};

/* Control characters, quotes, what is UTF-8 and what is not: any byte but NUL, fewer than `size`. */
static const char *noise(char *to, size_t size)
{
	size_t n = 1 + draw((unsigned)size - 1), used = 0;

	while (used < n) {
		const char *piece = pieces[draw(sizeof pieces / sizeof *pieces)];

		if (draw(3) > 0)
			to[used++] = (char)(1 + draw(255));
		else if (used + strlen(piece) < size)
			used += (size_t)sprintf(to + used, "%s", piece);
		else
			n = used; /* it has no room, and one byte is enough */
	}
	to[used] = '\0';
	return used ? to : noise(to, size);
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
	if (strcmp(options[i].option, "--name") == 0 && values == options[i].right) {
		if (draw(2))
			l->args[l->n - 1] = noise(l->bytes[2], MOST_BYTES);
		l->name = l->args[l->n - 1];
	}
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

/* ---- bytes as text ---- */

/* The character at `s`, and how long it is: -1 and 1 where there is none. */
static long decode(const unsigned char *s, size_t *ret_length)
{
	static const long least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = s[0] < 0x80 ? 1 : s[0] >> 5 == 6 ? 2 : s[0] >> 4 == 14 ? 3 : s[0] >> 3 == 30 ? 4 : 0;
	long c = n > 1 ? s[0] & (0x7f >> n) : s[0];

	*ret_length = 1;
	for (size_t i = 1; i < n; i++) {
		if (s[i] >> 6 != 2)
			return -1;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (n == 0 || c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return -1;
	*ret_length = n;
	return c;
}

/* What a report makes of bytes: each that is of no character is U+FFFD.  Static storage. */
static const char *as_text(const char *bytes)
{
	static char text[4096];
	size_t used = 0, n;

	for (const char *s = bytes; *s && used < sizeof text - 8; s += n) {
		bool good = decode((const unsigned char *)s, &n) >= 0;

		used += (size_t)sprintf(text + used, "%.*s", good ? (int)n : 3, good ? s : "\xef\xbf\xbd");
	}
	return text;
}

static void check_text(const char *bytes, const json_t *said)
{
	if (CHECK(json_is_string(said)))
		CHECK_STR(as_text(bytes), json_string_value(said));
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

static void check_report(const struct line *l)
{
	const char *const *argv = l->args + l->n - 4;
	json_t *report = tool_report(tool_file("report"));
	const json_t *bytes = tool_at(report, "stdout.bytes");

	if (report) {
		CHECK_INT(7, tool_int(report, "exit_code"));
		check_text(l->name ? l->name : "exiter", tool_at(report, "name"));
		CHECK_INT(4, json_array_size(tool_at(report, "argv")));
		for (size_t i = 0; i < 4; i++)
			check_text(argv[i], json_array_get(tool_at(report, "argv"), i));
		CHECK(json_is_null(bytes) || json_integer_value(bytes) == (json_int_t)strlen(argv[2]));
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
	add(&l, noise(l.bytes[0], MOST_BYTES));
	add(&l, noise(l.bytes[1], MOST_BYTES));
	tool_run(&r, l.args);
	if (l.n_wrong) {
		check_refused(&l, &r);
	} else {
		CHECK_INT(7, r.status);
		CHECK_STR(l.bytes[0], r.out);
		if (l.has_report)
			check_report(&l);
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
			add(&l, noise(l.bytes[n], MOST_BYTES));
		tool_run(&r, l.args);
		CHECK(r.status == 125 || r.status == 126 || r.status == 127);
		CHECK_STR("", r.out);
		CHECK(r.err[0] != '\0');
		tool_free(&r);
	}
}

/* ---- names that processes choose ---- */

/* What is said on a terminal: a control character would do something to it. */
static void check_said(const char *said, pid_t pid, const char *comm)
{
	static const char format[] = "tend: forker: stdout is still held, and no longer read, by %d (";
	char line[256];
	size_t n = (size_t)snprintf(line, sizeof line, format, (int)pid);

	for (; *comm; comm++)
		line[n++] = (unsigned char)*comm < ' ' || *comm == 0x7f ? '?' : *comm;
	strcpy(line + n, ")\n");
	if (!CHECK(strstr(said, line) != NULL))
		fprintf(stderr, "not \"%s\" in \"%s\"\n", line, said);
}

/* A child's child that has outlived it, and holds its output, under a name of its own choice. */
static void one_name(const char *comm)
{
	struct tool_run r;
	json_t *report;
	pid_t pid;

	TOOL_RUN(&r, "run", "--stdout", "stream", "--stderr", "stream", "--drain", "0s,0s", "--report",
	         tool_file("report"), "--", helper("forker"), "hold-named", "3", comm);
	CHECK_INT(3, r.status);
	report = tool_report(tool_file("report"));
	pid = (pid_t)tool_int(report, "stdout.held_by.0.pid");
	CHECK_INT(pid, tool_int(report, "survivors.0.pid"));
	check_text(comm, tool_at(report, "stdout.held_by.0.comm"));
	check_text(comm, tool_at(report, "stderr.held_by.0.comm"));
	check_text(comm, tool_at(report, "survivors.0.comm"));
	check_said(r.err, pid, comm);
	json_decref(report);
	tool_free(&r);
	if (CHECK(pid > 1)) {
		kill(pid, SIGKILL);
		test_await_gone(pid);
	}
}

/* Also with a line feed, which is what /proc ends a name with. */
static void hostile_names(void)
{
	static const char *const names[] = { "fifteen bytes \xff", ") S 1 1 1 (", "\x1b[2J\x1b[31m",
		                             "\"\\\b\f\r\t\x7f/", "\xed\xa0\x80\xf4\x90\x80\x80", "%s%n%p", " ",
		                             "a\nb", "\n", "fourteen bytes\n" };
	char drawn[COMM_BYTES];

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		one_name(names[i]);
	for (long i = rounds() / 10; i > 0; i--) {
		noise(drawn, sizeof drawn);
		one_name(drawn);
	}
}

static const struct test tests[] = {
	{ "command_lines", command_lines },
	{ "noise_alone", noise_alone },
	{ "hostile_names", hostile_names },
};

int main(int argc, char **argv)
{
	seed = (unsigned)from_environment("OPTIONS_SEED", 1);
	return test_main(argc, argv, "tool_random", tests, sizeof tests / sizeof *tests);
}
