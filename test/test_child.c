/* SPDX-License-Identifier: MIT */
/* What a child is given besides its program: the extras of a spawn, one by one, and what is refused of them. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"
#include "thread.h"

/* Hazard 29: a host with much of this still gets its readers, whose small stacks have to hold it. */
static _Thread_local volatile char much[2 << 20];

/* A spawn of the reporter that says `what`. */
static struct tend_spawn reporter(const char *argv[4], const char *what, const char *detail)
{
	argv[0] = helper("reporter");
	argv[1] = what;
	argv[2] = detail;
	argv[3] = NULL;
	return test_spawn_options(argv, &test_reliable_all);
}

static void check_report(const struct tend_spawn *s, const char *expected)
{
	char out[4096];

	if (test_output_of(s, out, sizeof out))
		CHECK_STR(expected, out);
}

/* Spawns, which has to fail, and leaves nothing. */
static void check_failure(const struct tend_spawn *s, int code, enum tend_step step, const char *says)
{
	tend_process *p = NULL;
	struct tend_error e = { .code = 0 };

	CHECK_INT(code, tend_spawn(s, &p, &e));
	CHECK_INT(step, e.step);
	if (!CHECK(strstr(e.message, says) != NULL))
		fprintf(stderr, "it says: %s\n", e.message);
	CHECK(!p);
	CHECK(test_no_children());
}

/* ---- refusals ---- */

static const char *const no_equals[] = { "A=1", "B", NULL };
static const char *const no_key[] = { "=1", NULL };
static const char *const with_equals[] = { "A=", NULL };
static const struct tend_pass_fd low_target = { 0, 2 };
static const struct tend_pass_fd no_source = { -1, 3 };
static const struct tend_pass_fd twice[] = { { 0, 3 }, { 1, 4 }, { 2, 3 } };
static const struct tend_rlimit upside_down = { RLIMIT_CORE, 2, 1 };
static const struct tend_rlimit no_resource = { 99, 1, 1 };
static const struct tend_pty no_mode, raw = { .mode = TEND_PTY_RAW };

static void bad_env(struct tend_spawn *s) { s->env = no_equals; }
static void bad_env_set(struct tend_spawn *s) { s->env_set = no_key; }
static void bad_env_unset(struct tend_spawn *s) { s->env_unset = with_equals; }
static void bad_bytes(struct tend_spawn *s) { s->in = TEND_IN_BYTES(NULL, 1); }
static void bad_umask(struct tend_spawn *s) { s->umask = TEND_UMASK(01000); }
static void plain_umask(struct tend_spawn *s) { s->umask = 022; }
static void bad_nice(struct tend_spawn *s) { s->nice = TEND_NICE(20); }
static void bad_oom_score(struct tend_spawn *s) { s->oom_score_adj = TEND_OOM_SCORE_ADJ(-1001); }
static void plain_oom_score(struct tend_spawn *s) { s->oom_score_adj = 500; }
static void lowest_uid(struct tend_spawn *s) { s->uid = INT64_MIN; } /* nothing overflows: UBSan */
static void plain_uid(struct tend_spawn *s) { s->uid = 1000; }
static void no_uid(struct tend_spawn *s) { s->uid = TEND_UID(-1); }
static void bad_gid(struct tend_spawn *s) { s->gid = TEND_GID(INT64_C(1) << 40); }
static void bad_scope(struct tend_spawn *s) { s->scope = 99; }
static void bad_parent(struct tend_spawn *s) { s->with_parent = 99; }
static void plain_busy(struct tend_spawn *s) { s->on_busy = 1; }
static void endless_busy(struct tend_spawn *s) { s->on_busy = TEND_FOREVER; }
static void no_fallback(struct tend_spawn *s) { s->scope = TEND_SCOPE_CGROUP; }
static void group_with_fallback(struct tend_spawn *s) { s->cgroup.if_unavailable = TEND_NO_CGROUP_GROUP; }

static void relative_cgroup(struct tend_spawn *s)
{
	s->scope = TEND_SCOPE_CGROUP;
	s->cgroup = (struct tend_cgroup){ .parent = "here", .if_unavailable = TEND_NO_CGROUP_REFUSE };
}

