#!/usr/bin/python3
"""A key hears the topics that it names and no others, calls what it may, and is cut off when it is removed.

SPDX-License-Identifier: Apache-2.0
"""
import contextlib
import json
import os
import socket
import struct
import tempfile
import time
from pathlib import Path

import zmq

import harness as h

SERVER, ADMIN, ARM, VIEWER, FORMER = (zmq.curve_keypair() for _ in range(5))
STREAMS = [h.stream("arm", 2, group="body"), h.stream("arm2", 2, group="body"), h.stream("secret", 1)]
KINDS = ("spikes", "state", "values", "json", "meta")


def text(key):
    return key.decode()


def clients(former=True):
    listed = [
        {"name": "admin", "key": text(ADMIN[0]), "rows": "*", "subscribe": "*", "control": "full"},
        {"name": "arm", "key": text(ARM[0]), "rows": ["arm"], "subscribe": ["arm", "status/"]},
        {"name": "viewer", "key": text(VIEWER[0]), "subscribe": ["spikes/", "bundle/body/"], "control": "read"}]
    if former:
        listed.append({"name": "former", "key": text(FORMER[0]), "rows": "*", "subscribe": "*", "control": "full"})
    return json.dumps(listed)


def daemon(**more):
    config = {"clock": "wall", "dt": "5 ms", "streams": STREAMS,
              "security": {"key": "own.key", "clients": "clients.yaml"}, **more}
    return h.Daemon(config, keys=(SERVER[0], *ADMIN), files={
        "own.key": f'public: "{text(SERVER[0])}"\nsecret: "{text(SERVER[1])}"\n', "clients.yaml": clients()})


def heard(sub, seconds=0.3):
    """The topics that come; meta/ and status/ come once a second."""
    topics, end = set(), time.monotonic() + seconds * h.SPAN
    while time.monotonic() < end:
        if sub.poll(20):
            topics.add(sub.recv_multipart()[0].decode())
    return topics


def connect(d, kind, pair, endpoint, *topics):
    made = d.context.socket(kind)
    h.lock(made, (SERVER[0], *pair))
    made.connect(endpoint)
    for topic in topics:
        made.subscribe(topic)
    return made


def of(*streams):
    return {f"{kind}/{name}/" for kind in KINDS for name in streams}


def topics_are_those_that_the_key_names():
    with daemon() as d:
        for what, pair, asked, wanted in (
                ("arm asks for everything", ARM, [""], of("arm") | {"status/"}),
                ("arm asks for spikes/", ARM, ["spikes/"], {"spikes/arm/"}),
                ("arm asks for part of a name", ARM, ["spikes/ar"], {"spikes/arm/"}),
                ("arm asks for another's", ARM, ["spikes/arm2/", "bundle/body/", "spikes/secret/"], set()),
                ("arm asks for less than a topic, and its own", ARM, ["s", "values/arm/"],
                 {"spikes/arm/", "state/arm/", "values/arm/", "status/"}),
                ("viewer asks for everything", VIEWER, [""],
                 {"spikes/arm/", "spikes/arm2/", "spikes/secret/", "bundle/body/"}),
                ("viewer asks for a state", VIEWER, ["state/arm/", "state/", "meta/"], set()),
                ("admin asks for everything", ADMIN, [""], of("arm", "arm2", "secret") | {"bundle/body/", "status/"})):
            sub = connect(d, zmq.SUB, pair, d.publish, *asked)
            got = heard(sub, 1.2 if what == "arm asks for everything" else 0.2)
            end = time.monotonic() + 3 * h.SLOW
            while not wanted <= got and time.monotonic() < end:
                got |= heard(sub, 0.05)
            sub.close(0)
            h.equal(what, got, wanted)
        h.claim("refused ones are counted", d.counters()["subscriptions_refused"] >= 5)
        h.claim("and told of", "of client 'arm' was refused" in d.log())
        h.until("all have gone", lambda: grown(d, "arm") == 0)


