#!/usr/bin/python3
"""kill -9 and power cuts at random moments: spiked always starts again, and what it goes on with is, bit
for bit, the state that there was at some tick, no older than what `save` had confirmed.

The streams run on rows that depend on their number alone, in clock `data`; an undisturbed daemon tells
what every tick must give. A power cut is made from what bad_disk.c has journalled: of what was not synced,
anything may have come through.

Environment: SPIKED_KILLS, SPIKED_POWER_CUTS (how many), SPIKED_SEED.

SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import random
import shutil
import signal
import struct
import tempfile
import time
from pathlib import Path

import zmq

import harness as h

KILLS = int(os.environ.get("SPIKED_KILLS", "12"))
POWER_CUTS = int(os.environ.get("SPIKED_POWER_CUTS", "15"))
SEED = int(os.environ.get("SPIKED_SEED", random.randrange(1 << 30)))
CHANNELS = 3
CHECKED = 10  # rows that are compared after each start
TOPICS = ("spikes/", "state/", "values/")
STREAMS = [
    h.stream("lif", CHANNELS, ["lif"]),
    h.stream("random", CHANNELS, [{"poisson": {"f_max": 500}}, {"drop": {"p": 0.2}}]),
    h.stream("window", CHANNELS, ["lif"], window=3),
    h.stream("torch", CHANNELS, [{"signed_poisson": {"rng": "mt19937", "f_max": 500}}]),
]
TICKS = {s["name"]: s.get("window") or 1 for s in STREAMS}


def row(name, number):
    draw = random.Random(f"{name} {number}")
    return struct.pack(f"<{CHANNELS}f", *(draw.uniform(-1, 2) for _ in range(CHANNELS)))


def subscriber(daemon):
    """One that is known to the daemon. Unlike the harness's, it does not wait for a dead one."""
    sub = daemon.sub(*TOPICS, sync=False)
    # What is asked for before there is a connection goes in any order, so a second word follows.
    for topic in ("meta/lif/", "meta/torch/"):
        sub.subscribe(topic)
        while receive(daemon, sub)[0] != topic:
            pass
    sub.unsubscribe("meta/lif/")
    sub.unsubscribe("meta/torch/")
    return sub


def receive(daemon, sub):
    end = time.monotonic() + 20 * h.SLOW
    while not sub.socket.poll(20):
        if daemon.process.poll() is not None:
            raise h.Failed("the daemon has ended")
        if time.monotonic() > end:
            raise h.Failed(f"no frame came:\n{daemon.log()[-2000:]}")
    return sub.recv()