static void uid_alone(struct tend_spawn *s) { s->uid = TEND_UID(1); }

static void uid_without_groups(struct tend_spawn *s)
{
	s->uid = TEND_UID(1);
	s->gid = TEND_GID(1);
}

static void groups_without_list(struct tend_spawn *s) { s->groups = TEND_GROUPS(NULL, 1); }

static void pass(struct tend_spawn *s, const struct tend_pass_fd *fds, size_t n)
{
	s->pass_fds = fds;
	s->n_pass_fds = n;
}

static void pass_low(struct tend_spawn *s) { pass(s, &low_target, 1); }
static void pass_nothing(struct tend_spawn *s) { pass(s, &no_source, 1); }
static void pass_twice(struct tend_spawn *s) { pass(s, twice, 3); }
static void pass_null(struct tend_spawn *s) { pass(s, NULL, 1); }
static void pass_many(struct tend_spawn *s) { pass(s, twice, TEND_MAX_PASS_FDS + 1); }

static void limit(struct tend_spawn *s, const struct tend_rlimit *limits, size_t n)
{
	s->rlimits = limits;
	s->n_rlimits = n;
}

static void limit_upside_down(struct tend_spawn *s) { limit(s, &upside_down, 1); }
static void limit_nothing(struct tend_spawn *s) { limit(s, &no_resource, 1); }
static void limit_null(struct tend_spawn *s) { limit(s, NULL, 1); }
static void limit_many(struct tend_spawn *s) { limit(s, &upside_down, TEND_MAX_RLIMITS + 1); }
static void pty_no_mode(struct tend_spawn *s) { s->pty = &no_mode; }
static void pty_discarded(struct tend_spawn *s) { s->pty = &raw, s->out = TEND_OUT_DISCARD; }
static void pty_in_group(struct tend_spawn *s) { s->pty = &raw, s->scope = TEND_SCOPE_GROUP; }

static const struct {
	const char *field;
	void (*spoil)(struct tend_spawn *s);
} refusals[] = {
	{ "env[1]", bad_env },
	{ "env_set[0]", bad_env_set },
	{ "env_unset[0]", bad_env_unset },
	{ "in.bytes", bad_bytes },
	{ "umask is 512: 0 to 511", bad_umask },
	{ "umask is a plain number", plain_umask },
	{ "nice", bad_nice },
	{ "oom_score_adj", bad_oom_score },
	{ "oom_score_adj", plain_oom_score },
	{ "uid is a plain number", plain_uid },
	{ "uid is a plain number", lowest_uid },
	{ "uid is -1", no_uid },
	{ "gid", bad_gid },
	{ "gid is not chosen", uid_alone },
	{ "groups.kind is not chosen", uid_without_groups },
	{ "groups.list", groups_without_list },
	{ "scope", bad_scope },
	{ "with_parent", bad_parent },
	{ "on_busy is a plain number", plain_busy },
	{ "on_busy is TEND_FOREVER", endless_busy },
	{ "cgroup.if_unavailable is not chosen", no_fallback },
	{ "cgroup is for TEND_SCOPE_CGROUP", group_with_fallback },
	{ "cgroup.parent", relative_cgroup },
	{ "pass_fds[0].target", pass_low },
	{ "pass_fds[0].source", pass_nothing },
	{ "pass_fds[2].target is 3, as that of pass_fds[0]", pass_twice },
	{ "pass_fds must not be NULL", pass_null },
	{ "n_pass_fds is 65", pass_many },
	{ "rlimits[0].soft", limit_upside_down },
	{ "rlimits[0].resource", limit_nothing },
	{ "rlimits must not be NULL", limit_null },
	{ "n_rlimits is 33", limit_many },
	{ "pty.mode is not chosen", pty_no_mode },
	{ "out.kind", pty_discarded },
	{ "scope", pty_in_group },
};