def grown(d, name):
    before = d.counters(name)["frames"]
    time.sleep(0.1)
    return d.counters(name)["frames"] - before


def what_may_not_be_heard_is_not_built():
    with daemon() as d:
        sub = connect(d, zmq.SUB, ARM, d.publish, b"")
        h.until("its own come", lambda: "spikes/arm/" in heard(sub, 0.1))
        h.equal("nothing is built of another's", d.counters("secret")["frames"], 0)
        sub.close(0)


def wide_and_narrow_subscriptions_end_one_by_one():
    with daemon() as d:
        sub = connect(d, zmq.SUB, ARM, d.publish, b"", b"spikes/", b"spikes/arm/")
        h.until("it hears", lambda: "spikes/arm/" in heard(sub, 0.1))
        for gone in (b"spikes/arm/", b"spikes/"):
            sub.unsubscribe(gone)
            heard(sub, 0.1)
            h.claim(f"without {gone} it hears on", "spikes/arm/" in heard(sub, 0.2))
        sub.unsubscribe(b"")
        heard(sub, 0.1)
        h.equal("without all of them it hears nothing", heard(sub, 0.2), set())
        h.until("and nothing is built", lambda: grown(d, "arm") == 0)
        sub.close(0)


@contextlib.contextmanager
def held_hot_loop(**config):
    """A daemon and a file: while that exists, the ticking thread stands still and what comes in gathers."""
    stick = Path(tempfile.mkdtemp()) / "stick"
    shim = Path(h.binary()).parent.parent / "tests" / "libmeddle.so"
    if shim.exists():
        os.environ.update(LD_PRELOAD=str(shim), STICK=str(stick))
    else:
        print("  --  there is no preload in this build: the loop does not stand still")
    try:
        d = daemon(**config)
        with d:
            os.environ.pop("LD_PRELOAD", None)
            yield d, stick
    finally:
        for key in ("LD_PRELOAD", "STICK"):
            os.environ.pop(key, None)
        stick.unlink(missing_ok=True)
        stick.parent.rmdir()


def pause(seconds=0.03):
    time.sleep(seconds * h.SPAN)


def a_foreign_word_gives_nobody_anothers_topics():
    """Behind a message that is no subscription ZeroMQ takes subscriptions for other connections' than those
    they came from. Raw words come from XSUB sockets."""
    with held_hot_loop() as (d, stick):
        admin, arm, other = (connect(d, zmq.XSUB, pair, d.publish) for pair in (ADMIN, ARM, ARM))
        other.send(b"\1")  # so that it takes what it gets
        pause(0.3)
        stick.touch()
        pause()
        for who, word in ((arm, b"x"), (admin, b"\1spikes/secret/"), (other, b"\1values/arm/")):
            who.send(word)
            pause()
        stick.unlink()
        h.claim("who speaks of something else hears nothing of another's", heard(other, 0.3) <= of("arm") | {"status/"})
        h.claim("and is cut off", d.counters()["connections_cut"] > 0 and d.counters()["subscriptions_ignored"] > 0)
        h.until("the other is heard, be it the second time", lambda: (
            admin.send(b"\1spikes/secret/"), "spikes/secret/" in heard(admin, 0.1))[1])


