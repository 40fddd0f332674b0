#!/usr/bin/python3
"""Control requests whose JSON is legal or nearly so, but of no sane shape: each gets an answer, soon, and
the stream beside them ticks on.

SPDX-License-Identifier: Apache-2.0
"""
import json
import time

import harness as h

CONFIG = {"clock": "wall", "dt": "4 ms", "max_catch_up": 50, "send_queue": 100000, "streams": [h.stream("s", 2, ["lif"])]}
# One large number, one large name, one deep list … cost time in proportion to their size.
WITHIN_S = 10
MB = 1 << 20


def call(method, params=b"{}", number=b"1"):
    return b'{"jsonrpc":"2.0","id":' + number + b',"method":"' + method + b'","params":' + params + b"}"


def many(count):
    return b"{" + b",".join(b'"k%d":1' % i for i in range(count)) + b"}"


def refused(daemon, name, request):
    began = time.monotonic()
    answer = json.loads(daemon.control_bytes(request, WITHIN_S))
    took = time.monotonic() - began
    answers = answer if isinstance(answer, list) else [answer]
    h.claim(f"{name}: refused in {took:.3f} s, {answers[0].get('error', {}).get('message', '')[:80]}",
            all("error" in a and a["error"]["code"] < 0 and a["error"]["message"] for a in answers))


def bad_shapes(daemon):
    for depth in (3, 1000, 2047, 2049, 100000, MB):
        for left, right in ((b"[", b"]"), (b'{"a":', b"}")):
            text = left * depth + b"1" + right * depth
            refused(daemon, f"{depth} x {left.decode()}", text[:15 * MB])
            refused(daemon, f"{depth} x {left.decode()} as a parameter", call(b"stream", b'{"name":' + text[:14 * MB] + b"}"))
    for number in (b"1e400", b"-1e400", b"9" * 100000, b"0x10", b"01", b"1.", b"+1", b"NaN", b"Infinity", b"--1"):
        refused(daemon, f"id {number[:12].decode()}", call(b"info", number=number))
        refused(daemon, f"a step of {number[:12].decode()}", call(b"step", b'{"ticks":' + number + b"}"))
    for number in (b"9223372036854775807", b"-9223372036854775808", b"1e308", b"1.5"):
        refused(daemon, f"stage {number.decode()}", call(b"set", b'{"name":"s","stage":' + number + b',"param":"v_th","value":1}'))
    for number in (b"1e308", b"-1e308", b"1e39"):
        refused(daemon, f"v_th {number.decode()}", call(b"set", b'{"name":"s","stage":0,"param":"v_th","value":' + number + b"}"))
    for text in (b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\\ud800", b"\\u0000", b"\x01", b"\\x"):
        refused(daemon, f"the text {text!r}", call(text))
        refused(daemon, f"the name {text!r}", call(b"stream", b'{"name":"' + text + b'"}'))
    for request in (b'{"jsonrpc":"2.0","id":1,"id":1,"method":"info"}', call(b"stream", b'{"name":"s","name":"s"}'),
                    b'{"jsonrpc":"2.0","id":[1],"method":"info"}', b'{"jsonrpc":2.0,"id":1,"method":"info"}', b"\xef\xbb\xbf" + call(b"info"),
                    call(b"info") + b"\0", call(b"info") * 2):
        refused(daemon, request[:60], request)
    refused(daemon, "a method of 10 MB", call(b"x" * (10 * MB)))
    refused(daemon, "100,000 parameters", call(b"info", many(100000)))
    refused(daemon, "a stream of 100,000 keys", call(b"add", b'{"stream":' + many(100000) + b"}"))
    refused(daemon, "100,000 stages", call(b"add", b'{"stream":{"name":"x","channels":1,"encode":[' + b'"lif",' * 100000 + b'"lif"]}}'))
    refused(daemon, "a million values", call(b"set", b'{"name":"s","stage":0,"param":"v_th","value":[' + b"1," * 1000000 + b"1]}"))


def batches(daemon):
    refused(daemon, "1,001 requests", b"[" + b",".join([call(b"info")] * 1001) + b"]")
    refused(daemon, "a batch of batches", b"[" + b",".join([b"[" + call(b"info") + b"]"] * 10) + b"]")
    refused(daemon, "a batch of nothing in particular", b'[1,null,"x",[],{},true,1e5]')
    for method in (b"encoders", b"streams", b"stats"):
        answers = json.loads(daemon.control_bytes(b"[" + b",".join([call(method)] * 1000) + b"]", 30))
        h.equal(f"1,000 x {method.decode()} have an answer each", len(answers), 1000)


def every_shape_is_answered():
    with h.Daemon(CONFIG) as daemon:
        sub = daemon.sub("spikes/s/")
        before = daemon.counters("s")["skipped_ticks"]
        bad_shapes(daemon)
        batches(daemon)
        skipped = daemon.counters("s")["skipped_ticks"] - before
        heads = []
        while sub.socket.poll(0):
            heads.append(sub.recv()[1])
        h.claim(f"beside it {len(heads)} ticks, {skipped} skipped, none lost",
                len(heads) > 1 and all(b["seq"] == a["seq"] + 1 for a, b in zip(heads, heads[1:])) or h.INSTRUMENTED)
        h.equal("there is one stream, as before", [s["stream"] for s in daemon.control("streams")], ["s"])
        h.equal("its threshold too", daemon.control("stream", name="s")["pipeline"][0]["params"]["v_th"], 1)


h.main(every_shape_is_answered)