static void refuses_what_cannot_be(void)
{
	for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
		const char *argv[4];
		struct tend_spawn s = reporter(argv, "pgid", NULL);
		struct tend_error e = { .code = 0 };
		tend_process *p = NULL;
		char start[128];

		refusals[i].spoil(&s);
		CHECK_INT(-EINVAL, tend_spawn(&s, &p, &e));
		CHECK_INT(TEND_STEP_OPTIONS, e.step);
		snprintf(start, sizeof start, "%.*s", (int)strlen(refusals[i].field), e.message);
		CHECK_STR(refusals[i].field, start);
		CHECK(test_no_children());
	}
}

/* ---- environment ---- */

/* What is set goes in place of what there is, what is unset goes; of several settings the last one counts. */
static void environment_is_edited(void)
{
	static const char *const env[] = { "KEEP=1", "GO=2", "SET=3", "GONE=4", "SET=5", NULL };
	static const char *const unset[] = { "GO", "GON", "NEVER", NULL };
	static const char *const set[] = { "SET=new", "MORE=x=y", "TWICE=1", "TWICE=2", NULL };
	const char *argv[4];
	struct tend_spawn s = reporter(argv, "env", NULL);

	s.env = env;
	s.env_unset = unset;
	s.env_set = set;
	check_report(&s, "KEEP=1\nGONE=4\nSET=new\nMORE=x=y\nTWICE=2\n");
	s.env_unset = NULL;
	s.env_set = (const char *const[]){ "GO=", NULL };
	check_report(&s, "KEEP=1\nSET=3\nGONE=4\nSET=5\nGO=\n");
}

static void hosts_environment_is_edited(void)
{
	static const char *const set[] = { "TEND_TEST_CHILD=new", NULL };
	static const char *const unset[] = { "TEND_TEST_UNSET", NULL };
	const char *argv[4];
	struct tend_spawn s = reporter(argv, "env", NULL);
	static char out[64 << 10];

	setenv("TEND_TEST_CHILD", "old", 1);
	setenv("TEND_TEST_UNSET", "there", 1);
	s.env_set = set;
	s.env_unset = unset;
	if (test_output_of(&s, out, sizeof out)) {
		CHECK(strstr(out, "TEND_TEST_CHILD=new\n") != NULL);
		CHECK(strstr(out, "TEND_TEST_CHILD=old") == NULL);
		CHECK(strstr(out, "TEND_TEST_UNSET") == NULL);
		CHECK(strstr(out, "PATH=") != NULL);
	}
	CHECK_STR("old", getenv("TEND_TEST_CHILD"));
	unsetenv("TEND_TEST_CHILD");
	unsetenv("TEND_TEST_UNSET");
}

/* ---- numbers ---- */

/* Wish 19, hazard 23: each is the child's alone. */
static void umask_is_the_childs(void)
{
	const char *argv[4];
	struct tend_spawn s = reporter(argv, "umask", NULL);
	mode_t ours = umask(022);

	much[sizeof much - 1] = 1; /* it is there */

	check_report(&s, "022\n");
	s.umask = TEND_UMASK(0);
	check_report(&s, "000\n");
	s.umask = TEND_UMASK(0777);
	check_report(&s, "777\n");
	CHECK_INT(022, umask(ours));
}

static int oom_score(void)
{
	FILE *f = fopen("/proc/self/oom_score_adj", "re");
	int n = INT_MIN;

	if (f) {
		CHECK_INT(1, fscanf(f, "%d", &n));
		fclose(f);
	}
	return n;
}

static void nice_is_the_childs(void)
{
	const char *argv[4];
	struct tend_spawn s = reporter(argv, "nice", NULL);
	int ours = getpriority(PRIO_PROCESS, 0);
	char expected[16];

	s.nice = TEND_NICE(19);
	check_report(&s, "19\n");
	CHECK_INT(ours, getpriority(PRIO_PROCESS, 0));
	snprintf(expected, sizeof expected, "%d\n", ours);
	s.nice = TEND_NICE(ours);
	check_report(&s, expected);
}

