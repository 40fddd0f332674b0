"""What the Python package's tests share: the package on the path, the sample messages, the real daemon.

Environment: SPIKED_BIN and SPIKED_ENCODERS_LIB, the daemon and the library to test; what needs one that
is not named is skipped.

SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VECTORS = ROOT / "clients" / "vectors"

for folder in (ROOT / "clients" / "python", ROOT / "tests" / "system"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

import harness  # noqa: E402
from spiked import Control, Receiver, Sender  # noqa: E402


def vectors(*ways):
    """(name, vector) of all sample messages that go these ways, frames as bytes."""
    for path in sorted(VECTORS.glob("*.json")):
        vector = json.loads(path.read_text())
        if vector["way"] in ways:
            vector["frames"] = [bytes.fromhex(frame) for frame in vector["frames"]]
            yield path.stem, vector


with_library = unittest.skipUnless(os.environ.get("SPIKED_ENCODERS_LIB"), "SPIKED_ENCODERS_LIB is not set")


@unittest.skipUnless(os.environ.get("SPIKED_BIN"), "SPIKED_BIN is not set")
class WithDaemon(unittest.TestCase):
    def daemon(self, config):
        daemon = harness.Daemon(config)
        daemon.__enter__()
        self.addCleanup(daemon.__exit__, None, None, None)
        return daemon

    def receiver(self, daemon, *topics, **options):
        """A receiver that the daemon knows of when this returns."""
        receiver = Receiver(*topics, f"meta/{daemon._first[1]}/", endpoint=daemon.publish,
                            **{"timeout": 10 * harness.SLOW, **options})
        self.addCleanup(receiver.close)
        while receiver.recv().topic != f"meta/{daemon._first[1]}/":
            pass
        receiver.unsubscribe(f"meta/{daemon._first[1]}/")
        return receiver

    def sender(self, daemon, **options):
        sender = Sender(daemon.ingest, timeout=10 * harness.SLOW, **options)
        self.addCleanup(sender.close)
        return sender

    def control(self, daemon):
        control = Control(daemon.control_at, timeout=10 * harness.SLOW)
        self.addCleanup(control.close)
        return control
