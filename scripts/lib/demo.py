"""The demo, once everything is built: the daemon, its live input, and the rasters side by side.

SPDX-License-Identifier: Apache-2.0
"""
import argparse
import collections
import ctypes
import json
import os
import queue
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BIN = ROOT / "build/bin"
CONFIG = ROOT / "config/demo.yaml"
PORTS = {"ingest": 7570, "publish": 7571, "control": 7572, "web": 7573}

FIGURES = ("user", "sys", "wait", "mem", "load", "rx", "tx", "disk")
BIN_MS = 100  # that one row of text covers
# The columns of the picture: stream, width, colour. host has four lines a figure, and a gap.
COLUMNS = (("host", 39, "36"), ("host_lif", 8, "33"), ("voice", 23, "32"))
ROW = re.compile(r"^ *(\d+\.\d+) \|(.*)$")
MARKS = re.compile(r"\.+|[+*#]+")
LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


def say(text=""):
    print(text, flush=True)


def die_with_parent():
    """In a child: should this program be killed, the kernel ends the child too."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def endpoints():
    """The ports of the configuration, or free ones where those are taken."""
    chosen, held = {}, []
    for name, port in PORTS.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                chosen[name] = port
                continue
            except OSError:
                pass
        free = socket.socket()
        free.bind(("127.0.0.1", 0))
        held.append(free)
        chosen[name] = free.getsockname()[1]
    for free in held:
        free.close()
    return chosen


class Demo:
    def __init__(self, wav, seconds):
        self.wav, self.seconds = wav, seconds
        self.folder = Path(tempfile.mkdtemp(prefix="spiked-demo-"))
        self.ports = endpoints()
        self.config = CONFIG
        if self.ports != PORTS:
            text = CONFIG.read_text()
            for name, port in self.ports.items():
                text = text.replace(f"127.0.0.1:{PORTS[name]}", f"127.0.0.1:{port}")
            self.config = self.folder / "demo.yaml"
            self.config.write_text(text)
        self.at = {name: f"tcp://127.0.0.1:{port}" for name, port in self.ports.items()}
        self.daemon = None
        self.senders, self.rasters = {}, {}
        self.rows = queue.Queue()  # (stream, its time, row of text)
        self.waiting = {stream: collections.deque() for stream, _, _ in COLUMNS}
        self.summary = {}          # stream: what its raster said at its end
        self.first = {}            # stream: seconds until its first spikes
        self.stopping = False
        self.screen = Screen(
            "page: http://127.0.0.1:{web}/  rows in :{ingest}  spikes out :{publish}  control :{control}".format(
                **self.ports))

    def spawn(self, name, command, **streams):
        environment = {**os.environ, "COLUMNS": "200", "SPIKED_CONTROL": self.at["control"],
                       "SPIKED_PUBLISH": self.at["publish"], "SPIKED_INGEST": self.at["ingest"]}
        with open(self.folder / f"{name}.log", "ab") as log:
            # Sessions of their own: Ctrl-C comes to this program alone, which ends them in order.
            return subprocess.Popen(
                [str(word) for word in command], stdin=subprocess.DEVNULL, stderr=log, env=environment,
                start_new_session=True, preexec_fn=die_with_parent, **{"stdout": log, **streams})

    def start(self):
        spikectl = BIN / "spikectl"
        self.began = time.monotonic()
        self.daemon = self.spawn("spiked", [BIN / "spiked", "-c", self.config])
        for stream, _, _ in COLUMNS:
            self.rasters[stream] = self.spawn(
                f"raster-{stream}", [spikectl, "raster", stream, "--bin", BIN_MS, "--json"],
                stdout=subprocess.PIPE, text=True, bufsize=1)
            threading.Thread(target=self.read, args=(stream,), daemon=True).start()
        self.senders["host"] = self.spawn("pub-host", [spikectl, "pub", "host", "--host"])
        self.senders["host_lif"] = self.spawn("pub-host_lif", [spikectl, "pub", "host_lif", "--host"])
        self.senders["voice"] = self.spawn(
            "pub-voice", [spikectl, "pub", "voice", "--wav", self.wav, "--loop"])

    def read(self, stream):
        for line in self.rasters[stream].stdout:
            row = ROW.match(line.rstrip("\n"))
            if row:
                if row[2].strip() and stream not in self.first:
                    self.first[stream] = time.monotonic() - self.began
                self.rows.put((stream, float(row[1]), row[2]))
            elif line.startswith("{"):
                self.summary[stream] = json.loads(line)

    def broken(self):
        """A sentence about a part that ended by itself, or None."""
        for name, process in (("spiked", self.daemon), *self.senders.items(), *self.rasters.items()):
            if process.poll() is not None:
                return f"{name} ended with {process.returncode}"
        return None

    def watch(self):
        """Draws until the time is up or somebody stops it. None, or what went wrong."""
        while not self.stopping:
            if self.seconds and time.monotonic() - self.began >= self.seconds:
                return None
            fault = self.broken()
            if fault:
                return None if self.stopping else fault
            try:
                stream, seconds, text = self.rows.get(timeout=0.1)
            except queue.Empty:
                continue
            self.waiting[stream].append((seconds, text))
            self.draw()
        return None

    def draw(self):
        """A row of the picture has one of each stream; a stream that falls behind is not waited for."""
        while all(self.waiting.values()) or any(len(rows) > 4 for rows in self.waiting.values()):
            rows = {stream: rows.popleft() for stream, rows in self.waiting.items() if rows}
            self.screen.row(min(seconds for seconds, _ in rows.values()),
                            {stream: text for stream, (_, text) in rows.items()})

    def ask(self, *words):
        answer = subprocess.run(
            [BIN / "spikectl", *words, "--json", "--control", self.at["control"]],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10)
        return json.loads(answer.stdout) if answer.returncode == 0 else {}

    @staticmethod
    def end(processes, how, within):
        for process in processes:
            if process.poll() is None:
                process.send_signal(how)
        limit = time.monotonic() + within
        for process in processes:
            try:
                process.wait(max(0, limit - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def stop(self):
        """Ends everything, sensors first; gives the daemon's counters and its exit status."""
        counters = {}
        self.end(self.senders.values(), signal.SIGINT, 3)
        self.end(self.rasters.values(), signal.SIGINT, 3)
        if self.daemon and self.daemon.poll() is None:
            try:
                counters = self.ask("stats").get("streams", {})
            except (subprocess.TimeoutExpired, ValueError):
                pass
        if self.daemon:
            self.end([self.daemon], signal.SIGTERM, 5)
        return counters, self.daemon.returncode if self.daemon else None

    def logs(self):
        for path in sorted(self.folder.glob("*.log")):
            text = path.read_text(errors="replace").strip()
            if text:
                say(f"--- {path.stem}\n{text[-2000:]}")

    def introduce(self):
        say(f"spiked -c {self.config}\nThe voice is {self.wav}")

    def conclude(self, counters, status):
        """What arrived. The exit status: 0 only if every stream spiked."""
        time.sleep(0.1)  # for the readers' last lines
        say(f"{'stream':10}{'rows':>8}{'ticks':>9}{'late':>6}{'skipped':>9}{'spikes':>10}{'seen':>10}{'lost':>6}")
        good = True
        for stream, _, _ in COLUMNS:
            count = counters.get(stream, {})
            seen = self.summary.get(stream, {})
            say(f"{stream:10}{count.get('rows', 0):>8}{count.get('ticks', 0):>9}"
                f"{count.get('late_ticks', 0):>6}{count.get('skipped_ticks', 0):>9}"
                f"{count.get('spikes', 0):>10}{seen.get('spikes', 0):>10}{seen.get('lost', 0):>6}")
            good = good and count.get("spikes", 0) > 0 and seen.get("spikes", 0) > 0
        if len(self.first) == len(COLUMNS):
            say(f"First spikes {min(self.first.values()):.2f} s after the daemon's start, of all streams "
                f"after {max(self.first.values()):.2f} s.")
        if status != 0:
            say(f"spiked ended with {status}, not 0.")
        if not good:
            say("Not every stream spiked.")
        return 0 if good and status == 0 else 1

    def run(self):
        signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        for each in signals:
            signal.signal(each, lambda *_: setattr(self, "stopping", True))
        fault = None
        self.introduce()
        try:
            self.start()
            self.screen.open()
            fault = self.watch()
        finally:
            self.screen.close()
            counters, status = self.stop()
        result = self.conclude(counters, status)
        if fault:
            say(f"The demo ended early: {fault}.")
            result = 1
        if result:
            self.logs()
        else:
            self.explain()
        return result

    def explain(self):
        say("""To go on by yourself, start  build/bin/spiked -c config/demo.yaml  and in other terminals
  build/bin/spikectl pub host --host
  build/bin/spikectl raster host
  PYTHONPATH=clients/python /usr/bin/python3 clients/python/examples/watch.py host
(the last one needs Debian's python3-zmq and python3-numpy)""")