class Reference:
    """What an undisturbed daemon gave: {topic: [payload and count by tick]}."""

    def __init__(self):
        self.daemon = h.Daemon({"clock": "data", "streams": STREAMS})
        self.daemon.start()
        self.sub = subscriber(self.daemon)
        self.rows = 0
        self.got = {topic: [] for s in self.daemon.control("streams") for topic in s["topics"] if topic.startswith(TOPICS)}

    def reach(self, rows):
        rows = (rows // 500 + 1) * 500
        while self.rows < rows:
            for s in STREAMS:
                self.daemon.send_row(s["name"], row(s["name"], self.rows))
            self.rows += 1
        waiting = sum(TICKS[topic.split("/")[1]] * rows - len(got) for topic, got in self.got.items())
        while waiting:
            topic, head, payload = receive(self.daemon, self.sub)
            if topic in self.got:
                self.got[topic].append((head["count"], head["flags"], payload))
                waiting -= 1

    def close(self):
        self.daemon.close()


class Life:
    """A daemon that dies again and again, and the reference that it is held to."""

    def __init__(self, reference, **environment):
        self.reference = reference
        self.box = tempfile.TemporaryDirectory(prefix="spiked-state-")
        self.folder = Path(self.box.name) / "state"
        self.daemon = h.Daemon({"clock": "data", "streams": STREAMS,
                                "state": {"dir": str(self.folder), "every": "0.1 s"}})
        self.confirmed = {name: 0 for name in TICKS}  # ticks that `save` said are safe
        self.base = {}                                # ticks that the state had at this start
        self.sent = {}
        self.checked = self.restored = 0

    def start(self, environment=None):
        """False: it was killed while it started. Any other end is a failure."""
        if self.daemon._push:  # rows that the last one did not take would come first
            self.daemon._push.close(0)
            self.daemon._push = None
        saved = dict(os.environ)
        os.environ.update(environment or {})
        try:
            self.daemon.start()
            return True
        except (h.Failed, zmq.ZMQError):
            if self.daemon.process.wait(5) != -signal.SIGKILL:
                raise
            return False
        finally:
            os.environ.clear()
            os.environ.update(saved)

    def check_restored(self):
        """What goes on must be the state of a tick: the next rows give what they gave without any end."""
        refused = self.daemon.counters()["state_refused"]
        if refused:
            raise h.Failed(f"{refused} snapshots were refused:\n{self.daemon.log()[-2000:]}")
        first, restored = {}, {}
        for s in self.daemon.control("streams"):
            name, restored[s["stream"]] = s["stream"], s["state"]["restored"]
            first[name] = restored[name]["ticks"] if restored[name] else 0
            self.restored += bool(restored[name])
            if first[name] % TICKS[name]:
                raise h.Failed(f"{name}: goes on at tick {first[name]}, in the midst of a row")
            if first[name] < self.confirmed[name]:
                raise h.Failed(f"{name}: goes on at tick {first[name]}, but {self.confirmed[name]} was saved")
        self.reference.reach(max(first[name] // n for name, n in TICKS.items()) + CHECKED)
        self.base = first
        self.sent = {name: first[name] // n for name, n in TICKS.items()}
        sub = subscriber(self.daemon)
        self.send(CHECKED)
        seen = {}
        waiting = CHECKED * sum(TICKS[topic.split("/")[1]] for topic in self.reference.got)
        while waiting:
            topic, head, payload = receive(self.daemon, sub)
            if topic.startswith("meta/"):
                continue
            waiting -= 1
            name = topic.split("/")[1]
            at = seen.get(topic, 0)
            seen[topic] = at + 1
            count, flags, wanted = self.reference.got[topic][first[name] + at]
            flags |= h.RESTORED if restored[name] and not at else 0
            if (head["count"], head["flags"], payload, head["tick"]) != (count, flags, wanted, at):
                raise h.Failed(f"{topic} tick {first[name]}+{at}: {head} {payload.hex()}, wanted "
                               f"{count} {flags} {wanted.hex()}")
            self.checked += 1
        sub.close()

    def send(self, rows):
        for _ in range(rows):
            for name in TICKS:
                self.daemon.send_row(name, row(name, self.sent[name]))
                self.sent[name] += 1

    def note_saved(self, answer):
        for each in answer["saved"]:
            name = each["stream"]
            self.confirmed[name] = max(self.confirmed[name], self.base[name] + each["tick"])

    def close(self):
        self.daemon.close()
        self.box.cleanup()


class Caller:
    """Calls of `save` that nobody waits for, and the answers that came."""

    def __init__(self, daemon):
        self.socket = daemon.context.socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.connect(daemon.control_at)

    def save(self, **params):
        self.socket.send_multipart([b"", json.dumps(
            {"jsonrpc": "2.0", "id": 1, "method": "save", "params": params}).encode()])

    def answers(self, timeout=0):
        while self.socket.poll(timeout):
            answer = json.loads(self.socket.recv_multipart()[-1])
            if "result" in answer:
                yield answer["result"]


def kill_at_random_moments():
    draw, reference = random.Random(SEED), Reference()
    life = Life(reference)
    try:
        for _ in range(KILLS):
            life.start()
            life.check_restored()
            caller = Caller(life.daemon)
            end = time.monotonic() + draw.choice((0.002, 0.01, 0.03)) * draw.random() * h.SLOW
            while time.monotonic() < end:
                life.send(draw.randrange(4))
                caller.save(**draw.choice(({}, {"name": draw.choice(list(TICKS))})))
                time.sleep(draw.random() * 0.002)
                for answer in caller.answers():
                    life.note_saved(answer)
            life.daemon.kill()
            for answer in caller.answers(1):
                life.note_saved(answer)
            caller.socket.close()
        life.start()
        life.check_restored()
        life.daemon.stop()
    finally:
        life.close()
        reference.close()
    h.claim(f"{KILLS} times killed: always started again, {life.restored} streams went on, {life.checked} messages after "
            f"that are bit-equal (seed {SEED})", life.restored >= KILLS)


class Disk:
    """What a disk may hold after the power went: the folder as it was, and the journal since."""

    def __init__(self, folder, draw):
        self.draw = draw
        self.durable = {}  # name: file
        self.contents = {}  # file: bytes that were synced
        self.live = {}     # file: bytes that were written
        self.pending = []  # what the folder was told since it was synced last
        for path in folder.iterdir() if folder.exists() else ():
            self.contents[path.name] = self.live[path.name] = path.read_bytes()
            self.durable[path.name] = path.name

    def replay(self, journal):
        at = 0
        while at < len(journal):
            letter, number, name_size, size = struct.unpack_from("<cIII", journal, at)
            name = journal[at + 13:at + 13 + name_size].decode()
            data = journal[at + 13 + name_size:at + 13 + name_size + size]
            at += 13 + name_size + size
            if letter == b"C":
                self.live[number] = b""
                self.pending.append(("C", name, number))
            elif letter == b"W":
                self.live[number] += data
            elif letter == b"S":
                self.contents[number] = self.live[number]
            elif letter == b"R":
                self.pending.append(("R", name, data.decode()))
            elif letter == b"U":
                self.pending.append(("U", name, None))
            elif letter == b"D":
                self.apply(self.pending)
                self.pending = []

    def apply(self, operations):
        for kind, name, other in operations:
            if kind == "C":
                self.durable[name] = other
            elif kind == "R" and name in self.durable:
                self.durable[other] = self.durable.pop(name)
            elif kind == "U":
                self.durable.pop(name, None)

    def cut(self, folder):
        """Writes the folder anew. Renames come through in order, up to any of them; of bytes that were not
        synced come all, some, none, or zeros in their place."""
        self.apply(self.pending[:self.draw.randrange(len(self.pending) + 1)])
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for name, number in self.durable.items():
            live, synced = self.live[number], self.contents.get(number)
            if synced is None or synced != live:
                cut = self.draw.randrange(len(live) + 1)
                live = self.draw.choice((synced or b"", live, live[:cut], bytes(len(live)),
                                         live[:cut] + bytes(len(live) - cut)))
            (folder / name).write_bytes(live)


def power_cuts_at_every_write():
    library = Path(h.binary()).parent.parent / "tests" / "libbad_disk.so"
    if h.INSTRUMENTED or not library.exists():
        print("  --  skipped: nothing can be preloaded into instrumented builds")
        return
    draw, reference = random.Random(SEED), Reference()
    life = Life(reference)
    journal = Path(life.box.name) / "journal"
    cuts = at_start = 0
    try:
        while cuts < POWER_CUTS:
            disk = Disk(life.folder, draw)
            journal.unlink(missing_ok=True)
            cut_at = draw.randrange(1, 60)
            if life.start({"LD_PRELOAD": str(library), "BAD_DISK_DIR": str(life.folder),
                           "BAD_DISK_JOURNAL": str(journal), "BAD_DISK_CUT": str(cut_at)}):
                run_until_cut(life, draw)
            else:
                at_start += 1
            records = journal.read_bytes() if journal.exists() else b""
            disk.replay(records)
            disk.cut(life.folder)
            cuts += 1
        life.start()
        life.check_restored()
        life.daemon.stop()
    finally:
        life.close()
        reference.close()
    h.claim(f"{cuts} power cuts ({at_start} while starting): always started again, {life.restored} streams went on, "
            f"{life.checked} messages after that are bit-equal (seed {SEED})", life.restored >= cuts)


def run_until_cut(life, draw):
    """Checks what it goes on with, then rows and saves until the power goes."""
    try:
        life.check_restored()
        caller = Caller(life.daemon)
        for _ in range(200):
            life.send(draw.randrange(4))
            caller.save(**draw.choice(({}, {}, {"name": draw.choice(list(TICKS))})))
            for answer in caller.answers(20):
                life.note_saved(answer)
                break
            if life.daemon.process.poll() is not None:
                break
    except (h.Failed, TimeoutError, zmq.ZMQError):
        if life.daemon.process.poll() != -signal.SIGKILL:
            raise
    else:
        for answer in caller.answers(1):
            life.note_saved(answer)
        caller.socket.close()
    if life.daemon.process.wait(5) != -signal.SIGKILL:
        raise h.Failed(f"ended with {life.daemon.process.returncode}:\n{life.daemon.log()[-2000:]}")


h.main(kill_at_random_moments, power_cuts_at_every_write)
