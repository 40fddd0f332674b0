#!/usr/bin/python3
"""spiked.conf(5) has every key and every parameter with what their rows say; the shell completes every
command and option that there is, and the daemon's streams.

SPDX-License-Identifier: Apache-2.0
"""
import os
import re
import shutil
import subprocess
from pathlib import Path

import harness as h

ROOT = h.TESTS.parent
SPIKECTL = os.environ.get("SPIKECTL_BIN", str(Path(h.binary()).parent / "spikectl"))


def printed(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, timeout=20 * h.SLOW, **more).stdout


def plain(roff):
    """Text lines of mdoc as the sentences that they came from."""
    text = re.sub(r"\\\[u([0-9A-F]+)\]", lambda m: chr(int(m[1], 16)), roff)
    return re.sub(r"\s+", " ", text.replace("\\&", "").replace("\\-", "-").replace("\\e", "\\"))


def items(manual):
    """{path: text} of the keys, {stage: {parameter: text}}."""
    keys, stages, where, section = {}, {}, "", None
    for block in re.split(r"^(?=\.(?:Sh|Ss|It) )", manual, flags=re.M):
        head, _, body = block.partition("\n")
        if head.startswith(".Sh "):
            section, where = head[4:], ""
        elif head.startswith(".Ss "):
            where = head[4:]
            if section == "STAGES":
                stages[where] = {"": plain(body)}
        elif head.startswith(".It Ic ") and section == "KEYS":
            keys[f"{where}.{head[7:]}" if where else head[7:]] = plain(body)
        elif head.startswith(".It Ic ") and section == "STAGES":
            stages[where][head[7:]] = plain(body)
    return keys, stages


def every_key_is_in_the_manual():
    keys, stages = items(h.run("--manual").stdout)
    rows = re.findall(r"^(\S+)\n    (.*)\n    (.*)$", h.run("--keys").stdout, re.M)
    rows = [row for row in rows if not row[0].startswith("streams[].range.")]  # stage range's
    h.equal(f"the {len(rows)} keys of --keys, no more, no fewer", sorted(keys), sorted(r[0] for r in rows))
    for path, kind, text in rows:
        for what in (kind, text):
            if re.sub(r"\s+", " ", what) not in keys[path]:
                raise h.Failed(f"{path}: '{what}' is not in '{keys[path]}'")
    h.claim("with their types, bounds, defaults and help", True)
    classes = re.split(r"\n\n", h.run("--encoders").stdout.rstrip("\n"))
    h.equal(f"the {len(classes)} stages of --encoders", list(stages), [c.split("\n")[0] for c in classes])
    for block in classes:
        name, summary = block.split("\n")[:2]
        params = re.findall(r"^    (\w+) +(.*)\n +(.*)$", block, re.M)
        h.equal(f"{name}: its parameters", [p for p in stages[name] if p], [p[0] for p in params])
        for param, kind, text in params:
            if kind not in stages[name][param] or re.sub(r"\s+", " ", text) not in stages[name][param]:
                raise h.Failed(f"{name}.{param}: '{kind}', '{text}' not in '{stages[name][param]}'")
        if summary.strip() not in stages[name][""]:
            raise h.Failed(f"{name}: its summary is missing")


def one_stage_is_shown_by_its_name():
    whole = h.run("--encoders").stdout
    name = "step_forward"
    block = next(each for each in re.split(r"\n\n", whole) if each.startswith(name + "\n"))
    h.equal(f"--encoders {name}: only that", h.run("--encoders", name).stdout, block + "\n")
    h.equal("an alias is its stage", h.run("--encoders", "delta_modulator").stdout, block + "\n")
    for words, said in ((["step_foward"], "'step_foward'; did you mean step_forward?"),
                        (["frequency"], "'frequency'; spiked --encoders lists them"), (["lif", "if"], "one name, and 'if'")):
        done = h.run("--encoders", *words)
        h.equal(f"--encoders {' '.join(words)}: exit code", done.returncode, 2)
        h.claim(f"and '{said}'", said in done.stderr and not done.stdout)
    for words in ([], [name]):
        asked = subprocess.run([SPIKECTL, "--control", "ipc:///nowhere/at/all", "encoders", *words],
                               capture_output=True, text=True, timeout=20 * h.SLOW)
        said = " ".join(["spiked --encoders", *words])
        h.claim(f"spikectl without a daemon says '{said}'", asked.returncode == 1 and f'"{said}"' in asked.stderr)


