/* SPDX-License-Identifier: MIT */
/* Which calls can fail and how; each point in a process of its own, and the books behind it. */
#include "torture.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fault.h"
#include "leaks.h"
#include "test.h"

#define COOKIE "TEND_TEST_COOKIE"
#define FAILED 70
#define MAX_CALLS 64
#define MAX_ERRORS 7
#define MAX_STEPS 4
#define WATCHDOG 20 /* seconds, less than TEST_PATIENCE: what comes by a deadline only was lost */
#define SAMPLE 10 /* points of a scenario in "make check" */

/*
 * What each call can be answered with when its arguments are right, by its man page; and the steps that may be named
 * then, where it is not lived with.  Not here are calls that cannot fail so (epoll_wait(2), timerfd_settime(2),
 * epoll_ctl(2) EPOLL_CTL_DEL), and those that leave nothing to fall back on: rmdir(2) of what is empty, and the wait
 * for a child whose exec failed.
 */
static const struct refusal {
	const char *call;
	int errors[MAX_ERRORS];
	enum tend_step steps[MAX_STEPS];
} refusals[] = {
	{ "alloc", { ENOMEM }, { TEND_STEP_ALLOCATE, TEND_STEP_CGROUP } },
	{ "pipe", { EMFILE, ENFILE }, { TEND_STEP_PIPE, TEND_STEP_BYTES } },
	{ "eventfd", { EMFILE, ENFILE, ENOMEM }, { TEND_STEP_PIPE, TEND_STEP_THREAD, TEND_STEP_TERMINAL } },
	{ "open_null", { EMFILE, ENFILE, ENOENT, EACCES, ENOMEM }, { TEND_STEP_OPEN } },
	{ "set_nonblock", { EPERM }, { TEND_STEP_PIPE, TEND_STEP_TERMINAL } },
	{ "check_open", { EBADF }, { TEND_STEP_STDIO } },
	{ "check_readable", { EBADF, EPROTOTYPE }, { TEND_STEP_OPTIONS } },
	{ "check_writable", { EBADF }, { TEND_STEP_WRITE } },
	{ "set_pipe_size", { EPERM, EBUSY, ENOMEM }, { TEND_STEP_NONE } },
	{ "pipe_size", { EINVAL }, { TEND_STEP_NONE } },
	{ "readable", { ENOTTY }, { TEND_STEP_NONE } },
	{ "read", { EIO, ENOMEM }, { TEND_STEP_CGROUP, TEND_STEP_READ } },
	{ "read_at_begin", { ENOMEM }, { TEND_STEP_NONE } },
	{ "write", { EPIPE, EIO, ENOSPC, ENOMEM }, { TEND_STEP_WRITE } },
	{ "poll", { ENOMEM, EINVAL }, { TEND_STEP_WRITE } },
	{ "epoll", { EMFILE, ENFILE, ENOMEM }, { TEND_STEP_THREAD } },
	{ "epoll_add", { ENOMEM, ENOSPC }, { TEND_STEP_THREAD, TEND_STEP_PIDFD } },
	{ "epoll_add_file", { ENOMEM, ENOSPC }, { TEND_STEP_NONE } },
	{ "timerfd", { EMFILE, ENFILE, ENOMEM, ENODEV }, { TEND_STEP_THREAD } },
	{ "thread", { EAGAIN, EPERM }, { TEND_STEP_THREAD } },
	{ "spawn_shared", { EAGAIN, ENOMEM, EPERM, ENOSYS, EINVAL }, { TEND_STEP_CLONE } },
	{ "spawn_copied", { EAGAIN, ENOMEM, EPERM, ENOSYS }, { TEND_STEP_CLONE } },
	{ "spawn_into",
	  { EAGAIN, ENOMEM, EPERM, ENOSYS, EBUSY, EACCES, E2BIG },
	  { TEND_STEP_CLONE, TEND_STEP_CGROUP } },
	{ "pidfd_open", { EMFILE, ENFILE, ENOMEM, ENOSYS, EPERM }, { TEND_STEP_PIDFD, TEND_STEP_PARENT } },
	{ "setpgid", { EACCES, EPERM, ESRCH }, { TEND_STEP_NONE } },
	{ "pidfd_signal", { EPERM, ENOSYS, EINVAL }, { TEND_STEP_SIGNAL_LEADER, TEND_STEP_SIGNAL_GROUP } },
	{ "kill", { EPERM }, { TEND_STEP_SIGNAL_LEADER, TEND_STEP_SIGNAL_GROUP } },
	{ "pty", { EMFILE, ENFILE, ENOSPC, ENOENT, EACCES }, { TEND_STEP_TERMINAL } },
	{ "set_terminal", { EIO }, { TEND_STEP_TERMINAL } },
	{ "set_window", { EIO }, { TEND_STEP_NONE } },
	{ "memfd", { EMFILE, ENFILE, ENOMEM, ENOSYS, EFBIG }, { TEND_STEP_BYTES } },
	{ "socketpair", { EMFILE, ENFILE, ENOMEM, EAFNOSUPPORT }, { TEND_STEP_PARENT } },
	{ "send_fds", { EAGAIN, EPIPE, ECONNRESET, ENOBUFS, ETOOMANYREFS, ENOMEM }, { TEND_STEP_PARENT } },
	{ "dup", { EMFILE }, { TEND_STEP_TERMINAL, TEND_STEP_PIDFD } },
	{ "open_file", { EMFILE, ENFILE, EACCES, ENOMEM }, { TEND_STEP_CGROUP } },
	{ "open_folder", { EMFILE, ENFILE, EACCES, ENOMEM }, { TEND_STEP_CGROUP } },
	{ "open_at", { EMFILE, ENFILE, EACCES, ENOMEM }, { TEND_STEP_CGROUP } },
	{ "make_folder", { EACCES, ENOSPC, EROFS, EAGAIN }, { TEND_STEP_CGROUP } },
	{ "give", { EPERM }, { TEND_STEP_NONE } },
	{ "pid_of", { ENOTTY, ENOSYS, EPERM }, { TEND_STEP_NONE } },
	{ "exit_status", { ENOTTY, ENOSYS, EPERM }, { TEND_STEP_NONE } },
};

