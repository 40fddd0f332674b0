#!/usr/bin/python3
"""Keeps docs/ENCODERS.md true: parameter tables from the stages' rows, pictures and the comparison
from runs of the stages on real signals.

  docs/encoders.py              all of it; needs what is listed below
  docs/encoders.py --tables     the parameter tables only; needs the daemon's binary
  docs/encoders.py --check      changes nothing; fails when a table is stale, or when a stage lacks
                                its section, its picture or its line in the comparison
  docs/encoders.py NAME...      these stages' pictures only

The daemon is $SPIKED_BIN or build/bin/spiked. Pictures and comparison need Debian's python3-numpy,
python3-matplotlib, python3-scipy and alsa-utils (the last two for their signals), and the Python
package in clients/python with the library that the build made.

SPDX-License-Identifier: Apache-2.0
"""
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/ENCODERS.md"
PICTURES = ROOT / "docs/encoders"
BLOCK = re.compile(r"(<!-- (rows|compare) ([a-z0-9_]+) -->\n).*?(<!-- end -->)", re.S)
# A value in `spiked --encoders`: "number > 0 [Hz], default 100, one or one a channel, live"
PRESET = re.compile(r"^default (.*)$")
FLAGS = {"one or one a channel": "per channel", "live": "live", "no effect": "no effect"}


def rows():
    """{stage: {"summary": …, "in": …, "also": …, "decoder": …, "parameters": [(name, kind, preset, flags, help)]}}"""
    binary = os.environ.get("SPIKED_BIN", str(ROOT / "build/bin/spiked"))
    text = subprocess.run([binary, "--encoders"], check=True, capture_output=True, text=True).stdout
    stages, stage = {}, None
    for line in text.splitlines():
        indent = len(line) - len(line.lstrip())
        if indent == 0 and line.strip():
            stage = stages[line.strip()] = {"summary": "", "parameters": []}
        elif indent == 2 and re.match(r"[a-z]+: ", line.strip()):
            for part in line.strip().split("; out: "):
                key, _, value = part.partition(": ") if part.startswith(("in", "also", "source", "decoder", "decode")) \
                    else ("out", "", part)
                stage[key] = value
        elif indent == 2:
            stage["summary"] = line.strip()
        elif indent == 4:
            name, _, rest = line.strip().partition(" ")
            stage["parameters"].append((name, *described(rest.strip()), []))
        elif indent > 4:
            stage["parameters"][-1][-1].append(line.strip())
    return stages


def described(text):
    """("number > 0", "Hz", "100", "per channel, live")"""
    kind, *rest = text.split(", ")
    unit = re.search(r" \[(.*)\]$", kind)
    kind = kind[:unit.start()] if unit else kind
    preset = next((PRESET.match(part)[1] for part in rest if PRESET.match(part)), "")
    flags = ", ".join(FLAGS.get(part, part) for part in rest if not PRESET.match(part))
    return kind, unit[1] if unit else "", preset, flags


def cell(text):
    return text.replace("|", "\\|")


def parameters(stage):
    lines = []
    if stage["parameters"]:
        lines += ["| parameter | is | unit | default | may be | |", "|---|---|---|---|---|---|"]
    for name, kind, unit, preset, flags, help_lines in stage["parameters"]:
        default = f"`{preset}`" if preset else ""
        cells = [f"`{name}`", cell(kind), unit, default, flags, cell(" ".join(help_lines))]
        lines.append("| " + " | ".join(cells) + " |")
    facts = [f"{stage.get('in', '')} → {stage.get('out', '')}"]
    if stage.get("also"):
        facts.append(f"also: {stage['also']}")
    back = stage.get("decoder", "none")
    facts.append("not decoded" if back == "none" else f"decoded: {back}")
    return "\n".join(f"- {fact}" for fact in facts) + ("\n\n" + "\n".join(lines) if lines else "")


def fill(page, blocks):
    """The page with each marked block that `blocks` has replaced by it."""
    def replaced(match):
        text = blocks.get((match[2], match[3]))
        return match[0] if text is None else f"{match[1]}{text}\n{match[4]}"
    return BLOCK.sub(replaced, page)


def tables(stages):
    return {("rows", name): parameters(stage) for name, stage in stages.items()}


def faults(page, stages):
    if fill(page, tables(stages)) != page:
        yield "parameter tables are stale: run docs/encoders.py --tables"
    marked = {(match[2], match[3]) for match in BLOCK.finditer(page)}
    compared = "".join(match[0] for match in BLOCK.finditer(page) if match[2] == "compare")
    for name, stage in stages.items():
        if ("rows", name) not in marked:
            yield f"{name} has no section with <!-- rows {name} -->"
        if f"encoders/{name}.svg" not in page:
            yield f"{name} has no picture in its section"
        elif not (PICTURES / f"{name}.svg").exists():
            yield f"docs/encoders/{name}.svg is missing: run docs/encoders.py {name}"
        encodes = "values" in stage.get("in", "") and stage.get("out") != "values"
        if encodes and f"[`{name}`]" not in compared:
            yield f"{name} is not in the comparison: run docs/encoders.py"
    for kind, name in sorted(marked):
        if kind == "rows" and name not in stages:
            yield f"the page has a section for {name}, which is no stage"


def main():
    stages, page = rows(), PAGE.read_text(encoding="utf-8")
    arguments = sys.argv[1:]
    if "--check" in arguments:
        found = list(faults(page, stages))
        print("\n".join(f"docs/ENCODERS.md: {fault}" for fault in found))
        sys.exit(1 if found else 0)
    blocks = tables(stages)
    if "--tables" not in arguments:
        sys.path.insert(0, str(ROOT / "docs"))
        import encoders_shown  # needs numpy and matplotlib
        for name in arguments or [name for name in stages if name in encoders_shown.SHOWN]:
            size = encoders_shown.draw(name, PICTURES / f"{name}.svg")
            print(f"docs/encoders/{name}.svg: {size / 1000:.0f} kB", flush=True)
        if not arguments:
            blocks[("compare", "all")] = encoders_shown.compare(stages)
    PAGE.write_text(fill(page, blocks), encoding="utf-8")


if __name__ == "__main__":
    main()
