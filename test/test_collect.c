/* SPDX-License-Identifier: MIT */
/* What collectors keep, first as plain state, then of real streams: and what their results say is missing. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../lib/collect.h"
#include "fault.h"
#include "streams.h"
#include "test.h"

/* ---- bytes ---- */

/*
 * What is kept of `script`, whose pushes are separated by "/", and in brackets how much was left out, if any.  Valid
 * until the next call.
 */
static const char *kept_bytes(enum tend_overflow overflow, size_t max_bytes, const char *script)
{
	static char text[256];
	struct tend__kept_bytes k;
	size_t n;

	tend__kept_bytes_init(&k, overflow, max_bytes);
	for (; *script; script += n + (script[n] == '/')) {
		n = strcspn(script, "/");
		CHECK_INT(0, tend__kept_bytes_push(&k, script, n));
	}
	CHECK_INT(k.text.size, strlen(tend__kept_bytes_data(&k)));
	CHECK(k.text.room <= max_bytes + 1 + (overflow == TEND_DROP_OLDEST ? (max_bytes + 1) / 2 : 0));
	n = (size_t)snprintf(text, sizeof text, "%s", tend__kept_bytes_data(&k));
	if (k.left_out)
		snprintf(text + n, sizeof text - n, "[%ju]", (uintmax_t)k.left_out);
	tend__kept_bytes_destroy(&k);
	return text;
}

#define FIRST_BYTES(max, script) kept_bytes(TEND_DROP_NEWEST, max, script)
#define LAST_BYTES(max, script) kept_bytes(TEND_DROP_OLDEST, max, script)

/* collect::push_chunk_boundary_matrix, collect::raw_collection_keeps_expected_bytes_when_truncated; VS-7 */
static void the_first_bytes_are_kept(void)
{
	CHECK_STR("", FIRST_BYTES(5, ""));
	CHECK_STR("abcde", FIRST_BYTES(5, "abcde"));
	CHECK_STR("abcde[1]", FIRST_BYTES(5, "abcdef"));
	CHECK_STR("abcde[1]", FIRST_BYTES(5, "abc/def"));
	CHECK_STR("abcde[1]", FIRST_BYTES(5, "abcde/f"));
	CHECK_STR("abcde[3]", FIRST_BYTES(5, "abc/defgh"));
	CHECK_STR("abcde[4]", FIRST_BYTES(5, "abcdefg/h/i"));
	CHECK_STR("abcde", FIRST_BYTES(5, "abc//de/"));
}

/* The same; VS-8 */
static void the_last_bytes_are_kept(void)
{
	CHECK_STR("", LAST_BYTES(5, ""));
	CHECK_STR("abcde", LAST_BYTES(5, "abcde"));
	CHECK_STR("bcdef[1]", LAST_BYTES(5, "abcdef"));
	CHECK_STR("bcdef[1]", LAST_BYTES(5, "abc/def"));
	CHECK_STR("bcdef[1]", LAST_BYTES(5, "abcde/f"));
	CHECK_STR("defgh[3]", LAST_BYTES(5, "abc/defgh"));
	CHECK_STR("efghi[4]", LAST_BYTES(5, "abcdefg/h/i"));
	CHECK_STR("efghi[4]", LAST_BYTES(5, "a/b/c/d/e/f/g/h/i"));
	CHECK_STR("abcde", LAST_BYTES(5, "abc//de/"));
}

/* VS-11, VS-12 */
static void no_limit_and_no_room(void)
{
	struct tend__kept_bytes k;

	tend__kept_bytes_init(&k, TEND_TRUSTED_UNBOUNDED, 0);
	for (int i = 0; i < 1000; i++)
		CHECK_INT(0, tend__kept_bytes_push(&k, "0123456789", 10));
	CHECK_INT(10000, k.text.size);
	CHECK_INT(0, (intmax_t)k.left_out);
	CHECK(k.text.room < 20000);
	tend__kept_bytes_destroy(&k);
	CHECK_STR("[3]", FIRST_BYTES(0, "abc"));
	CHECK_STR("[3]", LAST_BYTES(0, "abc"));
}

/* ---- lines ---- */

static int push_line(struct tend__kept_lines *k, const char *text, size_t size)
{
	return tend__kept_lines_push(k, &(struct tend_line){ .data = text, .size = size });
}

