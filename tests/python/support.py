"""What the Python client's tests share: the package on the path, the sample messages.

SPDX-License-Identifier: Apache-2.0
"""
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VECTORS = ROOT / "clients" / "vectors"

for folder in (ROOT / "clients" / "python", ROOT / "tests" / "system"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def vectors(*ways):
    """(name, vector) of all sample messages that go these ways, frames as bytes."""
    for path in sorted(VECTORS.glob("*.json")):
        vector = json.loads(path.read_text())
        if vector["way"] in ways:
            vector["frames"] = [bytes.fromhex(frame) for frame in vector["frames"]]
            yield path.stem, vector