/* Also where it shares the host's memory until it executes. */
static void oom_score_is_the_childs(void)
{
	const char *argv[4];
	struct tend_spawn s = reporter(argv, "oom", NULL);
	int ours = oom_score();
	char expected[16];

	snprintf(expected, sizeof expected, "%d\n", ours);
	check_report(&s, expected);
	s.oom_score_adj = TEND_OOM_SCORE_ADJ(1000);
	check_report(&s, "1000\n");
	CHECK_INT(ours, oom_score());
	s.oom_score_adj = TEND_OOM_SCORE_ADJ(ours);
	check_report(&s, expected);
}

static void limits_are_the_childs(void)
{
	static const struct tend_rlimit limits[] = { { RLIMIT_NOFILE, 40, 50 }, { RLIMIT_CORE, 0, 0 } };
	const char *argv[4];
	char number[16] = "";
	struct tend_spawn s = reporter(argv, "rlimit", number);
	struct rlimit before, after;

	CHECK_INT(0, getrlimit(RLIMIT_NOFILE, &before));
	limit(&s, limits, 2);
	if (test_under_valgrind()) /* which keeps some descriptors for itself */
		limit(&s, limits + 1, 1);
	snprintf(number, sizeof number, "%d", RLIMIT_NOFILE);
	if (!test_under_valgrind())
		check_report(&s, "40 50\n");
	snprintf(number, sizeof number, "%d", RLIMIT_CORE);
	check_report(&s, "0 0\n");
	CHECK_INT(0, getrlimit(RLIMIT_NOFILE, &after));
	CHECK_INT(before.rlim_cur, after.rlim_cur);
}

/* Above what the kernel allows to anybody (fs.nr_open): the entry is named. */
static void limit_is_refused(void)
{
	static const struct tend_rlimit limits[] = { { RLIMIT_CORE, 0, 0 },
		                                     { RLIMIT_NOFILE, RLIM_INFINITY, RLIM_INFINITY } };
	const char *argv[4];
	struct tend_spawn s = reporter(argv, "cwd", NULL);

	limit(&s, limits, 2);
	check_failure(&s, -EPERM, TEND_STEP_RLIMITS, "rlimits[1]");
}

/* The descriptor of the program is passed, as nobody may have no way to its path. */
static void another_user(void)
{
	static const gid_t groups[] = { 100, 200 };
	const char *argv[4];
	struct tend_spawn s = reporter(argv, "ids", NULL);
	struct tend_pass_fd program = { .target = 77 };

	if (geteuid() != 0) {
		s.uid = TEND_UID(0);
		s.gid = TEND_GID(0);
		s.groups = TEND_GROUPS_NONE;
		check_failure(&s, -EPERM, TEND_STEP_IDS, "ids");
		return;
	}
	program.source = open(helper("reporter"), O_RDONLY | O_CLOEXEC);
	CHECK(program.source >= 0);
	pass(&s, &program, 1);
	s.program = "/proc/self/fd/77";
	s.uid = TEND_UID(65534);
	s.gid = TEND_GID(65533);
	s.groups = TEND_GROUPS(groups, 2);
	check_report(&s, "65534 65534 65534, 65533 65533 65533, 100 200\n");
	s.groups = TEND_GROUPS_NONE;
	check_report(&s, "65534 65534 65534, 65533 65533 65533,\n");
	s.uid = 0;
	check_report(&s, "0 0 0, 65533 65533 65533,\n");
	CHECK_INT(0, geteuid());
	CHECK_INT(1, prctl(PR_GET_DUMPABLE)); /* the ids were changed in memory of its own */
	close(program.source);
}

static void no_new_privileges(void)
{
	const char *argv[4];
	struct tend_spawn s = reporter(argv, "status", "NoNewPrivs");

	check_report(&s, "NoNewPrivs:\t0\n");
	s.no_new_privs = true;
	check_report(&s, "NoNewPrivs:\t1\n");
}

