#!/usr/bin/python3
"""The library as a stranger gets it: installed, found by pkg-config, linked either way, from C and C++.

usage: installed.py BUILD-FOLDER VERSION [KEYWORD=PROGRAM...], e.g. cmake=cmake cc=gcc cxx=g++

SPDX-License-Identifier: Apache-2.0
"""
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parent / "example.c"
HEADER = Path(__file__).resolve().parents[2] / "encoders/include/spiked/encoders.h"
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]


def run(*command, **env):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          env={**os.environ, **{key: str(value) for key, value in env.items()}})
    if done.returncode != 0:
        sys.exit(f"{shlex.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def declared():
    """What the header offers."""
    return set(re.findall(r"^SPIKED_ENCODERS_API [^(]*?\b(spiked_\w+)\(", HEADER.read_text(), re.M))


def defined(library, *options):
    """Symbols that others can link to."""
    return {line.split()[-1] for line in run("nm", "--defined-only", *options, library).splitlines()
            if len(line.split()) == 3}


def check_symbols(folder):
    wanted = declared()
    for library, options in (("libspiked-encoders.so", ["-D"]), ("libspiked-encoders.a", ["-g"])):
        found = defined(folder / library, *options)
        if found != wanted or len(wanted) < 15:
            sys.exit(f"{library} shows {sorted(found ^ wanted)} more or less than the header")


def build_and_run(folder, compiler, version, static):
    def pkg_config(*options):
        return shlex.split(run("pkg-config", *options, "spiked-encoders", PKG_CONFIG_PATH=folder / "pkgconfig"))

    program = folder / "example"
    flags = pkg_config("--cflags")
    libraries = pkg_config("--libs", *(["--static"] if static else []))
    if static:
        libraries = [f"-l:lib{word[2:]}.a" if word == "-lspiked-encoders" else word for word in libraries]
    run(*compiler, *STRICT, *flags, EXAMPLE, "-o", program, *libraries)
    shown = run(program, LD_LIBRARY_PATH="" if static else folder)
    if shown != f"0 0 1 1 0 0 {version} 5\n":
        sys.exit(f"{shlex.join(compiler)}: printed {shown!r}")
    if ("libspiked" in run("ldd", program, LD_LIBRARY_PATH=folder)) == static:
        sys.exit(f"linked the wrong way, static={static}")


def main():
    build, version = Path(sys.argv[1]), sys.argv[2]
    tools = dict(word.split("=", 1) for word in sys.argv[3:])
    with tempfile.TemporaryDirectory(prefix="spiked-installed-") as prefix:
        run(tools["cmake"], "--install", build, "--component", "encoders", "--prefix", prefix)
        [pc] = Path(prefix).rglob("spiked-encoders.pc")
        # The configured prefix is written in it; a package manager's staging folder is not.
        pc.write_text(re.sub(r"=(/\S*)", lambda m: "=" + relocated(m[1], pc, prefix), pc.read_text()))
        folder = pc.parent.parent
        check_symbols(folder)
        for compiler in ([tools["cc"], "-std=c99"], [tools["cxx"], "-x", "c++", "-std=c++11"]):
            for static in (False, True):
                build_and_run(folder, compiler, version, static)
    print(f"{len(declared())} functions; C and C++, shared and static")


def relocated(path, pc, prefix):
    configured = re.search(r"^prefix=(.*)$", pc.read_text(), re.M)[1]
    return prefix + path.removeprefix(configured)


main()
