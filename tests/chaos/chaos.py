"""What the chaos tests share: witnesses that judge what they saw to the last tick, a daemon's memory and
descriptors, peers that misbehave.

A witness knows two things of each tick number that it did not see: was it flagged, and was it counted.

Environment, beside that of tests/system/harness.py:
  SPIKED_CHAOS  factor for how long and how often each breakage is done (1), e.g. 20 for a long run
  SPIKED_SEED   of what is random; printed, so that a run can be repeated

SPDX-License-Identifier: Apache-2.0
"""
import ctypes
import json
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "system"))
import harness as h  # noqa: E402
import zmq  # noqa: E402

FACTOR = float(os.environ.get("SPIKED_CHAOS", "1"))
SEED = int(os.environ.get("SPIKED_SEED", random.randrange(1 << 31)))
HERE = Path(__file__).resolve().parent
KB = 1024

# No tick is ever given up, however late this machine lets the daemon run: then none may be missing.
PATIENT = {"clock": "wall", "dt": "1 ms", "overrun": "catch_up", "max_catch_up": 1000000}


def rng():
    print(f"      SPIKED_SEED={SEED}", flush=True)
    return random.Random(SEED)


def times(count):
    """How often something is done that is done `count` times in a short run."""
    return max(1, int(count * FACTOR))


# What a process holds


def memory(pid):
    """Resident memory in bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * KB
    raise h.Failed(f"process {pid} has no memory: it ended")


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def port_of(endpoint):
    return int(endpoint.rsplit(":", 1)[1])


def in_namespaces(*kinds):
    """Runs this test anew with mounts ("mount") or a network ("net") of its own, which nothing outside sees. Ends the
    test as skipped where that is not allowed."""
    if os.environ.get("CHAOS_NAMESPACES"):
        return
    flags = [f"--{kind}" for kind in kinds] + ([] if os.geteuid() == 0 else ["--map-root-user"])
    if subprocess.run(["unshare", *flags, "true"], capture_output=True).returncode:
        print(f"{Path(sys.argv[0]).name}: skipped: unshare {' '.join(flags)} is not allowed here")
        sys.exit(0)
    os.environ["CHAOS_NAMESPACES"] = "yes"
    os.execvp("unshare", ["unshare", *flags, sys.executable, *sys.argv])


# Witnesses


def settled(daemon, name):
    """A stream's counters, read while its late ticks stand still: then they belong together."""
    before = daemon.counters(name)
    for _ in range(200):
        now = daemon.counters(name)
        if now["late_ticks"] == before["late_ticks"] and now["skipped_ticks"] == before["skipped_ticks"]:
            return now
        before = now
    return before  # always late: off by one at most


