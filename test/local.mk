# SPDX-License-Identifier: MIT
# The tests.  To add one, write test/test_X.c (or stress_X.c) and name it in test_programs; to add a child for tests to
# run, write test/helpers/X.c and name it in test_helpers.  Nothing else is to be done: both are built from the one
# .c file of their name, and a test is linked with LDADD below.

test_programs = \
	%D%/test_adopt \
	%D%/test_atfork \
	%D%/test_backpressure \
	%D%/test_blocking \
	%D%/test_blocking_host \
	%D%/test_blocking_stream \
	%D%/test_broadcast \
	%D%/test_bursts \
	%D%/test_cancel \
	%D%/test_cgroup \
	%D%/test_chan \
	%D%/test_child \
	%D%/test_clocks \
	%D%/test_collect \
	%D%/test_complete \
	%D%/test_complete_matrix \
	%D%/test_consume \
	%D%/test_early_fork \
	%D%/test_error \
	%D%/test_eventfd \
	%D%/test_escalation \
	%D%/test_exec \
	%D%/test_filtered \
	%D%/test_forgotten \
	%D%/test_guardian \
	%D%/test_handover \
	%D%/test_host \
	%D%/test_in_flight \
	%D%/test_hostile \
	%D%/test_hostile_limits \
	%D%/test_hostile_numbers \
	%D%/test_hostile_seccomp \
	%D%/test_hostile_storm \
	%D%/test_input \
	%D%/test_left_out \
	%D%/test_kernel_report \
	%D%/test_lifecycle \
	%D%/test_line \
	%D%/test_line_options \
	%D%/test_line_property \
	%D%/test_load \
	%D%/test_on_reader \
	%D%/test_opts \
	%D%/test_process \
	%D%/test_procfs \
	%D%/test_pty \
	%D%/test_random_options \
	%D%/test_raw \
	%D%/test_refusals \
	%D%/test_regressions \
	%D%/test_replay \
	%D%/test_replay_stream \
	%D%/test_restart \
	%D%/test_secrets \
	%D%/test_shutdown \
	%D%/test_soak \
	%D%/test_small_stacks \
	%D%/test_sources \
	%D%/test_spawn \
	%D%/test_stall \
	%D%/test_status \
	%D%/test_stdio \
	%D%/test_steps \
	%D%/test_stop \
	%D%/test_stream \
	%D%/test_survivors \
	%D%/test_timeouts \
	%D%/test_torture \
	%D%/test_two_streams \
	%D%/test_visit \
	%D%/test_watchdog \
	%D%/test_with_parent \
	%D%/test_write \
	%D%/test_write_failures \
	%D%/test_write_to \
	%D%/stress_chan \
	%D%/stress_handover \
	%D%/stress_mix \
	%D%/stress_orders \
	%D%/stress_stream \
	%D%/stress_wakeups
tool_programs = \
	%D%/test_tool \
	%D%/test_tool_init \
	%D%/test_tool_lines \
	%D%/test_tool_output \
	%D%/test_tool_parent \
	%D%/test_tool_random \
	%D%/test_tool_ready \
	%D%/test_tool_restart \
	%D%/test_tool_secrets \
	%D%/test_tool_signals \
	%D%/test_tool_stop \
	%D%/test_tool_terminal \
	%D%/test_tool_up \
	%D%/test_torture_tool
