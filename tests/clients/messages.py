"""What agents have to say of messages: the decoder here knows nothing of any client, and comparisons forgive only
what agents/README.md allows.

SPDX-License-Identifier: Apache-2.0
"""
import json
import math
import struct

import harness as h

KINDS = {h.SPIKES: "spikes", h.STATE: "state", h.VALUES: "values"}
FORMATS = {h.WORDS: "words", h.BITMAP: "bitmap", h.F32: "f32", h.GRADED: "graded"}
FLAGS = ("late", "gap", "stale", "reset", "window", "restored")
# Types of numbers: struct's letter, and bits of whole ones, negative = without a sign.
NUMBERS = {"f32": ("f", None), "f64": ("d", None), "i8": ("b", 8), "u8": ("B", -8), "i16": ("h", 16), "u16": ("H", -16),
           "i32": ("i", 32)}
JSON_TOPICS = ("json/", "meta/", "status/")


def decoded(frames):
    """A published message as the vectors' `decoded`."""
    topic, *rest = frames
    topic = topic.decode()
    if topic.startswith(JSON_TOPICS):
        return {"topic": topic, "json": json.loads(rest[0])}
    return {"topic": topic, "parts": [_part(h.header(head), payload) for head, payload in zip(rest[::2], rest[1::2])]}


def _part(head, payload):
    part = {"kind": KINDS[head["kind"]], "format": FORMATS[head["format"]],
            "flags": [flag for bit, flag in enumerate(FLAGS) if head["flags"] >> bit & 1],
            "epoch": f"{head['epoch']:016x}", **{key: str(head[key]) for key in ("tick", "seq", "time_ns", "source_ns")},
            **{key: head[key] for key in ("dt_ns", "lines", "count")}}
    if head["format"] == h.F32:
        return {**part, "values": h.floats(payload)}
    if head["format"] == h.GRADED:
        words, values = payload[:4 * head["count"]], payload[4 * head["count"]:]
        return {**part, "line": list(struct.unpack(f"<{head['count']}I", words)), "sign": [1] * head["count"],
                "values": h.floats(values)}
    spikes = h.spikes(head, payload)
    return {**part, "line": [line for line, _ in spikes], "sign": [sign for _, sign in spikes]}


def equal(what, got, wanted):
    if got != wanted:
        raise h.Failed(f"{what}: {got!r}, not {wanted!r}")


class Followed:
    """Adds to each message what a client must find: `missed` and `restarted`, topic by topic."""

    def __init__(self):
        self._last = {}

    def __call__(self, message):
        if "parts" not in message:
            return {**message, "missed": None, "restarted": None}
        first = message["parts"][0]
        epoch, seq = first["epoch"], int(first["seq"])
        last = self._last.get(message["topic"])
        self._last[message["topic"]] = epoch, seq
        restarted = last is not None and last[0] != epoch
        missed = max(0, seq - last[1] - 1) if last and not restarted else 0
        return {**message, "missed": missed, "restarted": restarted}


def same(got, wanted):
    """Whether an agent's message is the one that is wanted; raises Failed with the difference."""
    difference = _difference(got, wanted, got.get("topic", "?"))
    if difference:
        raise h.Failed(difference)


def _difference(got, wanted, where):
    if "parts" not in wanted:  # what a client finds here it may keep to itself
        got, wanted = ({key: value for key, value in each.items() if key in ("topic", "json")} for each in (got, wanted))
    return _differ(got, wanted, where)


def _differ(got, wanted, where):
    if isinstance(wanted, dict):
        if not isinstance(got, dict) or got.keys() != wanted.keys():
            return f"{where}: {sorted(got) if isinstance(got, dict) else got}, not {sorted(wanted)}"
        pairs = [(key, got[key], wanted[key]) for key in wanted]
    elif isinstance(wanted, list):
        if not isinstance(got, list) or len(got) != len(wanted):
            return f"{where}: {str(got)[:300]}, not {str(wanted)[:300]}"
        pairs = [(i, *each) for i, each in enumerate(zip(got, wanted))]
    else:
        return None if _equal(got, wanted) else f"{where}: {got!r}, not {wanted!r}"
    return next(filter(None, (_differ(a, b, f"{where}.{key}") for key, a, b in pairs)), None)


def _equal(got, wanted):
    if isinstance(wanted, float):
        if not math.isfinite(wanted):
            return got is None
        return isinstance(got, (int, float)) and not isinstance(got, bool) and _f32(got) == _f32(wanted)
    if isinstance(wanted, int) and not isinstance(wanted, bool) and abs(wanted) >= 2**53:
        return isinstance(got, (int, float)) and float(got) == float(wanted)
    return type(got) is type(wanted) and got == wanted or \
        isinstance(wanted, int) and isinstance(got, float) and got == wanted


def _f32(value):
    try:
        return struct.pack("<f", value)
    except OverflowError:
        return value
