"""AEDAT4, the files of inivation's DV and libcaer's successors: events with x, y, polarity and microseconds.

A file is `#!AER-DAT4.0\\r\\n`, an IOHeader, packets with events, and a table of where those lie. The parts are
FlatBuffers with their length in front; packets and table are compressed, each by itself, if the header says so.

SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

import struct
import xml.etree.ElementTree as xml
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple
from xml.sax.saxutils import escape

import numpy as np

from .. import _chunks
from .._batches import Batch, Spikes
from .._messages import described
from .common import MS, ConvertError, Items, Options, Progress, Sink as AnySink, Source as AnySource, name_of, needs, number

WHY = "AEDAT4"
MAGIC = b"#!AER-DAT4.0\r\n"
PACKET_HEADER = struct.Struct("<ii")  # stream, bytes
EVENT = np.dtype({"names": ["t", "x", "y", "on"], "formats": ["<i8", "<i2", "<i2", "u1"], "offsets": [0, 8, 10, 12], "itemsize": 16})
SIDE_MAX = 32767  # pixels that an i16 counts
TOGETHER = 1 << 16  # events in a packet
NONE, LZ4, LZ4_HIGH, ZSTD, ZSTD_HIGH = range(5)


class Packet(NamedTuple):
    """A row of the table at the end."""

    offset: int
    size: int
    count: int
    first_us: int
    last_us: int


def slots(table: Any, index: int) -> int:
    """Where a FlatBuffers table has field `index`; 0 = it has not."""
    at = table.Offset(4 + 2 * index)
    return at + table.Pos if at else 0


class Source(AnySource):
    faults = (struct.error, TypeError, IndexError, UnicodeDecodeError, RuntimeError)
    slack_ns = 999  # times are whole microseconds, those of ticks need not be

    def __init__(self, path: Path, options: Options) -> None:
        super().__init__(path, options)
        needs("flatbuffers", "flatbuffers", WHY)
        self._flat = needs("flatbuffers.table", "flatbuffers", WHY)
        self._file = open(path, "rb")
        self._size = path.stat().st_size

    def begin(self) -> None:
        if self._file.read(len(MAGIC)) != MAGIC:
            raise ConvertError(f"{self.path} is no AEDAT4 file: it does not begin with {MAGIC.decode().strip()} "
                               "(older AEDAT files are of other formats)")
        head = self._part(self._file.read(4), b"IOHE")
        at = slots(head, 0)
        self._compression = head.Get(self._number("Int32"), at) if at else NONE
        at = slots(head, 1)
        self._end = head.Get(self._number("Int64"), at) if at else -1
        if not 0 <= self._end <= self._size:  # the writer did not come to its end, or the file was cut
            self._end = self._size
        at = slots(head, 2)
        self._stream, self._shape = self._described(head.String(at).decode() if at else "")

    def _number(self, name: str) -> Any:
        import flatbuffers.number_types as types
        return getattr(types, f"{name}Flags")

    def _part(self, size: bytes, magic: bytes) -> Any:
        """The FlatBuffers table of the next part of the file, whose length is `size`."""
        length = int.from_bytes(size, "little")
        data = self._file.read(length)
        if len(size) < 4 or len(data) < length:
            raise ConvertError(f"{self.path} ends within its header")
        return self._root(data, magic)

    def _root(self, data: bytes, magic: bytes) -> Any:
        if len(data) < 8 or data[4:8] != magic:
            raise ConvertError(f"{self.path}: a part that should be {magic.decode()} is {data[4:8]!r}")
        return self._flat.Table(data, int.from_bytes(data[:4], "little"))

    def _described(self, text: str) -> Tuple[int, Tuple[int, int]]:
        """(the number of the stream of events, its height and width; 0 where the file does not say)."""
        try:
            root = xml.fromstring(text)
        except xml.ParseError as error:
            raise ConvertError(f"{self.path}: the description in its header is no XML: {error}") from None
        for node in root.iter("node"):
            attributes = {attr.get("key"): attr.text or "" for attr in node.findall("attr")}
            if attributes.get("typeIdentifier") == "EVTS" and (node.get("name") or "").isdigit():
                sizes = {attr.get("key"): attr.text or "" for attr in node.iter("attr")}
                return int(node.get("name") or 0), (_int(sizes.get("sizeY")), _int(sizes.get("sizeX")))
        raise ConvertError(f"{self.path} has no stream of events")

    def items(self, progress: Progress, kinds: Sequence[str]) -> Iterator[Items]:
        height, width = self._shape
        if not width or not height:
            for events in self._packets(lambda share: None):
                if len(events):
                    height, width = max(height, int(events["y"].max()) + 1), max(width, int(events["x"].max()) + 1)
        height, width = self.options.shape or (height, width)
        stream = self.options.streams[0] if len(self.options.streams) == 1 else name_of(self.path)
        if not height or not width:
            self.notes.append(f"{self.path} has no events")
            return
        yield [described(stream, height * width, self.options.dt_ns or MS, signed=True, shape=(height, width))]
        newest, late = None, 0
        for events in self._packets(progress):
            if not len(events):
                continue
            x, y = events["x"].astype(np.int64), events["y"].astype(np.int64)
            if x.min() < 0 or y.min() < 0 or x.max() >= width or y.max() >= height:
                raise ConvertError(f"{self.path} has events beyond its {width} x {height} pixels; --shape gives others")
            time_us = events["t"]
            if newest is not None and time_us.min() < newest or np.any(np.diff(time_us) < 0):
                raise ConvertError(f"{self.path}: the events are not in the order of their times")
            newest = time_us[-1]
            yield [Spikes(stream, time_us * 1000, None, (y * width + x).astype(np.uint32),
                          np.where(events["on"], 1, -1).astype(np.int8))]

    def _packets(self, progress: Progress) -> Iterator[np.ndarray]:
        """The events of each packet, up to the last that is whole."""
        self._file.seek(len(MAGIC))
        self._file.seek(int.from_bytes(self._file.read(4), "little"), 1)
        whole = self._file.tell()
        while whole + PACKET_HEADER.size <= self._end:
            stream, size = PACKET_HEADER.unpack(self._file.read(PACKET_HEADER.size))
            if size < 0 or self._file.tell() + size > self._end:
                break
            if stream != self._stream:
                whole = self._file.seek(size, 1)
                continue
            yield self._events(self._decompressed(self._file.read(size)))
            whole = self._file.tell()
            progress(whole / self._end)
        if whole < self._end and not self.notes:
            self.notes.append(f"{self.path} was cut off: its last {number(self._end - whole, 'byte')} are no whole packet")

    def _decompressed(self, data: bytes) -> bytes:
        if self._compression in (LZ4, LZ4_HIGH):
            lz4 = needs("lz4.frame", "lz4", "this AEDAT4 file, which is compressed with LZ4,")
            return lz4.decompress(data)
        if self._compression in (ZSTD, ZSTD_HIGH):
            zstandard = needs("zstandard", "zstandard", "this AEDAT4 file, which is compressed with zstd,")
            try:
                return zstandard.ZstdDecompressor().decompressobj().decompress(data)
            except zstandard.ZstdError as error:
                raise ConvertError(f"{self.path}: zstd: {error}") from None
        return data

    def _events(self, data: bytes) -> np.ndarray:
        table = self._root(data[4:], b"EVTS")
        at = slots(table, 0)
        if not at:
            return np.zeros(0, EVENT)
        begin, count = table.Vector(at - table.Pos), table.VectorLen(at - table.Pos)
        if begin + count * EVENT.itemsize > len(data) - 4:
            raise ConvertError(f"{self.path}: a packet says that it has {count} events, and is too short for them")
        return np.frombuffer(data, EVENT, count, begin + 4)

    def close(self) -> None:
        self._file.close()


class Sink(AnySink):
    def __init__(self, path: Path, options: Options) -> None:
        super().__init__(path, options)
        self._builder = needs("flatbuffers", "flatbuffers", WHY).Builder
        self._compress = _chunks.zstd()[0] if options.compress else None
        self._file = open(path, "wb")
        self._stream: Optional[str] = None
        self._packets: List[Packet] = []
        self._rounded = 0

    def _begin(self, stream: str) -> None:
        self._stream = stream
        meta = self.metas[stream]
        lines, shape = int(meta["lines"]), self.options.shape
        if shape is None and len(meta.get("shape") or ()) == 2 and meta["shape"][0] * meta["shape"][1] == lines:
            shape = meta["shape"][0], meta["shape"][1]
        height, width = self._shape = shape or (1, lines)
        if height * width < lines:
            raise ConvertError(f"'{stream}' has {lines} lines, and {height} x {width} pixels are fewer")
        if max(height, width) > SIDE_MAX:
            raise ConvertError(f"AEDAT4 has at most {SIDE_MAX} pixels in a row, and '{stream}' has {lines} lines: --shape folds them")
        self._file.write(MAGIC + self._header(-1))

    def _header(self, table_at: int) -> bytes:
        """Always of the same length, whatever the position is."""
        height, width = self._shape
        builder = self._builder(1024)
        text = builder.CreateString(INFO.format(name=escape(self._stream or ""), compression="ZSTD" if self._compress else "NONE",
                                                width=width, height=height))
        builder.ForceDefaults(True)
        builder.StartObject(3)
        builder.PrependInt32Slot(0, ZSTD if self._compress else NONE, 0)
        builder.PrependInt64Slot(1, table_at, -1)
        builder.PrependUOffsetTRelativeSlot(2, text, 0)
        builder.FinishSizePrefixed(builder.EndObject(), b"IOHE")
        return bytes(builder.Output())

    def batch(self, batch: Batch) -> None:
        assert isinstance(batch, Spikes)
        if self._stream is None:
            self._begin(batch.stream)
        if batch.stream != self._stream:
            raise ConvertError(f"an AEDAT4 file made here has the events of one stream, and there are spikes of '{self._stream}' and of "
                               f"'{batch.stream}': name one with --stream")
        if batch.value is not None and not any("values" in note for note in self.notes):
            self.notes.append("The values of graded spikes are not in there")
        width = self._shape[1]
        if len(batch) and int(batch.line.max()) >= width * self._shape[0]:
            raise ConvertError(f"'{batch.stream}' has a spike on line {batch.line.max()}, beyond {self._shape[0]} x {width} pixels")
        events = np.zeros(len(batch), EVENT)
        events["t"], events["on"] = batch.time_ns // 1000, batch.sign > 0
        events["y"], events["x"] = np.divmod(batch.line, np.uint32(width))
        self._rounded += int(np.count_nonzero(batch.time_ns % 1000))
        for begin in range(0, len(events), TOGETHER):
            self._packet(events[begin:begin + TOGETHER])

    def _packet(self, events: np.ndarray) -> None:
        builder = self._builder(events.nbytes + 64)
        builder.StartVector(EVENT.itemsize, len(events), 8)
        builder.head = builder.Head() - events.nbytes
        builder.Bytes[builder.Head():builder.Head() + events.nbytes] = events.tobytes()
        vector = builder.EndVector()
        builder.StartObject(1)
        builder.PrependUOffsetTRelativeSlot(0, vector, 0)
        builder.FinishSizePrefixed(builder.EndObject(), b"EVTS")
        data = self._stored(bytes(builder.Output()))
        # The table points behind the packet's header.
        self._packets.append(Packet(self._file.tell() + PACKET_HEADER.size, len(data), len(events), int(events["t"][0]), int(events["t"][-1])))
        self._file.write(PACKET_HEADER.pack(0, len(data)) + data)

    def _stored(self, data: bytes) -> bytes:
        return self._compress(data) if self._compress else data

    def _table(self) -> bytes:
        builder = self._builder(1024)
        rows = []
        for packet in self._packets:
            builder.StartObject(5)
            builder.PrependInt64Slot(0, packet.offset, 0)
            builder.PrependInt64Slot(2, packet.count, 0)
            builder.PrependInt64Slot(3, packet.first_us, 0)
            builder.PrependInt64Slot(4, packet.last_us, 0)
            builder.Prep(4, 8)
            builder.PrependInt32(packet.size)
            builder.PrependInt32(0)
            builder.PrependStructSlot(1, builder.Offset(), 0)
            rows.append(builder.EndObject())
        builder.StartVector(4, len(rows), 4)
        for row in reversed(rows):
            builder.PrependUOffsetTRelative(row)
        vector = builder.EndVector()
        builder.StartObject(1)
        builder.PrependUOffsetTRelativeSlot(0, vector, 0)
        builder.FinishSizePrefixed(builder.EndObject(), b"FTAB")
        return bytes(builder.Output())

    def finish(self) -> None:
        super().finish()
        if self._stream is None:
            streams = [name for name in self.metas if self.options.wants(name)]
            if len(streams) != 1:
                raise ConvertError("there are no spikes, and so no stream to name the file's events for")
            self._begin(streams[0])
        at = self._file.tell()
        self._file.write(self._stored(self._table()))
        self._file.seek(len(MAGIC))
        self._file.write(self._header(at))
        if self._rounded:
            self.notes.append(f"Times are whole microseconds: {number(self._rounded, 'spike')} had a fraction, which is cut off")
        self.notes.append("dt, names and ticks without spikes are not in there")

    def close(self) -> None:
        self._file.close()


def _int(text: Optional[str]) -> int:
    return int(text) if text and text.strip().isdigit() else 0


INFO = """<dv version="2.0">
    <node name="outInfo" path="/mainloop/Recorder/outInfo/">
        <node name="0" path="/mainloop/Recorder/outInfo/0/">
            <attr key="compression" type="string">{compression}</attr>
            <attr key="originalModuleName" type="string">spiked</attr>
            <attr key="originalOutputName" type="string">events</attr>
            <attr key="typeDescription" type="string">Array of events (polarity ON/OFF).</attr>
            <attr key="typeIdentifier" type="string">EVTS</attr>
            <node name="info" path="/mainloop/Recorder/outInfo/0/info/">
                <attr key="sizeX" type="int">{width}</attr>
                <attr key="sizeY" type="int">{height}</attr>
                <attr key="source" type="string">{name}</attr>
            </node>
        </node>
    </node>
</dv>"""
