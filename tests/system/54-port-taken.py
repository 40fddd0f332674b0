#!/usr/bin/python3
"""A port that is taken ends the start with a sentence that says which and what to change.

SPDX-License-Identifier: Apache-2.0
"""
import json
import socket
import tempfile
from pathlib import Path

import harness as h


def start(taken_key):
    ports = h.free_ports(3)
    endpoints = dict(zip(("ingest", "publish", "control"), (f"tcp://127.0.0.1:{port}" for port in ports)))
    with socket.socket() as taken, tempfile.TemporaryDirectory(prefix="spiked-test-") as folder:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", int(endpoints[taken_key].rsplit(":", 1)[1])))
        taken.listen()
        path = Path(folder) / "spiked.yaml"
        path.write_text(json.dumps({**endpoints, "streams": [h.stream("s", 1)]}))
        return endpoints[taken_key], h.run("-c", str(path))


def each_socket():
    for key in ("ingest", "publish", "control"):
        endpoint, result = start(key)
        text = result.stderr + result.stdout
        h.claim(f"{key}: ends with an error", result.returncode > 0, result.returncode)
        h.claim(f"{key}: says which", endpoint in text, text)
        h.claim(f"{key}: and by what to change it", f"{key}:" in text or f"'{key}'" in text or key in text.replace(endpoint, ""), text)


def two_daemons():
    with h.Daemon({"streams": [h.stream("s", 1)]}) as daemon:
        result = h.run("-c", str(daemon.path))
        h.claim("a second one does not start", result.returncode > 0, result.returncode)
        h.claim("and the first goes on", daemon.control("info")["pid"] == daemon.process.pid or h.os.environ.get("SPIKED_WRAP"))


h.main(each_socket, two_daemons)
