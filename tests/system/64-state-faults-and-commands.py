#!/usr/bin/python3
"""Snapshots that do not fit or are damaged, disks that refuse, and the methods save and restore: spiked
always runs, says what is the matter, and keeps what it can.

SPDX-License-Identifier: Apache-2.0
"""
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import harness as h

LIF = h.stream("a", 2, [{"lif": {"v_th": 100}}])
POISSON = h.stream("b", 2, ["poisson"])


def config(folder, *streams, **state):
    return {"clock": "manual", "streams": list(streams), "state": {"dir": str(folder), "every": "24 h", **state}}


class Folder(tempfile.TemporaryDirectory):
    """A folder for the state, as a path; it is not there yet."""

    def __enter__(self):
        return Path(super().__enter__()) / "state"


def made(folder):
    """Snapshots of a and b at tick 5; gives a's voltages at the ticks 5 to 9."""
    with h.Daemon(config(folder, LIF, POISSON)) as daemon:
        sub = daemon.sub("state/a/")
        daemon.send_f32("a", 30, 60)
        daemon.send_f32("b", 1, 0.5)
        daemon.wait_rows("a", 1)
        daemon.wait_rows("b", 1)
        daemon.step(5)
        daemon.control("save")
        daemon.step(5)
        voltages = [m[2] for m in sub.take(10)][5:]
        daemon.kill()
    return voltages


def first_tick(daemon, *names):
    """Flags of each stream's next tick, and the voltages of a, if it has some."""
    topics = [f"values/{name}/" for name in names or "a"]
    sub = daemon.sub("state/a/", *topics)
    daemon.step(1)
    flags, voltages = {}, None
    while len(flags) < len(topics):
        topic, head, payload = sub.recv()
        if topic == "state/a/":
            voltages = payload
        else:
            flags[topic] = head["flags"]
    sub.close()
    return (*(flags[topic] for topic in topics), voltages)


def what_differs_is_said_and_only_that_stream_begins_anew():
    cases = [
        ("channels", h.stream("a", 3, ["lif"]), "2 channels and the stream 3"),
        ("the encoder", h.stream("a", 2, ["poisson"]), "another encoder than poisson"),
        ("one stage more", h.stream("a", 2, ["lif", {"drop": {"p": 0.3}}]), "1 stages"),
        ("a window", h.stream("a", 2, ["lif"], window=5), "window"),
    ]
    with Folder() as folder:
        voltages = made(folder)
        with tempfile.TemporaryDirectory() as keep:
            for number, (what, stream, words) in enumerate(cases):
                copy = Path(keep) / str(number)
                shutil.copytree(folder, copy)
                with h.Daemon(config(copy, stream, POISSON)) as daemon:
                    h.claim(f"{what}: said", words in daemon.log(), daemon.log())
                    counters = daemon.counters()
                    h.equal(f"{what}: b goes on, a does not", (counters["state_restored"], counters["state_refused"]), (1, 1))
                    h.equal("a begins anew, b is restored", [bool(flags & h.RESTORED) for flags in first_tick(daemon, "a", "b")[:2]], [False, True])
                h.claim("and the file is kept", (copy / "a.state.aside1").exists())
                (copy / "a.state.aside1").rename(copy / "a.state")
                with h.Daemon(config(copy, LIF, POISSON)) as daemon:
                    h.equal("renamed back, it fits again", first_tick(daemon), (h.RESTORED, voltages[0]))
        with h.Daemon(config(folder, h.stream("a", 2, [{"lif": {"v_th": 1}}]), POISSON)) as daemon:
            flags, payload = first_tick(daemon)
            h.equal("another threshold keeps the state: both fire at once", (flags, h.floats(payload)), (h.RESTORED, [0, 0]))
        with h.Daemon(config(folder, POISSON)) as daemon:
            h.equal("a stream that is not configured", daemon.counters()["state_restored"], 1)
        h.claim("leaves its file where it is", (folder / "a.state").exists())


