/* SPDX-License-Identifier: MIT */
/* For test/check-headers.sh: it has no include guard. */
struct tend_control {
	int n;
};
