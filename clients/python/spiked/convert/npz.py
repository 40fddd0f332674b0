"""NumPy's .npz: an array each for what a spike, or a row, has.

    imu/meta                          JSON
    imu/spikes/{time_ns,tick,line,sign[,value]}
    imu/spikes/windows_ns             when windows began, if there are any
    imu/rows/{time_ns,tick,values}    likewise state and values

SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

import json
import zipfile
import zlib
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence

import numpy as np

from .._batches import DENSE, Batch, Spikes, Table
from .common import ConvertError, Gathering, Items, Options, Progress, Source as AnySource, derived, in_slices


class Source(AnySource):
    faults = (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError)

    def __init__(self, path: Path, options: Options) -> None:
        super().__init__(path, options)
        try:
            self._file = np.load(path, allow_pickle=False)
        except (ValueError, zipfile.BadZipFile) as error:
            raise ConvertError(f"{path} is no .npz file: {error}") from None
        if not isinstance(self._file, np.lib.npyio.NpzFile):
            raise ConvertError(f"{path} holds a single array; this program reads .npz files as it writes them: STREAM/spikes/time_ns …")

    def items(self, progress: Progress, kinds: Sequence[str]) -> Iterator[Items]:
        streams = dict.fromkeys(name.split("/")[0] for name in self._file.files if name.count("/") == 2)
        if not streams:
            raise ConvertError(f"{self.path} has no arrays STREAM/spikes/time_ns or the like, but "
                               f"{', '.join(self._file.files[:6]) or 'none'}")
        metas: List[Any] = []
        batches: List[Batch] = []
        for stream in streams:
            found = [batch for kind in kinds for batch in self._batch(stream, kind)]
            meta = self._text(stream) or (derived(found[0]) if found else None)
            if meta is not None:
                metas.append({**meta, "stream": stream})
            batches += found
        yield metas
        yield from in_slices(batches, progress)

    def _text(self, stream: str) -> Optional[Dict[str, Any]]:
        if f"{stream}/meta" not in self._file.files:
            return None
        try:
            meta = json.loads(str(self._file[f"{stream}/meta"]))
        except ValueError as error:
            raise ConvertError(f"{self.path}: {stream}/meta is no JSON: {error}") from None
        if not isinstance(meta, dict) or not isinstance(meta.get("dt_ns"), int) or not isinstance(meta.get("lines"), int):
            raise ConvertError(f"{self.path}: {stream}/meta has no dt_ns and lines")
        return meta

    def _batch(self, stream: str, kind: str) -> Iterator[Batch]:
        prefix = f"{stream}/{kind}/"
        arrays = {name[len(prefix):]: self._file[name] for name in self._file.files if name.startswith(prefix)}
        if not arrays:
            return
        needed = {"time_ns", "line"} if kind == "spikes" else {"time_ns", "values"}
        if not needed <= set(arrays):
            raise ConvertError(f"{self.path}: {prefix} has {', '.join(arrays)}; {' and '.join(sorted(needed))} are needed")
        count = len(arrays["time_ns"])
        odd = [name for name, array in arrays.items() if name != "windows_ns" and len(array) != count]
        if odd:
            raise ConvertError(f"{self.path}: {prefix}{odd[0]} has {len(arrays[odd[0]])} entries, {prefix}time_ns {count}")
        time_ns = arrays["time_ns"].astype(np.int64)
        tick = arrays["tick"].astype(np.int64) if "tick" in arrays else None
        if kind != "spikes":
            yield Table(stream, kind, time_ns, tick, arrays["values"].reshape(count, -1))
            return
        yield Spikes(stream, time_ns, tick, arrays["line"].astype(np.uint32), arrays.get("sign", np.ones(count)).astype(np.int8),
                     arrays.get("value"), None, arrays.get("windows_ns", np.zeros(0)).astype(np.int64))

    def close(self) -> None:
        self._file.close()


class Sink(Gathering):
    kinds = ("spikes", *DENSE)

    def finish(self) -> None:
        super().finish()
        arrays: Dict[str, np.ndarray] = {f"{stream}/meta": np.array(json.dumps(meta, ensure_ascii=False))
                                         for stream, meta in self.metas.items()}
        for stream, kind in self.gathered:
            batch = self.whole(stream, kind)
            names = ("time_ns", "tick", "line", "sign", "value") if kind == "spikes" else ("time_ns", "tick", "values")
            for name in names:
                if getattr(batch, name) is not None:
                    arrays[f"{stream}/{kind}/{name}"] = getattr(batch, name)
            if isinstance(batch, Spikes) and len(batch.windows_ns):
                arrays[f"{stream}/{kind}/windows_ns"] = batch.windows_ns
        with open(self.path, "wb") as file:
            np.savez_compressed(file, **arrays)
        self.notes.append("Flags, sequence numbers and ticks without spikes are not in there")
