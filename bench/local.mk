# SPDX-License-Identifier: MIT
# Benchmarks: built and run by "make bench" only, never by "make check".  To add one, write bench/bench_X.c and name
# it here.

bench_programs = \
	%D%/bench_spawn \
	%D%/bench_bulk
EXTRA_PROGRAMS += $(bench_programs)
CLEANFILES += $(bench_programs)

%C%_bench_spawn_SOURCES = %D%/bench_spawn.c %D%/bench.h
%C%_bench_spawn_CPPFLAGS = -D_GNU_SOURCE $(PUBLIC_CPPFLAGS)
%C%_bench_spawn_LDADD = $(PUBLIC_LIBS)
%C%_bench_bulk_SOURCES = %D%/bench_bulk.c %D%/bench.h
%C%_bench_bulk_CPPFLAGS = -D_GNU_SOURCE $(PUBLIC_CPPFLAGS)
%C%_bench_bulk_LDADD = $(PUBLIC_LIBS)

.PHONY: bench
bench: $(bench_programs)
	@for program in $(bench_programs); do ./$$program || exit; done
