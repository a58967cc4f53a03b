/* SPDX-License-Identifier: MIT */
/* One table for both directions, so that what tend prints can be typed. */
#include "signal_name.h"

#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define S(name) [SIG##name] = #name
static const char *const names[] = {
	S(HUP),  S(INT),  S(QUIT), S(ILL),  S(TRAP), S(ABRT), S(BUS),    S(FPE),  S(KILL), S(USR1), S(SEGV),
	S(USR2), S(PIPE), S(ALRM), S(TERM), S(CHLD), S(CONT), S(STOP),   S(TSTP), S(TTIN), S(TTOU), S(URG),
	S(XCPU), S(XFSZ), S(VTALRM), S(PROF), S(WINCH), S(IO), S(PWR), S(SYS),
};
#undef S

static const char *table_name(int number)
{
	size_t i = (size_t)number;

	return i < sizeof names / sizeof *names ? names[i] : NULL;
}

const char *signal_name(int number, char text[24])
{
	const char *name = table_name(number);

	if (name)
		snprintf(text, 24, "SIG%s", name);
	else if (number == SIGRTMIN)
		snprintf(text, 24, "SIGRTMIN");
	else if (number > SIGRTMIN && number <= SIGRTMAX)
		snprintf(text, 24, "SIGRTMIN+%d", number - SIGRTMIN);
	else
		snprintf(text, 24, "signal %d", number);
	return text;
}

static int plain_number(const char *text)
{
	int n = 0;

	for (; *text; text++) {
		if (!isdigit((unsigned char)*text) || n > SIGRTMAX)
			return 0;
		n = n * 10 + (*text - '0');
	}
	return n <= SIGRTMAX ? n : 0;
}

int signal_number(const char *text, size_t size)
{
	char wanted[24], known[24];

	if (size == 0 || size > sizeof wanted - 4)
		return 0;
	snprintf(wanted, sizeof wanted, "%.*s", (int)size, text);
	if (isdigit((unsigned char)wanted[0]))
		return plain_number(wanted);
	if (strncasecmp(wanted, "SIG", 3) != 0)
		snprintf(wanted, sizeof wanted, "SIG%.*s", (int)size, text);
	for (int n = 1; n <= SIGRTMAX; n++)
		if ((table_name(n) || n >= SIGRTMIN) && strcasecmp(wanted, signal_name(n, known)) == 0)
			return n;
	return 0;
}
