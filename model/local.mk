# SPDX-License-Identifier: MIT
# The interleaving explorer.  Scripts build it, with the plain compiler: under a sanitizer its threads, which are no threads,
# would say nothing, and its mutants are sources that no Makefile knows.

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
