#!/usr/bin/python3
"""What every source file has: a licence line, a purpose; and has not: leftovers, trailing blanks.

SPDX-License-Identifier: Apache-2.0
"""
import re

from _tree import ROOT, files, finish, text

LICENCE = "SPDX-License-Identifier: Apache-2.0"
CODE = (".c", ".h", ".def", ".py", ".js", ".sh", ".rs", ".go", ".java")
TEXTS = (*CODE, ".md", ".yaml", ".txt", ".cmake", ".in", ".8", ".1", ".5")
LEFTOVER = re.compile(r"\b(" + "TO" + "DO|FIX" + "ME|XX" + "X|HA" + r"CK)\b")


def scripts():
    """Files without a suffix that start with #!."""
    for folder in ("scripts", ".ci", "examples"):
        for path in files(under=folder):
            if not path.suffix and text(path).startswith("#!"):
                yield path


def check_code(path, source):
    if LICENCE not in source[:4000] and source.strip() and path.suffix != ".def":
        yield f"{path}:1: no line \"{LICENCE}\""
    if path.suffix in (".c", ".h"):
        if not source.startswith("/* ") or len(source.split("*/")[0].replace(LICENCE, "")) < 20:
            yield f"{path}:1: does not start with a comment that says what it is for"
        # Installed headers have guards, for compilers that we do not know.
        if path.suffix == ".h" and "#pragma once" not in source and "include/spiked" not in str(path):
            yield f"{path}:1: no #pragma once"


def check_text(path, source):
    for number, line in enumerate(source.splitlines(), 1):
        found = LEFTOVER.search(line)
        if found:
            yield f"{path}:{number}: {found[1]}"
        if line != line.rstrip():
            yield f"{path}:{number}: blanks at the end of the line"
    if source and not source.endswith("\n"):
        yield f"{path}: no newline at the end"


faults = []
for each in [*files(*TEXTS), *scripts()]:
    if each.is_relative_to("tests/golden"):  # vectors, as their maker wrote them
        continue
    content = text(each)
    faults += check_text(each, content)
    if each.suffix in CODE or not each.suffix:
        faults += check_code(each, content)
for name in ("README.md", "HACKING.md", "NEWS.md", "LICENSE", "clients/PROTOCOL.md", "daemon/README.md"):
    if not (ROOT / name).exists():
        faults.append(f"{name} is missing")
finish(faults)
