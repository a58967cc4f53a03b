/* SPDX-License-Identifier: MIT */
/*
 * A thread that hangs is asked by SIGTRAP, which no thread of the library blocks, to write down where it is; the
 * names of functions, static ones included, come from the symbol table of this program, which holds the library, too.
 * Nothing here allocates or takes a lock, so that it works whatever the thread was at that got the alarm.  Of a thread
 * that does not answer in time there is only the system call.
 */
#include "dump.h"

#include <ctype.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "asleep.h"

#if defined(__has_include)
#if __has_include(<execinfo.h>)
#include <execinfo.h>
#define HAS_BACKTRACE 1
#endif
#endif
#ifndef HAS_BACKTRACE
static int backtrace(void **frames, int n)
{
	(void)frames;
	return n < 0;
}
#endif

#define MAX_FRAMES 40
#define ANSWER_MS 300

/* ---- names of functions ---- */

static struct {
	const ElfW(Sym) *symbols;
	size_t n;
	const char *names;
	uintptr_t bias; /* where the program is, less where its file says */
} table;

static uintptr_t bias_of(const ElfW(Ehdr) *file)
{
	const ElfW(Phdr) *p = (const ElfW(Phdr) *)((const char *)file + file->e_phoff);

	for (int i = 0; i < file->e_phnum; i++)
		if (p[i].p_type == PT_PHDR)
			return (uintptr_t)getauxval(AT_PHDR) - p[i].p_vaddr;
	return 0;
}

static void load_names(void)
{
	const ElfW(Ehdr) *file;
	const ElfW(Shdr) *section;
	struct stat st = { .st_size = 0 };
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	file = fstat(fd, &st) == 0 ? mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
	close(fd);
	if (file == MAP_FAILED)
		return;
	section = (const ElfW(Shdr) *)((const char *)file + file->e_shoff);
	for (int i = 0; i < file->e_shnum; i++) {
		if (section[i].sh_type != SHT_SYMTAB)
			continue;
		table.symbols = (const ElfW(Sym) *)((const char *)file + section[i].sh_offset);
		table.n = section[i].sh_size / sizeof *table.symbols;
		table.names = (const char *)file + section[section[i].sh_link].sh_offset;
	}
	table.bias = bias_of(file);
}

/* NULL: it is no function of this program. */
static const char *name_of(const void *pc)
{
	uintptr_t at = (uintptr_t)pc - table.bias - 1; /* a return address may be behind the function's end */

	for (size_t i = 0; i < table.n; i++) {
		const ElfW(Sym) *s = &table.symbols[i];

		if ((s->st_info & 0xf) == STT_FUNC && at >= s->st_value && at - s->st_value < s->st_size)
			return table.names + s->st_name;
	}
	return NULL;
}

/* ---- the thread that is asked ---- */

static struct {
	_Atomic bool answered;
	int n;
	void *frames[MAX_FRAMES];
} asked;

static void on_trap(int sig)
{
	int saved = errno;

	(void)sig;
	asked.n = backtrace(asked.frames, MAX_FRAMES);
	atomic_store(&asked.answered, true);
	errno = saved;
}

/* ---- the thread that asks ---- */

static bool ask(pid_t tid)
{
	atomic_store(&asked.answered, false);
	asked.n = 0;
	if (syscall(SYS_tgkill, getpid(), tid, SIGTRAP) != 0)
		return false;
	for (int i = 0; i < ANSWER_MS && !atomic_load(&asked.answered); i++)
		poll(NULL, 0, 1);
	return atomic_load(&asked.answered);
}

/* What the handlers did is left out: whatever is in front of them, and they themselves. */
static void show_functions(const char *handler)
{
	char line[1024] = "";
	size_t n = 0;

	for (int i = 0; i < asked.n; i++) {
		const char *name = name_of(asked.frames[i]);

		if (!name)
			continue;
		if (strcmp(name, "on_trap") == 0 || strcmp(name, handler) == 0)
			n = 0;
		else if (n < sizeof line)
			n += (size_t)snprintf(line + n, sizeof line - n, "%s%s", n ? " < " : "", name);
	}
	if (n > 0)
		dprintf(STDERR_FILENO, "      %s\n", line);
}

static void show_thread(pid_t tid, const char *handler)
{
	struct asleep a;
	char what[256];

	snprintf(what, sizeof what, "it got the alarm");
	if (asleep_look(tid, &a) && tid != gettid())
		asleep_describe(&a, what, sizeof what);
	dprintf(STDERR_FILENO, "  thread %d %s: %s\n", (int)tid, a.comm, what);
	if (ask(tid))
		show_functions(handler);
}

/* Prepared: what is loaded when the first backtrace is made allocates. */
void dump_prepare(void)
{
	void *frame;

	(void)backtrace(&frame, 1);
}

/* As getdents64(2) has it: opendir(3) allocates. */
struct entry {
	uint64_t ino;
	int64_t off;
	uint16_t size;
	uint8_t type;
	char name[];
};

void dump_threads(const char *handler)
{
	struct sigaction trapped = { .sa_handler = on_trap, .sa_flags = SA_RESTART };
	int fd = open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_Alignas(struct entry) char entries[8192];
	long n = 0;

	load_names();
	sigaction(SIGTRAP, &trapped, NULL);
	if (fd >= 0)
		n = syscall(SYS_getdents64, fd, entries, sizeof entries);
	for (long at = 0; at < n;) {
		const struct entry *e = (const struct entry *)(const void *)(entries + at);

		if (isdigit((unsigned char)e->name[0]))
			show_thread((pid_t)atoi(e->name), handler);
		at += e->size;
	}
	if (fd >= 0)
		close(fd);
}