/* The same for lines, each of which is separated by "/" from the next: "one|two|", then "[lines, bytes]" left out. */
static const char *kept_lines(enum tend_overflow overflow, size_t max_bytes, size_t max_lines, const char *script)
{
	static char text[256];
	struct tend__kept_lines k;
	const struct tend_line *lines;
	size_t n, used = 0;

	tend__kept_lines_init(&k, overflow, max_bytes, max_lines);
	for (;; script += n + 1) {
		n = strcspn(script, "/");
		CHECK_INT(0, push_line(&k, script, n));
		if (script[n] == '\0')
			break;
	}
	lines = tend__kept_lines_seal(&k);
	text[0] = '\0';
	for (size_t i = 0; i < tend__kept_lines_count(&k); i++) {
		CHECK_INT(lines[i].size, strlen(lines[i].data));
		used += (size_t)snprintf(text + used, sizeof text - used, "%s|", lines[i].data);
	}
	CHECK_INT(used, tend__kept_lines_size(&k) + tend__kept_lines_count(&k));
	if (k.lines_left_out || k.bytes_left_out)
		snprintf(text + used, sizeof text - used, "[%ju, %ju]", (uintmax_t)k.lines_left_out,
		         (uintmax_t)k.bytes_left_out);
	tend__kept_lines_destroy(&k);
	return text;
}

#define FIRST_LINES(max_bytes, max_lines, script) kept_lines(TEND_DROP_NEWEST, max_bytes, max_lines, script)
#define LAST_LINES(max_bytes, max_lines, script) kept_lines(TEND_DROP_OLDEST, max_bytes, max_lines, script)

/* collect::push_line_boundary_matrix, basic_line_collection_limit_modes, retained_bytes_tracks_appended_lines */
static void the_first_lines_are_kept(void)
{
	CHECK_STR("aaa|bbbb|", FIRST_LINES(100, 100, "aaa/bbbb"));
	CHECK_STR("one|two|[1, 3]", FIRST_LINES(100, 2, "one/two/six"));
	CHECK_STR("one|two|[1, 3]", FIRST_LINES(6, 100, "one/two/six"));
	CHECK_STR("one|two||[1, 3]", FIRST_LINES(6, 3, "one/two//six"));
	/* later, shorter ones may still fit */
	CHECK_STR("one|x|[1, 4]", FIRST_LINES(6, 100, "one/four/x"));
}

/*
 * collect::drop_additional_preserves_retained_lines_when_oversized_line_arrives,
 * collect::drop_additional_preserves_retained_bytes_when_limit_rejects_line
 */
static void what_does_not_fit_leaves_the_first_lines_alone(void)
{
	CHECK_STR("aaa|[1, 13]", FIRST_LINES(10, 100, "aaa/0123456789abc"));
	CHECK_STR("aaa|[1, 4]", FIRST_LINES(6, 100, "aaa/bbbb"));
	CHECK_STR("[1, 3]", FIRST_LINES(2, 100, "aaa"));
}

/*
 * collect::drop_oldest_evicts_old_lines_when_new_line_fits_but_budget_is_exceeded,
 * drop_oldest_updates_retained_bytes_when_evicting_by_line_count, basic_line_collection_limit_modes
 */
static void the_last_lines_are_kept(void)
{
	CHECK_STR("two|six|[1, 3]", LAST_LINES(100, 2, "one/two/six"));
	CHECK_STR("bbbb|cccc|[1, 4]", LAST_LINES(10, 100, "aaaa/bbbb/cccc"));
	CHECK_STR("22|333|[1, 1]", LAST_LINES(100, 2, "1/22/333"));
	CHECK_STR("dddddd|[3, 6]", LAST_LINES(6, 100, "aa/bb/cc/dddddd"));
	CHECK_STR("cc|ddd|[2, 4]", LAST_LINES(6, 100, "aa/bb/cc/ddd"));
	CHECK_STR("aaa|||", LAST_LINES(3, 3, "aaa//"));
	CHECK_STR("|||[1, 3]", LAST_LINES(3, 3, "aaa///"));
}

/*
 * collect::drop_oldest_preserves_retained_lines_when_oversized_line_arrives,
 * drop_oldest_with_zero_max_lines_retains_nothing
 */
static void what_can_never_fit_leaves_the_last_lines_alone(void)
{
	CHECK_STR("aaa|bb|[1, 13]", LAST_LINES(10, 100, "aaa/0123456789abc/bb"));
	CHECK_STR("[1, 3]", LAST_LINES(100, 0, "aaa"));
	CHECK_STR("||[1, 3]", LAST_LINES(0, 100, "/aaa/"));
}

