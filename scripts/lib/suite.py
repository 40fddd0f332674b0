"""What scripts/test runs once everything is installed: builds, lint, tests, and the count at the end.

SPDX-License-Identifier: Apache-2.0
"""
import argparse
import concurrent.futures
import functools
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as xml
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PYTHON = "/usr/bin/python3"
FILE_LIMIT_S = 120  # for one system test file, times SPIKED_SLOW
PROGRAM_LIMIT_S = 120  # for one C test program, likewise
SUITE_LIMIT_S = 600

# Files that measure time run alone.
ALONE = ("7",)
# Files that use the JavaScript client.
WITH_NODE = ("80-", "71-first")

SANITIZED = {
    "ASAN_OPTIONS": "exitcode=99:detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1:exitcode=99",
    # libzmq and libuv are not instrumented: what only they see is not ours to judge.
    "TSAN_OPTIONS": "exitcode=99:halt_on_error=1:ignore_noninstrumented_modules=1:second_deadlock_stack=1:"
                    f"suppressions={ROOT / 'tests/system/tsan.supp'}",
}


class Tally:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.failures = []

    def add(self, name, passed=0, failed=0, skipped=0):
        self.passed += passed
        self.failed += failed
        self.skipped += skipped
        if failed:
            self.failures.append(name)

    def one(self, name, good, output="", seconds=None):
        """Counts one test and says how it went; the output only of one that failed."""
        took = "" if seconds is None else f" ({seconds:.1f} s)"
        say(f"{'ok    ' if good else 'FAILED'} {name}{took}")
        if not good and output:
            say("".join(f"    {line}\n" for line in output.rstrip().splitlines()), end="")
        self.add(name, passed=int(good), failed=int(not good))

    def skip(self, name, why):
        say(f"skip   {name}: {why}")
        self.add(name, skipped=1)


tally = Tally()


def say(text, end="\n"):
    print(text, end=end, flush=True)


def title(text):
    say(f"\n== {text}")


def run(command, limit, env=None, cwd=ROOT):
    """(exit status or None when the time was up, output of both streams). A command's children die
    with it."""
    process = subprocess.Popen(
        [str(word) for word in command], cwd=cwd, env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, errors="replace", start_new_session=True)
    try:
        output, _ = process.communicate(timeout=limit)
        return process.returncode, output
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        return None, f"{output}\nnot done after {limit:g} s: killed"
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise


def build(folder, name, *options, limit=1200):
    """True when it built; counts as a test."""
    began = time.monotonic()
    status, output = run(
        [ROOT / "scripts/lib/build", ROOT / folder, "-DSPIKED_WERROR=ON", "-DSPIKED_TESTS=ON", *options],
        limit)
    tally.one(f"build: {name}", status == 0, output, time.monotonic() - began)
    return status == 0


def system_env(folder, slow=1.0, **more):
    return {"SPIKED_BIN": str(ROOT / folder / "bin/spiked"),
            "SPIKECTL_BIN": str(ROOT / folder / "bin/spikectl"),
            "SPIKED_ENCODERS_LIB": str(ROOT / folder / "encoders/libspiked-encoders.so"),
            "SPIKED_SLOW": f"{slow * float(os.environ.get('SPIKED_SLOW', '1')):g}", **more}


def lint():
    title("lint")
    for script in sorted((ROOT / "tests/lint").glob("[a-z]*.py")):
        status, output = run([PYTHON, script], 120)
        tally.one(f"lint: {script.stem}", status == 0, output)


def configurations(folder, wanted):
    title("shipped configurations")
    for path in sorted([*(ROOT / "config").glob("*.yaml"), *(ROOT / "config/examples").glob("*.yaml"),
                        *(ROOT / "examples").glob("*/spiked.yaml")]):
        name = f"check: {path.relative_to(ROOT)}"
        if wanted(name):
            status, output = run([ROOT / folder / "bin/spiked", "--check", "-c", path], 20)
            tally.one(name, status == 0, output)