class Witness:
    """Subscribes to the spikes of a stream and reads them when asked to judge; in between ZeroMQ's own thread
    stores what comes, so that this program is never the slow subscriber."""

    def __init__(self, daemon, name):
        self.daemon, self.name = daemon, name
        self.context = zmq.Context()
        self.sub = h.Sub(self.context, daemon.publish, [f"spikes/{name}/"], sync=f"meta/{name}/")
        self.before = settled(daemon, name)
        self.last = None

    def judge(self, what, skipped=None):
        """Reads up to now. Every frame must be there, each tick that is not must be flagged and counted, and so
        must each late one. `skipped` = 0: none may be missing. Gives figures of what was seen."""
        after = settled(self.daemon, self.name)
        begin, end = (c["ticks"] + c["skipped_ticks"] for c in (self.before, after))
        seen = {"ticks": 0, "late": 0, "missing": 0, "gaps": 0, "resets": 0, "stale": 0}
        last = self.last
        while last is None or last["tick"] < end - 1:
            head = self.sub.recv(10)[1]
            first = last is None
            if first:  # what was skipped between the counters and this frame is missing too
                tick = min(head["tick"], begin) - 1
                last = {**head, "tick": tick, "seq": head["seq"] - 1,
                        "time_ns": head["time_ns"] - (head["tick"] - tick) * head["dt_ns"]}
            jump = head["tick"] - last["tick"] - 1
            where = f"{self.name}: tick {last['tick']} to {head['tick']}"
            if head["epoch"] != last["epoch"]:
                raise h.Failed(f"{where}: another epoch")
            if head["seq"] != last["seq"] + 1:
                raise h.Failed(f"{where}: seq {last['seq']} to {head['seq']}: messages were lost; "
                               f"own counters {({k: v for k, v in self.daemon.counters().items() if v})}")
            if jump < 0 or bool(jump) != bool(head["flags"] & h.GAP) and not (first and not jump):
                raise h.Failed(f"{where}: flags {head['flags']:#x}")
            if head["time_ns"] - last["time_ns"] != (jump + 1) * head["dt_ns"]:
                raise h.Failed(f"{where}: time moved by {head['time_ns'] - last['time_ns']} ns")
            if head["tick"] >= begin and head["tick"] < end:
                seen["ticks"] += 1
                seen["missing"] += head["tick"] - max(last["tick"] + 1, begin)
                seen["gaps"] += bool(jump)
                for key, flag in (("late", h.LATE), ("resets", h.RESET), ("stale", h.STALE)):
                    seen[key] += bool(head["flags"] & flag)
            last = head
        counted = {key: after[key] - self.before[key] for key in ("ticks", "late_ticks", "skipped_ticks")}
        off = f"frames {seen}, counters {counted}"
        if abs(seen["ticks"] - counted["ticks"]) > 1 or abs(seen["late"] - counted["late_ticks"]) > 1:
            raise h.Failed(f"{self.name}: {off}")
        if seen["missing"] != counted["skipped_ticks"]:
            raise h.Failed(f"{self.name}: not every tick that is missing was counted: {off}")
        h.claim(f"{what}: {self.name}: {seen['ticks']} ticks, 0 frames lost; {seen['late']} late and "
                f"{seen['missing']} skipped, all flagged and counted",
                skipped is None or seen["missing"] <= skipped, off)
        self.before, self.last = after, last
        return seen

    def close(self):
        self.context.destroy(0)


class Calm:
    """Witnesses around something that should disturb nobody: at its end every tick is there, memory and
    descriptors are within their bounds, and control answers. What was seen is then in `seen`.

    memory_kb    what resident memory may have grown by
    skipped      ticks that may be missing (flagged and counted all the same); None = any number
    """

    def __init__(self, daemon, what, *names, memory_kb=4096, skipped=0):
        self.daemon, self.what, self.memory_kb, self.skipped = daemon, what, memory_kb, skipped
        self.witnesses = [Witness(daemon, name) for name in names]

    def __enter__(self):
        pid = self.daemon.process.pid
        self.descriptors = descriptors(pid)
        self.memory = memory(pid)
        return self

    def __exit__(self, kind, error, trace):
        if kind is None:
            self.judge()
        for witness in self.witnesses:
            witness.close()

    def judge(self):
        began = time.monotonic()
        h.claim(f"{self.what}: control answers", self.daemon.control("info"))
        answered = (time.monotonic() - began) * 1e3
        self.seen = {w.name: w.judge(self.what, self.skipped) for w in self.witnesses}
        back_to(self.daemon, self.descriptors, self.what)
        grown = (memory(self.daemon.process.pid) - self.memory) // KB
        h.claim(f"{self.what}: memory {grown:+d} kB (bound {self.memory_kb}); an answer took {answered:.1f} ms",
                grown <= self.memory_kb or h.INSTRUMENTED)


def back_to(daemon, wanted, what, timeout=10):
    """Waits until the daemon has so many descriptors again. A control connection of the test itself may be
    one too many for a moment."""
    pid = daemon.process.pid
    h.until(f"{what}: descriptors return to {wanted}", lambda: descriptors(pid) <= wanted, timeout, 0.05)
    h.claim(f"{what}: descriptors are back to {wanted}", True)


# Peers


