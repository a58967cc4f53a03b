#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What job_server promises to those who talk to it.

usage: test_server.py PROGRAM [ARGUMENT...]     what else unittest understands
"""
import json
import re
import signal
import sys
import unittest

import client

PROGRAM = sys.argv.pop(1) if len(sys.argv) > 1 else "./job_server"
SLEEPING = ["sleep", "600"]


class Case(unittest.TestCase):
    maxDiff = None

    def serve(self, jobs, *options):
        server = client.Server(PROGRAM, jobs, *options)
        self.addCleanup(server.clean_up)
        return server

    def view(self, server, job, **options):
        viewer = client.Viewer(server, job, **options)
        self.addCleanup(viewer.close)
        return viewer

    def gate(self):
        gate = client.Gate()
        self.addCleanup(gate.clean_up)
        return gate

    def assert_end(self, end, **members):
        self.assertEqual(members, {name: end.get(name) for name in members})


class Accounts(unittest.TestCase):
    """That what judges the events refuses wrong ones."""

    good = [client.Event("start", None, {}), client.Event("line", "4", {"line": "one"}),
            client.Event("gap", None, {"bytes": 6}), client.Event("line", "14", {"line": "thr"}),
            client.Event("line", "16", {"line": "ee", "continued": True}), client.Event("end", None, {"bytes": 16})]

    def test_good(self):
        self.assertEqual((6, {"bytes": 16}), client.account(self.good))

    def test_each_part_counts(self):
        for left_out in range(1, len(self.good)):
            with self.assertRaises(ValueError):
                client.account(self.good[:left_out] + self.good[left_out + 1:])

    def test_twice(self):
        with self.assertRaises(ValueError):
            client.account(self.good[:2] + self.good[1:])


class Watching(Case):
    def test_lines_in_order(self):
        server = self.serve({"count": ["sh", "-c", "seq 1 5; seq 6 9 >&2; exit 3"]})
        events = list(self.view(server, server.start("count")).events())
        self.assertEqual(["start"] + ["line"] * 9 + ["end"], [event.name for event in events])
        self.assertEqual([str(n) for n in range(1, 10)], [event.data["line"] for event in events[1:-1]])
        self.assertEqual({"job": 1, "name": "count"}, events[0].data)
        self.assertEqual({"code": 3, "stopped_by": "nobody", "output": "eof", "bytes": 18}, events[-1].data)

    def test_two_viewers_one_of_them_late(self):
        gate = self.gate()
        server = self.serve({"steps": ["sh", "-c", f"seq 1 50; {gate.waiting()}; seq 51 100"]})
        job = server.start("steps")
        early = self.view(server, job)
        seen = early.take(50)
        late = self.view(server, job)
        self.assertEqual(seen, late.take(50))
        gate.open()
        for viewer in early, late:
            rest = list(viewer.events())
            self.assertEqual([str(n) for n in range(51, 101)], [event.data["line"] for event in rest[:-1]])
            self.assert_end(rest[-1].data, code=0, bytes=292)

    def test_too_late_for_the_beginning(self):
        server = self.serve({"much": ["seq", "1", "100000"]}, "--replay", "4096")
        job = server.start("much")
        server.await_end(job)
        events = list(self.view(server, job).events())
        missing, end = client.account(events)
        self.assertEqual("gap", events[1].name)
        self.assertGreaterEqual(end["bytes"] - missing, 4000)
        self.assertLess(end["bytes"] - missing, 3 * 4096)
        self.assertEqual("100000", events[-2].data["line"])

    def test_back_again(self):
        server = self.serve({"count": ["seq", "1", "100"]})
        job = server.start("count")
        lines = [event for event in self.view(server, job).events() if event.name == "line"]
        for last in 0, 49, 99:
            rest = [event for event in self.view(server, job, last_event_id=lines[last].id).events()]
            self.assertEqual(lines[last + 1:], rest[1:-1])
        for stranger in "x", "", "-1", "99999999999999999999", "1000", "7x":
            rest = [event for event in self.view(server, job, last_event_id=stranger).events()]
            self.assertEqual(lines, rest[1:-1])

    def test_back_too_late(self):
        server = self.serve({"much": ["seq", "1", "100000"]}, "--replay", "4096")
        job = server.start("much")
        server.await_end(job)
        events = list(self.view(server, job, last_event_id=21).events())
        self.assertEqual("gap", events[1].name)
        self.assertEqual(21 + events[1].data["bytes"], int(events[2].id) - 1 - len(events[2].data["line"]))

    def test_any_bytes(self):
        text = r"\"quoted\" \\ \tTab \033[1m \377\303 \355\240\200 \360\237\230\200 \200\r\nlast \001"
        server = self.serve({"bytes": ["printf", text.replace(r"\"", '"')]})
        events = list(self.view(server, server.start("bytes")).events())
        bad = "\ufffd"
        self.assertEqual([f'"quoted" \\ \tTab \033[1m {bad}{bad} {bad}{bad}{bad} \U0001f600 {bad}', "last \001"],
                         [event.data["line"] for event in events[1:-1]])

    def test_long_lines_come_in_pieces(self):
        server = self.serve({"long": ["sh", "-c", "head -c 10000 /dev/zero | tr '\\0' x; echo; echo short"]})
        events = list(self.view(server, server.start("long")).events())
        self.assertEqual((0, 10007), (client.account(events)[0], events[-1].data["bytes"]))
        lines = [event.data for event in events[1:-1]]
        self.assertEqual([4096, 4096, 1808, 5], [len(line["line"]) for line in lines])
        self.assertEqual([False, True, True, False], [line.get("continued", False) for line in lines])

    def test_a_slow_viewer_holds_up_nobody(self):
        server = self.serve({"flood": ["seq", "1", "1000000"]}, "--idle", "3600")
        job = server.start("flood")
        slow = self.view(server, job, window=4096)
        self.assertEqual("start", next(slow.events()).name)
        server.await_end(job)  # while he takes nothing
        missing, end = client.account(slow.events())
        self.assertGreater(missing, 0)
        self.assert_end(end, code=0, bytes=6888896)

    def test_a_quiet_job(self):
        server = self.serve({"sleep": SLEEPING}, "--idle", "3")
        comments = (fields for fields in self.view(server, server.start("sleep")).fields() if fields == {"": ""})
        next(comments)
        next(comments)

    def test_who_leaves_is_noticed(self):
        server = self.serve({"sleep": SLEEPING})
        job = server.start("sleep")
        viewer = client.Viewer(server, job)
        next(viewer.events())
        self.assertEqual(1, server.job(job)["viewers"])
        viewer.close()
        client.until(lambda: server.job(job)["viewers"] == 0, "he is still there")


class Stopping(Case):
    def test_by_signal(self):
        server = self.serve({"sleep": ["sh", "-c", "echo ready; exec sleep 600"]}, "--grace", "60")
        job = server.start("sleep")
        viewers = [self.view(server, job) for _ in range(2)]
        for viewer in viewers:
            self.assertEqual(["ready"], viewer.take(1))
        self.assertTrue(server.others())
        report = server.stop(job)
        self.assertEqual("in-phase", report["outcome"])
        for viewer in viewers:
            self.assert_end(list(viewer.events())[-1].data, signal=signal.SIGTERM, stopped_by="viewer")
        self.assertFalse(server.others())
        self.assertEqual("before", server.stop(job)["outcome"])

    def test_who_does_not_listen(self):
        server = self.serve({"stubborn": ["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 600; done"]},
                            "--grace", "0.1")
        job = server.start("stubborn")
        viewer = self.view(server, job)
        self.assertEqual(["ready"], viewer.take(1))
        self.assertEqual("by-kill", server.stop(job)["outcome"])
        self.assert_end(list(viewer.events())[-1].data, signal=signal.SIGKILL, stopped_by="viewer")
        self.assertFalse(server.others())

    def test_whom_a_job_leaves_behind(self):
        server = self.serve({"daemon": ["sh", "-c", "sleep 600 & echo left"]})
        events = list(self.view(server, server.start("daemon")).events())
        self.assert_end(events[-1].data, code=0, stopped_by="nobody")
        self.assertFalse(server.others())


class Bounds(Case):
    def test_jobs(self):
        server = self.serve({"sleep": SLEEPING, "true": ["true"]}, "--max-jobs", "3")
        ended = [server.start("true") for _ in range(2)]
        for job in ended:
            server.await_end(job)
        runs = server.start("sleep")
        self.assertEqual([runs, *reversed(ended)], [job["id"] for job in server.ask("GET", "/jobs")["jobs"]])
        second = server.start("sleep")
        self.assertEqual([second, runs, ended[1]], [job["id"] for job in server.ask("GET", "/jobs")["jobs"]])
        self.assertEqual(404, server.request("GET", f"/jobs/{ended[0]}/events")[0])
        server.start("sleep")
        self.assertEqual(503, server.request("POST", "/jobs?name=true")[0])
        server.stop(runs)
        server.await_end(runs)
        server.start("true")

    def test_viewers(self):
        server = self.serve({"sleep": SLEEPING}, "--max-viewers", "2")
        job = server.start("sleep")
        viewers = [client.Viewer(server, job) for _ in range(2)]
        for viewer in viewers:
            self.addCleanup(viewer.close)
            next(viewer.events())
        self.assertEqual(503, self.view(server, job).status)
        viewers[0].close()
        client.until(lambda: server.job(job)["viewers"] == 1, "he is still there")
        self.assertEqual(200, self.view(server, job).status)


class Guard(Case):
    """Each refusal beside the same request that is none."""

    def setUp(self):
        self.server = self.serve({"true": ["true"]}, "--host", "proxy.example")

    def refuses(self, status, good, bad, method="POST", path="/jobs?name=true"):
        good, bad = ({name: value.format(us=self.server.host) for name, value in one.items()} for one in (good, bad))
        self.assertEqual(201 if method == "POST" else 200, self.server.request(method, path, good)[0])
        before = [job["id"] for job in self.server.ask("GET", "/jobs")["jobs"]]
        self.assertEqual(status, self.server.request(method, path, bad)[0], bad)
        self.assertEqual(before, [job["id"] for job in self.server.ask("GET", "/jobs")["jobs"]])

    def test_host(self):
        for bad in "evil.example", "{us}.evil.example", "evil.example:80", "127.0.0.1", "":
            for path in "/", "/jobs":
                self.refuses(421, {"Host": "{us}"}, {"Host": bad}, method="GET", path=path)
            self.refuses(421, {"Host": "proxy.example"}, {"Host": bad})

    def test_origin(self):
        good = {"Origin": "http://{us}"}
        for bad in "http://evil.example", "null", "http://{us}.evil.example", "http://127.0.0.1", "ftp://{us}", "":
            self.refuses(403, good, {"Origin": bad})

    def test_origin_is_that_of_the_host(self):
        self.refuses(403, {"Host": "proxy.example", "Origin": "https://proxy.example"},
                     {"Host": "proxy.example", "Origin": "http://{us}"})

    def test_site(self):
        for bad in "cross-site", "same-site", "x":
            self.refuses(403, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": bad})
        self.assertEqual(200, self.server.request("GET", "/", {"Sec-Fetch-Site": "cross-site"})[0])

    def test_what_there_is(self):
        for method, path, status in (("POST", "/jobs?name=false", 404), ("POST", "/jobs?name=true;id", 404),
                                     ("POST", "/jobs", 404), ("GET", "/jobs/1/events", 404),
                                     ("POST", "/jobs/1/stop", 404), ("GET", "/etc/passwd", 404),
                                     ("POST", "/", 404), ("DELETE", "/jobs", 405), ("PUT", "/", 405)):
            self.assertEqual(status, self.server.request(method, path)[0], (method, path))
        self.assertEqual([], self.server.ask("GET", "/jobs")["jobs"])

    def test_no_body(self):
        self.refuses(400, {"Content-Length": "0"}, {"Content-Length": "4"})
        self.refuses(400, {}, {"Transfer-Encoding": "chunked"})

    def test_page(self):
        status, headers, page = self.server.request("GET", "/")
        text = page.decode()
        policy = headers["Content-Security-Policy"]
        nonces = set(re.findall(r"nonce-([0-9a-f]{32})'", policy))
        self.assertEqual((200, 1), (status, len(nonces)))
        self.assertEqual(2, text.count(f'nonce="{nonces.pop()}"'))
        self.assertIn("default-src 'none'", policy)
        self.assertIn("frame-ancestors 'none'", policy)
        self.assertNotIn("unsafe", policy)
        self.assertNotIn("NONCE", text)
        self.assertNotRegex(text, r"https?://|src=|innerHTML|insertAdjacentHTML|document\.write")
        self.assertNotEqual(policy, self.server.request("GET", "/")[1]["Content-Security-Policy"])


class Starting(Case):
    def test_what_is_not_there(self):
        server = self.serve({"absent": ["/nonexistent/program"], "true": ["true"]})
        status, _, content = server.request("POST", "/jobs?name=absent")
        self.assertEqual(500, status)
        self.assertIn("No such file", json.loads(content)["error"])
        self.assertEqual(1, server.start("true"))

    def test_words_stay_as_they_are(self):
        server = self.serve({"words": ["printf", "[%s]\\n", "a b", "$HOME", "*", "", "; id"]})
        events = list(self.view(server, server.start("words")).events())
        self.assertEqual(["[a b]", "[$HOME]", "[*]", "[]", "[; id]"], [event.data["line"] for event in events[1:-1]])


class Ending(Case):
    def check_end(self, number, command, ended_by, *options):
        server = self.serve({"job": ["sh", "-c", command]}, "--leave", "3600", *options)
        viewers = [self.view(server, server.start("job")) for _ in range(3)]
        for viewer in viewers:
            self.assertEqual(["ready"], viewer.take(1))
        self.assertEqual(3, len([job for job in server.ask("GET", "/jobs")["jobs"] if not job["ended"]]))
        self.assertTrue(server.others())
        self.assertEqual(0, server.end(number))
        for viewer in viewers:
            self.assert_end(list(viewer.events())[-1].data, signal=ended_by, stopped_by="shutdown")
        self.assertFalse(server.others())
        self.assertFalse(server.cgroups())

    def test_by_sigterm(self):
        self.check_end(signal.SIGTERM, "echo ready; exec sleep 600", signal.SIGTERM, "--grace", "60")

    def test_by_sigint(self):
        self.check_end(signal.SIGINT, "echo ready; exec sleep 600", signal.SIGTERM, "--grace", "60")

    def test_with_who_does_not_listen(self):
        self.check_end(signal.SIGTERM, "trap '' TERM; echo ready; while :; do sleep 600; done", signal.SIGKILL,
                       "--grace", "0.1")

    def test_with_who_takes_nothing(self):
        server = self.serve({"flood": ["seq", "1", "1000000"]}, "--idle", "3600", "--leave", "0")
        job = server.start("flood")
        slow = self.view(server, job, window=4096)
        next(slow.events())
        server.await_end(job)
        self.assertEqual(1, server.job(job)["viewers"])
        self.assertEqual(0, server.end())

    def test_by_sigkill(self):
        server = self.serve({"sleep": SLEEPING})
        server.start("sleep")
        self.assertTrue(server.others())
        server.end(signal.SIGKILL)
        client.until(lambda: not server.others(), "the job is still there")


if __name__ == "__main__":
    unittest.main()
