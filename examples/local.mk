# SPDX-License-Identifier: MIT
# Each example is built by "make check"; run-examples.sh runs them, but for main_job, which runs by itself.  Those that
# need other libraries are built where configure has found these.  Those in cookbook/ are explained in doc/COOKBOOK.md,
# a task each, and those in migration/ in doc/MIGRATION.md, in pairs, of which only the second uses this library.
# job_server/ has tests of its own.

check_PROGRAMS += \
	%D%/custom_visitor \
	%D%/loop_epoll \
	%D%/main_job \
	%D%/ready_server \
	%D%/run_and_collect \
	%D%/stop_on_timeout \
	%D%/stream_to_file
cookbook = \
	%D%/cookbook/die_together \
	%D%/cookbook/first_failure \
	%D%/cookbook/forward_signals \
	%D%/cookbook/held_output \
	%D%/cookbook/idle_limit \
	%D%/cookbook/last_lines \
	%D%/cookbook/late_viewer \
	%D%/cookbook/leave_nothing \
	%D%/cookbook/long_lines \
	%D%/cookbook/pipeline \
	%D%/cookbook/ready_fd \
	%D%/cookbook/ready_line \
	%D%/cookbook/ready_probe \
	%D%/cookbook/restart \
	%D%/cookbook/set_limits \
	%D%/cookbook/stop_tree \
	%D%/cookbook/tee_output \
	%D%/cookbook/terminal \
	%D%/cookbook/watch_pid \
	%D%/cookbook/why_it_ended
migration = \
	%D%/migration/gio_after \
	%D%/migration/libuv_after \
	%D%/migration/popen_after \
	%D%/migration/popen_before \
	%D%/migration/posix_spawn_after \
	%D%/migration/posix_spawn_before \
	%D%/migration/reproc_after
check_PROGRAMS += $(cookbook) $(migration)
if HAVE_CXX
check_PROGRAMS += %D%/cookbook/in_cpp
endif
if HAVE_LIBUV
check_PROGRAMS += %D%/loop_libuv %D%/migration/libuv_before
endif
if BUILD_GIO_EXAMPLE
check_PROGRAMS += %D%/migration/gio_before
endif
if HAVE_REPROC
check_PROGRAMS += %D%/migration/reproc_before
endif
if HAVE_LIBEVENT
check_PROGRAMS += %D%/loop_libevent
endif
if HAVE_GLIB
check_PROGRAMS += %D%/loop_glib
endif
if BUILD_JOB_SERVER
check_PROGRAMS += %D%/job_server/job_server
endif
if HAVE_PCRE2
check_PROGRAMS += %D%/wait_for_pattern
endif

# What engines are given that start tend: doc/CLUSTER.md.
EXTRA_DIST += \
	%D%/cluster/Containerfile \
	%D%/cluster/alone.sh \
	%D%/cluster/array.sh \
	%D%/cluster/gather.sh \
	%D%/cluster/server.service

# doc/PROBES.md; run by test/check-probes.sh.
EXTRA_DIST += \
	%D%/probes/watch.bt \
	%D%/probes/watch.sh

dist_check_SCRIPTS = %D%/run-examples.sh %D%/job_server/check-browser.sh %D%/job_server/check-server.sh
TESTS += %D%/main_job $(dist_check_SCRIPTS)
EXTRA_DIST += \
	%D%/job_server/README.md \
	%D%/job_server/browser.py \
	%D%/job_server/client.py \
	%D%/job_server/page.html \
	%D%/job_server/planting.sh \
	%D%/job_server/test_browser.py \
	%D%/job_server/test_server.py

# Linked against the library in this tree, so that they run without a wrapper script.
EXAMPLE_LINKING = $(AM_LDFLAGS) -no-install

%C%_custom_visitor_CPPFLAGS = $(PUBLIC_CPPFLAGS)
%C%_custom_visitor_LDFLAGS = $(EXAMPLE_LINKING)
%C%_custom_visitor_LDADD = $(PUBLIC_LIBS)

%C%_loop_epoll_CPPFLAGS = $(PUBLIC_CPPFLAGS)
%C%_loop_epoll_LDFLAGS = $(EXAMPLE_LINKING)
%C%_loop_epoll_LDADD = $(PUBLIC_LIBS)

%C%_loop_glib_CPPFLAGS = $(PUBLIC_CPPFLAGS) $(GLIB_CFLAGS)
%C%_loop_glib_LDFLAGS = $(EXAMPLE_LINKING)
%C%_loop_glib_LDADD = $(PUBLIC_LIBS) $(GLIB_LIBS)

%C%_loop_libevent_CPPFLAGS = $(PUBLIC_CPPFLAGS) $(LIBEVENT_CFLAGS)
%C%_loop_libevent_LDFLAGS = $(EXAMPLE_LINKING)
%C%_loop_libevent_LDADD = $(PUBLIC_LIBS) $(LIBEVENT_LIBS)

%C%_loop_libuv_CPPFLAGS = $(PUBLIC_CPPFLAGS) $(LIBUV_CFLAGS)
%C%_loop_libuv_LDFLAGS = $(EXAMPLE_LINKING)
%C%_loop_libuv_LDADD = $(PUBLIC_LIBS) $(LIBUV_LIBS)

%C%_main_job_CPPFLAGS = $(PUBLIC_CPPFLAGS)
%C%_main_job_LDFLAGS = $(EXAMPLE_LINKING)
%C%_main_job_LDADD = $(PUBLIC_LIBS)

%C%_ready_server_CPPFLAGS = $(PUBLIC_CPPFLAGS)
%C%_ready_server_LDFLAGS = $(EXAMPLE_LINKING)
%C%_ready_server_LDADD = $(PUBLIC_LIBS)

