/* SPDX-License-Identifier: MIT */
/* tend up: Procfiles, who runs, with what, and how all of them end. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"
#include "tool.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* A file beside the Procfile; without a text there is none. */
static const char *put(const char *name, const char *text)
{
	const char *path = tool_file(name);
	FILE *f;

	unlink(path);
	if (!text)
		return path;
	f = fopen(path, "we");
	if (CHECK(f != NULL)) {
		fputs(text, f);
		fclose(f);
	}
	return path;
}

static void up(struct tool_run *r, const char *procfile, const char *env)
{
	put(".env", env);
	TOOL_RUN(r, "up", put("Procfile", procfile));
}

/* Whether `line` is among the lines of `text`. */
static bool has_line(const char *text, const char *line)
{
	size_t size = strlen(line);

	for (const char *at = text; (at = strstr(at, line)) != NULL; at++)
		if ((at == text || at[-1] == '\n') && at[size] == '\n')
			return true;
	return false;
}

#define CHECK_LINE(text, line) (has_line(text, line) ? CHECK(true) : CHECK_STR(line, text))

/* ---- what a command line means ---- */

static const struct {
	const char *command, *words; /* what printf writes of the words, each with a / behind it */
} good_commands[] = {
	{ "printf '%s/' a  b\tc ", "a/b/c/" },
	{ "printf '%s/' 'a b' \"c d\" e\\ f", "a b/c d/e f/" },
	{ "printf '%s/' '' \"\" x''", "//x/" },
	{ "pri'nt'\"f\" '%s/' a'b'\"c\"d", "abcd/" },
	{ "printf '%s/' \"\\\"\\\\\\$\\`\\x\"", "\"\\$`\\x/" },
	{ "printf '%s/' '$A `|&;<>()*?[' \"|&;<>()*?[~#\"", "$A `|&;<>()*?[/|&;<>()*?[~#/" },
	{ "printf '%s/' $ONE ${ONE}x $ONE$ONE", "one/onex/oneone/" },
	{ "printf '%s/' $TWO", "two/words/" },
	{ "printf '%s/' \"$TWO\" x$TWO", "two words/xtwo/words/" },
	{ "printf '%s/' $NONE a ${NONE}b \"$NONE\"", "a/b//" },
	{ "printf '%s/' ${NONE:-c d} ${EMPTY:-e} ${EMPTY-f} ${ONE:-g} \"${NONE-h i}\"", "c/d/e/one/h i/" },
	{ "printf '%s/' $ 5$ \"$\" {x,y} ! ^ a=~ b#c", "$/5$/$/{x,y}/!/^/a=~/b#c/" },
	{ "printf '%s/' x~ \\~ \\# \\* \\|", "x~/~/#/*/|/" },
	{ "printf '%s/' '$TWO' \\$ONE X=1", "$TWO/$ONE/X=1/" },
	{ "exec printf '%s/' exec", "exec/" },
	{ "\"printf\" '%s/' x", "x/" },
	{ "''printf '%s/' x", "x/" },
	{ "X=1 printf '%s/' x", "x/" },
	{ "sh -c 'printf %s/ \"$1\" \"$X\"' sh $TWO", "two//" },
	{ "X=$TWO Y='a b' sh -c 'printf %s/ \"$X\" \"$Y\"'", "two words/a b/" },
	{ "${NONE}X=1 printf x", NULL }, /* no variable: that is the name of the program */
};

static void command_lines(void)
{
	char procfile[512], expected[256];
	struct tool_run r;

	for (size_t i = 0; i < COUNT(good_commands); i++) {
		snprintf(procfile, sizeof procfile, "p: %s\n", good_commands[i].command);
		up(&r, procfile, "ONE=one\nTWO=two words\nEMPTY=\n");
		if (good_commands[i].words) {
			snprintf(expected, sizeof expected, "p.1 | %s\n", good_commands[i].words);
			CHECK_INT(0, r.status);
			CHECK_STR(expected, r.out);
		} else {
			CHECK_INT(127, r.status);
		}
		tool_free(&r);
	}
}

/* ---- what is refused ---- */

