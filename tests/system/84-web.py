#!/usr/bin/python3
"""The web port: files, /health, /metrics, and a WebSocket that carries the very bytes that ZeroMQ carries.

SPDX-License-Identifier: Apache-2.0
"""
import http.client
import json
import os
import re
import resource
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
from pathlib import Path

import zmq

import harness as h
from websocket import BINARY, TEXT, Refused, WebSocket, joined, parts

STREAMS = [h.stream("arm", 4, group="body"), h.stream("leg", 2, group="body")]
TOKENS = {"admin": "0123456789abcdef-admin", "viewer": "0123456789abcdef-viewer"}


def daemon(**more):
    at = f"127.0.0.1:{h.free_ports(1)[0]}"
    d = h.Daemon({"clock": "wall", "dt": "5 ms", "web": at, "streams": STREAMS, **more})
    d.web = at
    return d


def get(d, path, method="GET", **headers):
    """(status, headers, text)"""
    connection = http.client.HTTPConnection(d.web, timeout=10 * h.SLOW)
    connection.request(method, path, headers={k.replace("_", "-"): v for k, v in headers.items()})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, dict((k.lower(), v) for k, v in answer.getheaders()), text


def files_and_health():
    with daemon() as d:
        status, headers, text = get(d, "/")
        h.equal("the page is there", (status, headers["content-type"]), (200, "text/html; charset=utf-8"))
        h.claim("it is a page", text.startswith("<!doctype html>"))
        h.claim("it may load nothing from elsewhere", "default-src 'self'" in headers["content-security-policy"])
        for link in re.findall(r'(?:src|href)="([^":#]+)"', text):
            found = get(d, "/" + link.removeprefix("./").removeprefix("/"))
            h.claim(f"what it links to is there: {link}", found[0] == 200 and found[2], found[:2])
        h.equal("HEAD has no body", get(d, "/", "HEAD")[::2], (200, ""))
        h.equal("what is not there", get(d, "/../etc/passwd")[0], 404)
        h.equal("nothing but GET", get(d, "/", "POST")[0], 405)
        h.equal("health", (get(d, "/health")[0], json.loads(get(d, "/health")[2])["status"]), (200, "ok"))
        h.equal("by a foreign name", get(d, "/health", Host="evil.example:80")[0], 403)
        h.equal("by localhost", get(d, "/health", Host=f"localhost:{d.web.split(':')[1]}")[0], 200)
        connection = http.client.HTTPConnection(d.web, timeout=10 * h.SLOW)
        for _ in range(3):
            connection.request("GET", "/health")
            h.equal("one connection, several requests", connection.getresponse().read()[:14], b'{"status":"ok"')
        connection.close()
        h.equal("denied ones are counted", d.counters()["web_denied"], 1)


def samples(text):
    """{metric with labels: value} of Prometheus text."""
    return {name: float(value) for name, value in re.findall(r"^([a-z_]+(?:\{.*\})?) ([^ ]+)$", text, re.M)}


