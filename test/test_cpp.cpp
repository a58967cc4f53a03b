/* SPDX-License-Identifier: MIT */
/*
 * tend.hpp: who owns what, what is thrown, what a destructor does, and how long function objects live.  What the calls
 * themselves do the tests of the C library show.
 */
#include <csignal>
#include <cstring>
#include <future>
#include <string>
#include <sys/wait.h>
#include <tend.hpp>
#include <type_traits>
#include <unistd.h>
#include <vector>

extern "C" {
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
	CHECK_INT(EINVAL, thrown_by([] { tend::process::adopt(tend::adopt_options()); }));
	CHECK_INT(EINVAL, thrown_by([] { tend::shutdown(0); }));
	CHECK_INT(EINVAL, thrown_by([] { tend::process().status(); }));
	CHECK_INT(EINVAL, thrown_by([] { tend::process().release(); }));
	CHECK_INT(EBADF, thrown_by([] { tend::stream::open(-1, test_single, "none"); }));
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
		{ "a_stream_of_ones_own", a_stream_of_ones_own },
		{ "exceptions_come_out_of_wait", exceptions_come_out_of_wait },
		{ "exceptions_come_out_of_a_wait_for_a_line", exceptions_come_out_of_a_wait_for_a_line },
		{ "refused_ones_are_destroyed", refused_ones_are_destroyed },
		{ "function_objects_outlive_their_consumer", function_objects_outlive_their_consumer },
	};

	return test_main(argc, argv, "cpp", tests, sizeof tests / sizeof *tests);
}
