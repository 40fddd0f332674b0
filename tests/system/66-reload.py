#!/usr/bin/python3
"""The configuration is read again: all of it is put in force, or nothing, and who did not change notices nothing.

Environment: SPIKED_RELOADS, how many reloads in a row under load (100).

SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import re
import signal
import socket
import struct
import time

import harness as h
import zmq
from zmq.utils.monitor import recv_monitor_message

RELOADS = int(os.environ.get("SPIKED_RELOADS", "100"))
POISSON = [{"poisson": {"f_max": 300}}]
LIF = [{"lif": {"v_th": 100}}]


def write(daemon, config):
    """The file anew; endpoints that it does not name stay as they are."""
    text = h.config_text(config, ingest=[daemon.ingest], publish=[daemon.publish], control=daemon.control_at)
    daemon.path.write_text(text)


def reload(daemon, config, **wanted):
    write(daemon, config)
    result = daemon.control("reload")
    for key, value in wanted.items():
        if result[key] != value:
            raise h.Failed(f"reload: {key} is {result[key]}, not {value}: {result}")
    return result


def refused(daemon, config):
    write(daemon, config)
    request = {"jsonrpc": "2.0", "id": 1, "method": "reload"}
    answer = json.loads(daemon.control_bytes(json.dumps(request).encode()))
    if "error" not in answer:
        raise h.Failed(f"was accepted: {answer}")
    if answer["error"]["code"] != -32006:
        raise h.Failed(f"another error: {answer}")
    return answer["error"]


def others(number):
    """What changes beside the stream that does not: a stream comes and goes, another changes."""
    streams = [h.stream("p", 3, [{"lif": {"v_th": 1 + number % 3}}], group="g"), h.stream("c", 1 + number % 2)]
    if number % 2:
        streams.append(h.stream(f"x{number}", 5, POISSON, dt="3 ms", group="other"))
    return streams


def same_part(message):
    topic, head, payload = message
    return topic, {key: head[key] for key in ("kind", "format", "flags", "tick", "seq", "source_ns", "lines", "count")}, payload


KEPT = [h.stream("a", 8, POISSON, seed=7, group="g"), h.stream("v", 2, LIF)]


def run_manual(reloads):
    with h.Daemon({"clock": "manual", "streams": KEPT + others(0)}) as daemon:
        sub = daemon.sub("spikes/a/", "state/v/", "values/a/")
        for number in range(20):
            daemon.send_f32("a", *[(number + c) % 10 / 10 for c in range(8)], stamp=(number + 1, number))
            daemon.send_f32("v", number, -number, stamp=(number + 1, number))
            daemon.wait_rows("a", number + 1)
            daemon.wait_rows("v", number + 1)
            daemon.step(2)
            if reloads:
                reload(daemon, {"clock": "manual", "streams": KEPT + others(number + 1)}, kept=2)
            daemon.step(3)
        return [same_part(m) for m in sub.take(300)]


def run_data(reloads):
    with h.Daemon({"clock": "data", "streams": KEPT[:1] + others(0)}) as daemon:
        sub = daemon.sub("spikes/a/", "values/a/")
        for number in range(20):
            daemon.send_row("a", struct.pack("<800f", *[(number * 800 + i) % 97 / 97 for i in range(800)]), stamp=(number + 1, number))
            if reloads:
                reload(daemon, {"clock": "data", "streams": KEPT[:1] + others(number + 1)}, kept=1)
        return [same_part(m) for m in sub.take(4000)]


def unchanged_streams_are_bit_equal_with_and_without_reloads():
    plain = run_manual(False)
    h.claim("manual: 300 frames are the same, byte for byte, with 20 reloads between them", plain == run_manual(True))
    h.claim("which spikes, and state", sum(m[1]["count"] for m in plain if m[0] == "spikes/a/") > 100)
    h.claim("data: 4000 frames are", run_data(False) == run_data(True))


def wall_clock_misses_no_tick():
    constant = [c / 8 for c in range(8)]
    with h.Daemon({"clock": "manual", "streams": KEPT}) as daemon:
        sub = daemon.sub("spikes/a/")
        daemon.send_f32("a", *constant)
        daemon.wait_rows("a", 1)
        daemon.step(60000)
        wanted = {m[1]["tick"]: m[2] for m in sub.take(60000)}
    # Late ticks all run: what else this machine does must not look like a reload's doing.
    with h.Daemon({"max_catch_up": 1000000, "streams": KEPT + others(0)}) as daemon:
        daemon.send_f32("a", *constant)
        daemon.wait_rows("a", 1)
        sub = daemon.sub("spikes/a/")
        first, messages = None, []
        for number in range(RELOADS):
            if number == RELOADS // 2:
                first = usage(daemon)
            while not sub.nothing(0):
                messages.append(sub.recv())
            reload(daemon, {"max_catch_up": 1000000, "streams": KEPT + others(number + 1)}, kept=2)
        messages += sub_until(daemon, sub)
        h.until("no descriptor is left over", lambda: usage(daemon)[1] <= first[1])
        last = usage(daemon)
        lateness = daemon.control("stats")["daemon"]["lateness_ns"]
    after = messages.pop()
    print(f"      {RELOADS} reloads, {len(messages)} ticks; memory {first[0]} -> {last[0]} kB, descriptors {first[1]} -> "
          f"{last[1]}; ticks late by {lateness['p50'] / 1000:g} us (half), {lateness['p99'] / 1000:g} us (1 in 100)", flush=True)
    seqs, ticks = ([m[1][key] for m in messages] for key in ("seq", "tick"))
    h.equal("no frame is missing", seqs, list(range(seqs[0], after[1]["seq"])))
    h.equal("no tick is", ticks, list(range(ticks[0], after[1]["tick"])))
    h.claim("and each tick's spikes are those of an undisturbed stream",
            all(wanted[m[1]["tick"]] == m[2] for m in messages if m[1]["tick"] < 60000))
    h.claim("no reset is flagged", not any(m[1]["flags"] & h.RESET for m in messages))
    if not h.INSTRUMENTED:
        h.claim("no memory is", last[0] - first[0] < 1000, (first, last))


def sub_until(daemon, sub):
    """All messages up to one that was made after this was called."""
    wanted = daemon.counters("a")["ticks"] + 1
    messages = [sub.recv()]
    while messages[-1][1]["tick"] < wanted:
        messages.append(sub.recv())
    return messages


def usage(daemon):
    pid = daemon.process.pid
    status = h.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s*(\d+)", status)[1]), len(os.listdir(f"/proc/{pid}/fd"))


def a_bad_file_changes_nothing():
    config = {"clock": "manual", "streams": [h.stream("a", 2, LIF)]}
    with h.Daemon(config) as daemon:
        sub = daemon.sub("state/a/")
        daemon.send_f32("a", 5, 6)
        daemon.wait_rows("a", 1)
        daemon.step(3)
        before = daemon.control("info"), daemon.control("streams")
        error = refused(daemon, "clock: manual\ndt: fast\nstreams:\n  - name: b\n    channels: 0\n    encode: [liff]\n"
                                "  - {name: b, channels: 1, encode: [lif]}\n")
        places = {(f["line"], f["path"]) for f in error["data"]["faults"] if not f["warning"]}
        h.equal("every fault is told, with its line", places,
                {(2, "dt"), (5, "streams[0].channels"), (6, "streams[0].encode[0]"), (7, "streams[1].name")})
        h.claim("and its column", all(f["column"] for f in error["data"]["faults"]))
        h.claim("the message is of people", "nothing was changed" in error["message"] and ":2:" in error["message"], error["message"])
        h.claim("the log has them", all(f":{line}:" in daemon.log() for line, _ in places))
        for text in ("", "streams: [", "\x00\x01", "streams:\n\t- x\n", "a: &a [*a]\n"):
            daemon.path.write_text(text)
            h.claim(f"nor does {text[:12]!r}", refused_as_is(daemon)["faults"])
        daemon.path.unlink()
        h.claim("nor a file that is gone", "cannot be read" in refused_as_is(daemon)["faults"][0]["message"])
        after = daemon.control("info"), daemon.control("streams")
        for info in before[0], after[0]:
            info.pop("uptime_s")
        h.claim("all is as it was", before == after, (before, after))
        daemon.step(3)
        h.equal("and the stream goes on", [m[1]["tick"] for m in sub.take(6)], list(range(6)))
        daemon.process.send_signal(signal.SIGHUP)
        h.until("SIGHUP is told in the log", lambda: daemon.log().count("nothing was changed") >= 8)


def refused_as_is(daemon):
    answer = json.loads(daemon.control_bytes(b'{"jsonrpc":"2.0","id":1,"method":"reload"}'))
    return answer["error"]["data"]


def keys_that_need_a_restart_are_refused():
    streams = [h.stream("a", 1)]
    with h.Daemon({"clock": "manual", "streams": streams}) as daemon:
        for key, value in (("clock", "wall"), ("send_queue", 7), ("receive_queue", 7), ("realtime", {"cpu": 0})):
            faults = refused(daemon, {"clock": "manual", "streams": [h.stream("b", 1)], key: value})["data"]["faults"]
            h.claim(f"{key}", [f["path"] for f in faults if not f["warning"]] == [key] and "restart" in faults[0]["message"], faults)
        faults = refused(daemon, {"clock": "manual", "streams": streams, "max_row_bytes": "100 MiB"})["data"]["faults"]
        h.claim("max_row_bytes beyond what the sockets take", "restart" in faults[0]["message"], faults)
        h.equal("and nothing of the rest is done", [s["stream"] for s in daemon.control("streams")], ["a"])


def daemon_keys_change_live():
    rows = [h.stream("a", 400), h.stream("own", 1, dt="1 ms", seed=1)]
    with h.Daemon({"clock": "manual", "max_row_bytes": 1600, "streams": rows}) as daemon:
        sub = daemon.sub("spikes/a/", "spikes/own/")
        daemon.step(4)
        sub.take(8)
        result = reload(daemon, {"clock": "manual", "dt": "2 ms", "seed": 3, "max_row_bytes": 3200, "max_catch_up": 3,
                                 "overrun": "skip", "streams": rows})
        h.equal("told", (sorted(result["keys"]), result["anew"], result["kept"]),
                (["dt", "max_catch_up", "max_row_bytes", "overrun", "seed"], [], 1))
        info = daemon.control("info")
        h.equal("info", [info[k] for k in ("dt_ns", "overrun", "max_catch_up", "max_row_bytes")], [2000000, "skip", 3, 3200])
        daemon.send_row("a", struct.pack("<800f", *[1] * 800))
        daemon.wait_rows("a", 2)
        h.claim("a longer row is taken", True)
        daemon.step(2)
        messages = sub.take(6)
        h.equal("a step is now 2 ms", [m[1]["tick"] for m in messages if m[0] == "spikes/own/"], [4, 5, 6, 7])
        h.equal("the other stream's ticks are as long", [(m[1]["tick"], m[1]["dt_ns"]) for m in messages if m[0] == "spikes/a/"],
                [(2, 2000000), (3, 2000000)])


def parameters_change_and_the_state_stays():
    def config(v_th, **more):
        return {"clock": "manual", "streams": [h.stream("s", 1, [{"lif": {"v_th": v_th}}], **more)]}

    with h.Daemon(config(100)) as daemon, h.Daemon(config(100)) as twin:
        subs = [d.sub("state/s/", "spikes/s/") for d in (daemon, twin)]
        for d in daemon, twin:
            d.send_f32("s", 50)
            d.wait_rows("s", 1)
            d.step(5)
        result = reload(daemon, config(90, unit="V", publish={"payload": "bitmap"}, group="g"), changed=["s"], anew=[], kept=0)
        h.claim("it is changed", result["added"] == result["removed"] == [])
        for d in daemon, twin:
            d.step(5)
        states = [[h.floats(m[2])[0] for m in sub.drain() if m[0] == "state/s/"] for sub in subs]
        h.claim("its voltages are those of a stream that was left alone", states[0] == states[1] and len(states[0]) == 10, states)
        meta = daemon.control("stream", name="s")
        h.equal("meta is of the new file", (meta["unit"], meta["payload"], meta["group"], meta["pipeline"][0]["params"]["v_th"]),
                ("V", "bitmap", "g", 90))
        h.claim("its counts go on", meta["counters"]["rows"] == 1 and meta["counters"]["ticks"] == 10)
        reload(daemon, config(1), changed=["s"])
        daemon.step(1)
        spikes = [m for m in subs[0].drain() if m[0] == "spikes/s/"][-1]
        h.equal("a lower threshold fires at once", (spikes[1]["count"], spikes[1]["flags"] & h.RESET), (1, 0))


def dt_and_windows_change_and_the_state_stays():
    def config(encode, **more):
        return {"clock": "manual", "streams": [h.stream("s", 1, encode, **more)]}

    with h.Daemon(config(LIF)) as daemon:
        sub = daemon.sub("state/s/")
        daemon.send_f32("s", 50)
        daemon.wait_rows("s", 1)
        daemon.step(6)
        before = sub.take(6)
        reload(daemon, config(LIF, dt="2 ms"), changed=["s"], anew=[])
        daemon.step(4)
        after = sub.take(2)
        h.equal("dt: ticks go on where the time is", [m[1]["tick"] for m in after], [3, 4])
        h.claim("from the voltage that was", h.floats(after[0][2])[0] > h.floats(before[-1][2])[0] > 0 and
                not any(m[1]["flags"] & h.RESET for m in after), (before, after))
        reload(daemon, config(LIF), changed=["s"], anew=[])
        daemon.step(1)
        h.equal("and back", sub.recv()[1]["tick"], 10)
    with h.Daemon(config(LIF, window=4)) as daemon:
        sub = daemon.sub("state/s/")
        daemon.send_f32("s", 50)
        daemon.wait_rows("s", 1)
        daemon.step(7)
        reload(daemon, config(LIF, window=3), changed=["s"], anew=[])
        daemon.step(7)
        windows = [m[1]["tick"] for m in sub.take(14) if m[1]["flags"] & h.WINDOW]
        h.equal("window: the next tick opens one of the new length", windows, [0, 4, 7, 10, 13])


def a_state_that_the_new_program_cannot_live_with():
    cases = (("window", {"window": 9, "encode": [{"phase_bits": {"bits": 3}}]}, {"window": 4}),
             ("encode", {"encode": [{"step_forward": {"refractory": 50}}]}, {"encode": [{"step_forward": {"refractory": 2}}]}))
    for why, before, after in cases:
        stream = {"name": "s", "channels": 1, "range": {"lo": 0, "hi": 1}, **before}
        with h.Daemon({"clock": "manual", "streams": [h.stream(**stream)]}) as daemon:
            sub = daemon.sub("spikes/s/")
            for number, value in enumerate((0.1, 0.9)):
                daemon.send_f32("s", value)
                daemon.wait_rows("s", number + 1)
                daemon.step(1 if number == 0 else 7)
            sub.take(8)
            reload(daemon, {"clock": "manual", "streams": [h.stream(**{**stream, **after})]},
                   changed=[], anew=[{"stream": "s", "why": why}])
            daemon.step(2)
            h.equal(f"{why}: is found out, and the stream begins anew", [bool(m[1]["flags"] & h.RESET) for m in sub.take(2)],
                    [True, False])


def parameters_that_set_refuses():
    """Where the new program can live with the state it goes on, else it begins anew: never anything worse."""
    cases = [
        ("poisson", "law", "linear", "hazard"), ("poisson", "rng", "philox", "mt19937"), ("step_forward", "max_steps", 9, 1),
        ("step_forward", "refractory", 50, 1), ("step_forward", "start", "sample", "zero"), ("if", "mode", "bipolar", "unipolar"),
        ("if", "cap", 9, 1), ("send_on_delta", "payload", "graded", "sign"), ("send_on_delta", "first", "emit", "silent"),
        ("derivative", "off", True, False), ("threshold", "edge", "both", "level"), ("moving_window", "w", 16, 3),
        ("two_window", "w", 9, 2), ("bsa", "f", 16, 4), ("filterbank", "order", 4, 2), ("filterbank", "bands", 4, 8),
        ("population", "out_features", 8, 4), ("jitter", "max", 9, 2)]
    needs = {"filterbank": {"f_lo": "10 Hz", "f_hi": "100 Hz"}}
    fates = {"changed": 0, "anew": 0}

    def config(number):
        streams = []
        for index, (stage, param, *values) in enumerate(cases):
            parameters = {**needs.get(stage, {}), param: values[number % 2]}
            before = [{"poisson": {"f_max": 500}}] if stage == "jitter" else []
            streams.append(h.stream(f"s{index}", 2, before + [{stage: parameters}], range={"lo": 0, "hi": 1}))
        return {"clock": "manual", "streams": streams}

    with h.Daemon(config(0)) as daemon:
        for number in range(1, 7):
            for index in range(len(cases)):
                daemon.send_f32(f"s{index}", number % 3 / 3, 0.9)
                daemon.wait_rows(f"s{index}", number)
            daemon.step(20)
            result = reload(daemon, config(number), kept=0, added=[], removed=[])
            for key in fates:
                fates[key] += len(result[key])
        daemon.step(20)
        ticks = {daemon.counters(f"s{index}")["ticks"] for index in range(len(cases))}
        h.claim(f"{fates['changed']} went on, {fates['anew']} began anew, and all tick", ticks == {140} and all(fates.values()), ticks)


def snapshots_go_on():
    with h.tempfile.TemporaryDirectory(prefix="spiked-test-") as folder:
        def config(every, *streams):
            return {"clock": "manual", "state": {"dir": f"{folder}/state", "every": every}, "streams": list(streams)}

        a, b = h.stream("a", 2, LIF), h.stream("b", 2, LIF)
        with h.Daemon(config("1 h", a, b)) as daemon:
            sub = daemon.sub("state/")
            for name in "ab":
                daemon.send_f32(name, 50, 60)
                daemon.wait_rows(name, 1)
            daemon.step(3)
            before = sub.take(6)
            for number in range(20):
                daemon.process.send_signal(signal.SIGHUP)
                daemon.control("save")
                reload(daemon, config("1 h", a, h.stream("b", 2 + number % 2, LIF)))
            reload(daemon, config("100 ms", a))
            saved = daemon.counters()["state_saved"]
            daemon.wait_counter("state_saved", saved + 3)
            h.claim("state.every may change", True)
            error = refused(daemon, {**config("1 s", a), "state": {"dir": f"{folder}/other"}})
            h.claim("state.dir needs a restart", "restart" in error["message"], error)
            write(daemon, config("1 h", a))
        with h.Daemon(config("1 h", a)) as daemon:
            sub = daemon.sub("state/a/")
            daemon.step(1)
            message = sub.recv()
            h.claim("what the last file named is restored", message[1]["flags"] & h.RESTORED and
                    h.floats(message[2])[0] > h.floats(before[-2][2])[0])


def inputs_change_and_what_is_kept_is_kept():
    def config(**more):
        return {"clock": "manual", "streams": [h.stream("s", 2, [], **more)]}

    with h.Daemon(config()) as daemon:
        sub = daemon.sub("values/s/")
        daemon.send_f32("s", 1, 2)
        daemon.wait_rows("s", 1)
        for number, more in enumerate(({"input": {"mode": "mean"}}, {"input": {"mode": "queue"}}, {"input": {"type": "f64"}},
                                       {"input": {"on_stale": "zero"}}, {"input": {"mode": "mean"}}, {})):
            reload(daemon, config(**more), changed=["s"], anew=[])
            daemon.step(1)
            h.equal(f"with {more} the row is still there", h.floats(sub.recv()[2]), [1, 2])
        reload(daemon, config(input={"mode": "queue", "queue_rows": 5}))
        for value in 3, 4, 5:
            daemon.send_f32("s", value, value)
        daemon.wait_rows("s", 4)
        daemon.step(1)
        reload(daemon, config(input={"mode": "queue", "queue_rows": 5}, unit="V"), changed=["s"])
        daemon.step(1)
        h.equal("a queue goes on", [h.floats(m[2])[0] for m in sub.take(2)], [3, 4])
        reload(daemon, config(), changed=["s"])
        daemon.step(1)
        h.equal("one that is given up is counted", (h.floats(sub.recv()[2])[0], daemon.counters("s")["queue_dropped"]), (4, 1))


def what_leaves_no_state_begins_anew_and_says_so():
    base = dict(name="s", channels=2, encode=[{"lif": {"v_th": 100}}])
    cases = (("channels", {"channels": 3}), ("window", {"window": 4}), ("encode", {"encode": [{"poisson": {}}]}),
             ("encode", {"range": {"lo": 0, "hi": 2}}), ("channels", {"channels": 3, "dt": "4 ms"}))
    for why, more in cases:
        with h.Daemon({"clock": "manual", "streams": [h.stream(**base)]}) as daemon:
            sub = daemon.sub("spikes/s/")
            daemon.send_f32("s", 50, 60)
            daemon.wait_rows("s", 1)
            daemon.step(8)
            sub.take(8)
            reload(daemon, {"clock": "manual", "streams": [h.stream(**{**base, **more})]}, anew=[{"stream": "s", "why": why}])
            daemon.step(8)
            heads = [m[1] for m in sub.take(2 if "dt" in more else 8)]
            h.equal(f"{why}: the first tick is flagged, and only that", [bool(x["flags"] & h.RESET) for x in heads],
                    [True] + [False] * (len(heads) - 1))
            h.equal(f"{why}: seq goes on, time too", ([x["seq"] for x in heads], [x["tick"] for x in heads]),
                    (list(range(8, 8 + len(heads))), [2, 3] if "dt" in more else list(range(8, 16))))
            h.claim(f"{why}: and the log says so", "begins anew" in daemon.log() and f"'{why}'" in daemon.log())


def streams_come_and_go_by_the_file():
    a, b, c = (h.stream(name, 1, [{"poisson": {"f_max": 1000}}]) for name in "abc")
    with h.Daemon({"clock": "manual", "streams": [a, b]}) as daemon:
        sub = daemon.sub("spikes/")
        daemon.step(2)
        reload(daemon, {"clock": "manual", "streams": [c, a]}, added=["c"], removed=["b"], kept=1, changed=[])
        daemon.send_f32("c", 1)
        daemon.wait_rows("c", 1)
        daemon.step(2)
        got = [(m[0][7:-1], m[1]["tick"], m[1]["count"]) for m in sub.take(8)]
        h.equal("they do", got, [("a", 0, 0), ("b", 0, 0), ("a", 1, 0), ("b", 1, 0), ("c", 2, 1), ("a", 2, 0), ("c", 3, 1), ("a", 3, 0)])
        daemon.control("add", stream=h.stream("run", 1))
        daemon.control("remove", name="a")
        daemon.control("set", name="c", stage=0, param="f_max", value=10)
        result = reload(daemon, {"clock": "manual", "streams": [c, a]}, added=["a"], removed=[], changed=["c"], kept=1)
        h.equal("what `add` made stays, what `remove` took comes back, what `set` set is as in the file",
                ([s["stream"] for s in daemon.control("streams")],
                 daemon.control("stream", name="c")["pipeline"][0]["params"]["f_max"]), (["c", "a", "run"], 1000))
        reload(daemon, {"clock": "manual", "streams": [h.stream("run", 1)]}, added=[], removed=["c", "a"], kept=1)
        reload(daemon, {"clock": "manual", "streams": []}, removed=["run"])
        h.equal("a stream that the file has named is the file's", daemon.control("streams"), [])
        reload(daemon, {"clock": "manual", "streams": [a]}, added=["a"])
        daemon.step(1)
        h.equal("one that comes back goes on counting", [(m[1]["tick"], m[1]["seq"]) for m in sub.drain()][-1:], [(4, 4)])
        daemon.control("add", stream=h.stream("run", 1, group="g", dt="5 ms"))
        error = refused(daemon, {"clock": "manual", "streams": [h.stream("a", 1, group="g")]})
        h.claim("a group that would have two dts is refused", "share dt" in error["message"], error)


class Watched:
    """Connection events of a client's socket."""

    def __init__(self, sock):
        self.monitor = sock.get_monitor_socket(zmq.EVENT_CONNECTED | zmq.EVENT_DISCONNECTED)

    def events(self):
        seen = []
        while self.monitor.poll(100):
            seen.append(recv_monitor_message(self.monitor)["event"])
        return seen


