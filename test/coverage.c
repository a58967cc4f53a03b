/* SPDX-License-Identifier: MIT */
/*
 * gcc's counters of what was reached are written out by exit(3).  A process that is killed, aborts, or calls _exit(2)
 * writes nothing, nor does a copy that is made with a raw system call; and much here is about just such processes.  So
 * the counters of a program lie in a file, PROGRAM.counters, which all processes that run it map, and none of these
 * writes them out; in the end test/coverage.sh runs it once more, with TEND_COUNTERS=write, and that does nothing else.
 *
 * Linked in by "make coverage" alone, together with test/coverage.ld, which puts the counters on pages of their own.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

extern char tend_counters_begin[] __attribute__((__weak__)), tend_counters_end[] __attribute__((__weak__));

void tend_counters_share(void);

static bool writes;

static size_t size(void)
{
	return (size_t)((uintptr_t)tend_counters_end - (uintptr_t)tend_counters_begin);
}

static void map(int flags, int fd)
{
	if (mmap(tend_counters_begin, size(), PROT_READ | PROT_WRITE, flags | MAP_FIXED, fd, 0) == MAP_FAILED)
		_exit(70);
}

/* -1 where there is none to be had: without /proc, for another user, at a limit. */
static int open_counters(void)
{
	char path[PATH_MAX + sizeof ".counters"];
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX);
	struct stat st;
	int fd;

	if (n < 0)
		return -1;
	strcpy(path + n, ".counters");
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0 || (fstat(fd, &st) == 0 && (st.st_size == (off_t)size() || ftruncate(fd, (off_t)size()) == 0)))
		return fd;
	close(fd);
	return -1;
}

/* In front of all other constructors of ours, so that nothing has been counted that would have to be kept. */
__attribute__((__constructor__(101))) void tend_counters_share(void)
{
	const char *asked = getenv("TEND_COUNTERS");
	int fd = open_counters();

	writes = asked && strcmp(asked, "write") == 0;
	map((writes ? MAP_PRIVATE : MAP_SHARED) | (fd < 0 ? MAP_ANONYMOUS : 0), fd);
	if (fd >= 0)
		close(fd);
	if (writes)
		exit(fd < 0);
}

/* What gcc writes at the end is what the file says already, plus nothing. */
__attribute__((__destructor__(101))) static void write_nothing(void)
{
	if (!writes)
		map(MAP_PRIVATE | MAP_ANONYMOUS, -1);
}
