/* SPDX-License-Identifier: MIT */
/*
 * The child's environment: what there is, less what is to go, plus what is to be set.  Only pointers are made here; the
 * strings are the caller's and the host's own.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "mem.h"
#include "spawn.h"

static size_t count(const char *const *list)
{
	size_t n = 0;

	while (list && list[n])
		n++;
	return n;
}

/* The length of the name in front of the '='. */
static size_t name_length(const char *entry)
{
	return strcspn(entry, "=");
}

/* Whether the entry is of the variable of that name. */
static bool is_of(const char *entry, const char *name, size_t n)
{
	return strncmp(entry, name, n) == 0 && entry[n] == '=';
}

static bool is_unset(const struct tend_spawn *o, const char *entry)
{
	for (const char *const *name = o->env_unset; name && *name; name++)
		if (is_of(entry, *name, strlen(*name)))
			return true;
	return false;
}

/* Whether `list` sets the same variable. */
static bool is_set_by(const char *const *list, const char *entry)
{
	size_t n = name_length(entry);

	for (; list && *list; list++)
		if (is_of(*list, entry, n))
			return true;
	return false;
}

int tend__env_make(const struct tend_spawn *o, struct tend__env *ret_env)
{
	const char *const *base = o->env ? o->env : (const char *const *)environ;
	const char **made;
	size_t n = 0;

	ret_env->made = NULL;
	ret_env->list = (char *const *)(uintptr_t)base;
	if (!count(o->env_set) && !count(o->env_unset))
		return 0;
	made = tend__malloc((count(base) + count(o->env_set) + 1) * sizeof *made);
	if (!made)
		return -ENOMEM;
	for (size_t i = 0; base && base[i]; i++)
		if (!is_unset(o, base[i]) && !is_set_by(o->env_set, base[i]))
			made[n++] = base[i];
	for (const char *const *set = o->env_set; set && *set; set++)
		if (!is_set_by(set + 1, *set)) /* of several the last one counts */
			made[n++] = *set;
	made[n] = NULL;
	ret_env->made = made;
	ret_env->list = (char *const *)(uintptr_t)made;
	return 0;
}

void tend__env_free(struct tend__env *env)
{
	tend__free(env->made);
}
