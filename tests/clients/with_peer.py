"""Tests of a client against sockets in spiked's place: the vectors, and what the real daemon cannot be asked for.

SPDX-License-Identifier: Apache-2.0
"""
import contextlib
import json
import math
import random
import struct
import time
from pathlib import Path

import make  # clients/vectors

import harness as h
from agent import Refused
from messages import NUMBERS, Followed, equal, same
from peers import WebPeer, ZmqPeer

VECTORS = Path(make.__file__).parent
TOPICS = ["spikes/imu/", "state/imu/", "values/imu/", "json/imu/", "meta/imu/", "status/", "bundle/body/"]
SEED = 20261129


def vectors(way):
    """(name, vector) of the sample messages that go this way, frames as bytes."""
    for path in sorted(VECTORS.glob("*.json")):
        vector = json.loads(path.read_text())
        if vector["way"] == way:
            yield path.stem, {**vector, "frames": [bytes.fromhex(frame) for frame in vector["frames"]]}


@contextlib.contextmanager
def peer_of(client, *topics):
    """A peer that the client is connected to and subscribes to these topics of."""
    with contextlib.closing(WebPeer() if client.web else ZmqPeer()) as peer:
        client.connect(peer.where)
        if topics:
            client.agent.ask("subscribe", topics=list(topics))
            peer.wait_topics(topics)
        yield peer
        client.agent.ask("close")  # before the peer: nothing to linger for


def compare(client, sent):
    """The agent has received these messages (frames, decoded), and nothing else."""
    follow = Followed()
    for got, (_, wanted) in zip(client.agent.messages(len(sent)), sent):
        same(got, follow(wanted))


def frames_of_every_kind(client):
    sent = [(v["frames"], v["decoded"]) for _, v in vectors("out") if v["decoded"]]
    if "rows" in client.can:
        sent += [(v["frames"], rows_message(**v["decoded"])) for _, v in vectors("rows")]
    with peer_of(client, *TOPICS, "rows/") as peer:
        for frames, _ in sent:
            peer.publish(frames)
        compare(client, sent)


def rows_message(topic, stamp=None, **part):
    """The stamp is the sensor's affair."""
    return {"topic": topic, "parts": [part]}


def frames_of_many_sizes(client):
    draw = random.Random(SEED)
    sent = []
    for seq in range(200):
        lines = draw.choice((1, 7, 8, 9, 31, 32, 33, 64, 100, 1000))
        some = sorted(draw.sample(range(lines), draw.randrange(lines + 1)))
        signs = [draw.choice((1, -1)) for _ in some]
        form = draw.choice(("words", "repeated", "bitmap", "planes", "graded", "f32"))
        if form == "f32":
            values = [draw.choice((draw.uniform(-1e9, 1e9), draw.gauss(0, 1e-30), 0.0, math.nan, math.inf)) for _ in range(lines)]
            part = make.part("state", "f32", lines, values=values, seq=seq)
        elif form == "graded":
            part = make.part("spikes", "graded", lines, lines=some, values=[draw.gauss(0, 1) for _ in some], seq=seq)
        elif form == "repeated":
            times = [draw.randrange(1, 4) for _ in some]
            part = make.part("spikes", "words", lines, seq=seq, lines=[line for line, n in zip(some, times) for _ in range(n)],
                             signs=[sign for sign, n in zip(signs, times) for _ in range(n)])
        else:
            signed = form != "bitmap"
            part = make.part("spikes", "words" if form == "words" else "bitmap", lines, lines=some, seq=seq,
                             signs=signs if signed else None, signed=signed)
        message = make.out("", "state/imu/" if form == "f32" else "spikes/imu/", part)
        sent.append((message["frames"], message["decoded"]))
    with peer_of(client, "spikes/imu/", "state/imu/") as peer:
        for frames, _ in sent:
            peer.publish(frames)
        compare(client, sent)


