#!/usr/bin/python3
"""Writes the seed corpora and dictionaries of the fuzz targets, from real messages: the vectors that
all clients are tested with, the shipped configurations, and what `spiked --encoders` lists.

    tests/fuzz/seeds.py build/bin/spiked

Seeds that others have put into corpus/ stay: inputs that once broke something, say.

SPDX-License-Identifier: Apache-2.0
"""
import json
import re
import struct
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TYPES = ["f32", "f64", "i8", "u8", "i16", "u16", "i32", "json", "pairs"]


def write(target, name, data):
    folder = HERE / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data.encode() if isinstance(data, str) else data)


def write_words(target, *lists):
    words = dict.fromkeys(word for words in lists for word in words if word)

    def line(word):
        data = word if isinstance(word, bytes) else word.encode()
        return '"' + "".join(chr(b) if 32 <= b < 127 and b not in b'"\\' else f"\\x{b:02x}" for b in data) + '"\n'
    (HERE / f"{target}.dict").write_text("".join(line(word) for word in words))


def vectors():
    for path in sorted((ROOT / "clients/vectors").glob("*.json")):
        vector = json.loads(path.read_text())
        yield path.stem, vector, [bytes.fromhex(frame) for frame in vector.get("frames", [])]


def classes(spiked):
    """{class: [parameters]}, as the program lists them."""
    text = subprocess.run([spiked, "--encoders"], capture_output=True, text=True, check=True).stdout
    found = {}
    for block in text.strip().split("\n\n"):
        name, *lines = block.splitlines()
        found[name] = [m[1] for m in (re.match(r"    (\w+) +(number|count|bool|one of|text|word)", line) for line in lines) if m]
    return found


def aliases(spiked):
    text = subprocess.run([spiked, "--encoders"], capture_output=True, text=True, check=True).stdout
    return [word for line in re.findall(r"^  also: (.*)$", text, re.M) for word in line.split(", ")]


def key_words():
    """Names of the configuration's keys and their words."""
    words = []
    for path in ("daemon/conf/keys.c", "encoders/text/stream_keys.c"):
        source = (ROOT / path).read_text()
        words += re.findall(r'\.row\.name = "(\w+)"', source) + re.findall(r'\] = "([\w]+)"', source)
    return words


JSON_WORDS = ["null", "true", "false", "[[", "]]", "],[", "{\"", "\":", "1e999", "-0", "0.1", "9223372036854775808",
              "\\u0000", "\\ud800", "1e-45", "NaN"]
NUMBERS = ["4294967295", "2147483648", "16777216", "1 ms", "1 ns", "1e-320", "-1", "1e38", "200 Hz", "[1, 2]"]


def rows():
    for name, vector, frames in vectors():
        if vector.get("way") != "in":
            continue
        decoded = vector["decoded"]
        stamp = frames[2] if len(frames) > 2 else b""
        channels = max((len(row) for row in decoded.get("rows", [[0]]) if isinstance(row, list)), default=1)
        kind = TYPES.index(decoded["type"])
        write("rows", name, bytes([kind | (16 if stamp else 0), channels - 1]) + stamp + frames[1])
    for mode in (1, 2, 3):
        for kind, text in ((0, struct.pack("<6f", 1, float("nan"), float("inf"), 3, 200, -7)),
                           (7, b"[[1,2.5,null],[-1e9,0,3]]"), (8, struct.pack("<IfIf", 0, 1, 2, 5)),
                           (4, struct.pack("<3h", 1, -2, 3))):
            write("rows", f"stream-{mode}-{TYPES[kind]}", bytes([kind | mode << 5, 2]) + text)
    write_words("rows", JSON_WORDS, ['"values":', '"time_ns":', '"seq":', "e+", "e-308"],
                [struct.pack("<f", x) for x in (float("nan"), float("inf"), -0.0, 1e-45)])


def conf(found, others, keys):
    for path in sorted([*(ROOT / "config").glob("*.yaml"), *(ROOT / "config/examples").glob("*.yaml")]):
        text = re.sub(r"(^|\s)#.*", "", path.read_text())
        write("conf", path.stem, re.sub(r"\n\s*\n", "\n", text))
    for name in found:
        write("conf", f"j-{name}", "j" + json.dumps({"name": "s", "channels": 2, "encode": [name]}))
    write_words("conf", found, others, sorted({p for params in found.values() for p in params}), keys, NUMBERS,
                ["tcp://127.0.0.1:", "ipc://", "[::1]", "connect", "&a", "*a", "!!", "<<:", "- ", ": ", "|", ">"])


