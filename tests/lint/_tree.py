"""The files of the source tree, for the lint scripts.

SPDX-License-Identifier: Apache-2.0
"""
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SKIPPED = {".git", ".cache", "node_modules", "__pycache__", "target"}


def files(*suffixes, under="."):
    """Paths relative to the top, sorted; no build folders."""
    for folder, folders, names in os.walk(ROOT / under):
        folders[:] = sorted(d for d in folders if d not in SKIPPED and not d.startswith("build"))
        for name in sorted(names):
            path = (Path(folder) / name).relative_to(ROOT)
            if path.suffix in suffixes or not suffixes:
                yield path


def text(path):
    return (ROOT / path).read_text(encoding="utf-8", errors="replace")


def finish(faults):
    """Prints the faults and ends with 1 if there are any."""
    for fault in faults:
        print(fault)
    sys.exit(1 if faults else 0)
