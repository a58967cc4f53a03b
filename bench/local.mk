# SPDX-License-Identifier: MIT
# Benchmarks: built and run by "make bench" and "make check-bench" only, never by "make check", which merely looks
# whether the runner judges rightly.  README.md says how to add a contestant.

bench_programs = \
	%D%/child \
	%D%/raw \
	%D%/tend
if HAVE_LIBUV
bench_programs += %D%/peer_uv
endif
if HAVE_GIO
bench_programs += %D%/peer_glib
endif
if HAVE_GO
bench_programs += %D%/peer_go
endif
all_bench_programs = %D%/child %D%/raw %D%/tend %D%/peer_uv %D%/peer_glib %D%/counted
EXTRA_PROGRAMS += $(all_bench_programs)
CLEANFILES += $(all_bench_programs) %D%/peer_go

BENCH_DRIVER = %D%/driver.c %D%/driver.h
BENCH_CPPFLAGS = -D_GNU_SOURCE $(PUBLIC_CPPFLAGS)
# Linked against the library in this tree, and no wrapper script in front of it, which would be measured, too.
BENCH_LINKING = $(AM_LDFLAGS) -no-install

%C%_child_SOURCES = %D%/child.c
%C%_child_CPPFLAGS = $(BENCH_CPPFLAGS)
%C%_child_LDADD =

%C%_raw_SOURCES = \
	$(BENCH_DRIVER) \
	%D%/raw.c %D%/raw.h \
	%D%/raw_many.c \
	%D%/raw_shape.c \
	%D%/raw_spawn.c
%C%_raw_CPPFLAGS = $(BENCH_CPPFLAGS)
%C%_raw_LDADD =

%C%_tend_SOURCES = \
	$(BENCH_DRIVER) \
	%D%/by_tend.h \
	%D%/tend.c \
	%D%/tend_handover.c \
	%D%/tend_many.c \
	%D%/tend_spawn.c
%C%_tend_CPPFLAGS = $(BENCH_CPPFLAGS)
%C%_tend_LDFLAGS = $(BENCH_LINKING)
%C%_tend_LDADD = $(PUBLIC_LIBS)

%C%_peer_uv_SOURCES = $(BENCH_DRIVER) %D%/peer_uv.c
%C%_peer_uv_CPPFLAGS = $(BENCH_CPPFLAGS) $(LIBUV_CFLAGS)
%C%_peer_uv_LDADD = $(LIBUV_LIBS)

%C%_peer_glib_SOURCES = $(BENCH_DRIVER) %D%/peer_glib.c
%C%_peer_glib_CPPFLAGS = $(BENCH_CPPFLAGS) $(GIO_CFLAGS)
%C%_peer_glib_LDADD = $(GIO_LIBS)

%C%_counted_SOURCES = %D%/counted.c
%C%_counted_CPPFLAGS = $(BENCH_CPPFLAGS)
%C%_counted_LDFLAGS = $(BENCH_LINKING)
%C%_counted_LDADD = $(PUBLIC_LIBS)

%D%/peer_go: %D%/peer_go.go
	$(AM_V_GEN)$(GO) build -o $@ $(srcdir)/%D%/peer_go.go

EXTRA_DIST += \
	%D%/README.md \
	%D%/charts.py \
	%D%/check-runner.sh \
	%D%/count.py \
	%D%/figures.py \
	%D%/instructions.txt \
	%D%/machine.py \
	%D%/peer_go.go \
	%D%/peer_python.py \
	%D%/plan.py \
	%D%/report.py \
	%D%/run.py \
	%D%/test_runner.py

TESTS += %D%/check-runner.sh

PYTHON = python3

.PHONY: bench bench-programs check-bench
bench-programs: $(bench_programs)

# All works and curves; results go to bench/out/.  BENCH_ONLY, BENCH_ROUNDS, BENCH_QUICK: see README.md.
bench: bench-programs
	@command -v $(PYTHON) >/dev/null || { echo 'make bench needs python3' >&2; exit 1; }; \
	BENCH_VERSION='$(PACKAGE_VERSION)'; export BENCH_VERSION; \
	BENCH_COMPILER="`$(CC) --version | sed 1q`"; export BENCH_COMPILER; \
	BENCH_FLAGS='$(CFLAGS) $(DEBUG_CPPFLAGS) $(SANITIZER_CFLAGS)'; export BENCH_FLAGS; \
	PYTHONDONTWRITEBYTECODE=1; export PYTHONDONTWRITEBYTECODE; \
	$(PYTHON) $(srcdir)/%D%/run.py --programs %D% --out %D%/out

# The library's own instructions on its hot paths, counted by callgrind and compared with instructions.txt; RECORD=yes
# writes them there.  Left out, and no failure, where they were recorded for another compiler, or there is no valgrind.
RECORD =
check-bench: %D%/counted
	@PYTHONDONTWRITEBYTECODE=1; export PYTHONDONTWRITEBYTECODE; \
	made_for="`uname -m`, `$(CC) --version | sed 1q`"; \
	made_for="$$made_for, $(CFLAGS) $(DEBUG_CPPFLAGS) $(SANITIZER_CFLAGS) $(HARDENING_CFLAGS)"; \
	command -v $(PYTHON) >/dev/null || { echo 'check-bench: skipped: there is no python3'; exit 0; }; \
	$(PYTHON) $(srcdir)/%D%/count.py --program %D%/counted --record $(srcdir)/%D%/instructions.txt \
		--for "`echo $$made_for`" $(RECORD:yes=--write) || test $$? = 77

mostlyclean-local:
	-rm -rf %D%/out
