# SPDX-License-Identifier: MIT
# The tend command, a user of the public headers like any other.

EXTRA_DIST += %D%/check %D%/quickstart %D%/install-deps %D%/common.sh

%C%_tend_SOURCES = \
	%D%/cmd.h \
	%D%/cmd_doctor.c %D%/cmd_doctor.h \
	%D%/cmd_run.c %D%/cmd_run.h \
	%D%/cmd_up.c %D%/cmd_up.h \
	%D%/duration.c %D%/duration.h \
	%D%/init.c %D%/init.h \
	%D%/io.c %D%/io.h \
	%D%/last_words.c %D%/last_words.h \
	%D%/moment.c %D%/moment.h \
	%D%/notify.c %D%/notify.h \
	%D%/options.c %D%/options.h \
	%D%/procfile.c %D%/procfile.h \
	%D%/run.h \
	%D%/run_life.c %D%/run_life.h \
	%D%/run_lines.c %D%/run_lines.h \
	%D%/run_options.c %D%/run_options.h \
	%D%/run_report.c %D%/run_report.h \
	%D%/run_signals.c %D%/run_signals.h \
	%D%/run_specs.c %D%/run_specs.h \
	%D%/run_streams.c %D%/run_streams.h \
	%D%/run_watch.c %D%/run_watch.h \
	%D%/say.c %D%/say.h \
	%D%/signal_name.c %D%/signal_name.h \
	%D%/tend.c \
	%D%/up.c %D%/up.h \
	%D%/up_options.c %D%/up_options.h \
	%D%/words.c %D%/words.h
# Files of 2 GiB and more, with 32 bits; nothing that the tool shares with the library has a size of off_t or rlim_t.
%C%_tend_CPPFLAGS = -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 $(PUBLIC_CPPFLAGS) $(JANSSON_CFLAGS)
%C%_tend_CFLAGS = $(AM_CFLAGS) $(PIE_CFLAGS)
%C%_tend_LDFLAGS = $(AM_LDFLAGS) $(PIE_LDFLAGS)
%C%_tend_LDADD = $(PUBLIC_LIBS) $(JANSSON_LIBS)

if BUILD_TOOL
bin_PROGRAMS += %D%/tend
dist_man_MANS += doc/man/tend.1
else
EXTRA_DIST += doc/man/tend.1
endif
