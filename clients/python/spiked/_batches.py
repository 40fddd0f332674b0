"""Many messages of one topic as arrays.

SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple, Union

import numpy as np

from . import wire

HEADER = np.dtype([
    ("magic", "S4"), ("kind", "u1"), ("format", "u1"), ("flags", "<u2"), ("epoch", "<u8"), ("tick", "<u8"),
    ("seq", "<u8"), ("time_ns", "<i8"), ("source_ns", "<i8"), ("dt_ns", "<u4"), ("lines", "<u4"),
    ("count", "<u4"), ("reserved", "<u4")])
KIND_NUMBERS = {name: number for number, name in wire.KINDS.items()}
WORDS, BITMAP, F32, GRADED = 1, 2, 3, 4
DENSE = ("state", "values", "rows")  # topics whose messages have a number for each line or channel


@dataclass
class Spikes:
    """Spikes of a stream, in the order of time, and of lines within a tick."""

    stream: str
    time_ns: np.ndarray  #: int64, of each spike's tick, UNIX
    tick: Optional[np.ndarray]  #: int64, of each spike; None where only times are known
    line: np.ndarray  #: uint32
    sign: np.ndarray  #: int8, +1 or -1
    value: Optional[np.ndarray] = None  #: float32, of graded spikes
    messages: Optional[np.ndarray] = None  #: the headers, one a tick that was recorded (of HEADER's type)
    windows_ns: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))  #: of the ticks that begin a window

    def __len__(self) -> int:
        return len(self.time_ns)

    def __getitem__(self, which: Any) -> "Spikes":
        """Some of the spikes, by a slice, a mask or indices; windows stay, headers do not."""
        return Spikes(self.stream, self.time_ns[which], None if self.tick is None else self.tick[which], self.line[which],
                      self.sign[which], None if self.value is None else self.value[which], None, self.windows_ns)


@dataclass
class Table:
    """A number for each line, or channel, at each of some times: of `state/`, `values/` or `rows/`."""

    stream: str
    kind: str  #: "state", "values" or "rows"
    time_ns: np.ndarray
    """int64, of the ticks, UNIX. Of rows: as the sensor said it, else when spiked took the row."""
    tick: Optional[np.ndarray]  #: int64; of rows the first that could use it. None where only times are known
    values: np.ndarray  #: (len, lines)

    def __len__(self) -> int:
        return len(self.time_ns)

    def __getitem__(self, which: Any) -> "Table":
        return Table(self.stream, self.kind, self.time_ns[which], None if self.tick is None else self.tick[which],
                     self.values[which])


Batch = Union[Spikes, Table]
Place = Tuple[int, Tuple[int, ...]]  # where a record's first frame begins, and the frames' lengths


def of_payload(payload: bytes, places: Dict[bytes, List[Place]]) -> Iterator[Batch]:
    """The messages of a chunk, by topic, as arrays. Messages that break the protocol are left out."""
    for topic, found in places.items():
        kind, _, rest = topic.decode("ascii", "replace").partition("/")
        stream = rest[:-1]
        if not stream or "/" in stream:
            continue
        if kind == "rows":
            yield from _rows(payload, topic.decode(), stream, found)
        elif kind in KIND_NUMBERS:
            found = [place for place in found if len(place[1]) == 3 and place[1][1] == HEADER.itemsize]
            if found:
                yield from _ticks(payload, kind, stream, found)


def _ticks(payload: bytes, kind: str, stream: str, places: List[Place]) -> Iterator[Batch]:
    headers, begins, sizes = _headers(payload, places)
    good = (headers["magic"] == b"SPK1") & (headers["kind"] == KIND_NUMBERS[kind]) & (headers["dt_ns"] > 0)
    good &= _fits(headers, sizes, kind)
    headers, begins, sizes = headers[good], begins[good], sizes[good]
    # A stream that was made anew may have another number of lines.
    borders = np.flatnonzero(np.diff(headers["lines"].astype(np.int64))) + 1 if kind != "spikes" else []
    for part in np.split(np.arange(len(headers)), borders):
        if not len(part):
            continue
        h, pieces = headers[part], [payload[at:at + size] for at, size in zip(begins[part].tolist(), sizes[part].tolist())]
        if kind == "spikes":
            yield _spikes(stream, h, pieces)
        else:
            yield Table(stream, kind, h["time_ns"].copy(), h["tick"].astype(np.int64),
                        np.frombuffer(b"".join(pieces), "<f4").reshape(len(h), -1))


def _fits(headers: np.ndarray, sizes: np.ndarray, kind: str) -> np.ndarray:
    count, form, plane = headers["count"].astype(np.int64), headers["format"], (headers["lines"].astype(np.int64) + 7) // 8
    if kind != "spikes":
        return (form == F32) & (sizes == 4 * count) & (count == headers["lines"])
    return ((form == WORDS) & (sizes == 4 * count)) | ((form == GRADED) & (sizes == 8 * count)) | (
        (form == BITMAP) & ((sizes == plane) | (sizes == 2 * plane)))


def _spikes(stream: str, headers: np.ndarray, pieces: List[bytes]) -> Spikes:
    parts = []  # of each format: index of the message, line, sign, value
    for form in np.unique(headers["format"]):
        which = np.flatnonzero(headers["format"] == form)
        if form == BITMAP:
            parts += _bitmaps(headers, which, pieces)
            continue
        count = headers["count"][which]
        words = np.frombuffer(b"".join(pieces[i][:4 * n] for i, n in zip(which.tolist(), count.tolist())), "<u4")
        values = None
        if form == GRADED:
            values = np.frombuffer(b"".join(pieces[i][4 * n:] for i, n in zip(which.tolist(), count.tolist())), "<f4")
        parts.append((np.repeat(which, count), words & np.uint32(0x7FFFFFFF),
                      np.where(words >> np.uint32(31), -1, 1).astype(np.int8), values))
    message, line, sign = (np.concatenate([part[i] for part in parts]) for i in range(3))
    value = None
    if any(part[3] is not None for part in parts):
        value = np.concatenate([part[2].astype(np.float32) if part[3] is None else part[3] for part in parts])
    if len(parts) > 1:
        order = np.argsort(message, kind="stable")
        message, line, sign = message[order], line[order], sign[order]
        value = None if value is None else value[order]
    good = line < headers["lines"][message]
    if not good.all():
        message, line, sign = message[good], line[good], sign[good]
        value = None if value is None else value[good]
    if value is not None:
        sign = np.where(value < 0, -1, 1).astype(np.int8)
    return Spikes(stream, headers["time_ns"][message], headers["tick"][message].astype(np.int64), line, sign, value, headers,
                  headers["time_ns"][(headers["flags"] & int(wire.Flags.WINDOW)) != 0])


def _bitmaps(headers: np.ndarray, which: np.ndarray, pieces: List[bytes]) -> List[Tuple[np.ndarray, ...]]:
    by_size: Dict[int, List[int]] = {}
    for i in which.tolist():
        by_size.setdefault(len(pieces[i]), []).append(i)
    parts = []
    for size, messages in by_size.items():
        plane = (headers["lines"][messages].astype(np.int64) + 7) // 8
        bits = np.unpackbits(np.frombuffer(b"".join(pieces[i] for i in messages), np.uint8).reshape(-1, size), axis=1,
                             bitorder="little")
        row, at = np.nonzero(bits)
        down = at >= 8 * plane[row]
        line = at - 8 * plane[row] * down
        order = np.lexsort((line, row))
        parts.append((np.asarray(messages)[row[order]], line[order].astype(np.uint32),
                      np.where(down[order], -1, 1).astype(np.int8), None))
    return parts


def _rows(payload: bytes, topic: str, stream: str, places: List[Place]) -> Iterator[Table]:
    places = [place for place in places if len(place[1]) in (3, 4) and place[1][1] == HEADER.itemsize]
    if not places:
        return
    headers, begins, sizes = _headers(payload, places)
    good = (headers["magic"] == b"SPK1") & (headers["kind"] == wire.ROWS) & np.isin(headers["format"], list(wire.ROW_FORMATS))
    good &= (headers["count"] > 0) & (headers["lines"] > 0)
    for number, name in wire.ROW_FORMATS.items():
        if name in wire.ROW_TYPES:
            size = headers["count"].astype(np.int64) * headers["lines"] * wire.ROW_TYPES[name].itemsize
            good &= (headers["format"] != number) | (sizes == size)
    headers, begins, sizes = headers[good], begins[good], sizes[good]
    changes = np.diff(headers["format"].astype(np.int64)) | np.diff(headers["lines"].astype(np.int64))
    for part in np.split(np.arange(len(headers)), np.flatnonzero(changes) + 1):
        if not len(part):
            continue
        h, pieces = headers[part], [payload[at:at + size] for at, size in zip(begins[part].tolist(), sizes[part].tolist())]
        dtype = wire.ROW_TYPES.get(wire.ROW_FORMATS[int(h["format"][0])])
        if dtype is not None:
            values = np.frombuffer(b"".join(pieces), dtype).reshape(-1, int(h["lines"][0]))
        else:
            h, values = _parsed(topic, h, pieces)
        counts = h["count"].astype(np.int64)
        within = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
        time_ns = np.where(h["source_ns"] != 0, h["source_ns"], h["time_ns"])
        yield Table(stream, "rows", np.repeat(time_ns, counts) + within * np.repeat(h["dt_ns"].astype(np.int64), counts),
                    np.repeat(h["tick"].astype(np.int64), counts) + within, values)


def _parsed(topic: str, headers: np.ndarray, pieces: List[bytes]) -> Tuple[np.ndarray, np.ndarray]:
    """Rows of a type whose payload has to be looked at one by one."""
    good, parts = [], [np.zeros((0, int(headers["lines"][0])))]
    for i, (header, piece) in enumerate(zip(headers, pieces)):
        try:
            rows = wire.decode([topic.encode(), header.tobytes(), piece])
            parts.append(rows.values)  # type: ignore[union-attr]
        except wire.WireError:
            continue
        good.append(i)
    return headers[good], np.concatenate(parts[1:] or parts)


def _headers(payload: bytes, places: List[Place]) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(headers, where each one's payload begins, its length)."""
    begins = np.array([at + lengths[0] for at, lengths in places], np.int64)
    whole = np.frombuffer(payload, np.uint8)
    return (whole[begins[:, None] + np.arange(HEADER.itemsize)].view(HEADER)[:, 0], begins + HEADER.itemsize,
            np.array([lengths[2] for _, lengths in places], np.int64))


