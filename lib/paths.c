/* SPDX-License-Identifier: MIT */
/*
 * Where to look for the program.  All paths are made here, in the parent, so that the child only has to try them: a
 * search in a child that shares our memory could allocate nothing, and after its chdir(2) a relative path would mean
 * something else.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mem.h"
#include "spawn.h"

/* PATH as it is, or the system's default where there is none; allocated.  NULL: no memory. */
static char *search_path(void)
{
	const char *path = getenv("PATH");
	size_t n;
	char *s;

	if (path)
		return tend__strdup(path);
	n = confstr(_CS_PATH, NULL, 0);
	s = tend__malloc(n ? n : 1);
	if (s && n)
		confstr(_CS_PATH, s, n);
	else if (s)
		s[0] = '\0';
	return s;
}

static size_t count_entries(const char *path)
{
	size_t n = 1;

	for (; *path; path++)
		n += *path == ':';
	return n;
}

static bool has_relative_entry(const char *path)
{
	for (const char *dir = path;; dir++) {
		if (*dir != '/')
			return true;
		dir = strchrnul(dir, ':');
		if (!*dir)
			return false;
	}
}

/* One more directory: "dir/program", behind `base` where dir is relative and the child will be elsewhere. */
static char *join(char *to, const char *base, const char *dir, size_t dir_n, const char *program)
{
	bool is_absolute = dir_n && dir[0] == '/';

	if (base && !is_absolute) {
		to = stpcpy(to, base);
		*to++ = '/';
	}
	if (dir_n) {
		memcpy(to, dir, dir_n);
		to += dir_n;
		*to++ = '/';
	} else if (!base) {
		to = stpcpy(to, "./"); /* an empty entry is the current directory */
	}
	return stpcpy(to, program) + 1;
}

static int make_list(const char *path, const char *base, const char *program, struct tend__paths *ret_paths)
{
	size_t n = count_entries(path), base_n = base ? strlen(base) : 0, i = 0;
	size_t text = strlen(path) + n * (base_n + strlen(program) + 5);
	char **list = tend__malloc((n + 1) * sizeof *list + text);
	char *to;

	if (!list)
		return -ENOMEM;
	to = (char *)(list + n + 1);
	for (const char *dir = path;; dir++) {
		const char *end = strchrnul(dir, ':');

		list[i++] = to;
		to = join(to, base, dir, (size_t)(end - dir), program);
		if (!*end)
			break;
		dir = end;
	}
	list[i] = NULL;
	ret_paths->list = list;
	return 0;
}

/* The one candidate: as it is, or behind `base` when it is relative. */
static int make_one(const char *base, const char *program, struct tend__paths *ret_paths)
{
	bool needs_base = base && program[0] && program[0] != '/';
	size_t n = strlen(program) + (needs_base ? strlen(base) + 1 : 0) + 1;
	char **list = tend__malloc(2 * sizeof *list + n);
	char *to;

	if (!list)
		return -ENOMEM;
	list[0] = to = (char *)(list + 2);
	list[1] = NULL;
	if (needs_base) {
		to = stpcpy(to, base);
		*to++ = '/';
	}
	strcpy(to, program);
	ret_paths->list = list;
	return 0;
}

int tend__paths_make(const struct tend_spawn *o, struct tend__paths *ret_paths)
{
	const char *program = o->program ? o->program : o->argv[0];
	char *base = NULL, *path = NULL;
	int r;

	if (!strchr(program, '/') && program[0]) {
		path = search_path();
		if (!path)
			return -ENOMEM;
	}
	/* Only what is relative needs to know where we are, which may be nowhere any more. */
	if (o->cwd && (path ? has_relative_entry(path) : program[0] != '/')) {
		base = getcwd(NULL, 0);
		if (!base) {
			r = -errno;
			tend__free(path);
			return r;
		}
	}
	r = path ? make_list(path, base, program, ret_paths) : make_one(base, program, ret_paths);
	tend__free(path);
	free(base); /* getcwd's own allocation */
	return r;
}

void tend__paths_free(struct tend__paths *paths)
{
	tend__free(paths->list);
}
