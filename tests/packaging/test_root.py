#!/usr/bin/python3
"""The packages in a fresh Debian: installed, started as the unit says, used, upgraded with state and
changed configuration kept, removed, purged.

  test_root.py FOLDER [ROOT]   FOLDER: what scripts/package has built; ROOT: the test root, made if it
                               is not there (FOLDER/root unless given)

Needs root. Mounts proc in the test root and nothing else; runs in a network namespace of its own.

SPDX-License-Identifier: Apache-2.0
"""
import fcntl
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
NEW = "0.1.0+next"
MIRROR = os.environ.get("SPIKED_MIRROR", "http://deb.debian.org/debian")
WITH = ("libjansson4,libuv1,libyaml-0-2,libzmq5,python3,python3-zmq,python3-cffi-backend,python3-numpy,"
        "procps,systemd,gcc,libc6-dev,pkg-config,libzmq3-dev,libjansson-dev,libyaml-dev")
CLONE_NEWNET = 0x40000000
EXPOSURE = 16  # of 100, as systemd-analyze security counts it
counts = {"passed": 0, "failed": 0}


def claim(text, holds, detail=""):
    counts["passed" if holds else "failed"] += 1
    print(f"  {'ok ' if holds else 'FAILED'} {text}{'' if holds or detail == '' else f': {detail}'}", flush=True)


def alone():
    """A network of our own: the ports of the default configuration may be somebody's out there."""
    import ctypes
    if ctypes.CDLL(None).unshare(CLONE_NEWNET):
        sys.exit("cannot make a network namespace")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        request = struct.pack("16sh14x", b"lo", 1 | 64)  # IFF_UP | IFF_RUNNING
        fcntl.ioctl(sock, 0x8914, request)  # SIOCSIFFLAGS


class Root:
    def __init__(self, path):
        self.path = path

    def make(self):
        done = self.path / ".made"
        if not done.exists():
            print(f"Making a test root in {self.path}", flush=True)
            subprocess.run(["debootstrap", "--variant=minbase", f"--include={WITH}", "bookworm", self.path, MIRROR],
                           check=True, stdout=subprocess.DEVNULL)
            done.touch()
        if not os.path.ismount(self.path / "proc"):
            subprocess.run(["mount", "-t", "proc", "proc", self.path / "proc"], check=True)

    def leave(self):
        for folder in ("sys", "proc"):
            if os.path.ismount(self.path / folder):
                subprocess.run(["umount", self.path / folder], check=False)

    def run(self, *command, **more):
        return subprocess.run(["chroot", self.path, *command], capture_output=True, text=True, timeout=300,
                              env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8",
                                   "DEBIAN_FRONTEND": "noninteractive"}, **more)

    def at(self, path):
        return self.path / path.lstrip("/")

    def mode(self, path):
        """Mode, user and group of a file in it; None if there is none."""
        done = self.run("stat", "-c", "%a %U %G", path)
        return done.stdout.strip() if done.returncode == 0 else None

    def dpkg(self, *arguments):
        done = self.run("dpkg", *arguments)
        claim(f"dpkg {' '.join(a if a.startswith('-') else a.split('/')[-1].split('_')[0] for a in arguments)}",
              done.returncode == 0, (done.stdout + done.stderr)[-3000:])

    def copy_in(self, debs):
        shutil.rmtree(self.at("/debs"), ignore_errors=True)
        self.at("/debs").mkdir()
        for deb in debs:
            shutil.copy(deb, self.at("/debs"))
        return [f"/debs/{deb.name}" for deb in debs]