static const struct {
	const char *procfile, *env, *says;
} bad_files[] = {
	{ "p: a | b\n", NULL, "Procfile:1: | is for a shell, and tend runs no shell: write sh -c '...'" },
	{ "# c\n\np: a && b\n", NULL, "Procfile:3: && is for a shell" },
	{ "p: a || b\n", NULL, "|| is for a shell" },
	{ "p: a; b\n", NULL, "; is for a shell" },
	{ "p: a & \n", NULL, "& is for a shell" },
	{ "p: a >b\n", NULL, "> is for a shell" },
	{ "p: a <b\n", NULL, "< is for a shell" },
	{ "p: (a)\n", NULL, "( is for a shell" },
	{ "p: `a`\n", NULL, "` is for a shell" },
	{ "p: a \"`b`\"\n", NULL, "` is for a shell" },
	{ "p: a $(b)\n", NULL, "$( is for a shell" },
	{ "p: a \"$(b)\"\n", NULL, "$( is for a shell" },
	{ "p: a *.c\n", NULL, "* is a pattern" },
	{ "p: a b?\n", NULL, "? is a pattern" },
	{ "p: a [b]\n", NULL, "[ is a pattern" },
	{ "p: ~/a\n", NULL, "~ is a directory" },
	{ "p: a #b\n", NULL, "# is a comment" },
	{ "p: a $1\n", NULL, "$1 is a variable of a shell" },
	{ "p: a \"$$\"\n", NULL, "$$ is a variable of a shell" },
	{ "p: a \"$[1]\"\n", NULL, "$[ is a variable of a shell" },
	{ "p: a $'b'\n", NULL, "$' is a kind of quote" },
	{ "p: a ${\n", NULL, "${ is not understood" },
	{ "p: a ${A+b}\n", NULL, "${ is not understood" },
	{ "p: a ${A:b}\n", NULL, "${ is not understood" },
	{ "p: a ${A:-$B}\n", NULL, "has to be plain" },
	{ "p: a 'b\n", NULL, "a ' is not closed" },
	{ "p: a \"b\n", NULL, "a \" is not closed" },
	{ "p: a b\\\n", NULL, "ends with a backslash" },
	{ "p: A=1\n", NULL, "there is no command" },
	{ "p: $NONE\n", NULL, "there is no command" },
	{ "p: \n", NULL, "there is no command" },
	{ "p a\n", NULL, "no colon" },
	{ ": a\n", NULL, "the name in front of the colon" },
	{ "p.q: a\n", NULL, "the name in front of the colon" },
	{ "p: a\nq: b\np: c\n", NULL, "Procfile:3: p is in line 1, too" },
	{ "# nothing\n\n", NULL, "there is no process in it" },
	{ "p: a\n", "A=1\nexport B=2\n", ".env:2: no variable: write NAME=VALUE" },
	{ "p: a\n", "1A=1\n", ".env:1: no variable" },
	{ "p: a\n", "A=\"b\n", ".env:1: a quote" },
	{ "p: a\n", "A='b' c\n", ".env:1: a quote" },
	{ "p: a\n", "\nPORT=0\n", ".env:2: PORT: '0' is no number from 1 to 65535" },
	{ "p: a\n", "PORT=x\n", "is no number from 1 to 65535" },
	{ "p: a\nq: b\n", "PORT=65500\n", "Procfile:2: there is no port 65600 for q.1" },
};

static void bad_files_are_refused(void)
{
	struct tool_run r;

	for (size_t i = 0; i < COUNT(bad_files); i++) {
		up(&r, bad_files[i].procfile, bad_files[i].env);
		CHECK_INT(125, r.status);
		CHECK_STR("", r.out);
		tool_check_one_line(r.err, bad_files[i].says);
		tool_free(&r);
	}
	TOOL_RUN(&r, "up", "/nowhere/Procfile");
	CHECK_INT(125, r.status);
	tool_check_one_line(r.err, "cannot read the Procfile /nowhere/Procfile: No such file");
	tool_free(&r);
	TOOL_RUN(&r, "up", "/");
	tool_check_one_line(r.err, "cannot read the Procfile /: Is a directory");
	tool_free(&r);
	TOOL_RUN(&r, "up", "/dev/zero");
	tool_check_one_line(r.err, "File too large");
	tool_free(&r);
}

/* A mistake behind the first process is found before that is started. */
static void nothing_is_started_before_all_is_read(void)
{
	const char *made = tool_file("made");
	char procfile[256];
	struct tool_run r;

	unlink(made);
	snprintf(procfile, sizeof procfile, "p: touch %s\nq: a | b\n", made);
	put(".env", NULL);
	TOOL_RUN(&r, "up", "-m", "p=1", put("Procfile", procfile));
	CHECK_INT(125, r.status);
	CHECK(access(made, F_OK) != 0);
	tool_free(&r);
}

