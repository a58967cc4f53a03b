/* SPDX-License-Identifier: MIT */
/* A consumer: drives a visitor over a subscription, on a thread of its own or on the stream's reader. */
#ifndef TEND_LIB_CONSUME_H
#define TEND_LIB_CONSUME_H

#include <tend/consume.h>

/* Ready-made visitors own their state; a user's own visitor is TEND__USER. */
enum tend__consumer_kind { TEND__USER, TEND__INSPECTOR, TEND__COLLECTOR, TEND__WRITER };

/*
 * [any] As tend_stream_consume(), and `destroy` (may be NULL) is called with take_self once nobody needs it any more:
 * when the handle is freed and the last callback has returned, or at once when the call fails.
 */
int tend__consume(tend_stream *stream, const struct tend_visitor *visitor, void *take_self, void (*destroy)(void *self),
                  enum tend__consumer_kind kind, tend_consumer **ret_consumer, struct tend_error *err);

/* [any] The visitor's state, or NULL where the consumer is of another kind. */
void *tend__consumer_self(tend_consumer *consumer, enum tend__consumer_kind kind);

/* [any] What it has seen and how it ended; ending is TEND_END_NONE while it runs. */
void tend__consumer_look(tend_consumer *consumer, struct tend_consumed *ret_consumed);

#endif
