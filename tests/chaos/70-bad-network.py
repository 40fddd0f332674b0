#!/usr/bin/python3
"""A subscriber and a sensor behind a bad network: frames get lost, come late, twice and in another order, the link is
slow, or cut and healed. The sensor's rows all arrive, the subscriber loses whole messages or none, and nobody on the
daemon's machine notices.

The network is a pair of namespaces of the test's own with net_relay.py between them.

SPDX-License-Identifier: Apache-2.0
"""
import os
import subprocess
import sys
import time

import chaos as c
from chaos import h

HERE, THERE = "10.77.0.1", "10.77.0.2"
RELAY = str(c.HERE / "net_relay.py")
SENSOR = r"""
import struct, sys, time
import zmq
push = zmq.Context().socket(zmq.PUSH)
push.connect(sys.argv[1])
for seq in range(int(sys.argv[2])):
    push.send_multipart([b"s", struct.pack("<4f", 1, 2, 3, 4), struct.pack("<qQ", time.time_ns(), seq)])
    time.sleep(0.005)
print("sent", flush=True)
sys.stdin.read()  # stays until its rows have arrived: see docs/OPERATING.md, "Bounds"
push.close(0)
"""


def ip(*words, into=()):
    subprocess.run([*into, "ip", *words], check=True)


class Network:
    """This namespace, one in the middle with the relay, and the far one."""

    def __enter__(self):
        self.holders = [subprocess.Popen(["unshare", "--net", "sleep", "1000"], stdin=subprocess.DEVNULL) for _ in range(2)]
        own = os.readlink("/proc/self/ns/net")
        for holder in self.holders:
            h.until("a namespace is there", lambda holder=holder: os.readlink(f"/proc/{holder.pid}/ns/net") != own)
        self.middle, self.far = (["nsenter", f"--net=/proc/{holder.pid}/ns/net"] for holder in self.holders)
        middle_pid, far_pid = (str(holder.pid) for holder in self.holders)
        ip("link", "set", "lo", "up")
        ip("link", "add", "here", "type", "veth", "peer", "name", "left", "netns", middle_pid)
        ip("link", "add", "right", "type", "veth", "peer", "name", "there", "netns", far_pid, into=self.middle)
        for name, address, into in (("here", HERE, ()), ("there", THERE, self.far), ("left", None, self.middle),
                                    ("right", None, self.middle)):
            if address:
                ip("addr", "add", f"{address}/24", "dev", name, into=into)
            subprocess.run([*into, sys.executable, RELAY, "--plain", name], check=True)
            ip("link", "set", name, "up", into=into)
        self.relay = subprocess.Popen([*self.middle, sys.executable, RELAY, "left", "right"], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True)
        self.relay.stdout.readline()
        return self

    def set(self, **how):
        self.relay.stdin.write(" ".join(f"{key}={value}" for key, value in how.items()) + "\n")
        self.relay.stdin.flush()
        return self.relay.stdout.readline().strip()

    def __exit__(self, *_):
        self.relay.kill()
        self.relay.communicate()
        for holder in self.holders:
            holder.kill()
            holder.wait()
        subprocess.run(["ip", "link", "del", "here"], capture_output=True)  # may have gone with its other end


def daemon_on(*streams, **more):
    """A daemon that listens here, on the loopback for the witnesses and on the bad network."""
    ports = h.free_ports(4)
    publish, ingest = f"tcp://127.0.0.1:{ports[0]}", f"tcp://127.0.0.1:{ports[1]}"
    daemon = h.Daemon({**c.PATIENT, **more, "insecure": True, "publish": [publish, f"tcp://{HERE}:{ports[2]}"],
                       "ingest": [ingest, f"tcp://{HERE}:{ports[3]}"], "streams": list(streams)})
    daemon.publish, daemon.ingest = publish, ingest
    daemon.far_publish, daemon.far_ingest = f"tcp://{HERE}:{ports[2]}", f"tcp://{HERE}:{ports[3]}"
    return daemon


