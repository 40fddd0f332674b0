#!/usr/bin/python3
"""docs/FIRST-STEPS.md, done as it stands there: its files are written, its commands run, its output compared.

  ```yaml, ```python, ```js   a file, by the name in its first line
  ```sh                       commands that must end with status 0
  ```sh terminal              commands that go on in a terminal of their own, until <!-- ctrl-c COMMAND --> or the end
  ```text                     what the commands before it print, whatever the numbers

They run in a scratch folder that looks like the top one; `scripts/…` run in the real one, since they build there.

SPDX-License-Identifier: Apache-2.0
"""
import os
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

from examples import ROOT, h

PAGE = ROOT / "docs/FIRST-STEPS.md"
PART = re.compile(r"^```(\w+)( terminal)?\n(.*?)^```$|<!-- ctrl-c (\S+) -->", re.M | re.S)
PORTS = (7570, 7571, 7572, 7573)
LIMIT_S = 60
INTERRUPTED = 128 + signal.SIGINT  # as a shell tells it


def shape(line):
    """A line without its numbers."""
    return re.sub(r"\d+(\.\d+)?", "0", line.strip())


class Terminal:
    def __init__(self, commands, folder):
        self.commands = commands.strip()
        # The shell lets Ctrl-C pass to the command, as one at a prompt does, and ends with its status.
        self.process = subprocess.Popen(["sh", "-ec", f"trap : INT\n{commands}"], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, start_new_session=True, env=environment())
        self.lines = []
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line)

    def text(self):
        return "".join(self.lines)[-3000:]

    def end(self):
        os.killpg(self.process.pid, signal.SIGINT)
        try:
            self.process.wait(10 * h.SLOW)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            raise h.Failed(f"{self.commands} did not end by Ctrl-C:\n{self.text()}") from None


def environment():
    """`node` and `npm` are those that scripts/test found."""
    node = os.environ.get("NODE")
    path = os.environ.get("PATH", "/usr/bin:/bin")
    return {**os.environ, "PATH": f"{Path(node).parent}:{path}" if node else path, "PYTHONUNBUFFERED": "1"}


class Stranger:
    """Goes through the page."""

    def __init__(self, folder):
        self.folder = folder
        self.terminals = []
        self.last = None     # what the newest commands printed, or their terminal
        for path in ROOT.iterdir():
            if path.name != "build":
                (folder / path.name).symlink_to(path)
        (folder / "build").symlink_to(Path(h.binary()).resolve().parents[1])

    def place(self, commands):
        return ROOT if commands.startswith("scripts/") else self.folder

    def do(self, kind, goes_on, body):
        if kind in ("yaml", "python", "js"):
            name = re.match(r"(?:#|//) (\S+)\n", body)[1]
            (self.folder / name).write_text(body)
            print(f"  ok  {name}, {body.count(chr(10)) - 1} lines", flush=True)
        elif kind == "sh" and goes_on:
            self.open(body)
        elif kind == "sh":
            self.run(body)
        elif kind == "text":
            self.compare(body)

    def open(self, commands):
        terminal = self.last = Terminal(commands, self.place(commands))
        self.terminals.append(terminal)
        end = time.monotonic() + 1
        while time.monotonic() < end and terminal.process.poll() is None:
            time.sleep(0.05)
        h.claim(f"goes on: {terminal.commands}", terminal.process.poll() is None, terminal.text())

    def run(self, commands):
        done = subprocess.run(["sh", "-ec", commands], cwd=self.place(commands), stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=LIMIT_S * h.SLOW, env=environment())
        self.last = done.stdout
        for command in commands.strip().splitlines():
            h.claim(f"runs: {command}", done.returncode == 0, done.stdout + done.stderr)

    def compare(self, body):
        wanted = {shape(line) for line in body.splitlines()}

        def came():
            lines = self.last.lines if isinstance(self.last, Terminal) else self.last.splitlines()
            return wanted <= {shape(line) for line in list(lines)}
        h.until(f"a line like {body.strip()}", came, timeout=10)
        print(f"  ok  prints: {body.strip().splitlines()[0]} …", flush=True)

    def interrupt(self, command):
        """Ctrl-C in the terminal where that runs. The demo has shown something by then."""
        terminal = next(each for each in self.terminals if command in each.commands)
        self.terminals.remove(terminal)
        if terminal.commands == "scripts/demo":
            h.until("the demo shows spikes", lambda: re.search(r"^ *\d\.\d\|.*[.:+*#]", "".join(terminal.lines), re.M), LIMIT_S)
        terminal.end()
        h.claim(f"ends by Ctrl-C: {terminal.commands}", terminal.process.returncode in (0, INTERRUPTED), terminal.text())

    def leave(self):
        for terminal in reversed(self.terminals):
            h.claim(f"still goes on: {terminal.commands}", terminal.process.poll() is None, terminal.text())
            terminal.end()

    def look_at_the_page(self):
        with urllib.request.urlopen("http://127.0.0.1:7573/", timeout=5) as page:
            h.claim("the page is there", page.status == 200 and "text/html" in page.headers["Content-Type"])


def the_page_as_it_stands():
    text = PAGE.read_text()
    parts = list(PART.finditer(text))
    h.equal("every block of the page is one of the known kinds", {part[1] for part in parts if part[1]} - {"yaml", "python", "js", "sh", "text"}, set())
    with tempfile.TemporaryDirectory(prefix="spiked-test-") as folder:
        stranger = Stranger(Path(folder))
        try:
            for part in parts:
                if part[4]:
                    stranger.interrupt(part[4])
                else:
                    stranger.do(part[1], part[2], part[3])
            stranger.look_at_the_page()
            stranger.leave()
        finally:
            for terminal in stranger.terminals:
                if terminal.process.poll() is None:
                    os.killpg(terminal.process.pid, signal.SIGKILL)


def sensor_and_subscriber_are_short():
    text = PAGE.read_text()
    for kind in ("python", "js"):
        body = re.search(rf"^```{kind}\n(.*?)^```$", text, re.M | re.S)[1]
        lines = [line for line in body.splitlines()[1:] if line.strip()]
        h.claim(f"{kind}: ten lines", len(lines) <= 10, len(lines))


def is_taken(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


taken = [port for port in PORTS if is_taken(port)]
if taken:
    print(f"{Path(__file__).name}: skipped: port {taken[0]} is in use, and the page takes the usual ones")
else:
    h.main(sensor_and_subscriber_are_short, the_page_as_it_stands)
