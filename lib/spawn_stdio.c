/* SPDX-License-Identifier: MIT */
/*
 * The child's 0, 1 and 2: which of the host's descriptors, or of new ones, they are, and our ends of those.
 *
 * What is the child's alone (s->ends, s->terminal[1], s->null_fd) stays open here until the child has executed; ours is
 * the stream's or the input's from the moment on that it exists.
 */
#include <errno.h>
#include <fcntl.h>

#include "error.h"
#include "input.h"
#include "rcu.h"
#include "spawn.h"
#include "stream.h"
#include "sys.h"

void tend__stdio_clean_up(struct tend__spawning *s)
{
	tend__spawn_close(&s->null_fd);
	for (int i = 0; i < 3; i++)
		tend__spawn_close(&s->ends[i]);
	tend__spawn_close(&s->terminal[0]);
	tend__spawn_close(&s->terminal[1]);
}

static int use_null(struct tend__spawning *s, int target, struct tend_error *err)
{
	if (s->null_fd < 0)
		s->null_fd = tend__sys_open_null();
	if (s->null_fd < 0)
		return tend__refuse_step(s, s->null_fd, TEND_STEP_OPEN, "/dev/null cannot be opened", err);
	s->plan.fds[target].source = s->null_fd;
	return 0;
}

/* What the host has closed is closed in the child, too, whatever another thread opens in its place meanwhile. */
static void inherit(struct tend__spawning *s, int target)
{
	s->plan.fds[target].source = tend__sys_check_open(target) == 0 ? target : TEND__CLOSED;
}

/* ---- the terminal ---- */

static int make_terminal(struct tend__spawning *s, struct tend_error *err)
{
	const struct tend_pty *pty = s->o->pty;
	int r = tend__sys_pty(s->terminal);

	if (r < 0)
		return tend__refuse_step(s, r, TEND_STEP_TERMINAL, "no pseudoterminal", err);
	r = tend__sys_set_terminal(s->terminal[1], pty->mode == TEND_PTY_RAW, pty->rows ? pty->rows : 24,
	                           pty->columns ? pty->columns : 80);
	if (r < 0)
		return tend__refuse_step(s, r, TEND_STEP_TERMINAL, "the pseudoterminal cannot be set up", err);
	s->plan.tty_fd = s->terminal[1];
	return 0;
}

/* ---- stdin ---- */

/* Our side of the terminal once more, as the stream closes its own when it likes. */
static int type_into_terminal(struct tend__spawning *s, struct tend_error *err)
{
	int fd = tend__sys_dup(s->terminal[0]);
	int r = fd;

	if (fd >= 0)
		r = tend__input_open(&s->p->in, fd);
	if (r < 0)
		return tend__refuse_step(s, r, TEND_STEP_TERMINAL, "no descriptor for the terminal's input", err);
	s->p->in.is_terminal = true;
	s->p->in.is_cooked = s->o->pty->mode == TEND_PTY_COOKED;
	s->plan.fds[0].source = s->terminal[1];
	return 0;
}

static int make_pipe(struct tend__spawning *s, struct tend_error *err)
{
	int r = tend__spawn_pipe(&s->ends[0], &s->p->in.fd);

	if (r < 0)
		return tend__refuse_step(s, r, TEND_STEP_PIPE, "no pipe for stdin", err);
	s->plan.fds[0].source = s->ends[0];
	r = tend__input_open(&s->p->in, s->p->in.fd);
	return r < 0 ? tend__refuse_step(s, r, TEND_STEP_PIPE, "no eventfd for stdin", err) : 0;
}

/* Whether all of it went into a new pipe, whose other end is *ret_end. */
static bool fits_in_pipe(const struct tend_input *in, int *ret_end)
{
	int fds[2], size;
	bool fits;

	/* a copy of the end that is written to would keep the child from the end of its input */
	tend__rcu_hold_forks();
	if (tend__sys_pipe(fds) < 0) {
		tend__rcu_allow_forks();
		return false;
	}
	size = tend__sys_pipe_size(fds[1]);
	fits = size > 0 && (size_t)size >= in->n && tend__sys_set_nonblock(fds[1]) == 0 &&
	       (in->n == 0 || tend__sys_write(fds[1], in->bytes, in->n) == (ssize_t)in->n);
	tend__sys_close(fds[1]);
	if (fits)
		*ret_end = fds[0];
	else
		tend__sys_close(fds[0]);
	tend__rcu_allow_forks();
	return fits;
}