/* What is no error.  What never ends when it goes on for ever happens once. */
static const struct twist {
	const char *call, *name;
	enum fault_twist twist;
	bool may_last;
} twists[] = {
	{ "read", "short", FAULT_SHORT, true },
	{ "read", "again", FAULT_AGAIN, false },
	{ "write", "short", FAULT_SHORT, true },
	{ "write", "again", FAULT_AGAIN, false },
	{ "poll", "spurious", FAULT_SPURIOUS, true },
	{ "futex_wait", "spurious", FAULT_SPURIOUS, true },
	{ "epoll_wait", "spurious", FAULT_SPURIOUS, false },
	{ "wait", "spurious", FAULT_SPURIOUS, false },
	{ "wait", "thief", FAULT_THIEF, true },
	{ "interrupt", "interrupt", FAULT_INTERRUPT, false },
};

struct point {
	const struct torture *scenario;
	const struct refusal *refusal; /* or */
	const struct twist *twist;     /* or none of both: nothing is injected */
	unsigned long i;
	int error;
	bool lasting;
};

/* What the process of a point owns behind it. */
struct book {
	size_t threads, fds, children;
	long allocations;
};

/* Written by the process of a point. */
static struct word {
	unsigned long calls[MAX_CALLS];
	struct book book;
	bool fired, told;
	char cookie[256];
	char text[1000];
} *word;

/* In that process. */
static struct {
	struct point point;
	bool tolerant; /* the point's error may be told */
} self;

/* ---- what a scenario says ---- */

static void __attribute__((noreturn, format(printf, 1, 2))) fail(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(word->text, sizeof word->text, format, ap);
	va_end(ap);
	_exit(FAILED);
}

static bool may_name(enum tend_step step, const struct tend_error *e)
{
	const enum tend_step *steps = self.point.refusal->steps;

	for (size_t i = 0; i < MAX_STEPS && steps[i] != TEND_STEP_NONE; i++)
		if (steps[i] == step)
			return true;
	return step == TEND_STEP_PARENT && strstr(e->message, "guardian");
}

