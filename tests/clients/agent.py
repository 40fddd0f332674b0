"""An agent (agents/README.md) as an object: a program in some language that does what it is told with that
language's client.

SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import select
import signal
import subprocess
import time
from pathlib import Path

import harness as h

AGENTS = Path(__file__).resolve().parent / "agents"
MISSING = 77
BUILD_S = 300
ANSWER_S = 20


class Missing(Exception):
    """The toolchain of the language is not there."""


def languages():
    return sorted(path.parent.name for path in AGENTS.glob("*/build"))


def build(language, folder):
    """The agent's command."""
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run([AGENTS / language / "build", folder], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, errors="replace", timeout=BUILD_S * h.SLOW)
    last = (done.stdout.strip().splitlines() or [""])[-1]
    if done.returncode == MISSING:
        raise Missing(last)
    if done.returncode:
        raise h.Failed(f"build ended with {done.returncode}:\n{(done.stdout + done.stderr)[-6000:]}")
    return json.loads(last)


class Refused(Exception):
    """The agent answered with an error."""

    def __init__(self, answer):
        super().__init__(answer["error"])
        self.code = answer.get("code")
        self.path = answer.get("path")


class Agent:
    def __init__(self, command):
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         start_new_session=True)
        self._read = b""

    def tell(self, do, **more):
        """Sends a request; answer() has its answer."""
        self._process.stdin.write(json.dumps({"do": do, **more}).encode() + b"\n")
        self._process.stdin.flush()

    def answer(self, timeout=ANSWER_S):
        end = time.monotonic() + timeout * h.SLOW
        while b"\n" not in self._read:
            if not select.select([self._process.stdout], [], [], max(0, end - time.monotonic()))[0]:
                raise h.Failed(f"the agent does not answer within {timeout * h.SLOW:g} s")
            more = os.read(self._process.stdout.fileno(), 1 << 20)
            if not more:
                raise h.Failed(f"the agent ended with {self._process.wait()}")
            self._read += more
        line, _, self._read = self._read.partition(b"\n")
        answer = json.loads(line)
        if "error" in answer:
            if not isinstance(answer["error"], str) or len(answer["error"]) < 5:
                raise h.Failed(f"an error without a sentence: {line[:200]!r}")
            raise Refused(answer)
        return answer

    def ask(self, do, **more):
        self.tell(do, **more)
        return self.answer()

    def refused(self, do, **more):
        """The Refused that a request must end in."""
        try:
            answer = self.ask(do, **more)
        except Refused as refused:
            return refused
        raise h.Failed(f"{do} {str(more)[:200]} was accepted: {str(answer)[:200]}")

    def call(self, method, params=None):
        return self.ask("call", method=method, **({} if params is None else {"params": params}))["result"]

    def receive(self, count, timeout=5.0):
        return self.ask("receive", count=count, timeout_ms=int(timeout * 1000 * h.SLOW))

    def messages(self, count, timeout=5.0):
        """Exactly so many, and none that was refused."""
        got = self.receive(count, timeout)
        if len(got["messages"]) != count or got["fault"]:
            raise h.Failed(f"{len(got['messages'])} messages, not {count}; fault: {got['fault']!r}")
        return got["messages"]

    def pause(self):
        os.killpg(self._process.pid, signal.SIGSTOP)

    def go_on(self):
        os.killpg(self._process.pid, signal.SIGCONT)

    def end(self):
        """Its input ends, and so must it."""
        self._process.stdin.close()
        try:
            return self._process.wait(10 * h.SLOW)
        except subprocess.TimeoutExpired:
            self.kill()
            raise h.Failed("the agent does not end with its input") from None

    def kill(self):
        """At once, with all that it has started."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._process.wait()
