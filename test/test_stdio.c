/* SPDX-License-Identifier: MIT */
/* What becomes the child's 0, 1 and 2, however oddly the sources lie. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "test.h"

/* Links of 0, 1 and 2 as the child sees them. */
static bool links_of(const struct tend_spawn *given, char *out, size_t size)
{
	const char *argv[] = { helper("reporter"), "links", NULL };
	struct tend_spawn s = *given;

	s.argv = argv;
	return test_output_of(&s, out, size);
}

/* PB-7 and its better: stdin is what was chosen. */
static void stdin_null_and_fd(void)
{
	const char *argv[] = { helper("stdiner"), NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	char out[256];
	int fds[2], flags;

	if (test_output_of(&s, out, sizeof out))
		CHECK_STR("0\n", out);
	if (links_of(&s, out, sizeof out))
		CHECK(strncmp(out, "0 /dev/null\n", 12) == 0);
	if (!CHECK_INT(0, pipe2(fds, O_CLOEXEC | O_NONBLOCK)))
		return;
	CHECK_INT(5, write(fds[1], "12345", 5));
	close(fds[1]);
	flags = fcntl(fds[0], F_GETFL);
	s.in = TEND_IN_FD(fds[0]);
	if (test_output_of(&s, out, sizeof out))
		CHECK_STR("5\n", out);
	/* Hazard 15: the flags of what belongs to the caller are left alone. */
	CHECK_INT(flags, fcntl(fds[0], F_GETFL));
	CHECK_INT(FD_CLOEXEC, fcntl(fds[0], F_GETFD));
	close(fds[0]);
}

/* Puts `fd` in the place of our own 0, 1 or 2; what was there is returned. */
static int replace_own(int own, int fd)
{
	int saved = fcntl(own, F_DUPFD_CLOEXEC, 100);

	CHECK_INT(own, dup2(fd, own));
	return saved;
}

static void put_back(int own, int saved)
{
	CHECK_INT(own, dup2(saved, own));
	close(saved);
}

static void stdin_inherited(void)
{
	const char *argv[] = { helper("stdiner"), NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	int fds[2], saved;
	char out[64];

	if (!CHECK_INT(0, pipe2(fds, O_CLOEXEC)))
		return;
	CHECK_INT(3, write(fds[1], "abc", 3));
	close(fds[1]);
	saved = replace_own(STDIN_FILENO, fds[0]);
	close(fds[0]);
	s.in = TEND_IN_INHERIT;
	if (test_output_of(&s, out, sizeof out))
		CHECK_STR("3\n", out);
	put_back(STDIN_FILENO, saved);
}

/* Hazard 15: the child's pipes block, whatever the parent's ends do.  Hazard 16: they are pipes. */
static void pipes_block_in_the_child(void)
{
	const char *argv[] = { helper("reporter"), "blocking", NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	char out[512];

	s.in = TEND_IN_PIPE;
	if (test_output_of(&s, out, sizeof out))
		CHECK_STR("0 blocks\n1 blocks\n2 blocks\n", out);
	if (links_of(&s, out, sizeof out)) {
		CHECK(strncmp(out, "0 pipe:", 7) == 0);
		CHECK(strstr(out, "\n1 pipe:") != NULL);
		CHECK(strstr(out, "\n2 pipe:") != NULL);
	}
}

static void run_to_end(const struct tend_spawn *s)
{
	tend_process *p = NULL;
	struct tend_error e;
	struct tend_exit ended;

	if (!CHECK_OK(tend_spawn(s, &p, &e), &e))
		return;
	if (test_wait(p, &ended))
		CHECK_INT(0, ended.code);
	CHECK((tend_process_stdout(p) != NULL) == (s->out.kind == TEND_OUTPUT_DISCARD));
	CHECK((tend_process_stderr(p) != NULL) == (s->err.kind == TEND_OUTPUT_DISCARD));
	tend_process_free(p);
}

static void check_content(int fd, const char *expected)
{
	char text[1024];
	ssize_t n = pread(fd, text, sizeof text - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	CHECK_STR(expected, text);
}

/* A file that lives in memory; with an offset of its own. */
static int memory(const char *name)
{
	int fd = memfd_create(name, MFD_CLOEXEC);

	CHECK(fd >= 0);
	return fd;
}

static void output_discarded_and_to_fd(void)
{
	const char *argv[] = { helper("printer"), "out", "-e", "err", NULL };
	struct tend_spawn s = test_spawn_options(argv, NULL);
	int out = memory("out"), err = memory("err");

	run_to_end(&s);
	s.out = TEND_OUT_FD(out);
	s.err = TEND_OUT_FD(err);
	run_to_end(&s);
	check_content(out, "out");
	check_content(err, "err");
	s.err = TEND_OUT_MERGE;
	run_to_end(&s);
	check_content(out, "outouterr");
	close(out);
	close(err);
}

static void output_inherited(void)
{
	const char *argv[] = { helper("printer"), "out", "-e", "err", NULL };
	struct tend_spawn s = test_spawn_options(argv, NULL);
	int out = memory("out"), err = memory("err");
	int saved_out = replace_own(STDOUT_FILENO, out), saved_err = replace_own(STDERR_FILENO, err);

	s.out = s.err = TEND_OUT_INHERIT;
	run_to_end(&s);
	put_back(STDERR_FILENO, saved_err);
	put_back(STDOUT_FILENO, saved_out);
	check_content(out, "out");
	check_content(err, "err");
	close(out);
	close(err);
}

/* Appendix 84: on one pipe the order of the writes is the true one. */
static void merged_keeps_the_order(void)
{
	const char *argv[402] = { helper("printer") };
	char expected[201], out[256];
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	struct tend_error e;
	tend_process *p = NULL;

	for (size_t i = 0; i < 200; i++) {
		argv[1 + 2 * i] = i % 2 ? "-e" : "-o";
		argv[2 + 2 * i] = i % 2 ? "e" : "o";
		expected[i] = i % 2 ? 'e' : 'o';
	}
	expected[200] = '\0';
	s.err = TEND_OUT_MERGE;
	if (test_output_of(&s, out, sizeof out))
		CHECK_STR(expected, out);
	if (CHECK_OK(tend_spawn(&s, &p, &e), &e)) {
		struct tend_exit ended;

		CHECK(tend_process_stdout(p) != NULL);
		CHECK(tend_process_stderr(p) == NULL);
		test_wait(p, &ended);
		tend_process_free(p);
	}
}

/* Hazards 13, 14: sources that lie on each other's targets. */
static void swapped_stdio(void)
{
	const char *argv[] = { helper("printer"), "to-out", "-e", "to-err", NULL };
	struct tend_spawn s = test_spawn_options(argv, NULL);
	int out = memory("out"), err = memory("err");
	int saved_out = replace_own(STDOUT_FILENO, out), saved_err = replace_own(STDERR_FILENO, err);

	s.out = TEND_OUT_FD(2);
	s.err = TEND_OUT_FD(1);
	run_to_end(&s);
	put_back(STDERR_FILENO, saved_err);
	put_back(STDOUT_FILENO, saved_out);
	check_content(out, "to-err");
	check_content(err, "to-out");
	close(out);
	close(err);
}

/* Hazard 14: all three go round; one descriptor for all three. */
static void rotated_and_shared_stdio(void)
{
	const char *argv[] = { helper("reporter"), "links", NULL };
	struct tend_spawn s = test_spawn_options(argv, NULL);
	int files[3] = { memory("zero"), memory("one"), memory("two") }, saved[3];
	char text[512];
	ssize_t n;

	for (int i = 0; i < 3; i++)
		saved[i] = replace_own(i, files[i]);
	s.in = TEND_IN_FD(1);
	s.out = TEND_OUT_FD(2);
	s.err = TEND_OUT_FD(0);
	run_to_end(&s);
	for (int i = 2; i >= 0; i--)
		put_back(i, saved[i]);
	check_content(files[2], "0 /memfd:one (deleted)\n1 /memfd:two (deleted)\n2 /memfd:zero (deleted)\n");
	s.in = TEND_IN_FD(files[0]);
	s.out = s.err = TEND_OUT_FD(files[0]);
	run_to_end(&s);
	n = pread(files[0], text, sizeof text - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	CHECK_STR("0 /memfd:zero (deleted)\n1 /memfd:zero (deleted)\n2 /memfd:zero (deleted)\n", text);
	for (int i = 0; i < 3; i++)
		close(files[i]);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "stdin_null_and_fd", stdin_null_and_fd },
		{ "stdin_inherited", stdin_inherited },
		{ "pipes_block_in_the_child", pipes_block_in_the_child },
		{ "output_discarded_and_to_fd", output_discarded_and_to_fd },
		{ "output_inherited", output_inherited },
		{ "merged_keeps_the_order", merged_keeps_the_order },
		{ "swapped_stdio", swapped_stdio },
		{ "rotated_and_shared_stdio", rotated_and_shared_stdio },
	};

	return test_main(argc, argv, "stdio", tests, sizeof tests / sizeof *tests);
}
