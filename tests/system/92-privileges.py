#!/usr/bin/python3
"""Root is given up for good, in every thread, with what was granted kept; a sandboxed daemon writes
nowhere but where its configuration says.

SPDX-License-Identifier: Apache-2.0
"""
import contextlib
import grp
import os
import pwd
import sys
import tempfile
from pathlib import Path

import harness as h

USER = "daemon"  # every Debian has it
FIFO = 1


def threads(daemon):
    """{thread's name: {line of its status: words}}, policy and priority included."""
    found = {}
    for task in Path(f"/proc/{daemon.process.pid}/task").iterdir():
        lines = dict(line.split(":", 1) for line in (task / "status").read_text().splitlines())
        after_name = (task / "stat").read_text().rsplit(")", 1)[1].split()
        found[lines["Name"].strip()] = {
            **{name: words.split() for name, words in lines.items()},
            "policy": int(after_name[38]), "priority": int(after_name[37])}
    return found


def root_is_given_up_in_every_thread():
    who = pwd.getpwnam(USER)
    groups = sorted({who.pw_gid, *(g.gr_gid for g in grp.getgrall() if USER in g.gr_mem)})
    with h.Daemon({"user": USER, "streams": [h.stream("s", 2)]}) as daemon:
        all_threads = threads(daemon)
        h.claim(f"threads: {', '.join(sorted(all_threads))}", "spiked-hot" in all_threads and len(all_threads) >= 4)
        for name, status in all_threads.items():
            h.equal(f"{name}: user", status["Uid"], [str(who.pw_uid)] * 4)
            h.equal(f"{name}: group", status["Gid"], [str(who.pw_gid)] * 4)
            h.equal(f"{name}: supplementary groups", sorted(map(int, status["Groups"])), groups)
            for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
                h.equal(f"{name}: {kind}", int(status[kind][0], 16), 0)
            h.equal(f"{name}: no new privileges", status["NoNewPrivs"], ["1"])
        sub = daemon.sub("spikes/s/")
        daemon.send_f32("s", 1, 1)
        daemon.wait_rows("s", 1)
        h.claim("rows come in, frames go out", sub.recv())


def what_was_granted_stays():
    config = {"user": USER, "realtime": {"priority": 10, "lock_memory": True}, "streams": [h.stream("s", 2)]}
    with h.Daemon(config) as daemon:
        granted = daemon.control("info")["realtime"]
        if granted["priority"]:
            hot = threads(daemon)["spiked-hot"]
            h.equal("the hot thread is SCHED_FIFO 10", (hot["policy"], hot["priority"]), (FIFO, 10))
        # More than the 8 MiB that a user may lock: had at start by root, and needed later.
        for i in range(12):
            daemon.control("add", stream=h.stream(f"big{i}", 200_000))
        daemon.send_f32("s", 1, 2)
        daemon.wait_rows("s", 1)
        h.claim("memory is still to be had after locking it", daemon.control("streams"))


def who_cannot_be_become():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "c.yaml"
        ports = h.free_ports(3)
        ends = [f"tcp://127.0.0.1:{port}" for port in ports]
        path.write_text(h.config_text({"user": "no-such-user", "streams": []}, ingest=[ends[0]],
                                      publish=[ends[1]], control=ends[2]))
        done = h.run("-c", str(path))
        h.equal("an unknown user: no start", done.returncode, 3)
        h.claim("says what to do", "useradd --system" in done.stderr, done.stderr)
    with h.Daemon({"streams": [h.stream("s", 1)]}) as daemon:
        h.claim("root without `user` is told of it", "running as root" in daemon.log(), daemon.log())


def trespass(sandbox, place):
    """Whether a file could be made at `place` by the hot thread of a sandboxed daemon, or of another."""
    shim = Path(h.binary()).parent.parent / "tests" / "libmeddle.so"
    os.environ.update(LD_PRELOAD=str(shim), TRESPASS=str(place / "file"))
    try:
        daemon = h.Daemon({"sandbox": sandbox, "dt": "5 ms", "streams": [h.stream("s", 1)]})
        with daemon:
            os.environ["LD_PRELOAD"] = ""
            h.until("ticks run", lambda: daemon.counters("s")["ticks"] > 3)
    finally:
        os.environ.pop("LD_PRELOAD")
        os.environ.pop("TRESPASS")
    made = (place / "file").exists()
    with contextlib.suppress(FileNotFoundError):
        (place / "file").unlink()
    return made


def no_file_outside():
    if h.INSTRUMENTED:
        print("  --  skipped: instrumented builds have their own preloads")
        return
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        h.claim("without the sandbox a stray write would go through", trespass(False, place))
        h.claim("in it the kernel refuses it", not trespass(True, place))
        end = f"ipc://{folder}/in"
        for again in ("made", "removed and made again"):
            with h.Daemon({"sandbox": True, "ingest": [end], "streams": [h.stream("s", 1)]}) as daemon:
                daemon.ingest = end
                daemon.send_f32("s", 1)
                daemon.wait_rows("s", 1)
                h.claim(f"the file of an ipc endpoint is {again} in it", (place / "in").is_socket())
                daemon.kill()


def state_is_kept_by_the_user_in_the_sandbox():
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)  # the folder in it is root's to make
        for sandbox in (False, True):
            place = Path(folder) / f"state-{sandbox}"
            if sandbox:
                place.mkdir()
                os.chown(place, pwd.getpwnam(USER).pw_uid, -1)
            with h.Daemon({"user": USER, "sandbox": sandbox, "state": {"dir": str(place)},
                           "streams": [h.stream("s", 2)]}) as daemon:
                daemon.control("save")
                daemon.stop()
                daemon.start()
                h.equal("restored after a restart", daemon.counters()["state_restored"], 1)
                owners = {path.owner() for path in [place, *place.iterdir()]}
            h.equal(f"state folder and files, sandbox {sandbox}: the user's", owners, {USER})


def a_reload_works_without_root():
    config = {"user": USER, "sandbox": True, "streams": [h.stream("s", 2)]}
    with h.Daemon(config) as daemon:
        os.chmod(daemon.folder.name, 0o755)  # the user has to read the file
        more = {**config, "streams": [h.stream("s", 2), h.stream("t", 1)]}
        ends = {"ingest": [daemon.ingest], "publish": [daemon.publish], "control": daemon.control_at}
        daemon.path.write_text(h.config_text(more, **ends))
        daemon.control("reload")
        daemon.send_f32("t", 1)
        daemon.wait_rows("t", 1)
        h.claim("a stream was added", True)
        for key, value in (("user", "nobody"), ("sandbox", False)):
            daemon.path.write_text(h.config_text({**more, key: value}, **ends))
            error = daemon.refused("reload")
            h.claim(f"{key} needs a restart", "restart" in error.message, error.message)


if os.geteuid() != 0:
    print(f"{Path(sys.argv[0]).name}: skipped: needs root")
    sys.exit(0)
h.main(root_is_given_up_in_every_thread, what_was_granted_stays, who_cannot_be_become, no_file_outside,
       state_is_kept_by_the_user_in_the_sandbox, a_reload_works_without_root)