/* Hazard 23: what the spawning thread was pinned to is not the child's business. */
static void scheduling_is_reset(void)
{
	const struct sched_param one = { .sched_priority = 1 }, none = { .sched_priority = 0 };
	const char *argv[4];
	struct tend_spawn s = reporter(argv, "sched", NULL);
	char all[32];
	cpu_set_t before, first;
	int n, cpu = 0;

	CHECK_INT(0, sched_getaffinity(0, sizeof before, &before));
	n = CPU_COUNT(&before);
	while (!CPU_ISSET(cpu, &before))
		cpu++;
	CPU_ZERO(&first);
	CPU_SET(cpu, &first);
	CHECK_INT(0, sched_setaffinity(0, sizeof first, &first));
	check_report(&s, "0 1\n");
	s.reset_affinity = true;
	snprintf(all, sizeof all, "0 %d\n", n);
	check_report(&s, all);
	CHECK_INT(0, sched_setaffinity(0, sizeof before, &before));
	if (sched_setscheduler(0, SCHED_FIFO, &one) < 0)
		return; /* not ours to do */
	snprintf(all, sizeof all, "1 %d\n", n);
	check_report(&s, all);
	s.reset_scheduler = true;
	snprintf(all, sizeof all, "0 %d\n", n);
	check_report(&s, all);
	CHECK_INT(0, sched_setscheduler(0, SCHED_OTHER, &none));
}

/* ---- without privileges ---- */

/* What only root may do is refused with its step; run as nobody, from whatever this program is. */
static int be_nobody(const char *cgroup)
{
	static const gid_t groups[] = { 0 };
	const char *argv[] = { "true", NULL };
	struct tend_spawn s = test_spawn_options(argv, NULL), with_cgroup = s;
	const struct {
		enum tend_step step;
		tend_value uid, gid, nice, oom_score_adj;
		struct tend_groups groups;
	} wanted[] = {
		{ .step = TEND_STEP_SCHEDULING, .nice = TEND_NICE(-20) },
		{ .step = TEND_STEP_OOM_SCORE, .oom_score_adj = TEND_OOM_SCORE_ADJ(-1000) },
		{ .step = TEND_STEP_IDS, .uid = TEND_UID(0), .gid = TEND_GID(65534), .groups = TEND_GROUPS_KEEP },
		{ .step = TEND_STEP_IDS, .gid = TEND_GID(0) },
		{ .step = TEND_STEP_IDS, .groups = TEND_GROUPS(groups, 1) },
	};
	struct tend_error e = { .code = 0 };
	tend_process *p = NULL;
	struct tend_exit ended;

	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
		s.nice = wanted[i].nice;
		s.oom_score_adj = wanted[i].oom_score_adj;
		s.uid = wanted[i].uid;
		s.gid = wanted[i].gid;
		s.groups = wanted[i].groups;
		if (tend_spawn(&s, &p, &e) == 0 || (e.code != -EPERM && e.code != -EACCES) || e.step != wanted[i].step)
			return 10 + (int)i;
	}
	if (!*cgroup)
		return 0;
	/* a directory that it owns, and no right to leave the cgroup that it is in */
	with_cgroup.scope = TEND_SCOPE_CGROUP;
	with_cgroup.cgroup.parent = cgroup;
	with_cgroup.cgroup.if_unavailable = TEND_NO_CGROUP_REFUSE;
	if (tend_spawn(&with_cgroup, &p, &e) != -EACCES || e.step != TEND_STEP_CGROUP)
		return 20;
	with_cgroup.cgroup.if_unavailable = TEND_NO_CGROUP_GROUP;
	if (tend_spawn(&with_cgroup, &p, &e) < 0 || tend_process_scope(p) != TEND_SCOPE_GROUP)
		return 21;
	if (tend_process_wait(p, TEND_SECONDS(60), &ended, &e) < 0 || ended.code != 0)
		return 22;
	tend_process_free(p);
	return 0;
}

