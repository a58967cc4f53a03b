/* SPDX-License-Identifier: MIT */
#include "page.h"
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

/* Where the number belongs in page.html. */
#define MARK "@NONCE@"
#define NONCE_BYTES 16

/* Made of page.html by make: a string, line by line. */
static const char page[] =
#include "page.inc"
	;

static bool make_nonce(char nonce[2 * NONCE_BYTES + 1])
{
	unsigned char random[NONCE_BYTES];

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return false;
	for (int i = 0; i < NONCE_BYTES; i++)
		snprintf(nonce + 2 * i, 3, "%02x", random[i]);
	return true;
}

bool page_write(struct text *text, char policy[PAGE_POLICY_ROOM])
{
	char nonce[2 * NONCE_BYTES + 1];
	const char *rest = page, *mark;

	if (!make_nonce(nonce))
		return false;
	while ((mark = strstr(rest, MARK))) {
		text_add(text, rest, (size_t)(mark - rest));
		text_add(text, nonce, sizeof(nonce) - 1);
		rest = mark + sizeof(MARK) - 1;
	}
	text_add(text, rest, strlen(rest));
	snprintf(
		policy, PAGE_POLICY_ROOM,
		"default-src 'none'; script-src 'nonce-%s'; style-src 'nonce-%s'; connect-src 'self'; base-uri 'none'; "
		"form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
		nonce, nonce);
	return true;
}
