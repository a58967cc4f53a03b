/* SPDX-License-Identifier: MIT */
/* What a spawn is refused for before anything exists. */
#include <sched.h>
#include <sys/resource.h>

#include "field.h"

/* ---- the standard streams ---- */

static int check_fd(int fd, const char *prefix, struct tend_error *err)
{
	return fd >= 0 ? 0 : refuse(field(prefix, "fd"), "is negative: no descriptor", err);
}

static int check_input(const struct tend_input *o, struct tend_error *err)
{
	int r = check_choice(field("in.", "kind"), o->kind, TEND_INPUT_BYTES,
	                     "TEND_IN_NULL, TEND_IN_PIPE, TEND_IN_INHERIT, TEND_IN_FD(fd) or TEND_IN_BYTES(p, n)", err);

	if (r == 0 && o->kind == TEND_INPUT_BYTES && !o->bytes && o->n)
		return refuse(field("in.", "bytes"), "must not be NULL when n is not 0", err);
	return r == 0 && o->kind == TEND_INPUT_FD ? check_fd(o->fd, "in.", err) : r;
}

static int check_output(const struct tend_output *o, const char *prefix, struct tend_error *err)
{
	struct full_name inner;
	int r = check_choice(field(prefix, "kind"), o->kind, TEND_OUTPUT_MERGE,
	                     "TEND_OUT_STREAM(options), TEND_OUT_DISCARD, TEND_OUT_INHERIT or TEND_OUT_FD(fd)", err);

	if (r < 0)
		return r;
	if (o->kind == TEND_OUTPUT_FD)
		return check_fd(o->fd, prefix, err);
	if (o->kind != TEND_OUTPUT_STREAM)
		return 0;
	inner = full_name(field(prefix, "stream."));
	return tend__check_stream_options(&o->stream, inner.text, err);
}

static int check_outputs(const struct tend_spawn *o, struct tend_error *err)
{
	int r = check_output(&o->out, "out.", err);

	if (r < 0)
		return r;
	if (o->out.kind == TEND_OUTPUT_MERGE)
		return refuse(field("out.", "kind"), "is TEND_OUT_MERGE, which is for err", err);
	return check_output(&o->err, "err.", err);
}

int tend__check_forgotten(const struct tend_forgotten *o, struct tend_error *err)
{
	int r = check_choice(field("if_forgotten.", "kind"), o->kind, TEND_IF_FORGOTTEN_DETACH,
	                     "TEND_FORGOTTEN_ABORT, TEND_FORGOTTEN_TERMINATE(plan) or TEND_FORGOTTEN_DETACH", err);

	if (r == 0 && o->kind == TEND_IF_FORGOTTEN_TERMINATE)
		r = tend__check_stop(o->stop, "if_forgotten.stop.", err);
	return r;
}

/* ---- the program ---- */

/* Whether it has a name in front of its first '='. */
static bool is_assignment(const char *entry)
{
	const char *equals = strchr(entry, '=');

	return equals && equals != entry;
}

static int check_environment(const char *name, const char *const *list, struct tend_error *err)
{
	char where[32];

	for (size_t i = 0; list && list[i]; i++) {
		if (is_assignment(list[i]))
			continue;
		snprintf(where, sizeof where, "%s[%zu]", name, i);
		return refuse(field("", where), "is no \"KEY=value\"", err);
	}
	return 0;
}

static int check_unset(const char *const *list, struct tend_error *err)
{
	char where[32];

	for (size_t i = 0; list && list[i]; i++) {
		if (list[i][0] && !strchr(list[i], '='))
			continue;
		snprintf(where, sizeof where, "env_unset[%zu]", i);
		return refuse(field("", where), "is no name of a variable", err);
	}
	return 0;
}

static int check_command(const struct tend_spawn *o, struct tend_error *err)
{
	int r = 0;

	if (!o->argv)
		return refuse(field("", "argv"), UNCHOSEN, err);
	if (!o->argv[0])
		return refuse(field("", "argv[0]"), UNCHOSEN, err);
	if (o->auto_name)
		r = check_choice(field("", "auto_name"), o->auto_name, TEND_NAME_FULL,
		                 "TEND_NAME_PROGRAM, TEND_NAME_ARGS, TEND_NAME_ENV_ARGS or TEND_NAME_FULL", err);
	if (r == 0)
		r = check_environment("env", o->env, err);
	if (r == 0)
		r = check_unset(o->env_unset, err);
	if (r == 0)
		r = check_environment("env_set", o->env_set, err);
	return r == 0 && o->on_busy ? tend__check_duration(o->on_busy, "on_busy", true, err) : r;
}

