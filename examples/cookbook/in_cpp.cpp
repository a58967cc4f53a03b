/* SPDX-License-Identifier: MIT */
/*
 * Runs a command for at most ten seconds, in C++: its lines are given to a lambda as they come, what fails is an
 * exception, and what is owned is freed at the end of its scope.
 *
 * usage: in_cpp COMMAND [ARG...]
 */
#include <chrono>
#include <iostream>
#include <string>
#include <tend.hpp>

static int run(const char *const *argv)
{
	const tend::stop_plan plan = tend::stop_plan::term(tend::span(std::chrono::seconds(2)));
	tend::stream_options live{};
	tend::spawn_options options{};
	tend_line_options lines{};
	tend_complete in_time{};
	unsigned n = 0;

	live.backend = TEND_SINGLE_SUBSCRIBER;
	live.delivery = TEND_RELIABLE;
	live.replay = tend::replay_all(); /* until the lambda is there, see seal_replay() below */
	live.read_chunk_size = TEND_DEFAULT_READ_CHUNK_SIZE;
	live.max_buffered_chunks = TEND_DEFAULT_MAX_BUFFERED_CHUNKS;
	options.argv = argv;
	options.in = tend::in_null();
	options.out = tend::out_stream(live);
	options.err = tend::out_inherit();
	options.if_forgotten = tend::forgotten_terminate(plan.get());
	lines.max_length = TEND_DEFAULT_MAX_LINE_LENGTH;
	lines.overflow = TEND_LINE_TRUNCATE;
	in_time.timeout = TEND_SECONDS(10);
	in_time.stop = plan.get();
	in_time.drain.idle = TEND_MS(100);
	in_time.drain.total = TEND_SECONDS(2);

	tend::process child = tend::process::spawn(options);
	tend::consumer printer = child.out().inspect_lines(lines, [&n](const tend_line &line) {
		std::cout << ++n << ": " << std::string(line.data, line.size) << '\n';
		return TEND_CONTINUE;
	});
	child.out().seal_replay();
	tend_result result = child.complete(in_time);
	printer.wait(TEND_FOREVER); /* or n would go away before the lambda does */

	std::cout << tend_outcome_name(result.outcome) << ", " << n << " lines\n";
	return result.exit.kind == TEND_EXITED ? result.exit.code : 128 + result.exit.signal;
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		std::cerr << "usage: in_cpp COMMAND [ARG...]\n";
		return 2;
	}
	try {
		return run(const_cast<const char *const *>(argv + 1));
	} catch (const tend::error &e) {
		std::cerr << "in_cpp: " << e.step_name() << ": " << e.what() << '\n';
		return 125;
	}
}