def listens(endpoint):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(endpoint.rsplit(":", 1)[1]))) == 0


def sockets_that_did_not_change_stay_open():
    streams = [h.stream("a", 1)]
    base = {"clock": "manual", "streams": streams}
    with h.Daemon(base) as daemon:
        more_in, more_out, control = (f"tcp://127.0.0.1:{port}" for port in h.free_ports(3))
        sub, push = daemon.sub("spikes/"), daemon.pusher()
        watched = Watched(sub.socket), Watched(push)
        for w in watched:
            w.events()
        both = {"ingest": [more_in, daemon.ingest], "publish": [more_out, daemon.publish]}
        reload(daemon, {**base, **both}, opened=[more_in, more_out], closed=[], kept=1)
        other_push, other_sub = daemon.context.socket(zmq.PUSH), h.Sub(daemon.context, more_out, ["spikes/"], 0, "meta/a/")
        other_push.connect(more_in)
        for s in push, other_push:
            s.send_multipart([b"a", struct.pack("<f", 1)])
        daemon.wait_rows("a", 2)
        daemon.step(1)
        h.equal("both ways in and out work", (sub.recv()[1]["tick"], other_sub.recv()[1]["tick"]), (0, 0))
        reload(daemon, base, opened=[], closed=[more_in, more_out])
        h.until("what the file does not name any more is closed", lambda: not listens(more_in) and not listens(more_out))
        push.send_multipart([b"a", struct.pack("<f", 1)])
        daemon.wait_rows("a", 3)
        daemon.step(1)
        h.equal("and the others go on", sub.recv()[1]["tick"], 1)
        h.equal("without a connection lost", [w.events() for w in watched], [[], []])
        for number in range(10):
            reload(daemon, {**base, **(both if number % 2 == 0 else {})})
        h.claim("an endpoint may go and come at once", True)
        old = daemon.control_at
        reload(daemon, {**base, "control": control}, opened=[control])
        daemon.control_at = control
        h.equal("the control socket may move, and the answer still comes", daemon.control("info")["endpoints"]["control"], control)
        h.until("the old one is closed", lambda: not listens(old))
    with h.Daemon({"streams": streams}) as daemon:
        write(daemon, {"streams": streams, "control": "none"})
        daemon.control("reload")
        h.until("it may go", lambda: not listens(daemon.control_at))
        write(daemon, {"streams": streams})
        daemon.process.send_signal(signal.SIGHUP)
        h.until("and come back", lambda: listens(daemon.control_at))
        h.claim("to answer", daemon.control("info"))