READER = r"""
import json, signal, struct, sys, time
import zmq
endpoint, hwm, pause, heartbeat, *topics = sys.argv[1:]
socket = zmq.Context().socket(zmq.SUB)
socket.rcvhwm = int(hwm)
socket.rcvbuf = 65536  # what the kernel stores comes before what the daemon does
if int(heartbeat):
    socket.heartbeat_ivl = int(heartbeat)
    socket.connect_timeout = 2000  # or the kernel's pauses between two attempts grow while a link is cut
socket.connect(endpoint)
for topic in topics:
    socket.subscribe(topic)
over = []
signal.signal(signal.SIGTERM, lambda *_: over.append(1))
seen = {"messages": 0, "jumps": 0, "lost": 0, "broken": 0}
last = {}
print("ready", flush=True)
while not over:
    if not socket.poll(100):
        continue
    frames = socket.recv_multipart()
    seen["messages"] += 1
    if frames[0].startswith((b"meta/", b"status/")):
        continue
    if len(frames) != 3 or len(frames[1]) != 64:
        seen["broken"] += 1
        continue
    seq, = struct.unpack_from("<Q", frames[1], 24)
    jump = seq - last.get(frames[0], seq - 1) - 1
    seen["jumps"] += jump != 0
    seen["lost"] += jump
    last[frames[0]] = seq
    if float(pause):
        time.sleep(float(pause))
print(json.dumps(seen), flush=True)
"""


def die_with_parent():
    """A stopped process would outlive a test that fails."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Reader:
    """A subscriber in a process of its own, which can be stopped and goes on later; `pause` slows it,
    `prefix` is a command that runs it elsewhere."""

    def __init__(self, endpoint, *topics, hwm=10, pause=0.0, heartbeat_ms=0, prefix=()):
        self.process = subprocess.Popen(
            [*prefix, sys.executable, "-c", READER, endpoint, str(hwm), str(pause), str(heartbeat_ms), *topics],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, preexec_fn=die_with_parent)
        self.process.stdout.readline()

    def stop(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def end(self):
        """What it saw: messages, jumps in seq, messages lost in these, messages that were not whole."""
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        try:
            output, _ = self.process.communicate(timeout=20 * h.SLOW)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise h.Failed("a subscriber did not end") from None
        return json.loads(output.splitlines()[-1])

    def kill(self):
        if self.process.returncode is None:
            self.process.kill()
            self.process.communicate()


class Background:
    """Runs a function again and again in a thread while the test does something else."""

    def __init__(self, work):
        self.work, self.over, self.error, self.rounds = work, threading.Event(), None, 0
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        try:
            while not self.over.is_set():
                self.work()
                self.rounds += 1
        except Exception as error:  # told in the test's own thread
            self.error = error

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, kind, error, trace):
        self.over.set()
        self.thread.join(30 * h.SLOW)
        if kind is None and self.error:
            raise self.error
        if kind is None and self.thread.is_alive():
            raise h.Failed(f"{self.work.__name__} does not end")


# ZMTP by hand (RFC 23), so that a connection can be left anywhere

GREETING = b"\xff" + b"\0" * 8 + b"\x7f\3\1NULL" + b"\0" * 48


def command(name, body=b""):
    content = bytes([len(name)]) + name + body
    return bytes([4, len(content)]) + content


def part(body, more=False):
    if len(body) < 256:
        return bytes([more, len(body)]) + body
    return bytes([2 | more]) + struct.pack(">Q", len(body)) + body


def ready(kind):
    return command(b"READY", b"\x0bSocket-Type" + struct.pack(">I", len(kind)) + kind)


def parts(*bodies):
    """The bytes of one message."""
    return b"".join(part(body, more) for body, more in zip(bodies, [True] * (len(bodies) - 1) + [False]))


def connect(endpoint, timeout=5.0):
    raw = socket.create_connection(("127.0.0.1", port_of(endpoint)), timeout * h.SLOW)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return raw


def read_exactly(raw, count):
    data = b""
    while len(data) < count:
        more = raw.recv(count - len(data))
        if not more:
            raise ConnectionError(f"closed after {len(data)} of {count} bytes")
        data += more
    return data


def speak(endpoint, kind):
    """A raw connection whose handshake as a socket of this kind (b"SUB", b"PUSH", b"DEALER") is done."""
    raw = connect(endpoint)
    raw.sendall(GREETING)
    read_exactly(raw, len(GREETING))
    raw.sendall(ready(kind))
    flags, size = read_exactly(raw, 2)
    if not flags & 4:
        raise h.Failed(f"{endpoint}: the handshake went wrong: {flags} {size}")
    read_exactly(raw, size)
    return raw


def reset(raw):
    """Ends a connection with RST: the peer hears of it in the middle of whatever it does."""
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raw.close()
