/* SPDX-License-Identifier: MIT */
#include "driver.h"

int main(void)
{
	const char *const has_terminal[] = { "sh", "-c", "test -t 0 && test -t 1 && test \"$TERM\" = xterm", NULL };
	const struct passwd *user = getpwuid(getuid());
	TEND_AUTO(tend_process) worker = NULL;
	tend_process *build = NULL, *screen = NULL;
	struct tend_exit ended;
	int r;

	/* There is no such worker; and only root may choose the groups. */
	NEED(user);
	r = start_worker(user, 0, &worker);
	NEED(r == -ENOENT || r == -EPERM);

	/* Nobody has written a makefile here. */
	NEED(start_build(&driver_stream, &build) == 0);
	NEED(tend_process_wait(build, TEND_SECONDS(60), &ended, NULL) == 0);
	NEED(ended.kind == TEND_EXITED && ended.code == 2);
	tend_process_free(build);

	NEED(start_on_terminal(has_terminal, &driver_stream, &screen) == 0);
	NEED(tend_process_wait(screen, TEND_SECONDS(60), &ended, NULL) == 0);
	NEED(ended.kind == TEND_EXITED && ended.code == 0);
	tend_process_free(screen);
	return 0;
}
