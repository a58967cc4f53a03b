/* SPDX-License-Identifier: MIT */
/* Names for messages and logs: given, or made of the command.  Only the program's own name is free of secrets. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "spawn.h"

/* A string that grows; `failed` once there was no memory. */
struct text {
	char *s;
	size_t n;
	bool failed;
};

static void add(struct text *t, const char *piece)
{
	size_t n = strlen(piece);
	char *s = t->failed ? NULL : tend__realloc(t->s, t->n + n + 1);

	if (!s) {
		t->failed = true;
		return;
	}
	memcpy(s + t->n, piece, n + 1);
	t->s = s;
	t->n += n;
}

static void add_program(struct text *t, const struct tend_spawn *o)
{
	add(t, o->program ? o->program : o->argv[0]);
}

static void add_args(struct text *t, const struct tend_spawn *o)
{
	for (const char *const *arg = o->argv + 1; o->argv[0] && *arg; arg++) {
		add(t, " \"");
		add(t, *arg);
		add(t, "\"");
	}
}

static void add_variables(struct text *t, const char *const *list)
{
	for (; list && *list; list++) {
		add(t, *list);
		add(t, " ");
	}
}

static void add_cwd(struct text *t, const struct tend_spawn *o)
{
	if (o->cwd) {
		add(t, o->cwd);
		add(t, " % ");
	}
}

char *tend__name_make(const struct tend_spawn *o)
{
	struct text t = { .n = 0 };

	if (o->name)
		return tend__strdup(o->name);
	if (o->auto_name == TEND_NAME_FULL)
		add_cwd(&t, o);
	if (o->auto_name == TEND_NAME_FULL || o->auto_name == TEND_NAME_ENV_ARGS) {
		add_variables(&t, o->env);
		add_variables(&t, o->env_set);
	}
	add_program(&t, o);
	if (o->auto_name > TEND_NAME_PROGRAM)
		add_args(&t, o);
	if (!t.failed)
		return t.s;
	tend__free(t.s);
	return NULL;
}
