"""Recordings (.spkrec, docs/RECORDING.md): read what `spikectl record` wrote, and write the same.

    from spiked import recording

    with recording.open("run.spkrec") as run:
        for record in run:
            print(record.time_ns, record.topic, record.message())
        spikes = run.spikes("imu")                # arrays: time_ns, tick, line, sign
        print(run.meta("imu")["dt_ns"], run.streams, run.damage)

A file that was cut off, or is being written, is read up to its last whole chunk. numpy is all that is
needed; compressed files need zstandard.

SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

import builtins
import contextlib
import json
import os
import platform
import time
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple, Union

from . import _batches, _chunks, wire
from ._batches import Batch, Spikes, Table
from ._chunks import Chunk, RecordingError

__all__ = ["Record", "Recording", "RecordingError", "Spikes", "Table", "Writer", "create", "open"]

Topics = Union[str, Sequence[str]]
FULL = 1 << 20  # bytes of records after which a chunk is written


@dataclass
class Record:
    """One message as it came, every frame to the byte."""

    time_ns: int  #: when the recorder received it, UNIX
    frames: List[bytes]

    @property
    def topic(self) -> str:
        return self.frames[0].decode("utf-8", "replace")

    def message(self) -> wire.Message:
        """The message as an object: Frame, Rows, Document, Bundle. Raises WireError. Of `rec/state/` the JSON."""
        if self.frames[0].startswith(b"rec/"):
            return wire.decode([b"json/" + self.frames[0], *self.frames[1:2]])
        return wire.decode(self.frames)


class Recording:
    """An open file; see `open`. Iterate over it for its records. It is not for several threads at once.

    text        the file header's JSON: who wrote it, and where
    began_ns    when it was begun, UNIX
    damage      sentences about what could not be read so far: bytes between chunks, checksums
    cut_off     bytes at the end that are no whole chunk
    """

    def __init__(self, path: Any) -> None:
        self.path = os.fspath(path)
        self._file = builtins.open(path, "rb")
        try:
            self.text, self.began_ns, offset = _chunks.read_file_header(self._file, self.path)
            self.chunks, self.damage, self.cut_off = _chunks.read_chunks(self._file, offset)
        except BaseException:
            self._file.close()
            raise
        self._topics: Optional[Dict[str, int]] = None
        self._bad: set = set()

    @property
    def first_ns(self) -> int:
        """The smallest time of a record; 0 if there are none."""
        return min((chunk.first_ns for chunk in self.chunks), default=0)

    @property
    def last_ns(self) -> int:
        return max((chunk.last_ns for chunk in self.chunks), default=0)

    @property
    def topics(self) -> Dict[str, int]:
        """How many messages each topic has, in the order in which they came. Reads the whole file, once."""
        if self._topics is None:
            counts: Dict[bytes, int] = {}
            for _, payload in self._payloads():
                for _, at, lengths in self._walk(payload):
                    topic = payload[at:at + lengths[0]]
                    counts[topic] = counts.get(topic, 0) + 1
            self._topics = {topic.decode("utf-8", "replace"): count for topic, count in counts.items()}
        return self._topics

    @property
    def streams(self) -> List[str]:
        """Names of all streams that something was recorded of."""
        names = [topic.split("/")[1] for topic in self.topics
                 if topic.startswith(("meta/", "spikes/", "state/", "values/", "rows/")) and topic.count("/") == 2]
        return list(dict.fromkeys(names))

    def __iter__(self) -> Iterator[Record]:
        return self.records()

    def records(self, topics: Topics = "", start_ns: Optional[int] = None, end_ns: Optional[int] = None,
                seen: Optional[Callable[[Chunk], None]] = None) -> Iterator[Record]:
        """Records whose topic begins with one of `topics`, from `start_ns` until before `end_ns` (of the
        recorder's time). `seen` is called with each chunk that is done."""
        prefixes = _prefixes(topics)
        for chunk, payload in self._payloads(start_ns, end_ns):
            all_of_it = _within(chunk, start_ns, end_ns)
            for time_ns, at, lengths in self._walk(payload):
                if not all_of_it and not _is_in(time_ns, start_ns, end_ns):
                    continue
                if not payload.startswith(prefixes, at, at + lengths[0]):
                    continue
                frames = []
                for length in lengths:
                    frames.append(payload[at:at + length])
                    at += length
                yield Record(time_ns, frames)
            if seen:
                seen(chunk)

    def batches(self, topics: Topics = ("spikes/", "state/", "values/", "rows/"), start_ns: Optional[int] = None,
                end_ns: Optional[int] = None, seen: Optional[Callable[[Chunk], None]] = None,
                passed: Optional[Dict[bytes, int]] = None) -> Iterator[List[Union[Dict[str, Any], Batch]]]:
        """The same as arrays, a list for each chunk: dicts, which are the metas that came in it, then Spikes
        and Tables. How many messages other topics have is added up in `passed`."""
        prefixes = _prefixes(topics)
        for chunk, payload in self._payloads(start_ns, end_ns):
            all_of_it = _within(chunk, start_ns, end_ns)
            metas: List[Union[Dict[str, Any], Batch]] = []
            places: Dict[bytes, List[_batches.Place]] = {}
            for time_ns, at, lengths in self._walk(payload):
                topic = payload[at:at + lengths[0]]
                if topic.startswith(b"meta/"):
                    metas += _meta(payload[at:at + sum(lengths[:2])], lengths)
                elif topic.startswith(prefixes) and (all_of_it or _is_in(time_ns, start_ns, end_ns)):
                    found = places.get(topic)
                    if found is None:
                        found = places[topic] = []
                    found.append((at, lengths))
                elif passed is not None:
                    passed[topic] = passed.get(topic, 0) + 1
            yield [*metas, *_batches.of_payload(payload, places)]
            if seen:
                seen(chunk)

    def spikes(self, stream: str, start_ns: Optional[int] = None, end_ns: Optional[int] = None) -> Spikes:
        """All spikes of a stream."""
        return self._joined(stream, "spikes", start_ns, end_ns)  # type: ignore[return-value]

    def state(self, stream: str, start_ns: Optional[int] = None, end_ns: Optional[int] = None) -> Table:
        """Its analogue state, (ticks, lines)."""
        return self._joined(stream, "state", start_ns, end_ns)  # type: ignore[return-value]

    def values(self, stream: str, start_ns: Optional[int] = None, end_ns: Optional[int] = None) -> Table:
        """The values that its ticks used, (ticks, channels)."""
        return self._joined(stream, "values", start_ns, end_ns)  # type: ignore[return-value]

    def rows(self, stream: str, start_ns: Optional[int] = None, end_ns: Optional[int] = None) -> Table:
        """What its sensor sent, (rows, channels)."""
        return self._joined(stream, "rows", start_ns, end_ns)  # type: ignore[return-value]

    def meta(self, stream: str) -> Dict[str, Any]:
        """What the stream was at first. Raises KeyError if the file does not say."""
        for record in self.records(f"meta/{stream}/"):
            for meta in _meta(b"".join(record.frames), [len(frame) for frame in record.frames]):
                return meta
        raise KeyError(f"{self.path} does not say what the stream '{stream}' is")

    def _joined(self, stream: str, kind: str, start_ns: Optional[int], end_ns: Optional[int]) -> Batch:
        found = [batch for batches in self.batches(f"{kind}/{stream}/", start_ns, end_ns) for batch in batches
                 if not isinstance(batch, dict)]
        return _batches.joined(found, stream, kind)

    def _payloads(self, start_ns: Optional[int] = None, end_ns: Optional[int] = None) -> Iterator[Tuple[Chunk, bytes]]:
        for chunk in self.chunks:
            if chunk.type != _chunks.RECORDS or start_ns is not None and chunk.last_ns < start_ns or \
                    end_ns is not None and chunk.first_ns >= end_ns:
                continue
            try:
                yield chunk, _chunks.read_payload(self._file, chunk)
            except RecordingError as error:
                if chunk.codec == 1:
                    _chunks.zstd()  # one that cannot be read here is not damaged
                self._damaged(str(error))

    def _walk(self, payload: bytes) -> Iterator[Tuple[int, int, Tuple[int, ...]]]:
        try:
            yield from _chunks.walk(payload)
        except RecordingError as error:
            self._damaged(str(error))

    def _damaged(self, sentence: str) -> None:
        if sentence not in self._bad:
            self._bad.add(sentence)
            self.damage.append(sentence)

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> "Recording":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Writer:
    """Writes a recording, a chunk at a time; see `create`. After a crash the whole chunks are there."""

    def __init__(self, path: Any, compress: bool = False, text: Optional[Dict[str, Any]] = None,
                 began_ns: Optional[int] = None) -> None:
        self.path = os.fspath(path)
        self._compress = _chunks.zstd()[0] if compress else None
        self._records: List[bytes] = []
        self._size = self._number = 0
        self._times: List[int] = []
        self._file = builtins.open(path, "wb")
        self._file.write(_chunks.file_header_bytes(
            {"creator": "spiked for Python", "host": platform.node(), **(text or {})}, time.time_ns() if began_ns is None else began_ns))

    def write(self, frames: Sequence[bytes], time_ns: Optional[int] = None) -> None:
        """A message: the topic, then its other frames. `time_ns`: when it came; now, if not given."""
        if not 1 <= len(frames) <= 65535:
            raise ValueError(f"a message has 1 to 65535 frames, not {len(frames)}")
        when = time.time_ns() if time_ns is None else int(time_ns)
        record = _chunks.record_bytes(frames, when)
        if len(record) > _chunks.CHUNK_MAX:
            raise ValueError(f"a message of {len(record)} bytes does not fit into a chunk")
        if self._records and self._size + len(record) > FULL:
            self.flush()
        self._records.append(record)
        self._times.append(when)
        self._size += len(record)

    def flush(self) -> None:
        """Ends the chunk: what was written so far is whole in the file."""
        if not self._records:
            return
        raw = b"".join(self._records)
        stored = self._compress(raw) if self._compress else raw
        head = _chunks.chunk_header_bytes(1 if self._compress else 0, stored, raw, len(self._records),
                                          min(self._times), max(self._times), self._number)
        self._file.write(head + stored)
        self._file.flush()
        self._records, self._times, self._size = [], [], 0
        self._number += 1

    def close(self) -> None:
        with contextlib.closing(self._file):
            self.flush()

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open(path: Any) -> Recording:  # noqa: A001
    """Opens a recording to read it. Raises OSError, or RecordingError if it is none."""
    return Recording(path)


def create(path: Any, compress: bool = False, text: Optional[Dict[str, Any]] = None,
           began_ns: Optional[int] = None) -> Writer:
    """Begins a recording; a file that is there is overwritten. `compress`: with zstd. `text`: keys for the
    file header (`creator`, `host` …)."""
    return Writer(path, compress, text, began_ns)


def _prefixes(topics: Topics) -> Tuple[bytes, ...]:
    return tuple(topic.encode() for topic in ([topics] if isinstance(topics, str) else topics))


def _is_in(time_ns: int, start_ns: Optional[int], end_ns: Optional[int]) -> bool:
    return (start_ns is None or time_ns >= start_ns) and (end_ns is None or time_ns < end_ns)


def _within(chunk: Chunk, start_ns: Optional[int], end_ns: Optional[int]) -> bool:
    return _is_in(chunk.first_ns, start_ns, end_ns) and _is_in(chunk.last_ns, start_ns, end_ns)


def _meta(frames: bytes, lengths: Sequence[int]) -> List[Dict[str, Any]]:
    try:
        meta = json.loads(frames[lengths[0]:]) if len(lengths) == 2 else None
    except ValueError:
        return []
    return [meta] if isinstance(meta, dict) and isinstance(meta.get("stream"), str) else []
