/* SPDX-License-Identifier: MIT */
/*
 * Inputs that a fuzzer found worth keeping, without the fuzzer: replays the corpus in $top_srcdir, or what is named.
 *
 * usage: replay_NAME [FILE...]
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

/* 0, or 1 after saying what is wrong. */
static int replay(const char *path)
{
	uint8_t data[4096];
	const char *wrong;
	FILE *file = fopen(path, "rb");
	size_t n;

	if (!file) {
		printf("%s: %s\n", path, strerror(errno));
		return 1;
	}
	n = fread(data, 1, sizeof data, file);
	wrong = ferror(file) ? "cannot be read" : fuzz_check(data, n);
	fclose(file);
	if (!wrong)
		return 0;
	printf("%s: %s\n", path, wrong);
	return 1;
}

static int replay_corpus(const char *top_srcdir)
{
	int n = 0, failed = 0;
	struct dirent *entry;
	char path[4096];
	DIR *dir;

	snprintf(path, sizeof path, "%s/fuzz/corpus/%s", top_srcdir, fuzz_name);
	dir = opendir(path);
	if (!dir) {
		printf("%s: %s\n", path, strerror(errno));
		return 1;
	}
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "%s/fuzz/corpus/%s/%s", top_srcdir, fuzz_name, entry->d_name);
		failed += replay(path);
		n++;
	}
	closedir(dir);
	printf("%d inputs replayed, %d went wrong\n", n, failed);
	/* an empty corpus is a mistake */
	return failed > 0 || n == 0;
}

int main(int argc, char **argv)
{
	const char *top_srcdir = getenv("top_srcdir");
	int failed = 0;

	if (argc < 2)
		return replay_corpus(top_srcdir ? top_srcdir : ".");
	for (int i = 1; i < argc; i++)
		failed |= replay(argv[i]);
	return failed;
}
