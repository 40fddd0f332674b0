#!/usr/bin/python3
"""Limits refuse what goes beyond them and count it; what is wrong with keys keeps the daemon from starting.

SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import socket
import stat
import struct
import tempfile
import time
from pathlib import Path

import zmq

import harness as h


def connections():
    with h.Daemon({"clock": "manual", "limits": {"connections": 20}, "streams": [h.stream()]}) as d:
        host, port = d.publish[6:].split(":")
        kept = d.sub("spikes/s/")
        crowd = [socket.create_connection((host, int(port))) for _ in range(50)]
        d.wait_counter("connections_refused", 31)
        h.equal("of 51 connections 31 were closed", d.counters()["connections_refused"], 31)
        ended = 0
        for one in crowd:
            one.settimeout(0.5)
            try:
                while one.recv(100):
                    pass
                ended += 1
            except TimeoutError:
                pass
            except OSError:
                ended += 1
        h.claim(f"{ended} have seen it", ended >= 31)
        for one in crowd:
            one.close()
        h.until("those that have gone are not counted", lambda: d.counters()["connections"] <= 2)
        d.step(1)
        h.claim("who was there before is heard", kept.recv()[0] == "spikes/s/")
        h.claim("somebody new is let in", d.sub("spikes/s/"))
        h.claim("it is in the log", "turned away" in d.log())


def rows_in_a_second():
    with h.Daemon({"clock": "wall", "dt": "10 ms", "limits": {"rows_per_second": 1000},
                   "streams": [h.stream("s", 1)]}) as d:
        greedy, modest = d.pusher(), d.pusher()
        began = time.monotonic()
        for _ in range(60):
            greedy.send_multipart([b"s", bytes(4 * 100)])
        modest.send_multipart([b"s", bytes(4)])
        h.until("all have come", lambda: d.counters("s")["rows"] + 100 * d.counters("s")["rejected_rate"] >= 6001)
        rows, rejected = d.counters("s")["rows"], d.counters("s")["rejected_rate"]
        seconds = time.monotonic() - began
        h.claim(f"{rows} rows were used, {rejected} messages rejected, in {seconds:.2f} s",
                1001 <= rows <= 1101 + 1000 * int(seconds) and rejected >= 40)
        h.claim("it is in the log", "rows_per_second" in d.log())
        time.sleep(1.1)
        greedy.send_multipart([b"s", bytes(4)])
        h.until("in the next second its rows are used", lambda: d.counters("s")["rows"] == rows + 1)


def rows_are_not_limited_in_a_lossless_clock():
    with h.Daemon({"clock": "data", "limits": {"rows_per_second": 10}, "streams": [h.stream("s", 1)]}) as d:
        d.send_row("s", bytes(4 * 5000))
        d.wait_rows("s", 5000)
        d.send_row("s", bytes(4))
        d.wait_rows("s", 5001)
        h.claim("5001 of 5001 rows were used", d.counters("s")["rejected_rate"] == 0)


def control_requests():
    with h.Daemon({"clock": "manual", "streams": [h.stream()],
                   "limits": {"control_per_second": 50, "control_bytes": 1000, "control_depth": 10}}) as d:
        info = json.dumps({"jsonrpc": "2.0", "id": 7, "method": "info"}).encode()

        def code(text, dealer):
            dealer.send_multipart([b"", text])
            return json.loads(dealer.recv_multipart()[-1]).get("error", {}).get("code")
        dealer = d.context.socket(zmq.DEALER)
        dealer.rcvtimeo = int(5000 * h.SLOW)
        dealer.connect(d.control_at)
        deep = b'{"jsonrpc":"2.0","id":1,"method":"stream","params":{"name":' + b"[" * 9 + b"]" * 9 + b"}}"
        h.equal("a request that is too long", code(info + b" " * 1000, dealer), -32008)
        h.equal("one that is too deep", code(deep, dealer), -32008)
        h.equal("brackets in a text are no depth", code(info.replace(b"info", b"[[[[[[[[[[[["), dealer), -32601)
        codes = [code(info, dealer) for _ in range(80)]
        h.claim(f"{codes.count(-32008)} of 80 requests at once are too many", 25 <= codes.count(-32008) <= 33)
        other = d.context.socket(zmq.DEALER)
        other.rcvtimeo = int(5000 * h.SLOW)
        other.connect(d.control_at)
        h.equal("another connection is not concerned", code(info, other), None)
        time.sleep(1.1)
        h.equal("in the next second it is answered again", code(info, dealer), None)
        h.claim("they are counted", d.counters()["control_limited"] >= 27)
        dealer.send_multipart([b"", bytes(200_000)])
        h.claim("far too long a one is not even received", not dealer.poll(300))
        h.claim("and its connection goes on anew", code(info, other) is None)


def pair():
    return [key.decode() for key in zmq.curve_keypair()]


def key_file(public, secret):
    return f'# mine\npublic: "{public}"\nsecret: "{secret}"\n'


def what_is_wrong_with_keys_is_no_start():
    own, other, client = pair(), pair(), pair()
    good = [{"name": "a", "key": client[0], "rows": ["s"]}]
    cases = {
        "a key file that is not there": (None, good, 0o600, "No such file"),
        "one that others may read": (key_file(*own), good, 0o604, "chmod 600"),
        "one that the group may write": (key_file(*own), good, 0o620, "chmod 600"),
        "one without a secret": (f'public: "{own[0]}"\n', good, 0o600, "no line secret"),
        "a secret that is cut short": (key_file(own[0], own[1][:39]), good, 0o600, "no line secret"),
        "a secret that is no Z85": (key_file(own[0], "~" * 40), good, 0o600, "no line secret"),
        "halves of two pairs": (key_file(own[0], other[1]), good, 0o600, "damaged"),
        "an empty file": ("", good, 0o600, "no line secret"),
        "a client without a key": (key_file(*own), [{"name": "a", "rows": ["s"]}], 0o600, "needs key"),
        "a client's key that is none": (key_file(*own), [{"name": "a", "key": "x" * 39, "rows": ["s"]}], 0o600, "is not a key"),
        "two clients of one name": (key_file(*own), good + [{"name": "a", "key": other[0], "rows": ["s"]}], 0o600, "already"),
        "two clients of one key": (key_file(*own), good + [{"name": "b", "key": client[0], "rows": ["s"]}], 0o600, "has the key of"),
        "a topic that there is not": (key_file(*own), [{"name": "a", "key": client[0], "subscribe": ["spike/s/"]}], 0o600, "no topic"),
        "a topic without its slash": (key_file(*own), [{"name": "a", "key": client[0], "subscribe": ["spikes/s"]}], 0o600, "no topic"),
        "a word for control": (key_file(*own), [{"name": "a", "key": client[0], "control": "some"}], 0o600, "control"),
    }
    with tempfile.TemporaryDirectory() as folder:
        path, key = Path(folder) / "c.yaml", Path(folder) / "own.key"

        def start(check, security, **more):
            path.write_text(json.dumps({"ingest": "ipc://" + folder + "/i", "publish": "ipc://" + folder + "/p",
                                        "control": "none", "streams": [h.stream("s")], "security": security, **more}))
            return h.run(*(["--check"] if check else []), "-c", str(path))
        for what, (text, clients, mode, words) in cases.items():
            key.unlink(missing_ok=True)
            if text is not None:
                key.write_text(text)
                key.chmod(mode)
            for check in (True, False):
                done = start(check, {"key": "own.key", "clients": clients})
                h.claim(f"{what}: {'--check' if check else 'start'} refuses it",
                        done.returncode == 1 and words in done.stderr, (done.returncode, done.stderr))
                h.claim("and tells no secret", own[1] not in done.stderr + done.stdout)
        key.write_text(key_file(*own))
        key.chmod(0o640)
        h.equal("a group may read it", start(True, {"key": "own.key", "clients": good}).returncode, 0)
        listed = Path(folder) / "clients.yaml"
        listed.write_text(json.dumps(good))
        for mode, wanted in ((0o644, 0), (0o664, 1), (0o646, 1)):
            listed.chmod(mode)
            done = start(True, {"key": "own.key", "clients": "clients.yaml"})
            h.equal(f"a list of mode {mode:o}", done.returncode, wanted)
        listed.chmod(0o600)
        listed.write_text("- name: a\n  key: short\n- nme: b\n")
        done = start(True, {"key": "own.key", "clients": "clients.yaml"})
        h.claim("faults in a list of its own have its name and line",
                f"{listed}:2:8: [0].key" in done.stderr and f"{listed}:3:" in done.stderr and "did you mean name" in done.stderr, done.stderr)
        before = {p: (p.stat().st_mtime_ns, stat.S_IMODE(p.stat().st_mode)) for p in Path(folder).iterdir()}
        start(True, {"key": "own.key", "clients": good})
        h.claim("a check leaves the files as they are", all(
            before[p] == (p.stat().st_mtime_ns, stat.S_IMODE(p.stat().st_mode)) for p in before if p != path))
        h.claim("and makes none", {p.name for p in Path(folder).iterdir()} == {p.name for p in before})
        done = start(True, {"key": "own.key", "clients": good}, ingest=[{"connect": "tcp://127.0.0.1:5", "stream": "s"}])
        h.claim("a PUB to connect to without its key is refused", done.returncode == 1 and "server_key" in done.stderr, done.stderr)
        done = start(True, {"key": "own.key", "clients": good}, publish="tcp://0.0.0.0:7571")
        h.claim("with keys other machines may reach it", done.returncode == 0 and "insecure" not in done.stderr, done.stderr)


def open_doors_are_said():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "c.yaml"
        path.write_text(json.dumps({"publish": "tcp://0.0.0.0:7571", "streams": [h.stream("s")]}))
        done = h.run("--check", "-c", str(path))
        h.claim("beyond this machine without keys: refused", done.returncode == 1 and "security" in done.stderr, done.stderr)
        path.write_text(json.dumps({"publish": "tcp://0.0.0.0:7571", "insecure": True, "streams": [h.stream("s")]}))
        done = h.run("--check", "-c", str(path))
        h.claim("with insecure: true it is a warning", done.returncode == 0 and "nothing checks who they are" in done.stderr, done.stderr)


h.main(connections, rows_in_a_second, rows_are_not_limited_in_a_lossless_clock, control_requests,
       what_is_wrong_with_keys_is_no_start, open_doors_are_said)
