/* SPDX-License-Identifier: MIT */
/*
 * Another malloc(3), to be preloaded: each block ends at a guard page, as far as its alignment allows, is filled with
 * rubbish when it is handed out and when it comes back, and is never used again.  It ends the process when it is called
 * by another process than the one that loaded it, as a child between clone and exec would be that shares its memory,
 * when a block that is freed was written behind, and when it is asked for an alignment that is none.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE ((size_t)4096)
#define MAGIC UINT64_C(0x7e4d7e4d7e4d7e4d)

struct header {
	void *base; /* of the mapping */
	size_t mapped, size;
	uint64_t magic;
};

static _Atomic long owner; /* getpid(2), which no thread shares with another process */

static void __attribute__((noreturn)) die(const char *text)
{
	ssize_t n = write(STDERR_FILENO, text, strlen(text));

	(void)n;
	_exit(99);
}

/* The first that calls it; not for hosts that fork(2) and go on. */
static void check_owner(void)
{
	long pid = syscall(SYS_getpid), before = 0;

	if (!atomic_compare_exchange_strong(&owner, &before, pid) && before != pid)
		die("malloc: called between clone and exec\n");
}

static void *get(size_t alignment, size_t size)
{
	size_t mapped = (sizeof(struct header) + alignment + size + 2 * PAGE) & ~(PAGE - 1);
	char *base, *end, *p;
	struct header *h;

	check_owner();
	if (size > SIZE_MAX / 4 || alignment & (alignment - 1)) {
		errno = alignment & (alignment - 1) ? EINVAL : ENOMEM;
		return NULL;
	}
	base = mmap(NULL, mapped + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (base == MAP_FAILED) {
		errno = ENOMEM;
		return NULL;
	}
	end = base + mapped;
	mprotect(end, PAGE, PROT_NONE);
	p = (char *)((uintptr_t)(end - size) & ~(uintptr_t)(alignment - 1));
	memset(p, 0xa5, (size_t)(end - p)); /* what alignment leaves behind it is looked at when it comes back */
	h = (struct header *)(uintptr_t)((uintptr_t)(p - sizeof *h) & ~(uintptr_t)15);
	*h = (struct header){ .base = base, .mapped = mapped + PAGE, .size = size, .magic = MAGIC };
	return p;
}

static struct header *header_of(void *p)
{
	struct header *h = (struct header *)(((uintptr_t)p - sizeof *h) & ~(uintptr_t)15);

	if (h->magic != MAGIC)
		die("malloc: not a block, or freed twice\n");
	return h;
}

void free(void *p)
{
	struct header *h;
	const unsigned char *end;

	if (!p)
		return;
	check_owner();
	h = header_of(p);
	end = (const unsigned char *)h->base + h->mapped - PAGE;
	for (const unsigned char *c = (const unsigned char *)p + h->size; c < end; c++)
		if (*c != 0xa5)
			die("malloc: written behind the end\n");
	munmap(h->base, h->mapped);
}

void *malloc(size_t size)
{
	return get(16, size);
}

void *calloc(size_t n, size_t size)
{
	void *p = size && n > SIZE_MAX / 4 / size ? NULL : get(16, n * size);

	if (p)
		memset(p, 0, n * size);
	return p;
}

void *realloc(void *old, size_t size)
{
	void *p = get(16, size);

	if (p && old) {
		size_t had = header_of(old)->size;

		memcpy(p, old, had < size ? had : size);
		free(old);
	}
	return p;
}

/* C11 wants the size to be a multiple of the alignment; some mallocs refuse it otherwise. */
void *aligned_alloc(size_t alignment, size_t size)
{
	if (size % alignment)
		die("malloc: aligned_alloc() of a size that is no multiple\n");
	return get(alignment < 16 ? 16 : alignment, size);
}

void *memalign(size_t alignment, size_t size)
{
	return get(alignment < 16 ? 16 : alignment, size);
}

int posix_memalign(void **ret, size_t alignment, size_t size)
{
	*ret = get(alignment < 16 ? 16 : alignment, size);
	return *ret ? 0 : ENOMEM;
}