bool torture_tried(int result, const struct tend_error *error, const char *text, const char *file, int line)
{
	if (result >= 0)
		return true;
	if (!self.tolerant || result != -self.point.error)
		fail("%s:%d: %.200s: says %s: %.300s", file, line, text, strerrorname_np(-result),
		     error ? error->message : "");
	if (error && (error->code != result || !may_name(error->step, error) || !error->message[0]))
		fail("%s:%d: %.200s: says %s with code %d, step %s: \"%.300s\"", file, line, text,
		     strerrorname_np(-result), error->code, tend_step_name(error->step), error->message);
	word->told = true;
	return false;
}

void torture_excused(int code, const char *text, const char *file, int line)
{
	torture_tried(-code, NULL, text, file, line);
}

void torture_wrong(const char *what, const char *file, int line)
{
	fail("%s:%d: %.600s", file, line, what);
}

void torture_told(const char *what, const char *file, int line)
{
	if (!self.tolerant)
		torture_wrong(what, file, line);
	word->told = true;
}

bool torture_lasts(void)
{
	return self.tolerant && self.point.lasting;
}

bool torture_injects(const char *call)
{
	const struct point *p = &self.point;

	return (p->refusal && strcmp(p->refusal->call, call) == 0) || (p->twist && strcmp(p->twist->call, call) == 0);
}

bool torture_is_clean(void)
{
	return !word->told;
}

void torture_disarm(void)
{
	word->fired |= fault_fired();
	fault_reset();
	self.tolerant = false;
}

/* ---- the books ---- */

static size_t count_fds(const struct leaks *l)
{
	size_t n = 0;

	for (size_t i = 0; i < LEAKS_MAX_FD; i++)
		n += l->fd_open[i];
	return n;
}

/* The guardian is one for good. */
static size_t count_children(void)
{
	DIR *dir = opendir("/proc");
	const struct dirent *e;
	char path[300], line[300];
	size_t n = 0;

	while (dir && (e = readdir(dir))) {
		const char *rest;
		int parent;
		FILE *f;

		if (!isdigit((unsigned char)e->d_name[0]))
			continue;
		snprintf(path, sizeof path, "/proc/%s/stat", e->d_name);
		f = fopen(path, "re");
		if (!f)
			continue;
		rest = fgets(line, sizeof line, f) ? strrchr(line, ')') : NULL;
		n += rest && sscanf(rest, ") %*c %d", &parent) == 1 && parent == getpid();
		fclose(f);
	}
	if (dir)
		closedir(dir);
	return n;
}

static struct book look(const struct leaks *l)
{
	return (struct book){ .threads = l->threads, .fds = count_fds(l), .children = count_children(),
		              .allocations = l->allocations };
}

static bool is_same(const struct book *a, const struct book *b)
{
	return a->threads == b->threads && a->fds == b->fds && a->children == b->children &&
	       a->allocations == b->allocations;
}

static bool is_within(const struct book *most, const struct book *b)
{
	return b->threads <= most->threads && b->fds <= most->fds && b->children <= most->children &&
	       b->allocations <= most->allocations;
}

static unsigned slowness(void)
{
	return test_under_valgrind() || test_under_sanitizer() ? 10 : 1;
}

/* What is let go of behind the caller's back may take its time: until nothing changes any more. */
static void open_books(void)
{
	static struct leaks now;
	struct book last = { .threads = 0 };
	int quiet = 0;

	while (quiet < 8) {
		poll(NULL, 0, 2);
		leaks_look(&now);
		word->book = look(&now);
		quiet = is_same(&last, &word->book) ? quiet + 1 : 0;
		last = word->book;
	}
}

static bool is_even(const struct leaks *at_start, const struct leaks *now, const struct book *expected,
                    const struct book *b)
{
	const struct torture *t = self.point.scenario;

	/* where nothing could be started any more, what is made once may be missing */
	return t->is_program || (leaks_same_signals(at_start, now) && (t->once ? is_within(expected, b)
	                                                                        : is_same(expected, b)));
}