static void what_a_line_says_is_kept_with_it(void)
{
	struct tend_line line = { .data = "a\0b", .size = 3, .offset = 77, .flags = TEND_LINE_CUT };
	const struct tend_line *kept;
	struct tend__kept_lines k;

	tend__kept_lines_init(&k, TEND_TRUSTED_UNBOUNDED, 0, 0);
	CHECK_INT(0, tend__kept_lines_push(&k, &line));
	kept = tend__kept_lines_seal(&k);
	CHECK_MEM("a\0b\0", 4, kept[0].data, kept[0].size + 1);
	CHECK(kept[0].data != line.data);
	CHECK_INT(77, (intmax_t)kept[0].offset);
	CHECK_INT(TEND_LINE_CUT, kept[0].flags);
	tend__kept_lines_destroy(&k);
}

/* ---- both, at length ---- */

#define ALL 20000

static uint64_t random_state;

static unsigned below(unsigned n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (unsigned)(random_state >> 33) % n;
}

static void check_random_bytes(enum tend_overflow overflow)
{
	static char all[ALL];
	size_t max = 1 + below(below(2) ? 50 : 6000), n = 0, kept;
	unsigned most = 1 + below(below(2) ? 20 : 3000);
	struct tend__kept_bytes k;

	tend__kept_bytes_init(&k, overflow, max);
	while (n + most < ALL) {
		size_t size = below(most + 1);

		for (size_t i = 0; i < size; i++)
			all[n + i] = (char)below(256);
		CHECK_INT(0, tend__kept_bytes_push(&k, all + n, size));
		n += size;
	}
	kept = n < max ? n : max;
	CHECK_MEM(all + (overflow == TEND_DROP_OLDEST ? n - kept : 0), kept, tend__kept_bytes_data(&k), k.text.size);
	CHECK_INT(n - kept, (intmax_t)k.left_out);
	CHECK_INT(0, tend__kept_bytes_data(&k)[k.text.size]);
	CHECK(k.text.room <= k.text.limit);
	tend__kept_bytes_destroy(&k);
}

static void random_bytes(void)
{
	for (unsigned i = 0; i < (test_under_valgrind() ? 4 : 60); i++) {
		random_state = UINT64_C(0x9e3779b97f4a7c15) * (i + 1);
		check_random_bytes(i % 2 ? TEND_DROP_NEWEST : TEND_DROP_OLDEST);
	}
}

/* Lines as numbers: which ones a plain search from the end, or from the beginning, would keep. */
struct model {
	size_t sizes[1000];
	bool kept[1000];
	size_t n, n_kept, bytes, first;
};

static void model_push(struct model *m, enum tend_overflow overflow, size_t size, size_t max_bytes, size_t max_lines)
{
	size_t i = m->n++;

	m->sizes[i] = size;
	m->kept[i] = size <= max_bytes;
	if (overflow == TEND_DROP_NEWEST)
		m->kept[i] = m->n_kept < max_lines && m->bytes + size <= max_bytes;
	m->n_kept += m->kept[i];
	m->bytes += m->kept[i] ? size : 0;
	for (; m->n_kept > max_lines || m->bytes > max_bytes; m->first++) {
		m->n_kept -= m->kept[m->first];
		m->bytes -= m->kept[m->first] ? m->sizes[m->first] : 0;
		m->kept[m->first] = false;
	}
}

/* The i-th line consists of the byte i; its number is its offset. */
static bool is_as_in_model(struct tend__kept_lines *k, const struct model *m)
{
	const struct tend_line *line = tend__kept_lines_seal(k);
	bool right = tend__kept_lines_count(k) == m->n_kept && tend__kept_lines_size(k) == m->bytes;
	uint64_t bytes_left_out = 0;

	for (size_t i = 0; i < m->n && right; i++) {
		if (!m->kept[i]) {
			bytes_left_out += m->sizes[i];
			continue;
		}
		right = line->offset == i && line->size == m->sizes[i] && line->data[line->size] == '\0';
		for (size_t at = 0; at < line->size && right; at++)
			right = line->data[at] == (char)i;
		line++;
	}
	return right && k->bytes_left_out == bytes_left_out && k->lines_left_out == m->n - m->n_kept;
}

static void check_random_lines(enum tend_overflow overflow)
{
	static char bytes[300];
	size_t max_bytes = 1 + below(below(2) ? 50 : 2000), max_lines = 1 + below(below(2) ? 5 : 300);
	unsigned most = 1 + below(below(2) ? 6 : (unsigned)sizeof bytes);
	struct model m = { .n = 0 };
	struct tend__kept_lines k;
	bool right = true;

	tend__kept_lines_init(&k, overflow, max_bytes, max_lines);
	for (size_t i = 0; i < 1000; i++) {
		struct tend_line line = { .data = bytes, .size = below(most), .offset = i };

		memset(bytes, (char)i, line.size);
		right &= tend__kept_lines_push(&k, &line) == 0;
		model_push(&m, overflow, line.size, max_bytes, max_lines);
		right &= k.text.room <= k.text.limit && k.lines.room <= k.lines.limit;
		if (i % 97 == 0)
			right &= is_as_in_model(&k, &m);
	}
	CHECK(right && is_as_in_model(&k, &m));
	tend__kept_lines_destroy(&k);
}

