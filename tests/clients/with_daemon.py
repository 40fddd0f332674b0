"""Tests of a client against the real daemon, beside a subscriber that shares no code with any client.

SPDX-License-Identifier: Apache-2.0
"""
import contextlib
import json
import math
import random
import threading
import time

import zmq

import harness as h
from agent import Refused
from messages import NUMBERS, Followed, decoded, equal, same

SEED = 20261130
TOKEN = "0123456789abcdef-conformance"
ROWS = 12
HEAVY = threading.Lock()  # one language at a time: 50 MB a second


@contextlib.contextmanager
def daemon_of(client, config, **more):
    """A daemon, and where the client finds it."""
    web = f"127.0.0.1:{h.free_ports(1)[0]}"
    with h.Daemon({"web": web, **config}, **more) as daemon:
        where = {"ingest": daemon.ingest, "publish": daemon.publish, "control": daemon.control_at, "web": f"ws://{web}/ws"}
        yield daemon, where
        client.agent.ask("close")  # before the daemon: nothing to linger for


def subscribe(client, daemon, *topics):
    """Subscribes the agent; the daemon knows of it when this returns."""
    mark = f"meta/{daemon._first[1]}/"
    client.agent.ask("subscribe", topics=[*topics, mark])
    end = time.monotonic() + 10 * h.SLOW
    while mark not in [message["topic"] for message in client.agent.receive(1)["messages"]]:
        if time.monotonic() > end:
            raise h.Failed(f"no {mark} came")
    client.agent.ask("unsubscribe", topics=[mark])


def of_every_format(draw):
    """Streams whose frames are of every format, a group among them, and rows for them: {name: [row, …]}."""
    wide = 77
    mirror, signed = {"poisson": {"f_max": 1000}}, {"signed_poisson": {"f_max": 1000}}
    streams = [
        h.stream("words", wide, [mirror]),
        h.stream("planes", wide, [signed], publish={"payload": "bitmap"}),
        h.stream("bitmap", wide, [mirror], publish={"payload": "bitmap"}),
        h.stream("auto", wide, [signed], publish={"payload": "auto"}),
        h.stream("counts", wide, [{"step_forward": {"theta": 0.5, "max_steps": 4}}]),
        h.stream("graded", wide, [{"send_on_delta": {"theta": 0.5, "payload": "graded", "first": "emit"}}], window=3),
        h.stream("lif", wide, ["lif"], group="body"),
        h.stream("people", 3, [{"population": {"out_features": 5}}], group="body"),
    ]
    choices = {"words": (0, 1), "bitmap": (0, 1), "planes": (0, 1, -1), "auto": (0, 0, 0, 0, 1, -1)}
    rows = {s["name"]: [[draw.choice(choices.get(s["name"], (0, 0.25, 2, -3.5))) for _ in range(s["channels"])]
                        for _ in range(ROWS)] for s in streams}
    return streams, rows


def published_frames_are_what_others_hear(client):
    draw = random.Random(SEED)
    streams, rows = of_every_format(draw)
    topics = ["spikes/", "state/", "values/", "json/", "bundle/body/"]
    with daemon_of(client, {"clock": "data", "dt": "1 ms", "streams": streams}) as (daemon, where):
        client.connect(where)
        sub = daemon.sub(*topics)
        subscribe(client, daemon, *topics)
        for at in range(ROWS):
            for s in streams:
                daemon.send_f32(s["name"], *rows[s["name"]][at])
        heard = everything(sub)
        wanted, follow = {}, Followed()
        for frames in heard:
            message = follow(decoded(frames))
            wanted.setdefault(message["topic"], []).append(message)
        for message in those_of(client.agent, topics, len(heard)):
            same(message, wanted[message["topic"]].pop(0))  # topics may come in another order
        formats = {part["format"] for frames in heard for part in decoded(frames).get("parts", [])}
        equal("formats that were seen", formats, {"words", "bitmap", "graded", "f32"})
        equal("kinds of topics", {frames[0].split(b"/")[0] for frames in heard}, {b"spikes", b"state", b"values", b"json", b"bundle"})
        for topic in ("meta/planes/", "status/"):
            client.agent.ask("subscribe", topics=[topic])
            [message] = those_of(client.agent, [topic], 1)
            equal(f"{topic}: the epoch", message["json"]["epoch"], daemon.control("info")["epoch"])
            client.agent.ask("unsubscribe", topics=[topic])