static void close_books(const struct leaks *at_start, const struct book *expected)
{
	int64_t until = test_now_ns() + slowness() * INT64_C(10000000000);
	static struct leaks now;
	char strays[600] = "";
	struct book b;

	do {
		leaks_look(&now);
		b = look(&now);
		if (is_even(at_start, &now, expected, &b) &&
		    leaks_no_strays(word->cookie, strays, sizeof strays))
			return;
		poll(NULL, 0, 1);
	} while (test_now_ns() < until);
	fail("left behind: %zu threads (%zu expected), %zu descriptors (%zu), %zu children (%zu), %ld allocations (%ld)"
	     "%s; %s",
	     b.threads, expected->threads, b.fds, expected->fds, b.children, expected->children, b.allocations,
	     expected->allocations, leaks_same_signals(at_start, &now) ? "" : ", signals changed", strays);
}

/* ---- one point ---- */

static void on_alarm(int sig)
{
	dprintf(STDERR_FILENO, "\n");
	signal(sig, SIG_DFL);
	alarm(5);
	test_show_threads();
	fail("took too long");
}

static void arm(const struct point *p)
{
	if (p->twist)
		fault_twist(p->twist->call, p->i, p->twist->twist, p->lasting);
	else if (p->refusal && p->lasting)
		fault_fail_sys_from(p->refusal->call, p->i, p->error);
	else if (p->refusal)
		fault_fail_sys(p->refusal->call, p->i, p->error);
	self.tolerant = p->refusal;
}

static void __attribute__((noreturn)) be_point(const struct point *p, const struct book *expected)
{
	static struct leaks at_start;
	const char *inherited = getenv(COOKIE);

	self.point = *p;
	/* not by number alone, which comes again: of a sweep that was ended from outside somebody may still be there */
	snprintf(word->cookie, sizeof word->cookie, COOKIE "=%s,torture%d-%lld", inherited ? inherited : "",
	         (int)getpid(), (long long)test_now_ns());
	setenv(COOKIE, word->cookie + sizeof COOKIE, 1);
	signal(SIGALRM, on_alarm);
	alarm(WATCHDOG * slowness());
	leaks_look(&at_start);
	arm(p);
	p->scenario->run();
	torture_disarm();
	for (size_t i = 0; fault_call_name(i) && i < MAX_CALLS; i++)
		word->calls[i] = fault_sys_calls(fault_call_name(i));
	if (!p->scenario->once && !p->scenario->is_program) {
		bool told = word->told;

		word->told = false;
		p->scenario->run();
		word->told = told;
	}
	if (expected)
		close_books(&at_start, expected);
	else
		open_books();
	_exit(0);
}

/* Whether all was well; otherwise word->text says why not. */
static bool run_point(const struct point *p, const struct book *expected)
{
	int status;
	pid_t pid;

	memset(word, 0, sizeof *word);
	pid = fork();
	if (pid == 0)
		be_point(p, expected);
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		snprintf(word->text, sizeof word->text, "fork failed");
		return false;
	}
	if (status != 0 && !word->text[0])
		snprintf(word->text, sizeof word->text, "its process ended with status 0x%x", status);
	if (status != 0)
		leaks_kill(word->cookie);
	return status == 0;
}

/* ---- all points ---- */

struct tally {
	unsigned long points, fired, told, failures, left_out;
};

struct sweep {
	const struct torture *scenario;
	const char *only;      /* what the names of points have to begin with */
	unsigned long stride;  /* each so many */
	unsigned long seen;
	bool counting;         /* none is run */
	struct book book;
	unsigned long calls[MAX_CALLS];
	struct tally tally;
};

static void name_point(const struct point *p, char *ret, size_t size)
{
	snprintf(ret, size, "%s:%s:%lu:%s:%s", p->scenario->name, p->twist ? p->twist->call : p->refusal->call, p->i,
	         p->twist ? p->twist->name : strerrorname_np(p->error), p->lasting ? "on" : "once");
}

/* A kernel, or a filter, knows how to signal by pidfd or does not; that does not change. */
static bool cannot_be(const struct point *p)
{
	return p->refusal && strcmp(p->refusal->call, "pidfd_signal") == 0 && p->error != EPERM &&
	       !(p->i == 1 && p->lasting);
}

