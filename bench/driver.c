/* SPDX-License-Identifier: MIT */
/* What the contestants have in common: see driver.h. */
#include "driver.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define MAX_NOTES 16

struct usage {
	int64_t at_ns;
	double cpu, children_cpu; /* seconds */
	uint64_t switches;        /* of context, voluntary or not */
};

struct delivered delivered;

static const char *program;
static char **pairs; /* KEY=VALUE, NULL-terminated */
static struct usage began, ended;
static uint64_t most_threads;

static struct {
	int64_t *ns;
	size_t n, room;
} samples;

static struct {
	const char *name;
	double value;
} notes[MAX_NOTES];
static size_t n_notes;

void fail(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "%s: ", program);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	_exit(2); /* children that are left belong to the runner */
}

/* ---- the command line ---- */

const char *option(const char *key, const char *absent)
{
	size_t n = strlen(key);

	for (char **p = pairs; *p; p++)
		if (strncmp(*p, key, n) == 0 && (*p)[n] == '=')
			return *p + n + 1;
	return absent;
}

uint64_t option_number(const char *key, uint64_t absent)
{
	const char *text = option(key, NULL);
	char *end;
	uint64_t n;

	if (!text)
		return absent;
	n = strtoull(text, &end, 10);
	if (*text == '\0' || *end != '\0')
		fail("%s=%s is no number", key, text);
	return n;
}

bool option_is(const char *key, const char *value)
{
	return strcmp(option(key, ""), value) == 0;
}

const char *option_needed(const char *key)
{
	const char *text = option(key, NULL);

	if (!text)
		fail("%s= is missing", key);
	return text;
}

const char *const *child_words(const char *mode, ...)
{
	static const char *words[8];
	size_t n = 0;
	const char *key;
	va_list keys;

	words[n++] = option_needed("child");
	words[n++] = mode;
	va_start(keys, mode);
	while ((key = va_arg(keys, const char *)))
		words[n++] = option_needed(key);
	va_end(keys);
	words[n] = NULL;
	return words;
}

/* ---- what is measured ---- */

int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

