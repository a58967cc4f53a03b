# SPDX-License-Identifier: MIT
# Fuzzing.  A target is fuzz/fuzz_X.c, which libFuzzer drives in "make fuzz", and fuzz/replay_X.c, which any compiler
# builds and "make check" runs on fuzz/corpus/X; fuzz/check-X.sh plants bugs that the corpus must find.

fuzz_sources = \
	%D%/fuzz_line.c %D%/fuzz_line.h \
	%D%/line_oracle.c %D%/line_oracle.h \
	lib/mem.c lib/mem.h

check_PROGRAMS += %D%/replay_line
TESTS += %D%/replay_line %D%/check-line.sh
%C%_replay_line_SOURCES = %D%/replay_line.c $(fuzz_sources)
%C%_replay_line_CPPFLAGS = $(AM_CPPFLAGS)
%C%_replay_line_LDADD = lib/libtend-core.la

EXTRA_PROGRAMS += %D%/fuzz_line
CLEANFILES += %D%/fuzz_line
%C%_fuzz_line_SOURCES = $(fuzz_sources)
%C%_fuzz_line_CPPFLAGS = $(AM_CPPFLAGS)
%C%_fuzz_line_LDADD = lib/libtend-core.la
%C%_fuzz_line_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer

EXTRA_DIST += \
	%D%/check-line.sh \
	%D%/fuzz.sh \
	%D%/corpus

FUZZ_CC = clang
FUZZ_TIME = 60

.PHONY: fuzz fuzz-programs
fuzz-programs: %D%/fuzz_line

fuzz:
	+@top_srcdir='$(abs_top_srcdir)' FUZZ_CC='$(FUZZ_CC)' $(SHELL) $(srcdir)/%D%/fuzz.sh line '$(FUZZ_TIME)' \
		env MAKE='$(MAKE)' CC='$(FUZZ_CC)' $(SHELL) $(srcdir)/test/variant.sh fuzz fuzz-programs \
		--enable-sanitizer=fuzzer-no-link,address,undefined --disable-tool
