"""Bytes to objects and back: clients/PROTOCOL.md in Python. No sockets here.

SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

import enum
import json
import struct
from dataclasses import dataclass, field
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

import numpy as np

INGEST = "tcp://127.0.0.1:7570"  #: where spiked takes rows unless configured otherwise
PUBLISH = "tcp://127.0.0.1:7571"  #: where it publishes
CONTROL = "tcp://127.0.0.1:7572"  #: where it is steered

HEADER = struct.Struct("<4sBBHQQQqqIIII")
STAMP = struct.Struct("<qQ")
PAIR = np.dtype([("channel", "<u4"), ("value", "<f4")])
KINDS = {1: "spikes", 2: "state", 3: "values"}
FORMATS = {1: "words", 2: "bitmap", 3: "f32", 4: "graded"}
ROW_TYPES = {
    "f32": np.dtype("<f4"), "f64": np.dtype("<f8"), "i8": np.dtype("i1"), "u8": np.dtype("u1"),
    "i16": np.dtype("<i2"), "u16": np.dtype("<u2"), "i32": np.dtype("<i4"),
}
ROWS = 4  # the kind of `rows/`
ROW_FORMATS = dict(enumerate((*ROW_TYPES, "json", "pairs"), 16))


class WireError(ValueError):
    """A message that does not follow the protocol."""


class Flags(enum.IntFlag):
    """What was special about a tick."""

    LATE = 1       #: ran a whole dt or more after its time
    GAP = 2        #: ticks were skipped just before this one
    STALE = 4      #: no fresh row within the stream's stale_after
    RESET = 8      #: state was cleared by a reset
    WINDOW = 16    #: first tick of a window
    RESTORED = 32  #: first tick after state came from a snapshot


@dataclass
class Loss:
    """What a receiver noticed between the message before on the same topic and this one."""

    missed: int = 0          #: messages of the topic that this receiver lost (from seq)
    gap: int = 0             #: ticks between the message before and this one that had no message here
    restarted: bool = False  #: the daemon was started anew: seq, tick and time began again


@dataclass
class Frame(Loss):
    """One tick of one stream: of `spikes/`, `state/` or `values/`, or a part of a bundle."""

    topic: str = ""
    kind: str = "spikes"  #: "spikes", "state" or "values"
    format: str = "words"  #: how it came: "words", "bitmap", "f32" or "graded"
    flags: Flags = Flags(0)
    epoch: int = 0
    tick: int = 0
    seq: int = 0
    time_ns: int = 0  #: of the tick, UNIX
    source_ns: int = 0  #: of the newest row that the tick used, UNIX; 0 = unknown
    dt_ns: int = 0
    line_count: int = 0  #: lines of the stream (channels, in `values/`)
    count: int = 0  #: spikes, or values
    lines: np.ndarray = field(default_factory=lambda: np.zeros(0, np.uint32))
    """Line of each spike, ascending; a line with several spikes is there several times."""
    signs: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int8))
    """+1 or -1 for each spike."""
    values: Optional[np.ndarray] = None
    """float32: of each line (`state/`), channel (`values/`) or spike (graded); else None."""
    decoded: Optional[np.ndarray] = None
    """float32: what the spikes say about the values, from a Receiver with decode=True; None = nothing that
    can be believed."""
    undecoded: str = ""  #: why `decoded` is None there

    @property
    def stream(self) -> str:
        """The stream's name; "" for a part of a bundle, which does not carry it."""
        return "" if self.topic.startswith("bundle/") else _middle(self.topic)

    @property
    def state(self) -> Optional[np.ndarray]:
        """The values of a `state/` frame, None for the others."""
        return self.values if self.kind == "state" else None

    def dense(self) -> np.ndarray:
        """One number a line: signed spike counts (int32), or the sum of graded values (float32).
        For `state/` and `values/` the values themselves."""
        if self.format == "f32" and self.values is not None:
            return self.values
        graded = self.values is not None
        result = np.zeros(self.line_count, np.float32 if graded else np.int32)
        np.add.at(result, self.lines, self.values if graded else self.signs)
        return result


