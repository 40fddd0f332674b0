"""spiked-convert: recordings to and from other formats.

SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

import argparse
import re
import signal
import sys
import time
from pathlib import Path
from typing import List, Optional, Sequence, Tuple

from .. import wire
from . import FORMATS, Options, convert

UNITS = {"ns": 1, "us": 1_000, "µs": 1_000, "ms": 1_000_000, "s": 1_000_000_000, "min": 60_000_000_000}
EVERY_S = 0.1
BAR = 24

ABOUT = """\
IN and OUT are files; what they are, their endings say: """ + ", ".join(
    " or ".join(endings) for endings, _ in FORMATS.values()) + """
(.h5 is the layout of the Spiking Heidelberg Digits; --from and --to name it otherwise).

  spiked-convert run.spkrec run.csv                     spikes, one a line
  spiked-convert run.spkrec run.mcap                    all messages, for Foxglove
  spiked-convert run.spkrec imu.csv --what rows --stream imu
  spiked-convert signal.csv signal.spkrec --dt "1 ms"   a table becomes rows, for spikectl replay
  spiked-convert eye.spkrec eye.aedat4 --shape 128x128
  spiked-convert run.spkrec run.h5 --stream mic --sample "1 s" --labels labels.txt

One line at the end says what the new file cannot hold; docs/CONVERTING.md says it of each format."""


def duration_ns(text: str) -> int:
    """"1 ms", "250us", "0.001" (seconds) in nanoseconds."""
    found = re.fullmatch(r"\s*([0-9.eE+-]+)\s*([a-zµ]*)\s*", text)
    try:
        assert found
        value = float(found[1]) * UNITS[found[2] or "s"]
        assert 1 <= value <= 2 ** 63
    except (AssertionError, KeyError, ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"'{text}' is no time: write 1 ms, 250 us or 0.001 (seconds)") from None
    return round(value)


def shape_of(text: str) -> Tuple[int, int]:
    found = re.fullmatch(r"(\d+)x(\d+)", text)
    if not found or not int(found[1]) or not int(found[2]):
        raise argparse.ArgumentTypeError(f"'{text}' is no shape: write HEIGHTxWIDTH, as in 128x128")
    return int(found[1]), int(found[2])


def labels_of(path: str) -> List[int]:
    try:
        return [int(word) for word in Path(path).read_text(encoding="utf-8").split()]
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{path} holds whole numbers, one a sample: {error}") from None


def parser() -> argparse.ArgumentParser:
    of = argparse.ArgumentParser(prog="spiked-convert", description="Converts recordings to and from other formats.",
                                 epilog=ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter)
    of.add_argument("source", metavar="IN")
    of.add_argument("target", metavar="OUT")
    of.add_argument("--from", dest="source_format", metavar="FORMAT", choices=FORMATS, help="what IN is: " + ", ".join(FORMATS))
    of.add_argument("--to", dest="target_format", metavar="FORMAT", choices=FORMATS, help="what OUT is to be")
    of.add_argument("--stream", dest="streams", action="append", default=[], metavar="NAME",
                    help="this stream only; may be given several times. Of formats without names: how it is to be called")
    of.add_argument("--what", default="spikes", choices=("spikes", "state", "values", "rows"),
                    help="what goes into a CSV file, or what a table in one is (otherwise: rows)")
    of.add_argument("--dt", dest="dt_ns", type=duration_ns, metavar="TIME", help="the tick, where IN does not say it; 1 ms unless given")
    of.add_argument("--lines", type=int, metavar="N", help="number of lines, where IN does not say it")
    of.add_argument("--type", default="f32", choices=tuple(wire.ROW_TYPES), help="type of rows made of a table")
    of.add_argument("--shape", type=shape_of, metavar="HxW", help="how lines become pixels (AEDAT4); otherwise the stream's shape")
    of.add_argument("--sample", dest="sample_ns", type=duration_ns, metavar="TIME",
                    help="length of a sample (SHD); otherwise the stream's windows, or all in one")
    of.add_argument("--labels", type=labels_of, metavar="FILE", help="whole numbers, one a sample (SHD)")
    of.add_argument("--compress", action="store_true", help="write a .spkrec or .aedat4 with zstd")
    of.add_argument("--force", action="store_true", help="overwrite OUT")
    of.add_argument("--quiet", action="store_true", help="no progress, and no line at the end")
    return of


class Progress:
    """A bar on a terminal; nothing elsewhere."""

    def __init__(self, wanted: bool) -> None:
        self._on = wanted and sys.stderr.isatty()
        self._began = self._shown = time.monotonic()

    def __call__(self, share: float) -> None:
        now = time.monotonic()
        if not self._on or now - self._shown < EVERY_S:
            return
        self._shown = now
        share = min(1.0, max(share, 1e-9))
        left = (now - self._began) * (1 - share) / share
        filled = int(BAR * share)
        sys.stderr.write(f"\r[{'#' * filled}{'.' * (BAR - filled)}] {100 * share:3.0f} %  {left:.0f} s left\033[K")
        sys.stderr.flush()

    def end(self) -> None:
        if self._on:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()


def main(arguments: Optional[Sequence[str]] = None) -> int:
    given = parser().parse_args(arguments)
    options = Options(**{name: getattr(given, name) for name in (
        "streams", "what", "dt_ns", "lines", "type", "shape", "sample_ns", "labels", "compress")})
    progress = Progress(not given.quiet)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an exception, so that the half-made file goes
    try:
        result = convert(given.source, given.target, options, source_format=given.source_format,
                         target_format=given.target_format, force=given.force, progress=progress)
    except OSError as error:
        progress.end()
        print(f"spiked-convert: {error.filename or given.source}: {error.strerror or error}", file=sys.stderr)
        return 1
    except ValueError as error:  # ConvertError and RecordingError are such
        progress.end()
        print(f"spiked-convert: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        progress.end()
        print("spiked-convert: interrupted; nothing was left behind", file=sys.stderr)
        return 130
    progress.end()
    if not given.quiet:
        print(result.sentence)
    return 0