def a_port_that_is_taken_undoes_everything():
    streams = [h.stream("a", 1)]
    base = {"clock": "manual", "streams": streams}
    with h.Daemon(base) as daemon:
        ports = h.free_ports(4)
        taken, *free = (f"tcp://127.0.0.1:{port}" for port in ports)
        with socket.socket() as thief:
            thief.bind(("127.0.0.1", ports[0]))
            thief.listen()
            for key, value in (("ingest", [free[0], taken, daemon.ingest]), ("publish", [free[0], taken, daemon.publish]),
                               ("control", taken)):
                config = {**base, "ingest": [daemon.ingest, free[1]], "publish": [daemon.publish, free[2]],
                          key: value, "streams": [h.stream("b", 1)], "seed": 5}
                error = refused(daemon, config)
                h.claim(f"{key}: the sentence says which port", taken in error["message"] and key in error["message"], error["message"])
                h.until(f"{key}: what had been opened is closed", lambda: not any(listens(e) for e in free))
                h.equal(f"{key}: and the streams are as they were", [s["stream"] for s in daemon.control("streams")], ["a"])
        error = refused(daemon, {**base, "ingest": [daemon.publish], "publish": [daemon.ingest]})
        h.claim("ports cannot be swapped, and that is said", "spiked itself" in error["message"], error["message"])
        daemon.send_f32("a", 1)
        daemon.wait_rows("a", 1)
        reload(daemon, {**base, "publish": [daemon.publish, taken]}, opened=[taken])
        h.claim("once it is free it can be had", listens(taken))


