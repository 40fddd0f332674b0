#!/usr/bin/python3
"""A bad row message does nothing but raise the counter that names its fault.

SPDX-License-Identifier: Apache-2.0
"""
import struct

import harness as h

GOOD = struct.pack("<3f", 2, 4, 8)
STAMP = struct.pack("<qQ", 1, 1)

# (frames, whose counter, counter); None: a stream that is not there, or either of two counters
BAD = [
    (["f", b""], "f", "rejected_empty"),
    (["f", GOOD[:-1]], "f", "rejected_length"),
    (["f", GOOD + b"\0"], "f", "rejected_length"),
    (["f", GOOD[:8]], "f", "rejected_length"),
    (["f", GOOD, b""], "f", "rejected_stamp"),
    (["f", GOOD, STAMP[:15]], "f", "rejected_stamp"),
    (["f", GOOD, STAMP + b"\0"], "f", "rejected_stamp"),
    (["f", GOOD, STAMP, b""], "f", "rejected_frames"),
    (["f"] + [GOOD] * 20, "f", "rejected_frames"),
    (["f"], "f", "rejected_frames"),
    (["nobody"], None, "rejected_frames"),
    ([b""], None, "rejected_frames"),
    ([b"", GOOD], None, "rejected_step"),
    (["F", GOOD], None, "rejected_unknown_stream"),
    (["ff", GOOD], None, "rejected_unknown_stream"),
    ([b"f\0", GOOD], None, "rejected_unknown_stream"),
    ([b"x" * 65, GOOD], None, "rejected_unknown_stream"),
    ([b"x" * 100000, GOOD], None, "rejected_unknown_stream"),
    ([bytes(range(256)), GOOD], None, "rejected_unknown_stream"),
    (["p", struct.pack("<If", 3, 1)], "p", "rejected_channel"),
    (["p", struct.pack("<IfIf", 0, 1, 2**32 - 1, 1)], "p", "rejected_channel"),
    (["p", struct.pack("<If", 0, 1)[:-1]], "p", "rejected_length"),
    (["p", b""], "p", "rejected_empty"),
] + [(["j", text], "j", "rejected_json") for text in (
    b"[1, 2", b"[1, 2]", b"[1, 2, 3, 4]", b"[1, 2, 3] x", b"[1, 2, 3,]", b"[1, 2, [3]]", b"[[1,2,3],[4,5]]",
    b"[[1,2,3],4]", b"[1, 2, \"3\"]", b"[1, 2, true]", b"[1, 2, NaN]", b"[1, 2, 0x3]", b"[1, 2, 03]", b"[1, 2, +3]",
    b"[1, 2, .5]", b"[1, 2, 5.]", b"{}", b"{\"values\": 3}", b"{\"values\": [1,2,3], \"other\": 1}", b"{\"time_ns\": 5}",
    b"{\"values\": [1,2,3], \"time_ns\": \"now\"}", b"{\"values\": [1,2,3], \"seq\": -1}",
    b"{\"values\": [1,2,3], \"values\": [1,2,3]}", b"3", b"null", b"\"x\"", b"\xff\xfe", b"[" * 100000,
    b"[1, 2, 3]\0", b"{\"values\": [1,2,3]")] + [
    (["j", b"[[]]"], "j", None), (["j", b"[]"], "j", None), (["j", b""], "j", "rejected_empty")]


def rejects(counters):
    return {key: value for key, value in counters.items() if key.startswith("rejected_") and value}


def config(**extra):
    return {"clock": "manual", **extra, "streams": [
        h.stream("f", 3), h.stream("p", 3, input={"type": "pairs"}), h.stream("j", 3, input={"type": "json"})]}


def each_fault_has_its_counter():
    with h.Daemon(config()) as daemon:
        for frames, owner, counter in BAD:
            before = {key: rejects(daemon.counters(key)) for key in (None, "f", "p", "j")}
            daemon.send(*frames)
            shown = f"{[f if len(f) < 30 else f'{len(f)} bytes' for f in frames][:5]}"

            def changed():
                after = {key: rejects(daemon.counters(key)) for key in before}
                return after if after != before else None
            after = h.until(f"{shown} is counted", changed)
            moved = [(key, what) for key in after for what in after[key]
                     if after[key][what] != before[key].get(what, 0)]
            wanted = [(owner, counter)]
            if counter is None:
                wanted = moved if moved in ([("j", "rejected_empty")], [("j", "rejected_json")]) else wanted
            h.equal(f"{shown}: {moved[0][1]}", moved, wanted)
        h.equal("no row was used", sum(daemon.counters(name)["rows"] for name in "fpj"), 0)
        h.claim("the log is not flooded", daemon.log().count("\n") < len(BAD), daemon.log().count("\n"))


def state_is_untouched():
    outputs = []
    for bad in (False, True):
        with h.Daemon(config()) as daemon:
            sub = daemon.sub("state/", "spikes/")
            for number in range(10):
                daemon.send("f", struct.pack("<3f", number, 2 * number, 5))
                daemon.send("p", struct.pack("<If", number % 3, number))
                daemon.send("j", f"[{number}, null, 3]")
                for frames, _, _ in BAD if bad else []:
                    daemon.send(*frames)
                for name in "fpj":
                    daemon.wait_rows(name, number + 1)
                daemon.step(1)
            outputs.append([(topic, payload) for topic, _, payload in sub.take(60)])
    h.claim(f"10 ticks with {len(BAD)} bad messages in each gap = 10 ticks without", outputs[0] == outputs[1])


def a_huge_message_ends_its_sender_alone():
    with h.Daemon(config(max_row_bytes="1 KiB")) as daemon:
        other = daemon.pusher()
        other.send_multipart([b"f", GOOD])
        daemon.wait_rows("f", 1)
        daemon.send("f", GOOD * 1000)
        daemon.wait_counter("rejected_too_big", 1, "f")
        h.claim("a payload over max_row_bytes is counted", True)
        daemon.send("f", bytes(65 << 20))
        other.send_multipart([b"f", GOOD])
        daemon.wait_rows("f", 2)
        h.claim("rows of another sensor go on", True)
        daemon.send("f", GOOD)
        h.until("the sender is back after its connection was cut", lambda: daemon.counters("f")["rows"] >= 3
                or daemon.send("f", GOOD), every=0.1)
        h.claim("the huge one had no effect", daemon.counters("f")["rows"] < 20)


h.main(each_fault_has_its_counter, state_is_untouched, a_huge_message_ends_its_sender_alone)
