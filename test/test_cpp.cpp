/* SPDX-License-Identifier: MIT */
/*
 * tend.hpp: who owns what, what is thrown, what a destructor does, and how long function objects live.  What the calls
 * themselves do the tests of the C library show.
 */
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <future>
#include <string>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <tend.hpp>
#include <type_traits>
#include <unistd.h>
#include <vector>

extern "C" {
#include "fault.h"
#include "test.h"
}

namespace {

template <class T> struct is_move_only {
	static const bool value = !std::is_copy_constructible<T>::value && !std::is_copy_assignable<T>::value &&
	                          std::is_nothrow_move_constructible<T>::value &&
	                          std::is_nothrow_move_assignable<T>::value && std::is_nothrow_destructible<T>::value;
};
static_assert(is_move_only<tend::process>::value, "process");
static_assert(is_move_only<tend::consumer>::value, "consumer");
static_assert(is_move_only<tend::subscription>::value, "subscription");
static_assert(is_move_only<tend::stream>::value, "stream");
static_assert(is_move_only<tend::parser>::value, "parser");
static_assert(is_move_only<tend::kept_chunk>::value, "kept_chunk");
static_assert(std::is_base_of<std::system_error, tend::error>::value, "error");

const tend_line_options lines = { 1000, TEND_LINE_SPLIT, TEND_CR_KEEP, 0, false, 0 };

/* A child with stdin, stdout as given, stderr inherited, killed when it is forgotten. */
tend::process start(std::vector<const char *> argv, const tend_input &in, const tend_output &out)
{
	const tend::stop_plan kill = tend::stop_plan::kill();
	tend::spawn_options o{};

	argv.push_back(nullptr);
	o.argv = argv.data();
	o.in = in;
	o.out = out;
	o.err = tend::out_inherit();
	o.if_forgotten = tend::forgotten_terminate(kill.get());
	return tend::process::spawn(o);
}

/* The helper's path is gone with the next one. */
tend::process start(const char *name, const char *arg, const tend_input &in, const tend_output &out)
{
	const std::string path = helper(name);

	return arg ? start({ path.c_str(), arg }, in, out) : start({ path.c_str() }, in, out);
}

/* What a call throws: its errno value, positive; 0 when it throws nothing. */
template <class F> int thrown_by(F call)
{
	try {
		call();
	} catch (const tend::error &e) {
		CHECK(e.what()[0] != '\0');
		CHECK_INT(e.detail().code, -e.code().value());
		return e.code().value();
	}
	return 0;
}

/* ---- handles ---- */

void handles_move()
{
	tend::process a = start("sleeper", "100000", tend::in_null(), tend::out_discard()), b;
	pid_t pid = a.pid();

	CHECK(!b);
	b = std::move(a);
	CHECK(!a && b);
	CHECK_INT(pid, b.pid());
	{
		tend::process c(std::move(b));

		CHECK(!b && c);
		CHECK_INT(pid, c.pid());
		CHECK(test_alive(pid));
	}
	test_await_gone(pid); /* with c, and once */
}

void assigning_frees_what_was_there()
{
	tend::process p = start("sleeper", "100000", tend::in_null(), tend::out_discard());
	pid_t first = p.pid();

	p = start("sleeper", "100000", tend::in_null(), tend::out_discard());
	test_await_gone(first);
	CHECK(test_alive(p.pid()));
	first = p.pid();
	p.reset();
	CHECK(!p);
	test_await_gone(first);
}

/* The caller's choice holds, whichever it is. */
void destructor_does_as_was_chosen()
{
	const std::string path = helper("sleeper");
	const char *const argv[] = { path.c_str(), "100000", nullptr };
	tend::spawn_options o{};
	pid_t pid;

	o.argv = argv;
	o.in = tend::in_null();
	o.out = tend::out_discard();
	o.err = tend::out_inherit();
	o.if_forgotten = tend::forgotten_detach();
	{
		tend::process p = tend::process::spawn(o);

		pid = p.pid();
	}
	CHECK(test_alive(pid));
	CHECK_INT(0, kill(pid, SIGKILL)); /* not reaped: it has not ended */
	test_await_gone(pid);
	CHECK_INT(TEND_IF_FORGOTTEN_ABORT, tend::forgotten_abort().kind);
}

void releases_a_child()
{
	tend::process p = start("exiter", "3", tend::in_null(), tend::out_discard());
	tend_released r = p.release();
	int status;

	CHECK(!p);
	if (r.exit.kind == TEND_RUNNING) {
		CHECK_INT(r.pid, waitpid(r.pid, &status, 0));
		CHECK_INT(3, WEXITSTATUS(status));
	} else {
		CHECK_INT(3, r.exit.code);
	}
	for (int fd : { r.pidfd, r.in, r.out, r.err })
		if (fd >= 0)
			close(fd);
}

/* ---- errors ---- */

void errors_say_what_failed()
{
	tend::spawn_options o{};
	int n_thrown = 0;

	try {
		tend::process::spawn(o);
	} catch (const tend::error &e) {
		n_thrown++;
		CHECK(e.code() == std::errc::invalid_argument);
		CHECK_INT(TEND_STEP_OPTIONS, e.step());
		CHECK_STR("options", e.step_name());
		CHECK(std::strstr(e.what(), "argv") != nullptr);
	}
	try {
		start({ "/nowhere/program" }, tend::in_null(), tend::out_discard());
	} catch (const std::system_error &e) {
		n_thrown++;
		CHECK(e.code() == std::errc::no_such_file_or_directory);
	}
	CHECK_INT(2, n_thrown);
}

void each_call_throws()
{
	tend::process p = start("sleeper", "100000", tend::in_null(), tend::out_discard());
	tend_duration unchosen = 0;
	size_t written = 7;

	CHECK_INT(EINVAL, thrown_by([&] { p.wait(unchosen); }));
	CHECK_INT(EINVAL, thrown_by([&] { p.kill(TEND_FOREVER); }));
	CHECK_INT(EINVAL, thrown_by([&] { p.signal(0, TEND_LEADER); }));
	CHECK_INT(EINVAL, thrown_by([&] { p.stop(tend::stop_plan({}, 0)); }));
	CHECK_INT(EINVAL, thrown_by([&] { p.complete(tend_complete()); }));
	CHECK_INT(EBADF, thrown_by([&] { p.write("x", 1, TEND_AT_ONCE, &written); }));
	CHECK_INT(0, written);
	CHECK_INT(EINVAL, thrown_by([&] { p.out().subscribe().next(unchosen); }));
	CHECK_INT(EINVAL, thrown_by([&] { p.out().collect(tend_collect()); }));
	CHECK_INT(EINVAL, thrown_by([&] { p.out().write(tend_write()); }));
	CHECK_INT(EINVAL, thrown_by([&] { p.out().consume(tend_visitor(), nullptr); }));
	CHECK_INT(EINVAL, thrown_by([&] { p.out().inspect(tend_inspect(), nullptr); }));
	CHECK_INT(ENOTTY, thrown_by([&] { p.set_window(1, 1); }));
	CHECK_INT(EINVAL, thrown_by([] { tend::process::adopt(tend::adopt_options()); }));
	CHECK_INT(EINVAL, thrown_by([] { tend::shutdown(0); }));
	CHECK_INT(EINVAL, thrown_by([] { tend::process().status(); }));
	CHECK_INT(EINVAL, thrown_by([] { tend::process().release(); }));
	CHECK_INT(EBADF, thrown_by([] { tend::stream::open(-1, test_single, "none"); }));
	CHECK_INT(EINVAL, thrown_by([] { tend::parser p{ tend_line_options() }; }));
	CHECK_INT(EINVAL, thrown_by([] { tend::restart_rule{ tend_restart() }.next(tend_exit()); }));
	CHECK_INT(EINVAL, thrown_by([] { tend::kept_chunk c{ tend_chunk() }; }));
}

/* ---- values ---- */

void spans()
{
	using namespace std::chrono;

	CHECK_INT(TEND_SECONDS(2), tend::span(seconds(2)));
	CHECK_INT(TEND_MS(1500), tend::span(milliseconds(1500)));
	CHECK_INT(TEND_SECONDS(0.25), tend::span(duration<double>(0.25)));
	CHECK_INT(TEND_NS(1), tend::span(nanoseconds(1)));
	CHECK_INT(TEND_AT_ONCE, tend::span(seconds(0)));
	CHECK_INT(TEND_AT_ONCE, tend::span(seconds(-1)));
	CHECK_INT(TEND_FOREVER, tend::span(hours::max()));
	CHECK_INT(TEND_FOREVER, tend::span(duration<double>(1e300)));
}

void values_are_those_of_the_macros()
{
	const gid_t gids[] = { 1, 2 };
	const tend::stop_plan kill = tend::stop_plan::kill();
	const tend_stop *plan = kill.get();

	CHECK_INT(TEND_INPUT_NULL, tend::in_null().kind);
	CHECK_INT(TEND_INPUT_PIPE, tend::in_pipe().kind);
	CHECK_INT(TEND_INPUT_INHERIT, tend::in_inherit().kind);
	CHECK(tend::in_fd(5).kind == TEND_INPUT_FD && tend::in_fd(5).fd == 5);
	CHECK(tend::in_bytes("abc", 3).kind == TEND_INPUT_BYTES && tend::in_bytes("abc", 3).n == 3);
	CHECK(tend::out_stream(test_single).kind == TEND_OUTPUT_STREAM);
	CHECK_INT(TEND_SINGLE_SUBSCRIBER, tend::out_stream(test_single).stream.backend);
	CHECK_INT(TEND_OUTPUT_DISCARD, tend::out_discard().kind);
	CHECK_INT(TEND_OUTPUT_INHERIT, tend::out_inherit().kind);
	CHECK(tend::out_fd(6).kind == TEND_OUTPUT_FD && tend::out_fd(6).fd == 6);
	CHECK_INT(TEND_OUTPUT_MERGE, tend::out_merge().kind);
	CHECK_INT(TEND_RETAIN_NONE, tend::replay_none().kind);
	CHECK(tend::replay_chunks(7).kind == TEND_RETAIN_CHUNKS && tend::replay_chunks(7).amount == 7);
	CHECK(tend::replay_bytes(8).kind == TEND_RETAIN_BYTES && tend::replay_bytes(8).amount == 8);
	CHECK_INT(TEND_RETAIN_ALL, tend::replay_all().kind);
	CHECK_INT(TEND_STALLED_WAITS, tend::stall_wait().kind);
	CHECK(tend::stall_lose(9).kind == TEND_STALLED_LOSES && tend::stall_lose(9).after == 9);
	CHECK(tend::stall_leave(9).kind == TEND_STALLED_LEAVES && tend::stall_leave(9).after == 9);
	CHECK_INT(TEND_IF_FORGOTTEN_DETACH, tend::forgotten_detach().kind);
	CHECK(tend::forgotten_terminate(plan).kind == TEND_IF_FORGOTTEN_TERMINATE);
	CHECK_INT(TEND_SURVIVORS_LEFT, tend::survivors_leave().kind);
	CHECK_INT(TEND_SURVIVORS_TOLD, tend::survivors_report().kind);
	CHECK(tend::survivors_stop(plan).kind == TEND_SURVIVORS_STOPPED && tend::survivors_stop(plan).stop == plan);
	CHECK(tend::groups_listed(gids, 2).kind == TEND_GROUPS_LISTED && tend::groups_listed(gids, 2).n == 2);
	CHECK(tend::groups_none().kind == TEND_GROUPS_LISTED && tend::groups_none().n == 0);
	CHECK_INT(TEND_GROUPS_KEPT, tend::groups_keep().kind);
	CHECK(tend::to_fd(1).kind == TEND_WRITE_TO_FD && tend::to_fd(1).fd == 1);
	CHECK(tend::to_file(stderr).kind == TEND_WRITE_TO_FILE && tend::to_file(stderr).file == stderr);
	CHECK_INT(TEND_COLLECTION_BYTES, tend::collect_bytes(10, TEND_DROP_OLDEST).kind);
	CHECK_INT(TEND_DROP_OLDEST, tend::collect_lines(10, 11, TEND_DROP_OLDEST).overflow);
	CHECK_INT(11, tend::collect_lines(10, 11, TEND_DROP_OLDEST).max_lines);
}

void plans_own_their_phases()
{
	const tend_stop_phase phase = { SIGINT, TEND_LEADER, TEND_MS(5) };
	tend::stop_plan copy = tend::stop_plan::kill();
	bool was_refused = false;

	CHECK_INT(0, copy.get()->n_phases);
	{
		const tend::stop_plan plan({ phase, phase }, TEND_MS(10));

		copy = plan;
		CHECK(copy.get()->phases != plan.get()->phases);
	}
	CHECK_INT(2, copy.get()->n_phases);
	CHECK_INT(SIGINT, copy.get()->phases[1].signal);
	CHECK_INT(TEND_MS(20), copy.total());
	CHECK_INT(TEND_SECONDS(5), tend::stop_plan::term(TEND_SECONDS(2)).total());
	try {
		tend::stop_plan({ phase, phase, phase, phase, phase, phase, phase, phase, phase }, TEND_MS(10));
	} catch (const std::length_error &) {
		was_refused = true;
	}
	CHECK(was_refused); /* nine are too many */
}

/* ---- a child from its start to its end ---- */

void collects_and_inspects()
{
	tend::process p = start("liner", "5", tend::in_null(), tend::out_stream(test_reliable_all));
	std::vector<std::string> seen;
	tend_complete o{};

	tend::consumer c = p.out().inspect_lines(lines, [&seen](const tend_line &line) {
		seen.push_back(std::string(line.data, line.size));
		return TEND_CONTINUE;
	});
	o.timeout = TEST_PATIENCE;
	o.drain.idle = TEST_PATIENCE;
	o.drain.total = TEST_PATIENCE;
	o.out = tend::collect_lines(1000, 3, TEND_DROP_OLDEST);
	tend_result r = p.complete(o);

	CHECK_INT(TEND_COMPLETED, r.outcome);
	CHECK_INT(0, r.exit.code);
	CHECK_INT(3, r.out.collected.n_lines);
	CHECK_STR("line 000000000004", r.out.collected.lines[2].data);
	CHECK_INT(TEND_END_EOF, c.wait(TEST_PATIENCE).ending);
	CHECK_INT(5, seen.size());
	CHECK_STR("line 000000000000", seen.front().c_str());
	CHECK_STR("stdout", p.out().label());
	CHECK_INT(5 * 18, p.out().stats().bytes_read);
	CHECK(!p.err());
	p.clear_result(r);
	CHECK(!r.out.collected.lines && !r.out.collected.owner);
	CHECK_INT(0, r.out.collected.n_lines);
	CHECK_INT(TEND_COMPLETED, r.outcome);
}

void takes_what_it_is_given()
{
	tend::process p = start("echoer", nullptr, tend::in_pipe(), tend::out_stream(test_single));
	tend::subscription view = p.out().subscribe();
	size_t written = 0;

	p.write("hello", 5, TEST_PATIENCE, &written);
	CHECK_INT(5, written);
	tend_event e = view.next(TEST_PATIENCE);
	CHECK_INT(TEND_CHUNK, e.kind);
	CHECK(view.fd() >= 0);
	p.close_stdin();
	do
		e = view.next(TEST_PATIENCE);
	while (e.kind == TEND_CHUNK);
	CHECK_INT(TEND_EOF, e.kind);
	CHECK_INT(TEND_EXITED, p.wait(TEST_PATIENCE).kind);
	CHECK_INT(TEND_STATE_EXITED, p.status().state);
	CHECK(p.exit_fd() >= 0);
}

void stops()
{
	tend::process p = start("stubborn", nullptr, tend::in_null(), tend::out_stream(test_reliable_all));
	tend_line_found found = p.out().wait_for_line(
		lines, [](const tend_line &line) { return std::string(line.data, line.size) == "ready"; },
		TEST_PATIENCE);

	CHECK_INT(TEND_LINE_MATCHED, found.outcome);
	p.out().seal_replay();
	p.signal(SIGTERM, TEND_GROUP); /* it ignores that */
	tend_stop_report r = p.stop(tend::stop_plan::term(TEND_AT_ONCE));
	CHECK_INT(TEND_STOPPED_BY_KILL, r.outcome);
	CHECK_INT(SIGKILL, p.wait(TEND_AT_ONCE).signal);
	CHECK_INT(TEND_STOPPED_BEFORE, p.kill(TEND_SECONDS(1)).outcome);
}

/* What became of each signal is not lost with the exception. */
void stops_that_are_refused()
{
	tend::process p = start("obedient", nullptr, tend::in_null(), tend::out_discard());
	int asked = 0;

	fault_fail_sys_from("pidfd_signal", 1, EPERM);
	fault_fail_sys_from("kill", 1, EPERM);
	for (int i = 0; i < 2; i++) {
		try {
			if (i == 0)
				p.stop(tend::stop_plan::term(TEND_SECONDS(50)));
			else
				p.kill(TEST_PATIENCE);
		} catch (const tend::stop_error &e) {
			asked++;
			CHECK_INT(EPERM, e.code().value());
			CHECK_INT(TEND_STOP_REFUSED, e.report().outcome);
			CHECK(e.report().n_signals > 0);
			CHECK_INT(-EPERM, e.report().signals[0].error);
		}
	}
	CHECK_INT(2, asked);
	fault_reset();
	CHECK_INT(TEND_STOPPED_BY_KILL, p.kill(TEST_PATIENCE).outcome);
}

void a_stream_of_ones_own()
{
	int fds[2];

	CHECK_INT(0, pipe(fds));
	tend::stream s = tend::stream::open(fds[0], test_reliable_all, "mine");
	CHECK_STR("mine", s.view().label());
	CHECK_INT(3, write(fds[1], "one", 3));
	close(fds[1]);
	tend::consumer c = s.view().collect(tend::collect_bytes(100, TEND_DROP_NEWEST));
	CHECK_INT(EINVAL, thrown_by([&] { c.written(); }));
	CHECK_INT(TEND_END_EOF, c.wait(TEST_PATIENCE).ending);
	CHECK(c.is_finished());
	CHECK_STR("one", c.collected().data);
	CHECK(c.collected().complete);
}

/* However many there are. */
void a_stream_knows_its_subscribers()
{
	static const char *const labels[] = { "c", "b", "a" };
	tend::stream_options o = test_reliable;
	tend_subscribe named = tend_subscribe();
	std::vector<tend::subscription> views;
	int fds[2];

	CHECK_INT(0, pipe(fds));
	o.read_chunk_size = 1234;
	tend::stream s = tend::stream::open(fds[0], o, "watched");
	CHECK_INT(1234, s.view().options().read_chunk_size);
	CHECK(&s.view().options() == ::tend_stream_options(s.get()));
	CHECK(s.view().subscribers().empty());
	for (const char *label : labels) {
		named.label = label;
		views.push_back(s.view().subscribe(named));
	}
	std::vector<tend_subscriber_stats> all = s.view().subscribers();
	if (CHECK_INT(3, all.size())) /* the youngest first */
		CHECK_STR("abc", (std::string(all[0].label) + all[1].label + all[2].label).c_str());
	views.clear();
	CHECK(s.view().subscribers().empty());
	close(fds[1]);
}

struct inspected {
	std::string text, order;
};

tend_flow note_line(void *arg, const tend_line *line)
{
	static_cast<inspected *>(arg)->text += std::string(line->data, line->size) + "|";
	return TEND_CONTINUE;
}

void note_gap(void *arg, const tend_gap *)
{
	static_cast<inspected *>(arg)->order += "gap ";
}

void note_end(void *arg, const tend_end *)
{
	static_cast<inspected *>(arg)->order += "end";
}

/* All that an inspector of C can be told and asked. */
void inspects_as_in_c()
{
	tend::stream_options last = test_reliable;
	tend_inspect o = tend_inspect();
	inspected seen;
	int fds[2];

	CHECK_INT(0, pipe(fds));
	last.read_chunk_size = 4;
	last.replay = tend::replay_chunks(2);
	CHECK_INT(12, write(fds[1], "one\ntwo\nsix\n", 12));
	close(fds[1]);
	tend::stream s = tend::stream::open(fds[0], last, "inspected");
	s.view().wait_for_line(lines, [](const tend_line &) { return false; }, TEST_PATIENCE);
	o.on_line = note_line;
	o.on_gap = note_gap;
	o.on_end = note_end;
	o.line = lines;
	tend::consumer c = s.view().inspect(o, &seen);
	CHECK_INT(TEND_END_EOF, c.wait(TEST_PATIENCE).ending);
	CHECK_STR("two|six|", seen.text.c_str());
	CHECK_STR("gap end", seen.order.c_str());
}

/* The window is seen where the child sees it, at its end of the terminal. */
void a_terminal_has_a_window()
{
	const std::string path = helper("echoer");
	const char *const argv[] = { path.c_str(), nullptr };
	const tend::stop_plan kill = tend::stop_plan::kill();
	tend_pty raw = tend_pty();
	tend::spawn_options o{};
	winsize size = winsize();
	int fd = posix_openpt(O_RDWR | O_NOCTTY);

	if (fd < 0)
		return; /* there are no terminals here */
	close(fd);
	raw.mode = TEND_PTY_RAW;
	o.argv = argv;
	o.in = tend::in_pipe();
	o.out = tend::out_stream(test_reliable);
	o.err = tend::out_merge();
	o.pty = &raw;
	o.if_forgotten = tend::forgotten_terminate(kill.get());
	tend::process p = tend::process::spawn(o);

	CHECK_INT(EINVAL, thrown_by([&] { p.set_window(0, 1); }));
	p.set_window(30, 100);
	fd = open(("/proc/" + std::to_string(p.pid()) + "/fd/0").c_str(), O_RDONLY | O_NOCTTY | O_CLOEXEC);
	CHECK_INT(0, ioctl(fd, TIOCGWINSZ, &size));
	CHECK_INT(30, size.ws_row);
	CHECK_INT(100, size.ws_col);
	close(fd);
}

/* Where cgroups can be made; elsewhere it has none, and says so. */
void a_child_may_have_a_cgroup()
{
	const std::string path = helper("sleeper");
	const char *const argv[] = { path.c_str(), "100000", nullptr };
	const tend::stop_plan kill = tend::stop_plan::kill();
	tend::spawn_options o{};

	o.argv = argv;
	o.in = tend::in_null();
	o.out = tend::out_discard();
	o.err = tend::out_inherit();
	o.scope = TEND_SCOPE_CGROUP;
	o.cgroup.if_unavailable = TEND_NO_CGROUP_GROUP;
	o.if_forgotten = tend::forgotten_terminate(kill.get());
	tend::process p = tend::process::spawn(o);

	CHECK_INT(p.scope() == TEND_SCOPE_CGROUP, p.cgroup() != nullptr);
	if (p.cgroup())
		CHECK_STR(tend_process_cgroup(p.get()), p.cgroup());
	p.kill(TEND_SECONDS(60));
}

void count_spawns(void *arg, const tend_log_event *event)
{
	if (std::strcmp(event->event, "spawn") == 0)
		++*static_cast<std::atomic<int> *>(arg);
}

void logs()
{
	static std::atomic<int> n_spawns(0);

	test_keeps_allocations(3); /* each target is kept for good */
	CHECK_INT(EINVAL, thrown_by([] { tend::set_log(count_spawns, &n_spawns, tend_log_level()); }));
	tend::set_log(count_spawns, &n_spawns, TEND_LOG_DEBUG);
	start("exiter", "0", tend::in_null(), tend::out_discard()).wait(TEST_PATIENCE);
	CHECK_INT(1, n_spawns);
	tend::set_log(count_spawns, &n_spawns, TEND_LOG_ERROR);
	start("exiter", "0", tend::in_null(), tend::out_discard()).wait(TEST_PATIENCE);
	CHECK_INT(1, n_spawns);
	tend::set_log(nullptr, nullptr, TEND_LOG_DEBUG);
	start("exiter", "0", tend::in_null(), tend::out_discard()).wait(TEST_PATIENCE);
	CHECK_INT(1, n_spawns);
}

/* ---- lines and chunks by hand ---- */

/* A chunk that the program has made. */
tend_chunk chunk_of(const char *text, uint64_t offset)
{
	tend_chunk c = tend_chunk();

	c.data = text;
	c.size = std::strlen(text);
	c.offset = offset;
	return c;
}

/* All lines that a chunk brings, each with a "|" behind it, and the flags of the last one. */
std::string fed(tend::parser &p, const tend_chunk &chunk, unsigned *ret_flags = nullptr)
{
	std::string all;
	tend_line line;

	p.feed(chunk);
	while (p.next(line)) {
		all += std::string(line.data, line.size) + "|";
		if (ret_flags)
			*ret_flags = line.flags;
	}
	return all;
}

/* What a parser has begun goes with it, wherever it is moved to. */
void parsers_move()
{
	tend::parser a(lines), b, other(lines);
	tend_line line = tend_line();

	CHECK(a && !b);
	CHECK_STR("", fed(a, chunk_of("be", 0)).c_str());
	b = std::move(a);
	CHECK(!a && b);
	CHECK_STR("begun|", fed(b, chunk_of("gun\nrest", 2)).c_str());
	other = std::move(b); /* frees what was there */
	CHECK(!b);
	CHECK(other.finish(line));
	CHECK_STR("rest", std::string(line.data, line.size).c_str());
	CHECK_INT(6, line.offset);
	CHECK_INT(TEND_LINE_UNTERMINATED, line.flags);
	CHECK(!other.finish(line));
	CHECK_INT(2, other.losses().lines);
	other.reset();
	CHECK(!other);
}

/* What is known of a gap decides whether the line behind it is whole. */
void parsers_are_told_of_gaps()
{
	tend::parser p(lines);
	tend_gap after_line = tend_gap(), within_line = tend_gap();
	unsigned flags = 0;

	after_line.before = '\n';
	within_line.before = 'x';
	CHECK_STR("one|", fed(p, chunk_of("one\ntw", 0)).c_str());
	p.gap(after_line);
	CHECK_STR("three|", fed(p, chunk_of("three\n", 100), &flags).c_str());
	CHECK_INT(TEND_LINE_AFTER_GAP, flags);
	p.gap(within_line);
	CHECK_STR("four|", fed(p, chunk_of("rest\nfour\n", 200)).c_str());
	p.gap();
	CHECK_STR("five|", fed(p, chunk_of("rest\nfive\n", 300)).c_str());
	CHECK_INT(4, p.losses().lines);
	CHECK_INT(2 + 5 + 5, p.losses().bytes_resync); /* "tw", "rest\n" twice */
}

/* Lack of memory is an exception, and a gap for the parser, which goes on behind it. */
void parsers_run_out_of_memory()
{
	tend::parser p(lines);

	fault_fail_alloc(1);
	CHECK_INT(ENOMEM, thrown_by([] { tend::parser none(lines); }));
	fault_fail_alloc(1);
	CHECK_INT(ENOMEM, thrown_by([&] { fed(p, chunk_of("lost", 0)); }));
	fault_reset();
	CHECK_STR("two|", fed(p, chunk_of(" one\ntwo\n", 4)).c_str());
}

/* Where the lines of a subscription are, which is read to its end and may begin with a gap.  Their bytes are gone. */
std::vector<tend_line> lines_of(tend::subscription &view, tend::parser &p, uint64_t *ret_begin)
{
	std::vector<tend_line> all;
	tend_event e = view.next(TEST_PATIENCE);
	tend_line line;

	*ret_begin = e.kind == TEND_GAP ? e.gap.offset : 0;
	for (; e.kind == TEND_CHUNK || e.kind == TEND_GAP; e = view.next(TEST_PATIENCE)) {
		if (e.kind == TEND_GAP) {
			p.gap(e.gap);
			continue;
		}
		p.feed(e.chunk);
		while (p.next(line))
			all.push_back(line);
	}
	CHECK_INT(TEND_EOF, e.kind);
	CHECK(!p.finish(line));
	return all;
}

/* A child's lines of 18 bytes, in chunks of 7 at most: all of them, and those that a late subscriber can have. */
void parsers_follow_a_subscription()
{
	tend::stream_options tail = test_reliable_all;

	tail.read_chunk_size = 7;
	tail.replay = tend::replay_bytes(40);
	tend::process p = start("liner", "9", tend::in_pipe(), tend::out_stream(tail));
	tend::parser parser(lines);
	uint64_t begin = 0;

	CHECK_INT(TEND_LINE_STREAM_ENDED,
	          p.out().wait_for_line(lines, [](const tend_line &) { return false; }, TEST_PATIENCE).outcome);
	tend::subscription late = p.out().subscribe();
	std::vector<tend_line> seen = lines_of(late, parser, &begin);
	uint64_t first = (begin + 17) / 18 * 18;

	CHECK(begin > 0 && begin <= 9 * 18 - 40);
	if (!CHECK_INT((9 * 18 - first) / 18, seen.size()))
		return;
	CHECK_INT(first, seen.front().offset);
	CHECK_INT(TEND_LINE_AFTER_GAP, seen.front().flags);
	CHECK_INT(first - begin, parser.losses().bytes_resync);
	p.wait(TEST_PATIENCE);

	tail.replay = tend::replay_all();
	p = start("liner", "9", tend::in_pipe(), tend::out_stream(tail));
	tend::subscription whole = p.out().subscribe();
	parser = tend::parser(lines);
	seen = lines_of(whole, parser, &begin);
	if (!CHECK_INT(9, seen.size()))
		return;
	CHECK_INT(8 * 18, seen.back().offset);
	CHECK_INT(0, seen.back().flags);
	CHECK_INT(0, parser.losses().bytes_resync);
	p.wait(TEST_PATIENCE);
}

/* The bytes stay for the object that keeps them, and go with it. */
void chunks_are_kept()
{
	tend::stream_options one_each = test_single; /* memory of its own for each chunk */
	tend::kept_chunk kept, moved;

	one_each.read_chunk_size = 5;
	{
		tend::process p = start("echoer", nullptr, tend::in_pipe(), tend::out_stream(one_each));
		tend::subscription view = p.out().subscribe();

		p.write("hello", 5, TEST_PATIENCE);
		kept = tend::kept_chunk(view.next(TEST_PATIENCE).chunk);
		p.write("world", 5, TEST_PATIENCE);
		moved = tend::kept_chunk(view.next(TEST_PATIENCE).chunk);
		p.close_stdin();
		CHECK_INT(TEND_EOF, view.next(TEST_PATIENCE).kind);
		CHECK_INT(5, kept.get()->size);
		CHECK_MEM("hello", 5, kept.get()->data, kept.get()->size);
		p.wait(TEST_PATIENCE);
	}
	long alive = test_live_allocations();

	CHECK_MEM("hello", 5, kept.get()->data, kept.get()->size);
	moved = std::move(kept); /* frees what was there */
	CHECK(test_live_allocations() < alive);
	CHECK(!kept && !kept.get()->data);
	tend::kept_chunk last(std::move(moved));
	CHECK(!moved && last);
	CHECK_MEM("hello", 5, last.get()->data, last.get()->size);
	tend::kept_chunk again(*last.get());
	last.reset();
	CHECK(!last && !last.get()->size);
	CHECK_MEM("hello", 5, again.get()->data, again.get()->size);
}

/* ---- restarts, the kernel ---- */

/* A child that fails twice and then does not is started three times, each time as late as the rule says. */
void restarts_by_a_rule()
{
	static const char *const codes[] = { "1", "1", "0", "0" };
	tend_duration expected[] = { TEND_NS(1), TEND_NS(2), TEND_FOREVER };
	tend_restart on_failure = tend_restart();
	size_t n = 0;

	on_failure.when = TEND_RESTART_ON_FAILURE;
	on_failure.delay = TEND_NS(1);
	on_failure.max_delay = TEND_NS(3);
	tend::restart_rule rule(on_failure), before_the_last = rule;
	on_failure.when = TEND_RESTART_NEVER; /* it has a copy */
	CHECK_INT(0, rule.restarts().total);
	for (tend_duration delay = TEND_AT_ONCE; delay != TEND_FOREVER && n < 3; n++) {
		tend::process p = start("exiter", codes[n], tend::in_null(), tend::out_discard());

		before_the_last = rule;
		delay = rule.next(p.wait(TEST_PATIENCE));
		CHECK_INT(expected[n], delay);
	}
	CHECK_INT(3, n);
	CHECK_INT(2, rule.restarts().total);

	tend_exit crash = tend_exit();
	CHECK_INT(EINVAL, thrown_by([&] { rule.next(crash); })); /* a child that runs */
	CHECK_INT(2, rule.restarts().total);
	crash.kind = TEND_SIGNALED;
	CHECK_INT(TEND_NS(3), rule.next(crash));
	CHECK_INT(TEND_NS(3), before_the_last.next(crash)); /* counts for itself */
	CHECK_INT(3, rule.restarts().in_series);
	CHECK_INT(3, before_the_last.restarts().in_series);
}

void tells_of_the_kernel()
{
	std::vector<tend_facility> told = tend::kernel_report();
	std::vector<tend_facility> asked(tend_kernel_report(nullptr, 0));

	tend_kernel_report(asked.data(), asked.size());
	if (!CHECK_INT(asked.size(), told.size()))
		return;
	for (size_t i = 0; i < told.size(); i++) {
		CHECK_STR(asked[i].name, told[i].name);
		CHECK(told[i].state >= TEND_FACILITY_USED && told[i].state <= TEND_FACILITY_UNTRIED);
	}
}

/* ---- function objects ---- */

struct oops {};

void exceptions_come_out_of_wait()
{
	tend::process p = start("liner", "5", tend::in_null(), tend::out_stream(test_reliable_all));
	int n_calls = 0, n_caught = 0;

	tend::consumer c = p.out().inspect_lines(lines, [&n_calls](const tend_line &) -> tend_flow {
		n_calls++;
		throw oops();
	});
	try {
		c.wait(TEST_PATIENCE);
	} catch (const oops &) {
		n_caught++;
	}
	CHECK_INT(1, n_caught);
	CHECK_INT(1, n_calls);
	CHECK_INT(TEND_END_BROKE, c.wait(TEST_PATIENCE).ending); /* once */

	tend::consumer d = p.out().inspect_chunks([](const tend_chunk &) -> tend_flow { throw oops(); });
	try {
		while (!d.is_finished())
			d.wait(TEST_PATIENCE);
		d.cancel(TEST_PATIENCE, TEND_CANCEL_NOW);
	} catch (const oops &) {
		n_caught++;
	}
	CHECK_INT(2, n_caught);
	p.wait(TEST_PATIENCE);
}

void exceptions_come_out_of_a_wait_for_a_line()
{
	tend::process p = start("liner", "5", tend::in_null(), tend::out_stream(test_reliable_all));
	bool was_thrown = false;

	try {
		p.out().wait_for_line(lines, [](const tend_line &) -> bool { throw oops(); }, TEST_PATIENCE);
	} catch (const oops &) {
		was_thrown = true;
	}
	CHECK(was_thrown);
	p.wait(TEST_PATIENCE);
}

/* A consumer that could not be started has not kept its function object. */
void refused_ones_are_destroyed()
{
	tend::process p = start("sleeper", "100000", tend::in_null(), tend::out_stream(test_single));
	tend::subscription taken = p.out().subscribe();
	std::shared_ptr<int> held = std::make_shared<int>(0);

	CHECK_INT(EBUSY, thrown_by([&] {
		          p.out().inspect_lines(lines, [held](const tend_line &) { return TEND_CONTINUE; });
	          }));
	CHECK_INT(1, held.use_count());
}

/* Tells when the last copy of it is destroyed. */
struct sentinel {
	std::shared_ptr<std::promise<void>> gone;

