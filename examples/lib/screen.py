"""Spikes as text: a header that stays while rows scroll below it on a terminal, plain lines elsewhere.

SPDX-License-Identifier: Apache-2.0
"""
import os
import shutil
import sys

MARKS = " .:+*#"
COLOURS = {"cyan": 36, "yellow": 33, "green": 32, "magenta": 35, "blue": 34, "red": 31, "white": 37}


def marks(shares):
    """A character for each share of 0 to 1, the fuller the more."""
    return "".join(MARKS[0 if share <= 0 else 1 + min(4, int(5 * share))] for share in shares)


class Screen:
    def __init__(self, header, live):
        self.header = header
        self.foot = "Ctrl-C ends the demo." + (f" The page: http://{live.web}/" if live.web else "")
        self.tty = sys.stdout.isatty()
        self.colour = self.tty and not os.environ.get("NO_COLOR")
        self.fixed = False

    def __enter__(self):
        columns, rows = shutil.get_terminal_size()
        widest = max(len(line) for line in self.header)
        self.fixed = self.tty and rows >= len(self.header) + 8 and columns >= widest
        if self.fixed:
            # Clear, write the header, let only what is below it scroll.
            first = len(self.header) + 1
            sys.stdout.write("\033[r\033[2J\033[H" + "\r\n".join(self.header) + f"\033[{first};{rows - 1}r"
                             f"\033[{rows};1H\033[2m {self.foot}\033[0m\033[{first};1H")
        else:
            print("\n".join(self.header))
        sys.stdout.flush()
        return self

    def __exit__(self, *_):
        if self.fixed:
            sys.stdout.write(f"\033[r\033[{shutil.get_terminal_size().lines};1H\033[K\n")
            sys.stdout.flush()

    def paint(self, text, colour, bright=False):
        return f"\033[{'1;' if bright else ''}{COLOURS[colour]}m{text}\033[0m" if self.colour else text

    def row(self, text):
        print(text if self.colour else text.rstrip(), flush=True)

    def picture(self, lines):
        """Draws over the picture before. Only on a terminal: elsewhere pictures would pile up."""
        if self.fixed:
            sys.stdout.write(f"\033[{len(self.header) + 1};1H" + "\r\n".join(f"{line}\033[K" for line in lines))
            sys.stdout.flush()