static const struct {
	const char *args[4], *says;
} bad_options[] = {
	{ { "--frobnicate" }, "tend up --help" },
	{ { "--onyl", "p" }, "did you mean --only?" },
	{ { "-m" }, "-m needs a value" },
	{ { "-m", "p" }, "-m: 'p' is not NAME=N" },
	{ { "-m", "p=" }, "from 0 to 100" },
	{ { "-m", "p=101" }, "from 0 to 100" },
	{ { "-m", "p=1,x=2" }, "-m: 'x' is no process of" },
	{ { "-m", "p=0" }, "nothing to do" },
	{ { "-m", "p=100,q=100,r=1" }, "too many: 201 of at most 200" },
	{ { "--only", "x" }, "--only: 'x' is no process of" },
	{ { "--only", "" }, "--only: '' is no process of" },
	{ { "--only", "p,x" }, "--only: 'x' is no process of" },
	{ { "--ready", "p" }, "write NAME=REGEX" },
	{ { "--ready", "=x" }, "write NAME=REGEX" },
	{ { "--ready", "p=(" }, "is no regular expression" },
	{ { "--ready", "x=y" }, "--ready: 'x' is no process of" },
	{ { "--stop", "TERM" }, "TERM:10s" },
	{ { "--report", "" }, "--report FILE" },
	{ { "--report", "/nowhere/at/all" }, "cannot open the report /nowhere/at/all" },
	{ { "--keep-going=yes" }, "takes no value" },
	{ { "Procfile" }, "is one Procfile too many" },
};

static void bad_options_are_refused(void)
{
	const char *procfile = put("Procfile", "p: echo started\nq: echo started\nr: echo started\n");
	struct tool_run r;

	put(".env", NULL);
	for (size_t i = 0; i < COUNT(bad_options); i++) {
		const char *args[8] = { "up" };
		size_t n = 1;

		for (size_t j = 0; j < 4 && bad_options[i].args[j]; j++)
			args[n++] = bad_options[i].args[j];
		if (strcmp(args[n - 1], "-m") != 0)
			args[n++] = procfile;
		tool_run(&r, args);
		CHECK_INT(125, r.status);
		CHECK_STR("", r.out);
		tool_check_one_line(r.err, bad_options[i].says);
		tool_free(&r);
	}
	TOOL_RUN(&r, "up", "--help");
	CHECK_INT(0, r.status);
	CHECK(strncmp(r.out, "usage: tend up ", 15) == 0);
	tool_free(&r);
}

/* ---- with what they run ---- */

static void variables(void)
{
	struct tool_run r;

	setenv("TEND_TEST_OUTER", "outer", 1);
	setenv("TEND_TEST_BOTH", "outer", 1);
	up(&r,
	   "p: sh -c 'printf %s/ \"$RAW\" \"$SINGLE\" \"$DOUBLE\" \"$TEND_TEST_OUTER\" \"$TEND_TEST_BOTH\" $LAST $PS'"
	   " $PORT\n",
	   "# comment\n\nRAW= a \"b'  \r\nSINGLE='a\\n "
	   "b'\nDOUBLE=\"a\\nb\\\\\\\"\"\nTEND_TEST_BOTH=inner\nLAST=1\nLAST=2\n");
	CHECK_INT(0, r.status);
	CHECK_STR("p.1 |  a \"b'/a\\n b/a\np.1 | b\\\"/outer/inner/2/p.1/\n", r.out);
	tool_free(&r);
	unsetenv("TEND_TEST_OUTER");
	unsetenv("TEND_TEST_BOTH");
}

static void ports(void)
{
	static const char procfile[] = "one: sh -c 'echo $PORT $0' $PORT\ntwo: sh -c 'echo $PORT'\n";
	struct tool_run r;

	put(".env", NULL);
	TOOL_RUN(&r, "up", "--keep-going", "-m", "one=2,two=1", put("Procfile", procfile));
	CHECK_INT(0, r.status);
	CHECK_LINE(r.out, "one.1 | 5000 5000");
	CHECK_LINE(r.out, "one.2 | 5001 5001");
	CHECK_LINE(r.out, "two.1 | 5100");
	tool_free(&r);
	put(".env", "PORT=80\n");
	TOOL_RUN(&r, "up", "--only", "two", tool_file("Procfile"));
	CHECK_STR("two.1 | 180\n", r.out);
	tool_free(&r);
	put(".env", NULL);
	setenv("PORT", "7000", 1);
	TOOL_RUN(&r, "up", "--only", "two", tool_file("Procfile"));
	CHECK_STR("two.1 | 7100\n", r.out);
	tool_free(&r);
	unsetenv("PORT");
}