	explicit sentinel(std::shared_ptr<std::promise<void>> p) : gone(std::move(p))
	{
	}
	sentinel(const sentinel &) = delete;
	sentinel &operator=(const sentinel &) = delete;
	~sentinel()
	{
		gone->set_value();
	}
};

/* The destructor of a consumer does not wait for a call that has not returned; what is called lives on until then. */
void function_objects_outlive_their_consumer()
{
	tend::process p = start("liner", "5", tend::in_null(), tend::out_stream(test_reliable_all));
	std::shared_ptr<std::promise<void>> gone = std::make_shared<std::promise<void>>();
	std::promise<void> is_inside, may_return;
	std::future<void> is_gone = gone->get_future();
	std::shared_future<void> released = may_return.get_future().share();
	{
		std::shared_ptr<sentinel> s = std::make_shared<sentinel>(gone);
		tend::consumer c = p.out().inspect_chunks([s, released, &is_inside](const tend_chunk &) {
			is_inside.set_value();
			released.wait();
			return TEND_BREAK;
		});

		is_inside.get_future().wait();
	}
	CHECK(is_gone.wait_for(std::chrono::seconds(0)) == std::future_status::timeout);
	may_return.set_value();
	is_gone.wait();
	p.wait(TEST_PATIENCE);
}

} /* namespace */

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "handles_move", handles_move },
		{ "assigning_frees_what_was_there", assigning_frees_what_was_there },
		{ "destructor_does_as_was_chosen", destructor_does_as_was_chosen },
		{ "releases_a_child", releases_a_child },
		{ "errors_say_what_failed", errors_say_what_failed },
		{ "each_call_throws", each_call_throws },
		{ "spans", spans },
		{ "values_are_those_of_the_macros", values_are_those_of_the_macros },
		{ "plans_own_their_phases", plans_own_their_phases },
		{ "collects_and_inspects", collects_and_inspects },
		{ "takes_what_it_is_given", takes_what_it_is_given },
		{ "stops", stops },
		{ "stops_that_are_refused", stops_that_are_refused },
		{ "a_stream_of_ones_own", a_stream_of_ones_own },
		{ "a_stream_knows_its_subscribers", a_stream_knows_its_subscribers },
		{ "inspects_as_in_c", inspects_as_in_c },
		{ "a_terminal_has_a_window", a_terminal_has_a_window },
		{ "a_child_may_have_a_cgroup", a_child_may_have_a_cgroup },
		{ "logs", logs },
		{ "parsers_move", parsers_move },
		{ "parsers_are_told_of_gaps", parsers_are_told_of_gaps },
		{ "parsers_run_out_of_memory", parsers_run_out_of_memory },
		{ "parsers_follow_a_subscription", parsers_follow_a_subscription },
		{ "chunks_are_kept", chunks_are_kept },
		{ "restarts_by_a_rule", restarts_by_a_rule },
		{ "tells_of_the_kernel", tells_of_the_kernel },
		{ "exceptions_come_out_of_wait", exceptions_come_out_of_wait },
		{ "exceptions_come_out_of_a_wait_for_a_line", exceptions_come_out_of_a_wait_for_a_line },
		{ "refused_ones_are_destroyed", refused_ones_are_destroyed },
		{ "function_objects_outlive_their_consumer", function_objects_outlive_their_consumer },
	};

	return test_main(argc, argv, "cpp", tests, sizeof tests / sizeof *tests);
}
