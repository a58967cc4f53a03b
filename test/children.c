/* SPDX-License-Identifier: MIT */
/* Children and streams for tests: finding the helpers, running them, and looking at what became of them. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "leaks.h"
#include "test.h"

#define LIVE(be, kept)                                                                                                 \
	{                                                                                                              \
		.backend = (be), .delivery = TEND_RELIABLE, .replay = { .kind = (kept) },                              \
		.read_chunk_size = TEND_DEFAULT_READ_CHUNK_SIZE,                                                       \
		.max_buffered_chunks = TEND_DEFAULT_MAX_BUFFERED_CHUNKS,                                               \
	}

const struct tend_stream_options test_reliable = LIVE(TEND_BROADCAST, TEND_RETAIN_NONE);
const struct tend_stream_options test_reliable_all = LIVE(TEND_BROADCAST, TEND_RETAIN_ALL);
const struct tend_stream_options test_single = LIVE(TEND_SINGLE_SUBSCRIBER, TEND_RETAIN_NONE);
const struct tend_stream_options test_single_all = LIVE(TEND_SINGLE_SUBSCRIBER, TEND_RETAIN_ALL);

static bool find_helper(const char *name, char *path, size_t size)
{
	static const char *const places[] = { "helpers", "../helpers", "test/helpers", "../test/helpers",
		                              "../../test/helpers" };
	const char *given = getenv("TEND_HELPERS");
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	if (given) {
		snprintf(path, size, "%s/%s", given, name);
		return access(path, X_OK) == 0;
	}
	self[n > 0 ? n : 0] = '\0';
	*(strrchr(self, '/') ? strrchr(self, '/') : self) = '\0';
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		snprintf(path, size, "%s/%s/%s", self, places[i], name);
		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

static pthread_mutex_t helper_lock = PTHREAD_MUTEX_INITIALIZER;

static void lock_helpers(void)
{
	pthread_mutex_lock(&helper_lock);
}

static void unlock_helpers(void)
{
	pthread_mutex_unlock(&helper_lock);
}

/* Tests fork at any moment, and copies spawn. */
__attribute__((__constructor__)) static void let_copies_have_helpers(void)
{
	pthread_atfork(lock_helpers, unlock_helpers, unlock_helpers);
}

const char *helper(const char *name)
{
	static struct {
		char name[32];
		char path[2 * PATH_MAX];
	} known[32];
	size_t i = 0;

	lock_helpers();
	while (i < sizeof known / sizeof *known - 1 && known[i].name[0] && strcmp(known[i].name, name) != 0)
		i++;
	if (strcmp(known[i].name, name) != 0) {
		if (!find_helper(name, known[i].path, sizeof known[i].path)) {
			fprintf(stderr, "there is no helper \"%s\"; TEND_HELPERS names their directory\n", name);
			exit(1);
		}
		snprintf(known[i].name, sizeof known[i].name, "%s", name);
	}
	unlock_helpers();
	return known[i].path;
}

struct tend_spawn test_spawn_options(const char *const *argv, const struct tend_stream_options *live)
{
	static const struct tend_stop kill_it = { .after_kill = TEND_DEFAULT_AFTER_KILL };
	struct tend_spawn s = { .argv = argv };

	s.in = TEND_IN_NULL;
	s.out = s.err = TEND_OUT_DISCARD;
	if (live)
		s.out = s.err = TEND_OUT_STREAM(*live);
	s.if_forgotten = TEND_FORGOTTEN_TERMINATE(&kill_it);
	return s;
}

tend_process *test_spawn(const struct tend_stream_options *live, const char *helper_name, ...)
{
	const char *argv[32] = { helper(helper_name) };
	struct tend_spawn s = test_spawn_options(argv, live);
	tend_process *p = NULL;
	struct tend_error e;
	size_t n = 1;
	va_list ap;

	va_start(ap, helper_name);
	while (n < sizeof argv / sizeof *argv - 1 && (argv[n] = va_arg(ap, const char *)))
		n++;
	va_end(ap);
	argv[n] = NULL;
	s.name = helper_name;
	return CHECK_OK(tend_spawn(&s, &p, &e), &e) ? p : NULL;
}

bool test_wait(tend_process *process, struct tend_exit *ret_exit)
{
	struct tend_error e;

	memset(ret_exit, 0, sizeof *ret_exit);
	return CHECK_OK(tend_process_wait(process, TEST_PATIENCE, ret_exit, &e), &e) &&
	       CHECK(ret_exit->kind != TEND_RUNNING);
}

bool test_output_of(const struct tend_spawn *spawn, char *out, size_t size)
{
	struct tend_complete all = {
		.timeout = TEST_PATIENCE,
		.out = TEND_COLLECT_BYTES(.overflow = TEND_TRUSTED_UNBOUNDED),
		.drain = { .idle = TEST_PATIENCE, .total = TEST_PATIENCE },
	};
	struct tend_result result;
	struct tend_error e;
	tend_process *p = NULL;
	bool good;

	out[0] = '\0';
	if (!CHECK_OK(tend_spawn(spawn, &p, &e), &e))
		return false;
	good = CHECK_OK(tend_process_complete(p, &all, &result, &e), &e);
	if (good) {
		snprintf(out, size, "%s", result.out.collected.data);
		good = CHECK_INT(TEND_EXITED, result.exit.kind) && CHECK_INT(0, result.exit.code);
		good = CHECK(result.out.collected.complete) && good;
	}
	tend_process_free(p);
	return good;
}

