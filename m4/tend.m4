# SPDX-License-Identifier: MIT
# Checks that collect what is missing, so that it is named all at once, each with the package that brings it.

m4_ifndef([PKG_CHECK_MODULES],
	[m4_fatal([the macros of pkg-config were not found: install pkg-config (Debian: pkg-config)])])

# TEND_ARG_SWITCH(NAME, WHAT): --enable-NAME, off unless asked for.
AC_DEFUN([TEND_ARG_SWITCH],
	[AC_ARG_ENABLE([$1], [AS_HELP_STRING([--enable-$1], [$2])], [], [enable_$1=no])])

# TEND_MISSING(WHAT, DEBIAN-PACKAGE, [HINT])
AC_DEFUN([TEND_MISSING], [AS_VAR_APPEND([tend_missing], ["
  $1 not found: install $2[]m4_ifval([$3], [ ($3)])"])])

# Without a compiler no other check means anything, so this one ends the run by itself.
AC_DEFUN([TEND_NEED_COMPILER],
	[AS_IF([test -z "$CC"],
		[AC_CHECK_PROGS([tend_any_compiler], [gcc cc clang])
		AS_IF([test -z "$tend_any_compiler"],
			[TEND_MISSING([C compiler], [gcc])
			TEND_REPORT_MISSING])])])

AC_DEFUN([TEND_NEED_C11],
	[AC_MSG_CHECKING([for C11 with atomics])
	tend_save_CFLAGS=$CFLAGS
	CFLAGS="$CFLAGS -std=gnu11"
	AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[
#include <stdatomic.h>
#include <stdint.h>
_Static_assert(ATOMIC_POINTER_LOCK_FREE == 2 && ATOMIC_LLONG_LOCK_FREE == 2, "lock-free");
static _Atomic uint64_t word;
		]], [[return (int)atomic_load_explicit(&word, memory_order_acquire);]])],
		[AC_MSG_RESULT([yes])],
		[AC_MSG_RESULT([no])
		TEND_MISSING([C11 compiler with lock-free atomics], [gcc])])
	CFLAGS=$tend_save_CFLAGS])

AC_DEFUN([TEND_NEED_PTHREAD],
	[AC_SEARCH_LIBS([pthread_create], [pthread], [], [TEND_MISSING([pthread], [libc6-dev])])])

# TEND_NEED_MODULE(VARIABLE, PKG-CONFIG-MODULE, WHAT, DEBIAN-PACKAGE, [HINT])
AC_DEFUN([TEND_NEED_MODULE],
	[PKG_CHECK_MODULES([$1], [$2], [have_$1=yes],
		[have_$1=no
		TEND_MISSING([$3], [$4], [$5])])])

# TEND_WANT_MODULE(...): the same arguments; missing, it is only said.
AC_DEFUN([TEND_WANT_MODULE],
	[PKG_CHECK_MODULES([$1], [$2], [have_$1=yes],
		[have_$1=no
		AC_MSG_WARN([$3 not found: install $4 ($5)])])])

# Static probes (USDT) where the header for them is, unless they are not wanted: have_probes.
AC_DEFUN([TEND_PROBES],
	[AC_ARG_ENABLE([probes], [AS_HELP_STRING([--disable-probes], [no static probes (USDT) for tracers])],
		[], [enable_probes=maybe])
	have_probes=no
	AC_SUBST([have_probes])
	PROBES_CPPFLAGS=
	AC_SUBST([PROBES_CPPFLAGS])
	AS_IF([test "$enable_probes" = no], [PROBES_CPPFLAGS=-DTEND_NO_PROBES],
		[AC_CHECK_HEADERS([sys/sdt.h], [have_probes=yes],
			[AS_IF([test "$enable_probes" = yes],
				[TEND_MISSING([sys/sdt.h], [systemtap-sdt-dev])],
				[AC_MSG_WARN([sys/sdt.h not found: install systemtap-sdt-dev dnl
(without it there are no static probes)])])])])])

# A C++11 compiler: have_CXX.
AC_DEFUN([TEND_WANT_CXX],
	[AC_MSG_CHECKING([for C++11])
	AC_LANG_PUSH([C++])
	tend_save_CXXFLAGS=$CXXFLAGS
	CXXFLAGS="$CXXFLAGS -std=c++11"
	AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <memory>]], [[return std::unique_ptr<int>(new int(0)) ? 0 : 1;]])],
		[have_CXX=yes], [have_CXX=no])
	CXXFLAGS=$tend_save_CXXFLAGS
	AC_LANG_POP([C++])
	AC_MSG_RESULT([$have_CXX])
	AS_IF([test "$have_CXX" = no],
		[AC_MSG_WARN([C++11 compiler not found: install g++ (without it tend.hpp is not tested)])])])

# TEND_NEED_SANITIZER(LIST): sets SANITIZER_CFLAGS, for compiling and linking.
AC_DEFUN([TEND_NEED_SANITIZER],
	[AS_CASE([$1],
		[no], [SANITIZER_CFLAGS=],
		[*undefined*], [SANITIZER_CFLAGS="-fsanitize=$1 -fno-sanitize-recover=undefined"],
		[SANITIZER_CFLAGS="-fsanitize=$1"])
	AS_IF([test -n "$SANITIZER_CFLAGS"],
		[AS_VAR_APPEND([SANITIZER_CFLAGS], [" -fno-omit-frame-pointer"])
		AC_MSG_CHECKING([for the $1 sanitizer])
		tend_save_CFLAGS=$CFLAGS
		CFLAGS="$CFLAGS $SANITIZER_CFLAGS"
		AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])],
			[AC_MSG_RESULT([yes])],
			[AC_MSG_RESULT([no])
			TEND_MISSING([sanitizer runtime of $CC], [libclang-rt-dev for clang, libgcc-N-dev for gcc N])])
		CFLAGS=$tend_save_CFLAGS])
	AC_SUBST([SANITIZER_CFLAGS])])

