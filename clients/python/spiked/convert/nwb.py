"""NWB: a unit for every line, written with pynwb, read with h5py.

SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

import datetime
import json
import uuid
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

import numpy as np

from .._batches import Batch, Spikes
from .._messages import described
from .common import MS, ConvertError, Gathering, Items, Options, Progress, Source as AnySource, in_slices, name_of, needs

WHY = "NWB"
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
INTERVALS_MAX = 1000  # of a unit; beyond, one that spans all
COLUMNS = {
    "stream": "name of spiked's stream",
    "line": "number of the line within its stream",
    "sign": "1, or -1 for a line's negative spikes, which are a unit of their own",
    "label": "what the line is called",
    "dt_ns": "the stream's tick in nanoseconds: spike times are multiples of it apart",
}


class Source(AnySource):
    faults = (RuntimeError, KeyError, TypeError)

    def __init__(self, path: Path, options: Options) -> None:
        super().__init__(path, options)
        h5py = needs("h5py", "h5py", WHY)
        try:
            self._file = h5py.File(path, "r")
        except OSError as error:
            raise ConvertError(f"{path} is no HDF5 file, which NWB files are: {error}") from None

    def begin(self) -> None:
        if "units/spike_times" not in self._file or "units/spike_times_index" not in self._file:
            raise ConvertError(f"{self.path} has no units with spike times")

    def items(self, progress: Progress, kinds: Sequence[str]) -> Iterator[Items]:
        units = self._file["units"]
        ends = units["spike_times_index"][()].astype(np.int64)
        times = units["spike_times"]
        streams = self._column("stream", [name_of(self.path)] * len(ends))
        lines = self._column("line", None)
        signs = self._column("sign", [1] * len(ends))
        ticks = self._column("dt_ns", [None] * len(ends))
        zero_ns = self._zero_ns()
        parts: Dict[str, List[Tuple[np.ndarray, int, int]]] = {}
        metas: Dict[str, Dict[str, Any]] = {}
        for i, end in enumerate(ends.tolist()):
            found = parts.setdefault(streams[i], [])
            line = int(lines[i]) if lines is not None else len(found)
            seconds = times[int(ends[i - 1]) if i else 0:end]
            if not np.isfinite(seconds).all():
                raise ConvertError(f"{self.path}: unit {i} has a spike time that is no number")
            found.append((zero_ns + np.rint(seconds * 1e9).astype(np.int64), line, int(signs[i])))
            meta = metas.setdefault(streams[i], self._meta(streams[i], ticks[i], times))
            meta["lines"] = max(meta["lines"], line + 1)
            meta["channels"] = meta["channels"] or meta["lines"]
            meta["signed"] |= int(signs[i]) < 0
            progress(0.5 * (i + 1) / len(ends))
        yield list(metas.values())
        yield from in_slices([_spikes(stream, found) for stream, found in parts.items()], lambda share: progress(0.5 + share / 2))

    def _column(self, name: str, otherwise: Any) -> Any:
        if name not in self._file["units"]:
            return otherwise
        return [each.decode() if isinstance(each, bytes) else each for each in self._file[f"units/{name}"][()].tolist()]

    def _meta(self, stream: str, dt_ns: Optional[int], times: Any) -> Dict[str, Any]:
        dt_ns = self.options.dt_ns or dt_ns or round(float(times.attrs.get("resolution", 0)) * 1e9) or MS
        try:
            known = json.loads(self._file["scratch/spiked"][()])[stream]
        except (KeyError, ValueError, TypeError):
            known = {}
        if not isinstance(known, dict):
            known = {}
        lines = max(self.options.lines or 0, known.get("lines", 0))
        return {**described(stream, known.get("channels", self.options.lines or 0), dt_ns), **known, "lines": lines, "dt_ns": dt_ns,
                "output": "spike counts", "payload": "words", "empty": False, "signed": False}

    def _zero_ns(self) -> int:
        """When the time of 0 s was."""
        for name in ("timestamps_reference_time", "session_start_time"):
            if name in self._file:
                text = self._file[name][()]
                text = text.decode() if isinstance(text, bytes) else str(text)
                try:
                    when = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
                except ValueError:
                    raise ConvertError(f"{self.path}: {name} is '{text}', which is no time") from None
                since = (when if when.tzinfo else when.replace(tzinfo=datetime.timezone.utc)) - EPOCH
                return ((since.days * 86400 + since.seconds) * 1_000_000 + since.microseconds) * 1000
        raise ConvertError(f"{self.path} has no session_start_time: is it an NWB file?")

    def close(self) -> None:
        self._file.close()


def _spikes(stream: str, parts: Sequence[Tuple[np.ndarray, int, int]]) -> Spikes:
    time_ns = np.concatenate([times for times, _, _ in parts])
    counts = [len(times) for times, _, _ in parts]
    line = np.repeat(np.array([line for _, line, _ in parts], np.uint32), counts)
    sign = np.repeat(np.array([-1 if sign < 0 else 1 for _, _, sign in parts], np.int8), counts)
    order = np.lexsort((line, time_ns))
    return Spikes(stream, time_ns[order], None, line[order], sign[order])


class Sink(Gathering):
    def __init__(self, path: Path, options: Options) -> None:
        super().__init__(path, options)
        self._pynwb = needs("pynwb", "pynwb", "writing NWB")
        self._misc = needs("pynwb.misc", "pynwb", "writing NWB")

    def finish(self) -> None:
        super().finish()
        streams = {stream: self.whole(stream) for stream in self.spans}
        zero_ns = min((spans[0][0] for spans in self.spans.values() if spans), default=0) // 1000 * 1000
        file = self._pynwb.NWBFile(
            session_description="spikes of " + (", ".join(streams) or "nothing") + ", recorded by spiked", identifier=str(uuid.uuid4()),
            session_start_time=EPOCH + datetime.timedelta(microseconds=zero_ns // 1000))
        if streams:
            resolution = min(int(self.metas[stream]["dt_ns"]) for stream in streams) / 1e9
            file.units = self._misc.Units(name="units", description="a unit for every line of a stream", resolution=resolution)
            for name, description in COLUMNS.items():
                file.add_unit_column(name, description)
        for stream, spikes in streams.items():
            self._add(file, stream, spikes, zero_ns)
        file.add_scratch(json.dumps({stream: self.metas[stream] for stream in streams}), name="spiked",
                         description="what spiked's meta/ said of each stream, JSON")
        with self._pynwb.NWBHDF5IO(str(self.path), "w") as output:
            output.write(file)

    def _add(self, file: Any, stream: str, spikes: Batch, zero_ns: int) -> None:
        assert isinstance(spikes, Spikes)
        meta, spans = self.metas[stream], self.spans[stream]
        if len(spans) > INTERVALS_MAX:
            self.notes.append(f"'{stream}' was interrupted {len(spans) - 1} times, which obs_intervals do not say")
            spans = [(spans[0][0], spans[-1][1])]
        intervals = [[(begin - zero_ns) / 1e9, (end - zero_ns) / 1e9] for begin, end in spans]
        lines = max(int(meta["lines"]), int(spikes.line.max()) + 1 if len(spikes) else 0)
        names = meta.get("names") or []
        order = np.lexsort((spikes.time_ns, spikes.line, spikes.sign < 0))
        key = (spikes.line.astype(np.int64) + (spikes.sign < 0) * lines)[order]
        seconds = (spikes.time_ns[order] - zero_ns) / 1e9
        cuts = np.searchsorted(key, np.arange(2 * lines + 1))
        for i in range(2 * lines):
            part, line = seconds[cuts[i]:cuts[i + 1]], i % lines
            if i < lines or len(part):
                label = names[line] if len(names) == lines and names[line] else f"{stream} {line}"
                file.add_unit(spike_times=part, obs_intervals=intervals, stream=stream, line=line, sign=1 if i < lines else -1,
                              label=label, dt_ns=int(meta["dt_ns"]))
        if spikes.value is not None:
            self.notes.append(f"The values of the graded spikes of '{stream}' are not in there")
        if len(spikes.windows_ns):
            self.notes.append(f"When the windows of '{stream}' began is not in there")