def bad_frames():
    """(what, frames) of messages that must be refused whole."""
    for name, vector in vectors("out"):
        if vector["decoded"] is None:
            yield name, vector["frames"]
    good = make.out("", "spikes/imu/", make.part("spikes", "words", 96, lines=[3, 17]))["frames"]
    topic, header, payload = good
    yield "a topic alone", [topic]
    yield "four frames", [*good, payload]
    yield "a header of 65 bytes", [topic, header + b"\0", payload]
    yield "a header without bytes", [topic, b"", payload]
    yield "kind 9", [topic, header[:4] + b"\x09" + header[5:], payload]
    yield "format 0", [topic, header[:5] + b"\0" + header[6:], payload]
    yield "format 5", [topic, header[:5] + b"\x05" + header[6:], payload]
    yield "a word too many", [topic, header, payload + payload[:4]]
    yield "a payload of 7 bytes", [topic, header, payload[:7]]
    yield "a count of 2^31", [topic, header[:56] + struct.pack("<I", 1 << 31) + header[60:], payload]
    for kind, form, lines, cut in (("spikes", "graded", [1, 2], 4), ("spikes", "graded", [1, 2], 8), ("state", "f32", [], 4),
                                   ("state", "f32", [], 1)):
        (head, body), _ = make.part(kind, form, 8, values=[1.0, 2.0], lines=lines)
        yield f"{form} without its last {cut} bytes", [f"{kind}/imu/".encode(), head, body[:-cut]]
    (header, payload), _ = make.part("spikes", "bitmap", 12, lines=[0, 3])
    yield "a bit past the last line", [topic, header, bytes([payload[0] & ~1, payload[1] | 0x80])]
    yield "a bit more than count says", [topic, header, bytes([payload[0] | 2, payload[1]])]
    yield "three planes", [topic, header, payload * 3]
    yield "a bundle without its last payload", make.out("", "bundle/body/", make.part("spikes", "words", 6), make.part(
        "spikes", "words", 6))["frames"][:-1]
    yield "a bundle whose second part is bad", [b"bundle/body/", *good[1:], header, payload * 3]
    yield "JSON without JSON", [b"meta/imu/"]
    yield "JSON and more", [b"meta/imu/", b"{}", b"{}"]


def bad_frames_are_refused_with_a_sentence(client):
    good = make.out("", "values/imu/", make.part("values", "f32", 2, values=[1.0, 2.0]))
    with peer_of(client, *TOPICS) as peer:
        for n, (what, frames) in enumerate(bad_frames(), 1):
            peer.publish(frames)
            peer.publish(good["frames"])
            got = client.agent.receive(1)
            if [m["topic"] for m in got["messages"]] != ["values/imu/"]:
                raise h.Failed(f"{what}: not refused, but {str(got)[:500]}")
            if got["malformed"] != n or len(got["fault"]) < 5:
                raise h.Failed(f"{what}: not counted, or not told: {n}, {str(got)[:500]}")
        peer.publish(make.out("", "spikes/imu/", make.part("spikes", "words", 6, seq=0))["frames"])
        [message] = client.agent.receive(1)["messages"]
        if message["missed"] or message["restarted"]:
            raise h.Failed(f"refused messages count as others': {message}")


def losses_and_restarts_are_noticed(client):
    def tick(topic, seq, epoch, tick=None):
        return make.out("", topic, *[make.part("spikes", "words", 6, seq=seq, tick=seq if tick is None else tick, epoch=epoch)
                                     for _ in range(2 if topic.startswith("bundle/") else 1)])
    a, b = make.EPOCH, make.EPOCH + 1
    sent = [tick("spikes/imu/", 5, a), tick("bundle/body/", 900, a),  # the first is no loss
            tick("spikes/imu/", 6, a), tick("spikes/imu/", 9, a), tick("bundle/body/", 904, a),
            tick("spikes/imu/", 10, a, 50),  # a skipped tick is nobody's loss
            tick("spikes/imu/", 1 << 40, a),
            tick("spikes/imu/", 0, b), tick("spikes/imu/", 1, b),  # bundles have not come to the new epoch yet
            tick("bundle/body/", 905, b), tick("bundle/body/", 907, b), tick("spikes/imu/", 3, b)]
    with peer_of(client, "spikes/", "bundle/") as peer:
        for message in sent:
            peer.publish(message["frames"])
        compare(client, [(m["frames"], m["decoded"]) for m in sent])


def subscriptions_come_and_go(client):
    with peer_of(client, "spikes/imu/", "status/") as peer:
        client.agent.ask("unsubscribe", topics=["spikes/imu/"])
        client.agent.ask("subscribe", topics=["meta/", "state/arm/"])
        peer.wait_topics(["status/", "meta/", "state/arm/"])
        if client.agent.receive(1, 0.05) != {"messages": [], "malformed": 0, "fault": ""}:
            raise h.Failed("a message that nobody sent")


def row_of(frames, kind):
    """(payload or JSON's values, stamp or None) of a row message."""
    stamp = struct.unpack("<qQ", frames[2]) if len(frames) > 2 else None
    if kind != "json":
        return frames[1], stamp
    document = json.loads(frames[1])
    if isinstance(document, dict):
        if stamp or document.keys() - {"values", "time_ns", "seq"}:
            raise h.Failed(f"a JSON row with a stamp twice, or keys of nobody's: {frames}")
        if "seq" in document or "time_ns" in document:
            stamp = document.get("time_ns", 0), document.get("seq")
        document = document["values"]
    return document if isinstance(document[0], list) else [document], stamp


