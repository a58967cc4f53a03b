# SPDX-License-Identifier: MIT
# What tools/quickstart and tools/check share: install what is missing, build in build/, say little.  The full output
# goes to a log, of which a failing step shows the end.

set -u
top=$(cd "$(dirname "$0")/.." && pwd) || exit 1
cd "$top" || exit 1
jobs=$(nproc 2>/dev/null || echo 2)
# What a calling make or git hook has set is not meant for the build.
unset MAKEFLAGS MFLAGS MAKELEVEL GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE

# A tree that is configured in place refuses to be built elsewhere, so it is built there.
build=build
[ ! -f config.status ] || build=.
mkdir -p build
log=$top/build/log.txt
: >"$log"

# attempt WHAT COMMAND...: runs the command, its output to the log; its exit status.
attempt()
{
	what=$1
	shift
	began=$(date +%s)
	printf '%s ... ' "$what"
	printf '\n==> %s: %s\n' "$what" "$*" >>"$log"
	"$@" >>"$log" 2>&1 </dev/null
	status=$?
	[ "$status" = 0 ] && word=done || word=FAILED
	printf '%s (%s s)\n' "$word" $(($(date +%s) - began))
	return "$status"
}

show_end()
{
	echo "--- the end of $log:"
	tail -n 40 "$log"
	echo '---'
}

# step WHAT COMMAND...: as attempt; when the command fails the end of its output is shown.
step()
{
	attempt "$@" && return
	show_end
	return 1
}

# install_missing GROUP...: what the build needs, asked for only when it is not there.
install_missing()
{
	if ! tools/install-deps --list "$@" >/dev/null; then
		echo "Missing: $(tools/install-deps --list "$@" | tr '\n' ' ')"
		step 'Installing what is missing' tools/install-deps "$@" || return 1
	fi
}

# install_extras: what the tests can do without, where it is to be had.
install_extras()
{
	for extra in extras browser; do
		tools/install-deps --list "$extra" >/dev/null && continue
		attempt "Installing for the tests: $extra" tools/install-deps "$extra" || echo 'The tests do without.'
	done
}

configure_in()
{
	(cd "$build" && "$top/configure" "$@" && echo "with: $*" >configured)
}

# configure_once ARGUMENT...: only when it has not been done with these arguments.
configure_once()
{
	[ -x configure ] || step 'Making configure' ./bootstrap || return 1
	[ -f "$build/Makefile" ] && [ "$(cat "$build/configured" 2>/dev/null)" = "with: $*" ] && return 0
	[ "$build" = . ] && [ -f Makefile ] && return 0
	step 'Configuring' configure_in "$@"
}

make_in_build()
{
	make -C "$build" -j "$jobs" "$@"
}
