"""`python -m spiked convert IN OUT`. Installed, the command is spiked-convert: `spiked` is the daemon.

SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

import sys


def main() -> int:
    if sys.argv[1:2] == ["convert"]:
        from .convert.command import main as convert
        return convert(sys.argv[2:])
    print("usage: python -m spiked convert IN OUT (--help says more)", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