@dataclass
class Bundle(Loss):
    """One tick of all the streams of a group, in the order of the configuration."""

    topic: str = ""
    parts: List[Frame] = field(default_factory=list)

    @property
    def group(self) -> str:
        return _middle(self.topic)

    def named(self, group_streams: Sequence[str]) -> Dict[str, Frame]:
        """The parts by stream name; `group_streams` is from the meta of any stream of the group."""
        if len(group_streams) != len(self.parts):
            raise ValueError(f"{len(self.parts)} parts, {len(group_streams)} names: in clock 'data' a "
                             "bundle holds only the stream that ticked; use spikes/ there")
        return dict(zip(group_streams, self.parts))

    def __iter__(self) -> Iterator[Frame]:
        return iter(self.parts)

    def __len__(self) -> int:
        return len(self.parts)


@dataclass
class Rows(Loss):
    """A message of `rows/`: what a sensor sent, and the first tick that could use it."""

    topic: str = ""
    type: str = "f32"  #: of the payload: "f32" … "i32", "json" or "pairs"
    epoch: int = 0
    tick: int = 0  #: the first that could use the first row
    seq: int = 0  #: messages of rows that the stream took before it
    time_ns: int = 0  #: when spiked took it, UNIX
    source_ns: int = 0  #: of the first row, as the sensor said it; 0 = unknown
    dt_ns: int = 0
    channels: int = 0
    count: int = 0  #: rows
    payload: bytes = b""  #: as it was sent
    stamp: Optional[Tuple[int, int]] = None  #: time and sequence number, if the sensor sent them beside the payload

    @property
    def stream(self) -> str:
        return _middle(self.topic)

    @property
    def values(self) -> np.ndarray:
        """(count, channels) numbers, in the type that was sent; NaN where there is no sample. Of `json` f64,
        of `pairs` f32. Raises WireError where the payload is none such."""
        shape = self.count, self.channels
        if self.type in ROW_TYPES:
            return np.frombuffer(self.payload, ROW_TYPES[self.type]).reshape(shape)
        if self.type == "pairs":
            pairs = np.frombuffer(self.payload, PAIR)
            row = np.full(shape, np.nan, np.float32)
            if self.count != 1 or pairs.size and int(pairs["channel"].max()) >= self.channels:
                raise WireError(f"{self.topic}: pairs of channels beyond {self.channels}, or of several rows")
            row[0, pairs["channel"]] = pairs["value"]
            return row
        try:
            document = json.loads(self.payload)
            rows = document["values"] if isinstance(document, dict) else document
            return np.array(rows, np.float64).reshape(shape)
        except (ValueError, TypeError, KeyError) as error:
            raise WireError(f"{self.topic}: not {self.count} rows of {self.channels} numbers: {error}") from error


