#!/usr/bin/python3
"""With keys, who has no listed one gets in nothing and out nothing, by whatever way it comes.

ATTEMPTS says how many attempts of each kind are made (default: a few).

SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import struct
import time

import zmq

import harness as h

ATTEMPTS = int(os.environ.get("ATTEMPTS", "40"))
SERVER, FRIEND, SENDER, LISTENER, STRANGER, WRONG = (zmq.curve_keypair() for _ in range(6))
ROW = [b"s", struct.pack("<2f", 5, 5)]
CALL = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "info"}).encode()


def text(key):
    return key.decode()


def key_file(pair):
    return f'public: "{text(pair[0])}"\nsecret: "{text(pair[1])}"\n'


def clients(*, friend=True):
    listed = [
        {"name": "sender", "key": text(SENDER[0]), "rows": ["s"]},
        {"name": "listener", "key": text(LISTENER[0]), "subscribe": ["s"]},
    ]
    if friend:
        listed.append({"name": "friend", "key": text(FRIEND[0]), "rows": "*", "subscribe": "*", "control": "full"})
    return listed


def keyed(**more):
    config = {"clock": "wall", "dt": "2 ms", "streams": [h.stream("s", 2), h.stream("secret", 1)],
              "security": {"key": "own.key", "clients": clients()}, "limits": {"connections": 3000}, **more}
    return h.Daemon(config, keys=(SERVER[0], *FRIEND), files={"own.key": key_file(SERVER)})


KINDS = {
    "no key at all": None,
    "a key that is not listed": (SERVER[0], *STRANGER),
    "a listed key, another server's key": (WRONG[0], *SENDER),
    "a listed public key without its secret": (SERVER[0], SENDER[0], STRANGER[1]),
}


def refused(daemon, keys):
    """How often the gate has said no (libzmq knocks once with a key), or has not even been come to."""
    return daemon.counters()["keys_refused" if keys == KINDS["a key that is not listed"] else "handshakes_failed"]


def attempt(daemon, keys, burst):
    """A burst of sockets of one kind: each pushes a row, subscribes to everything, calls. Gives what came back."""
    context = zmq.Context()
    sockets, came, before = [], 0, refused(daemon, keys)
    for _ in range(burst):
        for kind, endpoint in ((zmq.PUSH, daemon.ingest), (zmq.SUB, daemon.publish), (zmq.DEALER, daemon.control_at)):
            socket = context.socket(kind)
            socket.linger = 0
            socket.sndtimeo = 0
            socket.reconnect_ivl = 1000
            h.lock(socket, keys)
            if kind == zmq.SUB:
                socket.subscribe(b"")
            socket.connect(endpoint)
            if kind == zmq.PUSH:
                socket.send_multipart(ROW)
            elif kind == zmq.DEALER:
                socket.send_multipart([b"", CALL])
            sockets.append((kind, socket))
    h.until("all of them are refused", lambda: refused(daemon, keys) >= before + 3 * burst, timeout=20)
    for kind, socket in sockets:
        if kind != zmq.PUSH:
            while socket.poll(0):
                socket.recv_multipart()
                came += 1
        socket.close(0)
    context.destroy(0)
    return came


def nobody_unlisted_gets_anything():
    with keyed() as daemon:
        sub = daemon.sub("spikes/s/")
        before = daemon.counters()
        for what, keys in KINDS.items():
            came = done = 0
            while done < ATTEMPTS:
                burst = min(ATTEMPTS - done, 100)
                came += attempt(daemon, keys, burst)
                done += burst
            h.equal(f"{what}: {3 * done} attempts, messages that came back", came, 0)
            h.equal(f"{what}: rows taken", daemon.counters("s")["rows"], 0)
        after = daemon.counters()
        h.claim(f"refused keys are counted: {after['keys_refused']}", after["keys_refused"] >= 3 * ATTEMPTS)
        h.claim(f"failed handshakes too: {after['handshakes_failed']}", after["handshakes_failed"] >= 9 * ATTEMPTS)
        h.claim("nothing but the friend was let in", after["subscriptions_refused"] == before["subscriptions_refused"]
                and after["rejected_not_allowed"] == 0 and after["control_denied"] == 0)
        daemon.send_f32("s", 1, 1)
        daemon.wait_rows("s", 1)
        h.claim("the friend's row is taken, and its frames come", sub.recv()[0] == "spikes/s/")
        h.until("the strangers have gone", lambda: daemon.counters()["connections"] <= 4)
        log = daemon.log()
        h.claim("the refused key is in the log", text(STRANGER[0]) in log)
        h.claim("so is who came without a key", "came without a key" in log or "left during the handshake" in log, log)
        h.claim("and who came for another server", "another server key" in log, log)
        h.claim("no secret is", not any(text(pair[1]) in log for pair in (SERVER, FRIEND, SENDER, STRANGER)))
        h.claim("the log is not flooded", log.count("\n") < 60 + ATTEMPTS, log.count("\n"))
        h.claim("nor is one told by info or stats", text(SERVER[1]) not in json.dumps(
            [daemon.control("info"), daemon.control("stats"), daemon.control("streams")]))


def listed_keys_get_what_they_name():
    with keyed() as daemon:
        context = zmq.Context()
        for what, keys in (("a sender", SENDER), ("a listener", LISTENER)):
            came = 0
            for _ in range(max(1, ATTEMPTS // 100)):
                locked = (SERVER[0], *keys)
                sub, call = context.socket(zmq.SUB), context.socket(zmq.DEALER)
                for socket, endpoint in ((sub, daemon.publish), (call, daemon.control_at)):
                    h.lock(socket, locked)
                    socket.linger = 0
                    socket.connect(endpoint)
                sub.subscribe(b"")
                call.send_multipart([b"", CALL])
                heard = set()
                end = time.monotonic() + 0.4 * h.SLOW
                while time.monotonic() < end:
                    if sub.poll(20):
                        heard.add(sub.recv_multipart()[0].decode())
                came += bool(call.poll(0))
                sub.close()
                call.close()
            h.equal(f"{what} gets no answer from the control socket", came, 0)
            wanted = set() if keys is SENDER else {"spikes/s/", "state/s/", "values/s/", "json/s/", "meta/s/"}
            h.equal(f"{what} who subscribes to everything hears", heard, wanted)
        push = context.socket(zmq.PUSH)
        h.lock(push, (SERVER[0], *LISTENER))
        push.connect(daemon.ingest)
        push.send_multipart(ROW)
        time.sleep(0.2)
        h.equal("a listener's row is not taken", daemon.counters("s")["rows"], 0)
        push.close(0)
        push = context.socket(zmq.PUSH)
        h.lock(push, (SERVER[0], *SENDER))
        push.connect(daemon.ingest)
        push.send_multipart([b"secret", struct.pack("<f", 1)])
        push.send_multipart([b"nobody", struct.pack("<f", 1)])
        push.send_multipart(ROW)
        daemon.wait_rows("s", 1)
        h.equal("a sender's row is, but not for a stream that its key does not name", (
            daemon.counters("secret")["rejected_not_allowed"], daemon.counters("secret")["rows"],
            daemon.counters()["rejected_not_allowed"]), (1, 0, 1))
        push.close(0)
        context.destroy(0)


h.main(nobody_unlisted_gets_anything, listed_keys_get_what_they_name)