def those_of(agent, topics, count):
    """So many messages of these topics; a meta may still come that was asked for before."""
    found = []
    while len(found) < count:
        more = agent.receive(count - len(found))["messages"]
        if not more:
            raise h.Failed(f"{len(found)} messages came, not {count}")
        found += [message for message in more if message["topic"].startswith(tuple(topics))]
    return found


def everything(sub, quiet=0.2):
    """All messages until none has come for so long."""
    heard = []
    while True:
        try:
            heard.append(sub.frames(quiet))
        except TimeoutError:
            return heard


def rows_come_to_be_values(client):
    """Rows of every type that the client sends are what the daemon works with."""
    draw = random.Random(SEED + 1)
    kinds = [*NUMBERS, "json", "pairs"]
    streams = [h.stream(kind, 4, ["lif"], input={"type": kind}) for kind in kinds]
    with daemon_of(client, {"clock": "data", "dt": "1 ms", "streams": streams}) as (daemon, where):
        client.connect(where)
        sub = daemon.sub("values/")
        if "rows" in client.can:
            subscribe(client, daemon, "rows/")
        for kind in kinds:
            lo = 0 if kind[0] == "u" else -100
            first = [draw.randint(lo, 100) for _ in range(4)]
            second = [draw.randint(lo, 100), *([math.nan] if kind in ("f32", "f64", "json") else [7]), 100, lo]
            kept = [b if b == b else a for a, b in zip(first, second)]
            rows = [[None if x != x else x for x in row] for row in (first, second)]
            if kind == "pairs":
                for row in rows:
                    client.agent.ask("send", stream=kind, type=kind, rows=[[list(pair) for pair in enumerate(row)]])
                client.agent.ask("send", stream=kind, type=kind, rows=[[[2, 0.5], [0, -0.25]]])
                wanted = [first, kept, [-0.25, kept[1], 0.5, kept[3]]]
            else:
                client.agent.ask("send", stream=kind, type=kind, rows=rows)
                wanted = [first, kept]
            try:
                got = [h.floats(payload) for _, _, payload in sub.take(len(wanted))]
            except TimeoutError:
                raise h.Failed(f"{kind}: the rows do not come to be ticks: {daemon.counters(kind)}") from None
            equal(f"{kind} (seed {SEED + 1})", got, wanted)
            if "rows" in client.can:
                messages = [[[list(pair) for pair in enumerate(row)]] for row in rows] + [[[[2, 0.5], [0, -0.25]]]] \
                    if kind == "pairs" else [rows]
                passed = [m["parts"][0] for m in those_of(client.agent, [f"rows/{kind}/"], len(messages))]
                equal("and are passed on", [(part["kind"], part["format"], part["rows"]) for part in passed],
                      [("rows", kind, message) for message in messages])
        client.agent.ask("send", stream="f32", type="f32", rows=[[0.5] * 4], stamp={"time_ns": "1700000000000000123", "seq": "1000"})
        equal("the source time", sub.recv()[1]["source_ns"], 1700000000000000123)
        counters = daemon.counters()
        equal("nothing was rejected", {k: v for k, v in counters.items() if k.startswith("rejected_") and v}, {})
        equal("numbers that are missing are counted", daemon.counters("f32")["seq_gaps"], 999)