# Those whose threads can meet in more than one order: what "make check-loop" repeats.
loop_programs = \
	%D%/test_adopt \
	%D%/test_atfork \
	%D%/test_backpressure \
	%D%/test_blocking \
	%D%/test_blocking_host \
	%D%/test_blocking_stream \
	%D%/test_broadcast \
	%D%/test_bursts \
	%D%/test_cancel \
	%D%/test_cgroup \
	%D%/test_chan \
	%D%/test_clocks \
	%D%/test_collect \
	%D%/test_complete \
	%D%/test_complete_matrix \
	%D%/test_consume \
	%D%/test_early_fork \
	%D%/test_escalation \
	%D%/test_eventfd \
	%D%/test_exec \
	%D%/test_forgotten \
	%D%/test_guardian \
	%D%/test_handover \
	%D%/test_host \
	%D%/test_hostile \
	%D%/test_hostile_numbers \
	%D%/test_hostile_storm \
	%D%/test_in_flight \
	%D%/test_input \
	%D%/test_lifecycle \
	%D%/test_on_reader \
	%D%/test_process \
	%D%/test_pty \
	%D%/test_regressions \
	%D%/test_replay \
	%D%/test_replay_stream \
	%D%/test_shutdown \
	%D%/test_small_stacks \
	%D%/test_spawn \
	%D%/test_stall \
	%D%/test_status \
	%D%/test_stop \
	%D%/test_stream \
	%D%/test_survivors \
	%D%/test_timeouts \
	%D%/test_two_streams \
	%D%/test_visit \
	%D%/test_with_parent \
	%D%/test_write \
	%D%/test_write_to \
	%D%/stress_chan \
	%D%/stress_handover \
	%D%/stress_mix \
	%D%/stress_orders \
	%D%/stress_stream \
	%D%/stress_wakeups
test_helpers = \
	%D%/helpers/catcher \
	%D%/helpers/closer \
	%D%/helpers/crasher \
	%D%/helpers/dripper \
	%D%/helpers/echoer \
	%D%/helpers/exiter \
	%D%/helpers/flooder \
	%D%/helpers/forker \
	%D%/helpers/liner \
	%D%/helpers/obedient \
	%D%/helpers/player \
	%D%/helpers/pourer \
	%D%/helpers/printer \
	%D%/helpers/reporter \
	%D%/helpers/sigcounter \
	%D%/helpers/sleeper \
	%D%/helpers/soaker \
	%D%/helpers/spinner \
	%D%/helpers/stdiner \
	%D%/helpers/stopper \
	%D%/helpers/stubborn \
	%D%/helpers/threader \
	%D%/helpers/true-er \
	%D%/helpers/twin \
	%D%/helpers/typer
test_scripts = \
	%D%/check-blocking.sh \
	%D%/check-calls.sh \
	%D%/check-child.sh \
	%D%/check-cluster.sh \
	%D%/check-completions.sh \
	%D%/check-consumer.sh \
	%D%/check-cookbook.sh \
	%D%/check-exports.sh \
	%D%/check-hardening.sh \
	%D%/check-hazards.sh \
	%D%/check-headers.sh \
	%D%/check-hosts.sh \
	%D%/check-man.sh \
	%D%/check-pairs.sh \
	%D%/check-pictures.sh \
	%D%/check-planting.sh \
	%D%/check-probes.sh \
	%D%/check-requirements.sh \
	%D%/check-style.sh

# What a variant runs: what depends on how it was compiled, and not the scripts that look at the sources.
program_tests = $(filter-out %.sh,$(TESTS)) examples/run-examples.sh examples/job_server/check-server.sh

TESTS += $(test_scripts)
if HAVE_CUNIT
check_PROGRAMS += $(test_programs) $(test_helpers)
TESTS += $(test_programs)
if BUILD_TOOL
check_PROGRAMS += $(tool_programs)
TESTS += $(tool_programs)
endif
if HAVE_CXX
check_PROGRAMS += %D%/test_cpp
TESTS += %D%/test_cpp
endif
else
check-local:
	@echo 'The tests need CUnit: install libcunit1-dev and run configure again.' >&2; exit 1
endif

# The core with test/fault.c in place of mem.c and sys.c, and the runner: one archive, in which ld finds all of it.
check_LTLIBRARIES += %D%/libtesting.la
%C%_libtesting_la_SOURCES = \
	%D%/asleep.c %D%/asleep.h \
	%D%/blocked.c %D%/blocked.h \
	%D%/books.c %D%/books.h \
	%D%/children.c \
	%D%/coverage.c \
	%D%/dump.c %D%/dump.h \
	%D%/fault.c %D%/fault.h \
	%D%/filter.c %D%/filter.h \
	%D%/hostile.c %D%/hostile.h \
	%D%/leaks.c %D%/leaks.h \
	%D%/lines.c %D%/lines.h \
	%D%/streams.c %D%/streams.h \
	%D%/test.c %D%/test.h \
	%D%/thread.c %D%/thread.h \
	%D%/torture.c %D%/torture.h \
	%D%/writing.c %D%/writing.h