def documents(folder):
    """The parameter tables of docs/ENCODERS.md are those of this build."""
    status, output = run([PYTHON, ROOT / "docs/encoders.py", "--check"], 20, system_env(folder))
    tally.one("docs: ENCODERS.md", status == 0, output)


def cmocka_counts(output, good):
    """(passed, failed, skipped) cases of a cmocka program; one failure if it did not get to count."""
    def last(word):
        found = re.findall(rf"\[ *{word} *\] (\d+) test\(s\)", output)
        return int(found[-1]) if found else 0
    passed, failed, skipped = last("PASSED"), last("FAILED"), last("SKIPPED")
    if good and passed + skipped == 0:
        passed = 1
    if not good and failed == 0:
        failed = 1
    return passed, failed, skipped


def unit(folder, pattern, env=None, slow=1.0, leave_out=None):
    title(f"C tests, {folder}")
    report = Path(tempfile.mkdtemp(prefix="spiked-ctest-")) / "report.xml"
    command = ["ctest", "--test-dir", ROOT / folder, "-j2", "--timeout", int(PROGRAM_LIMIT_S * slow),
               "--output-junit", report, "--test-output-size-passed", 1 << 20,
               "--test-output-size-failed", 1 << 20]
    if pattern:
        command += ["-R", pattern]
    if leave_out:
        command += ["-LE", leave_out]
    _, output = run(command, SUITE_LIMIT_S * slow, env)
    if not report.exists() or not pattern and "No tests were found" in output:
        tally.one("ctest", False, output)
        return
    for case in xml.parse(report).getroot().iter("testcase"):
        text = case.findtext("system-out") or ""
        good = case.get("status") == "run"
        passed, failed, skipped = cmocka_counts(text, good)
        name = f"{case.get('name')}: {passed} passed" + (f", {failed} failed" if failed else "") + (
            f", {skipped} skipped" if skipped else "")
        say(f"{'ok    ' if good else 'FAILED'} {name} ({float(case.get('time', 0)):.1f} s)")
        if not good:
            say("".join(f"    {line}\n" for line in text.rstrip().splitlines()), end="")
        tally.add(case.get("name"), passed, failed, skipped)


def python_client(folder, pattern):
    title("Python client")
    python_tests(PYTHON, "tests/python", folder, pattern)
    readers = Path(os.environ.get("READERS", ROOT / "build-readers"))
    if not (readers / "bin/python").exists():
        tally.skip("tests/python/readers", f"there is no {readers}; scripts/test makes it")
        return
    for failed in sorted(readers.glob("failed-*")):
        say(failed.read_text(), end="")
    python_tests(readers / "bin/python", "tests/python/readers", folder, pattern)


def python_tests(python, where, folder, pattern):
    command = [python, "-m", "unittest", "discover", "-s", where]
    if pattern:
        command += ["-k", f"*{pattern}*"]
    status, output = run(command, SUITE_LIMIT_S, system_env(folder))
    ran = re.search(r"^Ran (\d+) test", output, re.M)
    odd = {word: int(count) for word, count in
           re.findall(r"(failures|errors|skipped|expected failures)=(\d+)", output)}
    failed = odd.get("failures", 0) + odd.get("errors", 0)
    skipped = odd.get("skipped", 0)
    nothing = ran and int(ran[1]) == 0
    if pattern and nothing:
        return
    if status != 0 and failed == 0 or nothing:
        failed = 1
    passed = max(0, int(ran[1]) - failed - skipped) if ran else 0
    say(f"{'FAILED' if failed else 'ok    '} {where}: {passed} passed, {failed} failed, {skipped} skipped")
    if failed:
        say(output)
    tally.add(where, passed, failed, skipped)


@functools.cache
def node_modules(where="clients/js"):
    """Installs what the JavaScript there needs. True when it is there; a failure counts, once."""
    node, npm = os.environ.get("NODE"), os.environ.get("NPM")
    if not node or not npm:
        return False
    package = ROOT / where
    done = package / "node_modules/.package-lock.json"
    if done.exists() and done.stat().st_mtime >= (package / "package-lock.json").stat().st_mtime:
        return True
    # npm starts "node" from PATH: its own neighbour must come first.
    env = {"PATH": f"{Path(node).parent}:{os.environ.get('PATH', '/usr/bin:/bin')}"}
    status, output = run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], 300, env, package)
    if status != 0:
        tally.one(f"npm ci in {where}", False, output)
    return status == 0


