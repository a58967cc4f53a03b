#!/bin/sh
# SPDX-License-Identifier: MIT
# The library and the tool, compiled for arm64 and for armhf, which has 32 bits, each where there are a cross compiler,
# qemu and liburcu for it (tools/install-deps cross); README's example and the tool are run by qemu.
#
# What that shows is limited.  qemu's user mode knows neither clone(2) with CLONE_PIDFD or CLONE_VFORK nor clone3(2), so
# that children are made by the ways that the library has for old kernels; "tend doctor" says so below.  A child is a
# program of this machine, not of the emulated one, and so the guardian cannot be started.
. "$(dirname "$0")/checks.sh"

# What is there by these names compiles for this machine.
unset MAKEFLAGS MFLAGS MAKELEVEL NM CXX AR
: "${MAKE:=make}"
: "${READELF:=readelf}"
targets=0

# target TRIPLET QEMU MACHINE [CFLAG...]: what is to be built, and what readelf calls its machine
target()
{
	triplet=$1
	qemu=$2
	machine=$3
	shift 3
	PKG_CONFIG_LIBDIR=/usr/lib/$triplet/pkgconfig
	export PKG_CONFIG_LIBDIR
	for tool in "$triplet-gcc" "$qemu"; do
		command -v "$tool" >/dev/null 2>&1 && continue
		echo "not looked at: $triplet, as there is no $tool"
		return
	done
	pkg-config --exists liburcu-mb || { echo "not looked at: $triplet, as there is no liburcu for it"; return; }
	targets=$((targets + 1))
	dir=$work/$triplet
	mkdir -p "$dir/app"
	check_target "$@"
}

# builds CFLAG...: without the tool where there is no jansson for it
builds()
{
	pkg-config --exists jansson && tool=yes || tool=no
	(
		cd "$dir" &&
			"$work/source/configure" --quiet --host="$triplet" --prefix="$dir/prefix" \
				--enable-tool="$tool" --enable-werror CC="$triplet-gcc" CFLAGS="-O1 $*" 2>configured &&
			$MAKE -s -j2 install
	)
}

# is_for MACHINE FILE
is_for()
{
	$READELF -h "$2" | grep "Machine: *$1\$" || { echo "$2 is not for $1"; return 1; }
}

emulated()
{
	"$qemu" -E LD_LIBRARY_PATH="$dir/prefix/lib" "$@"
}

# example_prints EXPECTED
# shellcheck disable=SC2086 # flags are several words
example_prints()
{
	(
		cd "$dir/app" &&
			flags=$(PKG_CONFIG_PATH=$dir/prefix/lib/pkgconfig pkg-config --cflags --libs tend) &&
			"$triplet-gcc" example.c $flags -o example &&
			emulated ./example >printed </dev/null && diff "$1" printed
	)
}

# exits STATUS ARGUMENT...: of the tool
exits()
{
	wanted=$1
	shift
	status=0
	emulated "$dir/prefix/bin/tend" "$@" </dev/null || status=$?
	[ "$status" = "$wanted" ] || { echo "exit status $status, not $wanted"; return 1; }
}

check_target()
{
	accepts "$triplet: it is built" builds "$@"
	[ -f "$dir/prefix/lib/libtend.so" ] || return
	refuses "$triplet: a program of this machine" 'is not for' is_for "$machine" "$work/native"
	accepts "$triplet: the library is for it" is_for "$machine" "$dir/prefix/lib/libtend.so"
	cp "$work/example.c" "$dir/app"
	refuses "$triplet: an example that prints something else" '^< something else' example_prints "$work/else"
	accepts "$triplet: README's example compiles and runs" example_prints "$work/expected"
	[ -x "$dir/prefix/bin/tend" ] || { echo "not looked at: $triplet: the tool, as there is no jansson"; return; }
	refuses "$triplet: another exit status" 'exit status 3, not 0' exits 0 run -- sh -c 'exit 3'
	accepts "$triplet: the exit status is passed on" exits 3 run -- sh -c 'exit 3'
	accepts "$triplet: a time-out stops a command" exits 124 run --timeout 100ms --stop TERM:9s -- sleep 60
	accepts "$triplet: a time-out of a century is none" exits 0 run --timeout 876000h -- sleep 0.2
	truncate -s 3G "$dir/large"
	accepts "$triplet: a large file is opened as a log" exits 0 run --log "$dir/large" -- echo logged
	refuses "$triplet: a log that says something else" '^> logged' sh -c 'echo other | diff - "$1"' sh "$dir/large"
	accepts "$triplet: it is cut first" sh -c 'echo logged | diff - "$1"' sh "$dir/large"
	emulated "$dir/prefix/bin/tend" doctor </dev/null | sed 's/^/  /'
}

echo 'int main(void) { return 0; }' >"$work/native.c"
$CC "$work/native.c" -o "$work/native" || exit 99
example "$top_srcdir/README.md" >"$work/example.c" && expected "$top_srcdir/README.md" >"$work/expected" || exit 99
echo 'something else' >"$work/else"
(cd "$top_builddir" && $MAKE -s distdir distdir="$work/source") || exit 99
target aarch64-linux-gnu qemu-aarch64 AArch64
target arm-linux-gnueabihf qemu-arm ARM
[ "$targets" != 0 ] || skip 'nothing to compile for another architecture with: tools/install-deps cross'
finish