def subscribers_that_come_and_go_do_no_harm():
    """In ZeroMQ 4.3.4 a subscription that is granted to a connection that has gone corrupts memory, which
    valgrind sees."""
    with held_hot_loop(dt="1 ms") as (d, stick):
        keep = connect(d, zmq.SUB, ADMIN, d.publish, b"spikes/", b"state/", b"values/")
        h.until("one hears", lambda: "spikes/secret/" in heard(keep, 0.1))
        for _ in range(3):
            context = zmq.Context()
            stick.touch()
            pause(0.05)
            crowd = []
            for _ in range(30):
                sub = context.socket(zmq.SUB)
                sub.linger = 0
                h.lock(sub, (SERVER[0], *ARM))
                for topic in of("arm"):
                    for size in range(4, len(topic) + 1):
                        sub.subscribe(topic[:size].encode())
                sub.connect(d.publish)
                crowd.append(sub)
            pause(0.4)
            for sub in crowd:
                sub.close(0)
            context.destroy(0)
            for _ in range(12):  # a few words at a time, so that ZeroMQ lets go of pipes in between
                pause(0.01)
                stick.unlink()
                time.sleep(0.002)
                stick.touch()
            stick.unlink()
            pause(0.1)
        h.claim("90 subscribers have come and gone before the daemon heard them", d.control("info"))
        h.claim("the one that stayed hears", "spikes/secret/" in heard(keep, 0.2))
        keep.close(0)
        h.until("nothing is built for the others", lambda: grown(d, "arm") == 0, timeout=10)
        h.until("nor are they open", lambda: d.counters()["connections"] <= 2, timeout=10)


def call(d, pair, method, **params):
    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    made = connect(d, zmq.REQ, pair, d.control_at)
    made.send(json.dumps(request).encode())
    answer = json.loads(made.recv()) if made.poll(2000 * h.SLOW) else None
    made.close(0)
    return answer


def control_is_read_or_full():
    with daemon() as d:
        for method in ("info", "methods", "encoders", "streams", "stats"):
            h.claim(f"viewer may call {method}", "result" in call(d, VIEWER, method))
        h.claim("viewer may call stream", "result" in call(d, VIEWER, "stream", name="arm"))
        for method, params in (("reset", {"name": "arm"}), ("remove", {"name": "arm"}), ("step", {}), ("save", {}),
                               ("set", {"name": "arm", "stage": 0, "param": "v_th", "value": 2}),
                               ("add", {"stream": {"name": "x", "channels": 1}})):
            answer = call(d, VIEWER, method, **params)
            h.claim(f"but not {method}", answer["error"]["code"] == -32007 and "viewer" in answer["error"]["message"],
                    answer)
        h.equal("denied ones are counted", d.counters()["control_denied"], 6)
        batch = [{"jsonrpc": "2.0", "id": i, "method": m, "params": {"name": "arm"}} for i, m in enumerate(("stream", "remove"))]
        made = connect(d, zmq.REQ, VIEWER, d.control_at)
        made.send(json.dumps(batch).encode())
        h.equal("nor in a batch", sorted("result" in a for a in json.loads(made.recv())), [False, True])
        h.claim("nothing has changed", len(d.control("streams")) == 3)
        h.claim("arm gets no answer at all", call(d, ARM, "info") is None)


