#!/bin/sh
# SPDX-License-Identifier: MIT
# That job_server does what its README says, tried by clients of python's own; and that these would see it if it did
# not: each defect here is planted in the server, and has to be seen by the test that is there for it.
. "$(dirname "$0")/planting.sh"

if can_plant; then
	sees test_server.py test_host 'any Host will do' guard.c 's/host.n != 1 .*)$/host.n != 1)/'
	sees test_server.py test_origin 'any Origin will do' guard.c 's/!is_same_origin(/is_same_origin("", "") \&\& &/'
	sees test_server.py test_site 'any page may send requests' guard.c 's/!is_same_site(/is_same_site("") \&\& &/'
	sees test_server.py test_two_viewers_one_of_them_late 'nothing is kept for who is late' \
		jobs.c 's/TEND_REPLAY_BYTES(.*)/TEND_REPLAY_NONE/'
	sees test_server.py test_too_late_for_the_beginning 'gaps are not told of' viewer.c 's/until > v->next/false/'
	sees test_server.py test_back_again 'who comes back gets all of it again' viewer.c 's/next <= v->next/false/'
	sees test_server.py test_any_bytes 'what is no UTF-8 is sent' text.c 's/if (n == 0)/if (false)/'
	sees test_server.py test_by_sigterm 'nobody is told of the end' viewer.c 's/tell_end(v, &end);//'
	sees test_server.py test_a_slow_viewer_holds_up_nobody 'a viewer who takes nothing holds up the job' \
		jobs.c 's/TEND_LOSSY/TEND_RELIABLE/'
	sees test_server.py test_who_leaves_is_noticed 'nobody notices who leaves' viewer.c 's/POLLRDHUP/0/'
fi
accepts 'job_server' "$PYTHON" "$sources/test_server.py" "$built/job_server"
finish