if BUILD_TOOL
%C%_libtesting_la_SOURCES += %D%/tool.c %D%/tool.h
endif
%C%_libtesting_la_CPPFLAGS = $(AM_CPPFLAGS) $(CUNIT_CFLAGS) $(JANSSON_CFLAGS)
%C%_libtesting_la_LIBADD = lib/libtend-core.la
LDADD = %D%/libtesting.la $(CUNIT_LIBS) $(URCU_LIBS) $(JANSSON_LIBS)
%C%_test_cpp_SOURCES = %D%/test_cpp.cpp
%C%_test_soak_SOURCES = %D%/test_soak.c %D%/soak_job.c %D%/soak.h
%C%_test_line_property_SOURCES = %D%/test_line_property.c fuzz/line_oracle.c fuzz/line_oracle.h
%C%_test_torture_SOURCES = \
	%D%/test_torture.c \
	%D%/torture_scenarios.h \
	%D%/torture_spawn.c \
	%D%/torture_stream.c
# The commands themselves, linked with test/fault.c.
linked_tool = \
	tools/cmd_run.c \
	tools/cmd_up.c \
	tools/duration.c \
	tools/init.c \
	tools/io.c \
	tools/last_words.c \
	tools/moment.c \
	tools/notify.c \
	tools/options.c \
	tools/procfile.c \
	tools/run_life.c \
	tools/run_lines.c \
	tools/run_options.c \
	tools/run_report.c \
	tools/run_signals.c \
	tools/run_specs.c \
	tools/run_streams.c \
	tools/run_watch.c \
	tools/say.c \
	tools/signal_name.c \
	tools/up.c \
	tools/up_options.c \
	tools/words.c
%C%_test_torture_tool_SOURCES = %D%/test_torture_tool.c $(linked_tool)
%C%_test_torture_tool_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) -iquote$(top_srcdir)/tools
%C%_test_tool_parent_SOURCES = %D%/test_tool_parent.c $(linked_tool)
%C%_test_tool_parent_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) -iquote$(top_srcdir)/tools
%D%/test_tool%: private AM_CPPFLAGS += $(JANSSON_CFLAGS)

# What the checks of doc/CLUSTER.md run: the command, with the guardian of this tree, as the other one finds only what
# is installed; and the processes that it has to end.
cluster_programs = %D%/cluster/tend %D%/cluster/tree
EXTRA_PROGRAMS += $(cluster_programs)
CLEANFILES += $(cluster_programs)
%C%_cluster_tend_SOURCES = $(linked_tool) tools/cmd_doctor.c tools/tend.c lib/mem.c lib/sys.c
%C%_cluster_tend_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) -DGUARDIAN_PATH='"$(abs_builddir)/lib/tend-guardian"'
%C%_cluster_tend_LDADD = lib/libtend-core.la $(URCU_LIBS) $(JANSSON_LIBS)
%C%_cluster_tree_LDADD =

# Children are plain programs: a sanitizer would change how they crash and what they leave open.
%D%/helpers/%: private SANITIZER_CFLAGS =
%D%/helpers/%: private LDADD =

