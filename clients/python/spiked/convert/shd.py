"""HDF5 in the layout of the Spiking Heidelberg Digits: samples, each with times, units and a label.

    spikes/times[i]   float seconds since the sample began
    spikes/units[i]   the line of each; a negative spike of line i is on the unit lines + i
    labels            a whole number a sample
    extra/keys        what the labels are called, extra/speaker
    extra/begin_ns    when each sample began, extra/spiked: the stream's meta; only spiked writes these

SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

import numpy as np

from .._batches import Batch, Spikes
from .._messages import described
from .common import MS, SLICE, START_NS, ConvertError, Gathering, Items, Options, Progress, Source as AnySource, name_of, needs, number

WHY = "HDF5"


class Source(AnySource):
    faults = (RuntimeError, KeyError, TypeError)

    def __init__(self, path: Path, options: Options) -> None:
        super().__init__(path, options)
        h5py = needs("h5py", "h5py", WHY)
        try:
            self._file = h5py.File(path, "r")
        except OSError as error:
            raise ConvertError(f"{path} is no HDF5 file: {error}") from None
        self._folded: Optional[int] = None  # from this unit on lines' negative spikes
        self._coarse = 0.0  # half of the distance between two times that the file can tell apart, in seconds

    def begin(self) -> None:
        try:
            self._times, self._units = self._file["spikes/times"], self._file["spikes/units"]
        except KeyError:
            raise ConvertError(f"{self.path} is not in SHD's layout: there are no spikes/times and spikes/units, but "
                               f"{', '.join(self._file) or 'nothing'}") from None
        if len(self._times) != len(self._units):
            raise ConvertError(f"{self.path}: {len(self._times)} samples have times, {len(self._units)} have units")

    def items(self, progress: Progress, kinds: Sequence[str]) -> Iterator[Items]:
        meta, length_ns = self._meta(lambda share: progress(share / 2))
        begins = self._file["extra/begin_ns"][()] if "extra/begin_ns" in self._file else \
            START_NS + np.arange(len(self._times), dtype=np.int64) * length_ns
        yield [meta]
        waiting: List[Tuple[np.ndarray, np.ndarray, int]] = []
        count = 0
        for i, begin_ns in enumerate(begins.tolist()):
            since, unit = self._sample(i)
            waiting.append((begin_ns + since, unit, begin_ns))
            count += len(unit)
            if count >= SLICE or i == len(begins) - 1:
                yield [self._batch(meta["stream"], waiting)]
                waiting, count = [], 0
            progress(0.5 + (i + 1) / len(begins) / 2)

    def _sample(self, i: int) -> Tuple[np.ndarray, np.ndarray]:
        """(nanoseconds since it began, lines), in the order of time."""
        times, units = np.asarray(self._times[i]), np.asarray(self._units[i])
        if len(times) != len(units):
            raise ConvertError(f"{self.path}: sample {i} has {len(times)} times and {len(units)} units")
        if not len(times):
            return np.zeros(0, np.int64), np.zeros(0, np.uint32)
        if not np.isfinite(times).all() or times.min() < 0 or units.min() < 0:
            raise ConvertError(f"{self.path}: sample {i} has a time or a unit below 0, or one that is no number")
        since = np.rint(times.astype(np.float64) * 1e9).astype(np.int64)
        order = np.argsort(since, kind="stable")
        self._coarse = max(self._coarse, float(np.spacing(times.max())) / 2)
        return since[order], units[order].astype(np.uint32)

    def _batch(self, stream: str, samples: Sequence[Tuple[np.ndarray, np.ndarray, int]]) -> Spikes:
        time_ns, line = (np.concatenate([sample[i] for sample in samples]) for i in range(2))
        sign = np.ones(len(line), np.int8)
        if self._folded is not None:
            sign[line >= self._folded] = -1
            line = np.where(sign < 0, line - np.uint32(self._folded), line)
        return Spikes(stream, time_ns, None, line, sign,
                      windows_ns=np.array([sample[2] for sample in samples], np.int64))

    def _meta(self, progress: Progress) -> Tuple[Dict[str, Any], int]:
        """(the stream's meta, from one sample's begin to the next). Reads everything once."""
        longest_ns, lines = 0, 0
        for i in range(len(self._times)):
            since, unit = self._sample(i)
            if len(since):
                longest_ns, lines = max(longest_ns, int(since[-1])), max(lines, int(unit.max()) + 1)
            progress((i + 1) / len(self._times))
        known = self._known()
        dt_ns = self.options.dt_ns or known.get("dt_ns") or MS
        stream = self.options.streams[0] if len(self.options.streams) == 1 else known.get("stream") or name_of(self.path)
        self.slack_ns = min(dt_ns - 1, int(np.ceil(self._coarse * 1e9)))
        longest = (longest_ns + self.slack_ns) // dt_ns + 1
        ticks = -(-(self.options.sample_ns or 0) // dt_ns) or longest
        if ticks < longest:
            raise ConvertError(f"the longest sample is {longest_ns / 1e9:g} s; --sample is shorter")
        meta = {**described(stream, lines, dt_ns, window=ticks), **known, "stream": stream, "dt_ns": dt_ns}
        self._folded = known["lines"] if isinstance(known.get("lines"), int) and lines > known["lines"] else None
        if self._folded is not None:
            lines = max(self._folded, lines - self._folded)
        meta.update(lines=max(self.options.lines or known.get("lines", 0), lines), output="spike counts", payload="words",
                    empty=False, signed=self._folded is not None)
        meta["samples"] = {"labels": self._file["labels"][()].tolist() if "labels" in self._file else []}
        for name in ("keys", "speaker"):
            if f"extra/{name}" in self._file:
                meta["samples"][name] = [each.decode() if isinstance(each, bytes) else each
                                         for each in self._file[f"extra/{name}"][()].tolist()]
        return meta, ticks * dt_ns

    def _known(self) -> Dict[str, Any]:
        if "extra/spiked" not in self._file:
            return {}
        try:
            known = json.loads(self._file["extra/spiked"][()])
        except ValueError:
            return {}
        return known if isinstance(known, dict) else {}

    def close(self) -> None:
        self._file.close()


class Sink(Gathering):
    def __init__(self, path: Path, options: Options) -> None:
        super().__init__(path, options)
        self._h5py = needs("h5py", "h5py", WHY)

    def finish(self) -> None:
        super().finish()
        stream = self.one_stream("spikes", "SHD's layout holds those of one")
        spikes, meta = self.whole(stream), self.metas[stream]
        assert isinstance(spikes, Spikes)
        begins, cuts = self._samples(spikes, self.spans[stream])
        unit, times = spikes.line.astype(np.int64), spikes.time_ns
        negative = spikes.sign < 0
        if negative.any():
            unit = unit + negative * int(meta["lines"])
            self.notes.append(f"There are no signs: {number(int(negative.sum()), 'negative spike')} of line i "
                              f"{'is' if negative.sum() == 1 else 'are'} on unit {meta['lines']} + i")
        if spikes.value is not None:
            self.notes.append("The values of graded spikes are not in there")
        labels = self._labels(len(begins), meta)
        with self._h5py.File(self.path, "w") as file:
            of = {"times": np.dtype("<f8"), "units": np.dtype("<u2" if not len(unit) or unit.max() < 65536 else "<u4")}
            into = {name: file.create_dataset(f"spikes/{name}", (len(begins),), dtype=self._h5py.vlen_dtype(dtype))
                    for name, dtype in of.items()}
            for i, begin_ns in enumerate(begins.tolist()):
                part = slice(int(cuts[i]), int(cuts[i + 1]))
                into["times"][i] = (times[part] - begin_ns) / 1e9
                into["units"][i] = unit[part].astype(of["units"])
            self._rest(file, labels, begins, meta)
        self.notes.append(f"{number(len(begins), 'sample')}; ticks without spikes are not in there")

    def _samples(self, spikes: Spikes, spans: Sequence[Tuple[int, int]]) -> Tuple[np.ndarray, np.ndarray]:
        """(when each sample began, the index of its first spike, and one more)."""
        begin, end = spans[0][0], spans[-1][1]
        if self.options.sample_ns:
            begins = np.arange(begin, end, self.options.sample_ns, dtype=np.int64)
        elif len(spikes.windows_ns):
            before = len(spikes) > 0 and spikes.time_ns[0] < spikes.windows_ns[0]
            begins = np.concatenate((np.full(int(before), begin, np.int64), spikes.windows_ns))
        else:
            begins = np.array([begin], np.int64)
        return begins, np.append(np.searchsorted(spikes.time_ns, begins), len(spikes))

    def _labels(self, count: int, meta: Dict[str, Any]) -> np.ndarray:
        labels: Optional[Sequence[int]] = self.options.labels
        if labels is not None and len(labels) != count:
            raise ConvertError(f"there are {number(len(labels), 'label')} for {number(count, 'sample')}")
        if labels is None:
            labels = (meta.get("samples") or {}).get("labels")
        if labels is None or len(labels) != count:
            self.notes.append("All labels are 0: --labels gives others")
            labels = [0] * count
        return np.array(labels, np.int64 if min(labels, default=0) < 0 else np.uint16)

    def _rest(self, file: Any, labels: np.ndarray, begins: np.ndarray, meta: Dict[str, Any]) -> None:
        samples = meta.get("samples") or {}
        keys = samples.get("keys") or [str(i) for i in range(int(labels.max(initial=0)) + 1)]
        speaker = samples.get("speaker") or []
        file["labels"] = labels
        file["extra/keys"] = np.array([str(key).encode() for key in keys])
        file["extra/speaker"] = np.array(speaker if len(speaker) == len(begins) else [0] * len(begins), np.uint16)
        file["extra/begin_ns"] = begins
        file["extra/spiked"] = json.dumps({key: value for key, value in meta.items() if key != "samples"})