/* ---- what the child is like ---- */

static int check_pass_fd(const struct tend_spawn *o, size_t i, struct tend_error *err)
{
	const struct tend_pass_fd *fd = &o->pass_fds[i];
	char prefix[32];

	snprintf(prefix, sizeof prefix, "pass_fds[%zu].", i);
	if (fd->source < 0)
		return refuse(field(prefix, "source"), "is negative: no descriptor", err);
	if (fd->target < 3)
		return refuse(field(prefix, "target"), "is below 3: 0 to 2 are in, out and err", err);
	for (size_t k = 0; k < i; k++)
		if (o->pass_fds[k].target == fd->target)
			return tend__refuse(err, NULL, full_name(field(prefix, "target")).text,
			                    "is %d, as that of pass_fds[%zu]", fd->target, k);
	return 0;
}

/* An array of at most `most` entries. */
static int check_array(const char *name, const void *array, size_t n, size_t most, struct tend_error *err)
{
	if (n > most)
		return tend__refuse(err, NULL, full_name(field("n_", name)).text, "is %zu: at most %zu is possible", n,
		                    most);
	return n && !array ? refuse(field("", name), "must not be NULL when its number is not 0", err) : 0;
}

static int check_pass_fds(const struct tend_spawn *o, struct tend_error *err)
{
	int r = check_array("pass_fds", o->pass_fds, o->n_pass_fds, TEND_MAX_PASS_FDS, err);

	for (size_t i = 0; i < o->n_pass_fds && r == 0; i++)
		r = check_pass_fd(o, i, err);
	return r;
}

static int check_rlimits(const struct tend_spawn *o, struct tend_error *err)
{
	int r = check_array("rlimits", o->rlimits, o->n_rlimits, TEND_MAX_RLIMITS, err);
	char prefix[32];

	for (size_t i = 0; i < o->n_rlimits && r == 0; i++) {
		snprintf(prefix, sizeof prefix, "rlimits[%zu].", i);
		if (o->rlimits[i].soft > o->rlimits[i].hard)
			r = refuse(field(prefix, "soft"), "is above the hard limit", err);
		else if (o->rlimits[i].resource < 0 || o->rlimits[i].resource >= RLIM_NLIMITS)
			r = refuse(field(prefix, "resource"), "is none of setrlimit(2)", err);
	}
	return r;
}

/* Absent, or a tagged value from `least` to `most`; `macro` is how to tag it. */
static int check_value(const char *name, tend_value v, int64_t least, int64_t most, const char *macro,
                       struct tend_error *err)
{
	if (v == 0 || (v >= TEND_VALUE_TAG + least && v <= TEND_VALUE_TAG + most))
		return 0;
	if (v < TEND_VALUE_TAG / 2)
		return tend__refuse(err, NULL, name, "is a plain number: make it with %s", macro);
	return tend__refuse(err, NULL, name, "is %lld: %lld to %lld are possible", (long long)(v - TEND_VALUE_TAG),
	                    (long long)least, (long long)most);
}

static int check_ids(const struct tend_spawn *o, struct tend_error *err)
{
	const int64_t last = (int64_t)UINT32_MAX - 1; /* -1 is none */
	int r = check_value("uid", o->uid, 0, last, "TEND_UID(uid)", err);

	if (r == 0)
		r = check_value("gid", o->gid, 0, last, "TEND_GID(gid)", err);
	if (r < 0)
		return r;
	if (o->uid && !o->gid)
		return refuse(field("", "gid"), UNCHOSEN ": a child with another uid needs its gid", err);
	if (o->uid || o->groups.kind)
		r = check_choice(field("", "groups.kind"), o->groups.kind, TEND_GROUPS_KEPT,
		                 "TEND_GROUPS(list, n), TEND_GROUPS_NONE or TEND_GROUPS_KEEP", err);
	if (r == 0 && o->groups.n > TEND_MAX_GROUPS)
		r = check_amount(field("", "groups.n"), o->groups.n, TEND_MAX_GROUPS, err);
	if (r == 0 && o->groups.n && !o->groups.list)
		r = refuse(field("", "groups.list"), "must not be NULL when n is not 0", err);
	return r;
}

