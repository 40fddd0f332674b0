"""The wheel: built from the source tree, installed into a fresh virtual environment, used from there.
Without pip, setuptools, wheel or CMake these tests are skipped.

SPDX-License-Identifier: Apache-2.0
"""
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from support import ROOT

CODE = """
import sys, numpy, spiked
from spiked import _library
print(spiked.__file__)
try:
    spikes = spiked.encode([{"lif": {"v_th": 0.05}}], numpy.linspace(0, 1, 300))
except spiked.LibraryMissing as error:
    print(error)
    sys.exit()
print([path for path in open("/proc/self/maps").read().split() if "libspiked-encoders" in path][0])
print(int(spikes.sum()))
print("libyaml" in open("/proc/self/maps").read())
"""


def missing():
    names = [name for name in ("pip", "setuptools", "wheel", "venv") if importlib.util.find_spec(name) is None]
    return names + [name for name in ("cmake", "cc") if not shutil.which(name)]


@unittest.skipIf(missing(), f"not installed: {', '.join(missing())}")
class Wheel(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="spiked-wheel-test-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        # What is around must not help: neither the source tree nor an installed library.
        self.env = {key: value for key, value in os.environ.items()
                    if key not in ("PYTHONPATH", "SPIKED_ENCODERS_LIB", "SPIKED_ENCODERS")}

    def run_program(self, *command, **env):
        result = subprocess.run([str(part) for part in command], capture_output=True, text=True, cwd=self.folder,
                                env={**self.env, **env}, timeout=300)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        return result.stdout

    def built(self, wish):
        package = ROOT / "clients" / "python"
        before = sorted(os.listdir(package))
        self.run_program(sys.executable, "-m", "pip", "wheel", "--no-build-isolation", "--no-deps",
                         "--disable-pip-version-check", "-w", self.folder, package, SPIKED_ENCODERS=wish)
        self.assertEqual(sorted(os.listdir(package)), before)
        [wheel] = self.folder.glob("spiked-*.whl")
        return wheel

    def used(self, wheel):
        venv = self.folder / "venv"
        self.run_program(sys.executable, "-m", "venv", "--system-site-packages", "--without-pip", venv)
        self.run_program(sys.executable, "-m", "pip", "--python", venv, "install", "--no-deps", "--no-index",
                         "--disable-pip-version-check", wheel)
        where, *rest = self.run_program(venv / "bin" / "python", "-c", CODE).splitlines()
        self.assertTrue(Path(where).is_relative_to(venv), where)
        self.assertIn("usage: spiked-convert", self.run_program(venv / "bin" / "spiked-convert", "--help"))
        return rest

    def test_it_brings_its_library(self):
        wheel = self.built("require")
        self.assertRegex(wheel.name, r"^spiked-[0-9.]+-py3-none-linux_\w+\.whl$")
        path, spikes, yaml_beside = self.used(wheel)
        self.assertTrue(Path(path).is_relative_to(self.folder), path)
        self.assertGreater(int(spikes), 3)
        if any(Path("/usr/lib").glob("*/libyaml.a")):
            self.assertEqual(yaml_beside, "False")

    def test_without_the_library_it_is_for_every_machine_and_says_why(self):
        wheel = self.built("none")
        self.assertTrue(wheel.name.endswith("-none-any.whl"), wheel.name)
        [sentence] = self.used(wheel)
        self.assertIn("built without it: SPIKED_ENCODERS was none", sentence)


if __name__ == "__main__":
    unittest.main()