static void meet(struct sweep *s, const struct point *p)
{
	char name[200];

	if (cannot_be(p))
		return;
	name_point(p, name, sizeof name);
	if (strncmp(name, s->only, strlen(s->only)) != 0 || s->seen++ % s->stride || s->counting)
		return;
	s->tally.points++;
	if (!run_point(p, &s->book)) {
		s->tally.failures++;
		fprintf(stderr, "torture: %s: %s\n", name, word->text);
	}
	s->tally.fired += word->fired;
	s->tally.told += word->told;
}

static void meet_both(struct sweep *s, struct point *p, bool may_last)
{
	p->lasting = false;
	meet(s, p);
	p->lasting = true;
	if (may_last)
		meet(s, p);
}

static unsigned long calls_of(const struct sweep *s, const char *call)
{
	for (size_t i = 0; fault_call_name(i); i++)
		if (strcmp(fault_call_name(i), call) == 0)
			return s->calls[i];
	return 0;
}

/* A look at all of /proc repeats these for each process that there is, ours or not: from here on only some. */
#define WALK 24

static unsigned long next(struct sweep *s, const char *call, unsigned long i)
{
	static const char *const repeated[] = { "open_file", "open_folder", "read", "interrupt" };
	unsigned long n = 1, most = calls_of(s, call);

	for (size_t k = 0; k < sizeof repeated / sizeof *repeated; k++)
		if (i >= WALK && strcmp(call, repeated[k]) == 0)
			n = 13;
	if (!s->counting)
		s->tally.left_out += i >= most ? 0 : i + n <= most ? n - 1 : most - i;
	return i + n;
}

static void each_point(struct sweep *s)
{
	for (size_t k = 0; k < sizeof refusals / sizeof *refusals; k++)
		for (unsigned long i = 1; i <= calls_of(s, refusals[k].call);
		     i = next(s, refusals[k].call, i))
			for (size_t e = 0; e < MAX_ERRORS && refusals[k].errors[e]; e++)
				meet_both(s,
				          &(struct point){ .scenario = s->scenario, .refusal = &refusals[k], .i = i,
				                           .error = refusals[k].errors[e] },
				          true);
	for (size_t k = 0; k < sizeof twists / sizeof *twists; k++)
		for (unsigned long i = 1; i <= calls_of(s, twists[k].call);
		     i = next(s, twists[k].call, i))
			meet_both(s, &(struct point){ .scenario = s->scenario, .twist = &twists[k], .i = i },
			          twists[k].may_last);
}

/* Nothing injected: how often is what called, and what does the process own then?  Twice, as threads are. */
static bool explore(struct sweep *s)
{
	const struct point nothing = { .scenario = s->scenario };

	for (int round = 0; round < 2; round++) {
		if (!run_point(&nothing, round ? &s->book : NULL)) {
			fprintf(stderr, "torture: %s, nothing injected: %s\n", s->scenario->name, word->text);
			return false;
		}
		if (round == 0)
			s->book = word->book;
		for (size_t i = 0; i < MAX_CALLS; i++)
			if (s->calls[i] < word->calls[i])
				s->calls[i] = word->calls[i];
	}
	return true;
}

/* About `sample` of the points, or, where it is 0, all. */
static struct tally sweep(const struct torture *scenario, const char *only, unsigned long sample)
{
	struct sweep s = { .scenario = scenario, .only = only, .stride = 1 };

	if (!explore(&s)) {
		s.tally.failures = 1;
		return s.tally;
	}
	if (sample > 0) {
		s.counting = true;
		each_point(&s);
		s.counting = false;
		s.stride = s.seen / sample + 1;
		s.seen = 0;
	}
	each_point(&s);
	return s.tally;
}

