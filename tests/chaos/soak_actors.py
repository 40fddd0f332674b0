"""The processes of a soak (soak.py): each is `soak_actors.py ROLE JSON` and writes a line of JSON a second; it ends
when its standard input does, with a last line.

SPDX-License-Identifier: Apache-2.0
"""
import collections
import json
import random
import select
import struct
import sys
import threading
import time
from types import SimpleNamespace

import chaos as c
import rude
import zmq
from chaos import h


class Actor:
    """`at` has the endpoints, the seed, and what else the role needs."""

    def __init__(self):
        self.at = SimpleNamespace(**json.loads(sys.argv[2]))
        self.random = random.Random(self.at.seed)
        self.said = time.monotonic()
        self.figures = {}

    def goes_on(self, pause=0.0):
        """Waits, reports once a second; False when it is time to end."""
        if select.select([0], [], [], pause)[0] and not sys.stdin.buffer.peek(1):
            return False
        now = time.monotonic()
        if now - self.said >= 1:
            self.said += 1
            self.say()
        return True

    def say(self):
        print(json.dumps(self.figures), flush=True)


DELAY = 10000  # frames that a witness knows and has not counted yet: so begin and end may be told a little later


class Seen:
    """What a witness knows of one stream."""

    def __init__(self):
        self.last, self.begin, self.end = None, None, None
        self.waiting = collections.deque()
        self.figures = {"frames": 0, "lost": 0, "missing": 0, "unflagged": 0, "late": 0, "resets": 0, "stale": 0,
                        "windows": 0, "wrong": 0, "tick": -1}

    def take(self, frame):
        head = h.header(frame)
        self.figures["tick"] = head["tick"]
        self.waiting.append(tuple(head[key] for key in ("tick", "seq", "flags", "time_ns", "epoch", "dt_ns")))
        if self.begin is not None and (len(self.waiting) > DELAY or self.end is not None):
            self.count()

    def count(self):
        """The oldest frame that waits."""
        f, last = self.figures, self.last
        self.last = tick, seq, flags, time_ns, epoch, dt_ns = self.waiting.popleft()
        if not last or tick < self.begin or self.end is not None and tick >= self.end:
            return
        jump, lost = tick - last[0] - 1, seq - last[1] - 1
        f["lost"] += lost
        f["wrong"] += epoch != last[4] or lost < 0 or jump < 0 or time_ns - last[3] != (jump + 1) * dt_ns
        f["unflagged"] += not lost and bool(jump) != bool(flags & h.GAP)
        f["missing"] += tick - max(last[0] + 1, self.begin)
        f["frames"] += 1
        for key, flag in (("late", h.LATE), ("resets", h.RESET), ("stale", h.STALE), ("windows", h.WINDOW)):
            f[key] += bool(flags & flag)


def witness():
    """Reads every frame of the streams. A line on its input says from which tick each is counted, and the second one up to
    which; then it ends."""
    actor = Actor()
    socket = zmq.Context().socket(zmq.SUB)
    socket.rcvhwm = 0
    socket.connect(actor.at.publish)
    seen = {f"spikes/{name}/".encode(): Seen() for name in actor.at.names}
    actor.figures = {topic.decode().split("/")[1]: s.figures for topic, s in seen.items()}
    for topic in seen:
        socket.subscribe(topic)
    poller = zmq.Poller()
    poller.register(socket, zmq.POLLIN)
    poller.register(sys.stdin.fileno(), zmq.POLLIN)
    order = "begin"
    while order or any(s.figures["tick"] < s.end - 1 for s in seen.values()):
        ready = dict(poller.poll(500))
        if sys.stdin.fileno() in ready:
            line = sys.stdin.readline()
            if not line:
                return
            for name, tick in json.loads(line).items():
                setattr(seen[f"spikes/{name}/".encode()], order, tick)
            order = "end" if order == "begin" else None
        for _ in range(2000):
            try:
                topic, head, _ = socket.recv_multipart(zmq.DONTWAIT)
            except zmq.Again:
                break
            seen[topic].take(head)
        if time.monotonic() - actor.said >= 1:
            actor.said += 1
            actor.say()
    for s in seen.values():
        while s.waiting:
            s.count()
    actor.say()


def sensors():
    """Rows for every stream, of its type, about as many as `rates` says; none of them may get lost."""
    actor = Actor()
    context = zmq.Context()
    pushes, due = {}, {}
    actor.figures = dict.fromkeys(actor.at.rates, 0)
    for name in actor.at.rates:
        pushes[name] = context.socket(zmq.PUSH)
        pushes[name].connect(actor.at.ingest)
        due[name] = time.monotonic()
    walk = actor.random

    def row(name):
        kind, channels = actor.at.rows[name]
        if kind == "json":
            return json.dumps([round(walk.uniform(-1, 1), 3) for _ in range(channels)]).encode()
        if kind == "pairs":
            return struct.pack("<If", walk.randrange(channels), walk.uniform(-1, 1))
        if kind == "i16":
            return struct.pack(f"<{channels}h", *(walk.randrange(-1000, 1000) for _ in range(channels)))
        return struct.pack(f"<{channels}f", *(walk.uniform(-1, 1) for _ in range(channels)))
    while actor.goes_on(0.001):
        now = time.monotonic()
        for name, rate in actor.at.rates.items():
            while due[name] <= now:
                stamp = struct.pack("<qQ", time.time_ns(), actor.figures[name])
                pushes[name].send_multipart([name.encode(), row(name), stamp])
                actor.figures[name] += 1
                due[name] += 1 / rate
    context.destroy(5000)
    actor.say()


