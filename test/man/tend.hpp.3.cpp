/* SPDX-License-Identifier: MIT */
#include <unistd.h>

/* The second example: of a pipe with three lines, the last one without its end. */
static size_t lines_of_a_pipe()
{
	tend::stream_options all{};
	int fds[2];

	if (pipe(fds) != 0 || write(fds[1], "one\ntwo\nend", 11) != 11)
		return 0;
	close(fds[1]);
	all.backend = TEND_SINGLE_SUBSCRIBER;
	all.delivery = TEND_RELIABLE;
	all.replay = tend::replay_all();
	all.read_chunk_size = 2;
	all.max_buffered_chunks = TEND_DEFAULT_MAX_BUFFERED_CHUNKS;
	tend::stream stream = tend::stream::open(fds[0], all, "pipe");
	tend::subscription view = stream.view().subscribe();
	return print_lines(view);
}

int main()
{
	const char *const seq[] = { "seq", "1", "3", nullptr }, *const absent[] = { "/nowhere/program", nullptr };

	if (output_of(seq) != "1\n2\n3\n")
		return 1;
	if (lines_of_a_pipe() != 3)
		return 4;
	try {
		output_of(absent);
	} catch (const tend::error &e) {
		return e.code() == std::errc::no_such_file_or_directory ? 0 : 2;
	}
	return 3;
}
