/* SPDX-License-Identifier: MIT */
/*
 * Static probes for tracers (USDT); doc/PROBES.md has each one with its arguments.  Where <sys/sdt.h> was there to
 * compile with, a probe is a nop in the code and a note beside it, and elsewhere nothing; so its arguments are what the
 * code has at hand anyway.
 */
#ifndef TEND_LIB_PROBE_H
#define TEND_LIB_PROBE_H

#if __has_include(<sys/sdt.h>) && !defined TEND_NO_PROBES
#define SDT_USE_VARIADIC
#include <sys/sdt.h>
#define TEND__PROBE(...) STAP_PROBEV(tend, __VA_ARGS__)
#else
#define TEND__PROBE(...) ((void)0)
#endif

#endif
