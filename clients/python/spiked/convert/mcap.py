"""MCAP: every message of a recording as JSON, in the order in which it came; see `documents` for the JSON.

SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any, Dict, Iterator, List, Sequence

from .. import _batches, _chunks
from ..recording import Record
from . import documents
from .common import ConvertError, Items, Options, Progress, RecordSink, RecordSource, left_out, needs, number
from .spkrec import stream_of

WHY = "MCAP"
TOGETHER = 4096  # records that flow at once


class Source(RecordSource):
    def __init__(self, path: Path, options: Options) -> None:
        super().__init__(path, options)
        self._reader = needs("mcap.reader", "mcap", WHY)
        self.faults = (needs("mcap.exceptions", "mcap", WHY).McapError, needs("zstandard", "zstandard", WHY).ZstdError, struct.error,
                       EOFError, MemoryError, OverflowError, RuntimeError, UnicodeDecodeError)
        self._size = max(1, path.stat().st_size)
        self._file = open(path, "rb")
        self._others: Dict[str, int] = {}

    def records(self, progress: Progress) -> Iterator[Record]:
        """In the order of the file, also of one that was cut off."""
        count = 0
        try:
            for _, channel, message in self._reader.NonSeekingReader(self._file).iter_messages(log_time_order=False):
                count += 1
                if count % TOGETHER == 0:
                    progress(min(1, self._file.tell() / self._size))
                try:
                    frames = documents.frames_of(channel.topic, message.data) if channel.message_encoding == "json" else None
                except ValueError as error:
                    raise ConvertError(f"{self.path}: message {count}, on {channel.topic}: {error}") from None
                if frames is None:
                    self._others[channel.topic] = self._others.get(channel.topic, 0) + 1
                elif self.options.wants(stream_of(frames[0])):
                    yield Record(message.log_time, frames)
        except self.faults as error:
            if not count:
                raise ConvertError(f"{self.path} is no MCAP file, or there is nothing in it: {error!r}") from None
            self.notes.append(f"{self.path} ends after {number(count, 'message')}: {error!r}")
        if self._others and sum(self._others.values()) == count:
            raise ConvertError(f"{self.path} has no messages of spiked's, but of {', '.join(list(self._others)[:6])}")
        if self._others:
            self.notes.append("Left out, for they are not of spiked: " + ", ".join(list(self._others)[:6]))

    def items(self, progress: Progress, kinds: Sequence[str]) -> Iterator[Items]:
        prefixes = tuple(f"{kind}/".encode() for kind in kinds)
        passed: Dict[bytes, int] = {}
        metas: List[Any] = []
        together: List[Record] = []
        for record in self.records(progress):
            topic = record.frames[0]
            if topic.startswith(b"meta/"):
                metas.append(json.loads(record.frames[1]))
            elif topic.startswith(prefixes):
                together.append(record)
            else:
                passed[topic] = passed.get(topic, 0) + 1
            if len(together) == TOGETHER:
                yield [*metas, *_arrays(together)]
                metas, together = [], []
        yield [*metas, *_arrays(together)]
        self.notes += left_out(passed)

    def close(self) -> None:
        self._file.close()


def _arrays(records: Sequence[Record]) -> Iterator[_batches.Batch]:
    payload = b"".join(_chunks.record_bytes(record.frames, record.time_ns) for record in records)
    places: Dict[bytes, List[_batches.Place]] = {}
    for record, (_, at, lengths) in zip(records, _chunks.walk(payload)):
        places.setdefault(record.frames[0], []).append((at, lengths))
    return _batches.of_payload(payload, places)


class Sink(RecordSink):
    def __init__(self, path: Path, options: Options) -> None:
        super().__init__(path, options)
        writer = needs("mcap.writer", "mcap", WHY)
        self._file = open(path, "wb")
        self._writer = writer.Writer(self._file)
        self._writer.start(profile="", library="spiked")
        self._schemas: Dict[str, int] = {}
        self._channels: Dict[bytes, int] = {}
        self._numbers: Dict[bytes, int] = {}

    def record(self, record: Record) -> None:
        topic = record.frames[0]
        if topic not in self._channels:
            self._channels[topic] = self._channel(topic)
        document, tick_ns = documents.of_frames(record.frames)
        self._numbers[topic] = self._numbers.get(topic, 0) + 1
        self._writer.add_message(self._channels[topic], log_time=max(0, record.time_ns), data=document,
                                 publish_time=max(0, tick_ns or record.time_ns), sequence=self._numbers[topic] & 0xFFFFFFFF)
        self.counts.messages += 1

    def _channel(self, topic: bytes) -> int:
        name, schema = documents.schema_of(topic)
        if name not in self._schemas:
            self._schemas[name] = self._writer.register_schema(name=name, encoding="jsonschema", data=json.dumps(schema).encode())
        return self._writer.register_channel(topic=documents.channel_of(topic), message_encoding="json", schema_id=self._schemas[name])

    def finish(self) -> None:
        super().finish()
        self._writer.finish()

    def close(self) -> None:
        self._file.close()