def node_client(folder, pattern):
    title("JavaScript client, and the page's modules")
    if not os.environ.get("NODE"):
        tally.skip("tests/js", "there is no node with npm beside it")
    elif node_modules():
        node_tests("tests/js", folder, pattern)


def page(folder, pattern):
    title("web page in Chromium")
    chromium = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
    if not os.environ.get("NODE"):
        tally.skip("tests/web", "there is no node with npm beside it")
    elif not chromium.exists():
        tally.skip("tests/web", f"there is no {chromium} (Debian's package chromium)")
    elif node_modules() and node_modules("tests/web"):
        # Each test goes on where the one before it left the page: all, or none.
        if not pattern or re.search(pattern, "tests/web page"):
            node_tests("tests/web", folder, "")


def node_tests(where, folder, pattern):
    command = [os.environ["NODE"], "--test"]
    if pattern:
        command.append(f"--test-name-pattern={pattern}")
    status, output = run([*command, *sorted((ROOT / where).glob("*.test.js"))], SUITE_LIMIT_S,
                         system_env(folder))
    counts = {word: int(count) for word, count in
              re.findall(r"^(?:#|ℹ) (pass|fail|skipped|cancelled) (\d+)$", output, re.M)}
    passed, skipped = counts.get("pass", 0), counts.get("skipped", 0)
    failed = counts.get("fail", 0) + counts.get("cancelled", 0)
    if pattern and passed + failed == 0:
        return
    if failed == 0 and (status != 0 or passed == 0 and not pattern):
        failed = 1
    say(f"{'FAILED' if failed else 'ok    '} {where}: {passed} passed, {failed} failed, {skipped} skipped")
    for figure in re.findall(r"^(?:#|ℹ) (\S+ frames a second.*)$", output, re.M):
        say(f"       {figure}")
    if failed:
        say(output)
    tally.add(where, passed, failed, skipped)


def clients(folder, pattern):
    """Every language's client: the suite that is one for all of them, and its language's own tests."""
    title("clients in all languages")
    node_modules()
    for script in ("conformance", "own_tests"):
        if pattern and not re.search(pattern, script):
            continue
        status, output = run([PYTHON, ROOT / f"tests/clients/{script}.py"], SUITE_LIMIT_S,
                             system_env(folder, SPIKED_BUILD=str(ROOT / folder)))
        *lines, last = output.rstrip().splitlines() or [""]
        counts = re.fullmatch(r"(\d+) passed, (\d+) failed, (\d+) skipped", last)
        passed, failed, skipped = map(int, counts.groups()) if counts else (0, 1, 0)
        say("\n".join(lines if counts else [*lines, last]))
        tally.add(script, passed, max(failed, int(status != 0)), skipped)


def system_file(path, env, slow):
    began = time.monotonic()
    status, output = run([PYTHON, path], FILE_LIMIT_S * slow * max(1, float(os.environ.get("SPIKED_CHAOS", "1"))), env)
    return path, status, output, time.monotonic() - began


def system(folder, pattern, name, slow=1.0, **env):
    """The system tests against this build's daemon, two at a time."""
    title(f"system tests, {name}")
    daemon_files("tests/system", folder, pattern, name, slow, **env)


def chaos(folder, pattern, name, slow=1.0, **env):
    """A short run of every breakage of tests/chaos, likewise; SPIKED_CHAOS makes it longer."""
    title(f"chaos, {name}")
    daemon_files("tests/chaos", folder, pattern, name, slow, **env)


def examples(folder, pattern, slow=1.0):
    """The demos, as a person would start them."""
    title("examples")
    daemon_files("tests/examples", folder, pattern, "examples", slow)


