#!/bin/sh
# SPDX-License-Identifier: MIT
# The Debian packages and the release, used where nothing of this machine can help: built from what "make dist" packs,
# looked at by lintian, installed in a root that debootstrap has just made, and used there by the packages' own tests.
# In another such root, without autoconf, automake and libtool, the release is configured and built.
#
# Roots are this machine's release of Debian; DEBIAN_MIRROR says where from.  Each command in one has a mount and a PID
# namespace of its own, so that neither mounts nor processes of it are left behind.
. "$(dirname "$0")/checks.sh"

unset MAKEFLAGS MFLAGS MAKELEVEL
: "${MAKE:=make}"
: "${VERSION:?}"
base=$work/base
root=$work/root
debian=$top_srcdir/debian
suite=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)

[ -d "$debian" ] || skip 'debian/ is in a checkout only, not in a release'
[ "$(id -u)" = 0 ] || skip 'only root can make a root'
for tool in dpkg-buildpackage dh lintian debootstrap unshare; do
	command -v $tool >/dev/null 2>&1 || skip "there is no $tool: tools/install-deps packages"
done

# ---- building ----

same_version()
{
	(cd "$1/.." && dpkg-parsechangelog -S Version) | grep -q "^$VERSION-[0-9]*\$" ||
		{ echo "$1/changelog is not of version $VERSION"; return 1; }
}

pack()
{
	(cd "$top_builddir" && $MAKE -s dist-gzip) &&
		mkdir "$work/source" &&
		cp "$top_builddir/libtend-$VERSION.tar.gz" "$work/source/libtend_$VERSION.orig.tar.gz"
}

# With the tests of the library where they are asked for: DEB_BUILD_OPTIONS='parallel=2'.
build()
{
	DEB_BUILD_OPTIONS=${DEB_BUILD_OPTIONS-nocheck}
	case $DEB_BUILD_OPTIONS in *nocheck*) DEB_BUILD_PROFILES=nocheck ;; *) DEB_BUILD_PROFILES= ;; esac
	export DEB_BUILD_OPTIONS DEB_BUILD_PROFILES
	(cd "$work/source" && tar xf "libtend_$VERSION.orig.tar.gz" && cp -R "$debian" "libtend-$VERSION" &&
		cd "libtend-$VERSION" && dpkg-buildpackage -us -uc)
}

clean()
{
	lintian --allow-root --display-info --fail-on error,warning,info "$@"
}

# package NAME: its file
package()
{
	echo "$work/source/$1"_*_"$(dpkg --print-architecture)".deb
}

# What is installed beside the same package for another architecture has this one in its path, or is the same file.
beside_another()
{
	dpkg-deb --fsys-tarfile "$1" | tar t | grep -v '/$' |
		grep -v -e "/$(dpkg-architecture -qDEB_HOST_MULTIARCH)/" -e '^./usr/include/' -e '^./usr/share/' &&
		{ echo "$1: in the way of another architecture"; return 1; }
	return 0
}

# Until 1.0 nothing that was built with one release runs with another.
needs_this_version()
{
	next=${VERSION%.*}.$((${VERSION##*.} + 1))
	needs=$(dpkg-deb --field "$1" Depends)
	case ", $needs," in
	*", libtend0 (>= $VERSION),"*) ;;
	*) echo "$1 would do with an older libtend0: $needs"; return 1 ;;
	esac
	case ", $needs," in
	*", libtend0 (<< $next~),"* | *", libtend0 (= $VERSION-"*) ;;
	*) echo "$1 would do with a newer libtend0: $needs"; return 1 ;;
	esac
}

# A package with next to nothing in it.
build_poor_one()
{
	mkdir -p "$work/poor/DEBIAN"
	printf '%s\n' 'Package: poor' 'Version: 1' 'Architecture: all' 'Maintainer: nobody' 'Description: poor' \
		"Depends: libtend0 (>= $VERSION)" >"$work/poor/DEBIAN/control"
	dpkg-deb --build "$work/poor" "$work/poor.deb"
}

