"""A WebSocket client of a few lines, which can also misbehave, and spiked's messages on it.

SPDX-License-Identifier: Apache-2.0
"""
import base64
import json
import os
import socket
import struct
import time

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class Refused(Exception):
    """The server did not switch; `status` is HTTP's."""

    def __init__(self, status, text):
        super().__init__(f"{status}: {text}")
        self.status = status


class WebSocket:
    def __init__(self, at, path="/ws", headers=(), protocol="spiked", timeout=10, buffer=None):
        host, port = at.rsplit(":", 1)
        self.socket = socket.socket()
        if buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.socket.settimeout(timeout)
        self.socket.connect((host, int(port)))
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET {path} HTTP/1.1", f"Host: {at}", "Upgrade: websocket", "Connection: Upgrade",
                 f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13"]
        lines += [f"Sec-WebSocket-Protocol: {protocol}"] if protocol else []
        self.socket.sendall("\r\n".join([*lines, *headers, "", ""]).encode())
        self.bytes = b""
        while b"\r\n\r\n" not in self.bytes:
            more = self.socket.recv(65536)
            if not more:
                break
            self.bytes += more
        head, _, self.bytes = self.bytes.partition(b"\r\n\r\n")
        status = int(head.split(b" ")[1]) if head else 0
        if status != 101:
            self.socket.close()
            raise Refused(status, head.decode(errors="replace"))
        self.frames, self.notes, self.calls = [], [], 0

    def send(self, kind, payload, final=True):
        mask = os.urandom(4)
        n = len(payload)
        length = bytes([0x80 | n]) if n < 126 else struct.pack(">BH", 0xFE, n) if n < 65536 else struct.pack(">BQ", 0xFF, n)
        pattern = (mask * (n // 4 + 1))[:n]
        masked = (int.from_bytes(payload, "big") ^ int.from_bytes(pattern, "big")).to_bytes(n, "big") if n else b""
        self.socket.sendall(bytes([(0x80 if final else 0) | kind]) + length + mask + masked)

    def _read(self, n):
        while len(self.bytes) < n:
            more = self.socket.recv(1 << 18)
            if not more:
                raise ConnectionError("closed")
            self.bytes += more
        out, self.bytes = self.bytes[:n], self.bytes[n:]
        return out

    def receive(self):
        """(kind, payload) of one whole message; answers pings."""
        whole, kind = b"", None
        while True:
            first, n = self._read(2)
            n &= 0x7F
            n = struct.unpack(">H", self._read(2))[0] if n == 126 else struct.unpack(">Q", self._read(8))[0] if n == 127 else n
            payload = self._read(n)
            if first & 15 == PING:
                self.send(PONG, payload)
            elif first & 15 == CLOSE:
                code = struct.unpack(">H", payload[:2])[0] if len(payload) > 1 else 0
                raise ConnectionError(f"closed with {code}: {payload[2:].decode(errors='replace')}")
            else:
                kind = kind or first & 15
                whole += payload
                if first & 0x80:
                    return kind, whole

    def take(self):
        """Reads one message and puts it where it belongs; an answer is returned."""
        kind, payload = self.receive()
        if kind == BINARY:
            self.frames.append(parts(payload))
            return None
        message = json.loads(payload)
        if isinstance(message, dict) and "method" in message:
            self.notes.append(message)
            return None
        return message

    def call(self, method, **params):
        """The result, or the error object, of a request."""
        self.calls += 1
        self.send(TEXT, json.dumps({"jsonrpc": "2.0", "id": self.calls, "method": method, "params": params}).encode())
        while True:
            message = self.take()
            if message and message["id"] == self.calls:
                return message.get("result", message.get("error"))

    def frame(self, timeout=10):
        """The next published message: [topic, part, …]."""
        end = time.monotonic() + timeout
        while not self.frames:
            if time.monotonic() > end:
                raise TimeoutError("no frame")
            self.take()
        return self.frames.pop(0)

    def row(self, *frames):
        self.send(BINARY, joined(*frames))

    def close(self):
        self.socket.close()


def parts(message):
    """[first frame, further frame, …] of a binary message."""
    n = message[0]
    out, at = [message[1:1 + n]], 1 + n
    while at < len(message):
        (n,) = struct.unpack_from("<I", message, at)
        out.append(message[at + 4:at + 4 + n])
        assert len(out[-1]) == n, "a part is cut off"
        at += 4 + n
    return out


def joined(first, *further):
    return bytes([len(first)]) + first + b"".join(struct.pack("<I", len(f)) + f for f in further)