def metrics_are_what_happened():
    with daemon() as d:
        for _ in range(30):
            d.send_f32("arm", 1, 2, 3, 4)
        for _ in range(3):
            d.send("arm", b"short")
        d.send("nobody", b"1234")
        d.wait_rows("arm", 30)
        d.wait_counter("rejected_length", 3, "arm")
        d.wait_counter("rejected_unknown_stream", 1)
        h.until("a tick uses a row", lambda: d.counters("arm")["row_age_ns"]["count"])
        before = d.counters("arm")["ticks"]
        status, headers, text = get(d, "/metrics")
        after = d.counters("arm")["ticks"]
        seen = samples(text)
        h.equal("Prometheus' type", (status, headers["content-type"]), (200, "text/plain; version=0.0.4; charset=utf-8"))
        h.equal("rows", seen['spiked_stream_rows_total{stream="arm"}'], 30)
        h.equal("rejected ones by reason", seen['spiked_stream_rejected_total{stream="arm",reason="length"}'], 3)
        h.equal("the daemon's", seen['spiked_daemon_rejected_total{reason="unknown_stream"}'], 1)
        h.claim("ticks", before <= seen['spiked_stream_ticks_total{stream="arm"}'] <= after)
        for name in ("spiked_stream_lateness_seconds", "spiked_stream_tick_cost_seconds"):
            buckets = [v for k, v in seen.items() if k.startswith(name + '_bucket{stream="arm"')]
            h.claim(f"{name}: buckets go up to the count",
                    buckets == sorted(buckets) and buckets[-1] == seen[name + '_count{stream="arm"}'] > 0, buckets)
        h.until("row ages, with the next tick",
                lambda: samples(get(d, "/metrics")[2])['spiked_stream_row_age_seconds_count{stream="arm"}'] >= 1)
        rows = {f"spiked_daemon_{k}" for k in d.counters() if not k.startswith("rejected_")}
        names = {re.sub(r"(_total)?(\{.*)?$", "", k) for k in seen}
        h.equal("every counter of the daemon is there", rows - names, set())
        dashboard = (h.TESTS.parent / "config/grafana/spiked.json").read_text()
        asked = set(re.findall(r"spiked_[a-z_]+", dashboard))
        h.equal("every metric that the dashboard asks for is there",
                {name for name in asked if not re.search(rf"^{name}[ {{]", text, re.M)}, set())
        promtool = os.environ.get("PROMTOOL") or shutil.which("promtool")
        if not promtool:
            print("  --  there is no promtool (Debian's package prometheus)")
            return
        done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True, timeout=60)
        h.equal("promtool accepts it", (done.returncode, done.stdout, done.stderr), (0, "", ""))
        rules = [{"record": f"asked_{n}", "expr": re.sub(r"\$__rate_interval", "5m", target["expr"])}
                 for n, target in enumerate(t for p in json.loads(dashboard)["panels"] for t in p.get("targets", []))]
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            json.dump({"groups": [{"name": "dashboard", "rules": rules}]}, file)
            file.flush()
            done = subprocess.run([promtool, "check", "rules", file.name], capture_output=True, text=True, timeout=60)
        h.claim(f"and the dashboard's {len(rules)} questions", done.returncode == 0, done.stderr)


def metrics_are_what_a_client_counts():
    with daemon(clock="data") as d:
        sub = d.sub("spikes/arm/")
        for n in range(500):
            d.send_f32("arm", n % 7, 3, 5, n % 11)
        heads = [head for topic, head, _ in (sub.recv() for _ in range(500)) if topic == "spikes/arm/"]
        seen = samples(get(d, "/metrics")[2])
        h.equal("ticks", seen['spiked_stream_ticks_total{stream="arm"}'], len(heads))
        h.equal("messages", seen['spiked_stream_frames_total{stream="arm"}'], len(heads))
        spikes = sum(head["count"] for head in heads)
        h.equal(f"{spikes} spikes", seen['spiked_stream_spikes_total{stream="arm"}'], spikes)
        h.claim("there are some", spikes > 0)