void hold_heap_and_fds(void)
{
	uint64_t heap = option_number("heap", 0), fds = option_number("fds", 0);

	if (heap > 0) {
		char *memory = mmap(NULL, heap, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (memory == MAP_FAILED)
			fail("there is no memory for a heap of %llu bytes", (unsigned long long)heap);
		madvise(memory, heap, MADV_NOHUGEPAGE); /* the hard case: the most page tables to copy */
		memset(memory, 1, heap);
	}
	for (; fds > 0; fds--)
		if (open("/dev/null", O_RDONLY | O_CLOEXEC) < 0)
			fail("cannot open one more descriptor");
}

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static struct usage usage_now(void)
{
	struct rusage self, children;

	getrusage(RUSAGE_SELF, &self);
	getrusage(RUSAGE_CHILDREN, &children);
	return (struct usage){ .at_ns = now_ns(),
		               .cpu = seconds(self.ru_utime) + seconds(self.ru_stime),
		               .children_cpu = seconds(children.ru_utime) + seconds(children.ru_stime),
		               .switches = (uint64_t)(self.ru_nvcsw + self.ru_nivcsw) };
}

void measure_begin(void)
{
	began = usage_now();
}

void measure_end(void)
{
	ended = usage_now();
}

uint64_t proc_number(const char *path, const char *label)
{
	FILE *f = fopen(path, "re");
	char line[256];
	uint64_t n = 0;

	while (f && fgets(line, sizeof line, f))
		if (strncmp(line, label, strlen(label)) == 0)
			n = strtoull(line + strlen(label), NULL, 10);
	if (f)
		fclose(f);
	return n;
}

uint64_t resident_kib(void)
{
	return proc_number("/proc/self/status", "VmRSS:");
}

void measure_threads(void)
{
	uint64_t n = proc_number("/proc/self/status", "Threads:");

	if (n > most_threads)
		most_threads = n;
}

/* ---- what is reported ---- */

void samples_reserve(size_t n)
{
	samples.ns = calloc(n, sizeof *samples.ns);
	if (!samples.ns)
		fail("there is no memory for samples");
	memset(samples.ns, 1, n * sizeof *samples.ns); /* not while it is measured */
	samples.room = n;
}

void samples_add(int64_t ns)
{
	if (samples.n == samples.room)
		fail("more samples than were reserved");
	samples.ns[samples.n++] = ns;
}

void note(const char *name, double value)
{
	if (n_notes == MAX_NOTES)
		fail("too many figures");
	notes[n_notes].name = name;
	notes[n_notes++].value = value;
}

static int compare(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double percentile_us(unsigned percent)
{
	return (double)samples.ns[(samples.n - 1) * percent / 100] / 1e3;
}

static void report_samples(void)
{
	if (samples.n == 0)
		return;
	qsort(samples.ns, samples.n, sizeof *samples.ns, compare);
	printf(", \"samples\": {\"n\": %zu, \"min\": %.3f, \"p50\": %.3f, \"p90\": %.3f, \"p99\": %.3f, \"max\": %.3f}",
	       samples.n, percentile_us(0), percentile_us(50), percentile_us(90), percentile_us(99),
	       percentile_us(100));
}

/* VmHWM and not ru_maxrss, which begins with that of whoever called execve(2). */
static void report(void)
{
	printf("{\"wall\": %.9f, \"cpu\": %.6f, \"children_cpu\": %.6f, \"rss_kib\": %llu, \"threads\": %llu, "
	       "\"switches\": %llu, \"bytes\": %llu, \"lines\": %llu, \"exits\": %llu",
	       (double)(ended.at_ns - began.at_ns) / 1e9, ended.cpu - began.cpu,
	       ended.children_cpu - began.children_cpu,
	       (unsigned long long)proc_number("/proc/self/status", "VmHWM:"), (unsigned long long)most_threads,
	       (unsigned long long)(ended.switches - began.switches), (unsigned long long)delivered.bytes,
	       (unsigned long long)delivered.lines, (unsigned long long)delivered.exits);
	report_samples();
	for (size_t i = 0; i < n_notes; i++)
		printf(", \"%s\": %.9g", notes[i].name, notes[i].value);
	printf("}\n");
}

/* ---- stamp ---- */

const volatile int64_t *stamp_open(char *ret_path, size_t room)
{
	const char *directory = getenv("TMPDIR");
	int64_t *word = MAP_FAILED;
	int fd;

	snprintf(ret_path, room, "%s/tend-bench.XXXXXX", directory ? directory : "/tmp");
	fd = mkostemp(ret_path, O_CLOEXEC);
	if (fd >= 0 && ftruncate(fd, sizeof *word) == 0)
		word = mmap(NULL, sizeof *word, PROT_READ, MAP_SHARED, fd, 0);
	if (word == MAP_FAILED)
		fail("cannot make %s", ret_path);
	close(fd);
	return word;
}

void stamp_close(const char *path)
{
	unlink(path);
}

/* ---- the end ---- */

static int usage(const struct work *works)
{
	fprintf(stderr, "usage: %s --works | WORK [KEY=VALUE...]\nworks:", program);
	for (; works->name; works++)
		fprintf(stderr, " %s", works->name);
	fputc('\n', stderr);
	return 2;
}

int driver_main(int argc, char **argv, const struct work *works)
{
	program = argv[0];
	if (argc < 2)
		return usage(works);
	pairs = argv + 2;
	if (strcmp(argv[1], "--works") == 0) {
		for (; works->name; works++)
			puts(works->name);
		return EXIT_SUCCESS;
	}
	for (const struct work *w = works; w->name; w++) {
		if (strcmp(w->name, argv[1]) != 0)
			continue;
		w->run();
		measure_threads();
		report();
		return fflush(stdout) == 0 ? EXIT_SUCCESS : 2;
	}
	return usage(works);
}
