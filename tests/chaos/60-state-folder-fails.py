#!/usr/bin/python3
"""The disk of the state folder is full, read-only, gone, or no descriptor is left to open a file: the ticks go on, the
old snapshots stay whole, it is said once and counted, and saving goes on by itself when it can.

The disk is a small tmpfs in a mount namespace of the test's own.

SPDX-License-Identifier: Apache-2.0
"""
import contextlib
import resource
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import chaos as c
from chaos import h

NAMES = ("s", "t")


def mount(*args):
    subprocess.run(["mount", *args], check=True)


@contextlib.contextmanager
def disk():
    """A disk of 256 kB and the folder on it."""
    with tempfile.TemporaryDirectory(prefix="spiked-test-") as folder:
        mount("-t", "tmpfs", "-o", "size=256k", "chaos", folder)
        try:
            yield Path(folder), Path(folder) / "state"
        finally:
            subprocess.run(["umount", "-l", folder], check=True)


def config(state):
    return {**c.PATIENT, "state": {"dir": str(state), "every": "0.1 s"},
            "streams": [h.stream("s", 64), h.stream("t", 1024, ["poisson"])]}


def fill(folder):
    """Leaves no block free."""
    path = folder / "filler"
    with open(path, "ab", buffering=0) as file:
        with contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))
    return path


def only_snapshots(state):
    """Nothing half-written is left lying about."""
    return sorted(p.name for p in state.iterdir() if p.suffix != ".lock" and not p.name.startswith("lock"))


def saves(daemon):
    before = daemon.counters()["state_saved"]
    daemon.wait_counter("state_saved", before + 4)


def broken(what, state, breaks, mends):
    """Snapshots work, then `breaks`, then `mends`, beside ticks that must not notice; then a restart."""
    with h.Daemon(config(state)) as daemon:
        daemon.send_f32("s", *range(64))
        saves(daemon)
        with c.Calm(daemon, what, *NAMES):
            breaks(daemon)
            errors = daemon.counters()["state_errors"]
            daemon.wait_counter("state_errors", errors + 5)
            error = daemon.refused("save")
            h.claim(f"{what}: save is refused: {error.message}", len(error.message) > 20)
            time.sleep(0.5)
            lines = [line for line in daemon.log().splitlines() if " error " in line or " warning " in line]
            h.claim(f"{what}: the log says it in {len(lines)} line(s): {lines[:1]}", 1 <= len(lines) <= 6, daemon.log())
            mends(daemon)
            saves(daemon)
            h.claim(f"{what}: saving goes on by itself", daemon.control("save"))
        h.claim(f"{what}: the folder holds {only_snapshots(state)}", only_snapshots(state) == ["s.state", "t.state"])
        daemon.stop()
        daemon.start()
        h.equal(f"{what}: a restart goes on from there", daemon.counters()["state_restored"], 2)


def the_disk_is_full():
    with disk() as (folder, state):
        broken("disk full", state, lambda _: fill(folder), lambda _: (folder / "filler").unlink())


def the_disk_is_read_only():
    with disk() as (folder, state):
        broken("read-only", state, lambda _: mount("-o", "remount,ro", str(folder)),
               lambda _: mount("-o", "remount,rw", str(folder)))


def no_descriptor_is_left():
    with disk() as (_, state):
        hard = resource.prlimit(0, resource.RLIMIT_NOFILE)[1]
        dealer = []

        def breaks(daemon):
            pid = daemon.process.pid
            dealer.append(daemon.context.socket(h.zmq.REQ))
            dealer[0].connect(daemon.control_at)
            daemon.control_bytes = lambda request, timeout=5: ask(dealer[0], request)
            daemon.control("info")
            time.sleep(0.3)
            limit = c.descriptors(pid)
            # What was open just then for a moment, a snapshot or a parting client, is a spare one now.
            for spare in range(8):
                resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit - spare, hard))
                if not all(saved(daemon) for _ in range(4)):
                    return

        def mends(daemon):
            resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, (hard, hard))
            del daemon.control_bytes
            dealer[0].close()
        broken("no descriptor", state, breaks, mends)


def saved(daemon):
    try:
        return daemon.control("save")
    except h.RpcError:
        return None


def ask(socket, request):
    socket.send(request)
    return socket.recv()


def the_folder_goes():
    with disk() as (_, state):
        with h.Daemon(config(state)) as daemon:
            saves(daemon)
            with c.Calm(daemon, "folder gone", *NAMES):
                shutil.rmtree(state)
                daemon.wait_counter("state_errors", 3)
            daemon.stop()


def full_or_read_only_at_stop_and_start():
    for what, breaks in (("full", fill), ("read-only", lambda folder: mount("-o", "remount,ro", str(folder)))):
        with disk() as (folder, state):
            with h.Daemon(config(state)) as daemon:
                saves(daemon)
                breaks(folder)
                took = daemon.stop()
                h.claim(f"{what}: stops cleanly in {took:.2f} s", True)
                daemon.start()
                h.equal(f"{what}: starts, and from the last snapshot", daemon.counters()["state_restored"], 2)
                daemon.wait_counter("state_errors", 2)


c.in_namespaces("mount")
h.main(the_disk_is_full, the_disk_is_read_only, no_descriptor_is_left, the_folder_goes, full_or_read_only_at_stop_and_start)