/* A cgroup that belongs to nobody; "" where none can be made. */
static void make_cgroup_of_nobody(char path[PATH_MAX])
{
	const char *argv[] = { helper("true-er"), NULL };
	struct tend_spawn s = test_spawn_options(argv, NULL);
	struct tend_exit ended;
	tend_process *p = NULL;

	path[0] = '\0';
	s.scope = TEND_SCOPE_CGROUP;
	s.cgroup.if_unavailable = TEND_NO_CGROUP_REFUSE;
	if (tend_spawn(&s, &p, NULL) < 0)
		return;
	snprintf(path, PATH_MAX, "%s-of-nobody", tend_process_cgroup(p));
	test_wait(p, &ended);
	tend_process_free(p);
	if (mkdir(path, 0755) < 0 || chown(path, 65534, 65534) < 0)
		path[0] = '\0';
}

static void what_only_root_may_do(void)
{
	const struct tend_pass_fd self = { open("/proc/self/exe", O_RDONLY | O_CLOEXEC), 77 };
	char cgroup[PATH_MAX];
	const char *argv[] = { "test_child", "--nobody", cgroup, NULL };
	struct tend_spawn s = test_spawn_options(argv, NULL);
	struct tend_error e;
	struct tend_exit ended;
	tend_process *p = NULL;

	make_cgroup_of_nobody(cgroup);
	s.program = "/proc/self/fd/77";
	s.err = TEND_OUT_INHERIT;
	pass(&s, &self, 1);
	if (geteuid() == 0) {
		s.uid = TEND_UID(65534);
		s.gid = TEND_GID(65534);
		s.groups = TEND_GROUPS_NONE;
	}
	if (CHECK_OK(tend_spawn(&s, &p, &e), &e)) {
		test_wait(p, &ended);
		CHECK_INT(0, ended.code);
	}
	tend_process_free(p);
	close(self.source);
	if (cgroup[0])
		rmdir(cgroup);
}

/* ---- descriptors ---- */

/* A file in memory that /proc/PID/fd shows as "/memfd:<name> (deleted)". */
static int named_file(const char *name)
{
	int fd = memfd_create(name, MFD_CLOEXEC);

	CHECK(fd >= 0);
	return fd;
}

static void put_on(int fd, int number)
{
	CHECK_INT(number, dup3(fd, number, O_CLOEXEC));
	close(fd);
}

/* Hazards 4, 14: swaps, chains, several copies; and the host's own are as they were. */
static void descriptors_are_passed(void)
{
	static const struct tend_pass_fd fds[] = { { 50, 51 }, { 51, 50 }, { 52, 53 },
		                                   { 53, 55 }, { 54, 54 }, { 50, 3 } };
	static const char expected[] = "3 /memfd:fifty (deleted)\n"
	                               "50 /memfd:fifty-one (deleted)\n"
	                               "51 /memfd:fifty (deleted)\n"
	                               "53 /memfd:fifty-two (deleted)\n"
	                               "54 /memfd:fifty-four (deleted)\n"
	                               "55 /memfd:fifty-three (deleted)\n";
	const char *argv[4];
	struct tend_spawn s = reporter(argv, "links", NULL);
	char out[4096];

	put_on(named_file("fifty"), 50);
	put_on(named_file("fifty-one"), 51);
	put_on(named_file("fifty-two"), 52);
	put_on(named_file("fifty-three"), 53);
	put_on(named_file("fifty-four"), 54);
	pass(&s, fds, 6);
	if (test_output_of(&s, out, sizeof out) && CHECK(strstr(out, "\n3 ") != NULL))
		CHECK_STR(expected, strstr(out, "\n3 ") + 1); /* behind 0, 1 and 2: these, and nothing else */
	for (int fd = 50; fd <= 54; fd++) {
		CHECK_INT(FD_CLOEXEC, fcntl(fd, F_GETFD));
		close(fd);
	}
}

#define RANDOM_FIRST 40
#define RANDOM_NUMBERS 24

