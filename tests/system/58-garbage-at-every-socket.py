#!/usr/bin/python3
"""Raw bytes at every socket: whatever ZMTP is not. Beside it a stream ticks on as if nothing were, the
daemon stays up, and descriptors and memory come back.

SPIKED_CONNECTIONS (2000) is how many connections say nothing at once; 10,000 were tried.

SPDX-License-Identifier: Apache-2.0
"""
import os
import random
import resource
import socket
import struct
import threading
import time

import harness as h

SEED = 58
CONNECTIONS = int(os.environ.get("SPIKED_CONNECTIONS", "2000"))
MORE_FRAMES = 100000
# Ticks are skipped after 200 ms in which none was in time.
CONFIG = {"clock": "wall", "dt": "4 ms", "max_catch_up": 50, "send_queue": 100000,
          "streams": [h.stream("s", 8, ["lif"])]}

SIGNATURE = b"\xff" + bytes(8) + b"\x7f"
PEERS = {"ingest": b"PUSH", "publish": b"SUB", "control": b"DEALER"}


def greeting(mechanism=b"NULL", version=b"\x03\x00", server=b"\0"):
    return SIGNATURE + version + mechanism.ljust(20, b"\0")[:20] + server + bytes(31)


def frame(body, flags=0):
    if len(body) < 256:
        return struct.pack(">BB", flags, len(body)) + body
    return struct.pack(">BQ", flags | 2, len(body)) + body


def command(name, body=b""):
    return frame(bytes([len(name)]) + name + body, 4)


def prop(name, value):
    return bytes([len(name)]) + name + struct.pack(">I", len(value)) + value


def ready(kind):
    return command(b"READY", prop(b"Socket-Type", kind) + prop(b"Identity", b""))


def handshake(kind):
    return greeting() + ready(kind)


def at(endpoint):
    host, port = endpoint.removeprefix("tcp://").rsplit(":", 1)
    return host, int(port)


def say(address, *pieces, listen=0.0, abort=False):
    """A connection that says this and goes; whether it is heard to the end is the daemon's matter."""
    with socket.create_connection(address, 5) as s:
        s.settimeout(5)
        try:
            for piece in pieces:
                s.sendall(piece)
            if listen:
                s.settimeout(listen)
                while s.recv(65536):
                    pass
            if abort:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass


def say_as_a_peer(address, kind, *pieces, listen=0.0):
    """The same after a whole handshake, so that it is a peer who says it. True if it took it all."""
    heard = b""
    with socket.create_connection(address, 5) as s:
        s.settimeout(5)
        s.sendall(handshake(kind))
        while b"\x05READY" not in heard:
            more = s.recv(4096)
            if not more:
                raise h.Failed("no handshake")
            heard += more
        try:
            for piece in pieces:
                s.sendall(piece)
            s.settimeout(listen or 0.001)
            while s.recv(65536):
                pass
        except TimeoutError:
            return True
        except OSError:
            pass
    return False


def cut_greetings(address, kind, draw):
    whole = handshake(kind)
    for size in range(len(whole)):
        say(address, whole[:size], abort=bool(draw.getrandbits(1)))


def wrong_greetings(address, kind, draw):
    for mechanism in (b"PLAIN", b"CURVE", b"GSSAPI", b"", b"null", b"NULL\0X", b"\xff" * 20):
        say(address, greeting(mechanism), ready(kind), listen=0.005)
    for version in (b"\0\0", b"\1\0", b"\2\0", b"\3\1", b"\3\xff", b"\xff\xff"):
        say(address, greeting(version=version), ready(kind))
    for text in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"SSH-2.0-x\r\n", b"\x16\x03\x01" + bytes(200), bytes(1000), b"\xff" * 1000,
                 b"\x01\x00", b"\x05\x00hello"):
        say(address, text, listen=0.005)
    for _ in range(50):
        noisy = bytearray(handshake(kind))
        for _ in range(draw.randint(1, 4)):
            noisy[draw.randrange(len(noisy))] = draw.randrange(256)
        say(address, bytes(noisy), abort=bool(draw.getrandbits(1)))
    for _ in range(50):
        say(address, SIGNATURE + draw.randbytes(draw.randint(1, 300)))


def huge_lengths(address, kind, _):
    for size in (1 << 63, (1 << 64) - 1, (1 << 63) - 1, 1 << 40, 1 << 31, (64 << 20) + 1):
        for flags in (2, 3, 6):
            say_as_a_peer(address, kind, struct.pack(">BQ", flags, size) + b"some bytes")
            say(address, greeting(), struct.pack(">BQ", flags, size) + b"some bytes")
    say_as_a_peer(address, kind, struct.pack(">BQ", 2, 48 << 20), bytes(1 << 20))  # never ended


