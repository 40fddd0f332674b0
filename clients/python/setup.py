"""The wheel's build: libspiked-encoders is compiled from the sources around this folder and put into the
package, for pyproject.toml says everything else.

Without CMake, a C compiler or libyaml the package is built all the same, without the library: sending,
receiving and control do not need it. SPIKED_ENCODERS=require makes that an error, SPIKED_ENCODERS=none
does not try.

SPDX-License-Identifier: Apache-2.0
"""
import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.build import build
from setuptools.command.build_py import build_py
from setuptools.command.egg_info import egg_info

try:
    from setuptools.command.bdist_wheel import bdist_wheel
except ImportError:  # setuptools before 70
    from wheel.bdist_wheel import bdist_wheel

HERE = Path(__file__).resolve().parent
SONAME = "libspiked-encoders.so.0"
WISH = os.environ.get("SPIKED_ENCODERS", "")
if WISH not in ("", "require", "none"):
    sys.exit(f"SPIKED_ENCODERS is require, none or not set, not '{WISH}'")


class NotBuilt(Exception):
    """Why there is no library."""


def compile_library(folder):
    """The library's file, built below `folder`."""
    if WISH == "none":
        raise NotBuilt("SPIKED_ENCODERS was none")
    if not shutil.which("cmake"):
        raise NotBuilt("there was no cmake")
    generator = ["-G", "Ninja"] if shutil.which("ninja") else []
    for command in (["cmake", "-S", HERE / "library", "-B", folder, *generator],
                    ["cmake", "--build", folder, "--target", "wheel", "--parallel", str(os.cpu_count() or 1)]):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            print(done.stdout, file=sys.stderr)
            wrong = [line.strip() for line in done.stdout.splitlines() if line.strip()
                     and not line.startswith(("CMake Error", "--", "["))]
            raise NotBuilt(f"`{command[0]} {command[1]}` failed: {wrong[0] if wrong else 'see its output'}")
    return Path(folder) / "lib" / SONAME


class WithLibrary(Distribution):
    def has_ext_modules(self):
        return WISH != "none"


# Nothing is left in the source tree, and nothing old is taken from it.
ELSEWHERE = tempfile.mkdtemp(prefix="spiked-build-")
atexit.register(shutil.rmtree, ELSEWHERE, ignore_errors=True)


class BuildElsewhere(build):
    def initialize_options(self):
        super().initialize_options()
        self.build_base = ELSEWHERE


class DescribeElsewhere(egg_info):
    def initialize_options(self):
        super().initialize_options()
        self.egg_base = ELSEWHERE


class BuildWithLibrary(build_py):
    """Copies the library beside the modules, or the reason why it is missing."""

    def run(self):
        super().run()
        if self.editable_mode:
            return
        target = Path(self.build_lib) / "spiked" / "_lib"
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        with tempfile.TemporaryDirectory(prefix="spiked-wheel-") as folder:
            try:
                shutil.copyfile(compile_library(folder), target / SONAME)
            except NotBuilt as reason:
                if WISH == "require":
                    sys.exit(f"libspiked-encoders was not built: {reason}")
                print(f"warning: built without libspiked-encoders: {reason}", file=sys.stderr)
                (target / "missing.txt").write_text(f"{reason}\n")


class PlatformWheel(bdist_wheel):
    """Any Python 3, one platform: the library is called by ctypes."""

    def get_tag(self):
        return "py3", "none", super().get_tag()[2]


setup(distclass=WithLibrary,
      cmdclass={"build": BuildElsewhere, "build_py": BuildWithLibrary, "bdist_wheel": PlatformWheel,
                "egg_info": DescribeElsewhere})