/* In the Procfile's directory, with nothing to read, and no shell in between. */
static void surroundings(void)
{
	char directory[256];
	struct tool_run r;

	up(&r, "p: pwd\n", NULL);
	snprintf(directory, sizeof directory, "%s", tool_file("Procfile"));
	*strrchr(directory, '/') = '\0';
	CHECK(strstr(r.out, directory) != NULL);
	tool_free(&r);
	up(&r, "p: cat\n", NULL);
	CHECK_INT(0, r.status);
	CHECK_STR("", r.out);
	tool_free(&r);
}

/* ---- who runs ---- */

static size_t count_lines(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static void formations(void)
{
	static const struct {
		const char *args[4];
		const char *lines[4];
	} cases[] = {
		{ { NULL }, { "a.1    | x", "b.1    | x", "long.1 | x" } },
		{ { "-m", "a=2" }, { "a.1 | x", "a.2 | x" } },
		{ { "-m", "b=2,all=1" }, { "a.1    | x", "b.1    | x", "b.2    | x", "long.1 | x" } },
		{ { "--only", "b,a" }, { "a.1 | x", "b.1 | x" } },
		{ { "--only", "b", "-m", "a=3,b=2" }, { "b.1 | x", "b.2 | x" } },
	};
	const char *procfile = put("Procfile", "a: echo x\nb: echo x\nlong: echo x\n");
	struct tool_run r;

	put(".env", NULL);
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *args[8] = { "up", "--keep-going" };
		size_t n = 2;

		for (size_t j = 0; j < 4 && cases[i].args[j]; j++)
			args[n++] = cases[i].args[j];
		args[n] = procfile;
		tool_run(&r, args);
		CHECK_INT(0, r.status);
		for (n = 0; n < 4 && cases[i].lines[n]; n++)
			CHECK_LINE(r.out, cases[i].lines[n]);
		CHECK_INT(n, count_lines(r.out));
		tool_free(&r);
	}
}

/* ---- how they end ---- */

/* The first that ends stops the rest, and its status is tend's. */
static void the_first_ends_all(void)
{
	const char *report = tool_file("report");
	struct tool_run r;
	json_t *json;
	char procfile[1024];

	snprintf(procfile, sizeof procfile, "a: %s\nb: sh -c 'exit 3'\nc: %s\n", helper("obedient"),
	         helper("stubborn"));
	put(".env", NULL);
	TOOL_RUN(&r, "up", "--stop", "TERM:50ms", "--ready", "a=ready", "--report", report, put("Procfile", procfile));
	CHECK_INT(3, r.status);
	CHECK(strstr(r.err, "tend: a.1: ready after ") != NULL);
	CHECK(strstr(r.err, "tend: b.1: exit code 3\n") != NULL);
	json = tool_report(report);
	CHECK_INT(3, json_array_size(json));
	CHECK_STR("a.1", tool_text(json, "0.name"));
	CHECK_STR("signaled", tool_text(json, "0.outcome"));
	CHECK_STR("SIGTERM", tool_text(json, "0.signal"));
	CHECK(tool_int(json, "0.ready_ms") >= 0);
	CHECK_STR("exited", tool_text(json, "1.outcome"));
	CHECK_INT(3, tool_int(json, "1.exit_code"));
	CHECK(tool_is_null(json, "1.stop.phase"));
	CHECK(tool_is_null(json, "1.stderr.bytes"));
	json_decref(json);
	tool_free(&r);
}

static void keep_going(void)
{
	struct tool_run r;

	put(".env", NULL);
	TOOL_RUN(&r, "up", "--keep-going",
	         put("Procfile", "a: sh -c 'exit 0'\nb: sh -c 'exit 4'\nc: sh -c 'exit 0'\n"));
	CHECK_INT(4, r.status);
	tool_free(&r);
	TOOL_RUN(&r, "up", "--keep-going", put("Procfile", "a: true\nb: true\n"));
	CHECK_INT(0, r.status);
	tool_free(&r);
	TOOL_RUN(&r, "up", "--keep-going", put("Procfile", "a: /no/such/program\nb: echo b\n"));
	CHECK_INT(127, r.status);
	CHECK_STR("b.1 | b\n", r.out);
	tool_free(&r);
}