def control(found, keys):
    source = (ROOT / "daemon/control/commands.c").read_text()
    methods = re.findall(r'\{\.name = "(\w+)"', source)
    for name, vector, frames in vectors():
        if vector.get("way") == "request":
            write("control", name, frames[0])

    def call(method, **params):
        return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}, separators=(",", ":"))
    for method in methods:
        write("control", f"call-{method}", call(method, **({"name": "a"} if method in ("stream", "remove", "reset") else {})))
    add = call("add", stream={"name": "d", "channels": 2, "encode": ["lif"], "group": "g"})
    change = call("set", name="a", stage=0, param="v_th", value=0.5)
    write("control", "add-remove", "\0".join([add, call("remove", name="d"), add]))
    write("control", "add-late", "\0".join(["\2", add, call("remove", name="d"), add, "\2", add]))
    write("control", "set-list", "\0".join([change, call("set", name="b", stage="poisson", param="f_max", value=[1, 2, 3, 4])]))
    write("control", "batch", f"[{add},{change},{call('step', ticks=5)},7]")
    write("control", "positions", '{"jsonrpc":"2.0","id":"x","method":"set","params":["a",0,"v_th",2]}')
    write("control", "parts", "\1\1\1\0" + change)
    write_words("control", [f'"{m}"' for m in methods], JSON_WORDS, NUMBERS, found, keys,
                ['"jsonrpc":"2.0"', '"id":', '"method":', '"params":', '"name":"a"', '"stream":', '"value":', "\2\0"])


def pipeline(found):
    floats = struct.pack("<16f", *(0.3 * i - 1 for i in range(16)))
    for name, params in found.items():
        head = {"first_spike": "lif, ", "split": "{signed_poisson: {f_max: 500}}, "}.get(name, "")
        for window in (0, 8):
            write("pipeline", f"{name}-{window}", f"[{head}{name}]".encode() + bytes([0, window | 1]) + floats)
    write("pipeline", "stream", b"{channels: 3, dt: 1 ms, range: {lo: -2, hi: [1, 2, 3]}, encode: [{population: "
          b"{out_features: 4}}, {poisson: {f_max: 200 Hz}}]}" + b"\0\0" + floats)
    write("pipeline", "set", b"[{lif: {v_th: [1, 2]}}]" + b"\0" + b"\x11\0v_th\0[0.5, 1]\0" + floats)
    write_words("pipeline", found, sorted({p for params in found.values() for p in params}), NUMBERS,
                ["rng: mt19937", "range: {lo: 0, hi: 1}", "channels: 2", "window: 8", "encode: ", "seed: 3"])


def state():
    floats = struct.pack("<9f", *(0.7 * i - 1 for i in range(9)))
    for place in range(100):
        write("state", f"{place:03d}", bytes([place, 1]) + struct.pack("<HB", 88 + place, 0x40) + floats)
    write_words("state", [struct.pack("<f", x) for x in (float("nan"), float("inf"), -0.0, 1e-45, 1e30)],
                [b"\xff\xff\xff\xff", b"\x00\x00\x00\x80", b"\xff\xff\xff\x7f", b"SPKS"])


def snapshot():
    for stream in range(8):
        write("snapshot", f"whole-{stream}", bytes([stream | 32, 0]))
        for at, value in ((10, 2), (12, 63), (112, 4), (120, 9), (152, 255), (160, 255), (192, 1), (256, 0x7f)):
            write("snapshot", f"{stream}-{at}", bytes([stream | 32, 1]) + struct.pack("<HB", at, value))
    write("snapshot", "empty", b"\0")
    write("snapshot", "zeros", bytes([16]) + bytes(300))
    write_words("snapshot", ["SPKDSNAP", "SPKS"], [bytes(8), b"\xff" * 8, struct.pack("<f", float("nan"))])


def frames(found):
    def record(kind, data):
        return bytes([kind]) + struct.pack("<H", len(data)) + data

    def meta(text):
        document = json.loads(text)
        document["stream"], document["epoch"] = "s", f"{0x77:016x}"
        return record(0, json.dumps(document, separators=(",", ":")).encode())
    session = b"".join(record(3, bytes([flags, 1, 0, 0, 1]) + struct.pack("<2I", 0, 1)) for flags in (8, 0, 2, 16))
    values = record(4, bytes([8, 0]) + struct.pack("<2f", 0.5, 1))
    for name, vector, parts in vectors():
        if vector.get("way") != "out" or len(parts) < 2:
            continue
        if parts[0].startswith(b"meta/"):
            write("frames", name, meta(parts[1]) + values + session)
            template = json.loads(parts[1])
        elif len(parts) >= 3:
            write("frames", name, record(1, parts[1] + parts[2]) + record(2, parts[1] + parts[2]) + record(5, parts[0]))
    template["range"] = None
    for name in found:
        template["pipeline"] = [{"stage": name, "as": name, "params": {}}]
        write("frames", f"meta-{name}", meta(json.dumps(template)) + values + session)
    write_words("frames", found, JSON_WORDS, ["SPK1", '"pipeline":', '"params":', '"as":', '"lines":', '"window":',
                                              '"dt_ns":', '"channels":', '"epoch":', '"range":', "bundle/", "meta/s/"])


