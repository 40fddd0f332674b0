#!/usr/bin/python3
"""Who may include whom: the arrows of the house point one way.

SPDX-License-Identifier: Apache-2.0
"""
import re

from _tree import files, finish, text

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)
WIRE = "spiked/wire.h"
CONF = "daemon/conf/conf.h"  # what a stream is configured to be: read by everybody, includes no code

# Longest folder first. Own headers of the project that a folder may include, by prefix ("!": but not
# these), and the libraries' headers beside the C library's.
RULES = (
    ("encoders/kernels", ["encoders/kernels/"], []),
    ("encoders/text", ["encoders/", "!encoders/library/"], ["yaml.h"]),
    ("encoders/library", ["encoders/", "spiked/encoders.h"], []),
    ("encoders", ["encoders/", "!encoders/text/", "!encoders/library/"], []),
    ("daemon/core", ["daemon/core/"], ["jansson.h"]),
    ("daemon/loop", ["daemon/core/", "daemon/loop/"], ["uv.h", "zmq.h"]),
    ("daemon/flow", ["daemon/core/", "daemon/loop/", "daemon/flow/", "daemon/sinks/sink.h", "encoders/", CONF, WIRE],
     ["zmq.h", "uv.h"]),
    ("daemon/conf", ["daemon/core/", "daemon/conf/", "encoders/", WIRE], ["jansson.h", "zmq.h"]),
    ("daemon/state", ["daemon/core/", "daemon/loop/", "daemon/flow/", "daemon/state/", "encoders/", CONF, WIRE],
     ["uv.h"]),
    ("daemon/control", ["daemon/core/", "daemon/loop/", "daemon/conf/", "daemon/flow/", "daemon/state/",
                        "daemon/control/", "encoders/", WIRE], ["jansson.h", "zmq.h", "uv.h"]),
    ("daemon/web", ["daemon/core/", "daemon/conf/", "daemon/control/metrics.h", "daemon/web/", "encoders/", WIRE],
     ["jansson.h", "zmq.h", "uv.h", "libwebsockets.h"]),
    ("daemon", ["daemon/", "encoders/", WIRE], ["jansson.h", "zmq.h", "uv.h"]),
    ("clients/c", ["spiked/", "./"], ["jansson.h", "zmq.h"]),
    ("clients/record", ["clients/record/", WIRE], []),
    ("clients/cli", ["spiked/", "clients/record/", "./"], ["jansson.h"]),
)
LIBRARIES = {"uv.h", "zmq.h", "zmq_utils.h", "jansson.h", "yaml.h", "sodium.h", "libwebsockets.h"}


def rule_of(path):
    for folder, own, libraries in RULES:
        if path.is_relative_to(folder):
            return folder, own, libraries
    return None


def check(path):
    folder, own, libraries = rule_of(path)
    for match in INCLUDE.finditer(text(path)):
        kind, name = match.groups()
        line = text(path).count("\n", 0, match.start(2)) + 1
        project = kind == '"' or name.startswith("spiked/")
        if ".." in name.split("/"):
            yield f"{path}:{line}: {name} climbs; paths are written from the top"
        elif project:
            named = name if "/" in name else f"./{name}"
            refused = any(named.startswith(prefix[1:]) for prefix in own if prefix[0] == "!")
            if refused or not any(named.startswith(prefix) for prefix in own):
                yield f"{path}:{line}: {folder} may not include {name}; it may: {', '.join(own)}"
        elif name in LIBRARIES and name not in libraries:
            yield f"{path}:{line}: {folder} may not include <{name}>"


finish([fault for path in files(".c", ".h", ".def") if rule_of(path) for fault in check(path)])
