#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The page of job_server, in two windows of a real browser.  Waits for what is to be seen, never for a time.

usage: test_browser.py PROGRAM [ARGUMENT...]     what else unittest understands
"""
import sys
import unittest

import browser
import client

PROGRAM = sys.argv.pop(1) if len(sys.argv) > 1 else "./job_server"
HOSTILE = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>&amp;"


class Page(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.browser = browser.Browser(*browser.find())
        cls.addClassCleanup(cls.browser.clean_up)
        cls.windows = cls.browser.windows()

    def serve(self, jobs, *options):
        server = client.Server(PROGRAM, jobs, *options)
        self.addCleanup(server.clean_up)
        # Nobody watches a server any more that goes.
        self.addCleanup(lambda: [window.open("about:blank") for window in self.windows])
        self.browser.complaints()
        return server

    def test_two_viewers(self):
        early, late = self.windows
        gate = client.Gate()
        self.addCleanup(gate.clean_up)
        first = [f"line {n}" for n in range(1, 51)] + [HOSTILE]
        both = first + [f"more {n}" for n in range(1, 51)]
        command = f'seq -f "line %g" 1 50; echo "$1" >&2; {gate.waiting()}; seq -f "more %g" 1 50; exec sleep 600'
        server = self.serve({"steps": ["sh", "-c", command, "sh", HOSTILE], "other": ["true"]}, "--grace", "60")

        early.open(server.url)
        early.click("//button[.='Start steps']")
        early.await_texts("#output > *", first)
        early.await_texts("#state", ["running"])
        late.open(f"{server.url}#1")
        late.await_texts("#output > *", first)
        late.await_texts("#jobs li", ["steps 1: running, 2 watching"])
        gate.open()
        for window in early, late:
            window.await_texts("#output > *", both)
            window.await_texts("#state", ["running"])

        late.click("//button[.='Stop']")
        for window in early, late:
            window.await_texts("#state", ["ended: signal 15, stopped by a viewer"])
            window.await_texts("#output > *", both)
            self.assertEqual([], window.texts("#output > * > *"))
            self.assertEqual("Jobs", window.run("return document.title"))
            self.assertTrue(window.run("return document.getElementById('stop').disabled"))
        early.await_texts("#jobs li", ["steps 1: ended: signal 15, stopped by a viewer, 0 watching"])
        self.assertEqual([], self.browser.complaints())
        self.assertFalse(server.others())

    def test_the_server_ends(self):
        early, late = self.windows
        server = self.serve({"steps": ["sh", "-c", "echo one; exec sleep 600"]}, "--leave", "3600")
        server.start("steps")
        for window in early, late:
            window.open(f"{server.url}#1")
            window.await_texts("#output > *", ["one"])
        self.assertEqual(0, server.end())
        for window in early, late:
            window.await_texts("#state", ["ended: signal 15, as the server was shut down"])

    def test_what_is_missing_is_shown(self):
        window = self.windows[0]
        server = self.serve({"much": ["seq", "1", "100000"]}, "--replay", "4096")
        job = server.start("much")
        server.await_end(job)
        viewer = client.Viewer(server, job)
        self.addCleanup(viewer.close)
        missing, _ = client.account(viewer.events())
        window.open(f"{server.url}#{job}")
        window.await_texts("#state", ["ended: exit code 0"])
        self.assertEqual([f"{missing} bytes are missing here"], window.texts("#output > .gap"))
        self.assertEqual("100000", window.texts("#output > .line")[-1])

    def test_the_policy_holds(self):
        """That a script that came in all the same would not run, and that the test would hear of it."""
        window = self.windows[0]
        window.open(self.serve({"true": ["true"]}).url)
        window.run("const s = document.createElement('img'); s.src = '/x.png'; document.body.append(s)")
        complaint = client.until(self.browser.complaints, "it did not complain")[0]
        self.assertIn("Content Security Policy", complaint)


if __name__ == "__main__":
    unittest.main()
