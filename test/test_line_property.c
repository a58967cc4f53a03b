/* SPDX-License-Identifier: MIT */
/*
 * The line parser against an oracle that sees the whole stream at once: random streams with every combination of
 * options, and all ways to cut short ones into chunks.
 *
 * TEND_SEED=n takes other random streams; a failure names the seed that makes its stream the first one.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../fuzz/line_oracle.h"
#include "test.h"

/* So many as take about two seconds in all where nothing slows them down. */
static unsigned scaled(unsigned n)
{
	return test_under_valgrind() ? n / 60 : test_under_sanitizer() ? n / 8 : n;
}

/* ---- random streams ---- */

#define MAX_STEPS 40

struct random_world {
	struct line_world world;
	unsigned char bytes[LINE_WORLD_MAX_BYTES];
	struct line_step steps[MAX_STEPS];
};

static uint64_t random_state;

/* Neighbouring seeds give unlike streams. */
static void seed_random(uint64_t seed)
{
	random_state = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15);
	random_state ^= random_state >> 29;
	if (random_state == 0)
		random_state = 1;
}

static unsigned below(size_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (unsigned)((random_state >> 33) % n);
}

/* Round i has the i-th combination of all options but max_length. */
static void make_options(struct tend_line_options *o, uint64_t i)
{
	static const unsigned delimiters[] = {
		0, TEND_DELIMITER('\n'), TEND_DELIMITER('\0'), TEND_DELIMITER('\r'), TEND_DELIMITER(0xa9),
		TEND_DELIMITER('\xff'),
	};
	static const size_t releases[] = { 0, 1, 100 };

	o->overflow = i % 2 ? TEND_LINE_TRUNCATE : TEND_LINE_SPLIT;
	i /= 2;
	o->cr = i % 2 ? TEND_CR_STRIP : TEND_CR_KEEP;
	i /= 2;
	o->cut_at_utf8 = i % 2;
	i /= 2;
	o->delimiter = delimiters[i % 6];
	i /= 6;
	o->release_above = releases[i % 3];
}
#define COMBINATIONS (2 * 2 * 2 * 6 * 3)

static size_t add_text(struct random_world *r, size_t at, const char *text)
{
	size_t n = strlen(text);

	if (n > r->world.n_bytes - at)
		n = r->world.n_bytes - at;
	memcpy(r->bytes + at, text, n);
	return at + n;
}

/* What a parser could stumble over: ends of lines, CRs, whole characters and pieces of them, NUL. */
static void make_bytes(struct random_world *r)
{
	static const char *const texts[] = {
		"\r", "\r\n", "\r\r\n", "\n", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xc3", "\xe2\x82",
		"\xf0\x9f", "\x80", "\xbf\xbf\xbf\xbf", "\xc1\x80", "\xf5\x80\x80\x80", "\xff",
	};
	unsigned char delimiter = r->world.options.delimiter ? (unsigned char)r->world.options.delimiter : '\n';
	unsigned rare = 2 + below(20), plain = 1 + below(6);
	size_t at = 0;

	while (at < r->world.n_bytes) {
		if (below(rare) == 0)
			r->bytes[at++] = delimiter;
		else if (below(plain) > 0)
			r->bytes[at++] = (unsigned char)(below(8) ? 'a' + below(26) : below(256));
		else if (below(8) == 0)
			r->bytes[at++] = '\0';
		else
			at = add_text(r, at, texts[below(sizeof texts / sizeof *texts)]);
	}
}

static void make_steps(struct random_world *r)
{
	unsigned most = below(3) == 0 ? 1 : below(8) ? 60 : 400;
	unsigned gaps = below(2) ? 0 : 2 + below(10);

	r->world.n_steps = 1 + below(MAX_STEPS);
	for (size_t i = 0; i < r->world.n_steps; i++) {
		bool lost = gaps > 0 && below(gaps) == 0;

		r->steps[i].kind = lost ? LINE_LOST + below(3) : LINE_FED;
		r->steps[i].size = lost ? below(10) : 1 + below(most);
	}
	/* whatever the others are, something is fed */
	r->steps[0] = (struct line_step){ LINE_FED, 1 + below(most) };
}

static void make_world(struct random_world *r, uint64_t seed)
{
	static const unsigned lengths[] = { 4, 8, 100, 400 };

	seed_random(seed);
	r->world = (struct line_world){ .bytes = r->bytes, .steps = r->steps };
	make_options(&r->world.options, seed);
	r->world.options.max_length = 1 + below(lengths[below(4)]);
	r->world.n_bytes = below(below(10) ? 240 : LINE_WORLD_MAX_BYTES) + 1;
	make_bytes(r);
	make_steps(r);
}

static uint64_t first_seed(void)
{
	const char *text = getenv("TEND_SEED");

	return text ? strtoull(text, NULL, 0) : 0;
}

