# SPDX-License-Identifier: MIT
# What the two checks of job_server share: what they need, and servers with a defect.  Each sources it.
. "$(dirname "$0")/../../test/checks.sh"

: "${PYTHON:=python3}"
: "${EXAMPLES_DIR:=$top_builddir/examples}"
sources=$top_srcdir/examples/job_server
built=$EXAMPLES_DIR/job_server
library=$top_builddir/lib/.libs
[ -x "$built/job_server" ] || skip 'job_server is not built'
command -v "$PYTHON" >/dev/null 2>&1 || skip 'there is no python3'
"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 10))' || skip 'python3 is older than 3.10'
PYTHONDONTWRITEBYTECODE=1
export PYTHONDONTWRITEBYTECODE

# link PROGRAM FILE...: with nothing of what the server itself was compiled with
link()
{
	program=$1
	shift
	# shellcheck disable=SC2086 # they are lists
	$CC -std=gnu11 -D_GNU_SOURCE -pthread -w -I"$top_srcdir/include" -iquote"$sources" -iquote"$built" \
		${MICROHTTPD_CFLAGS-} -o "$program" "$@" -L"$library" -ltend -Wl,-rpath,"$library" \
		${MICROHTTPD_LIBS:--lmicrohttpd}
}

# can_plant: the objects can be linked like that; those for a sanitizer, or that count what is reached, cannot.
can_plant()
{
	link "$work/plain" "$built"/job_server-*.o >"$work/said" 2>&1 && return
	echo 'not checked: what is planted cannot be linked with what is here'
	return 1
}

# planted FILE SED-SCRIPT: builds $work/planted, which has this defect
planted()
{
	sed "$2" "$sources/$1" >"$work/$1" || exit 99
	! cmp -s "$work/$1" "$sources/$1" || { echo "$1: nothing was planted"; exit 99; }
	unit=${1%.*}
	if [ "$1" = page.html ]; then
		cp "$sources/page.c" "$work" || exit 99
		sed 's/[\\"]/\\&/g; s/^/"/; s/$/\\n"/' "$work/page.html" >"$work/page.inc" || exit 99
	fi
	# shellcheck disable=SC2046 # these names have no spaces
	(cd "$built" && link "$work/planted" "$work/$unit.c" \
		$(printf '%s\n' job_server-*.o | grep -v "^job_server-$unit\\.o$")) || exit 99
}

# sees SCRIPT TEST WHAT FILE SED-SCRIPT: that one test refuses the defect.  What it waits for in vain is not waited for
# for long.
sees()
{
	planted "$4" "$5"
	refuses "$3" "^\\(FAIL\\|ERROR\\): $2 " env PATIENCE=5 "$PYTHON" "$sources/$1" "$work/planted" -k "$2"
}