def daemon_files(where, folder, pattern, name, slow, **env):
    files = sorted((ROOT / where).glob("[0-9][0-9]-*.py"))
    if pattern:
        files = [path for path in files if re.search(pattern, path.name) or re.search(pattern, f"{path.parent.name}/{path.name}")]
    for path in [path for path in files if path.name.startswith(WITH_NODE)]:
        if not node_modules():
            files.remove(path)
            tally.skip(f"{name}: {path.name}", "clients/js could not be set up")
    env = system_env(folder, slow, **env)
    together = [path for path in files if not path.name.startswith(ALONE)]
    alone = [path for path in files if path.name.startswith(ALONE)]
    # Under a sanitizer no figure of time is looked at, and they wait more than they compute.
    for group, workers in ((together, 3 if slow > 1 else 2), (alone, 1)):
        with concurrent.futures.ThreadPoolExecutor(workers) as pool:
            try:
                for done in concurrent.futures.as_completed(
                        [pool.submit(system_file, path, env, slow) for path in group]):
                    path, status, output, seconds = done.result()
                    skipped = re.search(r"^\S+\.py: skipped: (.*)", output, re.M)
                    if status == 0 and skipped:
                        tally.skip(f"{name}: {path.name}", skipped[1])
                    else:
                        tally.one(f"{name}: {path.name}", status == 0, output, seconds)
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise


def part_gcc(pattern):
    title("gcc, Release")
    if not pattern:
        lint()
    if build("build", "gcc, Release, warnings are errors"):
        if not pattern:
            configurations("build", lambda name: True)
            documents("build")
        unit("build", pattern)
        python_client("build", pattern)
        node_client("build", pattern)
        clients("build", pattern)
        page("build", pattern)
        system("build", pattern, "system")
        examples("build", pattern)
        chaos("build", pattern, "chaos")


def part_clang(pattern):
    """The results must not depend on the compiler."""
    title("clang")
    if build("build-clang", "clang, warnings are errors", "-DCMAKE_C_COMPILER=clang-14"):
        unit("build-clang", pattern)


def part_debug(pattern):
    """Nor on the optimiser."""
    title("gcc without optimisation")
    if build("build-debug", "gcc, Debug, warnings are errors", "-DCMAKE_BUILD_TYPE=Debug"):
        unit("build-debug", pattern)


def part_asan(pattern):
    title("ASan and UBSan")
    if build("build-asan", "ASan and UBSan", "-DCMAKE_BUILD_TYPE=RelWithDebInfo",
             "-DSPIKED_SANITIZE=address,undefined"):
        unit("build-asan", pattern, SANITIZED, slow=4)
        system("build-asan", pattern, "asan", slow=4, **SANITIZED)


def part_tsan(pattern):
    title("TSan")
    if build("build-tsan", "TSan", "-DCMAKE_BUILD_TYPE=RelWithDebInfo", "-DSPIKED_SANITIZE=thread"):
        # The encoders' own tests have one thread: nothing to find.
        unit("build-tsan", pattern, SANITIZED, slow=8, leave_out="encoders|library")
        system("build-tsan", pattern, "tsan", slow=8, **SANITIZED)


def part_fuzz(pattern):
    """The fuzz targets on their seeds, and a few seconds further; scripts/fuzz is the long run."""
    title("fuzz targets")
    status, path = run(["clang-14", "-print-file-name=libclang_rt.fuzzer-" + os.uname().machine + ".a"], 20)
    if status or not Path(path.strip()).exists():
        tally.skip("fuzz", "clang's runtime is missing (libclang-rt-14-dev)")
    elif build("build-fuzz", "fuzz targets", "-DCMAKE_C_COMPILER=clang-14", "-DCMAKE_BUILD_TYPE=RelWithDebInfo",
               "-DSPIKED_FUZZ=ON", "-DSPIKED_TESTS=OFF"):
        unit("build-fuzz", pattern)


