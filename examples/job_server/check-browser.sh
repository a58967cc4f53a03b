#!/bin/sh
# SPDX-License-Identifier: MIT
# The page of job_server in two windows of Chromium; and that its test would see what is wrong: each defect here is
# planted in the page, and has to be seen.
. "$(dirname "$0")/planting.sh"

(cd "$sources" && "$PYTHON" -c 'import sys, browser; sys.exit(not browser.find())') ||
	skip 'there is no chromium with chromedriver'
if can_plant; then
	sees test_browser.py test_two_viewers 'what a job writes is taken for HTML' \
		page.html "s/e.textContent = text/e.innerHTML = text/"
	sees test_browser.py test_two_viewers 'a page does not say how a job ended' \
		page.html 's/addEventListener("end", end)/addEventListener("end", () => source.close())/'
fi
accepts 'the page' "$PYTHON" "$sources/test_browser.py" "$built/job_server"
finish