static void what_cannot_be_started(void)
{
	char procfile[512];
	struct tool_run r;

	snprintf(procfile, sizeof procfile, "a: %s\nb: /no/such/program\n", helper("obedient"));
	up(&r, procfile, NULL);
	CHECK_INT(127, r.status);
	CHECK(strstr(r.err, "tend: b.1: cannot execute /no/such/program: No such file") != NULL);
	tool_free(&r);
}

/* Each begins when those in front of it are ready. */
static void in_order_of_readiness(void)
{
	const char *report = tool_file("report"), *mark = tool_file("mark");
	char procfile[1024];
	struct tool_run r;
	json_t *json;

	unlink(mark);
	snprintf(procfile, sizeof procfile,
	         "a: sh -c 'read x; touch %s; echo up; exec %s'\nb: sh -c 'test -e %s && exit 5'\n", mark,
	         helper("obedient"), mark);
	put(".env", NULL);
	/* its stdin is empty: "read" does not wait */
	TOOL_RUN(&r, "up", "--ready", "a=^up$", put("Procfile", procfile));
	CHECK_INT(5, r.status);
	tool_free(&r);
	TOOL_RUN(&r, "up", "--keep-going", "--ready", "a=^never$", "--report", report,
	         put("Procfile", "a: echo a\nb: echo b\n"));
	CHECK_INT(125, r.status);
	CHECK_STR("a.1 | a\n", r.out);
	CHECK(strstr(r.err, "tend: b.1 and those behind it are not started\n") != NULL);
	json = tool_report(report);
	CHECK_INT(2, json_array_size(json));
	CHECK(tool_is_null(json, "1.outcome"));
	CHECK(tool_is_null(json, "1.pid"));
	json_decref(json);
	tool_free(&r);
}

/* ---- signals ---- */

static void one_signal_stops_all(void)
{
	char procfile[1024];
	struct tool_run r;
	tend_process *tool;

	snprintf(procfile, sizeof procfile, "a: %s\nb: %s\n", helper("obedient"), helper("obedient"));
	put(".env", NULL);
	tool = TOOL_START("up", "--keep-going", "--stop", "TERM:1h", put("Procfile", procfile));
	tool_await_out(tool, "a.1 | ready");
	tool_await_out(tool, "b.1 | ready");
	tool_signal(tool, SIGINT);
	tool_finish(&r, tool);
	CHECK_INT(128 + SIGTERM, r.status);
	CHECK(strstr(r.err, "tend: a.1: SIGINT: stopping it; once more kills it\n") != NULL);
	CHECK(strstr(r.err, "tend: b.1: stopped in phase 1, by SIGTERM") != NULL);
	tool_free(&r);
}

/* Also those that are gone a moment later, as the first one has ended. */
static void a_signal_names_all(void)
{
	enum { N = 16 };
	char procfile[1024], line[80];
	struct tool_run r;
	tend_process *tool;

	snprintf(procfile, sizeof procfile, "p: %s\n", helper("obedient"));
	put(".env", NULL);
	tool = TOOL_START("up", "-m", "p=16", put("Procfile", procfile));
	for (int i = 1; i <= N; i++) {
		snprintf(line, sizeof line, "p.%-2d | ready", i);
		tool_await_out(tool, line);
	}
	tool_signal(tool, SIGINT);
	tool_finish(&r, tool);
	for (int i = 1; i <= N; i++) {
		snprintf(line, sizeof line, "tend: p.%d: SIGINT: stopping it; once more kills it\n", i);
		CHECK(strstr(r.err, line) != NULL);
	}
	tool_free(&r);
}

