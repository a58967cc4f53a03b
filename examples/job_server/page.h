/* SPDX-License-Identifier: MIT */
/*
 * The page, page.html, which is part of the program.  Its script and its style carry a number that is another one each
 * time and that the answer's Content-Security-Policy names: a browser runs no other script in it.
 */
#ifndef PAGE_H
#define PAGE_H

#include "text.h"

#define PAGE_POLICY_ROOM 512

/* Writes the page and its policy; false: there are no random numbers. */
bool page_write(struct text *text, char policy[PAGE_POLICY_ROOM]);

#endif