check_building()
{
	mkdir -p "$work/other/debian"
	echo 'libtend (0.0.0-1) unstable; urgency=medium' >"$work/other/debian/changelog"
	refuses 'a changelog of another version' 'not of version' same_version "$work/other/debian"
	accepts 'the changelog is of this version' same_version "$debian"
	accepts 'make dist' pack
	accepts 'the packages are built' build
	[ "$failed" = 0 ] || finish
	build_poor_one >/dev/null
	refuses 'a package that lacks nearly everything' '^E: poor' clean "$work/poor.deb"
	accepts 'lintian finds no error, no warning and no information' clean "$work"/source/*.changes
	refuses 'a library for all versions' 'newer libtend0' needs_this_version "$work/poor.deb"
	accepts 'tend needs this version of the library' needs_this_version "$(package tend)"
	refuses 'a command in the way of another architecture' 'usr/bin/tend' beside_another "$(package tend)"
	for name in libtend0 libtend-dev; do
		accepts "$name is not in the way of another architecture" beside_another "$(package $name)"
	done
}

# ---- roots ----

make_base()
{
	debootstrap --variant=minbase "$suite" "$base" ${DEBIAN_MIRROR:+"$DEBIAN_MIRROR"}
}

new_root()
{
	rm -rf "$root" && cp -a --reflink=auto "$base" "$root"
}

# in_root COMMAND...: the shell stays as the first process of the namespace, so that the command is none.
in_root()
{
	env -i PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
		DEBIAN_FRONTEND=noninteractive AUTOPKGTEST_TMP=/tmp \
		unshare --mount --pid --fork --kill-child --propagation private sh -ec '
		root=$1
		shift
		mount -t proc proc "$root/proc"
		mount --rbind /sys "$root/sys"
		mount -t devpts -o newinstance,ptmxmode=666 devpts "$root/dev/pts"
		chroot "$root" "$@"
		exit' in_root "$root" "$@" </dev/null
}

install_in_root()
{
	in_root apt-get install -qq -y --no-install-recommends "$@"
}

# ---- the packages in a root ----

# shellcheck disable=SC2046 # several files
install_packages()
{
	mkdir "$root/debs" "$root/source" &&
		cp "$(package libtend0)" "$(package libtend-dev)" "$(package tend)" "$root/debs" &&
		cp -R "$debian" "$top_srcdir/README.md" "$root/source" &&
		install_in_root $(cd "$root" && printf '/%s ' debs/*.deb)
}

# What the packages' tests need besides the packages.
test_needs()
{
	sed -n 's/^Depends: //p' "$debian/tests/control" | tr -d ' ' | tr ',' '\n' | grep -v -e '^libtend' -e '^tend$' |
		sort -u
}

# packaged_test NAME [FILE]: FILE in place of README.md
packaged_test()
{
	[ -z "${2-}" ] || cp "$2" "$root/source/README.md"
	rm -rf "${root:?}"/tmp/*
	in_root sh -c "cd /source && sh debian/tests/$1"
	status=$?
	cp "$top_srcdir/README.md" "$root/source"
	return $status
}

page()
{
	in_root man "$1" "$2" | grep -q "$3" || { echo "man $1 $2: no $3"; return 1; }
}

# shellcheck disable=SC2046 # several packages
check_packages()
{
	accepts 'a clean root' new_root
	accepts 'the packages are installed, with what they need' install_packages
	accepts 'what their tests need is installed' install_in_root man-db $(test_needs)
	sed 's/^line 3: 3$/line 3: 4/' "$top_srcdir/README.md" >"$work/README.md"
	refuses 'an example that prints something else' '^> line 3: 3' packaged_test example "$work/README.md"
	accepts "README's example is compiled and run" packaged_test example
	accepts 'the command runs' packaged_test command
	accepts 'tend doctor' in_root sh -c 'tend doctor || [ $? = 1 ]'
	sed 's/^/  /' "$work/said"
	refuses 'a page that is not there' 'no NAME' page 1 tend-absent NAME
	accepts 'man 1 tend' page 1 tend 'tend doctor'
	accepts 'man 7 tend' page 7 tend tend_spawn
	accepts 'man 3 tend_spawn' page 3 tend_spawn TEND_IN_NULL
	accepts 'the packages are removed' in_root apt-get purge -qq -y libtend0 libtend-dev tend
	refuses 'an example without the library' 'tend' packaged_test example
	refuses 'a command that is gone' 'not found' packaged_test command
}

# ---- the release in a root ----

# autotools_absent COMMAND...: the command runs a shell in the root in question.
autotools_absent()
{
	"$@" sh -c 'for tool in autoconf autoreconf automake aclocal libtoolize libtool; do
		! command -v $tool || exit 1; done'
}

unpack()
{
	install_in_root gcc libc6-dev make pkg-config liburcu-dev libjansson-dev &&
		tar xf "$work/source/libtend_$VERSION.orig.tar.gz" -C "$root"
}

in_release()
{
	in_root sh -ec "cd /libtend-$VERSION && $1"
}

check_release()
{
	accepts 'another clean root' new_root
	accepts 'the release is unpacked, and a compiler installed' unpack
	refuses 'a machine on which configure was made' 'autoconf' autotools_absent env
	accepts 'no autotools are there' autotools_absent in_root
	accepts 'the release is configured' in_release './configure -q'
	accepts 'the release is built' in_release "make -s -j$(nproc)"
	accepts 'what was built runs' in_release '[ "$(tools/tend run -- echo built)" = built ]'
	accepts 'the release is installed' in_release 'make -s install && ldconfig'
	accepts 'what was installed has its guardian' in_release 'tend run --with-parent -- true'
	refuses 'a configure that is older than its source' 'missing' in_release 'touch configure.ac && make -s'
}

check_building
accepts "debootstrap makes a root of $suite" make_base
[ "$failed" = 0 ] || finish
check_packages
check_release
finish
