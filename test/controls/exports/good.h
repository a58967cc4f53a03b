/* SPDX-License-Identifier: MIT */
/* For test/check-exports.sh: one function, and a macro and a comment that mention TEND_API. */
#define TEND_API __attribute__((__visibility__("default")))

/* TEND_API int tend_in_a_comment(void); */
TEND_API const char *
tend_present(int a,
             int b);
