#!/usr/bin/python3
"""spikectl with keys: every kind of command works, and who is refused is told why.

SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import subprocess
import tempfile
from pathlib import Path

import zmq

import harness as h

SPIKECTL = Path(h.binary()).parent / "spikectl"


def key_file(folder, name, pair=None):
    public, secret = (key.decode() for key in pair or zmq.curve_keypair())
    path = Path(folder) / name
    path.write_text(f'public: "{public}"\nsecret: "{secret}"\n')
    path.chmod(0o600)
    return path, public


def every_command_takes_keys():
    with tempfile.TemporaryDirectory() as folder:
        server = zmq.curve_keypair()
        admin, viewer = zmq.curve_keypair(), zmq.curve_keypair()
        server_file, server_key = key_file(folder, "server.key", server)
        admin_file, admin_key = key_file(folder, "admin.key", admin)
        viewer_file, viewer_key = key_file(folder, "viewer.key", viewer)
        stranger_file, _ = key_file(folder, "stranger.key")
        config = {"clock": "wall", "dt": "5 ms", "streams": [h.stream("s", 2)], "security": {
            "key": str(server_file), "clients": [
                {"name": "admin", "key": admin_key, "rows": "*", "subscribe": "*", "control": "full"},
                {"name": "viewer", "key": viewer_key, "subscribe": ["s"], "control": "read"}]}}
        with h.Daemon(config, keys=(server[0], *admin)) as daemon:
            def ctl(*words, key=admin_file, server_key=server_key, stdin=None):
                env = {**os.environ, "SPIKED_CONTROL": daemon.control_at, "SPIKED_PUBLISH": daemon.publish,
                       "SPIKED_INGEST": daemon.ingest}
                if key:
                    env.update(SPIKED_KEY=str(key), SPIKED_SERVER_KEY=str(server_key))
                done = subprocess.run([SPIKECTL, "--timeout", str(2 * h.SPAN), *words], env=env, input=stdin,
                                      capture_output=True, text=True, timeout=60 * h.SLOW)
                return done.returncode, done.stdout, done.stderr

            for words in (("status",), ("streams",), ("--json", "stats"), ("reset", "s"), ("sub", "s", "-n", "3")):
                status, out, errors = ctl(*words)
                h.claim(f"{' '.join(words)} works", status == 0 and out, errors)
            status, _, errors = ctl("pub", "s", stdin="1,2\n3,4\n")
            h.equal("pub works", (status, errors), (0, errors))
            daemon.wait_rows("s", 2)
            h.claim("a file names the server's key as well", ctl("status", server_key=server_file)[0] == 0)
            status, out, errors = ctl("status", "--key", str(viewer_file))
            h.claim("an option is taken before the environment", status == 0, errors)
            for what, key, server_key_, words in (
                    ("a key that is not listed", stranger_file, server_key, "not listed in security.clients"),
                    ("another server's key", admin_file, zmq.curve_keypair()[0].decode(), "server key is another's"),
                    ("no key", None, None, "do not agree about keys")):
                for command in (("status",), ("sub", "s")) + ((("pub", "s"),) if key is not admin_file else ()):
                    status, _, errors = ctl(*command, key=key, server_key=server_key_, stdin="1,2\n")
                    h.claim(f"{what}: {command[0]} says so", status == 1 and words in errors, (status, errors))
            status, _, errors = ctl("reset", "s", key=viewer_file)
            h.claim("a method that the key may not call is told of", status == 1 and "viewer" in errors, errors)
            status, _, errors = ctl("pub", "s", key=viewer_file, stdin="1,2\n")
            h.claim("so is a socket that it has no right to", status == 1 and "no right to this socket" in errors, errors)
            stranger_file.chmod(0o644)
            status, _, errors = ctl("status", key=stranger_file)
            h.claim("a key that others may read is refused", status == 1 and "chmod 600" in errors, errors)
            status, _, errors = ctl("status", "--key", "/nowhere", key=None)
            h.claim("one without the other, too", status == 1 and "go together" in errors, errors)
            h.claim("nothing of a secret is printed", admin[1].decode() not in json.dumps(ctl("--json", "info")))


h.main(every_command_takes_keys)
