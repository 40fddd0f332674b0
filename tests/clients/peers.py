"""Sockets in spiked's place, for what the real daemon cannot be asked for: chosen bytes, losses, bad frames,
answers that come late. One over ZeroMQ, one over a WebSocket; both look the same from here.

SPDX-License-Identifier: Apache-2.0
"""
import base64
import hashlib
import json
import queue
import re
import socket
import struct
import threading

import zmq

import harness as h
from websocket import BINARY, CLOSE, TEXT, joined, parts

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455
WAIT_S = 5


class ZmqPeer:
    def __init__(self, ports=None):
        self.context = zmq.Context()
        self.context.linger = 0
        ports = ports or self.ports()
        self.where = {key: f"tcp://127.0.0.1:{port}" for key, port in zip(("ingest", "publish", "control"), ports)}
        self.sockets = []
        self._pull, self._xpub, self._router = (
            self._bound(kind, self.where[key])
            for kind, key in ((zmq.PULL, "ingest"), (zmq.XPUB, "publish"), (zmq.ROUTER, "control")))
        self._topics = set()

    @staticmethod
    def ports():
        return h.free_ports(3)

    def _bound(self, kind, endpoint):
        made = self.context.socket(kind)
        made.rcvtimeo = made.sndtimeo = int(1000 * WAIT_S * h.SLOW)
        made.bind(endpoint)
        return made

    def wait_topics(self, topics):
        """Until exactly these are subscribed to."""
        while self._topics != set(topics):
            try:
                word = self._xpub.recv()
            except zmq.Again:
                raise h.Failed(f"subscribed to {sorted(self._topics)}, not {sorted(topics)}") from None
            (self._topics.add if word[:1] == b"\1" else self._topics.discard)(word[1:].decode())

    def publish(self, frames):
        self._xpub.send_multipart(frames)

    def row(self):
        """The frames of the next row message."""
        try:
            return self._pull.recv_multipart()
        except zmq.Again:
            raise h.Failed("no rows came") from None

    def request(self):
        """The next request, and a function that answers it with bytes."""
        try:
            *route, text = self._router.recv_multipart()
        except zmq.Again:
            raise h.Failed("no request came") from None
        return json.loads(text), lambda answer: self._router.send_multipart([*route, answer])

    def close(self):
        self.context.destroy()


class WebPeer:
    """Answers `subscribe` and `unsubscribe` as spiked's web server does; everything else is the test's."""

    def __init__(self, ports=None):
        self._server = socket.create_server(("127.0.0.1", *(ports or self.ports())))
        self.where = {"web": f"ws://127.0.0.1:{self._server.getsockname()[1]}/ws"}
        self._rows, self._requests = queue.Queue(), queue.Queue()
        self._topics = set()
        self._socket = None
        self._lock = threading.Lock()  # of what is sent
        threading.Thread(target=self._serve, daemon=True).start()

    @staticmethod
    def ports():
        return h.free_ports(1)

    def wait_topics(self, topics):
        try:
            h.until("subscriptions", lambda: self._topics == set(topics), WAIT_S)
        except h.Failed:
            raise h.Failed(f"subscribed to {sorted(self._topics)}, not {sorted(topics)}") from None

    def publish(self, frames):
        self._send(BINARY, joined(*frames))

    def row(self):
        return parts(self._next(self._rows, "no rows came"))

    def request(self):
        return json.loads(self._next(self._requests, "no request came")), lambda answer: self._send(TEXT, answer)

    def close(self):
        self._server.close()
        if self._socket:
            self._socket.close()

    @staticmethod
    def _next(where, why):
        try:
            return where.get(timeout=WAIT_S * h.SLOW)
        except queue.Empty:
            raise h.Failed(why) from None

    def _serve(self):
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            self._topics = set()
            self._socket = client
            try:
                self._talk(client, client.makefile("rb"))
            except (OSError, ValueError, struct.error):
                client.close()

    def _talk(self, client, file):
        head = b"".join(iter(lambda: file.readline(), b"\r\n")).decode()
        key = re.search(r"(?mi)^sec-websocket-key: *(\S+)", head)[1]
        accept = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
        client.sendall((f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        f"Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: spiked\r\n\r\n").encode())
        while True:
            kind, payload = self._receive(file)
            if kind == CLOSE:
                return
            if kind == BINARY:
                self._rows.put(payload)
            elif kind == TEXT:
                self._text(payload)

    @staticmethod
    def _receive(file):
        first, n = file.read(2)
        n &= 127
        n = struct.unpack(">H", file.read(2))[0] if n == 126 else struct.unpack(">Q", file.read(8))[0] if n == 127 else n
        mask, masked = file.read(4), file.read(n)
        return first & 15, bytes(byte ^ mask[i % 4] for i, byte in enumerate(masked))

    def _text(self, payload):
        request = json.loads(payload)
        change = {"subscribe": self._topics.update, "unsubscribe": self._topics.difference_update}.get(request["method"])
        if change is None:
            self._requests.put(payload)
            return
        change(request["params"]["topics"])
        self._send(TEXT, json.dumps({"jsonrpc": "2.0", "id": request.get("id"), "result": {"topics": sorted(self._topics)}}).encode())

    def _send(self, kind, payload):
        n = len(payload)
        length = bytes([n]) if n < 126 else struct.pack(">BH", 126, n) if n < 65536 else struct.pack(">BQ", 127, n)
        with self._lock:
            self._socket.sendall(bytes([0x80 | kind]) + length + payload)
