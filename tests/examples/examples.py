"""What the tests of the demos share: a demo is run as a person would, with the daemon that is to be tested.

SPDX-License-Identifier: Apache-2.0
"""
import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
for folder in (ROOT / "tests/system", ROOT / "clients/python"):
    sys.path.insert(0, str(folder))

import harness as h  # noqa: E402
import numpy as np  # noqa: E402,F401

LIMIT_S = 40


class Demo:
    """A demo that runs; what it prints is read as it comes."""

    def __init__(self, name, *options, builds=False):
        """With `builds` it makes its daemon itself, as it does where nobody names one."""
        h.binary()
        self.name = name
        environment = {key: value for key, value in os.environ.items() if not builds or not key.startswith("SPIKED_")}
        self.process = subprocess.Popen(
            [ROOT / "examples" / name / "run", *map(str, options)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, bufsize=1, start_new_session=True, env=environment)
        self.text = ""

    def read_until(self, pattern):
        """Reads lines until one matches."""
        for line in self.process.stdout:
            self.text += line
            found = re.search(pattern, line)
            if found:
                return found
        raise h.Failed(f"{self.name} ended with {self.process.wait()} before it printed {pattern}:\n{self.text[-4000:]}")

    def ended(self, status, limit=LIMIT_S):
        """Waits for the end, which must be with this status; gives what was printed."""
        try:
            rest, _ = self.process.communicate(timeout=limit * h.SLOW)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise h.Failed(f"{self.name} did not end within {limit * h.SLOW:g} s:\n{self.text[-4000:]}") from None
        self.text += rest
        if self.process.returncode != status:
            raise h.Failed(f"{self.name} ended with {self.process.returncode}, not {status}:\n{self.text[-4000:]}")
        return self.text

    def config(self):
        """The file that its daemon runs with."""
        return Path(self.read_until(r"^spiked -c (\S+)")[1]).read_text()

    def interrupt(self):
        """Ctrl-C."""
        self.children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        if not self.children:
            raise h.Failed(f"{self.name} has no daemon")
        self.process.send_signal(signal.SIGINT)
        self.ended(0)

    def left(self):
        """Processes that it had when it was interrupted and that are still there."""
        return [pid for pid in self.children if Path(f"/proc/{pid}").exists()]


def endpoint(config, key):
    return re.search(rf'^{key}:.*?"((?:tcp://)?[^"]+)"', config, re.M)[1]


def saved_run(name, seconds, *options):
    """Runs a demo for so long: (what it printed, what it saved)."""
    with tempfile.TemporaryDirectory(prefix="spiked-test-") as folder:
        path = Path(folder) / "run.npz"
        text = Demo(name, "--seconds", seconds, "--save", path, *options).ended(0)
        with np.load(path) as kept:
            return text, {key: kept[key] for key in kept.files}


def figure(text, pattern):
    """The number that a line of the demo says."""
    found = re.search(pattern, text)
    if not found:
        raise h.Failed(f"no line like {pattern} in:\n{text[-3000:]}")
    return float(found[1])


__all__ = ["Demo", "ROOT", "endpoint", "figure", "h", "np", "saved_run"]