def damaged_files_are_kept_aside():
    with Folder() as folder:
        made(folder)
        whole = (folder / "a.state").read_bytes()
        cases = {"zeros": bytes(len(whole)), "empty": b"", "half": whole[:len(whole) // 2], "grown": whole + b"x",
                 "foreign": b"#!/bin/sh\n" * 100, "flipped": whole[:300] + bytes([whole[300] ^ 4]) + whole[301:],
                 "of another version": whole[:8] + b"\x63" + whole[9:],
                 "b's": (folder / "b.state").read_bytes()}
        for name, content in cases.items():
            for old in folder.glob("*.aside*"):
                old.unlink()
            (folder / "a.state").write_bytes(content)
            with h.Daemon(config(folder, LIF, POISSON)) as daemon:
                if daemon.counters()["state_refused"] != 1 or first_tick(daemon)[0] & h.RESTORED:
                    raise h.Failed(f"{name}: not refused")
                if "state of 'a': begins anew" not in daemon.log():
                    raise h.Failed(f"{name}: not said:\n{daemon.log()}")
            if (folder / "a.state.aside1").read_bytes() != content:
                raise h.Failed(f"{name}: not kept")
        h.claim(f"{', '.join(cases)}: each is said, kept aside, and a begins anew", True)
        for _ in range(6):
            (folder / "a.state").write_bytes(b"noise")
            with h.Daemon(config(folder, LIF, POISSON)):
                pass
        h.equal("no more than three", sorted(p.name for p in folder.glob("*aside*")),
                [f"a.state.aside{i}" for i in (1, 2, 3)])
        (folder / "a.state").unlink()
        (folder / "a.state").mkdir()
        with h.Daemon(config(folder, LIF, POISSON)) as daemon:
            h.equal("a folder in its place", daemon.counters()["state_refused"], 1)


def save_and_restore_by_hand():
    with Folder() as folder, h.Daemon(config(folder, LIF, POISSON)) as daemon:
        sub = daemon.sub("state/a/", "spikes/b/")
        daemon.send_f32("a", 30, 60)
        daemon.send_f32("b", 1, 0.5)
        daemon.wait_rows("a", 1)
        daemon.wait_rows("b", 1)
        h.equal("no snapshot yet", daemon.refused("restore").code, -32005)
        daemon.step(4)
        h.equal("save all", sorted((s["stream"], s["tick"]) for s in daemon.control("save")["saved"]), [("a", 4), ("b", 4)])
        daemon.step(5)
        first = split(sub.take(18), 4)
        daemon.send_f32("a", 1, 1)
        daemon.wait_rows("a", 2)
        h.equal("restore one", daemon.control("restore", name="a"), {"restored": [{"stream": "a", "tick": 9}], "failed": []})
        daemon.step(5)
        messages = sub.take(10)
        h.equal("a runs the same ticks again, on the values of then", split(messages, 9)["state/a/"], first["state/a/"])
        h.equal("with numbers that go on, flagged once",
                [(m[1]["tick"], m[1]["flags"]) for m in messages if m[0] == "state/a/"],
                [(9, h.RESTORED), (10, 0), (11, 0), (12, 0), (13, 0)])
        h.claim("b was left alone", not any(m[1]["flags"] for m in messages if m[0] == "spikes/b/"))
        h.equal("restore all", len(daemon.control("restore")["restored"]), 2)
        daemon.step(5)
        again = split(sub.take(10), 14)
        h.equal("random numbers too", again, first)
        h.equal("an unknown stream", daemon.refused("save", name="x").path, "name")
        (folder / "b.state").write_bytes(b"")
        answer = daemon.control("restore")
        h.equal("one that is damaged does not hinder the other",
                ([r["stream"] for r in answer["restored"]], [f["stream"] for f in answer["failed"]]), (["a"], ["b"]))
        h.claim("what is known of a", daemon.control("stream", name="a")["state"]["restored"]["ticks"] == 4)
        daemon.control("save")
        daemon.control("remove", name="a")
        h.equal("remove takes the file along", sorted(p.name for p in folder.iterdir()), ["b.state", "b.state.aside1"])
        daemon.control("add", stream=LIF)
        h.equal("a new one begins anew", first_tick(daemon)[0] & h.RESTORED, 0)
    with h.Daemon({"clock": "manual", "streams": [LIF]}) as daemon:
        error = daemon.refused("save")
        h.claim("without `state`, save says what to do", error.code == -32005 and "state: {dir" in error.message)


def spikectl_does_the_same():
    program = os.environ.get("SPIKECTL_BIN") or Path(h.binary()).with_name("spikectl")
    with Folder() as folder, h.Daemon(config(folder, LIF, POISSON)) as daemon:
        def run(*words):
            result = subprocess.run([program, *words, "--control", daemon.control_at], capture_output=True, text=True,
                                    timeout=20 * h.SLOW)
            return result.returncode, result.stdout, result.stderr
        h.equal("save", run("save"), (0, "2 saved\n", ""))
        h.equal("restore", run("restore", "a"), (0, "1 restored\n", ""))
        (folder / "b.state").write_bytes(b"x")
        code, out, error = run("restore")
        h.claim("what failed is said, and the exit status says it too",
                code == 1 and out == "1 restored\n" and "b: not restored: the file is not a snapshot" in error, error)


def split(messages, begin):
    result = {}
    for topic, head, payload in messages:
        if head["tick"] >= begin:
            result.setdefault(topic, []).append(payload)
    return result


def rounds_come_by_themselves():
    with Folder() as folder, h.Daemon({**config(folder, LIF, POISSON, every="0.1 s"), "clock": "wall"}) as daemon:
        daemon.wait_counter("state_saved", 6)
        h.claim("and info tells of the last one", daemon.control("info")["state"]["saved_ns"] > 0)
        h.equal("without a fault", daemon.counters()["state_errors"], 0)


def a_folder_that_is_refused_does_not_stop_anything():
    with Folder() as folder:
        folder.write_text("a file")
        with h.Daemon(config(folder, LIF)) as daemon:
            h.claim("a file in its place: said, and spiked runs", "Not a directory" in daemon.log())
            error = daemon.refused("save")
            h.claim("save says it too", error.code == -32005 and "Not a directory" in error.message)
            h.equal("counted", daemon.counters()["state_errors"], 1)
            folder.unlink()
            h.equal("once it can be made, it is", len(daemon.control("save")["saved"]), 1)
    with Folder() as folder, h.Daemon(config(folder, LIF)) as daemon:
        with h.Daemon(config(folder, LIF)) as second:
            h.claim("a second daemon may not have it, and runs", "another spiked keeps its state" in second.log())
        h.claim("the first one keeps it", daemon.control("save")["saved"])


def check_opens_nothing():
    with Folder() as folder:
        path = folder.with_name("c.yaml")
        path.write_text(h.config_text(config(folder, LIF)))
        result = h.run("--check", "-c", str(path))
        h.equal("fine, without a warning", (result.returncode, result.stderr), (0, ""))
        h.claim("no folder was made", not folder.exists())
        made(folder)
        os.chmod(folder, 0o700)
        before = {p.name: (p.stat().st_mtime_ns, p.stat().st_ino) for p in [folder, *folder.iterdir()]}
        (folder / "a.state").write_bytes(b"damaged")
        before["a.state"] = ((folder / "a.state").stat().st_mtime_ns, (folder / "a.state").stat().st_ino)
        h.run("--check", "-c", str(path))
        h.equal("nor is one touched", {p.name: (p.stat().st_mtime_ns, p.stat().st_ino) for p in [folder, *folder.iterdir()]},
                before)


def full_and_read_only_disks():
    disk = Path(h.binary()).parent.parent / "tests" / "libbad_disk.so"
    if h.INSTRUMENTED or not disk.exists():
        print("  --  skipped: nothing can be preloaded into instrumented builds")
        return
    with Folder() as folder:
        fault = folder.with_name("fault")
        os.environ.update(LD_PRELOAD=str(disk), BAD_DISK_DIR=str(folder), BAD_DISK_FAULT=str(fault))
        try:
            daemon = h.Daemon({**config(folder, LIF, POISSON, every="0.1 s"), "clock": "wall"})
            with daemon:
                os.environ.pop("LD_PRELOAD")
                disk_trouble(daemon, folder, fault)
        finally:
            for key in ("LD_PRELOAD", "BAD_DISK_DIR", "BAD_DISK_FAULT"):
                os.environ.pop(key, None)


def disk_trouble(daemon, folder, fault):
    daemon.wait_counter("state_saved", 2)
    sub = daemon.sub("state/a/")
    for text, words in (("28 W", "No space left"), ("30 C", "Read-only"), ("5 S", "Input/output"), ("28 R", "No space left"),
                        ("5 D", "Input/output")):
        good = {p.name: p.read_bytes() for p in folder.iterdir()} if text[-1] != "D" else None
        fault.write_text(text)
        errors = daemon.counters()["state_errors"]
        daemon.wait_counter("state_errors", errors + 1)
        answer = daemon.control_bytes(b'{"jsonrpc": "2.0", "id": 1, "method": "save"}')
        if text[-1] != "D" and words.encode() not in answer:
            raise h.Failed(f"{text}: save answers {answer}")
        info = daemon.control("info")["state"]
        if words not in (info["error"] or ""):
            raise h.Failed(f"{text}: info says {info}")
        if good and sorted(p.name for p in folder.iterdir() if not p.name.endswith(".new")) != sorted(good):
            raise h.Failed(f"{text}: {list(folder.iterdir())}")
        fault.unlink()
        saved = daemon.counters()["state_saved"]
        daemon.wait_counter("state_saved", saved + 2)
        h.until("the error is forgotten", lambda: daemon.control("info")["state"]["error"] is None)
    h.claim("full, read-only and broken disks are counted, told, and got over", True)
    lines = daemon.log().count("were not written")
    h.claim(f"{lines} lines in the log for some {daemon.counters()['state_errors']} faults", lines <= 5)
    last = None
    for _, head, _ in sub.take(1000):
        if last is not None and head["seq"] != last + 1:
            raise h.Failed(f"seq jumps from {last} to {head['seq']}")
        last = head["seq"]
    h.claim("and no frame was missed", last is not None)


h.main(what_differs_is_said_and_only_that_stream_begins_anew, damaged_files_are_kept_aside, save_and_restore_by_hand,
       spikectl_does_the_same,
       rounds_come_by_themselves, a_folder_that_is_refused_does_not_stop_anything, check_opens_nothing,
       full_and_read_only_disks)