EXTRA_DIST += \
	$(test_scripts) \
	%D%/analysis.h \
	%D%/asan.supp \
	%D%/check-cross.sh \
	%D%/check-defects.sh \
	%D%/check-orders.sh \
	%D%/check-packages.sh \
	%D%/checks.sh \
	%D%/cluster/check-container.sh \
	%D%/cluster/check-slurm.sh \
	%D%/cluster/check-systemd.sh \
	%D%/cluster/common.sh \
	%D%/coverage.awk \
	%D%/coverage.ld \
	%D%/coverage.list \
	%D%/coverage.sh \
	%D%/helpers/helper.h \
	%D%/helpers/player.h \
	%D%/hosts/malloc.c \
	%D%/hosts/plain.c \
	%D%/hosts/plugin.c \
	%D%/hosts/scenario.c \
	%D%/hosts/scenario.h \
	%D%/loop.sh \
	%D%/man/driver.h \
	%D%/man/tend.hpp.3.cpp \
	%D%/man/tend_base.3.c \
	%D%/man/tend_child.3.c \
	%D%/man/tend_consume.3.c \
	%D%/man/tend_error.3.c \
	%D%/man/tend_kernel.3.c \
	%D%/man/tend_line.3.c \
	%D%/man/tend_process.3.c \
	%D%/man/tend_restart.3.c \
	%D%/man/tend_spawn.3.c \
	%D%/man/tend_stop.3.c \
	%D%/man/tend_stream.3.c \
	%D%/man/tend_write.3.c \
	%D%/requirements.list \
	%D%/static.list \
	%D%/static.sh \
	%D%/variant.sh \
	%D%/controls/blocking/good.map \
	%D%/controls/blocking/good.md \
	%D%/controls/blocking/test_good.c \
	%D%/controls/calls/clean.c \
	%D%/controls/calls/shell.c \
	%D%/controls/calls/shell_path.c \
	%D%/controls/calls/temporary.c \
	%D%/controls/child/calls_libc.c \
	%D%/controls/child/clean.c \
	%D%/controls/child/instrumented.c \
	%D%/controls/child/thread_local.c \
	%D%/controls/consumer/broken.md \
	%D%/controls/consumer/failing.md \
	%D%/controls/cookbook/first.c \
	%D%/controls/cookbook/good.md \
	%D%/controls/cookbook/run.sh \
	%D%/controls/cookbook/second.c \
	%D%/controls/coverage/absent.list \
	%D%/controls/coverage/called.list \
	%D%/controls/coverage/good.list \
	%D%/controls/coverage/reached.list \
	%D%/controls/coverage/silent.list \
	%D%/controls/coverage/unexplained.list \
	%D%/controls/coverage/unit.gcov \
	%D%/controls/exports/absent.map \
	%D%/controls/exports/data.h \
	%D%/controls/exports/declared_only.h \
	%D%/controls/exports/globbed.map \
	%D%/controls/exports/good.c \
	%D%/controls/exports/good.h \
	%D%/controls/exports/good.map \
	%D%/controls/exports/rogue.c \
	%D%/controls/hardening/program.c \
	%D%/controls/hazards/good.md \
	%D%/controls/hazards/test_good.c \
	%D%/controls/headers/alone.h \
	%D%/controls/headers/broken.cpp \
	%D%/controls/headers/dangling.cpp \
	%D%/controls/headers/extension.h \
	%D%/controls/headers/keyword.h \
	%D%/controls/headers/needs_other.h \
	%D%/controls/headers/unguarded.h \
	%D%/controls/hosts/allocates.c \
	%D%/controls/man/broken_example.3 \
	%D%/controls/man/failing/good.3.c \
	%D%/controls/man/good.3 \
	%D%/controls/man/no_header.3 \
	%D%/controls/man/quotes.3 \
	%D%/controls/man/running/good.3.c \
	%D%/controls/man/said.h \
	%D%/controls/man/undated.3 \
	%D%/controls/man/unknown_macro.3 \
	%D%/controls/man/unsaid.h \
	%D%/controls/pairs/default.c \
	%D%/controls/pairs/far.c \
	%D%/controls/pairs/fence.c \
	%D%/controls/pairs/good_a.c \
	%D%/controls/pairs/good_b.c \
	%D%/controls/pairs/lonely.c \
	%D%/controls/pairs/misspelt.c \
	%D%/controls/pairs/nowhere.c \
	%D%/controls/pairs/untagged.c \
	%D%/controls/pairs/variable.c \
	%D%/controls/pictures/good.dot \
	%D%/controls/requirements/defects.sh \
	%D%/controls/requirements/good.list \
	%D%/controls/requirements/good.md \
	%D%/controls/requirements/test_good.c \
	%D%/controls/static/use_after_free.c \
	%D%/controls/style/good.c \
	%D%/controls/style/line_comment.c \
	%D%/controls/style/unlicensed.c \
	%D%/controls/style/wide.c

