#!/usr/bin/python3
"""Every C file is as clang-format 14 writes it.

SPDX-License-Identifier: Apache-2.0
"""
import re
import shutil
import subprocess
import sys

from _tree import ROOT, files, finish

tool = shutil.which("clang-format-14", path="/usr/bin") or shutil.which("clang-format-14")
if not tool:
    sys.exit("there is no clang-format-14")
paths = [str(path) for path in files(".c", ".h")]
result = subprocess.run([tool, "--dry-run", "-Werror", "--style=file", *paths], cwd=ROOT,
                        capture_output=True, text=True)
seen = {}
for path, line in re.findall(r"^(\S+?):(\d+):\d+: (?:error|warning)", result.stderr, re.M):
    seen.setdefault(path, line)
faults = [f"{path}:{line}: differs from clang-format-14 -i {path}" for path, line in seen.items()]
if result.returncode and not faults:
    faults = [result.stderr.strip()]
finish(faults)