static void random_lines(void)
{
	for (unsigned i = 0; i < (test_under_valgrind() ? 4 : 200); i++) {
		random_state = UINT64_C(0xbf58476d1ce4e5b9) * (i + 1);
		check_random_lines(i % 2 ? TEND_DROP_NEWEST : TEND_DROP_OLDEST);
	}
}

/* Were each push to move all that is kept, this would move 2^39 bytes and outlast the watchdog. */
static void a_byte_costs_the_same_however_much_is_kept(void)
{
	unsigned n = test_under_valgrind() ? 1u << 17 : 1u << 20;
	struct tend__kept_bytes k;
	struct tend__kept_lines l;

	tend__kept_bytes_init(&k, TEND_DROP_OLDEST, n / 2);
	tend__kept_lines_init(&l, TEND_DROP_OLDEST, n / 2, n / 2);
	for (unsigned i = 0; i < n; i++) {
		tend__kept_bytes_push(&k, "x", 1);
		push_line(&l, "y", 1);
	}
	CHECK_INT(n / 2, k.text.size);
	CHECK_INT(n / 2, tend__kept_lines_count(&l));
	CHECK_INT(n - n / 2, (intmax_t)l.lines_left_out);
	tend__kept_bytes_destroy(&k);
	tend__kept_lines_destroy(&l);
}

static void a_huge_limit_costs_nothing(void)
{
	struct tend__kept_bytes k;
	struct tend__kept_lines l;

	tend__kept_bytes_init(&k, TEND_DROP_OLDEST, SIZE_MAX);
	tend__kept_lines_init(&l, TEND_DROP_OLDEST, SIZE_MAX, SIZE_MAX);
	CHECK(k.text.data == NULL && l.text.data == NULL && l.lines.data == NULL);
	CHECK_INT(0, tend__kept_bytes_push(&k, "abc", 3));
	CHECK_INT(0, push_line(&l, "abc", 3));
	CHECK_STR("abc", tend__kept_bytes_data(&k));
	CHECK_STR("abc", tend__kept_lines_seal(&l)->data);
	CHECK(k.text.room < 1000 && l.text.room < 1000 && l.lines.room < 10000);
	tend__kept_bytes_destroy(&k);
	tend__kept_lines_destroy(&l);
}

static void without_memory_what_is_kept_stays(void)
{
	char big[1000] = { 0 };
	struct tend__kept_bytes k;

	tend__kept_bytes_init(&k, TEND_DROP_OLDEST, 2000);
	CHECK_INT(0, tend__kept_bytes_push(&k, "abc", 3));
	fault_fail_alloc(1);
	CHECK_INT(-ENOMEM, tend__kept_bytes_push(&k, big, sizeof big));
	CHECK(fault_fired());
	fault_reset();
	CHECK_INT(-ENOMEM, tend__kept_bytes_push(&k, "d", 1)); /* nothing may be missing in the middle */
	CHECK_STR("abc", tend__kept_bytes_data(&k));
	tend__kept_bytes_destroy(&k);
}

static void without_memory_the_lines_kept_stay(void)
{
	for (unsigned long i = 1; i <= 2; i++) {
		struct tend__kept_lines k;

		tend__kept_lines_init(&k, TEND_DROP_NEWEST, 2000, 2000);
		for (int line = 0; line < 2; line++)
			CHECK_INT(0, push_line(&k, "0123456789012345678901234", 25));
		fault_fail_alloc(i); /* the text, then the array of lines, have to grow */
		CHECK_INT(-ENOMEM, push_line(&k, "0123456789012345678901234", 25));
		CHECK(fault_fired());
		fault_reset();
		CHECK_INT(-ENOMEM, push_line(&k, "x", 1));
		CHECK_INT(2, tend__kept_lines_count(&k));
		CHECK_STR("0123456789012345678901234", tend__kept_lines_seal(&k)[1].data);
		tend__kept_lines_destroy(&k);
	}
}

/* ---- of real streams ---- */

static void write_text(int fd, const char *text)
{
	CHECK_INT(strlen(text), write(fd, text, strlen(text)));
}