def rows_and_frames(what, seconds, worsen, **bad):
    rows = int(seconds / 0.005)
    with Network() as network, daemon_on(h.stream("s", 4, dt="5 ms"), h.stream("local", 16)) as daemon:
        reader = c.Reader(daemon.far_publish, "spikes/s/", hwm=0, prefix=network.far)
        try:
            time.sleep(0.3)
            with c.Calm(daemon, what, "s", "local"):
                network.set(**bad)
                sensor = subprocess.Popen([*network.far, sys.executable, "-c", SENSOR, daemon.far_ingest, str(rows)],
                                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
                worsen(network)
                h.equal(f"{what}: the sensor", sensor.stdout.readline(), "sent\n")
                daemon.wait_rows("s", rows, 30)
                sensor.communicate(timeout=10 * h.SLOW)
                told = network.set(loss=0, delay=0, jitter=0, twice=0, cut=0)
                time.sleep(1)
                seen = reader.end()
            counters = daemon.counters("s")
            h.claim(f"{what}: the network: {told}", int(told.split()[3]) > 0)
            h.equal(f"{what}: of {rows} rows none is lost", (counters["rows"], counters["seq_gaps"]), (rows, 0))
            h.claim(f"{what}: the subscriber there got {seen['messages']} messages, {seen['lost']} lost", seen["lost"] == 0
                    and seen["broken"] == 0 and seen["messages"] > 0.8 * rows, seen)
        finally:
            reader.kill()


def loss_and_delay():
    seconds = 2 * c.FACTOR
    rows_and_frames("loss and delay", seconds, lambda _: None, loss=0.03, delay=0.02, jitter=0.01, twice=0.02)


def a_link_that_is_cut():
    def cut(network):
        for _ in range(c.times(1)):
            time.sleep(0.3)
            network.set(cut=1)
            time.sleep(1)
            network.set(cut=0)
    rows_and_frames("cut for a second", 2 * c.FACTOR, cut, delay=0.001)


def a_link_that_is_too_slow():
    with Network() as network, daemon_on(h.stream("large", 2048, dt="2 ms"), h.stream("local", 16, dt="10 ms"), send_queue=100) as daemon:
        message = 64 + 4 * 2048
        reader = c.Reader(daemon.far_publish, "values/large/", hwm=0, prefix=network.far)
        try:
            time.sleep(0.3)
            with c.Calm(daemon, "a slow link", "local", memory_kb=4096 + 100 * (message + 320) // c.KB):
                network.set(rate=300000, delay=0.01)
                time.sleep(4 * c.FACTOR)
                network.set(rate=0, delay=0)
                time.sleep(1)
                seen = reader.end()
            h.claim(f"a slow link: the subscriber there got {seen['messages']} messages and lost {seen['lost']} in "
                    f"{seen['jumps']} jumps of seq, none in part", seen["lost"] > 0 and seen["broken"] == 0, seen)
        finally:
            reader.kill()


def a_link_that_stays_cut():
    """Longer than the heartbeat's 30 s: the connection is given up, and made anew when the link is back.
    The subscriber has heartbeats and a connect timeout of its own: without them it is not told, or is slow to come back."""
    if c.FACTOR < 10:
        return
    with Network() as network, daemon_on(h.stream("s", 4, dt="5 ms"), h.stream("local", 16)) as daemon:
        reader = c.Reader(daemon.far_publish, "spikes/s/", hwm=0, heartbeat_ms=5000, prefix=network.far)
        try:
            time.sleep(1)
            with c.Calm(daemon, "cut for 45 s", "local"):
                before = daemon.counters()["connections"]
                network.set(cut=1)
                h.until("its connection is given up", lambda: daemon.counters()["connections"] < before, 60, 0.5)
                network.set(cut=0)
                time.sleep(10)
                seen = reader.end()
            h.claim(f"after 45 s it came back: {seen['messages']} messages, {seen['lost']} lost in {seen['jumps']} jumps",
                    seen["jumps"] == 1 and seen["messages"] > 1000, seen)
        finally:
            reader.kill()


if h.INSTRUMENTED:
    print("70-bad-network.py: skipped: it is the network that is slow here")
else:
    c.in_namespaces("net")
    h.main(loss_and_delay, a_link_that_is_cut, a_link_that_is_too_slow, a_link_that_stays_cut)
