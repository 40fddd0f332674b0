"""Recordings for tests, made of raw bytes by the tables of docs/RECORDING.md and PROTOCOL.md: no code of the
package that is tested.

SPDX-License-Identifier: Apache-2.0
"""
import json
import random
import struct
from collections import namedtuple

EPOCH = 0x1122334455667788
BEGAN_NS = 1_700_000_000_000_000_321
Event = namedtuple("Event", "stream tick time_ns line sign")


def crc32c(data):
    """Bit by bit, as the polynomial says."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def file_header(text=b"{}", began_ns=BEGAN_NS):
    tail = struct.pack("<qQ", began_ns, 0) + text
    return b"SPKREC1\n" + struct.pack("<II", 32 + len(text), crc32c(tail)) + tail


def record(frames, time_ns):
    lengths = b"".join(struct.pack("<I", len(frame)) for frame in frames)
    body = struct.pack("<Iq", len(frames), time_ns) + lengths + b"".join(frames)
    return struct.pack("<I", len(body)) + body


def chunk(records, number, kind=1, codec=0, stored=None):
    """Of (frames, time) pairs."""
    raw = b"".join(record(*each) for each in records)
    stored = raw if stored is None else stored
    times = [time_ns for _, time_ns in records]
    head = b"SPKC" + struct.pack("<BBHIIIIqqI", kind, codec, 0, len(stored), len(raw), len(records), crc32c(stored),
                                 min(times), max(times), number)
    return head + struct.pack("<I", crc32c(head)) + stored


def header(kind, form, tick, time_ns, lines, count, *, flags=0, dt_ns=1_000_000, seq=None, source_ns=0):
    return struct.pack("<4sBBHQQQqqIIII", b"SPK1", kind, form, flags, EPOCH, tick, tick if seq is None else seq, time_ns,
                       source_ns, dt_ns, lines, count, 0)


def meta(stream, lines, **more):
    return [f"meta/{stream}/".encode(), json.dumps({
        "stream": stream, "epoch": f"{EPOCH:016x}", "protocol": 1, "channels": lines, "names": None, "shape": None, "unit": None,
        "lines": lines, "dt_ns": 1_000_000, "window": 0, "output": "spikes", "signed": False, "payload": "words", "empty": True,
        "input": {"type": "f32"}, **more}).encode()]


class Sample:
    """Half a second of four streams: `imu` with names, rows and state; `step` with negative spikes, as bitmaps
    where they are shorter; `eye`, an image of 4 x 5 in windows of 50 ticks; `count` with repeated spikes."""

    def __init__(self, seed=20261129, ticks=500):
        rng = random.Random(seed)
        self.events, self.messages = [], []
        self.rows, self.state, self.windows = [], [], []
        self.metas = {
            "imu": {"lines": 3, "names": ["ax", "ay", "az"]},
            "step": {"lines": 9, "output": "signed spikes", "signed": True, "payload": "auto"},
            "eye": {"lines": 20, "shape": [4, 5], "window": 50, "dt_ns": 250_000},
            "count": {"lines": 4, "output": "spike counts", "empty": False},
        }
        for stream, more in self.metas.items():
            self.messages.append((meta(stream, more["lines"], **{k: v for k, v in more.items() if k != "lines"}), BEGAN_NS))
        for tick in range(ticks):
            for stream in self.metas:
                self._tick(rng, stream, tick)
        self.messages.append(([b"rec/end/", b'{"reason":"interrupted","messages":0,"lost":0}'], self.messages[-1][1]))

    def _tick(self, rng, stream, tick):
        lines, dt_ns = self.metas[stream]["lines"], self.metas[stream].get("dt_ns", 1_000_000)
        time_ns = BEGAN_NS + tick * dt_ns
        found, flags = [], 0
        for line in range(lines):
            if rng.random() < 0.05:
                sign = rng.choice((1, -1)) if stream == "step" else 1
                found += [(line, sign)] * (rng.randint(1, 3) if stream == "count" else 1)
        if stream == "eye" and tick % 50 == 0:
            flags = 16
            self.windows.append(time_ns)
        self.events += [Event(stream, tick, time_ns, line, sign) for line, sign in found]
        if stream == "imu":
            self._imu(rng, tick, time_ns)
        if stream == "count" and not found:
            return
        form, payload = 1, b"".join(struct.pack("<I", line | (sign < 0) << 31) for line, sign in found)
        if stream == "step" and len(payload) > 4:
            form, planes = 2, [0, 0]
            for line, sign in found:
                planes[sign < 0] |= 1 << line
            payload = b"".join(plane.to_bytes(2, "little") for plane in planes)
        self.messages.append(([f"spikes/{stream}/".encode(),
                               header(1, form, tick, time_ns, lines, len(found), flags=flags, dt_ns=dt_ns), payload], time_ns + 50_000))

    def _imu(self, rng, tick, time_ns):
        row = struct.unpack("<3f", struct.pack("<3f", *(rng.uniform(-20, 20) for _ in range(3))))
        source_ns = time_ns - 700_123
        self.rows.append((tick, source_ns, row))
        stamp = [struct.pack("<qQ", source_ns, tick)] if tick % 2 else []
        self.messages.append(([b"rows/imu/", header(4, 16, tick, time_ns - 300_000, 3, 1, source_ns=source_ns),
                               struct.pack("<3f", *row), *stamp], time_ns - 200_000))
        state = struct.unpack("<3f", struct.pack("<3f", *(rng.uniform(0, 1) for _ in range(3))))
        self.state.append((tick, time_ns, state))
        self.messages.append(([b"state/imu/", header(2, 3, tick, time_ns, 3, 3), struct.pack("<3f", *state)], time_ns + 40_000))

    def of(self, stream):
        return [event for event in self.events if event.stream == stream]

    def bytes(self, together=700):
        parts = [self.messages[i:i + together] for i in range(0, len(self.messages), together)]
        return file_header(b'{"creator":"by hand"}') + b"".join(chunk(part, i) for i, part in enumerate(parts))

    def write(self, path):
        path.write_bytes(_cached(self))
        return path


_bytes = {}


def _cached(sample):
    """Checksums bit by bit take a while."""
    key = id(sample)
    if key not in _bytes:
        _bytes[key] = sample, sample.bytes()
    return _bytes[key][1]