tend_stream *test_pipe_stream(const struct tend_stream_options *options, int *ret_write_fd)
{
	tend_stream *stream = NULL;
	struct tend_error e;
	int fds[2];

	*ret_write_fd = -1;
	if (!CHECK_INT(0, pipe2(fds, O_CLOEXEC)))
		return NULL;
	if (!CHECK_OK(tend_stream_open(fds[0], options, "test", &stream, &e), &e)) {
		close(fds[1]);
		return NULL;
	}
	*ret_write_fd = fds[1];
	return stream;
}

size_t test_count_fds(void)
{
	static struct leaks now;
	size_t n = 0;

	leaks_look(&now);
	for (int fd = 0; fd < LEAKS_MAX_FD; fd++)
		n += now.fd_open[fd];
	return n;
}

bool test_no_children(void)
{
	siginfo_t info;

	return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 && errno == ECHILD;
}

bool test_settle(size_t fds)
{
	int64_t until = test_now_ns() + INT64_C(60000000000);

	while ((!test_no_children() || test_count_fds() != fds) && test_now_ns() < until)
		poll(NULL, 0, 1);
	return CHECK(test_no_children()) && CHECK_INT(fds, test_count_fds());
}

struct wanted {
	const char *prefix;
	char *rest;
	size_t size;
};

static bool starts_with(void *arg, const struct tend_line *line)
{
	struct wanted *w = arg;
	size_t n = strlen(w->prefix);

	if (line->size < n || memcmp(line->data, w->prefix, n) != 0)
		return false;
	if (w->size)
		snprintf(w->rest, w->size, "%.*s", (int)(line->size - n), line->data + n);
	return true;
}

bool test_await_line(tend_stream *stream, const char *prefix, char *rest, size_t size)
{
	struct tend_line_options lines = { .max_length = 4096, .overflow = TEND_LINE_TRUNCATE };
	struct wanted w = { .prefix = prefix, .rest = rest, .size = size };
	struct tend_line_found found;
	struct tend_error e;

	return CHECK_OK(tend_stream_wait_for_line(stream, &lines, starts_with, &w, TEST_PATIENCE, &found, &e), &e) &&
	       CHECK_INT(TEND_LINE_MATCHED, found.outcome);
}

void test_end_copy(int failure)
{
	if (failure == 0)
		kill(getpid(), SIGKILL);
	_exit(failure);
}

bool test_copy_is_well(int status)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

bool test_alive(pid_t pid)
{
	char path[64], stat[512];
	const char *behind;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	if (!fgets(stat, sizeof stat, f))
		stat[0] = '\0';
	fclose(f);
	behind = strrchr(stat, ')'); /* the name may hold anything */
	return behind && behind[1] && behind[2] && behind[2] != 'Z' && behind[2] != 'X';
}

bool test_await_gone(pid_t pid)
{
	int64_t until = test_now_ns() + INT64_C(60000000000);

	while (test_alive(pid) && test_now_ns() < until)
		poll(NULL, 0, 1);
	return CHECK(!test_alive(pid));
}

/* Reads all of the descriptor; what does not fit is dropped. */
static void slurp(int fd, char *to, size_t size)
{
	size_t used = 0;
	char spill[256];
	ssize_t n;

	do {
		bool room = used + 1 < size;

		n = read(fd, room ? to + used : spill, room ? size - 1 - used : sizeof spill);
		if (n > 0 && room)
			used += (size_t)n;
	} while (n > 0);
	if (size)
		to[used] = '\0';
}

/* valgrind answers with the program's name here, and with its own when the link is executed. */
const char *test_self(void)
{
	static char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	self[n > 0 ? n : 0] = '\0';
	return self;
}

int test_run_self(const char *const *argv, const char *key, const char *value, char *err, size_t err_size)
{
	char *args[16] = { (char *)"self" };
	const char *self = test_self();
	int fds[2], status = -1;
	pid_t pid;

	for (size_t i = 0; argv[i] && i < sizeof args / sizeof *args - 2; i++)
		args[i + 1] = (char *)argv[i];
	test_restart_watchdog();
	if (!CHECK_INT(0, pipe2(fds, O_CLOEXEC)))
		return -1;
	pid = fork();
	if (pid == 0) {
		if (key)
			setenv(key, value, 1);
		if (err)
			dup2(fds[1], STDERR_FILENO);
		execv(self, args);
		_exit(127);
	}
	close(fds[1]);
	if (err)
		slurp(fds[0], err, err_size);
	close(fds[0]);
	if (pid > 0)
		CHECK_INT(pid, waitpid(pid, &status, 0));
	return status;
}

bool test_is_apart(void)
{
	static const char key[] = "TEND_TEST_APART";
	const char *again[] = { test_name(), NULL }, *apart = getenv(key);

	if (apart && strcmp(apart, test_name()) == 0)
		return true;
	CHECK_INT(0, test_run_self(again, key, test_name(), NULL, 0));
	return false;
}

bool test_has_own_mounts(void)
{
	if (!test_is_apart())
		return false;
	if (unshare(CLONE_NEWNS) != 0) {
		printf("(left out: no namespace can be made) ");
		return false;
	}
	return CHECK_INT(0, mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
}

int test_writable_copy(char *path, const char *of)
{
	char buffer[4096];
	int from = open(of, O_RDONLY | O_CLOEXEC), to = mkstemp(path);
	ssize_t n;

	CHECK(from >= 0 && to >= 0);
	while ((n = read(from, buffer, sizeof buffer)) > 0)
		CHECK_INT(n, write(to, buffer, (size_t)n));
	close(from);
	CHECK_INT(0, fchmod(to, 0755));
	fcntl(to, F_SETFD, FD_CLOEXEC);
	return to;
}
