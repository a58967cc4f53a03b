/* SPDX-License-Identifier: MIT */
/* What the helper player writes, behind "o" on stdout and "e" on stderr: two lines, and two of which one has no end. */
#ifndef TEND_TEST_HELPERS_PLAYER_H
#define TEND_TEST_HELPERS_PLAYER_H

#define PLAYER_HEAD "1 one\n2 two\n"
#define PLAYER_TAIL "3 three\n4 four"

#endif
