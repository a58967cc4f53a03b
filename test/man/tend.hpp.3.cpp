/* SPDX-License-Identifier: MIT */
int main()
{
	const char *const seq[] = { "seq", "1", "3", nullptr }, *const absent[] = { "/nowhere/program", nullptr };

	if (output_of(seq) != "1\n2\n3\n")
		return 1;
	try {
		output_of(absent);
	} catch (const tend::error &e) {
		return e.code() == std::errc::no_such_file_or_directory ? 0 : 2;
	}
	return 3;
}
