#!/usr/bin/python3
"""Makes docs/demo.svg: runs scripts/demo in a terminal of 80 x 24 (tmux) and draws what it shows.

  docs/picture.py [SECONDS]       how long to let it run first (9)
  docs/picture.py --pane FILE     draw the text that `tmux capture-pane -p -e` wrote instead

SPDX-License-Identifier: Apache-2.0
"""
import re
import subprocess
import sys
import time
from pathlib import Path
from xml.sax.saxutils import escape

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "docs/demo.svg"
COLUMNS, ROWS = 80, 24
CELL_W, CELL_H, MARGIN = 8.4, 17, 14
BACK, FORE, DIM = "#11151c", "#c8d0da", 0.55
COLOURS = {33: "#e5c07b", 32: "#98c379", 36: "#56b6c2", 31: "#e06c75"}
SGR = re.compile(r"\033\[([0-9;]*)m")


def capture(seconds):
    session = f"spiked-picture-{time.time_ns()}"

    def tmux(*words):
        return subprocess.run(["tmux", "-L", session, *words], check=True, capture_output=True, text=True).stdout
    tmux("-f", "/dev/null", "new-session", "-d", "-x", str(COLUMNS), "-y", str(ROWS), str(ROOT / "scripts/demo"))
    try:
        for _ in range(600):  # it may have to build first
            if "Ctrl-C ends" in tmux("capture-pane", "-p"):
                break
            time.sleep(0.1)
        time.sleep(seconds)
        pane = tmux("capture-pane", "-p", "-e")
        tmux("send-keys", "C-c")
        time.sleep(2)
    finally:
        subprocess.run(["tmux", "-L", session, "kill-server"], capture_output=True, check=False)
    return pane


def runs(line, style):
    """Pieces of a line of one style each: (column, text, style)."""
    column, at = 0, 0
    for match in [*SGR.finditer(line), None]:
        text = line[at:match.start() if match else len(line)]
        if text.strip():
            yield column + len(text) - len(text.lstrip()), text.strip(), dict(style)
        column += len(text)
        if not match:
            return
        at = match.end()
        for code in (int(c or 0) for c in match[1].split(";")):
            if code == 0:
                style.update(colour=None, bold=False, dim=False)
            elif code in (1, 2):
                style["bold" if code == 1 else "dim"] = True
            elif code == 22:
                style.update(bold=False, dim=False)
            elif code == 39 or 30 <= code <= 37:
                style["colour"] = None if code == 39 else code


def draw(pane):
    width, height = COLUMNS * CELL_W + 2 * MARGIN, ROWS * CELL_H + 2 * MARGIN
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" '
           f'viewBox="0 0 {width:g} {height:g}" role="img" aria-label="spiked in a terminal: spikes as dots">',
           f'<rect width="100%" height="100%" rx="8" fill="{BACK}"/>',
           f'<g font-family="DejaVu Sans Mono,Menlo,Consolas,monospace" font-size="14" fill="{FORE}" '
           'xml:space="preserve">']
    style = {"colour": None, "bold": False, "dim": False}
    for row, line in enumerate(pane.splitlines()[:ROWS]):
        for column, text, look in runs(line, style):
            extra = ""
            if look["colour"]:
                extra += f' fill="{COLOURS.get(look["colour"], FORE)}"'
            if look["bold"]:
                extra += ' font-weight="bold"'
            if look["dim"]:
                extra += f' opacity="{DIM}"'
            x, y = MARGIN + column * CELL_W, MARGIN + (row + 0.75) * CELL_H
            # The length is given, so that the columns stand in any font.
            out.append(f'<text x="{x:.1f}" y="{y:.1f}" textLength="{len(text) * CELL_W:.1f}"{extra}>{escape(text)}</text>')
    out += ["</g>", "</svg>", ""]
    return "\n".join(out)


def main():
    if sys.argv[1:2] == ["--pane"]:
        pane = Path(sys.argv[2]).read_text(encoding="utf-8")
    else:
        pane = capture(float(sys.argv[1]) if len(sys.argv) > 1 else 9)
    OUT.write_text(draw(pane), encoding="utf-8")
    print(f"wrote {OUT}")


if __name__ == "__main__":
    main()