/* An oracle: the child's table is what the pairs say, whatever they are; the pipe for errors lies in between. */
static void any_descriptors_are_passed(void)
{
	unsigned seed = 1;

	for (int i = 0; i < RANDOM_NUMBERS; i += 2) {
		char name[16];

		snprintf(name, sizeof name, "f%d", RANDOM_FIRST + i);
		put_on(named_file(name), RANDOM_FIRST + i);
	}
	for (int round = 0; round < (test_under_valgrind() ? 5 : 100); round++) {
		struct tend_pass_fd fds[RANDOM_NUMBERS];
		const char *argv[4];
		struct tend_spawn s = reporter(argv, "links", NULL);
		char out[8192], expected[64];
		size_t n = 0;

		for (int target = 3; target < RANDOM_FIRST + RANDOM_NUMBERS && n < RANDOM_NUMBERS; target++) {
			if (rand_r(&seed) % 3)
				continue;
			fds[n].target = target;
			fds[n++].source = RANDOM_FIRST + rand_r(&seed) % (RANDOM_NUMBERS / 2) * 2;
		}
		for (size_t i = n; i-- > 1;) { /* in any order */
			size_t k = (size_t)rand_r(&seed) % (i + 1);
			struct tend_pass_fd swapped = fds[i];

			fds[i] = fds[k];
			fds[k] = swapped;
		}
		pass(&s, fds, n);
		if (!test_output_of(&s, out, sizeof out))
			break;
		for (size_t i = 0; i < n; i++) {
			snprintf(expected, sizeof expected, "%d /memfd:f%d (deleted)\n", fds[i].target, fds[i].source);
			CHECK(strstr(out, expected) != NULL);
		}
		for (char *line = out; *line; line = strchr(line, '\n') + 1)
			n -= strstr(line, " /memfd:") && strstr(line, " /memfd:") < strchr(line, '\n');
		CHECK_INT(0, n);
	}
	for (int i = 0; i < RANDOM_NUMBERS; i += 2)
		close(RANDOM_FIRST + i);
}

/* A source that is not open is named; one on 0 to 2 is right. */
static void sources_of_any_kind(void)
{
	static const struct tend_pass_fd closed[] = { { 1, 5 }, { 99, 6 } };
	static const struct tend_pass_fd standard[] = { { 2, 9 } };
	static const struct tend_pass_fd too_high[] = { { 2, INT_MAX } };
	const char *argv[4];
	struct tend_spawn s = reporter(argv, "links", NULL);
	char out[4096], link[256], expected[300];
	ssize_t n = readlink("/proc/self/fd/2", link, sizeof link - 1);

	pass(&s, closed, 2);
	check_failure(&s, -EBADF, TEND_STEP_STDIO, "pass_fds[1]");
	pass(&s, too_high, 1);
	check_failure(&s, -EBADF, TEND_STEP_STDIO, "pass_fds[0].target is not below the limit");
	pass(&s, standard, 1);
	link[n > 0 ? n : 0] = '\0';
	snprintf(expected, sizeof expected, "\n9 %s\n", link);
	if (test_output_of(&s, out, sizeof out))
		CHECK(strstr(out, expected) != NULL);
}

/* ---- what belongs together ---- */

static void check_ids(enum tend_scope scope, bool own_group, bool own_session)
{
	const char *argv[4];
	struct tend_spawn s = reporter(argv, "pgid", NULL);
	int pid, group, session;
	char out[64];

	s.scope = scope;
	if (!test_output_of(&s, out, sizeof out) || !CHECK_INT(3, sscanf(out, "%d %d %d", &pid, &group, &session)))
		return;
	CHECK_INT(own_group ? pid : getpgid(0), group);
	CHECK_INT(own_session ? pid : getsid(0), session);
}

/* Wish 29, hazard 101. */
static void scopes(void)
{
	check_ids(0, true, false);
	check_ids(TEND_SCOPE_GROUP, true, false);
	check_ids(TEND_SCOPE_SESSION, true, true);
	check_ids(TEND_SCOPE_NONE, false, false);
}

