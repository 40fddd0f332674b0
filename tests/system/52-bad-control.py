#!/usr/bin/python3
"""Bad control messages are answered with an error and change nothing.

SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import random

import zmq

import harness as h

CONFIG = {"clock": "manual", "streams": [h.stream("s", 2, ["lif"])]}
SEED = 4711

BYTES = [
    (b"", -32700), (b"hello", -32700), (b"{", -32700), (b"\xff\xfe\x00", -32700), (b'{"jsonrpc":"2.0","id":1,"method":"info"} x', -32700),
    (b"[" * 100000, -32008), (b"[" * 30, -32700), (b"[" * 33, -32008), (b'"' + b"[" * 33 + b'"', -32600), (b"[]", -32600), (b"3", -32600), (b"null", -32600), (b'"info"', -32600), (b"{}", -32600),
    (b'{"jsonrpc":"2.0","id":1}', -32600), (b'{"jsonrpc":"2.0","id":1,"method":7}', -32600),
    (b'{"jsonrpc":"2.0","id":1,"method":"nope"}', -32601), (b'{"jsonrpc":"2.0","id":1,"method":""}', -32601),
    (b'{"jsonrpc":"2.0","id":1,"method":"stream","params":7}', -32600),
]


def code(answer):
    document = json.loads(answer)
    document = document[0] if isinstance(document, list) else document
    return document.get("error", {}).get("code")


def bytes_that_are_no_request():
    with h.Daemon(CONFIG) as daemon:
        for message, wanted in BYTES:
            got = code(daemon.control_bytes(message))
            accepted = (wanted, -32602) if b"params" in message else (wanted,)
            h.claim(f"{message[:60]}: {got}", got in accepted, f"wanted {wanted}")
        message = json.loads(daemon.control_bytes(b'{"jsonrpc":"2.0","id":1,"method":"inf"}'))["error"]["message"]
        h.claim(f"a near miss is named: {message}", "info" in message)


def requests_that_cannot_be():
    with h.Daemon(CONFIG) as daemon:
        for method, params, words in (
                ("stream", {}, "name"), ("stream", {"name": "x"}, "x"), ("stream", {"name": 3}, "name"),
                ("remove", {"name": "t"}, "t"), ("reset", {"name": ""}, ""), ("reset", {"nam": "s"}, "name"),
                ("set", {"name": "nobody", "stage": 0, "param": "v_th", "value": 1}, "nobody"),
                ("set", {"name": "s", "stage": 9, "param": "v_th", "value": 1}, "stage"),
                ("set", {"name": "s", "stage": 0, "param": "v_ht", "value": 1}, "v_th"),
                ("set", {"name": "s", "stage": 0, "param": "v_th", "value": "x"}, "v_th"),
                ("set", {"name": "s", "stage": 0, "param": "v_th", "value": None}, ""),
                ("set", {"name": "s", "stage": 0, "param": "tau_mem_inv", "value": -5}, "tau_mem_inv"),
                ("set", {"name": "s", "stage": 0, "param": "v_th"}, "value"),
                ("add", {}, "stream"), ("add", {"stream": []}, ""), ("add", {"stream": {"name": "t"}}, "channels"),
                ("add", {"stream": {"name": "s", "channels": 1}}, "s"),
                ("add", {"stream": {"name": "a b", "channels": 1}}, "name"),
                ("add", {"stream": {"name": "t", "channels": 0}}, "channels"),
                ("add", {"stream": {"name": "t", "channels": 1, "encode": ["liff"]}}, "lif"),
                ("add", {"stream": {"name": "t", "channels": 4000000000}}, ""),
                ("add", {"stream": {"name": "t", "channels": 1, "encode": [{"poisson": {"f_max": "1 s"}}]}}, "f_max")):
            error = daemon.refused(method, **params)
            h.claim(f"{method} {json.dumps(params)[:70]}: {error.message[:90]}",
                    words in f"{error.message} {error.path}" and error.code < 0, error)
        error = daemon.refused("add", stream={"name": "t", "channels": 1, "encode": [{"lif": {"v_th": "x"}}]})
        h.claim(f"path names the place: {error.path}", error.path and "v_th" in error.path)
        h.equal("nothing was added or changed", [
            s["stream"] for s in daemon.control("streams")], ["s"])
        h.equal("v_th is as it was", daemon.control("stream", name="s")["pipeline"][0]["params"]["v_th"], 1)


def envelopes():
    with h.Daemon(CONFIG) as daemon:
        answer = json.loads(daemon.control_bytes(b'{"jsonrpc":"2.0","method":"reset","params":{"name":"s"}}'))
        h.claim("a notification is carried out and answered, id null", answer["id"] is None and "result" in answer, answer)
        batch = [{"jsonrpc": "2.0", "id": "a", "method": "info"}, {"jsonrpc": "2.0", "id": 2, "method": "nope"}, 7]
        answers = json.loads(daemon.control_bytes(json.dumps(batch).encode()))
        h.equal("a batch has an answer each", [(a["id"], "result" in a) for a in answers],
                [("a", True), (2, False), (None, False)])
        h.equal("parameters may be a list", json.loads(daemon.control_bytes(
            b'{"jsonrpc":"2.0","id":1,"method":"stream","params":["s"]}'))["result"]["stream"], "s")
        h.equal("but not longer than the method's", code(daemon.control_bytes(
            b'{"jsonrpc":"2.0","id":1,"method":"stream","params":["s",1,2,3,4,5,6]}')), -32602)
        h.equal("any id comes back", json.loads(daemon.control_bytes(
            b'{"jsonrpc":"2.0","id":"\\u00e9 9007199254740993","method":"info"}'))["id"], "é 9007199254740993")
        dealer = daemon.context.socket(zmq.DEALER)
        dealer.connect(daemon.control_at)
        for number in range(100):
            dealer.send_multipart([b"", json.dumps({"jsonrpc": "2.0", "id": number, "method": "stats"}).encode()])
        ids = set()
        while len(ids) < 100:
            if not dealer.poll(int(5000 * h.SLOW)):
                raise h.Failed(f"a DEALER got {len(ids)} of 100 answers")
            ids.add(json.loads(dealer.recv_multipart()[-1])["id"])
        h.claim("a DEALER may have 100 requests under way", True)


def noise():
    draw = random.Random(SEED)
    with h.Daemon(CONFIG) as daemon:
        dealer = daemon.context.socket(zmq.DEALER)
        dealer.connect(daemon.control_at)
        whole = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "set", "params": {
            "name": "s", "stage": 0, "param": "v_th", "value": 1}}).encode()
        for _ in range(2000):
            message = bytearray(whole)
            for _ in range(draw.randint(1, 4)):
                message[draw.randrange(len(message))] = draw.randrange(256)
            dealer.send_multipart([b"", bytes(message)][draw.randint(0, 1):])
        dealer.send_multipart([b""] * 50)
        dealer.send_multipart([b"", whole, whole, whole])
        h.claim(f"2000 damaged requests later it answers (seed {SEED})", daemon.control("info")["pid"] > 0)
        pid = daemon.control("info")["pid"]
        h.claim("it is the same process", os.path.exists(f"/proc/{pid}"))


h.main(bytes_that_are_no_request, requests_that_cannot_be, envelopes, noise)
