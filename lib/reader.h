/* SPDX-License-Identifier: MIT */
/* The thread that reads one descriptor and publishes what it reads. */
#ifndef TEND_LIB_READER_H
#define TEND_LIB_READER_H

#include "stream.h"

/*
 * [any] Starts the reader of a stream that is otherwise ready; it takes a reference.  0, -EAGAIN and as
 * pthread_create(3).
 */
int tend__reader_start(tend_stream *stream, struct tend_error *err);

#endif