/* In the host's own group a signal to the group must not be one to the host. */
static void no_group_no_harm(void)
{
	const char *argv[] = { helper("forker"), "leader-pauses", NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	struct tend_stop_report report;
	tend_process *p = NULL;
	struct tend_error e;
	char pid[32];

	s.scope = TEND_SCOPE_NONE;
	if (!CHECK_OK(tend_spawn(&s, &p, &e), &e))
		return;
	CHECK_INT(TEND_SCOPE_NONE, tend_process_scope(p));
	if (test_await_line(tend_process_stdout(p), "grandchild ", pid, sizeof pid)) {
		CHECK_OK(tend_process_stop(p, &TEND_STOP_TERM(TEND_SECONDS(90)), &report, &e), &e);
		CHECK_INT(TEND_STOPPED_IN_PHASE, report.outcome);
		CHECK_INT(0, report.n_survivors);
		CHECK(test_alive(atoi(pid))); /* nobody said that it belongs to the child */
		kill(atoi(pid), SIGKILL);
		test_await_gone(atoi(pid));
	}
	tend_process_free(p);
}

/* ---- a program that is being written ---- */

struct busy {
	struct tend_spawn s;
	int r;
	tend_process *p;
	struct tend_error e;
};

static void spawn_busy(struct test_thread *t, void *arg)
{
	struct busy *b = arg;

	(void)t;
	b->r = tend_spawn(&b->s, &b->p, &b->e);
}

/*
 * Wish 40, hazard 11: tried again until nobody writes to it any more.  The descriptor of a pipe that the host closes is
 * held by the child alone then; that it lets go of it shows that it tried once and waits.  Hazard 10: another thread
 * spawns meanwhile.
 */
static void busy_program_is_tried_again(void)
{
	char path[] = "/tmp/tend-test-busy-XXXXXX";
	int writer = test_writable_copy(path, helper("exiter")), fds[2];
	const char *argv[] = { path, "7", NULL };
	struct busy b = { .s = test_spawn_options(argv, NULL), .p = NULL };
	struct test_thread t;
	struct tend_exit ended;
	char byte;

	if (test_under_valgrind()) { /* whose execve(2) has gone too far when it hears of it */
		close(writer);
		unlink(path);
		return;
	}
	check_failure(&b.s, -ETXTBSY, TEND_STEP_EXEC, path);
	b.s.on_busy = TEND_MS(20);
	check_failure(&b.s, -ETXTBSY, TEND_STEP_EXEC, path);
	CHECK_INT(0, pipe2(fds, O_CLOEXEC));
	b.s.on_busy = TEND_SECONDS(90);
	test_thread_start(&t, spawn_busy, &b);
	while (test_no_children())
		sched_yield();
	close(fds[1]);
	CHECK_INT(0, read(fds[0], &byte, 1)); /* EOF: it holds it no more */
	tend_process_free(test_spawn(NULL, "true-er", NULL));
	close(writer);
	test_thread_join(&t);
	if (CHECK_OK(b.r, &b.e)) {
		test_wait(b.p, &ended);
		CHECK_INT(7, ended.code);
	}
	tend_process_free(b.p);
	close(fds[0]);
	unlink(path);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "refuses_what_cannot_be", refuses_what_cannot_be },
		{ "environment_is_edited", environment_is_edited },
		{ "hosts_environment_is_edited", hosts_environment_is_edited },
		{ "umask_is_the_childs", umask_is_the_childs },
		{ "nice_is_the_childs", nice_is_the_childs },
		{ "oom_score_is_the_childs", oom_score_is_the_childs },
		{ "limits_are_the_childs", limits_are_the_childs },
		{ "limit_is_refused", limit_is_refused },
		{ "another_user", another_user },
		{ "no_new_privileges", no_new_privileges },
		{ "scheduling_is_reset", scheduling_is_reset },
		{ "what_only_root_may_do", what_only_root_may_do },
		{ "descriptors_are_passed", descriptors_are_passed },
		{ "any_descriptors_are_passed", any_descriptors_are_passed },
		{ "sources_of_any_kind", sources_of_any_kind },
		{ "scopes", scopes },
		{ "no_group_no_harm", no_group_no_harm },
		{ "busy_program_is_tried_again", busy_program_is_tried_again },
	};

	if (argc == 3 && strcmp(argv[1], "--nobody") == 0)
		return be_nobody(argv[2]);
	return test_main(argc, argv, "child", tests, sizeof tests / sizeof *tests);
}