static void await_given(tend_consumer *c, uint64_t bytes)
{
	struct tend_consumed seen = { .bytes = 0 };

	while (seen.bytes < bytes) {
		poll(NULL, 0, 1);
		CHECK_INT(0, tend_consumer_wait(c, TEND_AT_ONCE, &seen, NULL));
	}
}

static tend_consumer *start(tend_stream *stream, struct tend_collect what)
{
	tend_consumer *c = NULL;
	struct tend_error e;

	CHECK_OK(tend_stream_collect(stream, &what, &c, &e), &e);
	return c;
}

/* What a collector has, once it has ended. */
static struct tend_collected result(tend_consumer *c)
{
	struct tend_collected kept = { .kind = TEND_COLLECTION_NONE };
	struct tend_consumed seen;
	struct tend_error e;

	CHECK_OK(tend_consumer_wait(c, TEST_PATIENCE, &seen, &e), &e);
	CHECK_OK(tend_consumer_collected(c, &kept, &e), &e);
	CHECK_INT(seen.ending, kept.consumed.ending);
	CHECK_INT((intmax_t)seen.bytes, (intmax_t)kept.consumed.bytes);
	return kept;
}

/* A collector over a stream that consists of `text`. */
static struct tend_collected collect(struct tend_collect what, const char *text, tend_consumer **ret_consumer)
{
	struct tend_collected kept;
	tend_stream *stream;
	int fd;

	stream = test_pipe_stream(&test_single_all, &fd);
	write_text(fd, text);
	close(fd);
	*ret_consumer = start(stream, what);
	kept = result(*ret_consumer);
	/* what was kept outlives the stream */
	tend_stream_free(stream);
	return kept;
}

/* collect::chunk_collector_async_extends_sink_until_eof */
static void collects_bytes(void)
{
	struct tend_collected kept;
	tend_consumer *c;

	kept = collect(TEND_COLLECT_BYTES(.max_bytes = 100, .overflow = TEND_DROP_NEWEST), "one\ntwo", &c);
	CHECK_INT(TEND_COLLECTION_BYTES, kept.kind);
	CHECK_STR("one\ntwo", kept.data);
	CHECK_INT(7, kept.size);
	CHECK(!kept.truncated && kept.failed == 0 && kept.complete);
	CHECK_INT(TEND_END_EOF, kept.consumed.ending);
	tend_consumer_free(c);
}

static void collects_nothing_from_nothing(void)
{
	struct tend_collected kept;
	tend_consumer *c;

	kept = collect(TEND_COLLECT_BYTES(.max_bytes = 100, .overflow = TEND_DROP_OLDEST), "", &c);
	CHECK_STR("", kept.data);
	CHECK(kept.complete);
	tend_consumer_free(c);
	kept = collect(TEND_COLLECT_LINES(.max_bytes = 100, .max_lines = 1, .overflow = TEND_DROP_OLDEST), "", &c);
	CHECK_INT(0, kept.n_lines);
	CHECK(kept.complete);
	tend_consumer_free(c);
}

static void a_truncated_result_says_so(void)
{
	struct tend_collected kept;
	tend_consumer *c;

	kept = collect(TEND_COLLECT_BYTES(.max_bytes = 5, .overflow = TEND_DROP_NEWEST), "abcdef", &c);
	CHECK_STR("abcde", kept.data);
	CHECK(kept.truncated && !kept.complete);
	CHECK_INT(1, (intmax_t)kept.bytes_left_out);
	tend_consumer_free(c);
	kept = collect(TEND_COLLECT_BYTES(.max_bytes = 5, .overflow = TEND_DROP_OLDEST), "abcdef", &c);
	CHECK_STR("bcdef", kept.data);
	CHECK(kept.truncated && !kept.complete);
	tend_consumer_free(c);
}

/* collect::collectors_skip_gaps_and_keep_final_unterminated_line, without the gap */
static void collects_lines(void)
{
	struct tend_collected kept;
	tend_consumer *c;

	kept = collect(TEND_COLLECT_LINES(.max_bytes = 100, .max_lines = 9, .overflow = TEND_DROP_OLDEST),
	               "one\n\nlast", &c);
	CHECK_INT(TEND_COLLECTION_LINES, kept.kind);
	CHECK(kept.data == NULL);
	if (CHECK_INT(3, kept.n_lines)) {
		CHECK_STR("one", kept.lines[0].data);
		CHECK_STR("", kept.lines[1].data);
		CHECK_STR("last", kept.lines[2].data);
		CHECK_INT(TEND_LINE_UNTERMINATED, kept.lines[2].flags);
		CHECK_INT(5, (intmax_t)kept.lines[2].offset);
	}
	CHECK_INT(7, kept.size);
	CHECK(kept.complete);
	tend_consumer_free(c);
}

