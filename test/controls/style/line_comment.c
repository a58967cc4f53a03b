/* SPDX-License-Identifier: MIT */
/* For test/check-style.sh */
static const char *const url = "//";
static int n; // a comment
