# SPDX-License-Identifier: MIT
# Fuzzing.  A target is fuzz/fuzz_X.c, which libFuzzer drives in "make fuzz", and which fuzz/replay.c, that any compiler
# builds, runs on fuzz/corpus/X in "make check"; fuzz/check-X.sh plants bugs that the corpus must find.

fuzz_line_sources = \
	%D%/fuzz.h \
	%D%/fuzz_line.c \
	%D%/line_oracle.c %D%/line_oracle.h \
	lib/mem.c lib/mem.h
fuzz_args_sources = \
	%D%/fuzz.h \
	%D%/fuzz_args.c \
	%D%/args_oracle.c %D%/args_oracle.h \
	tools/duration.c tools/duration.h \
	tools/options.c tools/options.h \
	tools/run_options.c tools/run_options.h \
	tools/run_specs.c tools/run_specs.h \
	tools/say.h \
	tools/signal_name.c tools/signal_name.h
fuzz_procfile_sources = \
	%D%/fuzz.h \
	%D%/fuzz_procfile.c \
	tools/procfile.c tools/procfile.h \
	tools/say.h \
	tools/words.c tools/words.h

check_PROGRAMS += %D%/replay_line %D%/replay_args %D%/replay_procfile
TESTS += \
	%D%/replay_line %D%/replay_args %D%/replay_procfile \
	%D%/check-line.sh %D%/check-args.sh %D%/check-procfile.sh
%C%_replay_line_SOURCES = %D%/replay.c $(fuzz_line_sources)
%C%_replay_line_CPPFLAGS = $(AM_CPPFLAGS)
%C%_replay_line_LDADD = lib/libtend-core.la
%C%_replay_args_SOURCES = %D%/replay.c $(fuzz_args_sources)
%C%_replay_args_CPPFLAGS = -D_GNU_SOURCE $(PUBLIC_CPPFLAGS)
%C%_replay_args_LDADD = -lm
%C%_replay_procfile_SOURCES = %D%/replay.c $(fuzz_procfile_sources)
%C%_replay_procfile_CPPFLAGS = -D_GNU_SOURCE $(PUBLIC_CPPFLAGS)
%C%_replay_procfile_LDADD =

fuzz_programs = %D%/fuzz_line %D%/fuzz_args %D%/fuzz_procfile
EXTRA_PROGRAMS += $(fuzz_programs)
CLEANFILES += $(fuzz_programs)
%C%_fuzz_line_SOURCES = %D%/fuzz.c $(fuzz_line_sources)
%C%_fuzz_line_CPPFLAGS = $(AM_CPPFLAGS)
%C%_fuzz_line_LDADD = lib/libtend-core.la
%C%_fuzz_line_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
%C%_fuzz_args_SOURCES = %D%/fuzz.c $(fuzz_args_sources)
%C%_fuzz_args_CPPFLAGS = -D_GNU_SOURCE $(PUBLIC_CPPFLAGS)
%C%_fuzz_args_LDADD = -lm
%C%_fuzz_args_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
%C%_fuzz_procfile_SOURCES = %D%/fuzz.c $(fuzz_procfile_sources)
%C%_fuzz_procfile_CPPFLAGS = -D_GNU_SOURCE $(PUBLIC_CPPFLAGS)
%C%_fuzz_procfile_LDADD =
%C%_fuzz_procfile_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer

EXTRA_DIST += \
	%D%/args.dict \
	%D%/check-args.sh \
	%D%/check-line.sh \
	%D%/check-procfile.sh \
	%D%/procfile.dict \
	%D%/corpus \
	%D%/fuzz.sh \
	%D%/planting.sh

FUZZ_CC = clang
FUZZ_TIME = 60
FUZZ = line args procfile

.PHONY: fuzz fuzz-programs
fuzz-programs: $(fuzz_programs)

# Each of FUZZ for FUZZ_TIME seconds.
fuzz:
	+@top_srcdir='$(abs_top_srcdir)' FUZZ_CC='$(FUZZ_CC)' $(SHELL) $(srcdir)/%D%/fuzz.sh '$(FUZZ)' '$(FUZZ_TIME)' \
		env MAKE='$(MAKE)' CC='$(FUZZ_CC)' $(SHELL) $(srcdir)/test/variant.sh fuzz fuzz-programs \
		--enable-sanitizer=fuzzer-no-link,address,undefined --disable-tool
