"""Recordings to and from other formats: `spiked-convert IN OUT`, and the same as a function.

    from spiked.convert import convert

    print(convert("run.spkrec", "run.nwb").sentence)

What each format holds, and what it cannot, is in docs/CONVERTING.md.

SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

import contextlib
import importlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Iterator, List, Optional

from .common import ConvertError, Counts, Options

__all__ = ["FORMATS", "ConvertError", "Options", "Result", "convert", "format_of"]

# Name, the endings of its files, the module that reads and writes it.
FORMATS = {
    "spkrec": ((".spkrec",), "spkrec"),
    "csv": ((".csv",), "csv"),
    "npz": ((".npz",), "npz"),
    "shd": ((".h5", ".hdf5"), "shd"),
    "nwb": ((".nwb",), "nwb"),
    "aedat4": ((".aedat4",), "aedat4"),
    "mcap": ((".mcap",), "mcap"),
}


@dataclass
class Result:
    """What a conversion did."""

    path: str
    counts: Counts
    notes: List[str] = field(default_factory=list)  #: what the new file does not hold, or only about

    @property
    def sentence(self) -> str:
        """All of it in one line."""
        return f"{self.path}: {self.counts}." + "".join(f" {note}." for note in self.notes)


def format_of(path: Any, wish: Optional[str] = None) -> str:
    """The format that a file's ending stands for."""
    if wish is not None:
        if wish not in FORMATS:
            raise ConvertError(f"there is no format '{wish}'; there are {', '.join(FORMATS)}")
        return wish
    ending = Path(path).suffix.lower()
    for name, (endings, _) in FORMATS.items():
        if ending in endings:
            return name
    raise ConvertError(f"{path}: '{ending}' is the ending of no format that this program knows; name it with --from or --to: "
                       + ", ".join(FORMATS))


def convert(source: Any, target: Any, options: Optional[Options] = None, *, source_format: Optional[str] = None,
            target_format: Optional[str] = None, force: bool = False,
            progress: Optional[Callable[[float], None]] = None) -> Result:
    """Writes `target` from `source`. `progress` is called with the share that is done. The new file appears
    under its name when it is whole. Raises ConvertError, RecordingError, OSError, or ValueError."""
    options = options or Options()
    reads, writes = (importlib.import_module(f"{__name__}.{FORMATS[name][1]}") for name in (
        format_of(source, source_format), format_of(target, target_format)))
    source, target = Path(source), Path(target)
    if not source.exists():
        raise ConvertError(f"there is no {source}")
    if target.exists() and not force:
        raise ConvertError(f"{target} is there already; --force overwrites it")
    part = target.with_name(f".part-{target.name}")
    try:
        with reads.Source(source, options) as taken, writes.Sink(part, options) as given:
            with _reading(taken):
                taken.begin()
            _carry(taken, given, progress or (lambda share: None))
            given.finish()
            result = Result(str(target), given.counts, [*taken.notes, *given.notes])
        os.replace(part, target)
    finally:
        if part.exists():
            part.unlink()
    return result


def _carry(taken: Any, given: Any, progress: Callable[[float], None]) -> None:
    if taken.has_records and given.has_records:
        for record in _read(taken, taken.records(progress)):
            given.record(record)
        return
    for items in _read(taken, taken.items(progress, given.kinds)):
        given.slack_ns = taken.slack_ns
        given.add(items)


def _read(taken: Any, what: Iterator[Any]) -> Iterator[Any]:
    with _reading(taken):
        yield from what


@contextlib.contextmanager
def _reading(taken: Any) -> Iterator[None]:
    """What a library says of a damaged file, as a sentence."""
    try:
        yield
    except taken.faults as error:
        raise ConvertError(f"{taken.path} is damaged, or not what its ending says: {type(error).__name__}: {error}") from error
