#!/usr/bin/python3
"""Runs a command as its installed unit says, where no systemd runs: user, groups, limits, umask, no
capability, no new privileges, the notify protocol. What takes a mount or a cgroup is left out.

  service.py UNIT [INSTANCE]   prints READY, then each status; stops on SIGTERM; exit status: the daemon's

SPDX-License-Identifier: Apache-2.0
"""
import os
import resource
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path

LIMITS = {"LimitRTPRIO": resource.RLIMIT_RTPRIO, "LimitMEMLOCK": resource.RLIMIT_MEMLOCK,
          "LimitNOFILE": resource.RLIMIT_NOFILE}
NOTIFY = "@spiked-packaging-test"


def settings(path, instance):
    found = {}
    for line in Path(path).read_text().splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith(("#", "[")):
            found[name] = value.replace("%i", instance)
    return found


def limit(name, value):
    wanted = resource.RLIM_INFINITY if value == "infinity" else int(value)
    try:
        resource.setrlimit(LIMITS[name], (wanted, wanted))
    except (ValueError, OSError) as error:
        print(f"  --  {name}={value}: {error}", file=sys.stderr, flush=True)


def main(path, instance=""):
    unit = settings(path, instance)
    if unit["Type"] != "notify":
        sys.exit(f"{path}: Type={unit['Type']}")
    for name in LIMITS:
        if name in unit:
            limit(name, unit[name])
    for folder in unit["StateDirectory"].split():
        where = Path("/var/lib") / folder
        where.mkdir(mode=int(unit["StateDirectoryMode"], 8), exist_ok=True)
        subprocess.run(["chown", f"{unit['User']}:{unit['Group']}", where], check=True)
    os.umask(int(unit["UMask"], 8))
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(NOTIFY.replace("@", "\0"))
    watchdog_us = int(unit["WatchdogSec"].removesuffix("s")) * 1_000_000
    daemon = subprocess.Popen(
        ["setpriv", f"--reuid={unit['User']}", f"--regid={unit['Group']}", "--init-groups", "--no-new-privs",
         "--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all", *shlex.split(unit["ExecStart"])],
        env={"PATH": "/usr/bin:/bin", "NOTIFY_SOCKET": NOTIFY, "WATCHDOG_USEC": str(watchdog_us)}, cwd="/")
    signal.signal(signal.SIGTERM, lambda *_: daemon.terminate())
    manager.settimeout(0.2)
    while daemon.poll() is None:
        try:
            said = manager.recv(4096).decode()
        except TimeoutError:
            continue
        print(said.replace("\n", " "), flush=True)
    sys.exit(daemon.returncode)


main(*sys.argv[1:])