def send(client, peer, stream, kind, rows, stamp=None):
    """Sends rows, and gives what came of them."""
    more = {} if stamp is None else {"stamp": {"time_ns": str(stamp[0]), "seq": str(stamp[1])}}
    client.agent.ask("send", stream=stream, type=kind, rows=rows, **more)
    frames = peer.row()
    if frames[0] != stream.encode():
        raise h.Failed(f"rows for {frames[0]!r}, not {stream}")
    return row_of(frames, kind)


def rows_of_every_type(client):
    with peer_of(client) as peer:
        for name, vector in vectors("in"):
            row = vector["decoded"]
            stamp = row.get("stamp") and (int(row["stamp"]["time_ns"]), int(row["stamp"]["seq"]))
            payload, got = send(client, peer, row["stream"], row["type"], row["rows"], stamp)
            wanted = row["rows"] if row["type"] == "json" else vector["frames"][1]
            if not samples(payload, wanted, row["type"]):
                raise h.Failed(f"{name}: {payload}, not {wanted}")
            if stamp and got != stamp:
                raise h.Failed(f"{name}: stamp {got}, not {stamp}")


def samples(payload, wanted, kind):
    """Equal bytes; any NaN is no sample."""
    if payload == wanted or kind not in ("f32", "f64") or len(payload) != len(wanted):
        return payload == wanted
    form = f"<{len(payload) // (4 if kind == 'f32' else 8)}{NUMBERS[kind][0]}"
    return all(a == b or a != a and b != b for a, b in zip(struct.unpack(form, payload), struct.unpack(form, wanted)))


def rows_of_many_sizes(client):
    draw = random.Random(SEED + 1)
    with peer_of(client) as peer:
        for _ in range(8):
            for kind, (form, bits) in NUMBERS.items():
                wide, high = draw.randrange(1, 40), draw.randrange(1, 6)
                lo, hi = (0, 1) if bits is None else (0, (1 << -bits) - 1) if bits < 0 else (-(1 << bits - 1), (1 << bits - 1) - 1)
                number = (lambda: make.f32(draw.gauss(0, 10))) if bits is None else lambda: draw.choice((lo, hi, draw.randint(lo, hi)))
                rows = [[number() for _ in range(wide)] for _ in range(high)]
                stamp = draw.randrange(-(1 << 63), 1 << 63), draw.randrange(1 << 64)
                payload, got = send(client, peer, "x", kind, rows, stamp)
                if payload != struct.pack(f"<{wide * high}{form}", *sum(rows, [])) or got != stamp:
                    raise h.Failed(f"{kind}, {high} x {wide} (seed {SEED + 1}): {payload[:80]}… {got}, not {stamp}")


def messages_are_numbered(client):
    with peer_of(client) as peer:
        numbers = []
        for stream, kind, rows in (("a", "f32", [[1.0]]), ("b", "i16", [[1, 2]]), ("a", "f32", [[2.0], [3.0]]), ("a", "f32", [[4.0]]),
                                   ("b", "i16", [[3, 4]]), ("c", "pairs", [[[0, 1.0]]]), ("c", "pairs", [[[1, 1.0]]])):
            _, stamp = send(client, peer, stream, kind, rows)
            if stamp is None:
                raise h.Failed("rows without a number")
            numbers.append((stream, stamp[1]))
        first = {stream: number for stream, number in reversed(numbers)}
        equal("every stream counts by itself", [(s, n - first[s]) for s, n in numbers],
                [("a", 0), ("b", 0), ("a", 1), ("a", 2), ("b", 1), ("c", 0), ("c", 1)])


def asked(client, peer, method, params, *answers):
    """Calls, and answers with each of these: a dict gets jsonrpc and the request's id unless it has one."""
    client.agent.tell("call", method=method, **({} if params is None else {"params": params}))
    request, answer = peer.request()
    for each in answers:
        answer(each if isinstance(each, bytes) else json.dumps({"jsonrpc": "2.0", "id": request["id"], **each}).encode())
    return request


def calls_and_their_answers(client):
    with peer_of(client) as peer:
        for _, vector in vectors("request"):
            document = vector["decoded"]
            if isinstance(document, list) or "id" not in document:
                continue  # what a client does of these is its own affair
            request = asked(client, peer, document["method"], document.get("params"), {"result": {"fine": [1, "ü", None]}})
            equal("a request", (request["jsonrpc"], request["method"], request.get("params") or None),
                    ("2.0", document["method"], document.get("params")))
            equal("a result", client.agent.answer(), {"result": {"fine": [1, "ü", None]}})
        for result in (None, 0, False, "text", [], {}, [[]]):
            asked(client, peer, "info", None, {"result": result})
            equal("a result", client.agent.answer(), {"result": result})
        for _, vector in vectors("reply"):
            document = vector["decoded"]
            if "error" in document and document["id"] is not None:
                asked(client, peer, "set", {"value": "x"}, {"error": document["error"]})
                refusal(client, document["error"])
        asked(client, peer, "info", None, {"error": {"code": -32601, "message": "there is no method infoo"}})
        refusal(client, {"code": -32601, "message": "there is no method infoo"})