def the_websocket_carries_the_same_bytes():
    with daemon() as d:
        sub = d.sub("spikes/arm/", "bundle/body/", "meta/leg/")
        w = WebSocket(d.web)
        h.equal("subscribed", w.call("subscribe", topics=["spikes/arm/", "bundle/body/", "meta/leg/"]),
                {"topics": ["spikes/arm/", "bundle/body/", "meta/leg/"]})
        for _ in range(20):
            w.row(b"arm", struct.pack("<4f", 9, 8, 7, 6), struct.pack("<qQ", time.time_ns(), 1))
            time.sleep(0.005)
        h.equal("rows have arrived", h.until("they do", lambda: d.counters("arm")["rows"] == 20), True)
        frames = [w.frame() for _ in range(200)]
        same = {}
        end = time.monotonic() + 10 * h.SLOW
        while len(same) < 200 and time.monotonic() < end:
            if sub.socket.poll(100):
                parts = sub.socket.recv_multipart()
                same[parts[0], parts[1][:32]] = parts
        both = [f for f in frames if (f[0], f[1][:32]) in same]
        h.claim(f"{len(both)} messages came both ways", len(both) > 100)
        h.claim("bit for bit the same", all(f == same[f[0], f[1][:32]] for f in both))
        h.claim("bundles too", any(f[0] == b"bundle/body/" and len(f) == 5 for f in both))
        h.claim("and meta", any(f[0] == b"meta/leg/" and json.loads(f[1])["stream"] == "leg" for f in frames))
        h.equal("left", w.call("unsubscribe", topics=["spikes/arm/", "meta/leg/", "never/"]), {"topics": ["bundle/body/"]})
        w.frames.clear()
        for _ in range(20):
            w.frame()
        w.frames.clear()
        h.equal("only the other comes", {w.frame()[0] for _ in range(20)}, {b"bundle/body/"})
        h.equal("control", w.call("set", name="arm", stage=0, param="v_th", value=0.5)["value"], 0.5)
        h.equal("an error is the daemon's", w.call("stream", name="none")["data"]["path"], "name")
        h.equal("check builds nothing", (w.call("check", stream=h.stream("new", 3))["channels"], d.control("info")["streams"]), (3, 2))
        h.equal("check finds faults", w.call("check", stream=h.stream("new", 3, encode=[{"lif": {"tau": 1}}]))["data"]["path"],
                "stream.encode[0].lif.tau")
        w.send(TEXT, b'[{"jsonrpc":"2.0","id":7,"method":"info"},{"jsonrpc":"2.0","id":8,"method":"streams"}]')
        batch = next(m for m in iter(w.take, 0) if m)
        h.equal("batches", [m["id"] for m in batch], [7, 8])
        other = WebSocket(d.web, protocol=None)
        h.claim("without the subprotocol", "epoch" in other.call("info"))
        h.equal("both are counted", d.counters()["web_browsers"], 2)
        other.close()
        h.until("and known to have gone", lambda: d.counters()["web_browsers"] == 1)
        w.close()


def messages_gather():
    with daemon() as d:
        w = WebSocket(d.web)
        w.call("subscribe", topics=["spikes/"], gather_ms=200)
        whole = []
        w.take = lambda: whole.append(w.receive()[1])
        for _ in range(5):
            w.take()
        gathered = [message for message in whole if message[0] == 0]
        h.claim("they come together", len(gathered) >= 3, [message[:20] for message in whole])
        found = []
        for message in gathered:
            at = 1
            while at < len(message):
                (n,) = struct.unpack_from("<I", message, at)
                found.append(parts(message[at + 4:at + 4 + n]))
                at += 4 + n
            h.claim("whole ones only", at == len(message))
        arm = [struct.unpack_from("<Q", frames[1], 24)[0] for frames in found if frames[0] == b"spikes/arm/"]
        h.claim(f"many at once: {len(found)} in {len(gathered)}", len(found) > 15 * len(gathered))
        h.equal("in order, none left out", arm, list(range(arm[0], arm[0] + len(arm))))
        w.close()
        w = WebSocket(d.web)
        for bad in (-1, 1001, "1 s", 0.5):
            h.equal(f"gather_ms {bad} is refused", w.call("subscribe", topics=[], gather_ms=bad)["code"], -32602)
        w.close()


def answered(d, request, silent=1):
    """What comes back to raw bytes until the connection ends; None: it does not."""
    host, port = d.web.split(":")
    with socket.create_connection((host, int(port)), timeout=silent * h.SLOW) as connection:
        connection.sendall(request)
        answer = b""
        try:
            while more := connection.recv(65536):
                answer += more
        except ConnectionResetError:
            pass
        except TimeoutError:
            return None
        return answer


