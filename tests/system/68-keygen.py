#!/usr/bin/python3
"""spikectl keygen: pairs that fit, files that only their owner reads, nothing overwritten; the daemon takes them.

SPDX-License-Identifier: Apache-2.0
"""
import json
import re
import stat
import subprocess
import tempfile
from pathlib import Path

import harness as h
import zmq


def keygen(*words):
    return subprocess.run([str(Path(h.binary()).parent / "spikectl"), "keygen", *map(str, words)],
                          capture_output=True, text=True, timeout=30)


def pairs_are_made_and_kept():
    with tempfile.TemporaryDirectory() as folder:
        own, client = Path(folder) / "spiked.key", Path(folder) / "arm.key"
        first = keygen(own)
        h.equal("keygen's status", first.returncode, 0)
        text = own.read_text()
        public, secret = (re.search(f'^{word}: "(.{{40}})"$', text, re.M)[1] for word in ("public", "secret"))
        h.equal("the public key belongs to the secret one", zmq.curve_public(secret.encode()).decode(), public)
        h.equal("mode", stat.S_IMODE(own.stat().st_mode), 0o600)
        h.claim("the public key is printed and the secret one is not",
                public in first.stdout and secret not in first.stdout + first.stderr)
        again = keygen(own)
        h.claim("a file that is there is refused", again.returncode == 1 and "is there already" in again.stderr)
        h.equal("and stays as it is", own.read_text(), text)
        h.equal("a folder that is not there", keygen(Path(folder) / "no" / "key").returncode, 1)
        listed = json.loads(keygen("--json", client).stdout)["public"]
        config = Path(folder) / "c.json"
        config.write_text(json.dumps({
            "streams": [h.stream("s", 1)],
            "security": {"key": "spiked.key", "clients": [{"name": "arm", "key": listed, "rows": ["s"]}]}}))
        check = subprocess.run([h.binary(), "--check", "-c", str(config)], capture_output=True, text=True, timeout=30)
        h.equal("the daemon takes both: " + check.stderr, check.returncode, 0)
        own.chmod(0o644)
        check = subprocess.run([h.binary(), "--check", "-c", str(config)], capture_output=True, text=True, timeout=30)
        h.claim("but not a file that others may read", check.returncode == 1 and "chmod 600" in check.stderr)


h.main(pairs_are_made_and_kept)
