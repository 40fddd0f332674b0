"""`spiked convert IN OUT`, and `python -m spiked convert IN OUT`.

The daemon is called `spiked` too, and where the package's command comes first on PATH it would hide it. So every
other word goes to the daemon that comes next there.

SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import List, Optional


def daemon() -> Optional[str]:
    """The first `spiked` on PATH that is a program, not a script as this command is."""
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        found = shutil.which("spiked", path=folder or ".")
        if not found:
            continue
        with open(found, "rb") as file:
            if file.read(2) != b"#!":
                return found
    return None


def main(arguments: Optional[List[str]] = None) -> int:
    words = sys.argv[1:] if arguments is None else arguments
    if words[:1] == ["convert"]:
        from .convert.command import main as convert
        return convert(words[1:])
    found = None if Path(sys.argv[0]).name == "__main__.py" else daemon()
    if found:
        os.execv(found, [found, *words])
    print("usage: spiked convert IN OUT (--help says more); the daemon of this name is not on the PATH", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
