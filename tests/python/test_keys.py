"""Keys: the client with a daemon that has `security`, and why a connection does not come about.

SPDX-License-Identifier: Apache-2.0
"""
import tempfile
import unittest
from pathlib import Path

import zmq

from support import WithDaemon, harness
from spiked import Blocked, Control, ControlError, ControlTimeout, Keys, Receiver, Sender, Silence


def key_file(folder, name):
    public, secret = (key.decode() for key in zmq.curve_keypair())
    path = Path(folder) / name
    path.write_text(f'# keys\npublic: "{public}"\nsecret: "{secret}"\n')
    path.chmod(0o600)
    return path, public


class Files(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.own, self.public = key_file(folder.name, "own.key")
        self.server, self.server_key = key_file(folder.name, "server.key")

    def test_from_files_and_from_a_key(self):
        for server in (self.server, str(self.server), self.server_key):
            keys = Keys.load(self.own, server)
            self.assertEqual((keys.server, keys.public), (self.server_key, self.public))
        self.assertNotIn(keys.secret, repr(keys))

    def test_refused(self):
        self.own.chmod(0o640)
        Keys.load(self.own, self.server_key)
        self.own.chmod(0o644)
        self.assertRaises(PermissionError, Keys.load, self.own, self.server_key)
        self.own.chmod(0o600)
        other = self.own.read_text().replace(self.public, self.server_key)
        self.own.write_text(other)
        self.assertRaisesRegex(ValueError, "damaged", Keys.load, self.own, self.server_key)
        self.own.write_text("public: nothing\n")
        self.assertRaisesRegex(ValueError, "secret", Keys.load, self.own, self.server_key)


class WithKeys(WithDaemon):
    def test_all_three_sockets(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        server, server_key = key_file(folder.name, "server.key")
        own, own_key = key_file(folder.name, "own.key")
        stranger, _ = key_file(folder.name, "stranger.key")
        keys = Keys.load(own, server)
        daemon = harness.Daemon({
            "clock": "data", "streams": [{"name": "s", "channels": 1, "encode": [{"lif": {}}]}],
            "security": {"key": str(server), "clients": [
                {"name": "me", "key": own_key, "rows": "*", "subscribe": "*", "control": "read"}]}},
            keys=tuple(key.encode() for key in (keys.server, keys.public, keys.secret)))
        daemon.__enter__()
        self.addCleanup(daemon.__exit__, None, None, None)
        slow = harness.SLOW
        with Receiver("spikes/s/", "meta/s/", endpoint=daemon.publish, timeout=5 * slow, keys=keys) as receiver, \
                Sender(daemon.ingest, timeout=5 * slow, keys=keys) as sender, \
                Control(daemon.control_at, timeout=5 * slow, keys=keys) as control:
            self.assertEqual(receiver.recv().topic, "meta/s/")
            sender.send("s", [5.0])
            while receiver.recv().topic != "spikes/s/":
                pass
            self.assertEqual(control.info()["clock"], "data")
            with self.assertRaisesRegex(ControlError, "control: read"):
                control.reset("s")
        for bad, words in ((Keys.load(stranger, server_key), "not listed"), (None, "do not agree about keys")):
            with Receiver("spikes/s/", endpoint=daemon.publish, timeout=0.5 * slow, keys=bad) as receiver:
                self.assertRaisesRegex(Silence, words, receiver.recv)
            with Control(daemon.control_at, timeout=0.5 * slow, keys=bad) as control:
                self.assertRaisesRegex(ControlTimeout, words, control.info)
            with Sender(daemon.ingest, timeout=0.5 * slow, keys=bad) as sender:
                self.assertRaisesRegex(Blocked, words, sender.send, "s", [1.0])


if __name__ == "__main__":
    unittest.main()
