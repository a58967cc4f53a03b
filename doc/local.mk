# SPDX-License-Identifier: MIT
# Man pages, one per public header and tend.7 for the model (tend.1 goes with the tool), and what developers read.

dist_man_MANS += \
	%D%/man/tend.hpp.3 \
	%D%/man/tend_base.3 \
	%D%/man/tend_child.3 \
	%D%/man/tend_consume.3 \
	%D%/man/tend_error.3 \
	%D%/man/tend_kernel.3 \
	%D%/man/tend_line.3 \
	%D%/man/tend_process.3 \
	%D%/man/tend_restart.3 \
	%D%/man/tend_spawn.3 \
	%D%/man/tend_stop.3 \
	%D%/man/tend_stream.3 \
	%D%/man/tend_write.3 \
	%D%/man/tend.7
EXTRA_DIST += \
	%D%/ARCHITECTURE.md \
	%D%/BLOCKING.md \
	%D%/CLUSTER.md \
	%D%/CONCURRENCY.md \
	%D%/COOKBOOK.md \
	%D%/HAZARDS.md \
	%D%/MIGRATION.md \
	%D%/PORTABILITY.md \
	%D%/PROBES.md \
	%D%/RELIABILITY.md \
	%D%/REQUIREMENTS.md \
	%D%/SECURITY.md \
	%D%/benchmarks \
	%D%/decisions/0001-durations-are-tagged.md \
	%D%/decisions/0002-collected-output-belongs-to-the-process.md \
	%D%/decisions/0003-cancel-says-how.md \
	%D%/decisions/0004-free-of-a-consumer-does-not-wait.md \
	%D%/decisions/0005-one-park-for-all-full-channels.md \
	%D%/decisions/0006-consumers-on-the-readers-thread.md \
	%D%/decisions/0007-writers-write-batches-of-records.md \
	%D%/decisions/0008-bytes-for-stdin-need-no-thread.md \
	%D%/decisions/0009-a-busy-program-is-waited-for-in-the-child.md \
	%D%/decisions/0010-survivors-are-the-spawns-policy.md \
	%D%/decisions/0011-cpp-is-one-header-over-the-c-functions.md \
	$(pictures:=.dot) \
	$(pictures:=.svg)

# Drawn with graphviz from the text beside them; test/check-pictures.sh compares both.
pictures = \
	%D%/pictures/consumer \
	%D%/pictures/process \
	%D%/pictures/reader \
	%D%/pictures/stop \
	%D%/pictures/threads
.PHONY: pictures
pictures:
	cd $(srcdir) && for picture in $(pictures); do dot -Tsvg $$picture.dot -o $$picture.svg || exit; done