def control_and_its_errors(client):
    config = {"clock": "manual", "dt": "1 ms", "streams": [h.stream("imu", 2, [{"lif": {}}])]}
    with daemon_of(client, config) as (daemon, where):
        client.connect(where)
        agent = client.agent
        info = agent.call("info")
        equal("info", (info["clock"], info["epoch"]), ("manual", daemon.control("info")["epoch"]))
        equal("a list", [s["stream"] for s in agent.call("streams")], ["imu"])
        equal("set", agent.call("set", {"name": "imu", "stage": "lif", "param": "v_th", "value": 0.75})["value"], 0.75)
        equal("by place", agent.call("stream", ["imu"])["pipeline"][0]["params"]["v_th"], 0.75)
        equal("step", agent.call("step", {"ticks": 250})["ticks"], 250)
        new = h.stream("new", 3, [{"poisson": {"f_max": "200 Hz"}}])
        equal("check", agent.call("check", {"stream": new})["lines"], 3)
        equal("add", agent.call("add", {"stream": new})["channels"], 3)
        equal("it is there", daemon.control("info")["streams"], 2)
        equal("remove", agent.call("remove", {"name": "new"}), {"name": "new"})
        for method, params, code, path in (
                ("infoo", None, -32601, None), ("stream", {"name": "nobody"}, -32001, "name"),
                ("set", {"name": "imu", "stage": 0, "param": "v_th", "value": "much"}, -32602, "value"),
                ("set", {"name": "imu", "stage": 0, "param": "v_the", "value": 1}, -32602, "param"),
                ("add", {"stream": h.stream("imu", 3)}, -32002, "stream.name"),
                ("add", {"stream": h.stream("bad", 3, [{"lif": {"v_th": "much"}}])}, -32602, "stream.encode[0].lif.v_th"),
                ("check", {"stream": h.stream("bad", 3, [{"lif": {"tau": 1}}])}, -32602, "stream.encode[0].lif.tau")):
            refused = agent.refused("call", method=method, **({} if params is None else {"params": params}))
            theirs = daemon.refused(method, **(params or {}))
            equal(f"{method} {params}", (refused.code, refused.path), (code, path))
            equal("as others are told", (theirs.code, theirs.path), (code, path))
            if theirs.message not in str(refused):
                raise h.Failed(f"the daemon's sentence was {theirs.message!r}, not {refused}")
        equal("and it goes on", agent.call("info")["streams"], 1)


def a_restart_is_noticed(client):
    config = {"clock": "wall", "dt": "2 ms", "streams": [h.stream("imu", 2, group="body")]}
    with daemon_of(client, config) as (daemon, where):
        client.connect(where, timeout_ms=int(500 * h.SLOW))
        client.agent.ask("subscribe", topics=["spikes/imu/", "bundle/body/"])
        before = client.agent.messages(20)
        equal("no restart yet", [m for m in before if m["restarted"] or m["missed"]], [])
        equal("both came", {m["topic"] for m in before}, {"spikes/imu/", "bundle/body/"})
        epoch = before[0]["parts"][0]["epoch"]
        daemon.kill()
        while client.agent.receive(1000, 0.1)["messages"]:
            pass
        client.agent.refused("call", method="info")
        daemon.start()
        after = client.agent.messages(40, 10)
        for topic in ("spikes/imu/", "bundle/body/"):
            of = [m for m in after if m["topic"] == topic]
            equal(f"{topic}: the first tells of the restart", [m["restarted"] for m in of], [True] + [False] * (len(of) - 1))
            equal(f"{topic}: nothing counts as lost", {m["missed"] for m in of}, {0})
            equal(f"{topic}: an epoch", len({p["epoch"] for m in of for p in m["parts"]} | {epoch}), 2)
        h.until("rows go on", lambda: went(client, daemon), 10)
        epoch = h.until("control goes on", lambda: epoch_of(client), 10)
        equal("the epoch", epoch, after[0]["parts"][0]["epoch"])


def went(client, daemon):
    with contextlib.suppress(Refused):
        client.agent.ask("send", stream="imu", type="f32", rows=[[1.0, 2.0]])
    return daemon.counters("imu")["rows"] > 0


def epoch_of(client):
    with contextlib.suppress(Refused):
        return client.agent.call("info")["epoch"]