static bool make_word(void)
{
	word = mmap(NULL, sizeof *word, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return word != MAP_FAILED;
}

#define MAX_SCENARIOS 96

static const struct torture *table;
static size_t n_table;
static const char *const *known_points;

/* ---- some, as tests ---- */

static int run_some(const char *name)
{
	unsigned long sample = SAMPLE / slowness();
	struct tally t = { .points = 0 };

	for (size_t i = 0; i < n_table; i++)
		if (strcmp(table[i].name, name) == 0)
			t = sweep(&table[i], "", sample ? sample : 1);
	return t.failures > 0 || t.fired == 0;
}

/* This process has used the library already. */
static void run_test(void)
{
	const char *argv[] = { "--some", test_name(), NULL };

	CHECK_INT(0, test_run_self(argv, NULL, NULL, NULL, 0));
}

/* The scenario of a point; NULL where it cannot be had. */
static const struct torture *scenario_of(const char *point)
{
	size_t n = strcspn(point, ":");

	for (size_t i = 0; i < n_table; i++)
		if (strlen(table[i].name) == n && strncmp(table[i].name, point, n) == 0)
			return &table[i];
	return NULL;
}

/* That nothing is hit any more is a failure, too, or such a list would rot. */
static int run_known(const char *point)
{
	struct tally t = sweep(scenario_of(point), point, 0);

	if (t.failures == 0 && t.fired == 0)
		fprintf(stderr, "torture: %s: nothing was hit\n", point);
	return t.failures > 0 || t.fired == 0;
}

static void run_known_points(void)
{
	for (const char *const *point = known_points; *point; point++) {
		const char *argv[] = { "--known", *point, NULL };

		if (scenario_of(*point))
			CHECK_INT(0, test_run_self(argv, NULL, NULL, NULL, 0));
		else
			printf("(left out: %s, as its scenario cannot be had) ", *point);
	}
}

/* ---- all ---- */

/* Each scenario by a process of its own, as many at a time as there are processors. */
static int run_all(const char *only)
{
	struct tally *tallies = mmap(NULL, n_table * sizeof *tallies, PROT_READ | PROT_WRITE,
	                             MAP_SHARED | MAP_ANONYMOUS, -1, 0),
		     sum = { .points = 0 };
	long running = 0, room = sysconf(_SC_NPROCESSORS_ONLN);

	if (tallies == MAP_FAILED)
		return 1;
	for (size_t i = 0; i < n_table; i++) {
		size_t n = strcspn(only, ":");

		if (n > 0 && (strncmp(only, table[i].name, n) != 0 || (only[n] && table[i].name[n])))
			continue;
		if (running == room && wait(NULL) > 0)
			running--;
		tallies[i].failures = 1; /* until it has said otherwise */
		fflush(stdout);
		if (fork() == 0) {
			if (make_word())
				tallies[i] = sweep(&table[i], only, 0);
			printf("%-28s %6lu points, %6lu hit, %6lu told, %3lu failed\n", table[i].name,
			       tallies[i].points, tallies[i].fired, tallies[i].told, tallies[i].failures);
			fflush(stdout);
			_exit(0);
		}
		running++;
	}
	while (wait(NULL) > 0)
		;
	for (size_t i = 0; i < n_table; i++) {
		sum.points += tallies[i].points;
		sum.fired += tallies[i].fired;
		sum.told += tallies[i].told;
		sum.failures += tallies[i].failures;
		sum.left_out += tallies[i].left_out;
	}
	printf("%-28s %6lu points, %6lu hit, %6lu told, %3lu failed\n", "all", sum.points, sum.fired, sum.told,
	       sum.failures);
	printf("left out: %lu calls of looks at all of /proc\n", sum.left_out);
	return sum.failures > 0 || sum.fired == 0;
}

int torture_main(int argc, char **argv, const struct torture *scenarios, size_t n, const char *const *known)
{
	static struct test tests[MAX_SCENARIOS];
	const char *only = getenv("TORTURE_ONLY");

	table = scenarios;
	n_table = n;
	known_points = known;
	if (n >= MAX_SCENARIOS || !make_word())
		return 1;
	if (only || (argc == 2 && strcmp(argv[1], "--all") == 0))
		return run_all(only ? only : "");
	if (argc == 3 && strcmp(argv[1], "--some") == 0)
		return run_some(argv[2]);
	if (argc == 3 && strcmp(argv[1], "--known") == 0 && scenario_of(argv[2]))
		return run_known(argv[2]);
	for (size_t i = 0; i < n; i++)
		tests[i] = (struct test){ scenarios[i].name, run_test };
	tests[n] = (struct test){ "known_points", run_known_points };
	return test_main(argc, argv, "torture", tests, n + 1);
}
