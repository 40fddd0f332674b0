#!/usr/bin/python3
"""Runs the tests that clients have in their language's usual runner: agents/<language>/test FOLDER.

    own_tests.py [LANGUAGE …]      all that have such a file, unless some are named

Environment: SPIKED_BUILD, the CMake build folder (agents/<language> below it is the FOLDER). Status 77 of a test
file says that the toolchain is not there. The last line is "N passed, N failed, N skipped".

SPDX-License-Identifier: Apache-2.0
"""
import concurrent.futures
import os
import re
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
BUILD = Path(os.environ.get("SPIKED_BUILD", HERE.parents[1] / "build"))
MISSING = 77
LIMIT_S = 300


def counts(output):
    """(passed, failed, skipped) as cargo, go and Maven say it."""
    maven = re.findall(r"^\[\w+\] Tests run: (\d+), Failures: (\d+), Errors: (\d+), Skipped: (\d+)$", output, re.M)
    if maven:
        ran, failures, errors, skipped = map(int, maven[-1])
        return ran - failures - errors - skipped, failures + errors, skipped
    cargo = re.findall(r"^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored", output, re.M)
    if cargo:
        return tuple(sum(map(int, column)) for column in zip(*cargo))
    return tuple(len(re.findall(rf"^--- {word}:", output, re.M)) for word in ("PASS", "FAIL", "SKIP"))


def run(language):
    """(what to say, passed, failed, skipped)"""
    began = time.monotonic()
    try:
        done = subprocess.run([HERE / "agents" / language / "test", BUILD / "agents" / language], text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              errors="replace", timeout=LIMIT_S * float(os.environ.get("SPIKED_SLOW", "1")))
    except subprocess.TimeoutExpired as error:
        return f"FAILED {language}: not done after {error.timeout:g} s", 0, 1, 0
    output = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)
    if done.returncode == MISSING:
        return f"skip   {language}: {output.strip()}", 0, 0, 1
    passed, failed, skipped = counts(output)
    if not failed and (done.returncode or not passed):
        failed = 1
    text = f"{language}: {passed} passed, {failed} failed, {skipped} skipped ({time.monotonic() - began:.1f} s)"
    return f"FAILED {text}\n{output[-8000:]}" if failed else f"ok     {text}", passed, failed, skipped


def main():
    languages = sys.argv[1:] or sorted(path.parent.name for path in (HERE / "agents").glob("*/test"))
    total = [0, 0, 0]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for text, *each in pool.map(run, languages):
            print(text, flush=True)
            total = [a + b for a, b in zip(total, each)]
    print("{} passed, {} failed, {} skipped".format(*total))
    sys.exit(1 if total[1] or not sum(total) else 0)


if __name__ == "__main__":
    main()
