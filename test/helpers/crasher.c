/* SPDX-License-Identifier: MIT */
/* A child that dies of signal SIG and leaves no core. */
#include <signal.h>
#include <sys/resource.h>

#include "helper.h"

int main(int argc, char **argv)
{
	struct rlimit none = { 0, 0 };
	sigset_t set;
	int sig;

	need(argc, argv, 1);
	sig = (int)number(argc, argv, 1, SIGABRT);
	setrlimit(RLIMIT_CORE, &none);
	signal(sig, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, sig);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	raise(sig);
	return 65; /* a signal that does not kill */
}
