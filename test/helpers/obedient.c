/* SPDX-License-Identifier: MIT */
/* A child that says "ready" and stays until a signal ends it. */
#include "helper.h"

int main(void)
{
	say("ready\n");
	pause_for_ever();
}