static int check_scope(const struct tend_spawn *o, struct tend_error *err)
{
	int r = 0;

	if (o->scope)
		r = check_choice(field("", "scope"), o->scope, TEND_SCOPE_CGROUP,
		                 "TEND_SCOPE_GROUP, TEND_SCOPE_SESSION, TEND_SCOPE_NONE or TEND_SCOPE_CGROUP", err);
	if (r == 0 && o->with_parent)
		r = check_choice(field("", "with_parent"), o->with_parent, TEND_WITH_PARENT_TREE,
		                 "TEND_WITH_PARENT_CHILD or TEND_WITH_PARENT_TREE", err);
	if (r < 0)
		return r;
	if (o->scope != TEND_SCOPE_CGROUP)
		return o->cgroup.parent || o->cgroup.if_unavailable
		               ? refuse(field("", "cgroup"), "is for TEND_SCOPE_CGROUP", err)
		               : 0;
	if (o->cgroup.parent && o->cgroup.parent[0] != '/')
		return refuse(field("", "cgroup.parent"), "is no absolute path", err);
	return check_choice(field("", "cgroup.if_unavailable"), o->cgroup.if_unavailable, TEND_NO_CGROUP_GROUP,
	                    "TEND_NO_CGROUP_REFUSE or TEND_NO_CGROUP_GROUP", err);
}

static int check_survivors(const struct tend_spawn *o, struct tend_error *err)
{
	int r = 0;

	if (o->survivors.kind)
		r = check_choice(field("", "survivors.kind"), o->survivors.kind, TEND_SURVIVORS_STOPPED,
		                 "TEND_SURVIVORS_LEAVE, TEND_SURVIVORS_REPORT or TEND_SURVIVORS_STOP(plan)", err);
	if (r == 0 && o->survivors.kind == TEND_SURVIVORS_STOPPED)
		r = tend__check_stop(o->survivors.stop, "survivors.stop.", err);
	return r;
}

static int check_pty(const struct tend_spawn *o, struct tend_error *err)
{
	int r;

	if (!o->pty)
		return 0;
	r = check_choice(field("", "pty.mode"), o->pty->mode, TEND_PTY_COOKED, "TEND_PTY_RAW or TEND_PTY_COOKED", err);
	if (r < 0)
		return r;
	if (o->scope && o->scope != TEND_SCOPE_SESSION)
		return refuse(field("", "scope"), "has to be TEND_SCOPE_SESSION with a pty", err);
	if (o->out.kind != TEND_OUTPUT_STREAM)
		return refuse(field("", "out.kind"), "has to be TEND_OUT_STREAM(options) with a pty", err);
	return 0;
}

static int check_child(const struct tend_spawn *o, struct tend_error *err)
{
	int r = check_pass_fds(o, err);

	if (r == 0)
		r = check_scope(o, err);
	if (r == 0)
		r = check_survivors(o, err);
	if (r == 0)
		r = check_pty(o, err);
	if (r == 0)
		r = check_value("umask", o->umask, 0, 0777, "TEND_UMASK(mode)", err);
	if (r == 0)
		r = check_value("nice", o->nice, -20, 19, "TEND_NICE(n)", err);
	if (r == 0)
		r = check_value("oom_score_adj", o->oom_score_adj, -1000, 1000, "TEND_OOM_SCORE_ADJ(n)", err);
	if (r == 0)
		r = check_rlimits(o, err);
	return r == 0 ? check_ids(o, err) : r;
}

int tend__check_spawn(const struct tend_spawn *o, struct tend_error *err)
{
	int r;

	if (!o)
		return refuse_null("", err);
	r = check_command(o, err);
	if (r == 0)
		r = check_input(&o->in, err);
	if (r == 0)
		r = check_outputs(o, err);
	if (r == 0)
		r = tend__check_forgotten(&o->if_forgotten, err);
	if (r == 0)
		r = check_child(o, err);
	if (r < 0 && err && o->name)
		snprintf(err->name, sizeof err->name, "%s", o->name);
	return r;
}
