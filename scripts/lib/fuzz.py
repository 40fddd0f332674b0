#!/usr/bin/python3
"""Runs fuzz targets that are built: scripts/fuzz builds them first.

SPDX-License-Identifier: Apache-2.0
"""
import argparse
import concurrent.futures
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FUZZ = ROOT / "tests/fuzz"
TIMEOUT_S = 10  # for one input: more is a hang
LIMITS = [f"-timeout={TIMEOUT_S}", "-rss_limit_mb=2560", "-print_final_stats=1"]
LENGTHS = {"conf": 8192}
LENGTH = 4096
SAVED_LENGTH = 400  # of an input that is saved into the source tree
# Of a short run: a few seconds each.
SHORT_RUNS = {"rows": 100000, "conf": 15000, "control": 4000, "topics": 30000, "pipeline": 6000, "state": 20000,
              "snapshot": 30000, "frames": 40000, "answers": 300000, "web": 200000, "record": 60000}
SHORT_LIMIT_S = 60


def targets(build):
    return {path.name[len("fuzz_"):]: path for path in sorted((build / "fuzz").glob("fuzz_*"))}


def command(program, name, *options):
    words = FUZZ / f"{name}.dict"
    return [str(program), *LIMITS, f"-max_len={LENGTHS.get(name, LENGTH)}",
            *([f"-dict={words}"] if words.exists() else []), *options]


def seeds(name):
    folder = FUZZ / "corpus" / name
    return [str(folder)] if folder.exists() else []


def stat(output, key):
    found = re.findall(rf"^stat::{key}: *(\d+)", output, re.M)
    return int(found[-1]) if found else 0


def short(program):
    """Replays the seeds, then the same mutations each time. Exits as the target does."""
    name = Path(program).name[len("fuzz_"):]
    with tempfile.TemporaryDirectory(prefix="spiked-fuzz-") as folder:
        return subprocess.run(command(
            program, name, "-seed=1", f"-runs={SHORT_RUNS.get(name, 10000)}", f"-max_total_time={SHORT_LIMIT_S}",
            f"-artifact_prefix={folder}/", folder, *seeds(name)), check=False).returncode


class Run:
    """One process of one target."""

    def __init__(self, options, name, program):
        self.name = name
        self.corpus = options.build / "corpus" / name
        self.found = options.build / "found"
        self.corpus.mkdir(parents=True, exist_ok=True)
        self.found.mkdir(exist_ok=True)
        much = f"-runs={options.runs}" if options.runs else f"-max_total_time={options.seconds}"
        self.command = command(program, name, much, f"-artifact_prefix={self.found}/{name}-", str(self.corpus),
                               *seeds(name))

    def __call__(self):
        began = time.monotonic()
        process = subprocess.run(self.command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                 errors="replace", check=False)
        self.seconds = time.monotonic() - began
        self.status, self.output = process.returncode, process.stdout
        done = stat(self.output, "number_of_executed_units")
        self.runs = done or max((int(n) for n in re.findall(r"^#(\d+)", self.output, re.M)), default=0)
        return self


def minimise(options, name, program):
    """Keeps the inputs that reach something of their own."""
    corpus = options.build / "corpus" / name
    fresh = options.build / "corpus" / f"{name}.new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    result = subprocess.run(command(program, name, "-merge=1", str(fresh), str(corpus)), capture_output=True, check=False)
    if result.returncode == 0 and any(fresh.iterdir()):
        shutil.rmtree(corpus)
        fresh.rename(corpus)
    else:
        shutil.rmtree(fresh)
    return sum(1 for _ in corpus.iterdir())


def save(options, name, program):
    """Adds what reaches something new, and is short, to the seeds in the source tree."""
    subprocess.run(command(program, name, "-merge=1", f"-max_len={SAVED_LENGTH}", str(FUZZ / "corpus" / name),
                           str(options.build / "corpus" / name)), capture_output=True, check=False)


def add_total(options, run):
    path = options.build / "totals.json"
    totals = json.loads(path.read_text()) if path.exists() else {}
    runs, seconds = totals.get(run.name, (0, 0))
    totals[run.name] = (runs + run.runs, round(seconds + run.seconds, 1))
    path.write_text(json.dumps(totals, indent=1) + "\n")
    return totals[run.name]


def report(options, run):
    coverage = re.findall(r"cov: (\d+)", run.output)
    total, total_s = add_total(options, run)
    print(f"{run.name:9} {run.runs:12,} runs in {run.seconds:6.0f} s, {run.runs / max(run.seconds, 1e-9):8,.0f} a second, "
          f"{coverage[-1] if coverage else '?':>5} edges; in all {total:14,} in {total_s:8,.0f} s", flush=True)
    if run.status == 0:
        return True
    print("".join(f"    {line}\n" for line in run.output.splitlines()[-40:]), end="")
    for artifact in re.findall(r"Test unit written to (\S+)", run.output):
        print(f"FAILED {run.name}: again with {run.command[0]} {artifact}", flush=True)
    return False


def run_all(options, chosen):
    copies = max(1, options.jobs // len(chosen))
    runs = [Run(options, name, program) for name, program in chosen.items() for _ in range(copies)]
    good = True
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for done in concurrent.futures.as_completed([pool.submit(run) for run in runs]):
            good &= report(options, done.result())
    for name, program in chosen.items():
        print(f"{name:9} {minimise(options, name, program)} inputs kept in {options.build / 'corpus' / name}")
        if options.save:
            save(options, name, program)
    return good


def main():
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description=(
        "Runs fuzz targets on all cores. Inputs that reach something new are kept in build-fuzz/corpus, those that break "
        "something in build-fuzz/found."))
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="all of them unless given")
    much = parser.add_mutually_exclusive_group()
    much.add_argument("--seconds", type=int, default=60, help="for each target (60)")
    much.add_argument("--runs", type=int, default=0, help="of each process, instead of a time")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes at a time (one a core)")
    parser.add_argument("--save", action="store_true", help="add short inputs that reach something new to tests/fuzz/corpus")
    parser.add_argument("--list", action="store_true", help="only list the targets")
    parser.add_argument("--build", type=Path, default=ROOT / "build-fuzz", help=argparse.SUPPRESS)
    parser.add_argument("--short", metavar="PROGRAM", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.short:
        sys.exit(short(options.short))
    known = targets(options.build)
    unknown = [name for name in options.targets if name not in known]
    if unknown or not known:
        parser.error(f"there is no target {', '.join(unknown) or 'at all'}; there are: {', '.join(known)}")
    if options.list:
        print("\n".join(known))
        return
    sys.exit(0 if run_all(options, {name: known[name] for name in options.targets or known}) else 1)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
