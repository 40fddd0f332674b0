#!/usr/bin/python3
"""Drives every language's client through the same tests, by its agent (agents/README.md): against the bytes of
clients/vectors, and against the real daemon.

    conformance.py [LANGUAGE …]      all that have a folder in agents/, unless some are named

Environment: SPIKED_BIN, SPIKECTL_BIN; SPIKED_BUILD, the CMake build folder (agents are made below it).
The last line is "N passed, N failed, N skipped". A language whose toolchain is not there is skipped.

SPDX-License-Identifier: Apache-2.0
"""
import concurrent.futures
import os
import sys
import time
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "system"), str(HERE.parents[1] / "clients" / "vectors")]

import agent as agents  # noqa: E402
import harness as h  # noqa: E402
import with_daemon  # noqa: E402
import with_peer  # noqa: E402

TESTS = (*with_peer.TESTS, *with_daemon.TESTS)
WORKERS = 4  # they wait more than they compute
BUILD = Path(os.environ.get("SPIKED_BUILD", HERE.parents[1] / "build"))


class Client:
    """A language's agent, and what its client can do."""

    def __init__(self, command):
        self.command = command
        self.agent = agents.Agent(command)
        hello = self.agent.ask("hello")
        self.name, self.can = hello["client"], hello["can"]
        self.web = "web" in self.can

    def connect(self, where, **more):
        """To what of `where` is the client's way: "web", or the three of ZeroMQ."""
        keys = ("web",) if self.web else ("ingest", "publish", "control")
        self.agent.ask("connect", **{"timeout_ms": int(5000 * h.SLOW), **{key: where[key] for key in keys}, **more})

    def anew(self):
        """Another agent: the last test may have left this one waiting."""
        self.agent.kill()
        self.agent = agents.Agent(self.command)


def drive(language):
    """(lines to say, passed, failed, skipped) of a language."""
    began = time.monotonic()
    try:
        client = Client(agents.build(language, BUILD / "agents" / language))
    except agents.Missing as missing:
        return [f"skip   {language}: {missing}"], 0, 0, 1
    except Exception as error:  # noqa: BLE001
        return [f"FAILED {language}: its agent cannot be built, or does not start: {error}"], 0, 1, 0
    built = time.monotonic()
    lines, passed, failed, skipped = [], 0, 0, 0
    for test in TESTS:
        name = f"{language}: {test.__name__.replace('_', ' ')}"
        start = time.monotonic()
        try:
            why = test(client)
            lines.append(f"skip   {name}: {why}" if why else f"ok     {name} ({time.monotonic() - start:.1f} s)")
            passed, skipped = passed + (not why), skipped + bool(why)
        except Exception as error:  # noqa: BLE001
            ours = isinstance(error, (h.Failed, agents.Refused, TimeoutError))
            lines.append(f"FAILED {name}: {error if ours else traceback.format_exc()}\n{where(error)}")
            failed += 1
            client.anew()
    try:
        lines.append(f"{'FAILED' if client.agent.end() else 'ok    '} {language}: its agent ends by itself")
    except h.Failed as error:
        lines.append(f"FAILED {language}: {error}")
    ended = lines[-1].startswith("ok")
    lines.append(f"       {language}: built in {built - began:.1f} s, driven in {time.monotonic() - built:.1f} s")
    return lines, passed + ended, failed + (not ended), skipped


def where(error):
    """The test's line at which it failed."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if Path(f.filename).name.startswith("with_")]
    return f"    {Path(frames[-1].filename).name}:{frames[-1].lineno}: {frames[-1].line}" if frames else ""


def main():
    h.binary()
    wanted = sys.argv[1:] or agents.languages()
    unknown = set(wanted) - set(agents.languages())
    if unknown:
        sys.exit(f"{', '.join(sorted(unknown))}: no such folder in {agents.AGENTS}")
    passed = failed = skipped = 0
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        for lines, *counts in pool.map(drive, wanted):
            print("\n".join(lines), flush=True)
            passed, failed, skipped = (a + b for a, b in zip((passed, failed, skipped), counts))
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