def a_removed_key_is_cut_off():
    with daemon() as d:
        pairs = {"former": FORMER, "admin": ADMIN}
        subs = {name: connect(d, zmq.SUB, pair, d.publish, b"spikes/") for name, pair in pairs.items()}
        pushes = {name: connect(d, zmq.PUSH, pair, d.ingest) for name, pair in pairs.items()}
        calls = {name: connect(d, zmq.DEALER, pair, d.control_at) for name, pair in pairs.items()}
        ask = [b"", json.dumps({"jsonrpc": "2.0", "id": 1, "method": "info"}).encode()]
        row = [b"secret", struct.pack("<f", 1)]
        for name in pairs:
            h.until(f"{name} hears", lambda: heard(subs[name], 0.1))
            pushes[name].send_multipart(row)
            calls[name].send_multipart(ask)
            h.claim(f"{name} is answered", calls[name].poll(2000 * h.SLOW))
            calls[name].recv_multipart()
        d.wait_rows("secret", 2)
        whole = [subs["admin"].recv_multipart() for _ in range(3)]
        (d.path.parent / "clients.yaml").write_text(clients(former=False))
        began = time.time_ns()
        d.control("reload")
        until = time.time_ns()
        late = after = 0
        end = time.monotonic() + 1
        while time.monotonic() < end:
            if subs["former"].poll(20):
                head = h.header(subs["former"].recv_multipart()[1])
                late += head["time_ns"] > began
                after += head["time_ns"] > until
        h.equal("former gets no frame of a later tick", after, 0)
        print(f"      ({late} of ticks between the signal and its end, {(until - began) / 1e6:.1f} ms)")
        for name in pairs:
            pushes[name].send_multipart(row)
            calls[name].send_multipart(ask)
        h.equal("former gets no answer, admin does", [bool(calls[name].poll(500 * h.SPAN)) for name in pairs], [False, True])
        h.until("only admin's row is used", lambda: d.counters("secret")["rows"] == 3)
        h.claim("it counts", d.counters()["connections_cut"] >= 2 and d.counters()["rejected_not_allowed"] +
                d.counters("secret")["rejected_not_allowed"] + d.counters()["keys_refused"] >= 1)
        frames = whole + [subs["admin"].recv_multipart() for _ in range(100)]
        ticks = {}
        for topic, head, _ in frames:
            ticks.setdefault(topic, []).append(h.header(head)["seq"])
        h.claim("admin has missed nothing", all(
            seqs[3:] == list(range(seqs[3], seqs[3] + len(seqs) - 3)) for seqs in ticks.values()))
        again = connect(d, zmq.SUB, FORMER, d.publish, b"")
        h.equal("former does not come in again", heard(again, 0.5), set())
        (d.path.parent / "clients.yaml").write_text(clients())
        d.control("reload")
        again = connect(d, zmq.SUB, FORMER, d.publish, b"spikes/")
        h.until("listed again, it does", lambda: heard(again, 0.1))


def who_knocks_and_goes_next_door_cuts_nobody_off():
    """The descriptor of a connection that was hardly there is the next one's, and ZeroMQ's words about the two come
    from different sockets, in any order."""
    with daemon() as d:
        host, port = d.control_at.removeprefix("tcp://").split(":")
        deaf = []
        for n in range(60):
            for _ in range(3):
                socket.create_connection((host, int(port))).close()
            sub = connect(d, zmq.SUB, ADMIN, d.publish, b"spikes/arm/")
            if not sub.poll(2000 * h.SLOW):
                deaf.append(n)
            sub.close(0)
        h.equal("all subscribers hear", deaf, [])
        h.until("all are known to have gone", lambda: d.counters()["connections"] == 1)


def a_list_with_faults_changes_nothing():
    with daemon() as d:
        (d.path.parent / "clients.yaml").write_text("- {name: admin, key: short}\n")
        error = d.refused("reload")
        h.claim("the reload says why", "clients.yaml:1:" in error.message and "key" in error.message, error.message)
        h.claim("and who was listed is", d.control("info"))


def an_endpoint_that_goes_takes_its_connections_along():
    with daemon() as d:
        other = f"tcp://127.0.0.1:{h.free_ports(1)[0]}"
        was = d.path.read_text()
        d.path.write_text(was.replace(f'"{d.publish}"', f'"{d.publish}", "{other}"'))
        d.control("reload")
        kept, gone = (connect(d, zmq.SUB, VIEWER, at, b"spikes/arm/") for at in (d.publish, other))
        for sub in (kept, gone):
            h.until("frames come at both", lambda: "spikes/arm/" in heard(sub, 0.1))
        before = d.counters()["connections"]
        d.path.write_text(was)
        d.control("reload")
        gone.close(0)
        h.until("its connection is not counted any more", lambda: d.counters()["connections"] < before, timeout=5)
        h.claim("the other is heard", "spikes/arm/" in heard(kept, 0.2))
        late = connect(d, zmq.SUB, VIEWER, d.publish, b"bundle/body/")
        h.until("and who comes then", lambda: "bundle/body/" in heard(late, 0.1), timeout=10)