def reloads_wait_their_turn():
    streams = [h.stream("a", 50, POISSON)]
    with h.Daemon({"clock": "data", "streams": streams}) as daemon:
        dealer = daemon.context.socket(zmq.DEALER)
        dealer.connect(daemon.control_at)
        extra = f"tcp://127.0.0.1:{h.free_ports(1)[0]}"
        write(daemon, {"clock": "data", "streams": streams + [h.stream("b", 1)], "publish": [daemon.publish, extra]})
        call = '{"jsonrpc":"2.0","id":%d,"method":"%s"%s}'
        dealer.send(call.encode() % (5, b"info", b""))
        dealer.recv()
        for number in range(4):
            dealer.send(call.encode() % (number, b"reload", b""))
        answers = {}
        while len(answers) < 4 and dealer.poll(5000):
            answer = json.loads(dealer.recv())
            answers[answer["id"]] = answer
        h.claim("each is answered: done, or one is under way", len(answers) == 4 and "result" in answers[0] and
                all("result" in a or a["error"]["code"] == -32003 for a in answers.values()), answers)
        for _ in range(5):
            daemon.process.send_signal(signal.SIGHUP)
        h.until("signals are answered in the log", lambda: daemon.log().count("reload of ") >= 2)
        slow = daemon.sub("values/a/", hwm=1)
        write(daemon, {"clock": "data", "streams": streams})
        for _ in range(300):
            daemon.send_row("a", struct.pack("<5000f", *[0.5] * 5000))
        h.until("a subscriber holds the clock", lambda: daemon.counters()["held"] > 0)
        dealer.send(call.encode() % (9, b"reload", b""))
        got = 0
        while not dealer.poll(0):
            slow.recv()
            got += 1
        h.claim("a reload is done while a subscriber holds the clock now and then", "result" in json.loads(dealer.recv()))
        while got < 30000:
            slow.recv()
            got += 1
        h.claim("and no row is lost", slow.nothing(0.1))