static void lines_left_out_are_counted(void)
{
	struct tend_collected kept;
	tend_consumer *c;

	kept = collect(TEND_COLLECT_LINES(.max_bytes = 100, .max_lines = 2, .overflow = TEND_DROP_OLDEST),
	               "a\nbb\nc\nd\n", &c);
	CHECK_INT(2, kept.n_lines);
	CHECK_INT(2, (intmax_t)kept.lines_left_out);
	CHECK_INT(3, (intmax_t)kept.bytes_left_out);
	CHECK(kept.truncated && !kept.complete);
	tend_consumer_free(c);
}

static void lines_cut_are_counted(void)
{
	struct tend_collect what = TEND_COLLECT_LINES(.max_bytes = 100, .max_lines = 9, .overflow = TEND_DROP_NEWEST);
	struct tend_collected kept;
	tend_consumer *c;

	what.line = (struct tend_line_options){ .max_length = 4, .overflow = TEND_LINE_TRUNCATE };
	kept = collect(what, "123456789\nok\n", &c);
	CHECK_INT(2, kept.n_lines);
	CHECK_INT(1, (intmax_t)kept.lines_cut);
	CHECK_INT(5, (intmax_t)kept.bytes_cut);
	CHECK(!kept.truncated && !kept.complete);
	tend_consumer_free(c);
}

/* Without options of their own, lines may be as long as all that is kept, and are cut there. */
static void a_line_longer_than_everything_is_cut(void)
{
	struct tend_collected kept;
	tend_consumer *c;

	kept = collect(TEND_COLLECT_LINES(.max_bytes = 4, .max_lines = 9, .overflow = TEND_DROP_OLDEST), "123456\n",
	               &c);
	if (CHECK_INT(1, kept.n_lines))
		CHECK_STR("1234", kept.lines[0].data);
	CHECK_INT(2, (intmax_t)kept.bytes_cut);
	tend_consumer_free(c);
	kept = collect(TEND_COLLECT_LINES(.overflow = TEND_TRUSTED_UNBOUNDED), "123456\n", &c);
	CHECK_INT(6, kept.size);
	CHECK(kept.complete);
	tend_consumer_free(c);
}

/* collect::collectors_return_stream_read_error: what came before is there (OE-18) */
static void a_read_error_loses_nothing(void)
{
	struct tend_collect what = TEND_COLLECT_LINES(.max_bytes = 100, .max_lines = 9, .overflow = TEND_DROP_NEWEST);
	struct tend_collected kept;
	tend_stream *stream;
	tend_consumer *c;
	int fd;

	stream = test_pipe_stream(&test_single_all, &fd);
	write_text(fd, "line\npart");
	await_read(stream, 9);
	fault_fail_sys_from("read", 1, EIO);
	close(fd);
	c = start(stream, what);
	kept = result(c);
	fault_reset();
	CHECK_INT(TEND_END_READ_ERROR, kept.consumed.ending);
	CHECK_INT(EIO, kept.consumed.read_errno);
	if (CHECK_INT(2, kept.n_lines)) {
		CHECK_STR("line", kept.lines[0].data);
		CHECK_STR("part", kept.lines[1].data);
		CHECK_INT(TEND_LINE_UNTERMINATED, kept.lines[1].flags);
	}
	CHECK(!kept.complete);
	tend_consumer_free(c);
	tend_stream_free(stream);
}

/* What is asked for too early, or of the wrong consumer. */
static void only_a_collector_that_has_ended_has_collected(void)
{
	struct tend_collected kept = { .size = 42 };
	tend_stream *stream;
	struct tend_error e;
	tend_consumer *c;
	int fd;

	stream = test_pipe_stream(&test_single_all, &fd);
	c = start(stream, TEND_COLLECT_BYTES(.max_bytes = 5, .overflow = TEND_DROP_NEWEST));
	CHECK_INT(-EAGAIN, tend_consumer_collected(c, &kept, &e));
	CHECK_INT(-EAGAIN, tend_consumer_collected(c, &kept, NULL));
	CHECK_INT(42, kept.size);
	CHECK_INT(-EINVAL, tend_consumer_collected(NULL, &kept, &e));
	close(fd);
	CHECK_STR("", result(c).data);
	tend_consumer_free(c);
	tend_stream_free(stream);
}

static enum tend_flow go_on(void *arg, const struct tend_chunk *chunk)
{
	(void)arg, (void)chunk;
	return TEND_CONTINUE;
}

