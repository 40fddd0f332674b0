"""Recordings, as a side of a conversion.

SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

import json
from pathlib import Path
from typing import Dict, Iterator, Sequence

from .. import recording
from .common import Items, Options, Progress, RecordSink, RecordSource, left_out, number


class Source(RecordSource):
    def __init__(self, path: Path, options: Options) -> None:
        super().__init__(path, options)
        self._recording = recording.open(path)
        self._end = self._recording.chunks[-1].end if self._recording.chunks else 1

    def records(self, progress: Progress) -> Iterator[recording.Record]:
        for record in self._recording.records(seen=lambda chunk: progress(chunk.end / self._end)):
            if self.options.wants(stream_of(record.frames[0])):
                yield record
        self._tell()

    def items(self, progress: Progress, kinds: Sequence[str]) -> Iterator[Items]:
        passed: Dict[bytes, int] = {}
        yield from self._recording.batches([f"{kind}/" for kind in kinds], passed=passed,
                                           seen=lambda chunk: progress(chunk.end / self._end))
        self.notes += left_out({topic: count for topic, count in passed.items() if self.options.wants(stream_of(topic))})
        self._tell()

    def _tell(self) -> None:
        for sentence in self._recording.damage:
            self.notes.append(f"{self.path}: {sentence}")
        if self._recording.cut_off:
            self.notes.append(f"{self.path} was cut off, or is being written: its last {number(self._recording.cut_off, 'byte')} "
                              "are no whole chunk")

    def close(self) -> None:
        self._recording.close()


class Sink(RecordSink):
    def __init__(self, path: Path, options: Options) -> None:
        super().__init__(path, options)
        self._writer = recording.create(path, compress=options.compress)
        self._last_ns = 0

    def record(self, record: recording.Record) -> None:
        self._writer.write(record.frames, record.time_ns)
        self._last_ns = record.time_ns
        self.counts.messages += 1

    def finish(self) -> None:
        super().finish()
        if self.made:
            end = {"reason": "converted", "messages": self.counts.messages, "lost": 0}
            self._writer.write([b"rec/end/", json.dumps(end).encode()], self._last_ns)

    def close(self) -> None:
        self._writer.close()


def stream_of(topic: bytes) -> str:
    """The stream that a topic is of, "" for those that are of none."""
    parts = topic.decode("utf-8", "replace").split("/")
    return parts[-2] if len(parts) > 2 else ""
