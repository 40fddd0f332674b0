#!/usr/bin/python3
"""The service manager's protocol against a socket in its place: READY after the sockets answer, signs
of life only while ticks go on, STOPPING first of all.

SPDX-License-Identifier: Apache-2.0
"""
import contextlib
import os
import re
import signal
import socket
import tempfile
import time
from pathlib import Path

import harness as h

WATCHDOG_S = 0.4 * h.SPAN


class Manager:
    """The receiving end, at a path or in the abstract namespace."""

    def __init__(self, address):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address.replace("@", "\0", 1))
        self.address = address

    def next(self, timeout=5.0):
        """A datagram as a dict; None when none comes."""
        self.socket.settimeout(timeout * h.SLOW)
        try:
            text = self.socket.recv(4096).decode()
        except TimeoutError:
            return None
        return dict(line.split("=", 1) for line in text.split("\n"))

    def wait_for(self, name, timeout=5.0):
        end = time.monotonic() + timeout * h.SLOW
        while time.monotonic() < end:
            said = self.next(timeout)
            if said and name in said:
                return said
        raise h.Failed(f"nobody said {name}")

    def forget(self):
        self.socket.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                self.socket.recv(4096)

    def signs(self, seconds):
        """How many signs of life come within so long."""
        self.forget()
        end, found = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            said = self.next((end - time.monotonic()) / h.SLOW)
            found += bool(said and said.get("WATCHDOG") == "1")
        return found

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


@contextlib.contextmanager
def environment(**values):
    os.environ.update(values)
    try:
        yield
    finally:
        for name in values:
            os.environ.pop(name)


def watched(manager, **more):
    return environment(NOTIFY_SOCKET=manager.address, WATCHDOG_USEC=str(int(WATCHDOG_S * 1e6)), **more)


def the_course_of_a_life():
    with tempfile.TemporaryDirectory() as folder:
        for address in (f"{folder}/notify", f"@spiked-test-{os.getpid()}"):
            kind = "a path" if address[0] == "/" else "an abstract name"
            with Manager(address) as manager, environment(NOTIFY_SOCKET=address):
                daemon = h.Daemon({"streams": [h.stream("s", 2), h.stream("t", 1)]})
                with daemon:
                    first = manager.next()
                    h.equal(f"{kind}: first of all, READY", first and first.get("READY"), "1")
                    h.claim(f"{kind}: with a status: {first.get('STATUS')}",
                            re.fullmatch(r"2 stream\(s\), \d+ ticks, \d+ late, \d+ skipped", first["STATUS"]))
                    h.equal(f"{kind}: nothing of a watchdog that nobody asked for", manager.signs(0.3), 0)
                    daemon.process.send_signal(signal.SIGHUP)
                    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
                    said = manager.wait_for("RELOADING")
                    h.claim(f"{kind}: RELOADING says when",
                            abs(int(said["MONOTONIC_USEC"]) - before) < 5e6 * h.SLOW, said)
                    manager.wait_for("READY")
                    daemon.stop()
                said = manager.next()
                h.equal(f"{kind}: STOPPING at the end", said and said.get("STOPPING"), "1")
                h.equal(f"{kind}: and nothing behind it", manager.next(0.1), None)


def ready_means_ready():
    """When READY comes, everything is bound: no retry, no waiting."""
    with tempfile.TemporaryDirectory() as folder, Manager(f"{folder}/notify") as manager:
        with environment(NOTIFY_SOCKET=manager.address):
            daemon = h.Daemon({"streams": [h.stream("s", 1)]})
            daemon._answers = lambda: manager.wait_for("READY")
            with daemon:
                for name, endpoint in (("ingest", daemon.ingest), ("publish", daemon.publish),
                                       ("control", daemon.control_at)):
                    host, port = endpoint.removeprefix("tcp://").split(":")
                    with socket.create_connection((host, int(port)), timeout=0.5 * h.SLOW):
                        h.claim(f"{name} takes connections", True)
                h.equal("control answers", daemon.control("info")["clock"], "wall")


