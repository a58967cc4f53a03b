/* SPDX-License-Identifier: MIT */
/* For test/check-exports.sh: a declaration too many. */
TEND_API const char *tend_present(int a, int b);
TEND_API int tend_declared_only(void);
