"""Starts the real daemon for a system test and speaks raw protocol bytes with it.

Shares no code with the clients: a test that passes here says something about the wire, not about a
client that has the same mistake as the daemon.

Environment:
  SPIKED_BIN   the daemon's binary (needed)
  SPIKED_WRAP  a command put in front of it, e.g. "valgrind -q --error-exitcode=99"
  SPIKED_SLOW  factor for every timeout, e.g. 20 under valgrind

SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import random
import re
import shlex
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

import zmq

SLOW = float(os.environ.get("SPIKED_SLOW", "1"))
SPAN = min(SLOW, 2)  # factor for how long to listen for what should not come: no more is waited for than that
INSTRUMENTED = bool(os.environ.get("SPIKED_WRAP")) or SLOW > 1  # figures of time and memory mean little
os.environ.setdefault("TSAN_OPTIONS", f"suppressions={Path(__file__).resolve().parent / 'tsan.supp'}")
TESTS = Path(__file__).resolve().parent.parent
HEADER = struct.Struct("<4sBBHQQQqqIIII")
FIELDS = ("magic", "kind", "format", "flags", "epoch", "tick", "seq", "time_ns", "source_ns",
          "dt_ns", "lines", "count", "reserved")
SPIKES, STATE, VALUES = 1, 2, 3
WORDS, BITMAP, F32, GRADED = 1, 2, 3, 4
LATE, GAP, STALE, RESET, WINDOW, RESTORED = (1 << bit for bit in range(6))
SANITIZERS = re.compile(r"AddressSanitizer|ThreadSanitizer|LeakSanitizer|runtime error:")


class Failed(Exception):
    """A claim that did not hold."""


class RpcError(Exception):
    """The daemon answered a control request with an error."""

    def __init__(self, error):
        super().__init__(f"{error.get('code')}: {error.get('message')}")
        self.code = error.get("code")
        self.message = error.get("message")
        self.path = (error.get("data") or {}).get("path")


def claim(text, holds, detail=""):
    """Prints what was seen to hold, or fails the test."""
    if not holds:
        raise Failed(f"{text}{f': {detail}' if detail != '' else ''}")
    print(f"  ok  {text}", flush=True)


def equal(text, got, wanted):
    claim(text, got == wanted, f"got {_short(got)}, wanted {_short(wanted)}")


def _short(value):
    text = repr(value)
    return text if len(text) <= 300 else f"{text[:300]}… ({len(text)} characters)"


def until(what, condition, timeout=5.0, every=0.01):
    """Polls until `condition` returns something true, and returns that."""
    end = time.monotonic() + timeout * SLOW
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise Failed(f"{what}: did not happen within {timeout * SLOW:g} s")
        time.sleep(every)


def main(*tests):
    """Runs the functions of a test file, prints a line for each claim, exits 1 on a failure."""
    print(Path(sys.argv[0]).name, flush=True)
    for test in tests:
        print(f" {test.__name__.replace('_', ' ')}", flush=True)
        try:
            test()
        except Failed as failure:
            where = [f for f in traceback.extract_tb(failure.__traceback__) if Path(f.filename).name == Path(sys.argv[0]).name]
            print(f"  FAILED  {failure} (line {where[-1].lineno if where else '?'})", flush=True)
            sys.exit(1)
        except Exception:
            traceback.print_exc()
            print(f"  FAILED  {test.__name__}", flush=True)
            sys.exit(1)


def binary():
    path = os.environ.get("SPIKED_BIN")
    if not path:
        sys.exit("SPIKED_BIN is not set: give the path of the daemon to test, e.g. build/bin/spiked")
    if not os.access(path, os.X_OK):
        sys.exit(f"SPIKED_BIN={path} is not an executable file")
    return path


def command(*args):
    return shlex.split(os.environ.get("SPIKED_WRAP", "")) + [binary(), *args]


def run(*args, stdin=None, timeout=10):
    """Runs the daemon's binary to its end; gives the CompletedProcess with bytes as text."""
    return subprocess.run(command(*args), input=stdin, capture_output=True, text=True,
                          errors="replace", timeout=timeout * SLOW)