# ---- running ----

TEST_EXTENSIONS = .sh
SH_LOG_COMPILER = $(SHELL)
AM_TESTS_ENVIRONMENT = \
	CC='$(CC)'; export CC; \
	NM='$(NM)'; export NM; \
	HARDENING='$(HARDENING)'; export HARDENING; \
	MANDOC='$(MANDOC)'; export MANDOC; \
	PROBES='$(have_probes)'; export PROBES; \
	MICROHTTPD_CFLAGS='$(MICROHTTPD_CFLAGS)'; export MICROHTTPD_CFLAGS; \
	MICROHTTPD_LIBS='$(MICROHTTPD_LIBS)'; export MICROHTTPD_LIBS; \
	MAKE='$(MAKE)'; export MAKE; \
	VERSION='$(PACKAGE_VERSION)'; export VERSION; \
	top_srcdir='$(abs_top_srcdir)'; export top_srcdir; \
	top_builddir='$(abs_top_builddir)'; export top_builddir; \
	TEND_HELPERS='$(abs_builddir)/%D%/helpers'; export TEND_HELPERS; \
	TEND_TOOL='$(abs_builddir)/tools/tend$(EXEEXT)'; export TEND_TOOL; \
	EXAMPLES_DIR='$(abs_builddir)/examples'; export EXAMPLES_DIR; \
	ASAN_OPTIONS="suppressions=$(abs_top_srcdir)/%D%/asan.supp:detect_stack_use_after_return=1:$$ASAN_OPTIONS"; \
	export ASAN_OPTIONS; \
	UBSAN_OPTIONS="print_stacktrace=1:$$UBSAN_OPTIONS"; export UBSAN_OPTIONS; \
	TSAN_OPTIONS="second_deadlock_stack=1:atexit_sleep_ms=50:$$TSAN_OPTIONS"; export TSAN_OPTIONS;

# ---- variants: the same sources, compiled otherwise, each in build-NAME/ ----

VALGRIND_FLAGS = --quiet --error-exitcode=1 --leak-check=full --errors-for-leak-kinds=definite --fair-sched=yes \
	--child-silent-after-fork=yes
LOOPS = 100

variant = +@MAKE='$(MAKE)' CC='$(CC)' VALGRIND_FLAGS='$(VALGRIND_FLAGS)' $(SHELL) $(srcdir)/%D%/variant.sh

# Counters that hold what raw copies of a process do as well, see test/coverage.c; gcc's alone are like that.
COVERAGE_COMPILE = -g -O0 --coverage -fprofile-update=atomic -fdata-sections \
	-fno-builtin-fork -fno-builtin-execv -fno-builtin-execve -fno-builtin-execvp -fno-builtin-execl
COVERAGE_LINK = -Wl,-T,$(abs_top_srcdir)/%D%/coverage.ld -Wl,-u,tend_counters_share

.PHONY: check-programs check-asan check-tsan check-valgrind check-clang check-loop check-defects check-orders \
	check-torture check-systemd check-container check-slurm soak load check-static check-packages check-cross \
	coverage coverage-programs coverage-report
check-programs: all
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(program_tests)'

check-asan:
	$(variant) asan check-programs $(VARIANT_FLAGS) --enable-sanitizer=address,undefined

check-tsan:
	$(variant) tsan check-programs $(VARIANT_FLAGS) --enable-sanitizer=thread

check-valgrind:
	$(variant) valgrind check-programs $(VARIANT_FLAGS)

check-clang:
	$(variant) clang check $(VARIANT_FLAGS) CC=clang

# Random children for a long time; SOAK says how long, in seconds, SOAK_SEED what is drawn.
SOAK = 600
SOAK_SEED = 1
soak: %D%/test_soak $(test_helpers)
	$(AM_TESTS_ENVIRONMENT) SOAK=$(SOAK) SOAK_SEED=$(SOAK_SEED) %D%/test_soak

# Much at once; the figures are this machine's.
load: %D%/test_load $(test_helpers)
	$(AM_TESTS_ENVIRONMENT) LOAD=full %D%/test_load

