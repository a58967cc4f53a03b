#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds the targets for libFuzzer in build-fuzz/ and lets each run.  The inputs that it finds worth keeping stay in
# build-fuzz-corpus/, for the next run; one that goes wrong is named at the end, and replay_TARGET FILE shows it again.
#
# usage: fuzz.sh "TARGET..." SECONDS VARIANT-COMMAND...      in a build directory; FUZZ_CC and top_srcdir are set
set -eu
targets=$1
seconds=$2
shift 2

missing()
{
	echo "fuzz: $1" >&2
	exit 1
}

command -v "${FUZZ_CC%% *}" >/dev/null || missing "there is no $FUZZ_CC: install clang (Debian: clang), or set FUZZ_CC"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM
echo 'int LLVMFuzzerTestOneInput(const char *s, unsigned long n) { return !s && n; }' >"$scratch/a.c"
$FUZZ_CC -fsanitize=fuzzer,address,undefined "$scratch/a.c" -o "$scratch/a.out" 2>"$scratch/said" || {
	cat "$scratch/said" >&2
	missing "$FUZZ_CC has no libFuzzer: install clang's runtime (Debian: libclang-rt-dev), or set FUZZ_CC"
}

"$@"
for target in $targets; do
	kept=build-fuzz-corpus/$target
	mkdir -p "$kept"
	echo "fuzz: $target, $seconds s"
	# Short inputs: a state that needs a long one is rare, and many runs find more than long ones.
	set -- -max_total_time="$seconds" -max_len=512 -timeout=20 -artifact_prefix="$kept-" -verbosity=0 \
		-print_final_stats=1
	[ ! -f "$top_srcdir/fuzz/$target.dict" ] || set -- "$@" -dict="$top_srcdir/fuzz/$target.dict"
	"build-fuzz/fuzz/fuzz_$target" "$@" "$kept" "$top_srcdir/fuzz/corpus/$target"
done