def free_ports(count):
    """Below the range that the system gives to connecting sockets, which might take a port between
    this look and the daemon's bind."""
    ports = []
    while len(ports) < count:
        port = random.randrange(12000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in ports:
            ports.append(port)
    return ports


def config_text(config, **extra):
    """A dict, or YAML text, plus top-level keys that it does not have yet, as the file's text.
    JSON is YAML, so a dict goes as JSON."""
    if isinstance(config, dict):
        return json.dumps({**extra, **config}, indent=1)
    present = set(re.findall(r"^([a-z_]+):", config, re.M))
    return config + "".join(
        f"\n{key}: {json.dumps(value)}" for key, value in extra.items() if key not in present) + "\n"


def stream(name="s", channels=1, encode=("lif",), **more):
    """A stream of a configuration; stages are names or {name: parameters}."""
    return {"name": name, "channels": channels,
            "encode": [{stage: {}} if isinstance(stage, str) else stage for stage in encode], **more}


def lock(socket, keys):
    """Makes a socket use CURVE keys: the server's public key, then its own pair. None = it stays open."""
    if keys:
        socket.curve_serverkey, socket.curve_publickey, socket.curve_secretkey = keys


class Daemon:
    """The daemon with a configuration, as a context manager. Stops it at the end and insists on
    a clean exit, unless the test has stopped or killed it itself."""

    def __init__(self, config, *args, exit_code=0, keys=None, files=None):
        """With `keys` (server's public key, then a client's pair) all sockets made here use them. `files` are
        written beside the configuration: {name: text}."""
        self.exit_code = exit_code
        self.keys = keys
        self.folder = tempfile.TemporaryDirectory(prefix="spiked-test-")
        ports = free_ports(3)
        self.ingest, self.publish, self.control_at = (f"tcp://127.0.0.1:{port}" for port in ports)
        self.text = config_text(
            config, ingest=[self.ingest], publish=[self.publish], control=self.control_at)
        self.path = Path(self.folder.name) / "spiked.yaml"
        self.path.write_text(self.text)
        for name, text in (files or {}).items():
            (Path(self.folder.name) / name).write_text(text)
            (Path(self.folder.name) / name).chmod(0o600)
        self.log_path = Path(self.folder.name) / "stderr"
        self.args = args
        self.process = None
        self.context = zmq.Context()
        self.context.linger = 0
        self._push = None
        self._first = re.search(r'"?name"?\s*:\s*"?([A-Za-z0-9_.-]+)', self.text)

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind, error, trace):
        try:
            if self.process and self.process.returncode is None and kind is None:
                self.stop()
        finally:
            if kind is not None:
                print(f"  the daemon's log:\n{self.log()[-4000:]}", file=sys.stderr)
            self.close()

    def close(self):
        """Ends it at once, if need be, and forgets its files."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.context.destroy()
        self.folder.cleanup()

    def start(self):
        """Starts it and waits until it answers. The files and ports stay the same."""
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                command("-c", str(self.path), *self.args), stdin=subprocess.DEVNULL, stdout=log,
                stderr=log)
        until("the daemon answers", self._answers, timeout=10, every=0.005)

    def _answers(self):
        if self.process.poll() is not None:
            raise Failed(f"the daemon ended with {self.process.returncode}:\n{self.log()}")
        try:
            return self.control("info", timeout=0.25)
        except TimeoutError:
            return None

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def stop(self, how=signal.SIGTERM, within=5.0):
        """Asks it to stop; returns the seconds it took. Late, or with another exit code: failed."""
        began = time.monotonic()
        self.process.send_signal(how)
        try:
            code = self.process.wait(within * SLOW)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise Failed(f"the daemon did not stop within {within * SLOW:g} s:\n{self.log()}") from None
        if code != self.exit_code or SANITIZERS.search(self.log()):
            raise Failed(f"the daemon ended with {code}, not {self.exit_code}:\n{self.log()}")
        return time.monotonic() - began

    def kill(self):
        self.process.kill()
        self.process.wait()

    def wait(self, timeout=5.0):
        """Waits for an end that it comes to by itself; gives the exit code."""
        return self.process.wait(timeout * SLOW)

    # Rows in

    def pusher(self):
        """A PUSH socket of its own, connected. Sends fail after 5 s instead of blocking for ever."""
        push = self.context.socket(zmq.PUSH)
        push.sndtimeo = int(5000 * SLOW)
        lock(push, self.keys)
        push.connect(self.ingest)
        return push

    def send(self, *frames):
        """Any message, right or wrong, to the ingest socket."""
        if self._push is None:
            self._push = self.pusher()
        self._push.send_multipart([f.encode() if isinstance(f, str) else f for f in frames])

    def send_row(self, name, payload, stamp=None):
        """`stamp` is (time_ns, seq)."""
        frames = [name, payload]
        if stamp is not None:
            frames.append(struct.pack("<qQ", *stamp))
        self.send(*frames)

    def send_f32(self, name, *values, stamp=None):
        self.send_row(name, struct.pack(f"<{len(values)}f", *values), stamp)

    # Frames out

    def sub(self, *topics, hwm=0, sync=True):
        """A subscriber that is known to the daemon when this returns (unless sync is False)."""
        return Sub(self.context, self.publish, topics, hwm,
                   f"meta/{self._first[1]}/" if sync and self._first else None, self.keys)

    # Control

    def control_bytes(self, request, timeout=5.0):
        with self.context.socket(zmq.REQ) as req:
            lock(req, self.keys)
            req.connect(self.control_at)
            req.send(request)
            end = time.monotonic() + timeout * SLOW
            while not req.poll(50):
                if self.process.poll() is not None:
                    raise Failed(f"the daemon ended with {self.process.returncode} on {_short(request)}")
                if time.monotonic() > end:
                    raise TimeoutError(f"no answer to {_short(request)}")
            return req.recv()

    def control(self, method, timeout=5.0, **params):
        """The result of a call; raises RpcError for an error."""
        request = {"jsonrpc": "2.0", "id": 1, "method": method}
        if params:
            request["params"] = params
        answer = json.loads(self.control_bytes(json.dumps(request).encode(), timeout))
        if "error" in answer:
            raise RpcError(answer["error"])
        return answer["result"]

    def refused(self, method, **params):
        """The RpcError that a call must end in."""
        try:
            result = self.control(method, **params)
        except RpcError as error:
            return error
        raise Failed(f"{method} {params} was accepted: {_short(result)}")

    def counters(self, name=None):
        """The counters of a stream, or the daemon's own."""
        stats = self.control("stats")
        return stats["streams"][name] if name else stats["daemon"]["counters"]

    def wait_counter(self, key, value, name=None, timeout=5.0):
        return until(f"counter {key} of {name or 'the daemon'} reaches {value}",
                     lambda: self.counters(name)[key] >= value, timeout)

    def wait_rows(self, name, count, timeout=5.0):
        """Waits until `count` rows of the stream have arrived in all."""
        return self.wait_counter("rows", count, name, timeout)

    def step(self, ticks=1):
        return self.control("step", ticks=ticks, timeout=30)


