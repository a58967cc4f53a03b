# SPDX-License-Identifier: MIT
"""A server of its own for each test, and what talks to it.  Whom it has started is known by a mark in the environment.

A test that is ended by SIGTERM cleans up.  Limits of time are there only against hanging.  PATIENCE in the environment is that limit in seconds.
"""
import collections
import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid

PATIENCE = float(os.environ.get("PATIENCE", 60))
MARK = "JOB_SERVER_TEST"

signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))

Event = collections.namedtuple("Event", "name id data")


def until(condition, what):
    """Asks again and again until the answer is true, and returns it."""
    deadline = time.monotonic() + PATIENCE
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(0.005)


def is_alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def marked(mark):
    """The processes that have the mark in their environment, and are alive."""
    found = []
    for directory in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            words = (directory / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if f"{MARK}={mark}".encode() in words and is_alive(directory.name):
            found.append(int(directory.name))
    return found


def end_marked(mark):
    for pid in marked(mark):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


class Server:
    """jobs: of each name the words of its command."""

    def __init__(self, program, jobs, *options):
        self.mark = str(uuid.uuid4())
        words = [str(program), "--port", "0", *options]
        for name, command in jobs.items():
            words += ["--job", f"{name}={command[0]}", *command[1:]]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, env={**os.environ, MARK: self.mark})
        self.older = frozenset(self.named_for_it())
        line = self.process.stdout.readline().decode().strip()
        self.url = line.rpartition(" ")[2]
        self.host = self.url[len("http://"):-1]
        if not line.startswith("job_server: listening at http://127.0.0.1:"):
            self.clean_up()
            raise RuntimeError(f"it said {line!r}")

    def others(self):
        """Those whom it has started and who are alive."""
        return [pid for pid in marked(self.mark) if pid != self.process.pid]

    def named_for_it(self):
        """The cgroups that bear its number; somebody may have had that before, and was killed."""
        return [path for root, names, _ in os.walk("/sys/fs/cgroup") for path in
                (pathlib.Path(root, name) for name in names) if path.name.startswith(f"tend-{self.process.pid}-")]

    def cgroups(self):
        """The cgroups that its jobs have had, and that are still there."""
        return [path for path in self.named_for_it() if path not in self.older]

    def end(self, number=signal.SIGTERM):
        """Asks it to end; its exit status."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def clean_up(self):
        """In order, unless a test has killed it already: who is killed leaves cgroups."""
        was_killed = self.process.poll() == -signal.SIGKILL
        try:
            self.end()
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        if self.process.returncode != 0:
            end_marked(self.mark)
            until(lambda: not self.others(), "somebody does not die")
            for path in self.cgroups():
                path.rmdir()
            if not was_killed:
                raise RuntimeError(f"it ended with status {self.process.returncode}")

    def request(self, method, path, headers=(), body=None):
        """The status, the headers and the content of the answer."""
        connection = http.client.HTTPConnection(self.host, timeout=PATIENCE)
        try:
            connection.putrequest(method, path, skip_host=True)
            for name, value in dict({"Host": self.host}, **dict(headers)).items():
                connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def ask(self, method, path):
        """What a request that succeeds is told."""
        status, _, content = self.request(method, path)
        if status not in (200, 201):
            raise RuntimeError(f"{method} {path}: {status} {content}")
        return json.loads(content)

    def start(self, name):
        return self.ask("POST", f"/jobs?name={name}")["id"]

    def stop(self, job):
        return self.ask("POST", f"/jobs/{job}/stop")

    def job(self, job):
        """What the list says of it; None: nothing."""
        return next((one for one in self.ask("GET", "/jobs")["jobs"] if one["id"] == job), None)

    def await_end(self, job):
        return until(lambda: self.job(job)["ended"], f"job {job} has not ended")


class Viewer:
    """Watches a job.  `window` is how many bytes the kernel may keep for who does not take them."""

    def __init__(self, server, job, last_event_id=None, window=None):
        self.connection = http.client.HTTPConnection(server.host, timeout=PATIENCE)
        host, port = server.host.split(":")
        self.connection.sock = socket.socket()
        if window:
            self.connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        self.connection.sock.settimeout(PATIENCE)
        self.connection.sock.connect((host, int(port)))
        headers = {} if last_event_id is None else {"Last-Event-ID": str(last_event_id)}
        self.connection.request("GET", f"/jobs/{job}/events", headers=headers)
        self.answer = self.connection.getresponse()
        self.status = self.answer.status

    def close(self):
        self.answer.close()
        self.connection.close()

    def fields(self):
        """Of each event; what is no field but a comment has no name."""
        found = {}
        for line in iter(self.answer.readline, b""):
            if line == b"\n":
                yield found
                found = {}
                continue
            name, _, value = line.decode().rstrip("\n").partition(":")
            found[name] = value[1:]

    def events(self):
        """To the end, but for comments."""
        for fields in self.fields():
            if "data" in fields:
                yield Event(fields.get("event", "line"), fields.get("id"), json.loads(fields["data"]))

    def take(self, number):
        """The next lines, so many."""
        events = (event for event in self.events() if event.name == "line")
        return [next(events).data["line"] for _ in range(number)]


def account(events):
    """That the events say of each byte either what it is or that it is missing; how many are missing, and the end.

    For lines of ASCII that end with a LF."""
    position = missing = 0
    for event in events:
        if event.name == "gap":
            position += event.data["bytes"]
            missing += event.data["bytes"]
        elif event.name == "line":
            begin = int(event.id) - 1 - len(event.data["line"])
            if event.data.get("continued"):
                position -= 1  # there was no LF
            if begin != position:
                raise ValueError(f"a line at {begin}, not at {position}")
            position = int(event.id)
        elif event.name == "end":
            if event.data["bytes"] != position:
                raise ValueError(f"{event.data['bytes']} bytes in all, not {position}")
            return missing, event.data
    raise ValueError("there is no end")


class Gate:
    """What a shell command of a job may wait for, and a test opens."""

    def __init__(self):
        self.directory = tempfile.TemporaryDirectory()
        self.path = f"{self.directory.name}/gate"
        os.mkfifo(self.path)

    def waiting(self):
        """The words of the shell that wait for it to be opened once more."""
        return f"read -r line <'{self.path}'"

    def open(self):
        with open(self.path, "w") as gate:
            gate.write("\n")

    def clean_up(self):
        self.directory.cleanup()
