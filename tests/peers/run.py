#!/usr/bin/env python3
"""Runs other libraries' encoders beside ours and lists every difference with its cause.

  run.py                     the table, and a last line with the counts
  run.py --write FILE        also writes the table between the markers of that Markdown file
  run.py --only PEER         only comparisons with peers whose name contains this

Run by scripts/test --peers, with the Python that has the peers.

SPDX-License-Identifier: Apache-2.0
"""
import argparse
import importlib
import importlib.metadata
import os
import sys
import time
import traceback
import warnings
from pathlib import Path

os.environ.setdefault("ATEN_CPU_CAPABILITY", "default")
sys.path.insert(0, str(Path(__file__).resolve().parent))
warnings.filterwarnings("ignore")

from compare import Unavailable  # noqa: E402

PEERS = {  # module of comparisons: the library, its package
    "norse_cases": ("Norse", "norse"),
    "snntorch_cases": ("snnTorch", "snntorch"),
    "spikingjelly_cases": ("SpikingJelly", "spikingjelly"),
    "spike_encoding_cases": ("Spike-Encoding", "spike-encoding"),
    "spikify_cases": ("spikify", "innuce-spikify"),
    "bindsnet_cases": ("BindsNET", "bindsnet"),
}
BEGIN, END = "<!-- peers: tests/peers/run.py --write docs/ENCODERS.md -->", "<!-- end of peers -->"


def version(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def row(comparison, outcome):
    cause = comparison.cause or ("" if not outcome.differences else "not known")
    return (comparison.peer, f"`{comparison.theirs}`", f"`{comparison.ours}`", f"{outcome.samples:,}".replace(",", " "),
            f"{outcome.differences:,}".replace(",", " "), cause)


def verdict(comparison, outcome):
    """Empty if it is as it should be."""
    if outcome.samples == 0:
        return "nothing was compared"
    if outcome.left:
        return f"{outcome.left} of {outcome.differences} differences have no known cause"
    if comparison.cause and not outcome.differences:
        return "the difference is gone: its cause should go too"
    return ""


def table(rows):
    lines = ["| peer | theirs | ours | samples | differences | cause |", "|---|---|---|---:|---:|---|"]
    return "\n".join(lines + ["| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |" for cells in rows])


def write(path, text):
    old = path.read_text(encoding="utf-8")
    before, rest = old.split(BEGIN)
    after = rest.split(END)[1]
    path.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", type=Path, metavar="FILE")
    parser.add_argument("--only", default="", metavar="PEER")
    options = parser.parse_args()
    rows, passed, failed, skipped = [], 0, 0, 0
    for module, (peer, package) in PEERS.items():
        if options.only.lower() not in peer.lower():
            continue
        if not version(package):
            print(f"skip   {peer}: {package} could not be installed")
            rows.append((peer, "", "", "0", "0", f"{package} could not be installed"))
            skipped += 1
            continue
        for comparison in importlib.import_module(module).comparisons():
            began = time.monotonic()
            name = f"{peer} {comparison.theirs} / {comparison.ours}"
            try:
                outcome = comparison.run()
            except Unavailable as why:
                skipped += 1
                rows.append((peer, f"`{comparison.theirs}`", f"`{comparison.ours}`", "0", "", str(why)))
                print(f"skip   {name}: {why}", flush=True)
                continue
            except Exception:  # theirs may raise whatever it likes
                failed += 1
                print(f"FAILED {name}\n{traceback.format_exc()}", flush=True)
                continue
            rows.append(row(comparison, outcome))
            why = verdict(comparison, outcome)
            passed, failed = passed + (not why), failed + bool(why)
            print(f"{'FAILED' if why else 'ok    '} {name}: {outcome.samples} samples, {outcome.differences} "
                  f"differences{': ' + why if why else ''} ({time.monotonic() - began:.1f} s)", flush=True)
    versions = ", ".join(f"{peer} {version(package)}" for peer, package in PEERS.values() if version(package))
    text = f"{versions}, torch {version('torch')}, numpy {version('numpy')}\n\n{table(rows)}"
    print(f"\n{text}\n")
    if options.write:
        write(options.write, text)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