def who_sleeps_is_told_what_was_lost(client):
    """A stopped program's messages go to the kernel and to the daemon's queue, and then nowhere."""
    config = {"clock": "wall", "dt": "1 ms", "send_queue": 20, "streams": [h.stream("big", 400000, input={"type": "u8"}, publish={"payload": "bitmap"})]}
    with HEAVY, daemon_of(client, config) as (daemon, where):
        client.connect(where)
        client.agent.ask("subscribe", topics=["spikes/big/"])
        seen = client.agent.messages(3)
        client.agent.pause()
        try:
            built = daemon.counters("big")["frames"]
            h.until("enough ticks pass", lambda: enough(daemon, built, client.web), 20)
        finally:
            client.agent.go_on()
        end = time.monotonic() + 20 * h.SLOW
        while not any(message["missed"] for message in seen):
            if time.monotonic() > end:
                raise h.Failed("no loss was noticed")
            seen += client.agent.messages(10)
        seqs = [int(message["parts"][0]["seq"]) for message in seen]
        equal("what came and what was missed is all that there was", len(seen) + sum(m["missed"] for m in seen), seqs[-1] - seqs[0] + 1)
        equal("each loss is told once", [m["missed"] for m in seen[1:]], [b - a - 1 for a, b in zip(seqs, seqs[1:])])


def enough(daemon, built, web):
    """Some were dropped: ZeroMQ does not count them, but the kernel holds a few MB and a message is of 50 kB."""
    return daemon.counters()["web_dropped"] > 10 if web else daemon.counters("big")["frames"] > built + 400


def keys_open_the_door(client):
    if not {"keys", "web"} & set(client.can):
        return "its binding has no keys"
    server, own, other = (zmq.curve_keypair() for _ in range(3))
    pair = lambda keys: f'public: "{keys[0].decode()}"\nsecret: "{keys[1].decode()}"\n'  # noqa: E731
    clients = json.dumps([{"name": "own", "key": own[0].decode(), "rows": "*", "subscribe": ["spikes/imu/"], "control": "read"}])
    config = {"clock": "wall", "dt": "2 ms", "streams": [h.stream("imu", 2)],
              "security": {"key": "server.key", "clients": "clients.yaml", "web_tokens": "tokens"}}
    files = {"server.key": pair(server), "own.key": pair(own), "other.key": pair(other), "clients.yaml": clients,
             "tokens": f"own {TOKEN}\n"}
    with daemon_of(client, config, keys=(server[0], *own), files=files) as (daemon, where):
        def key(name):
            return {"keys": {"file": f"{daemon.folder.name}/{name}.key", "server": server[0].decode()}}
        right, wrong = ({"token": TOKEN}, {"token": TOKEN[:-1]}) if client.web else (key("own"), key("other"))
        client.connect(where, **right)
        client.agent.ask("subscribe", topics=["spikes/imu/", "values/imu/"])
        equal("what the key names is heard", {m["topic"] for m in client.agent.messages(20)}, {"spikes/imu/"})
        client.agent.ask("send", stream="imu", type="f32", rows=[[1.0, 2.0]])
        daemon.wait_rows("imu", 1)
        equal("it may read", client.agent.call("info")["clock"], "wall")
        equal("but change nothing", client.agent.refused("call", method="reset", params={"name": "imu"}).code, -32007)
        for what in (wrong, {}):
            client.connect(where, **{**what, "timeout_ms": 300})
            client.agent.ask("subscribe", topics=["spikes/imu/"])
            equal("nothing is heard", client.agent.receive(1, 0.2)["messages"], [])  # the door has been shut by now
            refused = client.agent.refused("call", method="info")
            equal("no answer", refused.code, 0)
            if "key" not in str(refused) and not client.web:
                raise h.Failed(f"nothing about keys: {refused}")
            client.agent.refused("send", stream="imu", type="f32", rows=[[1.0, 2.0]])
        if not client.web:
            open_file = daemon.path.parent / "own.key"
            open_file.chmod(0o644)
            client.agent.refused("connect", **where_of(where), timeout_ms=300, **right)
        equal("nothing more arrived", daemon.counters("imu")["rows"], 1)


def where_of(where):
    return {key: where[key] for key in ("ingest", "publish", "control")}


TESTS = (published_frames_are_what_others_hear, rows_come_to_be_values, control_and_its_errors, a_restart_is_noticed,
         who_sleeps_is_told_what_was_lost, keys_open_the_door)