def part_aarch64(pattern):
    """The encoders cross-compiled for 64-bit ARM, their tests under qemu."""
    title("aarch64 under qemu")
    command = [ROOT / "scripts/test-aarch64", *(["-R", pattern] if pattern else [])]
    began = time.monotonic()
    status, output = run(command, SUITE_LIMIT_S)
    found = re.search(r"(\d+) tests failed out of (\d+)", output)
    failed, ran = (int(found[1]), int(found[2])) if found else (1, 1)
    if status and not failed:
        failed = 1
    say(f"{'FAILED' if failed else 'ok    '} aarch64: {ran - failed} of {ran} programs "
        f"({time.monotonic() - began:.1f} s)")
    if failed:
        say("".join(f"    {line}\n" for line in output.rstrip().splitlines()[-60:]), end="")
    tally.add("aarch64", ran - failed, failed)


def part_chaos(pattern):
    """Only the chaos tests, also under ASan and UBSan."""
    title("chaos")
    if build("build", "gcc, Release, warnings are errors"):
        chaos("build", pattern, "chaos")
    if build("build-asan", "ASan and UBSan", "-DCMAKE_BUILD_TYPE=RelWithDebInfo",
             "-DSPIKED_SANITIZE=address,undefined"):
        chaos("build-asan", pattern, "chaos, asan", slow=4, **SANITIZED)


def part_valgrind(pattern):
    title("valgrind")
    if build("build-valgrind", "gcc, with line numbers", "-DCMAKE_BUILD_TYPE=RelWithDebInfo"):
        system("build-valgrind", pattern, "valgrind", slow=20, SPIKED_WRAP=(
            "valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite,indirect"))


def part_peers(_):
    """Other libraries' encoders beside ours; scripts/test has fetched them."""
    title("beside other libraries")
    peers = Path(os.environ.get("PEERS", ROOT / "build-peers"))
    if not (peers / "bin/python").exists():
        tally.one("peers", False, f"there is no {peers}; scripts/test --peers makes it")
        return
    if not build("build", "gcc, Release, warnings are errors"):
        return
    status, output = run([peers / "bin/python", ROOT / "tests/peers/run.py"], SUITE_LIMIT_S, system_env("build"))
    say(output, end="")
    for failed in sorted(peers.glob("failed-*")):
        say(failed.read_text(), end="")
    counts = re.search(r"^(\d+) passed, (\d+) failed, (\d+) skipped$", output, re.M)
    passed, failed, skipped = map(int, counts.groups()) if counts else (0, 1, 0)
    tally.add("peers", passed, max(failed, int(status != 0)), skipped)


PARTS = {
    "quick": (part_gcc,),
    "ci": (part_gcc, part_clang, part_aarch64, part_asan, part_tsan, part_fuzz),
    "full": (part_gcc, part_clang, part_debug, part_aarch64, part_asan, part_tsan, part_fuzz, part_valgrind),
    "fuzz": (part_fuzz,),
    "aarch64": (part_aarch64,),
    "asan": (part_asan,),
    "tsan": (part_tsan,),
    "valgrind": (part_valgrind,),
    "compilers": (part_clang, part_debug),
    "peers": (part_peers,),
    "chaos": (part_chaos,),
}


def main():
    parser = argparse.ArgumentParser(prog="scripts/test")
    for mode in ("quick", "full", "asan", "tsan", "valgrind", "compilers", "aarch64", "fuzz", "peers", "chaos"):
        parser.add_argument(f"--{mode}", dest="mode", action="store_const", const=mode)
    parser.add_argument("--filter", default="", metavar="PATTERN")
    options = parser.parse_args()
    began = time.monotonic()
    mode = options.mode or ("quick" if options.filter else "ci")
    for part in PARTS[mode]:
        part(options.filter)
    title(f"done in {time.monotonic() - began:.0f} s")
    for name in tally.failures:
        say(f"FAILED {name}")
    if tally.passed + tally.failed == 0:
        say(f"nothing matches {options.filter}")
    say(f"{tally.passed} passed, {tally.failed} failed, {tally.skipped} skipped")
    sys.exit(1 if tally.failed or not tally.passed else 0)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