%C%_run_and_collect_CPPFLAGS = $(PUBLIC_CPPFLAGS)
%C%_run_and_collect_LDFLAGS = $(EXAMPLE_LINKING)
%C%_run_and_collect_LDADD = $(PUBLIC_LIBS)

%C%_stop_on_timeout_CPPFLAGS = $(PUBLIC_CPPFLAGS)
%C%_stop_on_timeout_LDFLAGS = $(EXAMPLE_LINKING)
%C%_stop_on_timeout_LDADD = $(PUBLIC_LIBS)

%C%_stream_to_file_CPPFLAGS = $(PUBLIC_CPPFLAGS)
%C%_stream_to_file_LDFLAGS = $(EXAMPLE_LINKING)
%C%_stream_to_file_LDADD = $(PUBLIC_LIBS)

%C%_wait_for_pattern_CPPFLAGS = $(PUBLIC_CPPFLAGS) $(PCRE2_CFLAGS)
%C%_wait_for_pattern_LDFLAGS = $(EXAMPLE_LINKING)
%C%_wait_for_pattern_LDADD = $(PUBLIC_LIBS) $(PCRE2_LIBS)

%C%_job_server_job_server_SOURCES = \
	%D%/job_server/guard.c %D%/job_server/guard.h \
	%D%/job_server/http.c %D%/job_server/http.h \
	%D%/job_server/jobs.c %D%/job_server/jobs.h \
	%D%/job_server/main.c \
	%D%/job_server/page.c %D%/job_server/page.h \
	%D%/job_server/text.c %D%/job_server/text.h \
	%D%/job_server/viewer.c %D%/job_server/viewer.h
%C%_job_server_job_server_CPPFLAGS = -D_GNU_SOURCE $(PUBLIC_CPPFLAGS) -iquote$(builddir)/%D%/job_server \
	$(MICROHTTPD_CFLAGS)
%C%_job_server_job_server_LDFLAGS = $(EXAMPLE_LINKING)
%C%_job_server_job_server_LDADD = $(PUBLIC_LIBS) $(MICROHTTPD_LIBS)

# The page as a string of C, line by line.
%D%/job_server/page.inc: %D%/job_server/page.html
	$(AM_V_GEN)$(MKDIR_P) $(@D) && sed 's/[\\"]/\\&/g; s/^/"/; s/$$/\\n"/' $(srcdir)/%D%/job_server/page.html >$@
%D%/job_server/job_server-page.$(OBJEXT): %D%/job_server/page.inc
CLEANFILES += %D%/job_server/page.inc

# The flags of all of these; automake wants the libraries for each.
%D%/cookbook/% %D%/migration/%: private AM_CPPFLAGS = $(PUBLIC_CPPFLAGS)
%D%/cookbook/% %D%/migration/%: private AM_LDFLAGS += -no-install
%C%_cookbook_die_together_LDADD = $(PUBLIC_LIBS)
%C%_cookbook_first_failure_LDADD = $(PUBLIC_LIBS)
%C%_cookbook_forward_signals_LDADD = $(PUBLIC_LIBS)
%C%_cookbook_held_output_LDADD = $(PUBLIC_LIBS)
%C%_cookbook_idle_limit_LDADD = $(PUBLIC_LIBS)
%C%_cookbook_in_cpp_SOURCES = %D%/cookbook/in_cpp.cpp
%C%_cookbook_in_cpp_LDADD = $(PUBLIC_LIBS)
%C%_cookbook_last_lines_LDADD = $(PUBLIC_LIBS)
%C%_cookbook_late_viewer_LDADD = $(PUBLIC_LIBS)
%C%_cookbook_leave_nothing_LDADD = $(PUBLIC_LIBS)
%C%_cookbook_long_lines_LDADD = $(PUBLIC_LIBS)
%C%_cookbook_pipeline_LDADD = $(PUBLIC_LIBS)
%C%_cookbook_ready_fd_LDADD = $(PUBLIC_LIBS)
%C%_cookbook_ready_line_LDADD = $(PUBLIC_LIBS)
%C%_cookbook_ready_probe_LDADD = $(PUBLIC_LIBS)
%C%_cookbook_restart_LDADD = $(PUBLIC_LIBS)
%C%_cookbook_set_limits_LDADD = $(PUBLIC_LIBS)
%C%_cookbook_stop_tree_LDADD = $(PUBLIC_LIBS)
%C%_cookbook_tee_output_LDADD = $(PUBLIC_LIBS)
%C%_cookbook_terminal_LDADD = $(PUBLIC_LIBS)
%C%_cookbook_watch_pid_LDADD = $(PUBLIC_LIBS)
%C%_cookbook_why_it_ended_LDADD = $(PUBLIC_LIBS)
%C%_migration_gio_after_LDADD = $(PUBLIC_LIBS)
%C%_migration_gio_before_CPPFLAGS = $(GIO_CFLAGS)
%C%_migration_gio_before_LDADD = $(GIO_LIBS)
%C%_migration_libuv_after_LDADD = $(PUBLIC_LIBS)
%C%_migration_libuv_before_CPPFLAGS = $(LIBUV_CFLAGS)
%C%_migration_libuv_before_LDADD = $(LIBUV_LIBS)
%C%_migration_popen_after_LDADD = $(PUBLIC_LIBS)
%C%_migration_popen_before_LDADD =
%C%_migration_posix_spawn_after_LDADD = $(PUBLIC_LIBS)
%C%_migration_posix_spawn_before_LDADD =
%C%_migration_reproc_after_LDADD = $(PUBLIC_LIBS)
%C%_migration_reproc_before_CPPFLAGS = $(REPROC_CFLAGS)
%C%_migration_reproc_before_LDADD = $(REPROC_LIBS)
