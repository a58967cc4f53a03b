/* SPDX-License-Identifier: MIT */
/*
 * A stream and its fate, decoded from any bytes at all:
 *
 *     0        policies: a bit each for truncate, strip CR, cut at UTF-8, a delimiter of its own
 *     1        max_length - 1
 *     2        release_above
 *     3        the delimiter, where there is one
 *     4        how many steps there are, from 1 to 16; then one byte for each
 *     ...      the stream
 *
 * A step of 0xKL feeds 0xKL + 1 bytes, or loses 0xL where K is d, e or f, one for each kind of gap.  The steps are
 * repeated until the stream is used up.  What is missing at the end counts as 0.
 */
#include "fuzz.h"

#include "line_oracle.h"

#define MAX_STEPS 16

const char fuzz_name[] = "line";

struct input {
	const uint8_t *data;
	size_t size;
};

static unsigned take(struct input *in)
{
	if (in->size == 0)
		return 0;
	in->size--;
	return *in->data++;
}

static void take_options(struct input *in, struct tend_line_options *o)
{
	unsigned policies = take(in), delimiter;

	o->overflow = policies & 1 ? TEND_LINE_TRUNCATE : TEND_LINE_SPLIT;
	o->cr = policies & 2 ? TEND_CR_STRIP : TEND_CR_KEEP;
	o->cut_at_utf8 = policies & 4;
	o->max_length = 1 + take(in);
	o->release_above = take(in);
	delimiter = take(in);
	o->delimiter = policies & 8 ? TEND_DELIMITER(delimiter) : 0;
}

static size_t take_steps(struct input *in, struct line_step *steps)
{
	static const enum line_step_kind losses[] = { LINE_LOST, LINE_LOST_TOLD, LINE_LOST_KNOWN };
	size_t n = 1 + take(in) % MAX_STEPS, total = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned step = take(in);

		steps[i].kind = step < 0xd0 ? LINE_FED : losses[(step >> 4) - 0xd];
		steps[i].size = step < 0xd0 ? step + 1 : step & 0xf;
		total += steps[i].size;
	}
	/* gaps of nothing lead nowhere */
	if (total == 0)
		steps[0] = (struct line_step){ LINE_FED, 1 };
	return n;
}

const char *fuzz_check(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct line_step steps[MAX_STEPS];
	struct line_world world = { .steps = steps };

	take_options(&in, &world.options);
	world.n_steps = take_steps(&in, steps);
	world.bytes = in.data;
	world.n_bytes = in.size < LINE_WORLD_MAX_BYTES ? in.size : LINE_WORLD_MAX_BYTES;
	return line_world_check(&world, NULL);
}
