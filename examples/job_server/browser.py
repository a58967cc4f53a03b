# SPDX-License-Identifier: MIT
"""A Chromium without a screen, driven through chromedriver: what of the WebDriver protocol (https://www.w3.org/TR/webdriver)
the test needs.  Its profile is its own and goes with it, and so does whoever it has started."""
import http.client
import json
import os
import re
import shutil
import subprocess
import tempfile
import uuid

import client

ANSWER_SECONDS = 120  # against hanging; the first answer takes as long as Chromium to start
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
# What it needs where it runs as root and in a container; and it asks nobody in the network for anything.
ARGUMENTS = ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-default-apps",
             "--disable-extensions", "--disable-sync", "--metrics-recording-only", "--mute-audio",
             "--no-proxy-server"]


def find():
    """The programs, or None."""
    programs = [shutil.which("chromedriver"),
                shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")]
    return programs if all(programs) else None


class Browser:
    def __init__(self, driver, browser):
        self.mark = str(uuid.uuid4())
        self.session = None
        self.directory = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        # Whatever it likes to keep at home it keeps there.
        environment = {**os.environ, client.MARK: self.mark, "HOME": self.directory.name,
                       "XDG_CONFIG_HOME": self.directory.name, "XDG_CACHE_HOME": self.directory.name}
        self.process = subprocess.Popen([driver, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                        env=environment)
        try:
            self.port = self.await_port()
            self.session = self.open_session(browser)
        except BaseException:
            self.clean_up()
            raise

    def await_port(self):
        for line in iter(self.process.stdout.readline, b""):
            found = re.search(rb"started successfully on port (\d+)", line)
            if found:
                return int(found[1])
        raise RuntimeError("chromedriver has not started")

    def open_session(self, browser):
        options = {"binary": browser, "args": [*ARGUMENTS, f"--user-data-dir={self.directory.name}/profile"]}
        wanted = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        return self.call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})["sessionId"]

    def call(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_SECONDS)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            answer = connection.getresponse()
            value = json.loads(answer.read())["value"]
        finally:
            connection.close()
        if answer.status != 200:
            raise RuntimeError(f"{method} {path}: {value['error']}: {value['message']}")
        return value

    def do(self, command, body=None):
        return self.call("GET" if body is None else "POST", f"/session/{self.session}/{command}", body)

    def complaints(self):
        """What it has written to its console since it was last asked: errors of scripts, what a policy has kept away."""
        return [entry["message"] for entry in self.do("se/log", {"type": "browser"})
                if "/favicon.ico" not in entry["message"]]

    def windows(self):
        """The window that there is from the beginning, and a second one."""
        first = Window(self, self.do("window"))
        return first, Window(self, self.do("window/new", {"type": "window"})["handle"])

    def clean_up(self):
        """Chromium's helpers may be in sessions of their own: the mark finds them."""
        try:
            if self.session:
                self.call("DELETE", f"/session/{self.session}")
        finally:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
            client.end_marked(self.mark)
            client.until(lambda: not client.marked(self.mark), "somebody does not die")
            self.directory.cleanup()


class Window:
    def __init__(self, browser, handle):
        self.browser = browser
        self.handle = handle

    def do(self, command, body=None):
        self.browser.do("window", {"handle": self.handle})
        return self.browser.do(command, body)

    def open(self, url):
        self.do("url", {"url": url})

    def run(self, script):
        return self.do("execute/sync", {"script": script, "args": []})

    def texts(self, selector):
        return self.run(f"return [...document.querySelectorAll('{selector}')].map((e) => e.textContent)")

    def await_texts(self, selector, wanted):
        """Waits until the texts of these elements are those; what they were instead is the error."""
        try:
            client.until(lambda: self.texts(selector) == wanted, "")
        except TimeoutError:
            raise TimeoutError(f"{selector}: {self.texts(selector)}, not {wanted}") from None

    def click(self, path):
        """The element of an XPath, which is waited for; as a user does, and only where he could."""
        find = {"using": "xpath", "value": path}
        client.until(lambda: self.do("elements", find), f"there is no {path}")
        self.do(f"element/{self.do('element', find)[ELEMENT]}/click", {})
