"""What describes a pipeline, as the text that libspiked-encoders reads.

SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Mapping, Optional

import numpy as np

NAME = re.compile(r"\s*[A-Za-z_]\w*\s*\Z")
STREAM_KEYS = ("encode", "channels", "names")  # a map with one of these is a stream, not a stage


@dataclass
class Described:
    """A stream's entry as text, and what the rest of its configuration file says about it."""

    text: str
    dt: Optional[str] = None
    seed: Optional[int] = None


def describe(pipeline: Any, stream: Optional[str] = None) -> Described:
    """`pipeline`: YAML text, a stage's name, a list of stages, a dict (one stage, or a stream's
    entry), or the path of a configuration file, of which `stream` is read."""
    if isinstance(pipeline, os.PathLike):
        return from_file(Path(pipeline), stream)
    if stream is not None:
        raise ValueError("stream= names a stream of a configuration file: give the file as a pathlib.Path")
    if isinstance(pipeline, str):
        return Described(f"[{pipeline.strip()}]" if NAME.match(pipeline) else pipeline)
    if isinstance(pipeline, Mapping):
        if len(pipeline) == 1 and not any(key in pipeline for key in STREAM_KEYS):
            pipeline = [pipeline]
        else:
            return Described(to_json(pipeline))
    if isinstance(pipeline, (list, tuple)):
        # A stage a line: "line 2" in an error is the second one.
        return Described("[" + ",\n".join(to_json(stage) for stage in pipeline) + "]")
    raise ValueError(f"a pipeline is YAML text, a list of stages, a dict or the path of a configuration "
                     f"file, not {type(pipeline).__name__}")


def to_json(value: Any) -> str:
    try:
        return json.dumps(value, default=plain, allow_nan=False, ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"a pipeline holds names, numbers and lists of them: {error}") from None


def plain(value: Any) -> Any:
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is none of them")


def to_text(value: Any) -> str:
    """A parameter's value as `set` reads it."""
    return value if isinstance(value, str) else to_json(value)


def from_file(path: Path, stream: Optional[str]) -> Described:
    try:
        import yaml
    except ImportError:
        raise ImportError(f"reading {path} needs PyYAML (Debian: python3-yaml); without it give the stream's "
                          "entry itself, as text or as a dict", name="yaml") from None
    text = path.read_text(encoding="utf-8")
    try:
        top = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise ValueError(f"{path}: {error}") from None
    entries = child(top, "streams")
    streams = {scalar(child(entry, "name")): entry for entry in getattr(entries, "value", [])}
    if stream is None and len(streams) == 1:
        [stream] = streams
    if stream not in streams:
        raise ValueError(f"{path}: stream= names one of: {', '.join(map(str, streams)) or 'no streams'}"
                         + (f"; there is no '{stream}'" if stream is not None else ""))
    entry = streams[stream]
    start, end = entry.start_mark, entry.end_mark
    seed = scalar(child(top, "seed"))
    # The entry at its own place, so that errors have the file's lines and columns.
    return Described("\n" * start.line + " " * start.column + text[start.index:end.index],
                     scalar(child(top, "dt")), None if seed is None else int(seed, 0))


def child(node: Any, key: str) -> Any:
    pairs = getattr(node, "value", None)
    if isinstance(pairs, list):
        for pair in pairs:
            if isinstance(pair, tuple) and pair[0].value == key:
                return pair[1]
    return None


def scalar(node: Any) -> Optional[str]:
    value = getattr(node, "value", None)
    return value if isinstance(value, str) else None
