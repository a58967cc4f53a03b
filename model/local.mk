# SPDX-License-Identifier: MIT
# Interleaving explorers.  A script named here builds what it explores by itself, from the library's sources, and proves
# itself on planted bugs.  "make check" runs it with a part of these, "make check-model" with all.

model_scripts = %D%/check-model.sh

TESTS += $(model_scripts)
EXTRA_DIST += \
	$(model_scripts) \
	%D%/build.sh \
	%D%/descriptors.c \
	%D%/explore.c %D%/explore.h \
	%D%/heap.c %D%/heap.h \
	%D%/hook.h \
	%D%/instrument.c \
	%D%/locals.c %D%/locals.h \
	%D%/memory.c %D%/memory.h \
	%D%/model_attach.c \
	%D%/model_chan.c \
	%D%/model_consume.c \
	%D%/model_end.c \
	%D%/model_pool.c \
	%D%/mutants.sh \
	%D%/order.c %D%/order.h \
	%D%/planted.sh \
	%D%/program.c \
	%D%/states.c %D%/states.h \
	%D%/streams.c %D%/streams.h \
	%D%/stub/urcu/urcu-mb.h \
	%D%/system.c %D%/system.h

.PHONY: check-model
check-model: all
	PLANTED=all $(MAKE) $(AM_MAKEFLAGS) check TESTS='$(model_scripts)'