/* All at once: one behind the other they would take longer than anybody waits. */
static void two_signals_kill_all(void)
{
	char procfile[1024];
	struct tool_run r;
	tend_process *tool;

	snprintf(procfile, sizeof procfile, "a: %s\nb: %s\n", helper("stubborn"), helper("stubborn"));
	put(".env", NULL);
	tool = TOOL_START("up", "--stop", "TERM:1h", put("Procfile", procfile));
	tool_await_out(tool, "a.1 | ready");
	tool_await_out(tool, "b.1 | ready");
	tool_signal(tool, SIGTERM);
	tool_await_err(tool, "tend: b.1: SIGTERM: stopping it");
	tool_signal(tool, SIGTERM);
	tool_finish(&r, tool);
	CHECK_INT(128 + SIGKILL, r.status);
	CHECK(strstr(r.err, "tend: a.1: SIGTERM again: killing it\n") != NULL);
	tool_free(&r);
}

/* While one waits for another to be ready. */
static void a_signal_before_all_are_started(void)
{
	char procfile[1024];
	struct tool_run r;
	tend_process *tool;

	snprintf(procfile, sizeof procfile, "a: %s\nb: echo started\n", helper("obedient"));
	put(".env", NULL);
	tool = TOOL_START("up", "--ready", "a=never", put("Procfile", procfile));
	tool_await_out(tool, "a.1 | ready");
	tool_signal(tool, SIGTERM);
	tool_finish(&r, tool);
	CHECK_INT(128 + SIGTERM, r.status);
	CHECK(strstr(r.out, "started") == NULL);
	tool_free(&r);
}

/* ---- on a terminal, and not ---- */

static void check_colours(const char *no_color, const char *term, bool expected)
{
	const char *set[] = { no_color, term, NULL };
	const char *argv[] = { tool_path(), "up", "-q", tool_file("Procfile"), NULL };
	struct tend_spawn spawn = test_spawn_options(argv, &test_reliable_all);
	struct tend_pty pty = { .mode = TEND_PTY_RAW };
	char out[256];

	spawn.pty = &pty;
	spawn.err = TEND_OUT_DISCARD;
	spawn.env_set = set;
	if (test_output_of(&spawn, out, sizeof out))
		CHECK_STR(expected ? "\033[36mp.1 | \033[0mx\n" : "p.1 | x\n", out);
}

static void colours(void)
{
	struct tool_run r;

	put("Procfile", "p: echo x\n");
	put(".env", NULL);
	check_colours("NO_COLOR=", "TERM=xterm", true);
	check_colours("NO_COLOR=1", "TERM=xterm", false);
	check_colours("NO_COLOR=", "TERM=dumb", false);
	TOOL_RUN(&r, "up", tool_file("Procfile"));
	CHECK_STR("p.1 | x\n", r.out);
	tool_free(&r);
}

/* Lines of many writers are whole, and none is missing. */
static void lines_are_not_torn(void)
{
	struct tool_run r;
	size_t n[3] = { 0 };
	const char *line;
	char *out, *rest;

	put(".env", NULL);
	TOOL_RUN(&r, "up", "--keep-going", "-m", "p=3", put("Procfile", "p: seq 20000 29999\n"));
	CHECK_INT(0, r.status);
	out = rest = strdup(r.out);
	while (out && (line = strsep(&rest, "\n")) && *line) {
		unsigned who = 0, number = 0;

		if (!CHECK_INT(2, sscanf(line, "p.%u | %u", &who, &number)) || !CHECK(who >= 1 && who <= 3))
			break;
		CHECK_INT(20000 + n[who - 1]++, number);
	}
	CHECK(n[0] == 10000 && n[1] == 10000 && n[2] == 10000);
	free(out);
	tool_free(&r);
}

static const struct test tests[] = {
	{ "command_lines", command_lines },
	{ "bad_files_are_refused", bad_files_are_refused },
	{ "nothing_is_started_before_all_is_read", nothing_is_started_before_all_is_read },
	{ "bad_options_are_refused", bad_options_are_refused },
	{ "variables", variables },
	{ "ports", ports },
	{ "surroundings", surroundings },
	{ "formations", formations },
	{ "the_first_ends_all", the_first_ends_all },
	{ "keep_going", keep_going },
	{ "what_cannot_be_started", what_cannot_be_started },
	{ "in_order_of_readiness", in_order_of_readiness },
	{ "one_signal_stops_all", one_signal_stops_all },
	{ "a_signal_names_all", a_signal_names_all },
	{ "two_signals_kill_all", two_signals_kill_all },
	{ "a_signal_before_all_are_started", a_signal_before_all_are_started },
	{ "colours", colours },
	{ "lines_are_not_torn", lines_are_not_torn },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "tool_up", tests, COUNT(tests));
}