def a_pub_elsewhere_is_asked_for_its_key():
    robot, other = zmq.curve_keypair(), zmq.curve_keypair()
    context = zmq.Context()
    pub = context.socket(zmq.PUB)
    pub.curve_server = True
    pub.curve_secretkey = robot[1]
    port = pub.bind_to_random_port("tcp://127.0.0.1")
    try:
        for server, heard_of in ((robot, True), (other, False)):
            source = {"connect": f"tcp://127.0.0.1:{port}", "server_key": text(server[0])}
            with daemon() as d:
                d.path.write_text(d.path.read_text().replace(f'"{d.ingest}"', f'"{d.ingest}", {json.dumps(source)}'))
                d.control("reload")
                end = time.monotonic() + (3 * h.SLOW if heard_of else 0.5 * h.SPAN)
                while not d.counters("secret")["rows"] and time.monotonic() < end:
                    pub.send_multipart([b"secret", struct.pack("<f", 1)])
                    time.sleep(0.02)
                h.equal(f"rows of a PUB whose key is {'this' if heard_of else 'another'}",
                        bool(d.counters("secret")["rows"]), heard_of)
    finally:
        context.destroy(0)


class Raw:
    """ZMTP 3.0 by hand, without keys, as a SUB."""

    def __init__(self, endpoint):
        host, port = endpoint[6:].split(":")
        self.socket = socket.create_connection((host, int(port)))
        self.socket.sendall(b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32))
        self.read(64)
        ready = b"\x05READY" + b"\x0bSocket-Type" + struct.pack(">I", 3) + b"SUB"
        self.socket.sendall(bytes([4, len(ready)]) + ready)
        size = self.read(2)[1]
        self.read(size)

    def read(self, count):
        data = b""
        while len(data) < count:
            data += self.socket.recv(count - len(data))
        return data

    def say(self, message):
        self.socket.sendall(bytes([0, len(message)]) + message)


def raw_words_silence_nobody():
    """Without keys: who cancels what it never asked for takes it from nobody."""
    with h.Daemon({"clock": "manual", "streams": [h.stream("s"), h.stream("t")]}) as d:
        sub = d.sub("spikes/s/")
        raw = Raw(d.publish)
        for message in (b"\0spikes/s/", b"\0spikes/s/", b"\0", b"\0spikes/", b"\0meta/s/", b"\1spikes/s/", b"\1spikes/s/",
                        b"\0spikes/s/", b"\0spikes/s/", b"hello", b""):
            raw.say(message)
        d.wait_counter("subscriptions_ignored", 2)
        d.step(5)
        h.equal("the subscriber hears all", [m[1]["tick"] for m in sub.take(5)], [0, 1, 2, 3, 4])
        raw.say(b"\1spikes/t/")
        h.until("a raw subscription counts", lambda: d.step(1) and d.counters("t")["frames"])
        raw.socket.close()

        def quiet():
            before = d.counters("t")["frames"]
            d.step(1)
            return d.counters("t")["frames"] == before
        h.until("until its connection ends", quiet)
        raws = [Raw(d.publish) for _ in range(3)]
        for one in raws:
            one.say(b"\1spikes/t/")
        h.until("three raw ones", lambda: d.step(1) and d.counters("t")["frames"] > 10)
        for one in raws[:2]:
            one.say(b"\0spikes/t/")
            one.say(b"\0spikes/t/")
            one.socket.close()
        d.step(1)
        time.sleep(0.3)
        before = d.counters("t")["frames"]
        d.step(3)
        h.equal("two of them leaving leave the third its topic", d.counters("t")["frames"] - before, 3)


h.main(topics_are_those_that_the_key_names, what_may_not_be_heard_is_not_built,
       wide_and_narrow_subscriptions_end_one_by_one, a_foreign_word_gives_nobody_anothers_topics,
       subscribers_that_come_and_go_do_no_harm, control_is_read_or_full, a_removed_key_is_cut_off,
       who_knocks_and_goes_next_door_cuts_nobody_off,
       a_list_with_faults_changes_nothing, an_endpoint_that_goes_takes_its_connections_along, a_pub_elsewhere_is_asked_for_its_key, raw_words_silence_nobody)
