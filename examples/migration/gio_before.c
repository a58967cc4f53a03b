/* SPDX-License-Identifier: MIT */
/*
 * Keeps the stdout and the stderr of a command apart and prints both, with GSubprocess of GLib.  See doc/MIGRATION.md;
 * gio_after.c does the same.
 *
 * usage: gio_before COMMAND [ARG...]
 */
#include <gio/gio.h>
#include <stdio.h>

static int run(const char *const *argv, GError **error)
{
	g_autoptr(GSubprocess) child = NULL;
	g_autoptr(GBytes) out = NULL;
	g_autoptr(GBytes) err = NULL;

	child = g_subprocess_newv(argv, G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE, error);
	if (!child || !g_subprocess_communicate(child, NULL, NULL, &out, &err, error))
		return -1;
	printf("stdout: %.*s\n", (int)g_bytes_get_size(out), (const char *)g_bytes_get_data(out, NULL));
	printf("stderr: %.*s\n", (int)g_bytes_get_size(err), (const char *)g_bytes_get_data(err, NULL));
	if (g_subprocess_get_if_exited(child))
		printf("exit code %d\n", g_subprocess_get_exit_status(child));
	else
		printf("signal %d\n", g_subprocess_get_term_sig(child));
	return 0;
}

int main(int argc, char **argv)
{
	g_autoptr(GError) error = NULL;

	if (argc < 2) {
		fprintf(stderr, "usage: gio_before COMMAND [ARG...]\n");
		return 2;
	}
	if (run((const char *const *)argv + 1, &error) < 0) {
		fprintf(stderr, "gio_before: %s\n", error->message);
		return 125;
	}
	return 0;
}
