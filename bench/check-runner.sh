#!/bin/sh
# SPDX-License-Identifier: MIT
# That the runner of the benchmarks judges rightly: a run that did not deliver everything is none, ratios and bars are
# what they should be, and what counts instructions counts ours.  Nothing is measured here.
. "$(dirname "$0")/../test/checks.sh"

: "${PYTHON:=python3}"
command -v "$PYTHON" >/dev/null 2>&1 || skip 'there is no python3'
"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 9))' || skip 'python3 is older than 3.9'
PYTHONDONTWRITEBYTECODE=1
export PYTHONDONTWRITEBYTECODE

# runner DIRECTORY [ARGUMENT...]: the tests of the runner that is there
runner()
{
	"$PYTHON" "$top_srcdir/bench/test_runner.py" "$@"
}

# sees TEST NAME WHAT: that one test refuses this defect
sees()
{
	refuses "$3" "FAIL: $1" runner "$work/$2" -k "$1"
}

# planted NAME FILE SED-SCRIPT: a runner with a defect
planted()
{
	mkdir "$work/$1" && cp "$top_srcdir"/bench/*.py "$work/$1" && sed "$3" "$work/$1/$2" >"$work/planted" || exit 99
	cmp -s "$work/planted" "$work/$1/$2" && { echo "$1: nothing was planted"; exit 99; }
	mv "$work/planted" "$work/$1/$2"
}

planted missing figures.py 's/if found != number/if found is None/'
planted product figures.py 's| / theirs| * theirs|'
planted busy figures.py 's/if not is_busy\]/if True]/'
planted failed figures.py 's/ and not run.problem}/}/'
planted recorded figures.py 's|value.median / bar.recorded|value.median|'
planted above figures.py 's/value.median <= bar.high/True/'
planted others count.py 's/is_ours and not is_call/not is_call/'
planted calls count.py 's/is_ours and not is_call/is_ours/'
planted called count.py 's/("ob=", "cob=")/"ob="/'
planted margin count.py 's/abs(change)/change/'
planted status run.py 's/if process.returncode != 0/if False/'
planted left run.py 's/machine.end_leftovers(self.cookie)$/pass/'

sees test_a_missing_byte missing 'a missing byte is let pass'
sees test_ratio_is_within_a_round product 'ratios are products'
sees test_busy_rounds_are_left_out busy 'busy rounds count'
sees test_a_run_with_a_problem_is_no_figure failed 'a failed run counts'
sees test_recorded_ratio recorded 'what was recorded is forgotten'
sees test_bar_from_above above 'a bar has no upper side'
sees test_ours others 'foreign instructions count'
sees test_calls_count_where_they_lead_to calls 'calls count twice'
sees test_a_name_that_is_first_seen_in_a_call called 'an object that is called first is not known'
sees test_margin margin 'fewer instructions than recorded are no change'
sees test_a_contestant_that_fails status 'a contestant that fails is believed'
sees test_leftovers_are_ended left 'children are left behind'
accepts 'the runner' runner "$top_srcdir/bench"
finish