def the_pages_are_well_formed():
    pages = {"spiked.8": (ROOT / "daemon/spiked.8").read_text(),
             "spikectl.1": (ROOT / "clients/cli/spikectl.1").read_text(),
             "spiked.conf.5": h.run("--manual").stdout}
    tools = {"man": ["man", "--warnings=w", "-E", "UTF-8", "-Tutf8", "-Z", "-l", "-"],
             "mandoc": ["mandoc", "-Tlint", "-W", "warning"]}
    for tool, command in tools.items():
        if not shutil.which(tool):
            print(f"  --  skipped: there is no {tool}")
            continue
        for name, text in pages.items():
            done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=60)
            said = done.stderr if tool == "man" else done.stdout + done.stderr
            h.equal(f"{tool} has nothing to say about {name}", said.strip(), "")


def complete(program, *words):
    """What bash offers for the last of the words."""
    script = (f"source {ROOT}/packaging/bash-completion/{program}\n"
              'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _' + program + ' "$1"\n'
              'printf "%s\\n" "${COMPREPLY[@]}"')
    binary = h.binary() if program == "spiked" else SPIKECTL
    return set(printed("bash", "-c", script, "bash", binary, *words).split())


def options_in(text):
    return set(re.findall(r"^ +(?:-\w, )?(--[a-z-]+)", text, re.M)) | set(re.findall(r"^ +(-\w), --", text, re.M))


def the_shell_knows_all_there_is():
    overview = printed(SPIKECTL, "help")
    commands = re.findall(r"^  ([a-z]+)", overview.split("Commands:")[1].split("\n\n")[0], re.M)
    h.equal(f"spikectl: {len(commands)} commands", complete("spikectl", ""), set(commands))
    h.equal("spikectl help: the same", complete("spikectl", "help", ""), set(commands))
    h.equal("spikectl -: options of all commands", complete("spikectl", "-"), options_in(overview))
    for command in commands:
        h.equal(f"spikectl {command} -: its options", complete("spikectl", command, "-"),
                options_in(printed(SPIKECTL, "help", command)))
    h.equal("an option's value is none of them", complete("spikectl", "sub", "--seconds", ""), set())
    usage = h.run("--help").stdout
    wanted = set(re.findall(r"--[a-z-]+", usage)) | {"-c", "-h"}
    h.equal("spiked -: all options", complete("spiked", "-"), wanted)
    h.equal("spiked --encoders: a stage", complete("spiked", "--encoders", "lif_b"), {"lif_bipolar"})
    h.equal("spiked --log-level", complete("spiked", "--log-level", "w"), {"warning"})


def the_shell_knows_the_streams():
    if h.INSTRUMENTED:
        print("  --  skipped: completion does not wait for as long as an instrumented daemon may take")
        return
    with h.Daemon({"streams": [h.stream("imu"), h.stream("joint-1")]}) as daemon:
        control = ["--control", *re.split("(:)", daemon.control_at)]  # as bash splits it
        for command in ("sub", "raster", "pub", "streams", "remove", "set"):
            h.equal(f"spikectl {command}: the streams",
                    complete("spikectl", *control, command, ""), {"imu", "joint-1"})
        h.equal("of which one fits", complete("spikectl", *control, "sub", "im"), {"imu"})
        h.equal("sub takes several", complete("spikectl", *control, "sub", "imu", "j"), {"joint-1"})
        h.equal("set's second word is no stream", complete("spikectl", *control, "set", "imu", ""), set())
        h.claim("encoders are no streams", "lif" in complete("spikectl", *control, "encoders", "l"))


h.main(every_key_is_in_the_manual, one_stage_is_shown_by_its_name, the_pages_are_well_formed, the_shell_knows_all_there_is,
       the_shell_knows_the_streams)