def junk_metadata(address, kind, draw):
    for body in (b"", b"\0", b"\xff", b"\x0bSocket-Type", b"\x0bSocket-Type\xff\xff\xff\xff", b"\x0bSocket-Type\0\0\0\x7fPUSH",
                 prop(b"Socket-Type", b"NONSENSE"), prop(b"Socket-Type", b""), prop(b"Socket-Type", b"PAIR"),
                 prop(b"", b"x"), prop(b"X" * 255, b"y" * 100000), prop(b"Identity", b"i" * 300) + prop(b"Socket-Type", kind),
                 prop(b"Socket-Type", kind) * 100, prop(b"Socket-Type", kind) + draw.randbytes(50)):
        say(address, greeting(), command(b"READY", body), frame(b"x"), listen=0.005)
    say(address, greeting(), command(b"R" * 255), command(b""), listen=0.005)


def out_of_order(address, kind, draw):
    say(address, greeting(), frame(b"before READY"), listen=0.005)
    say(address, greeting(), ready(kind) * 3, listen=0.005)
    say(address, ready(kind), greeting(), listen=0.005)
    for name, body in ((b"PING", b"\0\1" + b"c" * 16), (b"PING", b""), (b"PING", b"\0\1" + b"c" * 200), (b"PONG", b""), (b"PONG", b"x" * 300),
                       (b"ERROR", b"\x05wrong"), (b"ERROR", b"\xff"), (b"SUBSCRIBE", b"spikes/"), (b"CANCEL", b"spikes/"),
                       (b"SUBSCRIBE", b""), (b"HELLO", b"x"), (b"INITIATE", bytes(300)), (b"NONSENSE", b"y")):
        say_as_a_peer(address, kind, command(name, body) * 3, frame(b"\1s") + frame(b"\0s"), listen=0.005)
    for flags in range(8, 256, 31):
        say_as_a_peer(address, kind, frame(b"reserved flags", flags))
    for _ in range(50):
        say_as_a_peer(address, kind, draw.randbytes(draw.randint(1, 2000)))


