#!/usr/bin/python3
"""What spikectl records in any clock, and while parameters, streams and states change, a spiked of its own
gives again, bit for bit; what is missing or damaged is told, and the rest is still good.

SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import random
import resource
import signal
import struct
import subprocess
import tempfile
import time
from pathlib import Path

import harness as h

SEED = 20261129
FOLDER = tempfile.TemporaryDirectory(prefix="spiked-rec-")
SHAPES = {"imu": 6, "arm": 7, "mic": 1, "skin": 32, "eye": 4, "slow": 2, "place": 3, "text": 2, "some": 4}


def path(name):
    return str(Path(FOLDER.name) / name)


def spikectl(*words, code=0, timeout=60):
    """What it prints; with --json, as an object."""
    binary = os.environ.get("SPIKECTL_BIN") or Path(h.binary()).with_name("spikectl")
    done = subprocess.run([str(binary), *words], capture_output=True, text=True, timeout=timeout * h.SLOW)
    if done.returncode != code:
        raise h.Failed(f"spikectl {' '.join(words)}: {done.returncode} instead of {code}: {done.stdout[-1500:]}{done.stderr[-1500:]}")
    return json.loads(done.stdout) if "--json" in words and done.stdout.count("\n") == 1 else done.stdout + done.stderr


def streams():
    """Every input mode, kind of payload and of state."""
    return [
        h.stream("imu", 6, [{"poisson": {"f_max": "300 Hz"}}], range={"lo": -3, "hi": 3}),
        h.stream("arm", 7, ["lif"], input={"type": "f64"}, publish={"payload": "auto"}),
        h.stream("mic", 1, ["adaptive_if"], input={"type": "i16", "mode": "queue", "queue_rows": 64}, range={"lo": -1000, "hi": 1000, "signed": True}),
        h.stream("skin", 32, [{"step_forward": {"theta": 0.07}}], input={"mode": "mean", "stale_after": "7 ms", "on_stale": "zero"}),
        h.stream("eye", 4, ["lif_latency"], window=13, range={"lo": -1, "hi": 1}, publish={"empty": False}),
        h.stream("slow", 2, [{"renewal": {}}], dt="3 ms", range={"lo": -1, "hi": 1}, seed=12345678901234567890),
        h.stream("place", 3, [{"population": {"out_features": 4}}], range={"lo": -1, "hi": 1}, input={"type": "f32", "on_stale": "silence", "stale_after": "20 ms"}),
        h.stream("text", 2, ["if"], input={"type": "json"}),
        h.stream("some", 4, [{"poisson": {"f_max": 433.3333333333333}}, {"refractory": {}}], input={"type": "pairs"}, range={"lo": 0, "hi": 1}),
    ]


class Recorder:
    """spikectl record, as a context manager; ends it like Ctrl-C does."""

    def __init__(self, daemon, name, *more, limit=None, code=0):
        self.path, self.code, self.daemon = path(name), code, daemon
        binary = os.environ.get("SPIKECTL_BIN") or Path(h.binary()).with_name("spikectl")

        def limited():
            if limit:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        self.process = subprocess.Popen(
            [str(binary), "record", self.path, *more, "--publish", daemon.publish, "--control", daemon.control_at],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=limited)

    def __enter__(self):
        """It has the state of every stream, and so has subscribed."""
        h.until("the recorder has asked for all states", self._begun, timeout=20)
        return self

    def _begun(self):
        if self.process.poll() is not None:
            raise h.Failed(f"record ended with {self.process.returncode}: {self.process.communicate()}")
        have = {t for _, t, _ in records(self.path)} if os.path.exists(self.path) else set()
        names = {s["stream"] for s in self.daemon.control("streams")}
        return all(f"rec/state/{name}/" in have for name in names)

    def __exit__(self, kind, error, trace):
        if kind:
            self.process.kill()
        else:
            self.end()

    def end(self, how=signal.SIGINT):
        if self.process.poll() is None:
            self.process.send_signal(how)
        self.out, self.err = self.process.communicate(timeout=20 * h.SLOW)
        if how == signal.SIGINT and self.process.returncode != self.code:
            raise h.Failed(f"record ended with {self.process.returncode}: {self.out}{self.err}")


def chunks(data):
    """(offset, end) of each whole chunk, by the description of the format alone (docs/RECORDING.md)."""
    if len(data) < 32 or len(data) < struct.unpack_from("<I", data, 8)[0]:
        return
    at = struct.unpack_from("<I", data, 8)[0]
    while at + 48 <= len(data):
        magic, _, _, _, stored = struct.unpack_from("<4sBBHI", data, at)
        if magic != b"SPKC" or at + 48 + stored > len(data):
            return
        yield at, at + 48 + stored
        at += 48 + stored


def records(name):
    """(time, topic, frames) of every whole chunk that is not compressed."""
    data = Path(name).read_bytes()
    for at, end in chunks(data):
        at += 48
        while at < end:
            size, count, when = struct.unpack_from("<IIq", data, at)
            lengths = struct.unpack_from(f"<{count}I", data, at + 16)
            frames, place = [], at + 16 + 4 * count
            for length in lengths:
                frames.append(data[place:place + length])
                place += length
            yield when, frames[0].decode(), frames
            at += 4 + size


class Sensors:
    """Sends rows of every stream, now and then none, or several at once."""

    def __init__(self, daemon, seed):
        self.daemon, self.rng, self.sent = daemon, random.Random(seed), 0

    def row(self, name):
        values = [self.rng.uniform(-1, 1) for _ in range(SHAPES[name])]
        kind = {"arm": "f64", "mic": "i16", "text": "json", "some": "pairs"}.get(name, "f32")
        if kind == "json":
            return json.dumps({"values": values, "time_ns": time.time_ns()} if self.sent % 2 else values).encode()
        if kind == "pairs":
            return b"".join(struct.pack("<If", c, abs(v)) for c, v in enumerate(values) if v > -0.3) or struct.pack("<If", 0, 1)
        if kind == "i16":
            return struct.pack("<h", int(values[0] * 1000))
        if self.rng.random() < 0.05:
            values[0] = float("nan")
        return struct.pack(f"<{len(values)}{'d' if kind == 'f64' else 'f'}", *values)

    def send(self, names=tuple(SHAPES)):
        for name in names:
            if self.rng.random() < 0.2:
                continue
            rows = self.row(name)
            if name in ("mic", "arm") and self.rng.random() < 0.1:
                rows += self.row(name) * 2
            stamp = (time.time_ns(), self.sent) if self.sent % 3 else None
            self.daemon.send_row(name, rows, stamp)
            self.sent += 1

    def live(self, seconds, names=tuple(SHAPES)):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.send(names)
            time.sleep(self.rng.choice((0.0005, 0.001, 0.004)))


def verified(name, ticks, code=0, more=()):
    result = spikectl("verify", path(name), "--spiked", h.binary(), "--json", code=code)
    for s in result["streams"]:
        if s["differing"]:
            raise h.Failed(f"{name}: {s['stream']} differs: {s['first']}")
    h.claim(f"{name}: {result['frames']} frames of {len(result['streams'])} streams are the same again", result["ticks"] > ticks, result)
    return result


def clock_wall_while_things_change():
    config = {"clock": "wall", "dt": "1 ms", "send_queue": 100000, "overrun": "skip", "seed": 9, "streams": streams()}
    with h.Daemon(config) as daemon:
        sensors = Sensors(daemon, SEED)
        sensors.live(0.3)
        with Recorder(daemon, "wall.spkrec") as recorder:
            sensors.live(0.3)
            daemon.control("set", name="imu", stage=1, param="f_max", value=120.5)
            sensors.live(0.1)
            daemon.control("reset", name="arm")
            daemon.control("reset", name="imu")
            sensors.live(0.2)
            daemon.process.send_signal(signal.SIGSTOP)  # ticks are skipped
            time.sleep(0.05)
            daemon.process.send_signal(signal.SIGCONT)
            sensors.live(0.2)
            daemon.control("remove", name="eye")
            added = h.stream("eye", 4, [{"poisson": {"f_max": 200}}], range={"lo": -1, "hi": 1})
            daemon.control("add", stream=added)
            sensors.live(0.4)
        h.claim("ticks were skipped", daemon.counters("arm")["skipped_ticks"] > 10)
        h.claim(f"told: {recorder.out.splitlines()[0]}", " rows of 9 streams" in recorder.out and "lost" not in recorder.out, recorder.out)
    info = spikectl("info", recorder.path, "--json")
    h.equal("nothing was lost", sum(t.get("lost", 0) for t in info["topics"].values()), 0)
    h.equal("it ended in order", (info["ended"], info["damage"]["places"]), ("interrupted", 0))
    result = verified("wall.spkrec", 1000)
    compared = {s["stream"]: s for s in result["streams"]}
    h.claim("and every stream was compared to the end", all(s["begun"] and not s["stopped"] and not s["unstarted"] for s in compared.values()), result)
    return recorder.path


def clocks_data_and_manual():
    for clock in ("data", "manual"):
        config = {"clock": clock, "dt": "1 ms", "seed": 5, "streams": streams()}
        with h.Daemon(config) as daemon:
            sensors = Sensors(daemon, SEED + 1)

            def run(rounds):
                for _ in range(rounds):
                    sensors.send()
                    if clock == "manual":
                        daemon.send(b"", struct.pack("<Q", sensors.rng.choice((1, 1, 1, 2, 5))))
            run(50)
            with Recorder(daemon, f"{clock}.spkrec"):
                run(150)
                daemon.control("set", name="skin", stage=0, param="theta", value=0.11)
                run(100)
                daemon.control("reset", name="mic")
                run(100)
                daemon.control("snapshot", name="imu")
                quiet(daemon)
        verified(f"{clock}.spkrec", 1000)


def replayed_into_a_running_spiked(wall):
    for clock in ("data", "manual"):
        source = {"clock": clock, "dt": "1 ms", "seed": 5, "streams": streams()}
        with h.Daemon(source) as daemon:
            sub = daemon.sub("spikes/imu/", "spikes/arm/")
            with Recorder(daemon, f"again-{clock}.spkrec") as recorder:
                spikectl("replay", path(f"{clock}.spkrec"), "--ingest", daemon.ingest, "--control", daemon.control_at)
                played = spikes_of(sub)
                time.sleep(0.2)
        with h.Daemon(source) as daemon:
            sub = daemon.sub("spikes/imu/", "spikes/arm/")
            said = spikectl("replay", recorder.path, "--json", "--ingest", daemon.ingest, "--control", daemon.control_at)
            h.equal(f"clock {clock}: rows are all taken", (said["taken"], said["refused"]), (said["rows"], 0))
            h.equal(f"clock {clock}: {len(played)} frames come out the same, byte by byte", spikes_of(sub), played)
    with h.Daemon({"clock": "wall", "dt": "1 ms", "streams": streams()}) as daemon:
        span = 0.5
        times = [when for when, topic, _ in records(wall) if topic.startswith(("rows/", "rec/begin/"))]
        start = (times[1] - times[0]) / 1e9 + 0.02
        began = time.monotonic()
        said = spikectl("replay", wall, "imu", "arm", "--from", f"{start}", "--to", f"{start + span}", "--speed", "2", "--json",
                        "--ingest", daemon.ingest, "--control", daemon.control_at)
        h.claim(f"in real time, twice as fast: {said['seconds']:.2f} s", span / 2 * 0.8 < said["seconds"] < (time.monotonic() - began))
        h.equal("of two streams", (daemon.counters("imu")["rows"] + daemon.counters("arm")["rows"], daemon.counters("skin")["rows"]), (said["rows"], 0))


def quiet(daemon):
    """Until rows that are under way have been taken."""
    def rows():
        return sum(s["rows"] for s in daemon.control("stats")["streams"].values())
    seen = [-1]
    while rows() != seen[0]:
        seen[0] = rows()
        time.sleep(0.2)


def spikes_of(sub):
    return [(topic, head["tick"], payload) for topic, head, payload in sub.drain(0.25)]


def losses_are_told_and_verified_around():
    config = {"clock": "wall", "dt": "1 ms", "send_queue": 50, "streams": [h.stream("imu", 2000, ["lif"]), h.stream("arm", 2000, [{"poisson": {}}])]}
    with h.Daemon(config) as daemon:
        with Recorder(daemon, "lost.spkrec") as recorder:
            for rounds, pause, stopped in ((250, 0.001, False), (1500, 0.0003, True), (250, 0.001, False)):
                if stopped:  # for longer than what the kernel's buffers hold, 24 MB
                    recorder.process.send_signal(signal.SIGSTOP)
                for _ in range(rounds):
                    for name in ("imu", "arm"):
                        daemon.send_row(name, struct.pack("<2000f", *[random.random()] * 2000))
                    time.sleep(pause)
                recorder.process.send_signal(signal.SIGCONT)
    lost = [json.loads(frames[1]) for _, topic, frames in records(recorder.path) if topic == "rec/lost/"]
    h.claim("losses are written down", {"rows/imu/", "spikes/arm/"} <= {entry["topic"] for entry in lost}, lost)
    h.claim("and told", "were lost on the way" in recorder.out, recorder.out)
    result = verified("lost.spkrec", 200)
    h.claim("what came before and after was compared, what came in between not",
            all(s["begun"] and s["outside"] > 10 and s["spikes"] > 100 for s in result["streams"]), result)


def a_flipped_byte_is_found(wall):
    rng = random.Random(SEED)
    whole = Path(wall).read_bytes()
    found = list(chunks(whole))
    for at in [5, 20, found[1][0] + 2, found[1][0] + 9, found[-1][0] + 21] + [rng.randrange(len(whole)) for _ in range(20)]:
        data = bytearray(whole)
        data[at] ^= 1 << rng.randrange(8)
        Path(path("flipped.spkrec")).write_bytes(data)
        said = spikectl("info", path("flipped.spkrec"), code=1)
        if not ("damaged" in said or "no recording" in said or "passed over" in said):
            raise h.Failed(f"byte {at}: {said}")
    h.claim("a flipped bit in any of 25 places is found", True)
    for number, (at, end) in enumerate(found[1:], 1):
        data = bytearray(whole)
        data[(at + 48 + end) // 2] ^= 4
        Path(path("flipped.spkrec")).write_bytes(data)
        said = spikectl("verify", path("flipped.spkrec"), "--spiked", h.binary(), code=1)
        h.claim(f"chunk {number}: verify tells of it, and compares the rest",
                "checksum does not fit" in said and "frames compared, 0 differ" in said, said)
    changed = change_a_spike(whole)
    Path(path("changed.spkrec")).write_bytes(changed)
    said = spikectl("verify", path("changed.spkrec"), "--spiked", h.binary(), code=4)
    h.claim("a recording whose chunks are whole but whose spikes are others differs", "the first difference: tick" in said, said)
    print("     ", [line for line in said.splitlines() if "first difference" in line][0])


def _table():
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        yield byte


TABLE = list(_table())


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 255]
    return crc ^ 0xFFFFFFFF


def change_a_spike(whole):
    """One bit of a state, in a chunk that is made good again."""
    data = bytearray(whole)
    for at, end in list(chunks(whole))[2:]:
        place = whole.find(b"state/arm/SPK1", at, end)
        if place > 0:
            data[place + len("state/arm/") + 64 + 1] ^= 1
            struct.pack_into("<I", data, at + 20, crc32c(data[at + 48:end]))
            struct.pack_into("<I", data, at + 44, crc32c(data[at:at + 44]))
            return data
    raise h.Failed("there is no state in the recording")


def rewrite(name, source, keep):
    """The recording with those records only for whose number, topic and header `keep` says so, in one chunk."""
    whole = Path(source).read_bytes()
    payload, kept, times = bytearray(), 0, []
    for number, (when, topic, frames) in enumerate(records(source)):
        if not keep(number, topic, frames[1]):
            continue
        body = struct.pack(f"<Iq{len(frames)}I", len(frames), when, *map(len, frames)) + b"".join(frames)
        payload += struct.pack("<I", len(body)) + body
        kept += 1
        times.append(when)
    head = bytearray(struct.pack("<4sBBHIIIIqqII", b"SPKC", 1, 0, 0, len(payload), len(payload), kept, crc32c(payload),
                                 min(times), max(times), 0, 0))
    struct.pack_into("<I", head, 44, crc32c(head[:44]))
    Path(path(name)).write_bytes(whole[:struct.unpack_from("<I", whole, 8)[0]] + head + payload)


def whatever_is_lost_no_difference_is_told(wall):
    """Of ticks after skipped ones, and of whatever was sent at some moments. What says `reset` is kept: a reset
    that nothing tells of cannot be done again."""
    def flags(topic, head):
        return struct.unpack_from("<H", head, 6)[0] if topic.startswith(("spikes/", "state/")) else 0

    def losable(topic, head):
        return topic.startswith(("spikes/", "state/", "rows/")) and not flags(topic, head) & 8
    rng = random.Random(SEED)
    gaps = [number for number, (_, topic, (_, head, *_)) in enumerate(records(wall)) if flags(topic, head) & 2]
    rewrite("gapless.spkrec", wall, lambda _, topic, head: not (flags(topic, head) & 2 and losable(topic, head)))
    verified("gapless.spkrec", 100)
    lost = set()
    for start in gaps[:1] + [rng.randrange(5000, 15000) for _ in range(3)]:
        lost.update(number for number in range(start - 5, start + 25) if rng.random() < 0.7)
    rewrite("bursts.spkrec", wall, lambda number, topic, head: number not in lost or not losable(topic, head))
    verified("bursts.spkrec", 100)


def without_states_it_begins_with_the_first_row():
    with h.Daemon({"clock": "manual", "dt": "1 ms", "seed": 5, "streams": streams()}) as daemon:
        with Recorder(daemon, "first.spkrec") as recorder:
            sensors = Sensors(daemon, SEED)
            for _ in range(60):
                sensors.send()
                daemon.send(b"", struct.pack("<Q", 2))
            quiet(daemon)
    rewrite("stateless.spkrec", recorder.path, lambda _, topic, head: not topic.startswith("rec/state/"))
    result = verified("stateless.spkrec", 500)
    h.claim("all of it", all(s["begun"] and not s["outside"] for s in result["streams"]), result)


def cut_off_anywhere_it_reads_up_to_the_last_whole_chunk(wall):
    rng = random.Random(SEED)
    whole = Path(wall).read_bytes()
    first = struct.unpack_from("<I", whole, 8)[0]
    numbers = {}
    count = 0
    for at, end in chunks(whole):
        count += struct.unpack_from("<I", whole, at + 16)[0]
        numbers[end] = count
    h.claim(f"{len(numbers)} chunks", len(numbers) >= 2)
    for _ in range(60):  # test_record does it a thousand times
        at = rng.randrange(first, len(whole))
        Path(path("part.spkrec")).write_bytes(whole[:at])
        info = spikectl("info", path("part.spkrec"), "--json")
        wanted = max((n for end, n in numbers.items() if end <= at), default=0)
        if info["records"] != wanted:
            raise h.Failed(f"{at} bytes: {info['records']} records instead of {wanted}")
    h.claim("cut off at 60 places: all whole chunks are read", True)


def disks_fill_up():
    with h.Daemon({"clock": "wall", "dt": "1 ms", "streams": [h.stream("imu", 1000, ["lif"])]}) as daemon:
        recorder = Recorder(daemon, "full.spkrec", limit=3 << 20, code=1)
        sensors = time.monotonic() + 20
        while recorder.process.poll() is None and time.monotonic() < sensors:
            daemon.send_row("imu", struct.pack("<1000f", *range(1000)))
            time.sleep(0.001)
        recorder.end()
        h.claim(f"a limit on files: {recorder.err.strip()}", "as large as files may be" in recorder.err)
        info = spikectl("info", recorder.path, "--json")
        h.claim("what is there is whole", info["records"] > 100 and info["unfinished_bytes" if "unfinished_bytes" in info else "damage"]["bytes"] == 0, info)
        said = spikectl("record", "/dev/full", "--publish", daemon.publish, "--control", daemon.control_at, code=1)
        h.claim(f"a full disk: {said.strip()}", "the disk is full" in said)
        said = spikectl("record", recorder.path, "--publish", daemon.publish, code=1)
        h.claim("no recording is overwritten", "is there already" in said)
        killed = Recorder(daemon, "killed.spkrec", "-z", "--seconds", "30")
        time.sleep(1.3)
        killed.end(signal.SIGKILL)
        info = spikectl("info", killed.path, "--json")
        h.claim("killed, it can be read", info["records"] > 50 and info["ended"] is None, info)


def cat_prints_it(wall):
    said = spikectl("cat", wall, "rows/imu/", "spikes/imu/", "-n", "20000")
    h.claim("lines for people", " row: " in said and "meta/imu/" not in said)
    lines = [json.loads(line) for line in spikectl("cat", wall, "--json").splitlines()]
    kinds = {line["topic"].split("/")[0] for line in lines}
    h.equal("and for programs", kinds, {"rec", "meta", "rows", "spikes", "state", "status"})
    ticks = [line["tick"] for line in lines if line["topic"] == "spikes/arm/"]
    some = range(ticks[300], ticks[300] + 100)
    wanted = [tick for tick in ticks if tick in some]
    part = path("ticks.spkrec")
    spikectl("cut", wall, part, "arm", "--ticks", f"{some[0]}:{some[-1] + 1}", "-z")
    got = [json.loads(line)["tick"] for line in spikectl("cat", part, "spikes/", "--json").splitlines()]
    h.equal("cut by ticks, compressed", got, wanted)
    info = spikectl("info", part, "--json")
    h.equal("with what it needs", (info["ended"], "meta/arm/" in info["topics"], "spikes/imu/" in info["topics"]), ("cut", True, False))
    begin = lines[0]["received_ns"]
    times = [(line["received_ns"] - begin) / 1e9 for line in lines if line["topic"] == "state/arm/"]
    some = times[len(times) // 4], times[len(times) // 2]
    got = spikectl("cat", wall, "state/arm/", "--json", "--from", f"{some[0]}", "--to", f"{some[1]}").splitlines()
    h.claim(f"by time: {len(got)} frames", abs(len(got) - len(times) / 4) < len(times) / 8, len(times))


def main():
    made = {}

    def wall():
        made["wall"] = clock_wall_while_things_change()
    wall.__name__ = clock_wall_while_things_change.__name__

    def on_wall(test):
        def run():
            test(made["wall"])
        run.__name__ = test.__name__
        return run
    h.main(wall, on_wall(cat_prints_it), clocks_data_and_manual, on_wall(replayed_into_a_running_spiked), losses_are_told_and_verified_around,
           on_wall(a_flipped_byte_is_found), on_wall(whatever_is_lost_no_difference_is_told), without_states_it_begins_with_the_first_row,
           on_wall(cut_off_anywhere_it_reads_up_to_the_last_whole_chunk), disks_fill_up)


main()
