/* SPDX-License-Identifier: MIT */
/* For test/check-exports.sh: data is not exported. */
TEND_API extern int tend_data;