def no_start_is_not_ready():
    with tempfile.TemporaryDirectory() as folder, Manager(f"{folder}/notify") as manager:
        with socket.socket() as taken, environment(NOTIFY_SOCKET=manager.address):
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            path = Path(folder) / "c.yaml"
            path.write_text(h.config_text({"streams": []}, ingest=[f"tcp://127.0.0.1:{taken.getsockname()[1]}"],
                                          publish=[f"tcp://127.0.0.1:{h.free_ports(1)[0]}"], control="none"))
            h.equal("a taken port: no start", h.run("-c", str(path)).returncode, 3)
            h.equal("and nothing was said", manager.next(0.1), None)


def a_manager_that_is_not_there():
    for address in ("/nowhere/at/all", "vsock:2:1", "@", "/" + "x" * 200):
        with environment(NOTIFY_SOCKET=address, WATCHDOG_USEC="1000000"):
            with h.Daemon({"streams": [h.stream("s", 1)]}) as daemon:
                h.claim(f"{address[:20]}: spiked runs all the same", daemon.control("info"))
    with tempfile.TemporaryDirectory() as folder, Manager(f"{folder}/n") as manager:
        with watched(manager, WATCHDOG_PID="1"):
            with h.Daemon({"streams": [h.stream("s", 1)]}):
                h.equal("a watchdog that is somebody else's is left to them", manager.signs(3 * WATCHDOG_S), 0)


def idle_is_not_stuck():
    """No stream, no row, no step, and a subscriber that holds the clock: signs go on."""
    with tempfile.TemporaryDirectory() as folder, Manager(f"{folder}/n") as manager, watched(manager):
        for what, config in {
                "wall, ticking": {"streams": [h.stream("s", 1)]},
                "wall, without streams": {"streams": []},
                "wall, a tick in four seconds": {"dt": "4 s", "streams": [h.stream("s", 1)]},
                "data, without rows": {"clock": "data", "streams": [h.stream("s", 1)]},
                "manual, without steps": {"clock": "manual", "streams": [h.stream("s", 1)]}}.items():
            with h.Daemon(config):
                count = manager.signs(2 * WATCHDOG_S)
                h.claim(f"{what}: {count} signs in twice the timeout", count >= 3)
        with h.Daemon({"clock": "data", "send_queue": 10, "streams": [h.stream("s", 16384)]}) as daemon:
            dead = daemon.sub("values/s/", hwm=1)
            push = daemon.pusher()
            push.sndtimeo = 300
            with contextlib.suppress(h.zmq.Again):
                for _ in range(2000):
                    push.send_multipart([b"s", b"\0" * 4 * 16384])
            h.until("a subscriber holds the clock", lambda: daemon.counters()["held"])
            h.claim("data, held by a subscriber: signs go on", manager.signs(2 * WATCHDOG_S) >= 3)
            dead.close()


def a_stuck_tick_ends_the_signs():
    shim = Path(h.binary()).parent.parent / "tests" / "libmeddle.so"
    if h.INSTRUMENTED or not shim.exists():
        print("  --  skipped: instrumented builds have their own preloads")
        return
    with tempfile.TemporaryDirectory() as folder, Manager(f"{folder}/n") as manager:
        stick = Path(folder) / "stick"
        with watched(manager, LD_PRELOAD=str(shim), STICK=str(stick)):
            daemon = h.Daemon({"dt": "10 ms", "streams": [h.stream("s", 1)]})
            with daemon:
                h.claim("signs while ticks go on", manager.signs(2 * WATCHDOG_S) >= 3)
                stick.touch()
                manager.signs(WATCHDOG_S)  # what was under way
                h.equal("none from a stuck tick, in twice the timeout", manager.signs(2 * WATCHDOG_S), 0)
                h.claim("though the other loop answers", daemon.control("info"))
                h.claim("and has said so", "the ticking thread is stuck" in daemon.log(), daemon.log())
                stick.unlink()
                h.claim("signs again when it goes on", manager.signs(2 * WATCHDOG_S) >= 3)
                stick.touch()
                h.until("it is stuck again", lambda: daemon.log().count("is stuck") == 2)
                daemon.process.send_signal(signal.SIGABRT)  # what the manager does then
                h.equal("the manager's SIGABRT ends it, stuck or not", daemon.wait(), -signal.SIGABRT)
                stick.unlink()
                manager.forget()
                daemon.start()
                h.claim("and it starts again", manager.wait_for("READY"))


h.main(the_course_of_a_life, ready_means_ready, no_start_is_not_ready, a_manager_that_is_not_there,
       idle_is_not_stuck, a_stuck_tick_ends_the_signs)
