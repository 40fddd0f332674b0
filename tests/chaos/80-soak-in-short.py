#!/usr/bin/python3
"""A soak (scripts/soak) of a few seconds finds no fault.

SPDX-License-Identifier: Apache-2.0
"""
import subprocess
import sys
import tempfile

import chaos as c
from chaos import h


def a_few_seconds():
    with tempfile.TemporaryDirectory(prefix="spiked-test-") as folder:
        run = subprocess.run([sys.executable, str(c.HERE / "soak.py"), str(8 * c.FACTOR / 3600), "--folder", folder],
                             capture_output=True, text=True, timeout=90 + 9 * c.FACTOR)
        print("".join(f"      {line}\n" for line in run.stdout.splitlines()), run.stderr, end="")
        h.equal("no fault", run.returncode, 0)


if h.INSTRUMENTED:
    print("80-soak-in-short.py: skipped: it judges times and memory")
else:
    h.main(a_few_seconds)
