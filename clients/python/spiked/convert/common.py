"""What all formats share: options, counts, the two ways of flowing.

A Source gives `items`, lists of metas (dicts), Spikes and Tables, in the order of time; a Sink takes them.
Formats that keep whole messages have `records` besides, and two of them hand those on as they are.

SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple, Type, Union

import numpy as np

from .. import _batches
from .._batches import DENSE, Batch, Spikes, Table
from .._messages import Maker, described
from ..recording import Record

Progress = Callable[[float], None]
Items = Sequence[Union[Dict[str, Any], Batch]]
SLICE = 1 << 17  # spikes or numbers that flow at once
MS = 1_000_000
START_NS = 1_000_000_000  # where times begin that nobody knows; 0 would say just that


class ConvertError(ValueError):
    """Why a conversion cannot be done, as a sentence."""


@dataclass
class Options:
    """What a conversion may be told; see `spiked-convert --help`."""

    streams: Sequence[str] = ()  #: only these; () = all
    what: str = "spikes"  #: what of a recording goes where only one kind fits: "spikes", "state", "values", "rows"
    dt_ns: Optional[int] = None  #: tick of the recording made from a format that has none
    lines: Optional[int] = None  #: likewise: how many lines; None = up to the highest that spiked
    shape: Optional[Tuple[int, int]] = None  #: height and width of the lines as an image, for AEDAT4
    sample_ns: Optional[int] = None  #: length of SHD's samples; None = windows, or else all in one
    labels: Optional[Sequence[int]] = None  #: of SHD's samples
    type: str = "f32"  #: of rows that come from a format without types
    compress: bool = False

    def wants(self, stream: str) -> bool:
        return not self.streams or stream in self.streams


@dataclass
class Counts:
    """What went into a file."""

    streams: set = field(default_factory=set)
    spikes: int = 0
    rows: int = 0  #: of tables
    messages: int = 0

    def see(self, batch: Batch) -> None:
        self.streams.add(batch.stream)
        if isinstance(batch, Spikes):
            self.spikes += len(batch)
        else:
            self.rows += len(batch)

    def __str__(self) -> str:
        words = [number(self.messages, "message")] if self.messages else []
        words += [number(self.spikes, "spike")] if self.spikes or not self.rows and not self.messages else []
        words += [number(self.rows, "row")] if self.rows else []
        return ", ".join(words) + (f" of {number(len(self.streams), 'stream')}" if self.streams else "")


class Source:
    """A file that is read."""

    has_records = False
    slack_ns = 0  # the resolution of its times
    faults: Tuple[Type[BaseException], ...] = ()  # what its library raises where the file is damaged

    def __init__(self, path: Path, options: Options) -> None:
        self.path, self.options = path, options
        self.notes: List[str] = []

    def begin(self) -> None:
        """Reads what the file begins with. Raises ConvertError if it is not of this format."""

    def items(self, progress: Progress, kinds: Sequence[str]) -> Iterator[Items]:
        """What there is, but of `kinds` ("spikes", "rows" …) only."""
        raise NotImplementedError

    def close(self) -> None:
        pass

    def __enter__(self) -> "Source":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Sink:
    """A file that is written."""

    has_records = False
    kinds: Sequence[str] = ("spikes",)  # what it has a place for
    slack_ns = 0  # of the source

    def __init__(self, path: Path, options: Options) -> None:
        self.path, self.options = path, options
        self.notes: List[str] = []
        self.counts = Counts()
        self.metas: Dict[str, Dict[str, Any]] = {}

    def add(self, items: Items) -> None:
        for item in items:
            if isinstance(item, dict):
                if self.options.wants(item["stream"]):
                    self.metas.setdefault(item["stream"], item)
                    self.meta(item)
            elif self.options.wants(item.stream) and len(item):
                if item.stream not in self.metas:
                    self.metas[item.stream] = derived(item)
                    self.meta(self.metas[item.stream])
                self.batch(item)
                self.counts.see(item)

    def meta(self, meta: Dict[str, Any]) -> None:
        """A stream's description came; before its first batch."""

    def batch(self, batch: Batch) -> None:
        """Takes spikes or a table, of `kinds`."""
        raise NotImplementedError

    def finish(self) -> None:
        """Everything was added: the file is made whole. Not called after an error."""

    def close(self) -> None:
        pass

    def __enter__(self) -> "Sink":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class RecordSource(Source):
    """One that keeps whole messages."""

    has_records = True

    def records(self, progress: Progress) -> Iterator[Record]:
        raise NotImplementedError


class RecordSink(Sink):
    """One that keeps whole messages, and makes them of arrays where it has to."""

    has_records = True
    kinds = ("spikes", *DENSE)

    def __init__(self, path: Path, options: Options) -> None:
        super().__init__(path, options)
        self._maker: Optional[Maker] = None

    def record(self, record: Record) -> None:
        raise NotImplementedError

    def add(self, items: Items) -> None:
        if self._maker is None:
            self._maker = Maker(self.slack_ns)
        wanted = []
        for item in items:
            if isinstance(item, dict):
                if self.options.wants(item["stream"]) and self.metas.get(item["stream"]) != item:
                    self.metas[item["stream"]] = item
                    wanted.append(item)
            elif self.options.wants(item.stream):
                if item.stream not in self.metas:
                    self.metas[item.stream] = derived(item)
                    wanted.append(self.metas[item.stream])
                self.counts.see(item)
                wanted.append(item)
        self._write(self._maker.messages(wanted))

    @property
    def made(self) -> bool:
        """Whether its messages were made of arrays."""
        return self._maker is not None

    def _write(self, messages: Sequence[Tuple[int, List[bytes]]]) -> None:
        for time_ns, frames in messages:
            self.record(Record(time_ns, frames))

    def finish(self) -> None:
        if self._maker is None:
            return
        self._write(self._maker.finish())
        if self._maker.rounded:
            self.notes.append(f"{number(self._maker.rounded, 'time')} lay between two ticks and "
                              f"{'counts' if self._maker.rounded == 1 else 'count'} for the earlier one")