static void other_consumers_collect_nothing(void)
{
	static const struct tend_visitor visitor = { .on_chunk = go_on };
	struct tend_collected kept;
	tend_stream *stream;
	struct tend_error e;
	tend_consumer *c = NULL;
	int fd;

	stream = test_pipe_stream(&test_reliable, &fd);
	CHECK_OK(tend_stream_consume(stream, &visitor, NULL, &c, &e), &e);
	CHECK_INT(-EINVAL, tend_consumer_collected(c, &kept, &e));
	tend_consumer_free(c);
	CHECK_OK(tend_stream_inspect_chunks(stream, go_on, NULL, &c, &e), &e);
	CHECK_INT(-EINVAL, tend_consumer_collected(c, &kept, &e));
	tend_consumer_free(c);
	close(fd);
	tend_stream_free(stream);
}

/* The end of a consumer in the middle of a stream ends no line; the end of the stream does. */
static void check_rest(bool detach, size_t n_lines, enum tend_ending ending)
{
	struct tend_collect what = TEND_COLLECT_LINES(.max_bytes = 100, .max_lines = 9, .overflow = TEND_DROP_NEWEST);
	struct tend_collected kept;
	tend_stream *stream;
	struct tend_error e;
	tend_consumer *c;
	int fd;

	stream = test_pipe_stream(&test_single_all, &fd);
	c = start(stream, what);
	write_text(fd, "line\npart");
	await_given(c, 9);
	if (detach)
		tend_stream_free(stream);
	else
		CHECK_OK(tend_consumer_cancel(c, TEST_PATIENCE, TEND_CANCEL_DRAIN, NULL, &e), &e);
	kept = result(c);
	CHECK_INT(n_lines, kept.n_lines);
	CHECK_INT(ending, kept.consumed.ending);
	CHECK(!kept.complete);
	tend_consumer_free(c);
	if (!detach)
		tend_stream_free(stream);
	close(fd);
}

static void an_unterminated_rest_is_a_line_when_the_stream_ends(void)
{
	check_rest(true, 2, TEND_END_DETACHED);
	check_rest(false, 1, TEND_END_CANCELLED);
}

static void who_comes_late_is_not_complete(void)
{
	struct tend_collect what = TEND_COLLECT_LINES(.max_bytes = 100, .max_lines = 9, .overflow = TEND_DROP_NEWEST);
	struct tend_collected kept;
	tend_stream *stream;
	tend_consumer *c;
	int fd;

	stream = test_pipe_stream(&test_reliable, &fd);
	write_text(fd, "one\npar");
	await_read(stream, 7);
	c = start(stream, what);
	write_text(fd, "tial\ntwo\n");
	close(fd);
	kept = result(c);
	CHECK(kept.consumed.began_late && !kept.complete);
	if (CHECK_INT(1, kept.n_lines)) {
		CHECK_STR("two", kept.lines[0].data);
		CHECK_INT(TEND_LINE_AFTER_GAP, kept.lines[0].flags);
		CHECK_INT(12, (intmax_t)kept.lines[0].offset);
	}
	tend_consumer_free(c);
	tend_stream_free(stream);
}

/* It saw no byte and no gap, and yet it has missed something. */
static void who_comes_when_all_is_over_is_not_complete(void)
{
	struct tend_collected kept;
	tend_stream *stream;
	tend_consumer *c;
	int fd;

	stream = test_pipe_stream(&test_reliable, &fd);
	write_text(fd, "missed");
	await_read(stream, 6);
	c = start(stream, TEND_COLLECT_BYTES(.max_bytes = 5, .overflow = TEND_DROP_NEWEST));
	close(fd);
	kept = result(c);
	CHECK_INT(TEND_END_EOF, kept.consumed.ending);
	CHECK(!kept.complete);
	CHECK(kept.consumed.began_late);
	tend_consumer_free(c);
	await_end(stream);
	c = start(stream, TEND_COLLECT_BYTES(.max_bytes = 5, .overflow = TEND_DROP_NEWEST));
	kept = result(c);
	CHECK_INT(TEND_END_EOF, kept.consumed.ending);
	CHECK(!kept.complete);
	CHECK(kept.consumed.began_late);
	tend_consumer_free(c);
	tend_stream_free(stream);
}