def joined(batches: Sequence[Batch], stream: str, kind: str) -> Batch:
    """Batches of one stream and kind as one; empty arrays if there are none. Raises ValueError where the
    number of lines changed between them."""
    def arrays(name: str, dtype: Any) -> np.ndarray:
        return np.concatenate([getattr(batch, name) for batch in batches]) if batches else np.zeros(0, dtype)

    has_ticks = all(batch.tick is not None for batch in batches)
    tick = arrays("tick", np.int64) if has_ticks else None
    if kind != "spikes":
        widths = {batch.values.shape[1] for batch in batches}  # type: ignore[union-attr]
        if len(widths) > 1:
            raise ValueError(f"{kind}/{stream}/ has {' and '.join(map(str, sorted(widths)))} lines in the same file: "
                             "read it in parts, with start_ns and end_ns")
        return Table(stream, kind, arrays("time_ns", np.int64), tick,
                     arrays("values", np.float32) if batches else np.zeros((0, 0), np.float32))
    value = None
    if any(batch.value is not None for batch in batches):  # type: ignore[union-attr]
        value = np.concatenate([batch.sign.astype(np.float32) if batch.value is None else batch.value  # type: ignore[union-attr]
                                for batch in batches])
    messages = None
    if batches and all(batch.messages is not None for batch in batches):  # type: ignore[union-attr]
        messages = arrays("messages", HEADER)
    return Spikes(stream, arrays("time_ns", np.int64), tick, arrays("line", np.uint32), arrays("sign", np.int8), value,
                  messages, arrays("windows_ns", np.int64))