# The i-th failure of everything that can fail; TORTURE_ONLY=SCENARIO[:CALL[:I[:ERROR[:MODE]]]] for these points alone.
torture_programs = %D%/test_torture
if BUILD_TOOL
torture_programs += %D%/test_torture_tool
endif
check-torture: $(torture_programs) $(test_helpers)
	@$(AM_TESTS_ENVIRONMENT) r=0; for program in $(torture_programs); do ./$$program --all || r=1; done; exit $$r

# What gcc -fanalyzer, clang-tidy and cppcheck find, each where it is installed (3 minutes).
check-static:
	@$(AM_TESTS_ENVIRONMENT) CPPFLAGS='$(URCU_CFLAGS) $(JANSSON_CFLAGS)'; export CPPFLAGS; \
	$(SHELL) $(srcdir)/%D%/static.sh

# The Debian packages and the release, built and used in clean roots: as root, on Debian (5 minutes).
check-packages:
	@$(AM_TESTS_ENVIRONMENT) $(SHELL) $(srcdir)/%D%/check-packages.sh

# Compiled for arm64 and armhf, and run by qemu, each where the tools for it are (tools/install-deps cross; 2 minutes).
check-cross:
	@$(AM_TESTS_ENVIRONMENT) $(SHELL) $(srcdir)/%D%/check-cross.sh

# How much of lib/ is reached by the tests and by all failures of check-torture, by file; fails where test/coverage.list
# does not say why something is not.
coverage:
	$(variant) coverage coverage-programs $(VARIANT_FLAGS) --enable-debug --disable-hardening \
		CFLAGS='$(COVERAGE_COMPILE)' CXXFLAGS='$(COVERAGE_COMPILE)' LDFLAGS='$(COVERAGE_LINK)'

coverage-programs:
	find . -name '*.gcda' -exec rm -f {} + ; rm -f %D%/*.counters
	status=0; $(MAKE) $(AM_MAKEFLAGS) check-programs || status=$$?; \
	$(MAKE) $(AM_MAKEFLAGS) check-torture || status=$$?; \
	$(MAKE) $(AM_MAKEFLAGS) coverage-report && exit $$status

coverage-report:
	@$(AM_TESTS_ENVIRONMENT) $(SHELL) $(srcdir)/%D%/coverage.sh

check-loop: $(loop_programs) $(test_helpers)
	@$(AM_TESTS_ENVIRONMENT) $(SHELL) $(srcdir)/%D%/loop.sh $(LOOPS) $(loop_programs)

# What doc/CLUSTER.md says, on real engines of this machine, as root (half a minute, and three minutes for Slurm).
check-systemd check-container check-slurm: $(cluster_programs) lib/tend-guardian
	@$(AM_TESTS_ENVIRONMENT) $(SHELL) $(srcdir)/%D%/cluster/$@.sh || test $$? = 77

# Known defects, planted one by one: does a test see each?  DEFECTS='OE-1 OE-5' for these alone.
DEFECTS =
check-defects: $(test_helpers)
	@$(AM_TESTS_ENVIRONMENT) CPPFLAGS='$(URCU_CFLAGS) $(CUNIT_CFLAGS)'; export CPPFLAGS; \
	LIBS='$(URCU_LIBS) $(CUNIT_LIBS) -lpthread'; export LIBS; \
	$(SHELL) $(srcdir)/%D%/check-defects.sh $(DEFECTS)

# Each memory order of the core, weakened: does a test see it?  ORDERS='chan.c take_plain' for those rows alone.
ORDERS =
check-orders: $(test_helpers)
	@$(AM_TESTS_ENVIRONMENT) CPPFLAGS='$(URCU_CFLAGS) $(CUNIT_CFLAGS)'; export CPPFLAGS; \
	LIBS='$(URCU_LIBS) $(CUNIT_LIBS) -lpthread'; export LIBS; \
	$(SHELL) $(srcdir)/%D%/check-orders.sh '$(ORDERS)'

clean-local:
	-rm -rf build-asan build-tsan build-valgrind build-clang build-coverage build-fuzz
