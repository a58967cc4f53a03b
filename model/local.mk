# SPDX-License-Identifier: MIT
# Interleaving explorers.  A script named here builds what it explores by itself, from the library's sources, and proves
# itself on planted bugs; "make check" runs it, and "make check-model" runs it alone.

model_scripts = %D%/check-model.sh

TESTS += $(model_scripts)
EXTRA_DIST += \
	$(model_scripts) \
	%D%/build.sh \
	%D%/explore.c \
	%D%/explore.h \
	%D%/hook.h \
	%D%/model_chan.c \
	%D%/mutants.sh

.PHONY: check-model
check-model: all
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(model_scripts)'