class Sub:
    """A SUB socket that takes frames apart."""

    def __init__(self, context, endpoint, topics, hwm=0, sync=None, keys=None):
        self.socket = context.socket(zmq.SUB)
        self.socket.rcvhwm = hwm
        self.socket.sndhwm = 0  # or subscriptions beyond 1000 get lost
        lock(self.socket, keys)
        self.socket.connect(endpoint)
        for topic in topics:
            self.subscribe(topic)
        if sync:
            self._sync(sync, topics)

    def subscribe(self, topic):
        self.socket.subscribe(topic.encode() if isinstance(topic, str) else topic)

    def unsubscribe(self, topic):
        self.socket.unsubscribe(topic.encode() if isinstance(topic, str) else topic)

    def _sync(self, topic, topics):
        # The daemon takes subscriptions in order, so a meta that was asked for last comes after
        # everything else was heard. It comes at once or, if somebody had it already, in a second.
        self.subscribe(topic)
        early = []
        while True:
            frames = self.frames(5)
            if frames[0] == topic.encode():
                break
            early.append(frames)
        self.early = early  # frames of other topics that came before
        if topic not in topics:
            self.unsubscribe(topic)

    early = ()

    def frames(self, timeout=5.0):
        """The next message's raw frames; TimeoutError when none comes."""
        if self.early:
            return self.early.pop(0)
        if not self.socket.poll(int(timeout * 1000 * SLOW)):
            raise TimeoutError("no frame came")
        return self.socket.recv_multipart()

    def recv(self, timeout=5.0):
        """(topic, header, payload). A JSON topic has its document in place of the header and no
        payload; a bundle has lists."""
        topic, *rest = self.frames(timeout)
        topic = topic.decode()
        if topic.startswith("bundle/"):
            return topic, [header(h) for h in rest[0::2]], rest[1::2]
        if len(rest) == 1:
            return topic, json.loads(rest[0]), None
        head, payload = rest
        return topic, header(head), payload

    def take(self, count, timeout=5.0):
        """The next `count` messages as a list of (topic, header, payload)."""
        return [self.recv(timeout) for _ in range(count)]

    def nothing(self, seconds=0.3):
        """True if nothing arrives for so long."""
        return not self.early and not self.socket.poll(int(seconds * 1000))

    def drain(self, seconds=0.2):
        """Everything until nothing has come for `seconds`."""
        result = []
        while True:
            try:
                result.append(self.recv(seconds))
            except TimeoutError:
                return result

    def close(self):
        self.socket.close(0)


