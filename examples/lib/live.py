"""What the demos share: the daemon with a demo's configuration, programs beside it, an end in good order.

SPDX-License-Identifier: Apache-2.0
"""
import argparse
import ctypes
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from spiked import Blocked, Control, ControlTimeout, Silence

LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1
ENDPOINT = re.compile(r"^(ingest|publish|control|web):.*?127\.0\.0\.1:(\d+)", re.M)
START_S = 10  # that the daemon may take to answer


class Fault(Exception):
    """A sentence about why the demo did not work."""


def say(text=""):
    print(text, flush=True)


def options(name, *more):
    """The options that all demos have, and this one's own: (flag, what argparse wants of it)."""
    parser = argparse.ArgumentParser(prog=f"examples/{name}/run")
    parser.add_argument("--seconds", type=float, default=0)
    parser.add_argument("--save", metavar="FILE.npz")
    for flag, how in more:
        parser.add_argument(flag, **how)
    return parser.parse_args()


def die_with_parent():
    """In a child: should the demo be killed, the kernel ends the child too."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port():
    """Below the range that the system gives to connecting sockets."""
    return next(port for port in iter(lambda: random.randrange(12000, 32000), None) if is_free(port))


class Live:
    """A demo while it runs: the daemon, programs beside it, and whether to go on.

        with Live("host", HERE / "spiked.yaml", seconds) as live:
            while live.goes_on(): …

    Leaving ends all of it in order, and is a Fault if the daemon did not end as it should.
    """

    def __init__(self, name, config, seconds=0, edit=None):
        """`edit` may change the configuration's text; ports that are taken are changed anyway."""
        self.name, self.seconds = name, seconds
        self.shipped = config
        self.text = edit(config.read_text()) if edit else config.read_text()
        self.folder = Path(tempfile.mkdtemp(prefix=f"spiked-{name}-"))
        self.programs = {}
        self.daemon = None
        self.stopping = False

    def __enter__(self):
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, lambda *_: setattr(self, "stopping", True))
        try:
            self.start()
        except BaseException:
            self.end()
            raise
        self.began = time.monotonic()
        return self

    def __exit__(self, kind, error, trace):
        status = self.end()
        if kind is None and status != 0:
            raise Fault(f"spiked ended with {status}, not 0\n{self.log}")
        if kind is Fault and self.log:
            error.args = (f"{error}\n{self.log}",)

    def start(self):
        """Starts the daemon. Somebody else may take a port between the look and the daemon's bind: then again."""
        for _ in range(5):
            config = self.configure()
            self.daemon = self.spawn("spiked", [os.environ["SPIKED_BIN"], "-c", config])
            if self.answers():
                say(f"spiked -c {config}" + (f"    page: http://{self.web}/" if self.web else ""))
                return
            if "in use" not in self.logs():
                break
        raise Fault(f"spiked did not start\n{self.logs()}")

    def configure(self):
        text = self.text
        for key, port in ENDPOINT.findall(text):
            if self.daemon or not is_free(int(port)):
                text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{free_port()}")
        at = {key: f"127.0.0.1:{port}" for key, port in ENDPOINT.findall(text)}
        self.ingest, self.publish, self.control = (f"tcp://{at[key]}" for key in ("ingest", "publish", "control"))
        self.web = at.get("web")
        if text == self.shipped.read_text():
            return self.shipped
        path = self.folder / "spiked.yaml"
        path.write_text(text)
        return path

    def answers(self):
        end = time.monotonic() + START_S * float(os.environ.get("SPIKED_SLOW", "1"))
        with Control(self.control, timeout=0.2) as control:
            while self.daemon.poll() is None and time.monotonic() < end:
                try:
                    # Another's may have the port, and answer, before this one has found it taken.
                    if control.info()["pid"] == self.daemon.pid:
                        return True
                    time.sleep(0.02)
                except ControlTimeout:
                    pass
        return False

    def spawn(self, name, command, **streams):
        with open(self.folder / f"{name}.log", "ab") as log:
            # Sessions of their own: Ctrl-C comes to this program alone, which ends them in order.
            process = subprocess.Popen(
                [str(word) for word in command], stdin=subprocess.DEVNULL, start_new_session=True,
                preexec_fn=die_with_parent, **{"stdout": log, "stderr": log, **streams})
        if name != "spiked":
            self.programs[name] = process
        return process

    @property
    def seconds_run(self):
        return time.monotonic() - self.began

    def goes_on(self):
        """False when the time is up or somebody ended it. A program that ended by itself is a Fault."""
        if self.stopping or self.seconds and self.seconds_run >= self.seconds:
            return False
        for name, process in (("spiked", self.daemon), *self.programs.items()):
            if process.poll() is not None and not self.stopping:
                raise Fault(f"{name} ended with {process.returncode}")
        return True

    def stats(self):
        """Counters and histograms of each stream."""
        with Control(self.control) as control:
            return control.stats()["streams"]

    def finish(self, name, within=5):
        """Ends a program; gives what it wrote to its pipe, or a Fault if it ended badly."""
        process = self.programs.pop(name)
        process.send_signal(signal.SIGINT)
        try:
            output, _ = process.communicate(timeout=within)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise Fault(f"{name} did not end") from None
        if process.returncode != 0:
            raise Fault(f"{name} ended with {process.returncode}")
        return output

    def end(self):
        """Ends what runs, the daemon last; gives its exit status."""
        for process, how in [(each, signal.SIGINT) for each in self.programs.values()] + [(self.daemon, signal.SIGTERM)]:
            if process is None:
                continue
            if process.poll() is None:
                process.send_signal(how)
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.log = self.logs()
        shutil.rmtree(self.folder, ignore_errors=True)
        return self.daemon.returncode if self.daemon else None

    def logs(self):
        parts = [(path.stem, path.read_text(errors="replace").strip()) for path in sorted(self.folder.glob("*.log"))]
        return "\n".join(f"--- {name}\n{text[-2000:]}" for name, text in parts if text)


def run(demo):
    """Ends the program with what `demo` returns; a Fault is said and is 1."""
    try:
        sys.exit(demo())
    except (Fault, Blocked, ControlTimeout, Silence) as fault:
        say(f"It did not work: {fault}")
        sys.exit(1)
    except BrokenPipeError:  # nobody looks any more; everything is stopped already
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
