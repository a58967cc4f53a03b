#!/bin/sh
# SPDX-License-Identifier: MIT
# A program outside the tree: README's example, as it stands there, compiled against an installed prefix with nothing
# but
#     cc example.c $(pkg-config --cflags --libs tend)
# and run; the same with the static library; and, where there is CMake, with README's CMakeLists.txt, after the
# installed tree was moved.  The library is built once more for this, from what "make dist" would pack, with the prefix
# it then has.
. "$(dirname "$0")/checks.sh"

unset MAKEFLAGS MFLAGS MAKELEVEL
: "${MAKE:=make}"
: "${VERSION:=$(sed -n 's/^#define TEND_VERSION_[A-Z]* //p' "$top_srcdir/include/tend/base.h" | paste -sd .)}"
export CC
prefix=$work/prefix

# README's CMakeLists.txt.
lists()
{
	awk '/^```cmake$/ { at = 1; next } /^```/ && at { exit } at { print; found = 1 } END { exit !found }' "$1"
}

# compiles DIRECTORY [ARGUMENT...]: the arguments are pkg-config's.
linkage=
# shellcheck disable=SC2086 # flags are several words
compiles()
{
	(
		cd "$1" && shift &&
			flags=$(PKG_CONFIG_PATH=$prefix/lib/pkgconfig pkg-config "$@" --cflags --libs tend) &&
			$CC example.c $linkage $flags -o example
	)
}

# The archives of libc and liburcu are not everywhere.
has_archives()
{
	echo 'int main(void) { return 0; }' >"$work/archives.c"
	# shellcheck disable=SC2046,SC2086
	$CC -static "$work/archives.c" $(pkg-config --static --libs liburcu-mb) -o "$work/archives" 2>/dev/null
}

# cmake_builds DIRECTORY [ARGUMENT...]: the arguments are CMake's.
cmake_builds()
{
	(
		cd "$1" && shift && rm -rf build &&
			cmake -S . -B build -DCMAKE_PREFIX_PATH="$prefix" "$@" &&
			cmake --build build && cp build/example .
	)
}

# finds VERSION [BYTES]: find_package takes what is installed for this version, with pointers of so many bytes.
finds()
{
	mkdir -p "$work/finds" &&
		printf '%s\n' 'cmake_minimum_required(VERSION 3.10)' 'project(finds NONE)' \
			"set(CMAKE_SIZEOF_VOID_P ${2-})" "find_package(tend $1 REQUIRED)" \
			>"$work/finds/CMakeLists.txt" &&
		cmake -S "$work/finds" -B "$work/finds/build" -DCMAKE_PREFIX_PATH="$prefix"
}

runs()
{
	(cd "$1" && LD_LIBRARY_PATH=$prefix/lib ./example </dev/null >printed 2>complained) || {
		echo "exit status $?"
		cat "$1/printed" "$1/complained"
		return 1
	}
	[ -s "$1/printed" ] || { echo 'it printed nothing'; return 1; }
	[ ! -f "$1/expected" ] || diff "$1/expected" "$1/printed"
}

install_copy()
{
	(cd "$top_builddir" && $MAKE -s distdir distdir="$work/source") &&
		mkdir "$work/build" &&
		(cd "$work/build" &&
			../source/configure --quiet --prefix="$prefix" --libdir="$prefix/lib" --disable-tool \
				--enable-static CC="$CC" CFLAGS=-O1 &&
			$MAKE -s -j2 install)
}

accepts 'it installs to a prefix' install_copy
[ "$failed" = 0 ] || finish

mkdir "$work/app" "$work/broken" "$work/failing"
accepts 'README has a block whose first line names example.c' example "$top_srcdir/README.md"
cp "$work/said" "$work/app/example.c"
expected "$top_srcdir/README.md" >"$work/app/expected" || rm -f "$work/app/expected"
example "$controls/consumer/broken.md" >"$work/broken/example.c"
example "$controls/consumer/failing.md" >"$work/failing/example.c"
expected "$controls/consumer/failing.md" >"$work/failing/expected"

refuses 'an example that uses what is not public' 'tend__' compiles "$work/broken"
accepts 'control: an example that compiles' compiles "$work/failing"
refuses 'an example that prints something else' '^> something else' runs "$work/failing"
accepts 'the example compiles' compiles "$work/app"
accepts 'the example runs' runs "$work/app"

check_static()
{
	linkage=-static
	rm "$work/app/example"
	refuses 'the static library without what it needs' 'urcu' compiles "$work/app"
	accepts 'the example compiles with the static library' compiles "$work/app" --static
	accepts 'the example runs with the static library' runs "$work/app"
}

# The tree is moved first, so that nothing is found by the prefix that it was made for.
check_cmake()
{
	mv "$prefix" "$work/moved"
	prefix=$work/moved
	mkdir "$work/cmake" "$work/linked" && cp "$work/app/example.c" "$work/app/expected" "$work/cmake"
	accepts 'README has a CMakeLists.txt' lists "$top_srcdir/README.md"
	cp "$work/said" "$work/cmake/CMakeLists.txt"
	cp "$work/said" "$work/broken/CMakeLists.txt"
	refuses 'an example that uses what is not public, with CMake' 'tend__' cmake_builds "$work/broken"
	accepts 'the example compiles with CMake' cmake_builds "$work/cmake"
	accepts 'the example runs, compiled with CMake' runs "$work/cmake"
	ln -s "$prefix/lib" "$work/linked/lib"
	accepts 'CMake finds it by a link to its lib/' cmake_builds "$work/cmake" -DCMAKE_PREFIX_PATH="$work/linked"
	check_cmake_versions
	check_cmake_static
}

# "0.1.0" and what is written of it: 0.1, 0.
check_cmake_versions()
{
	major=${VERSION%%.*}
	minor=${VERSION#*.}
	minor=${minor%%.*}
	for wanted in '' "$major" "$major.$minor" "$VERSION" "$VERSION EXACT" "0.0...$VERSION"; do
		accepts "CMake finds version \"$wanted\"" finds "$wanted"
	done
	for wanted in "$major.$((minor + 1))" "$((major + 1))" "$VERSION.1" "0.0...<$VERSION" "$((major + 1))...99"; do
		refuses "version $wanted" 'not accepted' finds "$wanted"
	done
	[ "$major" != 0 ] || [ "$minor" = 0 ] || refuses 'version 0.0, of another interface' 'not accepted' finds 0.0
	refuses 'another word size' 'bits' finds '' 2
}

check_cmake_static()
{
	accepts 'CMake takes the static library when told to' cmake_builds "$work/cmake" -Dtend_USE_STATIC_LIBS=ON
	rm "$prefix"/lib/libtend.so*
	accepts 'the example runs without the shared one' runs "$work/cmake"
	accepts 'CMake takes the static library where there is no other' cmake_builds "$work/cmake"
	accepts 'the example runs with that one' runs "$work/cmake"
	rm "$prefix/lib/libtend.a"
	refuses 'a prefix without the library' 'is not in' cmake_builds "$work/cmake"
}

if has_archives; then
	check_static
else
	echo 'not looked at: static linking, as there is no static libc or liburcu'
fi
if command -v cmake >/dev/null 2>&1; then
	check_cmake
else
	echo 'not looked at: find_package, as there is no cmake'
fi
finish