def left_out(passed: Dict[bytes, int]) -> List[str]:
    """A note on the messages of a recording that the new format has no place for."""
    kinds: Dict[str, int] = {}
    for topic, count in passed.items():
        kind = topic.decode("utf-8", "replace").split("/")[0]
        if kind in ("spikes", "bundle", *DENSE):
            kinds[kind] = kinds.get(kind, 0) + count
    if not kinds:
        return []
    return ["Left out: " + ", ".join(f"{number(count, 'message')} of {kind}/" for kind, count in kinds.items())]


def derived(batch: Batch) -> Dict[str, Any]:
    """The meta of a stream that nobody described, from what came of it."""
    dt_ns, lines = MS, 1
    if isinstance(batch, Table):
        lines = batch.values.shape[1]
    elif batch.messages is not None and len(batch.messages):
        dt_ns, lines = int(batch.messages["dt_ns"][0]), int(batch.messages["lines"].max())
    elif len(batch):
        lines = int(batch.line.max()) + 1
    return described(batch.stream, lines, dt_ns, signed=True)


def number(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}".replace(",", " ")


def name_of(path: Path) -> str:
    """A stream's name from that of a file."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", path.stem)[:64] or "stream"


def needs(module: str, package: str, why: str) -> Any:
    """A module that is needed for a format only."""
    import importlib
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ConvertError(f"{why} needs the Python package {package}, which is not here ({error}): "
                           f"pip install {package}") from None


def in_slices(batches: Sequence[Batch], progress: Progress) -> Iterator[List[Batch]]:
    """Batches that are whole in memory, each in the order of time, as lists of about SLICE items of the same
    stretch of time."""
    batches = [batch for batch in batches if len(batch)]
    if not batches:
        return
    total = sum(len(batch) for batch in batches)
    sample = np.sort(np.concatenate([batch.time_ns[::max(1, SLICE // 64)] for batch in batches]))
    borders = sample[np.arange(1, -(-total // SLICE)) * len(sample) // -(-total // SLICE)]
    cuts = [np.concatenate(([0], np.searchsorted(batch.time_ns, borders), [len(batch)])) for batch in batches]
    for i in range(len(borders) + 1):
        part = []
        for batch, cut in zip(batches, cuts):
            piece = batch[int(cut[i]):int(cut[i + 1])]
            if isinstance(piece, Spikes):
                begin = borders[i - 1] if i else np.iinfo(np.int64).min
                end = borders[i] if i < len(borders) else np.iinfo(np.int64).max
                piece.windows_ns = piece.windows_ns[(piece.windows_ns >= begin) & (piece.windows_ns < end)]
            if len(piece) or isinstance(piece, Spikes) and len(piece.windows_ns):
                part.append(piece)
        yield part
        progress((i + 1) / (len(borders) + 1))


class Gathering(Sink):
    """One whose format wants all of a stream at once: it gathers in memory what it can hold."""

    def __init__(self, path: Path, options: Options) -> None:
        super().__init__(path, options)
        self.gathered: Dict[Tuple[str, str], List[Batch]] = {}
        self.spans: Dict[str, List[Tuple[int, int]]] = {}  # when ticks ran, from until before

    def add(self, items: Items) -> None:
        super().add(items)
        for item in items:
            if isinstance(item, Spikes) and self.options.wants(item.stream):
                self._span(item)

    def _span(self, batch: Spikes) -> None:
        if batch.stream not in self.metas:
            self.metas[batch.stream] = derived(batch)
        if not len(batch) and len(batch.windows_ns):
            self.gathered.setdefault((batch.stream, "spikes"), []).append(batch)
        meta, times = self.metas[batch.stream], batch.time_ns if batch.messages is None else batch.messages["time_ns"]
        if not len(times):
            return
        dt_ns, spans = int(meta["dt_ns"]), self.spans.setdefault(batch.stream, [])
        # Where ticks without spikes are not sent, one that is missing says nothing.
        gaps = np.flatnonzero(np.diff(times) > dt_ns) if batch.messages is not None and meta.get("empty", True) else []
        for part in np.split(times, np.asarray(gaps, np.int64) + 1):
            begin, end = int(part[0]), int(part[-1]) + dt_ns
            if spans and (begin <= spans[-1][1] or not meta.get("empty", True) or batch.messages is None):
                spans[-1] = spans[-1][0], max(end, spans[-1][1])
            else:
                spans.append((begin, end))

    def batch(self, batch: Batch) -> None:
        kind = "spikes" if isinstance(batch, Spikes) else batch.kind
        if isinstance(batch, Spikes):
            batch = Spikes(batch.stream, batch.time_ns, batch.tick, batch.line, batch.sign, batch.value, None, batch.windows_ns)
        self.gathered.setdefault((batch.stream, kind), []).append(batch)

    def whole(self, stream: str, kind: str = "spikes") -> Batch:
        return _batches.joined(self.gathered.get((stream, kind), []), stream, kind)

    def of_kind(self, kind: str) -> List[str]:
        return [stream for stream, found in self.gathered if found == kind]

    def one_stream(self, kind: str, why: str) -> str:
        streams = self.of_kind(kind)
        if len(streams) != 1:
            have = f"{kind} of {number(len(streams), 'stream')}" + (f" ({', '.join(streams)})" if streams else "")
            raise ConvertError(f"there are {have} and {why}" + (": name it with --stream" if streams else ""))
        return streams[0]