def visitors():
    """Subscribers that come and go in every way."""
    actor = Actor()
    actor.figures = {"visits": 0, "refused": 0}
    while actor.goes_on(actor.random.uniform(0, 0.04)):
        try:
            rude.visit(actor.at, actor.random)
            actor.figures["visits"] += 1
        except OSError:
            actor.figures["refused"] += 1
    actor.say()


def garbage():
    """Senders of garbage, on all sockets."""
    actor = Actor()
    actor.at.names = [name.encode() for name in actor.at.names]
    actor.figures = {**{kind.__name__: 0 for kind in rude.THROWS}, "refused": 0}
    while actor.goes_on(actor.random.uniform(0, 0.04)):
        try:
            actor.figures[rude.throw(actor.at, actor.random)] += 1
        except OSError:
            actor.figures["refused"] += 1
    actor.say()


def readers():
    """A slow subscriber all the time, and others that are stopped for a while, then go on or die."""
    actor = Actor()
    actor.figures = {"stops": 0, "kills": 0, "broken": 0, "lost": 0, "messages": 0}
    topics = [f"spikes/{name}/" for name in actor.at.names]

    def add_up(reader):
        seen = reader.end()
        for key in ("broken", "lost", "messages"):
            actor.figures[key] += seen[key]
    slow = c.Reader(actor.at.publish, *topics, pause=0.02, hwm=10)
    while actor.goes_on():
        stopped = [c.Reader(actor.at.publish, *topics) for _ in range(2)]
        actor.goes_on(0.5)
        for reader in stopped:
            reader.stop()
            actor.figures["stops"] += 1
        end = time.monotonic() + actor.random.uniform(5, 45)
        over = False
        while not over and time.monotonic() < end:
            over = not actor.goes_on(0.2)
            time.sleep(0.05 if over else 0)
        if actor.random.random() < 0.5:
            stopped.pop().kill()
            actor.figures["kills"] += 1
        for reader in stopped:
            reader.go_on()
            time.sleep(0.3)
            add_up(reader)
        if over:
            break
    add_up(slow)
    actor.say()


def control():
    """Changes parameters, resets, adds and removes streams, saves, asks for everything; each request is answered."""
    actor = Actor()
    f = actor.figures = {"asked": 0, "answered": 0, "errors": 0, "worst_ms": 0.0, "resets": dict.fromkeys(actor.at.names, 0)}
    socket = zmq.Context().socket(zmq.DEALER)
    socket.connect(actor.at.control_at)

    def call(method, **params):
        began = time.monotonic()
        f["asked"] += 1
        socket.send(json.dumps({"jsonrpc": "2.0", "id": f["asked"], "method": method, "params": params}).encode())
        if not socket.poll(20000):
            raise h.Failed(f"no answer to {method} within 20 s")
        answer = json.loads(socket.recv())
        f["worst_ms"] = max(f["worst_ms"], 1e3 * (time.monotonic() - began))
        f["answered"] += answer["id"] == f["asked"]
        f["errors"] += "error" in answer
        if "error" in answer:
            f["last_error"] = answer["error"]["message"]
    guests = 0
    while actor.goes_on(actor.random.uniform(0, 0.1)):
        kind = actor.random.randrange(8)
        if kind == 0:
            name, stage, param, low, high = actor.random.choice(actor.at.changes)
            call("set", name=name, stage=stage, param=param, value=actor.random.uniform(low, high))
        elif kind == 1:
            name = actor.random.choice(actor.at.names)
            call("reset", name=name)
            f["resets"][name] += 1
        elif kind == 2:
            guests += 1
            call("add", stream=h.stream(f"guest{guests}", actor.random.randrange(1, 200), [actor.random.choice(["lif", "poisson"])]))
            actor.goes_on(actor.random.uniform(0, 0.3))
            call("remove", name=f"guest{guests}")
        elif kind == 3:
            call("save")
        else:
            call(actor.random.choice(["info", "streams", "stats", "encoders"]))
    actor.say()


def machine():
    """How late this machine wakes a process that does nothing but wait for each millisecond, at the same priority: what
    it is late, the daemon may be late."""
    actor = Actor()
    f = actor.figures = {"late": 0, "worst_ms": 0.0}
    over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    due = time.monotonic()
    while not over.is_set():
        due += 0.001
        wait = due - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        late = time.monotonic() - due
        f["worst_ms"] = max(f["worst_ms"], 1e3 * late)
        if late >= 0.001:
            f["late"] += int(late / 0.001)
            due += int(late / 0.001) * 0.001
        if time.monotonic() - actor.said >= 1:
            actor.said += 1
            actor.say()
            f["worst_ms"] = 0.0
    actor.say()


ROLES = {role.__name__: role for role in (witness, sensors, visitors, garbage, readers, control, machine)}

if __name__ == "__main__":
    ROLES[sys.argv[1]]()