# TEND_CHECK_CFLAG(FLAG, IF-ACCEPTED)
AC_DEFUN([TEND_CHECK_CFLAG],
	[tend_save_CFLAGS=$CFLAGS
	CFLAGS="$CFLAGS -Werror $1"
	AC_COMPILE_IFELSE([AC_LANG_PROGRAM([], [])], [$2])
	CFLAGS=$tend_save_CFLAGS])

# TEND_CHECK_LDFLAG(FLAG, IF-ACCEPTED)
AC_DEFUN([TEND_CHECK_LDFLAG],
	[tend_save_LDFLAGS=$LDFLAGS
	LDFLAGS="$LDFLAGS -Werror $1"
	AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])], [$2])
	LDFLAGS=$tend_save_LDFLAGS])

# Only where it has a meaning, that is with optimisation, and where nobody has set it: it may be set higher.
AC_DEFUN([TEND_CHECK_FORTIFY],
	[AC_COMPILE_IFELSE([AC_LANG_SOURCE([[
#if !defined __OPTIMIZE__ || defined _FORTIFY_SOURCE
#error "not here"
#endif
		]])], [AS_VAR_APPEND([HARDENING_CFLAGS], [" -D_FORTIFY_SOURCE=2"])])
	AC_COMPILE_IFELSE([AC_LANG_SOURCE([[
#ifndef __OPTIMIZE__
#error "not here"
#endif
		]])], [AS_VAR_APPEND([HARDENING], [" fortify"])])])

# TEND_HARDENING(YES-OR-NO): sets HARDENING_CFLAGS, HARDENING_LDFLAGS, for programs PIE_CFLAGS and PIE_LDFLAGS besides,
# and HARDENING, the names of what test/check-hardening.sh has to find in what was built.
AC_DEFUN([TEND_HARDENING],
	[HARDENING_CFLAGS= HARDENING_LDFLAGS= PIE_CFLAGS= PIE_LDFLAGS= HARDENING=
	AS_IF([test "$1" = yes],
		[AC_MSG_CHECKING([what hardens what is built])
		TEND_CHECK_CFLAG([-fstack-protector-strong],
			[AS_VAR_APPEND([HARDENING_CFLAGS], [" -fstack-protector-strong"])
			AS_VAR_APPEND([HARDENING], [" canary"])])
		m4_foreach_w([tend_flag], [-fstack-clash-protection -fcf-protection -mbranch-protection=standard],
			[TEND_CHECK_CFLAG(tend_flag, [AS_VAR_APPEND([HARDENING_CFLAGS], [" tend_flag"])])
		])TEND_CHECK_FORTIFY
		m4_foreach_w([tend_flag], [relro now noexecstack],
			[TEND_CHECK_LDFLAG([-Wl,-z,]tend_flag,
				[AS_VAR_APPEND([HARDENING_LDFLAGS], [" -Wl,-z,tend_flag"])
				AS_VAR_APPEND([HARDENING], [" tend_flag"])])
		])TEND_CHECK_LDFLAG([-fPIE -pie],
			[PIE_CFLAGS=-fPIE PIE_LDFLAGS=-pie
			AS_VAR_APPEND([HARDENING], [" pie"])])
		AC_MSG_RESULT([$HARDENING])])
	AC_SUBST([HARDENING])
	AC_SUBST([HARDENING_CFLAGS])
	AC_SUBST([HARDENING_LDFLAGS])
	AC_SUBST([PIE_CFLAGS])
	AC_SUBST([PIE_LDFLAGS])])

# Sets CHILD_CFLAGS: what keeps a compiler from adding calls to code that runs between clone and exec.
AC_DEFUN([TEND_CHILD_CFLAGS],
	[CHILD_CFLAGS=-U_FORTIFY_SOURCE
	m4_foreach_w([tend_flag], [-fno-sanitize=all -fno-stack-protector -fno-profile-arcs -fno-test-coverage
		-fno-profile-instr-generate -fno-coverage-mapping -fno-instrument-functions -fno-builtin
		-fno-tree-loop-distribute-patterns],
		[TEND_CHECK_CFLAG(tend_flag, [AS_VAR_APPEND([CHILD_CFLAGS], [" tend_flag"])])
	])AC_SUBST([CHILD_CFLAGS])])

# TEND_RELATIVE(VARIABLE, FROM, TO): the way from one installed directory to another, by ".." to what they share.
AC_DEFUN([TEND_RELATIVE],
	[tend_prefix=$prefix tend_exec_prefix=$exec_prefix
	test "$prefix" != NONE || prefix=$ac_default_prefix
	test "$exec_prefix" != NONE || exec_prefix=$prefix
	# A directory is given in terms of another, which is given in terms of the prefix.
	eval "tend_from=\"$2\" tend_to=\"$3\""
	eval "tend_from=\"$tend_from\" tend_to=\"$tend_to\""
	prefix=$tend_prefix exec_prefix=$tend_exec_prefix tend_to=$tend_to/
	$1=
	while :; do
		AS_CASE([$tend_to], ["$tend_from"/*], [break])
		AS_VAR_APPEND([$1], [../])
		tend_from=${tend_from%/*}
	done
	AS_VAR_APPEND([$1], [${tend_to@%:@"$tend_from"/}])
	AC_SUBST([$1])])

# Ends configure when something is missing.
AC_DEFUN([TEND_REPORT_MISSING],
	[AS_IF([test -n "$tend_missing"],
		[AC_MSG_ERROR([these are needed (the names behind "install" are Debian packages):$tend_missing])])])