def nothing_else_is_spoken():
    with daemon() as d:
        host = f"HTTP/1.1\r\nHost: {d.web}\r\n"
        websocket = (f"GET /ws {host}Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                     "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n")
        for what, request in (
                ("a WebSocket without checks", f"{websocket}Sec-WebSocket-Protocol: epoll\r\n"),
                ("another subprotocol", f"{websocket}Sec-WebSocket-Protocol: other\r\n"),
                ("HTTP/2", f"GET / {host}Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk\r\n"),
                ("something else", f"GET / {host}Upgrade: other\r\nConnection: Upgrade\r\n"),
                ("CONNECT", f"CONNECT there:80 {host}"),
                ("a body that does not come", f"GET /health {host}Content-Length: 100\r\n"),
                ("one in chunks", f"GET /health {host}Transfer-Encoding: chunked\r\n"),
                ("a method that has one", f"POST / {host}Content-Length: 100\r\n")):
            answer = answered(d, f"{request}\r\n".encode())
            h.claim(f"{what}: the connection ends", answer is not None and b" 101 " not in answer, answer)
        h.equal("spiked goes on", get(d, "/health")[0], 200)


def what_is_wrong_is_said():
    with daemon() as d:
        for what, kw, status in (("another path", {"path": "/other"}, 404),
                                 ("a foreign page", {"headers": ["Origin: http://evil.example"]}, 403)):
            try:
                WebSocket(d.web, **kw)
                h.claim(what, False, "was let in")
            except Refused as refused:
                h.equal(what, refused.status, status)
        w = WebSocket(d.web, headers=[f"Origin: http://{d.web}"])
        for bad in (b"", b"\x03arm", b"\x03ar", b"\x03arm\x10\0\0\0abc", joined(b"arm", b"1234") + b"xx"):
            w.send(BINARY, bad)
        h.claim("not JSON", w.call("info") and True)
        h.claim("a bad row is told, once a second", [n["method"] for n in w.notes] == ["refused"], w.notes)
        h.equal("nothing of it arrived", d.counters("arm")["rows"], 0)
        for params in ({}, {"topics": "x"}, {"topics": [1]}, {"topics": ["x" * 256]}):
            h.equal(f"subscribe to {str(params)[:30]}", w.call("subscribe", **params)["code"], -32602)
        h.claim("too many topics", "limits.subscriptions" in w.call("subscribe", topics=[str(n) for n in range(100000)])["message"])
        w.send(TEXT, b"{nonsense")
        h.equal("what is no JSON is answered", next(m for m in iter(w.take, 0) if m)["error"]["code"], -32700)
        deep = b"[" * 2040 + b"]" * 2040
        w.send(TEXT, b'{"jsonrpc":"2.0","method":"subscribe","params":{"topics":[]},"id":%s}' % deep)
        h.equal("nor is one read that is nested too deeply", next(m for m in iter(w.take, 0) if m)["error"]["code"], -32008)
        w.send(TEXT, b'{"jsonrpc":"2.0","method":"subscribe","params":3,"id":[1]}')
        h.equal("an id is a text or a number", next(m for m in iter(w.take, 0) if m)["id"], None)
        w.send(TEXT, b'{"jsonrpc":"2.0","id":1,', final=False)
        w.send(0, b'"method":"info"}')
        h.claim("in pieces", "epoch" in next(m for m in iter(w.take, 0) if m)["result"])
        try:
            for _ in range(40):
                w.send(BINARY, b"\x03arm" + b"x" * (1 << 20), final=False)
                break
            for _ in range(80):
                w.send(0, b"x" * (1 << 20), final=False)
            w.receive()
            h.claim("a message without end", False)
        except (ConnectionError, OSError) as error:
            h.claim(f"a message without end ends the connection ({error})", True)
        h.claim("spiked goes on", d.control("info"))


def every_request_is_answered():
    names = [f"{'n' * 60}{n}" for n in range(4)]
    with daemon(streams=[h.stream(f"s{n}", 4, names=names) for n in range(1000)]) as d:
        w = WebSocket(d.web, buffer=4096)
        for n in range(10):
            w.send(TEXT, json.dumps({"jsonrpc": "2.0", "id": n, "method": "streams"}).encode())
            time.sleep(0.1)
        answers = [m for m in (w.take() for _ in range(10)) if m]
        h.equal("ten answers to ten requests", len(answers), 10)
        h.claim("each the streams or a refusal", all("result" in m or m["error"]["code"] == -32003 for m in answers))
        w.close()


def browsers_share_what_one_client_may():
    with daemon(limits={"subscriptions": 10}) as d:
        a, b = WebSocket(d.web), WebSocket(d.web)
        a.call("subscribe", topics=[f"spikes/{n}/" for n in range(8)])
        h.claim("too many of all browsers are refused in words", "limits.subscriptions" in b.call(
            "subscribe", topics=["spikes/arm/", "meta/", "status/"])["message"])
        h.equal("none of it counts", b.call("subscribe", topics=["spikes/arm/"]), {"topics": ["spikes/arm/"]})
        for _ in range(10):
            a.call("subscribe", topics=["nonsense"])
            a.call("unsubscribe", topics=["nonsense"])
        h.claim("frames go on", b.frame()[0] == b"spikes/arm/")
        counters = d.counters()
        h.equal("nonsense stays here: it would end everybody's connection",
                [counters[f"subscriptions_{k}"] for k in ("ignored", "refused")] + [counters["connections_cut"]], [0, 0, 0])
        a.close()
        h.until("who leaves makes room", lambda: "topics" in b.call("subscribe", topics=["meta/", "status/"]))
        b.close()


def long_messages_are_bounded_together():
    with daemon() as d:
        blob, sockets = b"x" * (1 << 20), []
        for _ in range(16):
            sockets.append(WebSocket(d.web))
            try:
                for n in range(17):
                    sockets[-1].send(0 if n else TEXT, blob, final=False)
            except OSError:
                pass
        h.until("some of those that never end are cut", lambda: d.counters()["web_browsers"] < 16)
        w = WebSocket(d.web)
        h.claim("short ones go on", "epoch" in w.call("info"))
        for s in (w, *sockets):
            s.close()


def browsers_leave_room_for_others():
    with daemon(limits={"connections": 40}) as d:
        browsers, refused = [], []
        for _ in range(80):
            try:
                browsers.append(WebSocket(d.web))
            except Refused as refusal:
                refused.append(refusal.status)
        h.claim(f"of 80 browsers {len(browsers)} are let in", len(browsers) == 20 and refused == [503] * 60)
        h.claim("and all that are work", all("epoch" in w.call("info") for w in browsers))
        d.send_f32("arm", 1, 2, 3, 4)
        d.wait_rows("arm", 1)
        h.equal("others were not turned away", d.counters()["connections_refused"], 0)
        for w in browsers:
            w.close()


def rows_reach_a_socket_that_listens_everywhere():
    port = h.free_ports(1)[0]
    with daemon(ingest=[f"tcp://*:{port}"], insecure=True) as d:
        w = WebSocket(d.web)
        w.row(b"arm", struct.pack("<4f", 1, 2, 3, 4))
        h.until("a row arrives", lambda: d.counters("arm")["rows"] == 1)
        w.close()


def who_reads_slowly_loses_alone():
    streams = [h.stream("big", 60000, publish={"payload": "bitmap"}), *STREAMS]
    with daemon(streams=streams) as d:
        fast, slow = WebSocket(d.web), WebSocket(d.web, buffer=4096)
        fast.call("subscribe", topics=["spikes/big/"])
        slow.call("subscribe", topics=["spikes/big/"])
        end, seqs = time.monotonic() + 60 * h.SLOW, []
        while d.counters()["web_dropped"] < 100 and time.monotonic() < end:
            for _ in range(50):
                seqs.append(struct.unpack_from("<Q", fast.frame()[1], 24)[0])
        h.claim("the slow one's losses are counted", d.counters()["web_dropped"] >= 100)
        h.claim("the other loses nothing", [b - a for a, b in zip(seqs, seqs[1:])] == [1] * (len(seqs) - 1))
        fast.close()
        until = time.monotonic() + 20 * h.SLOW
        last, jumps = None, 0
        while not slow.notes and time.monotonic() < until:
            seq = struct.unpack_from("<Q", slow.frame()[1], 24)[0]
            jumps += last is not None and seq != last + 1
            last = seq
        h.claim("it is told", slow.notes and slow.notes[0]["method"] == "lost" and slow.notes[0]["params"]["messages"] > 0, slow.notes)
        slow.close()


def keys_want_tokens():
    server, admin, viewer = (zmq.curve_keypair() for _ in range(3))
    pair = lambda keys: f'public: "{keys[0].decode()}"\nsecret: "{keys[1].decode()}"\n'
    clients = json.dumps([
        {"name": "admin", "key": admin[0].decode(), "rows": "*", "subscribe": "*", "control": "full"},
        {"name": "viewer", "key": viewer[0].decode(), "subscribe": ["spikes/arm/"], "control": "read"}])
    at = f"127.0.0.1:{h.free_ports(1)[0]}"
    d = h.Daemon({"clock": "wall", "dt": "5 ms", "web": at, "streams": STREAMS, "security": {
        "key": "own.key", "clients": "clients.yaml", "web_tokens": "tokens"}}, keys=(server[0], *admin), files={
            "own.key": pair(server), "clients.yaml": clients,
            "tokens": "# who is let in\n" + "".join(f"{name}  {token}\n" for name, token in TOKENS.items())})
    d.web = at
    with d:
        for what, path, headers in (("none", "/ws", []), ("a wrong one", "/ws?token=0123456789abcdef-wrong", []),
                                    ("the beginning of one", "/ws?token=0123456789abcdef", [])):
            try:
                WebSocket(d.web, path=path, headers=headers)
                h.claim(what, False, "was let in")
            except Refused as refused:
                h.equal(f"a token: {what}", refused.status, 401)
        h.equal("the page wants one", get(d, "/")[0], 401)
        h.equal("metrics want one", get(d, "/metrics")[0], 401)
        h.equal("health does not", get(d, "/health")[0], 200)
        status, headers, _ = get(d, f"/?token={TOKENS['admin']}")
        h.equal("it goes into a cookie", (status, headers["location"], headers["set-cookie"].split(";")[0]),
                (303, "/", f"spiked_token={TOKENS['admin']}"))
        h.claim("that no script reads", "HttpOnly" in headers["set-cookie"] and "SameSite=Strict" in headers["set-cookie"])
        h.equal("with which the page is served", get(d, "/", Cookie=f"a=b; spiked_token={TOKENS['admin']}")[0], 200)
        h.equal("Bearer", get(d, "/metrics", Authorization=f"Bearer {TOKENS['viewer']}")[0], 200)
        w = WebSocket(d.web, headers=[f"Cookie: spiked_token={TOKENS['admin']}"])
        v = WebSocket(d.web, headers=[f"Authorization: Bearer {TOKENS['viewer']}"])
        w.call("subscribe", topics=[""])
        v.call("subscribe", topics=[""])
        w.row(b"arm", struct.pack("<4f", 9, 8, 7, 6))
        h.until("admin's row arrives", lambda: d.counters("arm")["rows"] == 1)
        h.claim("admin hears everything", {w.frame()[0] for _ in range(60)} > {b"spikes/arm/", b"spikes/leg/", b"state/arm/"})
        h.equal("the viewer what its client may", {v.frame()[0] for _ in range(30)}, {b"spikes/arm/"})
        v.row(b"arm", struct.pack("<4f", 9, 8, 7, 6))
        h.equal("it may read", v.call("info")["clock"], "wall")
        h.equal("but change nothing", v.call("reset", name="arm")["code"], -32007)
        h.claim("and its rows are refused in words", v.notes and v.notes[0]["method"] == "refused", v.notes)
        h.equal("they did not arrive", d.counters("arm")["rows"], 1)
        h.equal("admin changes", w.call("reset", name="arm")["name"], "arm")
        (d.path.parent / "tokens").write_text(f"admin {TOKENS['admin']}\n")
        d.control("reload")
        for who, ended in (("the viewer", v), ("admin", w)):
            try:
                while True:
                    ended.receive()
            except (ConnectionError, OSError):
                h.claim(f"a reload ends {who}'s connection", True)
        h.equal("a removed token is none", get(d, "/metrics", Authorization=f"Bearer {TOKENS['viewer']}")[0], 401)
        w = WebSocket(d.web, headers=[f"Cookie: spiked_token={TOKENS['admin']}"])
        h.claim("the other lets in again", "epoch" in w.call("info"))
        w.close()
        h.claim("no token is in the log", not any(t in d.log() for t in TOKENS.values()))


def bad_configurations():
    base = {"clock": "wall", "dt": "5 ms", "streams": STREAMS}
    for what, more, words in (
            ("beyond loopback", {"web": "0.0.0.0:7573"}, "insecure: true"),
            ("no address", {"web": "nonsense"}, "web"),
            ("a port that another has", {"web": "127.0.0.1:7570", "ingest": ["tcp://127.0.0.1:7570"]}, "is taken by")):
        d = h.Daemon({**base, **more})
        done = h.run("--check", "-c", str(d.path))
        h.claim(what, done.returncode == 1 and words in done.stderr, (done.returncode, done.stderr))
        d.close()
    key = zmq.curve_keypair()
    client = lambda name: {"name": name, "key": zmq.curve_keypair()[0].decode(), "control": "read"}
    for what, tokens, words in (
            ("a token of two clients", "a 0123456789abcdef\nb 0123456789abcdef\n", "tokens:2: client a has this token"),
            ("a short one", "a 0123456789abcde\n", "tokens:1: takes"),
            ("one of nobody", "c 0123456789abcdef\n", "there is no client c"),
            ("a file that would be cut off", "#" * (65536 - 20) + "\na 0123456789abcdef-and-more\n", "more than 64 KiB"),
            ("none", "# nothing\n", "names no token")):
        d = h.Daemon({**base, "web": "127.0.0.1:7573", "security": {
            "key": "own.key", "clients": [client("a"), client("b")], "web_tokens": "tokens"}}, files={
                "own.key": f'public: "{key[0].decode()}"\nsecret: "{key[1].decode()}"\n', "tokens": tokens})
        done = h.run("--check", "-c", str(d.path))
        h.claim(what, done.returncode == 1 and words in done.stderr, (done.returncode, done.stderr[-300:]))
        d.close()
    with daemon() as d:
        other = h.Daemon({**base, "web": d.web})
        done = h.run("-c", str(other.path))
        h.claim("the port is taken", done.returncode == 3 and f"web: cannot listen on {d.web}" in done.stderr, done.stderr)
        other.close()
        d.path.write_text(d.path.read_text().replace(d.web, f"127.0.0.1:{h.free_ports(1)[0]}"))
        h.claim("another port needs a restart", "needs a restart" in d.refused("reload").message)


def a_pause_is_survived():
    with daemon() as d:
        w = WebSocket(d.web)
        w.call("subscribe", topics=["spikes/arm/"])
        w.frame()
        d.process.send_signal(signal.SIGSTOP)
        time.sleep(0.3)
        d.process.send_signal(signal.SIGCONT)
        h.claim("frames go on", w.frame())
        w.close()


def crowded(d, count):
    """Connections that say nothing; those beyond what is taken wait in the kernel's queue."""
    host, port = d.web.split(":")
    silent = []
    for _ in range(count):
        silent.append(socket.socket())
        silent[-1].setblocking(False)
        silent[-1].connect_ex((host, int(port)))
    return silent


def web_seconds(d):
    """What the web thread has computed so far."""
    for task in Path(f"/proc/{d.process.pid}/task").iterdir():
        name, rest = (task / "stat").read_text().rsplit(")", 1)
        if name.endswith("(web"):
            return sum(map(int, rest.split()[11:13])) / os.sysconf("SC_CLK_TCK")
    raise h.Failed("there is no web thread")


def crowds_cost_little():
    # Last: this process cannot take it back.
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))
    with daemon() as d:
        silent = crowded(d, 100)
        began = time.monotonic()
        h.equal("a hundred silent connections", get(d, "/health")[0], 200)
        h.claim("keep nobody waiting", time.monotonic() - began < 3 * h.SLOW)
        silent += crowded(d, 500)
        time.sleep(0.2)
        used, began = web_seconds(d), time.monotonic()
        time.sleep(1)
        share = (web_seconds(d) - used) / (time.monotonic() - began)
        h.claim(f"600 do not keep the thread busy ({share:.0%})", share < 0.3 or h.INSTRUMENTED)
        h.equal("nor take all descriptors", d.counters()["descriptors_short"], 0)
        h.claim("others are served", d.sub("spikes/arm/").recv())
        for connection in silent:
            connection.close()
        h.equal("and once they have gone, so is the page", get(d, "/health")[0], 200)
        silent = crowded(d, 100)
        h.until("silent ones are closed", lambda: len(os.listdir(f"/proc/{d.process.pid}/fd")) < 100, timeout=15)
        for connection in silent:
            connection.close()


h.main(files_and_health, metrics_are_what_happened, metrics_are_what_a_client_counts,
       the_websocket_carries_the_same_bytes, messages_gather, nothing_else_is_spoken, what_is_wrong_is_said,
       every_request_is_answered, browsers_share_what_one_client_may, long_messages_are_bounded_together,
       browsers_leave_room_for_others, rows_reach_a_socket_that_listens_everywhere, who_reads_slowly_loses_alone,
       keys_want_tokens, bad_configurations, a_pause_is_survived, crowds_cost_little)
