"""CSV: spikes one a line, or a table of rows, state or values, one tick a line.

    stream,tick,time_ns,line,sign[,value]
    tick,time_ns,NAME,NAME …

The first is for any number of streams, the second for one. Without a column `time_ns`, a table's rows are
dt apart from 1970 on; `time_s` (seconds) will do as well.

SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

import csv
import itertools
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence, TextIO, Tuple

import numpy as np

from .. import _arrays, wire
from .._batches import Batch, Spikes, Table
from .._messages import described
from .common import MS, ConvertError, Items, Options, Progress, Sink as AnySink, Source as AnySource, name_of

LINES = 1 << 15  # of the file that are read at once
TIMES = ("time_ns", "time_s")
SPIKE_COLUMNS = ("stream", "tick", "time_ns", "time_s", "line", "sign", "value")


class Source(AnySource):
    faults = (UnicodeDecodeError, csv.Error)

    def __init__(self, path: Path, options: Options) -> None:
        super().__init__(path, options)
        self._file = open(path, newline="", encoding="utf-8-sig")
        self._size = max(1, path.stat().st_size)

    def begin(self) -> None:
        first = next(csv.reader(self._file), None)
        if not first:
            raise ConvertError(f"{self.path} is empty: the first line names the columns")
        self._columns = [column.strip() for column in first]
        self._is_spikes = "line" in self._columns
        times = [name for name in TIMES if name in self._columns]
        if len(set(self._columns)) != len(self._columns):
            raise ConvertError(f"{self.path}: a column is named twice: {', '.join(self._columns)}")
        if self._is_spikes:
            odd = [column for column in self._columns if column not in SPIKE_COLUMNS]
            if odd or not times:
                raise ConvertError(f"{self.path}: spikes have the columns line and time_ns (or time_s), and may have "
                                   f"stream, tick, sign and value; not {', '.join(odd) or 'neither time'}")
        elif all(_is_number(column) for column in self._columns):
            raise ConvertError(f"{self.path}: the first line names the columns, and these are numbers: "
                               f"{', '.join(self._columns[:6])}")

    def items(self, progress: Progress, kinds: Sequence[str]) -> Iterator[Items]:
        yield from (self._spikes if self._is_spikes else self._table)(progress)

    def _blocks(self, progress: Progress) -> Iterator[Tuple[int, Dict[str, List[str]]]]:
        """(the number of the first line, columns) of some lines after the other."""
        self._file.seek(0)
        # Not by iterating over the file itself, which would lose tell().
        reader = csv.reader(iter(self._file.readline, ""))
        next(reader)
        while True:
            line = reader.line_num + 1
            rows = [row for row in itertools.islice(reader, LINES) if row]
            if not rows:
                return
            for i, row in enumerate(rows):
                if len(row) != len(self._columns):
                    raise ConvertError(f"{self.path}:{line + i}: {len(row)} columns, and the first line names {len(self._columns)}")
            yield line, dict(zip(self._columns, map(list, zip(*rows))))
            progress(min(1, self._file.tell() / self._size))

    def _numbers(self, line: int, columns: Dict[str, List[str]], name: str, dtype: Any) -> np.ndarray:
        texts = columns[name]
        try:
            if np.dtype(dtype).kind == "f":
                return np.array([float(text) if text.strip() else np.nan for text in texts], dtype)
            return np.array([int(text) for text in texts], np.int64).astype(dtype)
        except (ValueError, OverflowError):
            for i, text in enumerate(texts):
                if not (_is_number(text) if np.dtype(dtype).kind == "f" else _is_whole(text)):
                    raise ConvertError(f"{self.path}:{line + i}: column {name}: '{text}' is no "
                                       f"{'number' if np.dtype(dtype).kind == 'f' else 'whole number'}") from None
            raise

    def _times(self, line: int, columns: Dict[str, List[str]]) -> np.ndarray:
        if "time_ns" in columns:
            return self._numbers(line, columns, "time_ns", np.int64)
        return np.rint(self._numbers(line, columns, "time_s", np.float64) * 1e9).astype(np.int64)

    def _ticks(self, line: int, columns: Dict[str, List[str]]) -> Optional[np.ndarray]:
        if "tick" not in columns or not any(columns["tick"]):
            return None
        return self._numbers(line, columns, "tick", np.int64)

    def _spikes(self, progress: Progress) -> Iterator[Items]:
        yield self._survey(lambda share: progress(share / 2))
        for line, columns in self._blocks(lambda share: progress(0.5 + share / 2)):
            yield [spikes for _, spikes in self._of(line, columns)]

    def _of(self, line: int, columns: Dict[str, List[str]]) -> List[Tuple[str, Spikes]]:
        time_ns, number = self._times(line, columns), self._numbers(line, columns, "line", np.int64)
        if number.min() < 0 or number.max() > 0x7FFFFFFF:
            raise ConvertError(f"{self.path}: a spike on line {number.min() if number.min() < 0 else number.max()}: "
                               "lines count from 0 to 2147483647")
        tick = self._ticks(line, columns)
        value = self._numbers(line, columns, "value", np.float32) if "value" in columns else None
        sign = self._numbers(line, columns, "sign", np.int8) if "sign" in columns else np.ones(len(number), np.int8)
        streams = np.array(columns.get("stream") or [name_of(self.path)] * len(number))
        found = []
        for stream in dict.fromkeys(streams.tolist()):
            mask = streams == stream
            graded = value[mask] if value is not None and not np.isnan(value[mask]).all() else None
            found.append((stream, Spikes(stream, time_ns[mask], None if tick is None else tick[mask],
                                         number[mask].astype(np.uint32), sign[mask], graded)))
        return found

    def _survey(self, progress: Progress) -> Items:
        """The streams that are in the file; they have to be known before the first spike is written."""
        streams: Dict[str, Dict[str, Any]] = {}
        for line, columns in self._blocks(progress):
            for stream, spikes in self._of(line, columns):
                known = streams.setdefault(stream, {"lines": 0, "signed": False, "graded": False, "first": None, "dt_ns": None})
                known["lines"] = max(known["lines"], int(spikes.line.max()) + 1)
                known["signed"] |= bool((spikes.sign < 0).any())
                known["graded"] |= spikes.value is not None
                known["dt_ns"] = known["dt_ns"] or _dt_ns(known, spikes.tick, spikes.time_ns)
        return [described(
            stream, self.options.lines or known["lines"], self.options.dt_ns or known["dt_ns"] or MS, signed=known["signed"],
            output="graded spikes" if known["graded"] else "spike counts") for stream, known in streams.items()]

    def _table(self, progress: Progress) -> Iterator[Items]:
        names = [name for name in self._columns if name not in ("tick", *TIMES)]
        if not names:
            raise ConvertError(f"{self.path}: there are no columns but the time")
        stream = self.options.streams[0] if len(self.options.streams) == 1 else name_of(self.path)
        kind = "rows" if self.options.what == "spikes" else self.options.what
        known: Dict[str, Any] = {"first": None}
        count = 0
        for line, columns in self._blocks(progress):
            values = np.stack([self._numbers(line, columns, name, np.float64) for name in names], axis=1)
            tick = self._ticks(line, columns)
            timed = any(name in columns for name in TIMES)
            time_ns = self._times(line, columns) if timed else (count + np.arange(len(values))) * (self.options.dt_ns or MS)
            items: List[Any] = []
            if count == 0:
                dt_ns = self.options.dt_ns or _dt_ns(known, tick, time_ns) or MS
                items.append(described(stream, len(names), dt_ns, output="spikes", type=self.options.type, names=names))
            count += len(values)
            yield [*items, Table(stream, kind, time_ns, tick, _converted(values, self.options.type if kind == "rows" else "f32"))]

    def close(self) -> None:
        self._file.close()


class Sink(AnySink):
    def __init__(self, path: Path, options: Options) -> None:
        super().__init__(path, options)
        self._file: TextIO = open(path, "w", newline="", encoding="utf-8")
        self._stream: Optional[str] = None  # of a table
        self._graded: Optional[bool] = None
        self.kinds = (options.what,)

    def batch(self, batch: Batch) -> None:
        if isinstance(batch, Spikes):
            self._spikes(batch)
        else:
            self._table(batch)

    def _spikes(self, batch: Spikes) -> None:
        if self._graded is None:
            self._graded = any(meta.get("output") == "graded spikes" for meta in self.metas.values()) or batch.value is not None
            self._file.write("stream,tick,time_ns,line,sign" + (",value" if self._graded else "") + "\n")
        columns = [_texts(batch.tick), _texts(batch.time_ns), _texts(batch.line), _texts(batch.sign)]
        if self._graded:
            columns.append([""] * len(batch) if batch.value is None else _texts(batch.value))
        elif batch.value is not None:
            raise ConvertError(f"'{batch.stream}' turned into a stream of graded spikes within the file; cut it there with `spikectl cut`")
        self._file.writelines(f"{batch.stream},{','.join(row)}\n" for row in zip(*[c or [""] * len(batch) for c in columns]))

    def _table(self, batch: Table) -> None:
        width = batch.values.shape[1]
        if self._stream is None:
            names = self.metas[batch.stream].get("names") or []
            if len(names) != width:
                names = [f"{'line' if batch.kind == 'state' else 'channel'}{i}" for i in range(width)]
            csv.writer(self._file, lineterminator="\n").writerow(["tick", "time_ns", *names])
            self._stream, self._width = batch.stream, width
        if self._stream != batch.stream or self._width != width:
            raise ConvertError(f"{batch.kind} of '{self._stream}' and of '{batch.stream}' do not fit into one CSV file: name one "
                               "stream with --stream" if self._stream != batch.stream else
                               f"'{batch.stream}' has {self._width} and {width} columns within the file; cut it there with `spikectl cut`")
        ticks = _texts(batch.tick) or [""] * len(batch)
        values = [_texts(batch.values[:, i]) for i in range(width)]
        self._file.writelines(",".join(row) + "\n" for row in zip(ticks, _texts(batch.time_ns), *values))

    def finish(self) -> None:
        if self._graded is None and self._stream is None:
            if self.options.what != "spikes":
                raise ConvertError(f"there are no {self.options.what} of {'any stream' if not self.options.streams else ' or '.join(self.options.streams)}")
            self._file.write("stream,tick,time_ns,line,sign\n")
        super().finish()
        self.notes.append("dt, the number of lines" + (", names" if self.options.what == "spikes" else "") +
                          " and ticks without spikes are not in a CSV file")

    def close(self) -> None:
        self._file.close()


def _texts(values: Optional[np.ndarray]) -> List[str]:
    """Numbers with the digits that give them again; nothing for NaN."""
    if values is None:
        return []
    if values.dtype.kind != "f":
        return list(map(str, values.tolist()))
    # numpy's float32 prints its own shortest digits, not those of the double.
    return ["" if text == "nan" else text for text in values.astype(f"U{32}").tolist()]


def _dt_ns(known: Dict[str, Any], tick: Optional[np.ndarray], time_ns: np.ndarray) -> Optional[int]:
    """What a tick takes, from two of them."""
    if tick is None or not len(tick):
        return None
    if known["first"] is None:
        known["first"] = int(tick[0]), int(time_ns[0])
    first_tick, first_ns = known["first"]
    later = np.flatnonzero(tick > first_tick)
    if not len(later):
        return None
    dt_ns = (int(time_ns[later[0]]) - first_ns) / (int(tick[later[0]]) - first_tick)
    return round(dt_ns) if dt_ns >= 1 else None


def _converted(values: np.ndarray, name: str) -> np.ndarray:
    if name not in wire.ROW_TYPES:
        raise ConvertError(f"rows of type '{name}' cannot be made of a table; there are {', '.join(wire.ROW_TYPES)}")
    if name[0] != "f" and np.isnan(values).any():
        raise ConvertError(f"a row without a sample cannot be of type {name}: only f32 and f64 have a NaN")
    return _arrays.converted(values, wire.ROW_TYPES[name])


def _is_number(text: str) -> bool:
    try:
        float(text or "nan")
    except ValueError:
        return False
    return True


def _is_whole(text: str) -> bool:
    try:
        int(text)
    except ValueError:
        return False
    return True