static void options_are_checked(void)
{
	tend_consumer *c = NULL;
	tend_stream *stream;
	struct tend_error e;
	int fd;

	stream = test_pipe_stream(&test_single, &fd);
	CHECK_INT(-EINVAL, tend_stream_collect(stream, &TEND_COLLECT_BYTES(.max_bytes = 1), &c, &e));
	CHECK_INT(0, strncmp(e.message, "overflow ", 9));
	CHECK_INT(-EINVAL, tend_stream_collect(stream, NULL, &c, &e));
	CHECK_INT(-EINVAL, tend_stream_collect(NULL, &TEND_COLLECT_BYTES(.max_bytes = 1), &c, &e));
	CHECK(c == NULL);
	c = start(stream, TEND_COLLECT_BYTES(.overflow = TEND_TRUSTED_UNBOUNDED));
	CHECK_INT(-EBUSY, tend_stream_collect(stream, &TEND_COLLECT_BYTES(.overflow = TEND_TRUSTED_UNBOUNDED), &c, &e));
	CHECK_INT(TEND_STEP_SUBSCRIBE, e.step);
	tend_consumer_free(c);
	close(fd);
	tend_stream_free(stream);
}

/* Lets the i-th allocation fail; whether there were as many. */
static bool collect_with_fault(unsigned long i)
{
	struct tend_collect what = TEND_COLLECT_LINES(.max_bytes = 9000, .max_lines = 90, .overflow = TEND_DROP_OLDEST);
	struct tend_collected kept;
	tend_consumer *c = NULL;
	tend_stream *stream;
	bool fired;
	int r, fd;

	stream = test_pipe_stream(&test_single_all, &fd);
	write_text(fd, "one\nto be con");
	await_read(stream, 13);
	fault_fail_alloc(i);
	r = tend_stream_collect(stream, &what, &c, NULL);
	write_text(fd, "tinued\n");
	close(fd);
	if (r == 0) {
		kept = result(c);
		CHECK_INT(kept.consumed.ending == TEND_END_BROKE ? -ENOMEM : 0, kept.failed);
		CHECK_INT(!fault_fired(), kept.complete);
		CHECK(!kept.complete || kept.n_lines == 2);
		tend_consumer_free(c);
	} else {
		CHECK_INT(-ENOMEM, r);
	}
	fired = fault_fired();
	fault_reset();
	tend_stream_free(stream);
	return fired;
}

static void every_allocation_may_fail(void)
{
	unsigned long i = 1;

	while (collect_with_fault(i))
		i++;
	CHECK(i > 5);
}

static const struct test tests[] = {
	{ "the-first-bytes-are-kept", the_first_bytes_are_kept },
	{ "the-last-bytes-are-kept", the_last_bytes_are_kept },
	{ "no-limit-and-no-room", no_limit_and_no_room },
	{ "the-first-lines-are-kept", the_first_lines_are_kept },
	{ "what-does-not-fit-leaves-the-first-lines-alone", what_does_not_fit_leaves_the_first_lines_alone },
	{ "the-last-lines-are-kept", the_last_lines_are_kept },
	{ "what-can-never-fit-leaves-the-last-lines-alone", what_can_never_fit_leaves_the_last_lines_alone },
	{ "what-a-line-says-is-kept-with-it", what_a_line_says_is_kept_with_it },
	{ "random-bytes", random_bytes },
	{ "random-lines", random_lines },
	{ "a-byte-costs-the-same-however-much-is-kept", a_byte_costs_the_same_however_much_is_kept },
	{ "a-huge-limit-costs-nothing", a_huge_limit_costs_nothing },
	{ "without-memory-what-is-kept-stays", without_memory_what_is_kept_stays },
	{ "without-memory-the-lines-kept-stay", without_memory_the_lines_kept_stay },
	{ "collects-bytes", collects_bytes },
	{ "collects-nothing-from-nothing", collects_nothing_from_nothing },
	{ "a-truncated-result-says-so", a_truncated_result_says_so },
	{ "collects-lines", collects_lines },
	{ "lines-left-out-are-counted", lines_left_out_are_counted },
	{ "lines-cut-are-counted", lines_cut_are_counted },
	{ "a-line-longer-than-everything-is-cut", a_line_longer_than_everything_is_cut },
	{ "a-read-error-loses-nothing", a_read_error_loses_nothing },
	{ "only-a-collector-that-has-ended-has-collected", only_a_collector_that_has_ended_has_collected },
	{ "other-consumers-collect-nothing", other_consumers_collect_nothing },
	{ "an-unterminated-rest-is-a-line-when-the-stream-ends", an_unterminated_rest_is_a_line_when_the_stream_ends },
	{ "who-comes-late-is-not-complete", who_comes_late_is_not_complete },
	{ "who-comes-when-all-is-over-is-not-complete", who_comes_when_all_is_over_is_not_complete },
	{ "options-are-checked", options_are_checked },
	{ "every-allocation-may-fail", every_allocation_may_fail },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "collect", tests, sizeof tests / sizeof *tests);
}