def refusal(client, error):
    try:
        answer = client.agent.answer()
    except Refused as refused:
        path = error.get("data", {}).get("path")
        if (refused.code, refused.path) != (error["code"], path) or error["message"] not in str(refused):
            raise h.Failed(f"{refused!r}, not {error}") from None
        return
    raise h.Failed(f"{answer}, not {error}")


def late_and_odd_answers_harm_nothing(client):
    with contextlib.closing(WebPeer() if client.web else ZmqPeer()) as peer:
        client.connect(peer.where, timeout_ms=int(500 * h.SLOW))
        if client.web:  # it is connected when it has been heard
            client.agent.ask("subscribe", topics=["x"])
            peer.wait_topics(["x"])
        request = asked(client, peer, "info", None)
        late = {"id": request["id"], "result": "late"}
        equal("no answer", unanswered(client).code, 0)
        asked(client, peer, "info", None, late, {"id": 987654321, "result": "nobody's"}, {"result": "mine"})
        equal("the right answer", client.agent.answer(), {"result": "mine"})
        not_text = () if client.web else (b"\xff",)  # ends a WebSocket's connection
        for odd in (b"{", b"[]", b"7", b"null", b'{"jsonrpc":"2.0"}', b'"text"', b"", *not_text):
            asked(client, peer, "info", None, odd, {"result": "after all"})
            with contextlib.suppress(Refused):  # it may say that the answer is none, or wait for its own
                client.agent.answer()
            asked(client, peer, "info", None, {"result": "again"})
            equal(f"the call after {odd!r}", client.agent.answer(), {"result": "again"})


def unanswered(client):
    try:
        answer = client.agent.answer()
    except Refused as refused:
        return refused
    raise h.Failed(f"a call without an answer gave {answer}")


def nobody_there_is_told(client):
    port = h.free_ports(1)[0]
    where = {"web": f"ws://127.0.0.1:{port}/ws", **{key: f"tcp://127.0.0.1:{port}" for key in ("ingest", "publish", "control")}}
    client.connect(where, timeout_ms=200)
    client.agent.ask("subscribe", topics=["spikes/"])
    began = time.monotonic()
    client.agent.refused("send", stream="imu", type="f32", rows=[[1.0]])
    equal("no answer", client.agent.refused("call", method="info").code, 0)
    equal("nothing", client.agent.receive(1, 0.1)["messages"], [])
    if time.monotonic() - began > 3 * h.SLOW:
        raise h.Failed(f"that took {time.monotonic() - began:.1f} s")


def what_was_not_taken_is_not_kept(client):
    """Rows and requests that failed for want of a connection do not arrive when there is one."""
    kind = WebPeer if client.web else ZmqPeer
    ports = kind.ports()
    keys = ("web",) if client.web else ("ingest", "publish", "control")
    client.connect({key: f"ws://127.0.0.1:{port}/ws" if client.web else f"tcp://127.0.0.1:{port}" for key, port in zip(keys, ports)},
                   timeout_ms=int(500 * h.SLOW))
    client.agent.refused("send", stream="imu", type="f32", rows=[[1.0]])
    client.agent.refused("call", method="reset", params={"name": "imu"})
    with contextlib.closing(kind(ports)) as peer:
        client.agent.ask("subscribe", topics=["x"])
        peer.wait_topics(["x"])
        h.until("rows are taken again", lambda: taken(client))
        equal("the first rows", peer.row()[1], struct.pack("<f", 2.0))
        client.agent.tell("call", method="info")
        request, answer = peer.request()
        equal("the first request", request["method"], "info")
        answer(json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": 1}).encode())
        client.agent.answer()
        client.agent.ask("close")


def taken(client):
    with contextlib.suppress(Refused):
        return client.agent.ask("send", stream="imu", type="f32", rows=[[2.0]]) == {}


TESTS = (frames_of_every_kind, frames_of_many_sizes, bad_frames_are_refused_with_a_sentence, losses_and_restarts_are_noticed,
         subscriptions_come_and_go, rows_of_every_type, rows_of_many_sizes, messages_are_numbered, calls_and_their_answers,
         late_and_odd_answers_harm_nothing, nobody_there_is_told,
         what_was_not_taken_is_not_kept)