@dataclass
class Document(Loss):
    """A message of `json/`, `meta/` or `status/`."""

    topic: str = ""
    data: Dict[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        return self.topic.split("/", 1)[0]


Message = Union[Frame, Bundle, Rows, Document]


def _middle(topic: str) -> str:
    parts = topic.split("/")
    return parts[1] if len(parts) == 3 else ""


def decode(frames: Sequence[bytes]) -> Message:
    """A received message (all its ZeroMQ frames) as an object. Raises WireError."""
    if not frames:
        raise WireError("an empty message")
    try:
        topic = bytes(frames[0]).decode()
    except UnicodeDecodeError as error:
        raise WireError("the topic is not text") from error
    kind = topic.split("/", 1)[0]
    if kind in ("json", "meta", "status"):
        return _document(topic, frames)
    if kind == "bundle":
        if len(frames) < 3 or len(frames) % 2 == 0:
            raise WireError(f"{topic}: {len(frames)} frames; a bundle has a header and a payload for each part")
        return Bundle(topic=topic, parts=[
            _frame(topic, frames[i], frames[i + 1]) for i in range(1, len(frames), 2)])
    if kind == "rows":
        return _rows(topic, frames)
    if len(frames) != 3:
        raise WireError(f"{topic}: {len(frames)} frames, not topic, header and payload")
    return _frame(topic, frames[1], frames[2])


def _document(topic: str, frames: Sequence[bytes]) -> Document:
    if len(frames) != 2:
        raise WireError(f"{topic}: {len(frames)} frames, not topic and JSON")
    try:
        data = json.loads(bytes(frames[1]))
    except ValueError as error:
        raise WireError(f"{topic}: not JSON: {error}") from error
    if not isinstance(data, dict):
        raise WireError(f"{topic}: not a JSON object")
    return Document(topic=topic, data=data)


def _rows(topic: str, frames: Sequence[bytes]) -> Rows:
    if len(frames) not in (3, 4) or len(frames) == 4 and len(frames[3]) != STAMP.size:
        raise WireError(f"{topic}: {len(frames)} frames, not topic, header, payload and perhaps a stamp of {STAMP.size} bytes")
    if len(frames[1]) != HEADER.size:
        raise WireError(f"{topic}: a header of {len(frames[1])} bytes, not {HEADER.size}")
    magic, kind, form, _, epoch, tick, seq, time_ns, source_ns, dt_ns, channels, count, _ = HEADER.unpack(frames[1])
    if magic != b"SPK1" or kind != ROWS or form not in ROW_FORMATS:
        raise WireError(f"{topic}: magic {magic!r}, kind {kind}, format {form}: no rows that this client knows")
    rows = Rows(
        topic=topic, type=ROW_FORMATS[form], epoch=epoch, tick=tick, seq=seq, time_ns=time_ns, source_ns=source_ns,
        dt_ns=dt_ns, channels=channels, count=count, payload=bytes(frames[2]),
        stamp=STAMP.unpack(frames[3]) if len(frames) == 4 else None)
    dtype = ROW_TYPES.get(rows.type)
    wrong = len(rows.payload) % PAIR.itemsize if rows.type == "pairs" else \
        dtype is not None and len(rows.payload) != count * channels * dtype.itemsize
    if not count or not channels or wrong:
        raise WireError(f"{topic}: {len(rows.payload)} bytes are not {count} rows of {channels} {rows.type}")
    return rows


def _frame(topic: str, header: bytes, payload: bytes) -> Frame:
    if len(header) != HEADER.size:
        raise WireError(f"{topic}: a header of {len(header)} bytes, not {HEADER.size}")
    (magic, kind, form, flags, epoch, tick, seq, time_ns, source_ns, dt_ns, lines, count,
     _) = HEADER.unpack(header)
    if magic != b"SPK1":
        raise WireError(f"{topic}: magic {magic!r}: not version 1 of spiked's protocol")
    if kind not in KINDS or form not in FORMATS:
        raise WireError(f"{topic}: kind {kind}, format {form} is not known to this client")
    frame = Frame(
        topic=topic, kind=KINDS[kind], format=FORMATS[form], flags=Flags(flags & 0x3F), epoch=epoch,
        tick=tick, seq=seq, time_ns=time_ns, source_ns=source_ns, dt_ns=dt_ns, line_count=lines,
        count=count)
    if frame.format == "bitmap":
        _bitmap(frame, payload)
        return frame
    size = count * (8 if frame.format == "graded" else 4)
    if len(payload) != size:
        raise WireError(f"{topic}: {len(payload)} bytes of payload, not {size} for count {count}")
    if frame.format != "f32":
        words = np.frombuffer(payload, "<u4", count)
        frame.lines = words & np.uint32(0x7FFFFFFF)
        frame.signs = np.where(words >> np.uint32(31), -1, 1).astype(np.int8)
        if count and int(frame.lines.max()) >= lines:
            raise WireError(f"{topic}: a spike on line {frame.lines.max()} of {lines}")
    if frame.format != "words":
        frame.values = np.frombuffer(payload, "<f4", count, size - 4 * count)
    return frame


def _bitmap(frame: Frame, payload: bytes) -> None:
    size = (frame.line_count + 7) // 8
    if len(payload) not in (size, 2 * size):
        raise WireError(f"{frame.topic}: {len(payload)} bytes for bitmaps of {frame.line_count} lines")
    planes = np.unpackbits(np.frombuffer(payload, np.uint8), bitorder="little").reshape(-1, 8 * size) \
        if size else np.zeros((1, 0), np.uint8)
    if planes[:, frame.line_count:].any():
        raise WireError(f"{frame.topic}: a bit past line {frame.line_count - 1}")
    up = np.flatnonzero(planes[0])
    down = np.flatnonzero(planes[1]) if len(planes) == 2 else up[:0]
    lines = np.concatenate((up, down))
    order = np.argsort(lines, kind="stable")
    frame.lines = lines[order].astype(np.uint32)
    frame.signs = np.repeat(np.array([1, -1], np.int8), (len(up), len(down)))[order]
    if len(lines) != frame.count:
        raise WireError(f"{frame.topic}: {len(lines)} bits set, count {frame.count}")


def rows_payload(rows: Any, kind: str = "f32") -> bytes:
    """Rows (one, or a list of them) as the payload of a stream of type `kind`. Raises ValueError
    rather than change a number: fractions and overflow are refused for integer types."""
    array = np.asarray(rows)
    dtype = ROW_TYPES.get(kind)
    if dtype is None:
        raise ValueError(f"'{kind}' is not a type of rows; there are {', '.join(ROW_TYPES)}")
    if array.ndim not in (1, 2) or array.size == 0:
        raise ValueError(f"rows of shape {array.shape}: give one row, or a list of rows, not empty")
    if array.dtype.kind not in "biuf":
        raise ValueError(f"rows of {array.dtype}: give numbers")
    if dtype.kind in "iu" and array.dtype != dtype:
        limits = np.iinfo(dtype)
        if array.dtype.kind == "f" and not np.array_equal(array, np.rint(array)):
            raise ValueError(f"a {kind} stream takes whole numbers only")
        if array.min() < limits.min or array.max() > limits.max:
            raise ValueError(f"a {kind} stream takes {limits.min} to {limits.max}")
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(array, dtype).tobytes()


def pairs_payload(channels: Any, values: Any = None) -> bytes:
    """{channel: value}, or channels and values, as the payload of a `pairs` stream."""
    if isinstance(channels, Mapping):
        channels, values = list(channels.keys()), list(channels.values())
    channels, values = np.asarray(channels), np.asarray(values)
    if channels.shape != values.shape or channels.ndim != 1 or channels.size == 0:
        raise ValueError("give as many channels as values, and at least one")
    if channels.dtype.kind not in "iu" or channels.min() < 0 or channels.max() > 0xFFFFFFFF:
        raise ValueError("channels are whole numbers from 0")
    pairs = np.empty(channels.size, PAIR)
    pairs["channel"], pairs["value"] = channels, values
    return pairs.tobytes()


def json_payload(rows: Any, time_ns: Optional[int] = None, seq: Optional[int] = None) -> bytes:
    """Rows as the payload of a `json` stream; None and NaN mean "no sample"."""
    rows = rows.tolist() if isinstance(rows, np.ndarray) else rows
    document: Any = _plain(rows)
    if time_ns is not None or seq is not None:
        document = {"values": document}
        if time_ns is not None:
            document["time_ns"] = time_ns
        if seq is not None:
            document["seq"] = seq
    return json.dumps(document, separators=(",", ":"), allow_nan=False).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain(each) for each in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and value != value else value
