/* SPDX-License-Identifier: MIT */
/* The parent's end of a child's stdin. */
#ifndef TEND_LIB_INPUT_H
#define TEND_LIB_INPUT_H

#include "process.h"

void tend__input_init(struct tend__input *in);
/* [one thread] The write end of a pipe; owned from here on, on failure too.  0 or a negative errno value. */
int tend__input_open(struct tend__input *in, int take_fd);
/* [any] Closes it: the child reads EOF.  Waits for a write in progress to give up, which it does at once. */
void tend__input_close(struct tend__input *in);
/* [any] As close, but for the descriptor, which is the caller's from here on; -1: there is none. */
int tend__input_take(struct tend__input *in);
/* [last] */
void tend__input_fini(struct tend__input *in);

#endif