def more_for_ever(address, kind, _):
    piece = frame(b"m", 1) * 1000
    if not say_as_a_peer(address, kind, *[piece] * (MORE_FRAMES // 1000), listen=0.1):
        raise h.Failed("a message of many frames was not taken")
    say_as_a_peer(address, kind, *[piece] * 10, frame(b"end"), listen=0.02)
    say_as_a_peer(address, kind, frame(b"", 1) * 5000, frame(b""), listen=0.02)


def half_open(address, kind, _):
    """Ends that have closed their writing side only, at every stage of the handshake."""
    whole = handshake(kind)
    held = []
    for size in (0, 1, 10, 64, 70, len(whole)):
        s = socket.create_connection(address, 5)
        s.sendall(whole[:size])
        s.shutdown(socket.SHUT_WR)
        held.append(s)
    for s in held:
        s.settimeout(5)
        try:
            while s.recv(65536):
                pass  # until the daemon closes its own
        except ConnectionError:
            pass
        s.close()


ATTACKS = (half_open, cut_greetings, wrong_greetings, huge_lengths, junk_metadata, out_of_order, more_for_ever)


class Ticks(threading.Thread):
    """Watches the stream; every tick that was skipped or lost is seen."""

    def __init__(self, daemon):
        super().__init__()
        self.sub = daemon.sub("spikes/s/")
        self.halt = threading.Event()
        self.heads = []
        self.start()

    def run(self):
        while not self.halt.is_set():
            try:
                head = self.sub.recv(0.5)[1]
                self.heads.append((head["tick"], head["seq"], bool(head["flags"] & h.LATE)))
            except TimeoutError:
                pass

    def end(self):
        """(ticks, ticks that were skipped, late ones, frames lost)"""
        self.halt.set()
        self.join()
        self.sub.close()
        pairs = list(zip(self.heads, self.heads[1:]))
        lost = sum(after[1] - before[1] - 1 for before, after in pairs)
        skipped = sum(after[0] - before[0] - 1 for before, after in pairs) - lost
        return len(self.heads), skipped, sum(late for _, _, late in self.heads), lost


def descriptors(daemon):
    return len(os.listdir(f"/proc/{daemon.process.pid}/fd"))


def memory_kb(daemon):
    with open(f"/proc/{daemon.process.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def attack(daemon, draw):
    for name, endpoint in (("ingest", daemon.ingest), ("publish", daemon.publish), ("control", daemon.control_at)):
        for each in ATTACKS:
            each(at(endpoint), PEERS[name], draw)


def undisturbed(daemon, draw, quiet):
    """One round of everything; whether the ticks did not notice."""
    ticks = Ticks(daemon)
    began = time.monotonic()
    attack(daemon, draw)
    took = time.monotonic() - began
    count, skipped, late, lost = ticks.end()
    print(f"  under garbage for {took:.1f} s: {count} ticks, {skipped} skipped, {late} late, {lost} frames lost")
    return count > 0 and lost == 0 and skipped <= quiet[1]


def garbage_touches_nothing():
    draw = random.Random(SEED)
    with h.Daemon(CONFIG) as daemon:
        quiet = Ticks(daemon)
        time.sleep(1.5)
        quiet = quiet.end()
        h.claim(f"undisturbed: {quiet[0]} ticks, {quiet[1]} skipped, {quiet[2]} late", quiet[0] > 0)
        attack(daemon, draw)  # what libzmq and the allocator keep for next time
        fds = h.until("descriptors settle", lambda: settled(daemon), timeout=10)
        before = memory_kb(daemon)
        # Another program's busy moment is not the garbage's doing: that comes back in every round.
        h.claim(f"ticks do not notice (seed {SEED})",
                any(undisturbed(daemon, draw, quiet) for _ in range(3)) or h.INSTRUMENTED)
        h.until(f"descriptors are {fds} again", lambda: descriptors(daemon) <= fds, timeout=10)
        grown = memory_kb(daemon) - before
        h.claim(f"memory: {before} kB, then {grown:+} kB", grown < 8192 or h.INSTRUMENTED)
        h.equal("rows still come in", rows_come_in(daemon), True)


def settled(daemon):
    """The number of descriptors once it has not changed for a while."""
    first = descriptors(daemon)
    time.sleep(0.3)
    return first if descriptors(daemon) == first else 0


def rows_come_in(daemon):
    """A connection that says nothing is ended after 5 s: so long control can be kept busy by them."""
    before = daemon.control("stats", timeout=15)["streams"]["s"]["rows"]
    daemon.send_f32("s", *range(8))
    daemon.wait_rows("s", before + 1)
    return True


def silent_connections():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(CONNECTIONS, hard - 200)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, wanted + 200)), hard))
    with h.Daemon(CONFIG) as daemon:
        fds, before = descriptors(daemon), memory_kb(daemon)
        ticks = Ticks(daemon)
        places = [at(e) for e in (daemon.ingest, daemon.publish, daemon.control_at)]
        held = []
        for number in range(wanted):
            held.append(socket.create_connection(places[number % 3], 5))
            if number % 3 == 0:
                held[-1].sendall(SIGNATURE)  # half a greeting
        h.claim(f"{len(held)} connections say nothing", len(held) == wanted)
        h.equal("rows still come in", rows_come_in(daemon), True)
        peak, most = memory_kb(daemon), descriptors(daemon)
        h.until("the daemon gives them up", lambda: descriptors(daemon) <= fds + 8, timeout=15)
        for each in held:
            each.close()
        count, skipped, late, lost = ticks.end()
        h.claim(f"meanwhile {count} ticks, {skipped} skipped, {late} late, {lost} frames lost",
                count > 0 and lost == 0 and skipped < count / 100 or h.INSTRUMENTED)
        h.claim(f"descriptors {fds}, {most} at most, then {descriptors(daemon)}; "
                f"memory {before} kB, {peak} kB, then {memory_kb(daemon)} kB",
                peak - before < 8 * wanted + 4096 or h.INSTRUMENTED)
        h.equal("rows still come in", rows_come_in(daemon), True)


def a_subscriber_has_little_to_say():
    with h.Daemon(CONFIG) as daemon:
        publish = at(daemon.publish)
        h.claim("subscriptions are heard", say_as_a_peer(publish, b"SUB", frame(b"\1spikes/x/"), listen=0.5))
        for size in (8192, 1 << 40):
            h.claim(f"a message of {size} bytes ends the connection before it is received",
                    not say_as_a_peer(publish, b"SUB", struct.pack(">BQ", 2, size) + bytes(100), listen=5))


h.main(garbage_touches_nothing, a_subscriber_has_little_to_say, silent_connections)