class Service:
    """The installed unit under tests/packaging/service.py."""

    def __init__(self, root, *unit):
        shutil.copy(HERE / "service.py", root.at("/service.py"))
        self.log = open(root.at("/service.log"), "w+")
        self.process = subprocess.Popen(["chroot", root.path, "/usr/bin/python3", "/service.py", *unit],
                                        stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.first = self.process.stdout.readline()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        rest = self.process.stdout.read()
        return self.process.wait(10), rest

    def status(self):
        """The daemon's own status: the first word of each line."""
        for path in Path("/proc").glob("[0-9]*/status"):
            lines = dict(line.split(":", 1) for line in path.read_text().splitlines())
            if int(lines["PPid"]) == self.process.pid:
                return {name: words.split()[0] for name, words in lines.items() if words.strip()}
        return {}

    def said(self):
        self.log.seek(0)
        return self.log.read()


def later(debs, folder):
    """The same packages with a higher version, and a line more in the configuration."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    made = []
    for deb in debs:
        tree = folder / "tree"
        subprocess.run(["dpkg-deb", "-R", deb, tree], check=True)
        control = tree / "DEBIAN/control"
        control.write_text(re.sub(r"^Version: .*", f"Version: {NEW}", re.sub(
            r"\(= [^)]*\)", f"(= {NEW})", control.read_text()), flags=re.M))
        config = tree / "etc/spiked/spiked.yaml"
        if config.exists():
            config.write_text(config.read_text() + "# a line of the new version\n")
        target = folder / f"{deb.name.split('_')[0]}_{NEW}_any.deb"
        subprocess.run(["dpkg-deb", "--root-owner-group", "-b", tree, target], check=True, stdout=subprocess.DEVNULL)
        shutil.rmtree(tree)
        made.append(target)
    return made


def installed(root, debs):
    root.dpkg("-i", *debs)
    claim("user and group spiked are there, without a shell",
          re.search(r"^spiked:x:\d+:\d+:[^:]*:/var/lib/spiked:/usr/sbin/nologin$",
                    root.at("/etc/passwd").read_text(), re.M))
    for path, wanted in (("/run/spiked", "750 spiked spiked"), ("/var/lib/spiked", "750 spiked spiked"),
                         ("/etc/spiked/keys", "750 root spiked"), ("/etc/spiked/spiked.yaml", "644 root root")):
        claim(f"{path}: {wanted}", root.mode(path) == wanted, root.mode(path))
    claim("the unit is enabled", root.at("/etc/systemd/system/multi-user.target.wants/spiked.service").is_symlink())
    done = root.run("spiked", "--check", "-c", "/etc/spiked/spiked.yaml")
    claim(f"the configuration is fine: {done.stdout.strip()}", done.returncode == 0, done.stderr)
    for unit in ("spiked.service", "spiked@left.service"):
        done = root.run("systemd-analyze", "verify", "--man=no", f"/lib/systemd/system/{unit}")
        lines = [line for line in done.stderr.splitlines() if "spiked" in line]
        claim(f"systemd-analyze verify {unit}", not lines, lines)
        done = root.run("systemd-analyze", "security", "--offline=yes", "--no-pager", f"--threshold={EXPOSURE}",
                        f"/lib/systemd/system/{unit}")
        claim(f"systemd-analyze security: {(done.stdout.strip() or done.stderr).splitlines()[-1].strip()}",
              done.returncode == 0, done.stderr)


def used(root):
    service = Service(root, "/lib/systemd/system/spiked.service")
    claim(f"started: {service.first.strip()}", service.first.startswith("READY=1"), service.said())
    done = root.run("spikectl", "--json", "status")
    claim("spikectl reaches it", done.returncode == 0 and json.loads(done.stdout), done.stderr)
    feeder = subprocess.Popen(["chroot", root.path, "spikectl", "pub", "host", "--host", "--seconds", "4"])
    done = root.run("spikectl", "sub", "host", "--count", "200", "--seconds", "5", "--json")
    claim("spikes come", len(done.stdout.splitlines()) >= 200, done.stderr)
    done = root.run("python3", "-c", "import spiked\nwith spiked.Receiver('spikes/host/', timeout=3) as frames:\n"
                                     "    print('tick', frames.recv().tick)")
    claim(f"python3-spiked receives them: {done.stdout.strip()[:60]}", done.returncode == 0, done.stderr[-800:])
    done = root.run("python3", "-c", "import spiked, numpy\n"
                                     "print(spiked.encode('lif', numpy.full((100, 2), 2, 'f4')).sum())")
    claim(f"and encodes with libspiked-encoders: {done.stdout.strip()} spikes",
          done.returncode == 0 and int(done.stdout) > 0, done.stderr[-800:])
    done = root.run("spiked-convert", "--help")
    claim("spiked-convert is there", done.returncode == 0 and ".mcap" in done.stdout, done.stderr[-800:])
    feeder.wait()
    status = service.status()
    claim("it is user spiked, without capabilities",
          status["CapEff"] == "0000000000000000" and status["Uid"] == root.run("id", "-u", "spiked").stdout.strip(),
          status)
    code, rest = service.stop()
    claim("stopped: STOPPING said, exit status 0", code == 0 and "STOPPING=1" in rest, (code, rest, service.said()))


def instance(root):
    """The template: a second daemon with its own configuration and folder."""
    text = root.at("/etc/spiked/spiked.yaml").read_text()
    for a, b in (("7570", "7580"), ("7571", "7581"), ("7572", "7582"), ("/var/lib/spiked", "/var/lib/spiked/left")):
        text = text.replace(a, b)
    root.at("/etc/spiked/left.yaml").write_text(text)
    both = [Service(root, "/lib/systemd/system/spiked.service")]
    script = HERE / "service.py"
    code = script.read_text().replace("@spiked-packaging-test", "@spiked-packaging-test-2")
    root.at("/service2.py").write_text(code)
    second = subprocess.Popen(["chroot", root.path, "python3", "/service2.py", "/lib/systemd/system/spiked@.service",
                               "left"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    claim("spiked@left runs beside spiked", second.stdout.readline().startswith("READY=1"))
    claim("with a folder of its own", root.mode("/var/lib/spiked/left") == "750 spiked spiked")
    second.send_signal(signal.SIGTERM)
    claim("and stops", second.wait(10) == 0)
    claim("as the other does", both[0].stop()[0] == 0)
    root.at("/etc/spiked/left.yaml").unlink()


def programs_build(root):
    for name in ("clients/c/examples/print_spikes.c", "tests/library/example.c"):
        shutil.copy(HERE.parent.parent / name, root.at("/"))
    for source, module in (("print_spikes.c", "spiked-client"), ("example.c", "spiked-encoders")):
        for kind, flags in (("", f"$(pkg-config --cflags --libs {module})"),
                            (" and its archive", f"-l:lib{module}.a -lzmq -ljansson -lyaml")):
            done = root.run("sh", "-c", f"cc -o /example /{source} {flags} -lm && ldd /example | grep -c libspiked")
            claim(f"a program builds with {module}{kind}", done.stdout.strip() == ("0" if kind else "1"),
                  done.stderr[-1500:])


def upgraded(root, debs):
    root.run("setpriv", "--reuid=spiked", "--regid=spiked", "--clear-groups", "sh", "-c",
             "echo kept > /var/lib/spiked/marker")
    state = sorted(path.name for path in root.at("/var/lib/spiked").iterdir())
    config = root.at("/etc/spiked/spiked.yaml")
    config.write_text(config.read_text().replace("every: 10 s", "every: 20 s"))
    mine = config.read_text()
    root.dpkg("--force-confold", "-i", *debs)
    done = root.run("dpkg-query", "-W", "-f", "${Version}", "spiked")
    claim(f"version {done.stdout}", done.stdout == NEW)
    claim("the changed configuration is as it was", config.read_text() == mine)
    claim("with the new one beside it", root.at("/etc/spiked/spiked.yaml.dpkg-dist").exists())
    claim(f"state is as it was: {state}",
          sorted(path.name for path in root.at("/var/lib/spiked").iterdir()) == state and "marker" in state)
    service = Service(root, "/lib/systemd/system/spiked.service")
    claim("starts again", service.first.startswith("READY=1"), service.said())
    stats = json.loads(root.run("spikectl", "--json", "stats").stdout)
    claim("from the state that the old version left", stats["daemon"]["counters"]["state_restored"] == 1, service.said())
    claim("and stops", service.stop()[0] == 0)


def removed(root):
    root.dpkg("-r", "spiked")
    claim("removed: configuration and state stay",
          root.at("/etc/spiked/spiked.yaml").exists() and root.at("/var/lib/spiked/marker").exists())
    claim("and nothing of the program", not root.at("/usr/bin/spiked").exists())
    root.dpkg("--purge", "spiked", "spiked-tools", "python3-spiked", "libspiked-dev", "libspiked-decode0",
              "libspiked-client0", "libspiked-encoders0")
    left = root.run("sh", "-c", "find / -xdev \\( -path /proc -o -path /debs \\) -prune -o -name '*spiked*' -print"
                                " 2>/dev/null").stdout.split()
    claim("purged: nothing of it is left", not left, left)


def main(folder, where=None):
    if os.geteuid() != 0:
        sys.exit("needs root")
    folder = Path(folder).resolve()
    debs = sorted(deb for deb in folder.glob("*.deb") if "-dbgsym_" not in deb.name)
    if not debs:
        sys.exit(f"no packages in {folder}; scripts/package {folder} builds them")
    root = Root(Path(where).resolve() if where else folder / "root")
    root.make()
    alone()
    began = time.monotonic()
    try:
        root.run("dpkg", "--purge", *{deb.name.split("_")[0] for deb in debs})  # of a run that was cut off
        installed(root, root.copy_in(debs))
        used(root)
        instance(root)
        programs_build(root)
        upgraded(root, root.copy_in(later(debs, folder / "later")))
        removed(root)
    finally:
        root.leave()
        shutil.rmtree(folder / "later", ignore_errors=True)
    print(f"{time.monotonic() - began:.0f} s\n{counts['passed']} passed, {counts['failed']} failed")
    sys.exit(1 if counts["failed"] else 0)


main(*sys.argv[1:])