def header(frame):
    """A header frame as a dict; fails unless it is one."""
    if len(frame) != HEADER.size:
        raise Failed(f"a header of {len(frame)} bytes")
    head = dict(zip(FIELDS, HEADER.unpack(frame)))
    if head["magic"] != b"SPK1" or head["reserved"] != 0 or head["epoch"] == 0:
        raise Failed(f"not a header: {frame.hex()}")
    return head


def spikes(head, payload):
    """Lines of a spikes frame, ascending, as (line, sign)."""
    if head["format"] == WORDS:
        if len(payload) != 4 * head["count"]:
            raise Failed(f"{len(payload)} bytes for {head['count']} words")
        return [(w & 0x7FFFFFFF, -1 if w >> 31 else 1) for (w,) in struct.iter_unpack("<I", payload)]
    if head["format"] == BITMAP:
        size = (head["lines"] + 7) // 8
        if len(payload) not in (size, 2 * size):
            raise Failed(f"{len(payload)} bytes for bitmaps of {head['lines']} lines")
        found = sorted(
            (8 * byte + bit, sign)
            for sign, plane in ((1, payload[:size]), (-1, payload[size:]))
            for byte, value in enumerate(plane) for bit in range(8) if value >> bit & 1)
        if len(found) != head["count"] or any(line >= head["lines"] for line, _ in found):
            raise Failed(f"bitmap and header disagree: {found}, count {head['count']}")
        return found
    raise Failed(f"format {head['format']} in a spikes frame")


def floats(payload):
    return list(struct.unpack(f"<{len(payload) // 4}f", payload))


def is_spikes(message):
    return message[0].startswith("spikes/")


def golden_files():
    folder = TESTS / "golden"
    found = sorted(folder.glob("*.txt"))
    if not found:
        raise Failed(f"no vectors in {folder}")
    return found


def golden(path):
    """A vector file: (parameters, rows); a row is {"input": [...], "spikes": {tick: [(line, sign)]},
    "voltage": [...] or None, "output": [...] or None}; floats are as parsed, exactly float32."""
    params, rows = {}, []
    for text in path.read_text().splitlines():
        key, _, rest = text.partition(" ")
        if key == "#":
            name, _, value = rest.partition(" ")
            params[name] = value
        elif key == "input":
            rows.append({"input": [float.fromhex(v) for v in rest.split()], "spikes": {},
                         "voltage": None, "output": None})
        elif key == "spikes":
            tick, *lines = rest.split()
            rows[-1]["spikes"][int(tick)] = [
                (int(line.lstrip("-")), -1 if line.startswith("-") else 1) for line in lines]
        elif key in ("voltage", "output"):
            rows[-1][key] = [float.fromhex(v) for v in rest.split()]
        elif key:
            raise Failed(f"{path.name}: cannot read '{text[:60]}'")
    return params, rows


def golden_stages(params):
    """The pipeline that a vector file describes, and whether each row is a window."""
    lif = {key: float(params[key]) for key in ("tau_mem_inv", "v_leak", "v_th", "v_reset") if key in params}
    draws = {"f_max": float(params.get("f_max", 0)), "rng": "mt19937", "seed": int(params.get("seed", 0))}
    return {
        "constant_current_lif": ([{"lif": lif}], False),
        "spike_latency_lif": ([{"lif_latency": lif}], True),
        "constant_current_lif | spike_latency": ([{"lif": lif}, {"first_spike": {}}], True),
        "poisson": ([{"poisson": draws}], False),
        "signed_poisson": ([{"signed_poisson": draws}], False),
        "population": ([{"population": {
            "out_features": int(params.get("out_features", 0)),
            "scale": "auto" if params.get("scale") == "max" else float(params.get("scale", 1))}}], False),
    }[params["encoder"]]
