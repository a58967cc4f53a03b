/* SPDX-License-Identifier: MIT */
#include <sys/syscall.h>

#include "driver.h"

int main(void)
{
	TEND_AUTO(tend_process) p = driver_start("tr a-z A-Z");
	struct tend_result result;
	pid_t daemon;
	int pidfd;

	NEED(filter(p, "word", 4, &result) == 0);
	NEED(result.outcome == TEND_COMPLETED && strcmp(result.out.collected.data, "WORD") == 0);

	signal(SIGCHLD, SIG_IGN); /* so that nobody has to reap the daemon */
	daemon = fork();
	if (daemon == 0) {
		execlp("sleep", "sleep", "60", (char *)NULL);
		_exit(127);
	}
	NEED(daemon > 0);
	pidfd = (int)syscall(SYS_pidfd_open, daemon, 0);
	NEED(pidfd >= 0);
	NEED(end_daemon(pidfd) == 0);
	NEED(kill(daemon, 0) < 0);
	close(pidfd);
	return 0;
}