class Screen:
    """The picture: on a terminal a header that stays and rows that scroll below it; else plain lines."""

    def __init__(self, headline):
        self.headline = headline
        self.tty = sys.stdout.isatty()
        self.colour = self.tty and not os.environ.get("NO_COLOR")
        self.resized = False
        self.fixed = False

    def header(self):
        names = " ".join(f"{name:4}" for name in FIGURES)
        initials = "".join(name[0] for name in FIGURES)
        rows = (("", "this machine: population, poisson", "lif", "a voice: population,"),
                ("s", names, initials, "poisson; quiet = middle"),
                ("", "-" * 39, "-" * 8, "-" * 23))
        return [self.headline] + [
            self.line(left, dict(zip((stream for stream, _, _ in COLUMNS), texts)), raw=True)
            for left, *texts in rows]

    def line(self, left, texts, raw=False):
        parts = []
        for stream, width, colour in COLUMNS:
            text = texts.get(stream, "")
            if stream == "host" and not raw:
                text = text.ljust(4 * len(FIGURES))
                text = " ".join(text[4 * i:4 * i + 4] for i in range(len(FIGURES)))
            text = f"{text:{width}.{width}}"
            parts.append(self.paint(text, colour, raw) if self.colour else text)
        line = f"{left:>6}|" + "|".join(parts)
        return line if self.colour else line.rstrip()

    @staticmethod
    def paint(text, colour, raw):
        """Busy lines bright, quiet ones dim."""
        if not raw:
            text = MARKS.sub(lambda m: f"\033[{2 if m[0][0] == '.' else 1}m{m[0]}\033[22m", text)
        return f"\033[{colour}m{text}\033[0m"

    def open(self):
        if self.tty:
            signal.signal(signal.SIGWINCH, lambda *_: setattr(self, "resized", True))
        self.set_up()

    def set_up(self):
        header = self.header()
        columns, rows = shutil.get_terminal_size()
        self.fixed = self.tty and rows >= 12 and columns >= 79
        if not self.fixed:
            say("\n".join(header))
            return
        # Clear, write the header, let only what is below it scroll.
        first = len(header) + 1
        sys.stdout.write("\033[r\033[2J\033[H" + "\r\n".join(header)
                         + f"\033[{first};{rows - 1}r\033[{rows};1H\033[2m Ctrl-C ends the demo. "
                         + f"A row is {BIN_MS} ms; . : + * # say how busy a line was.\033[0m\033[{first};1H")
        sys.stdout.flush()

    def row(self, seconds, texts):
        if self.resized:
            self.resized = False
            self.set_up()
        say(self.line(f"{seconds:.1f}", texts))

    def close(self):
        if self.fixed:
            rows = shutil.get_terminal_size().lines
            sys.stdout.write(f"\033[r\033[{rows};1H\033[K\n")
            sys.stdout.flush()
            self.fixed = False


def main():
    parser = argparse.ArgumentParser(prog="scripts/demo")
    parser.add_argument("--wav", required=True)
    parser.add_argument("--seconds", type=float, default=0)
    options = parser.parse_args()
    check = subprocess.run([BIN / "spiked", "--check", "-c", CONFIG], stdin=subprocess.DEVNULL)
    if check.returncode != 0:
        return 1
    demo = Demo(options.wav, options.seconds)
    try:
        return demo.run()
    except BrokenPipeError:  # nobody looks any more; everything is stopped already
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    finally:
        shutil.rmtree(demo.folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
