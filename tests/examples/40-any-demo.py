#!/usr/bin/python3
"""What holds for every demo: help, an end by Ctrl-C, ports that are taken, and none of it left behind.

SPDX-License-Identifier: Apache-2.0
"""
import subprocess
from pathlib import Path

from examples import ROOT, Demo, endpoint, h

NAMES = sorted(path.parent.name for path in (ROOT / "examples").glob("*/run"))


def all_four_are_there():
    h.equal("the demos", NAMES, ["camera", "cartpole", "host", "speech"])
    for name in NAMES:
        page = (ROOT / f"docs/demos/{name}.md").read_text()
        h.claim(f"{name} has a page with a picture that is there", f"({name}.png)" in page and (ROOT / f"docs/demos/{name}.png").exists())


def help_starts_nothing():
    for name in NAMES:
        shown = subprocess.run([ROOT / "examples" / name / "run", "--help"], capture_output=True, text=True, timeout=10 * h.SLOW)
        h.claim(f"{name} explains itself", shown.returncode == 0 and f"usage: examples/{name}/run" in shown.stdout, shown.stdout)


def without_a_daemon_named_it_builds_one():
    if Path(h.binary()).resolve() != ROOT / "build/bin/spiked":
        print("      not tried: the daemon to test is not the one in build/", flush=True)
        return
    text = Demo("host", "--seconds", 2, builds=True).ended(0, limit=100)
    h.claim("it builds and works", text.startswith("Building into build/\nspiked -c "), text[:200])


def they_run_beside_each_other_and_end_by_ctrl_c():
    """The first one has the ports of its configuration, the others find theirs taken."""
    demos = [Demo(name) for name in NAMES if name != "cartpole"]
    controls = {endpoint(demo.config(), "control") for demo in demos}
    h.equal("each has ports of its own", len(controls), len(demos))
    for demo in demos:
        end(demo)
    end(Demo("cartpole"))  # which wants time to itself


def end(demo):
    demo.read_until(r"^ *\d+\.\d")
    demo.interrupt()
    h.claim(f"{demo.name} ended by Ctrl-C, and left no process behind", not demo.left(), demo.left())


h.main(all_four_are_there, help_starts_nothing, without_a_daemon_named_it_builds_one, they_run_beside_each_other_and_end_by_ctrl_c)