def answers():
    for name, vector, parts in vectors():
        if vector.get("way") in ("reply", "request"):
            write("answers", name, b"\0" + parts[0])
    for name, text in (("result", '{"jsonrpc":"2.0","id":1,"result":{"a":[1,"\\"}"]}}'),
                       ("error", '{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"m","data":{"path":"p"}}}')):
        write("answers", name, b"\0" + text.encode())
    write("answers", "params", b'\1{"name":"imu","value":[1,2]}')
    write_words("answers", JSON_WORDS, ['"result":', '"error":', '"id":1', '"code":', '"message":', '"data":', '"path":'])


def web():
    part = lambda text: len(text).to_bytes(4, "little") + text
    write("web", "row", b"\3imu" + part(bytes(range(24))))
    write("web", "stamped", b"\3imu" + part(bytes(24)) + part(bytes(16)))
    write("web", "empty", b"\0" + part(b""))
    write("web", "cut", b"\3imu" + part(bytes(24))[:-1])


def crc32c(data, crc=0):
    crc ^= 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def record():
    def one(*frames):
        body = struct.pack(f"<Iq{len(frames)}I", len(frames), 5, *map(len, frames)) + b"".join(frames)
        return struct.pack("<I", len(body)) + body

    def chunk(payload, records):
        head = struct.pack("<4sBBHIIIIqqI", b"SPKC", 1, 0, 0, len(payload), len(payload), records, crc32c(payload), 5, 5, 0)
        return head + struct.pack("<I", crc32c(head)) + payload
    messages = [parts for _, vector, parts in vectors() if vector.get("way") == "out" and len(parts) >= 2]
    payload = b"".join(one(*parts) for parts in messages[:6])
    text = b"{}"
    rest = struct.pack("<qQ", 1, 0) + text
    head = b"SPKREC1\n" + struct.pack("<II", 32 + len(text), crc32c(rest)) + rest
    write("record", "file", b"\0" + head + chunk(payload, len(messages[:6])) + chunk(one(b"rec/end/", b"{}"), 1))
    write("record", "cut", b"\0" + head + chunk(payload, 6)[:-3])
    for i, parts in enumerate(messages):
        payload = one(*parts)
        write("record", f"chunk-{i}", b"\1" + struct.pack("<BBHHH", 1, 0, len(payload), len(payload), 1) + payload)
    packed = bytes.fromhex("28b52ffd200b5900006162636465666768696a6b")  # 11 bytes, stored by zstd
    write("record", "zstd", b"\1" + struct.pack("<BBHHH", 1, 1, len(packed), 11, 1) + packed)
    write_words("record", ["SPKREC1\n", "SPKC", "rec/state/", "rec/lost/", "rows/imu/"], [b"\x28\xb5\x2f\xfd"])


def topics():
    def step(kind, text):
        return bytes([kind, len(text)]) + text.encode()
    every = [f"{word}/imu/" for word in ("spikes", "state", "values", "json", "rows", "meta")] + ["status/", "bundle/g/", "", "s", "x/"]
    write("topics", "all", b"".join(step(1, t) for t in every) + b"\2" + b"".join(step(0, t) for t in every))
    for text in every:
        write("topics", (text or "empty").replace("/", "-"), step(1, text) * 2 + b"\2\3" + step(0, text) + b"\2")
    write_words("topics", every, ["imu2/", "_.-/", "bundle/spikes/", "spikes/spikes/"])


def main():
    spiked = sys.argv[1]
    found, keys = classes(spiked), key_words()
    rows()
    conf(found, aliases(spiked), keys)
    control(found, keys)
    pipeline(found)
    state()
    snapshot()
    frames(found)
    answers()
    record()
    topics()
    web()
    size = sum(path.stat().st_size for path in HERE.rglob("corpus/*/*"))
    print(f"{size} bytes of seeds")


main()