def turn_in_the_middle(rows, by_reading):
    def config(channels):
        return {"clock": "data", "streams": [h.stream("a", channels, POISSON, input={"type": "u8"}), h.stream("b", 1)]}

    with h.Daemon(config(50)) as daemon:
        slow = daemon.sub("values/a/", hwm=1)
        for _ in range(120000 // rows):
            daemon.send_row("a", bytes(50 * rows))
        h.until("a subscriber holds the clock", lambda: daemon.counters()["held"] > 0)
        write(daemon, config(33))
        daemon.process.send_signal(signal.SIGHUP)
        if by_reading:
            while "begins anew" not in daemon.log():
                slow.recv()
        else:
            time.sleep(0.05)  # it waits for the end of a tick, and then a tick's message is all that it waits for
        slow.close()
        daemon.send_f32("b", 1)
        daemon.wait_rows("b", 1, timeout=20)
        h.claim("the rest of it goes, its followers are refused, and sensors are not held for ever",
                daemon.counters("a")["rejected_length"] > 0)


def a_stream_turns_in_the_middle_of_a_message():
    turn_in_the_middle(400, by_reading=True)
    turn_in_the_middle(20000, by_reading=False)


def stopping_in_the_middle():
    for delay in 0, 0.002:
        with h.Daemon({"clock": "data", "streams": [h.stream("a", 50, POISSON)]}) as daemon:
            slow = daemon.sub("values/a/", hwm=1)
            for _ in range(300):
                daemon.send_row("a", struct.pack("<5000f", *[0.5] * 5000))
            h.until("a subscriber holds the clock", lambda: daemon.counters()["held"] > 0)
            ports = [f"tcp://127.0.0.1:{port}" for port in h.free_ports(2)]
            write(daemon, {"clock": "data", "streams": [h.stream("a", 40, POISSON), h.stream("b", 1)],
                           "ingest": ports[:1], "publish": ports[1:]})
            daemon.process.send_signal(signal.SIGHUP)
            time.sleep(delay)
            daemon.stop()
            slow.close()
    h.claim("a stop while a reload waits is clean", True)


def what_a_stop_cuts_off_is_not_saved():
    with h.tempfile.TemporaryDirectory(prefix="spiked-test-") as folder:
        def config(channels, **more):
            return {"clock": "data", "state": {"dir": f"{folder}/state", "every": "1 h"},
                    "streams": [h.stream("a", channels, LIF)], **more}

        with h.Daemon(config(50)) as daemon:
            slow = daemon.sub("values/a/", hwm=1)
            for _ in range(800):
                daemon.send_row("a", struct.pack("<5000f", *[0.5] * 5000))
            h.until("a subscriber holds the clock", lambda: daemon.counters()["held"] > 0)
            more = f"tcp://127.0.0.1:{h.free_ports(1)[0]}"
            write(daemon, config(5000, publish=[daemon.publish, more]))
            daemon.process.send_signal(signal.SIGHUP)
            h.until("its sockets are open", lambda: listens(more))
            time.sleep(0.05)
            done = "reload of" in daemon.log()
            daemon.stop()
            slow.close()
        if done:
            return
        with h.Daemon(config(50)) as daemon:
            sub = daemon.sub("spikes/a/")
            daemon.send_row("a", struct.pack("<50f", *[0.5] * 50))
            h.claim("a stream is saved as it was when a stop cut its reload off", sub.recv()[1]["flags"] & h.RESTORED)


def spikectl_reload():
    if not os.environ.get("SPIKECTL_BIN"):
        return
    with h.Daemon({"clock": "manual", "streams": [h.stream("a", 1)]}) as daemon:
        def ctl(*args):
            return h.subprocess.run([os.environ["SPIKECTL_BIN"], "reload", "--control", daemon.control_at, *args],
                                    capture_output=True, text=True, timeout=10 * h.SLOW)

        write(daemon, {"clock": "manual", "streams": [h.stream("b", 1)]})
        result = ctl()
        h.claim("spikectl reload says what it did", result.returncode == 0 and "streams added: b" in result.stdout, result)
        write(daemon, {"clock": "data", "streams": [h.stream("b", 1)]})
        result = ctl()
        h.claim("and why it did not", result.returncode != 0 and "clock" in result.stderr, result)


h.main(unchanged_streams_are_bit_equal_with_and_without_reloads, wall_clock_misses_no_tick, a_bad_file_changes_nothing,
       keys_that_need_a_restart_are_refused, daemon_keys_change_live, parameters_change_and_the_state_stays,
       dt_and_windows_change_and_the_state_stays, a_state_that_the_new_program_cannot_live_with, parameters_that_set_refuses, snapshots_go_on, inputs_change_and_what_is_kept_is_kept, what_leaves_no_state_begins_anew_and_says_so, streams_come_and_go_by_the_file,
       sockets_that_did_not_change_stay_open, a_port_that_is_taken_undoes_everything, reloads_wait_their_turn,
       a_stream_turns_in_the_middle_of_a_message, stopping_in_the_middle,
       what_a_stop_cuts_off_is_not_saved, spikectl_reload)
