# SPDX-License-Identifier: MIT
# libtend.la is libtend-core.la and the two files that tests replace, mem.c and sys.c.

lib_LTLIBRARIES += %D%/libtend.la
noinst_LTLIBRARIES += %D%/libtend-core.la %D%/libtend-child.la
pkgconfig_DATA += %D%/tend.pc
EXTRA_DIST += %D%/libtend.map

include_HEADERS = include/tend.h
tendincludedir = $(includedir)/tend
tendinclude_HEADERS = \
	include/tend/base.h \
	include/tend/child.h \
	include/tend/consume.h \
	include/tend/error.h \
	include/tend/kernel.h \
	include/tend/line.h \
	include/tend/process.h \
	include/tend/restart.h \
	include/tend/spawn.h \
	include/tend/stop.h \
	include/tend/stream.h \
	include/tend/write.h

%C%_libtend_core_la_SOURCES = \
	%D%/adopt.c \
	%D%/batch.c %D%/batch.h \
	%D%/cgroup.c %D%/cgroup.h \
	%D%/chan.c %D%/chan.h \
	%D%/chunk.c %D%/chunk.h \
	%D%/clock.c %D%/clock.h \
	%D%/collect.c %D%/collect.h \
	%D%/complete.c \
	%D%/consume.c %D%/consume.h \
	%D%/env.c \
	%D%/error.c %D%/error.h \
	%D%/exit.c \
	%D%/field.h \
	%D%/group.c %D%/group.h \
	%D%/guard.c %D%/guard.h %D%/guard_wire.h \
	%D%/input.c %D%/input.h \
	%D%/kernel_report.c \
	%D%/line.c %D%/line.h \
	%D%/live.c %D%/live.h \
	%D%/lock.c %D%/lock.h \
	%D%/match.c \
	%D%/name.c \
	%D%/opts.c %D%/opts.h \
	%D%/opts_spawn.c \
	%D%/part.c %D%/part.h \
	%D%/paths.c \
	%D%/process.c %D%/process.h \
	%D%/probe.h \
	%D%/procfs.c %D%/procfs.h \
	%D%/publish.c %D%/publish.h \
	%D%/rcu.c %D%/rcu.h \
	%D%/reader.c %D%/reader.h \
	%D%/reaper.c %D%/reaper.h \
	%D%/release.c \
	%D%/replay.c %D%/replay.h \
	%D%/restart.c \
	%D%/sink.c %D%/sink.h \
	%D%/slots.c %D%/slots.h \
	%D%/spawn.c %D%/spawn.h \
	%D%/spawn_stdio.c \
	%D%/spawner.c \
	%D%/stop.c %D%/stop.h \
	%D%/stopper.c %D%/stopper.h \
	%D%/stream.c %D%/stream.h \
	%D%/sub.c %D%/sub.h \
	%D%/survivors.c %D%/survivors.h \
	%D%/version.c \
	%D%/visit_collect.c \
	%D%/visit_inspect.c \
	%D%/visit_wait.c \
	%D%/visit_write.c \
	%D%/wake.c %D%/wake.h
%C%_libtend_core_la_LIBADD = %D%/libtend-child.la $(URCU_LIBS)

# The child's half must not be instrumented, whatever CFLAGS say: its flags come behind the user's.
%C%_libtend_child_la_SOURCES = %D%/child_fds.c %D%/spawn_child.c %D%/spawn_child.h %D%/raw.h
%D%/child_fds.lo %D%/spawn_child.lo: private override CFLAGS += $(CHILD_CFLAGS)

# The guardian is a program of its own, which the library starts; it is linked with nothing of it.
guardiandir = $(libexecdir)/tend
guardian_PROGRAMS = %D%/tend-guardian
%C%_tend_guardian_SOURCES = %D%/guardian.c %D%/guard_wire.h
%C%_tend_guardian_CFLAGS = $(AM_CFLAGS) $(PIE_CFLAGS)
%C%_tend_guardian_LDFLAGS = $(AM_LDFLAGS) $(PIE_LDFLAGS)
%C%_tend_guardian_LDADD =
%D%/sys.lo: private AM_CPPFLAGS += -DGUARDIAN_PATH='"$(guardiandir)/tend-guardian"'

# The library is never unloaded: its threads would find no code to return to.
%C%_libtend_la_SOURCES = %D%/mem.c %D%/mem.h %D%/sys.c %D%/sys.h
%C%_libtend_la_LIBADD = %D%/libtend-core.la
%C%_libtend_la_LDFLAGS = $(AM_LDFLAGS) -version-info $(LIBRARY_VERSION) -Wl,-z,nodelete \
	-Wl,--version-script=$(top_srcdir)/%D%/libtend.map
EXTRA_%C%_libtend_la_DEPENDENCIES = %D%/libtend.map