/*
 * LP-1 to LP-13.  parser::properties: rechunking_preserves_lines, single_byte_chunks_match_single_chunk,
 * embedded_nuls_are_treated_as_content, multibyte_utf8_survives_chunk_split,
 * drop_additional_caps_emitted_line_length, emit_additional_preserves_all_bytes, gap_emits_subset_of_no_gap_run
 */
static void random_streams(void)
{
	unsigned rounds = scaled(COMBINATIONS * 1000);
	struct line_tally t = { 0 };

	for (unsigned i = 0; i < rounds; i++) {
		struct random_world r;
		const char *wrong;

		make_world(&r, first_seed() + i);
		wrong = line_world_check(&r.world, &t);
		if (wrong) {
			fprintf(stderr, "%s\nagain: TEND_SEED=%llu\n", wrong, (unsigned long long)(first_seed() + i));
			CHECK_STR(NULL, wrong);
			return;
		}
	}
	/* the streams were worth it */
	CHECK(t.lines > rounds && t.bytes_cut > rounds && t.bytes_resync > rounds);
	CHECK(t.after_gap > rounds / 4 && t.continued > rounds / 4 && t.unterminated > rounds / 4);
	CHECK(t.had_cr > rounds / 4 && t.stripped > rounds / 8 && t.moved > rounds / 8);
}

/* ---- all splits ---- */

/* Bit i of `cuts` says whether a chunk ends behind byte i. */
static const char *check_split(const struct tend_line_options *options, const unsigned char *bytes, size_t n,
                               unsigned cuts)
{
	struct line_step steps[16];
	struct line_world world = { .options = *options, .bytes = bytes, .n_bytes = n, .steps = steps };
	size_t begin = 0;

	for (size_t i = 0; i < n; i++)
		if (i + 1 == n || (cuts >> i & 1)) {
			steps[world.n_steps++] = (struct line_step){ LINE_FED, i + 1 - begin };
			begin = i + 1;
		}
	return line_world_check(&world, NULL);
}

static void print_failure(const char *wrong, const struct tend_line_options *o, const unsigned char *bytes, size_t n,
                          unsigned cuts)
{
	fprintf(stderr, "%s\nmax_length %zu, overflow %d, cr %d, cut_at_utf8 %d, bytes", wrong, o->max_length,
	        (int)o->overflow, (int)o->cr, o->cut_at_utf8);
	for (size_t i = 0; i < n; i++)
		fprintf(stderr, " %02x%s", bytes[i], i + 1 < n && (cuts >> i & 1) ? " |" : "");
	fprintf(stderr, "\n");
}

/* With every policy and every max_length up to its own: whether all splits into chunks give the right lines. */
static bool check_all_splits(const unsigned char *bytes, size_t n)
{
	struct tend_line_options o = { 0 };

	for (unsigned i = 0; i < 8 * n; i++) {
		make_options(&o, i % 8);
		o.max_length = 1 + i / 8;
		for (unsigned cuts = 0; cuts < 1u << (n - 1); cuts++) {
			const char *wrong = check_split(&o, bytes, n, cuts);

			if (wrong) {
				print_failure(wrong, &o, bytes, n, cuts);
				CHECK_STR(NULL, wrong);
				return false;
			}
		}
	}
	return true;
}

/* The code-th of all streams of n bytes over an alphabet of five. */
static void make_short(unsigned char *bytes, size_t n, unsigned code)
{
	static const unsigned char alphabet[] = { 'a', '\r', '\n', 0xe2, 0x82 };

	for (size_t i = 0; i < n; i++) {
		bytes[i] = alphabet[code % 5];
		code /= 5;
	}
}

/* LP-13 */
static void all_splits_of_all_short_streams(void)
{
	unsigned stride = test_under_valgrind() ? 97 : test_under_sanitizer() ? 7 : 1;
	unsigned n_streams = 5;

	for (size_t n = 1; n <= 5; n++) {
		for (unsigned code = 0; code < n_streams; code += stride) {
			unsigned char bytes[5];

			make_short(bytes, n, code);
			if (!check_all_splits(bytes, n))
				return;
		}
		n_streams *= 5;
	}
}

/* LP-13 */
static void all_splits_of_some_longer_streams(void)
{
	static const char *const streams[] = {
		"ab\r\ncd\r\n", "\r\n\r\r\n\r", "\xf0\x9f\x98\x80\xf0\x9f\x98\x80\n", "a\xe2\x82\xac\xe2\x82\xac\r\n",
		"1234\r5678\r", "\xc3\xa9\x80\x80\xf0\x9f\nx",
	};

	for (size_t i = 0; i < sizeof streams / sizeof *streams; i++)
		if (!check_all_splits((const unsigned char *)streams[i], strlen(streams[i])))
			return;
}

static const struct test tests[] = {
	{ "random-streams", random_streams },
	{ "all-splits-of-all-short-streams", all_splits_of_all_short_streams },
	{ "all-splits-of-some-longer-streams", all_splits_of_some_longer_streams },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "line_property", tests, sizeof tests / sizeof *tests);
}