#define MOST_IN_PIPE ((size_t)64 << 10) /* what a new pipe has, unless its user has too many already */

static int make_bytes(struct tend__spawning *s, struct tend_error *err)
{
	const struct tend_input *in = &s->o->in;

	if (in->n > MOST_IN_PIPE || !fits_in_pipe(in, &s->ends[0]))
		s->ends[0] = tend__sys_memfd(in->bytes, in->n);
	if (s->ends[0] < 0)
		return tend__refuse_step(s, s->ends[0], TEND_STEP_BYTES, "no file in memory for the bytes of stdin",
		                         err);
	s->plan.fds[0].source = s->ends[0];
	return 0;
}

static int make_input(struct tend__spawning *s, struct tend_error *err)
{
	switch (s->o->in.kind) {
	case TEND_INPUT_NULL:
		return use_null(s, 0, err);
	case TEND_INPUT_INHERIT:
		inherit(s, 0);
		return 0;
	case TEND_INPUT_FD:
		s->plan.fds[0].source = s->o->in.fd;
		return 0;
	case TEND_INPUT_BYTES:
		return make_bytes(s, err);
	default:
		return s->o->pty ? type_into_terminal(s, err) : make_pipe(s, err);
	}
}

/* ---- stdout and stderr ---- */

static int make_stream(struct tend__spawning *s, int target, const struct tend_output *out, struct tend_error *err)
{
	const char *label = target == 1 ? "stdout" : "stderr";
	int ours, r;

	if (s->o->pty && target == 1) {
		ours = s->terminal[0];
		s->terminal[0] = -1;
		s->plan.fds[1].source = s->terminal[1];
	} else {
		r = tend__spawn_pipe(&ours, &s->ends[target]);
		if (r < 0)
			return tend__refuse_step(s, r, TEND_STEP_PIPE, "no pipe for an output", err);
		s->plan.fds[target].source = s->ends[target];
	}
	return tend__stream_new(ours, true, &out->stream, label, s->p->name, target == 1 ? &s->p->out : &s->p->err,
	                        err);
}

static int discard(struct tend__spawning *s, int target, struct tend_error *err)
{
	int r = use_null(s, target, err);

	if (r < 0)
		return r;
	return target == 1 ? tend__stream_new_discarded("stdout", s->p->name, &s->p->out, err)
	                   : tend__stream_new_discarded("stderr", s->p->name, &s->p->err, err);
}

static int make_output(struct tend__spawning *s, int target, const struct tend_output *out, struct tend_error *err)
{
	switch (out->kind) {
	case TEND_OUTPUT_STREAM:
		return make_stream(s, target, out, err);
	case TEND_OUTPUT_DISCARD:
		return discard(s, target, err);
	case TEND_OUTPUT_FD:
		s->plan.fds[target].source = out->fd;
		return 0;
	case TEND_OUTPUT_MERGE:
		s->plan.fds[target].source = s->plan.fds[1].source;
		return 0;
	default:
		inherit(s, target);
		return 0;
	}
}

/*
 * A child with other ids opens /dev/stdout as anybody does, by the owner and the mode of what is behind it.  Where that
 * cannot be given away it cannot change its ids either.
 */
static void give_away(struct tend__spawning *s)
{
	int64_t uid = s->o->uid ? s->o->uid - TEND_VALUE_TAG : -1, gid = s->o->gid ? s->o->gid - TEND_VALUE_TAG : -1;

	if (uid < 0 && gid < 0)
		return;
	for (int i = 0; i < 3; i++)
		if (s->ends[i] >= 0)
			tend__sys_give(s->ends[i], uid, gid);
	if (s->terminal[1] >= 0)
		tend__sys_give(s->terminal[1], uid, gid);
}

int tend__stdio_make(struct tend__spawning *s, struct tend_error *err)
{
	int r = s->o->pty ? make_terminal(s, err) : 0;

	for (int target = 0; target < 3; target++)
		s->plan.fds[target].target = target;
	s->plan.n_fds = 3;
	if (r == 0)
		r = make_input(s, err);
	if (r == 0)
		r = make_output(s, 1, &s->o->out, err);
	if (r == 0)
		r = make_output(s, 2, &s->o->err, err);
	if (r == 0)
		give_away(s);
	return r;
}
